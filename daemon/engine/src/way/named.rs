//! Values by name: for those who have no handles.

use std::sync::Arc;

use gatherd_model::{CdTime, Interval, TypesDb, Value};

use super::{BATCH, Door};
use crate::port::{Batch, DropReason};
use crate::series::Parts;

/// The values of one series, by its identifier.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// Whose values these are; an empty host is the daemon's own.
    pub parts: Parts<'a>,
    /// Raw bits in data-set order.
    pub values: &'a [u64],
    /// When they were read; [`CdTime::ZERO`] for now.
    pub time: CdTime,
    /// Until the next are due; `None` for the door's.
    pub interval: Option<Interval>,
}

impl Door {
    /// What series names mean.
    pub fn types(&self) -> Arc<TypesDb> {
        self.way().types().load_full()
    }

    /// Takes the values of one series by its identifier; raw bits in data-set order.
    ///
    /// # Errors
    ///
    /// As [`Door::register`] and [`Door::dispatch`]; counted.
    pub fn dispatch_values(
        &self,
        parts: &Parts<'_>,
        values: &[u64],
        time: CdTime,
        interval: Option<Interval>,
    ) -> Result<(), DropReason> {
        let mut answer = [None];
        self.dispatch_named(&[Named { parts: *parts, values, time, interval }], &mut answer);
        answer[0].map_or(Ok(()), Err)
    }

    /// Takes value lists by their identifiers, in their order. `answers`, one per list, tell `None` for taken,
    /// and otherwise why not; each is counted.
    pub fn dispatch_named(&self, lists: &[Named<'_>], answers: &mut [Option<DropReason>]) {
        for (lists, answers) in lists.chunks(BATCH).zip(answers.chunks_mut(BATCH)) {
            let mut batch = Batch::with_room(self.plugin(), lists.len());
            let now = self.way().clock().moment().wall;
            for (position, (list, answer)) in lists.iter().zip(&mut *answers).enumerate() {
                *answer = self.gather_named(list, position, now, &mut batch).err();
            }
            batch.rates.resize(batch.values.len(), f64::NAN);
            let mut refused = |position: usize, reason: DropReason| {
                if let Some(answer) = answers.get_mut(position) {
                    *answer = Some(reason);
                }
            };
            self.counters().count_taken(self.way().pass(self, batch, &mut refused));
            for reason in answers.iter().flatten() {
                self.refused(*reason);
            }
        }
    }

    fn gather_named(
        &self,
        list: &Named<'_>,
        position: usize,
        now: CdTime,
        batch: &mut Batch,
    ) -> Result<(), DropReason> {
        self.admit()?;
        if self.admitted(1) == 0 {
            return Err(DropReason::OverRate);
        }
        let types = self.way().types().load();
        let (_, set) = types.get(list.parts.type_name).ok_or(DropReason::UnknownType)?;
        if set.sources.len() != list.values.len() {
            return Err(DropReason::WrongCount);
        }
        let registered = self.resolve(&list.parts, "")?;
        if registered.is_new {
            self.give_handle(&registered)?;
        }
        let time = if list.time == CdTime::ZERO { now } else { list.time };
        let sources = set.sources.iter().zip(list.values);
        let raw = sources.map(|(source, bits)| Value::from_bits(source.kind, *bits));
        batch.push(registered.id, position, time, list.interval.unwrap_or(self.interval()), raw);
        Ok(())
    }
}
