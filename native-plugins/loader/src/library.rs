//! A loaded library: what it says about itself, and the calls that need no instance.

use std::ffi::c_void;
use std::fmt;
use std::path::Path;
use std::ptr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use gatherd_abi::{ABI_MAJOR, Capabilities, Linked, PluginTable, Status, Text};
use gatherd_model::Interval;

use crate::context::Context;
use crate::error::{ConfigureError, InitError, OpenError};
use crate::{Door, Instance};

/// Longest schema in bytes.
const MAX_SCHEMA: usize = 1 << 20;

/// SHA-256 of a library; prints as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is no digest.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("64 hexadecimal digits are wanted")]
pub struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let nibble = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits: Option<Vec<u8>> = text.bytes().map(nibble).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(DigestError)?;
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        bytes.try_into().map(Self).map_err(|_| DigestError)
    }
}

/// What a plugin says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Name of its type.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One sentence about what it measures.
    pub description: String,
    /// JSON Schema of its configuration.
    pub config_schema: serde_json::Value,
    /// Which callbacks it has.
    pub capabilities: Capabilities,
    /// Major and minor version of the contract that it was built against.
    pub abi: (u32, u32),
    /// SHA-256 of the library; zeros where the plugin is part of this program.
    pub digest: Digest,
    /// Last name of the file it was loaded from first; empty where it is part of this program.
    pub file_name: String,
}

/// A loaded library. It stays loaded until the process ends.
#[derive(Debug)]
pub struct Library {
    manifest: Manifest,
    pub(crate) table: &'static PluginTable,
    /// Hears what `configure` complains about; one call at a time.
    judge: Mutex<&'static Context>,
}

impl Library {
    /// A plugin that is part of this very program.
    ///
    /// # Errors
    ///
    /// [`OpenError::BadTable`] and [`OpenError::AbiMismatch`].
    pub fn linked(linked: Linked) -> Result<Self, OpenError> {
        // SAFETY: whoever made `linked` vouches for the table.
        unsafe { Self::from_raw(Path::new(""), Digest([0; 32]), linked.table()) }
    }

    /// Checks a plugin's table and reads what it says.
    ///
    /// # Safety
    ///
    /// `table` points to at least the first 16 bytes of a table, and to as many as its `size` says; it and
    /// what it points to are valid for the life of the process.
    pub(crate) unsafe fn from_raw(
        path: &Path,
        digest: Digest,
        table: *const PluginTable,
    ) -> Result<Self, OpenError> {
        // SAFETY: the caller's promise, handed on.
        let table = unsafe { check_version(path, table) }?;
        // SAFETY: as above: the texts live as long as the process.
        let manifest = unsafe { read_manifest(path, digest, table) }?;
        check_callbacks(path, table)?;
        let judge = Mutex::new(Context::leak(None, Interval::DEFAULT));
        Ok(Self { manifest, table, judge })
    }

    /// What the plugin says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// True where its table is at `table`: it is the same code in memory.
    pub(crate) fn is_at(&self, table: *const PluginTable) -> bool {
        ptr::eq(self.table, table)
    }

    /// Judges a configuration, a JSON object; has no effect.
    ///
    /// # Errors
    ///
    /// [`ConfigureError`] with all that the plugin complains about.
    pub fn configure(&self, config: &str) -> Result<(), ConfigureError> {
        let Some(configure) = self.table.configure else {
            return Ok(());
        };
        let judge = self.judge.lock().unwrap_or_else(PoisonError::into_inner);
        judge.forget_said();
        // SAFETY: the plugin's own callback with a table that stays valid; the text is lent for the call.
        let status = unsafe { configure(judge.table(), Text::lend(config)) };
        let said = judge.take_said();
        match status {
            Status::OK => Ok(()),
            Status::FAILED => Err(ConfigureError::Refused(said.complaints("it does not say why"))),
            Status::PANICKED => Err(ConfigureError::Panicked { reason: said.reason("it does not say why") }),
            status => Err(ConfigureError::Other { status }),
        }
    }

    /// Makes an instance that speaks to `door`.
    ///
    /// # Errors
    ///
    /// [`InitError`] with what the plugin said.
    pub fn init(
        &'static self,
        door: Arc<dyn Door>,
        interval: Interval,
        config: &str,
    ) -> Result<Instance, InitError> {
        let context = Context::leak(Some(door), interval);
        let mut instance: *mut c_void = ptr::null_mut();
        let init = self.table.init.expect("checked by `check_callbacks`");
        // SAFETY: the plugin's own callback with a table that stays valid; text and place outlive the call.
        let status = unsafe { init(context.table(), Text::lend(config), &raw mut instance) };
        let said = context.take_said();
        if status == Status::OK {
            return Ok(Instance::new(self, context, instance));
        }
        context.close();
        Err(match status {
            Status::FAILED if said.names_places() => InitError::Refused(said.complaints("")),
            Status::FAILED => InitError::Failed { reason: said.reason("it does not say why") },
            Status::PANICKED => InitError::Panicked { reason: said.reason("it does not say why") },
            status => InitError::Other { status },
        })
    }
}

fn bad(path: &Path, what: impl Into<String>) -> OpenError {
    OpenError::BadTable { path: path.into(), what: what.into() }
}

/// The table, where it is one of our version and whole.
///
/// # Safety
///
/// As for [`Library::from_raw`].
unsafe fn check_version(path: &Path, table: *const PluginTable) -> Result<&'static PluginTable, OpenError> {
    if table.is_null() || !table.is_aligned() {
        return Err(bad(path, "its address can not be one"));
    }
    // SAFETY: every version of the table begins with this number.
    let found = unsafe { (*table).abi_major };
    if found != ABI_MAJOR {
        return Err(OpenError::AbiMismatch { path: path.into(), found, expected: ABI_MAJOR });
    }
    // SAFETY: `size` keeps its place in every version.
    let size = unsafe { (*table).size };
    let least = size_of::<PluginTable>();
    if size < least {
        return Err(bad(path, format!("it has {size} bytes, at least {least} are wanted")));
    }
    // SAFETY: it is as large as we know it, and lives as long as the process.
    Ok(unsafe { &*table })
}

/// # Safety
///
/// The texts of the table are valid.
unsafe fn read_manifest(path: &Path, digest: Digest, table: &PluginTable) -> Result<Manifest, OpenError> {
    // SAFETY: the caller's promise, handed on, here and below.
    let name = unsafe { read_text(path, "name", table.name, 63) }?;
    // SAFETY: as above.
    let version = unsafe { read_text(path, "version", table.version, 128) }?;
    // SAFETY: as above.
    let description = unsafe { read_text(path, "description", table.description, 1024) }?;
    // SAFETY: as above.
    let schema = unsafe { read_text(path, "config_schema", table.config_schema, MAX_SCHEMA) }?;
    if !is_type_name(&name) {
        let name: String = name.escape_debug().collect();
        return Err(bad(path, format!("its name `{name}` is not [a-z0-9][a-z0-9_-]{{0,62}}")));
    }
    Ok(Manifest {
        name,
        version,
        description,
        config_schema: read_schema(path, &schema)?,
        capabilities: table.capabilities,
        abi: (table.abi_major, table.abi_minor),
        digest,
        file_name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    })
}

fn read_schema(path: &Path, text: &str) -> Result<serde_json::Value, OpenError> {
    if text.is_empty() {
        return Ok(serde_json::json!({ "type": "object" }));
    }
    match serde_json::from_str(text) {
        Ok(schema @ serde_json::Value::Object(_)) => Ok(schema),
        _ => Err(bad(path, "its config_schema is no JSON object")),
    }
}

/// # Safety
///
/// `text` points to as many bytes as it says.
unsafe fn read_text(path: &Path, what: &str, text: Text, limit: usize) -> Result<String, OpenError> {
    if text.len > limit {
        return Err(bad(path, format!("its {what} has {} bytes, at most {limit} are allowed", text.len)));
    }
    if text.len > 0 && text.data.is_null() {
        return Err(bad(path, format!("its {what} is a null pointer")));
    }
    // SAFETY: the caller's promise, handed on.
    let bytes = unsafe { text.bytes() };
    str::from_utf8(bytes).map(str::to_owned).map_err(|_| bad(path, format!("its {what} is not UTF-8")))
}

/// `[a-z0-9][a-z0-9_-]{0,62}`; the length is checked before.
fn is_type_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || byte == b'_' || byte == b'-')
}

fn check_callbacks(path: &Path, table: &PluginTable) -> Result<(), OpenError> {
    let has = |what| table.capabilities.contains(what);
    let wanted = [
        ("init", true, table.init.is_some()),
        ("shutdown", true, table.shutdown.is_some()),
        ("read", has(Capabilities::READ), table.read.is_some()),
        ("write", has(Capabilities::WRITE), table.write.is_some()),
        ("flush", has(Capabilities::FLUSH), table.flush.is_some()),
        ("notification", has(Capabilities::NOTIFICATION), table.notification.is_some()),
    ];
    match wanted.iter().find(|(_, wanted, there)| *wanted && !there) {
        Some((name, ..)) => Err(bad(path, format!("the callback {name} is missing"))),
        None => Ok(()),
    }
}
