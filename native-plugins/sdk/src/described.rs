//! Who the series of a writer's samples are: asked of the daemon once, and kept.
//!
//! ```text
//!  samples ──► number known? ──yes──────────────────► WriteBatch: sample + Description
//!                   │ no                                    ▲
//!                   └──describe──► daemon ──show──► kept ────┘     STALE: the sample is left out
//! ```

use std::collections::HashMap;
use std::ffi::c_void;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::slice;
use std::sync::Arc;

use gatherd_abi::{Source, SourceKind, Status, Text};
use gatherd_model::{DataSource, DataSourceKind, MAX_SOURCES};

use crate::guard::guarded;
use crate::host::Refused;
use crate::written::{LentSamples, WriteBatch};
use crate::{Failure, Host};

/// With so many series known, all are forgotten before the next batch, and asked for again.
const MAX_SERIES: usize = 1_000_000;

/// Who one series is, and what its values mean.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    /// The identifier: `host/plugin[-instance]/type[-instance]`.
    text: Box<str>,
    /// Where host, plugin, plugin instance, type and type instance stand in `text`.
    parts: [Range<u16>; 5],
    /// In the order of the values; shared by all series of one type.
    sources: Arc<[DataSource]>,
}

impl Description {
    /// The identifier: `host/plugin[-instance]/type[-instance]`.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Host, plugin, plugin instance, type or type instance, counted from 0.
    pub(crate) fn part(&self, at: usize) -> &str {
        let Range { start, end } = self.parts[at];
        &self.text[usize::from(start)..usize::from(end)]
    }

    /// The data sources, in the order of the values.
    pub(crate) fn sources(&self) -> &[DataSource] {
        &self.sources
    }

    /// `None` where the parts are longer than any daemon makes them.
    fn new(parts: [&str; 5], sources: Arc<[DataSource]>) -> Option<Self> {
        let mut text = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
        let mut ranges = [const { 0_u16..0 }; 5];
        for ((range, part), before) in ranges.iter_mut().zip(parts).zip(["", "/", "-", "/", "-"]) {
            if !part.is_empty() {
                text.push_str(before);
            }
            let start = u16::try_from(text.len()).ok()?;
            text.push_str(part);
            *range = start..u16::try_from(text.len()).ok()?;
        }
        Some(Self { text: text.into_boxed_str(), parts: ranges, sources })
    }
}

/// One sample whose series is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    /// Which sample of the batch.
    pub(crate) sample: usize,
    /// Which description.
    pub(crate) description: u32,
}

/// All series that a writer has met, by number.
#[derive(Debug)]
pub(crate) struct Descriptions {
    most: usize,
    by_number: HashMap<u64, u32, BuildHasherDefault<Mixing>>,
    all: Vec<Description>,
    /// The data sources that were met last, by type.
    sources: HashMap<Box<str>, Arc<[DataSource]>>,
    /// Of the running batch; kept for its room.
    kept: Vec<Kept>,
    left_out: u64,
}

impl Default for Descriptions {
    fn default() -> Self {
        Self::with_room(MAX_SERIES)
    }
}

impl Descriptions {
    fn with_room(most: usize) -> Self {
        Self {
            most,
            by_number: HashMap::default(),
            all: Vec::new(),
            sources: HashMap::new(),
            kept: Vec::new(),
            left_out: 0,
        }
    }

    /// Samples that were left out so far, because their series had expired before it was described.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The samples with their descriptions; what is not known yet is asked of the daemon. A sample whose
    /// series has expired by then is left out.
    ///
    /// # Errors
    ///
    /// The daemon does not describe a series for another reason.
    pub(crate) fn resolve<'a>(
        &'a mut self,
        host: &Host,
        samples: LentSamples<'a>,
    ) -> Result<WriteBatch<'a>, Failure> {
        self.kept.clear();
        if self.all.len() >= self.most {
            self.forget();
        }
        for at in 0..samples.len() {
            let series = samples.at(at).series;
            let description = match self.by_number.get(&series) {
                Some(known) => Some(*known),
                None => self.ask(host, series)?,
            };
            match description {
                Some(description) => self.kept.push(Kept { sample: at, description }),
                None => self.leave_out(host),
            }
        }
        Ok(WriteBatch::new(samples, &self.kept, &self.all))
    }

    fn forget(&mut self) {
        self.by_number.clear();
        self.all.clear();
        self.sources.clear();
    }

    /// Asks the daemon; `None` where the series has expired.
    fn ask(&mut self, host: &Host, series: u64) -> Result<Option<u32>, Failure> {
        let mut taking = Taking { known: &mut self.sources, taken: None };
        // SAFETY: `take` gets the `Taking` that it wants, which nobody else uses during the call.
        let status = unsafe { host.describe(series, Some(take), (&raw mut taking).cast()) };
        match (status, taking.taken) {
            (Status::STALE, _) => Ok(None),
            (Status::OK, Some(description)) => {
                let place = u32::try_from(self.all.len()).expect("memory ends before 2³² series");
                self.all.push(description);
                self.by_number.insert(series, place);
                Ok(Some(place))
            }
            (Status::OK, None) => {
                Err(Failure::new(format!("the daemon's word on series {series} is broken")))
            }
            (other, _) => {
                Err(Failure::new(format!("the daemon does not describe series {series}: {}", Refused(other))))
            }
        }
    }

    fn leave_out(&mut self, host: &Host) {
        if self.left_out == 0 {
            host.debug("a sample is left out: its series expired unseen; more of them are only counted");
        }
        self.left_out += 1;
    }
}

/// What [`take`] writes to.
struct Taking<'a> {
    known: &'a mut HashMap<Box<str>, Arc<[DataSource]>>,
    taken: Option<Description>,
}

/// Takes a description over from the daemon.
///
/// # Safety
///
/// `user` points to a [`Taking`] that nobody else uses now; `description` is null or points to a description
/// as the contract promises it, lent for this call.
unsafe extern "C" fn take(user: *mut c_void, description: *const gatherd_abi::Description) {
    // SAFETY: the caller's promise.
    let taking = unsafe { &mut *user.cast::<Taking<'_>>() };
    let taken = guarded(|| {
        // SAFETY: the caller's promise, handed on.
        unsafe { read_description(description, taking.known) }
    });
    taking.taken = taken.ok().flatten();
}

/// The description behind the daemon's pointer; `None` where it does not keep the contract.
///
/// # Safety
///
/// `description` is null or points to a description as the contract promises it.
unsafe fn read_description(
    description: *const gatherd_abi::Description,
    known: &mut HashMap<Box<str>, Arc<[DataSource]>>,
) -> Option<Description> {
    if description.is_null() || !description.is_aligned() {
        return None;
    }
    // SAFETY: not null, and every version of the description begins with its size.
    let size = unsafe { (*description).size };
    if size < size_of::<gatherd_abi::Description>() {
        return None;
    }
    // SAFETY: it is at least as large as we know it.
    let raw = unsafe { &*description };
    if raw.sources.is_null() || !raw.sources.is_aligned() || raw.sources_len > MAX_SOURCES {
        return None;
    }
    // SAFETY: the daemon lends `sources_len` data sources for the call.
    let sources = unsafe { slice::from_raw_parts(raw.sources, raw.sources_len) };
    let id = &raw.identity;
    let type_name = lent(id.type_name)?;
    let parts =
        [lent(id.host)?, lent(id.plugin)?, lent(id.plugin_instance)?, type_name, lent(id.type_instance)?];
    let sources = sources.iter().map(source).collect::<Option<Vec<_>>>()?;
    Description::new(parts, shared(type_name, sources, known))
}

/// The sources as they are known of the type, where they are the same.
fn shared(
    type_name: &str,
    sources: Vec<DataSource>,
    known: &mut HashMap<Box<str>, Arc<[DataSource]>>,
) -> Arc<[DataSource]> {
    if let Some(found) = known.get(type_name).filter(|found| are_same(found, &sources)) {
        return Arc::clone(found);
    }
    let fresh: Arc<[DataSource]> = sources.into();
    known.insert(type_name.into(), Arc::clone(&fresh));
    fresh
}

/// Compares bounds bit by bit: one that is absent is NaN.
fn are_same(ones: &[DataSource], others: &[DataSource]) -> bool {
    let bounds = |source: &DataSource| [source.min.to_bits(), source.max.to_bits()];
    let is_same = |(one, other): (&DataSource, &DataSource)| {
        one.name == other.name && one.kind == other.kind && bounds(one) == bounds(other)
    };
    ones.len() == others.len() && ones.iter().zip(others).all(is_same)
}

fn source(source: &Source) -> Option<DataSource> {
    let kind = match source.kind {
        SourceKind::COUNTER => DataSourceKind::Counter,
        SourceKind::DERIVE => DataSourceKind::Derive,
        SourceKind::ABSOLUTE => DataSourceKind::Absolute,
        _ => DataSourceKind::Gauge,
    };
    Some(DataSource { name: lent(source.name)?.into(), kind, min: source.min, max: source.max })
}

/// Text that is lent for the running call of [`take`].
fn lent<'a>(text: Text) -> Option<&'a str> {
    // SAFETY: the daemon lends its texts for the call, and what is kept of them is copied before it ends.
    str::from_utf8(unsafe { text.bytes() }).ok()
}

/// Mixes a series' number, which the daemon gives and nobody can choose, so that all its bits count.
#[derive(Default)]
struct Mixing(u64);

impl Hasher for Mixing {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half of a product, and its upper half")]
    fn write_u64(&mut self, number: u64) {
        // 2⁶⁴ divided by the golden ratio; the upper half of the product brings high bits down.
        let product = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

#[cfg(test)]
mod tests;
