//! Handles of one door: small numbers of its own that stand for series.

use crate::port::SeriesId;
use crate::series::SeriesTable;

/// The series that one door has registered, by handle.
///
/// A handle is a place in this table and, above it, how often the place was given away before, so a handle
/// of an expired series never names the one that took its place.
#[derive(Debug, Default)]
pub(super) struct Handles {
    places: Vec<Place>,
    /// Places whose series has expired.
    free: Vec<u32>,
    /// Length at which dead places are looked for before the table grows further.
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    series: SeriesId,
    generation: u32,
}

/// Why a handle stands for no series.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NoSeries {
    /// Never given out.
    Unknown,
    /// Its place was given to another series.
    Reused,
}

/// The table holds as many series as one plugin may feed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Full;

impl Handles {
    /// Gives a handle for `series`; at most `limit` live at once.
    pub(super) fn give(&mut self, series: SeriesId, limit: usize, table: &SeriesTable) -> Result<u64, Full> {
        let full = self.places.len() >= limit.min(u32::MAX as usize);
        // A table that is full of the dead is looked through, however young the last sweep is.
        if self.free.is_empty() && (full || self.places.len() >= self.sweep_at.max(64)) {
            self.sweep(table);
        }
        if let Some(index) = self.free.pop() {
            let place = &mut self.places[index as usize];
            *place = Place { series, generation: place.generation.wrapping_add(1) };
            return Ok(u64::from(place.generation) << 32 | u64::from(index));
        }
        if full {
            return Err(Full);
        }
        self.places.push(Place { series, generation: 0 });
        Ok(self.places.len() as u64 - 1)
    }

    fn sweep(&mut self, table: &SeriesTable) {
        let dead = (0..).zip(&self.places).filter(|(_, place)| !table.is_alive(place.series));
        self.free = dead.map(|(index, _)| index).collect();
        self.sweep_at = self.places.len() * 2;
    }

    /// The series of a handle; it may have expired, which its slot tells.
    pub(super) fn series(&self, handle: u64) -> Result<SeriesId, NoSeries> {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of a handle")]
        let (index, generation) = (handle as u32, (handle >> 32) as u32);
        let place = self.places.get(index as usize).ok_or(NoSeries::Unknown)?;
        if place.generation == generation { Ok(place.series) } else { Err(NoSeries::Reused) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatherd_model::{CdTime, Interval};

    fn series(table: &SeriesTable, number: usize) -> SeriesId {
        let text = format!("h/p/t-{number}");
        table.register(&text, 0, 1, 0, Interval::DEFAULT, CdTime::ZERO).unwrap().id
    }

    #[test]
    fn a_handle_leads_back_to_its_series() {
        let table = SeriesTable::new(10);
        let mut handles = Handles::default();
        let (one, two) = (series(&table, 1), series(&table, 2));
        let first = handles.give(one, 10, &table).unwrap();
        let second = handles.give(two, 10, &table).unwrap();
        assert_eq!(handles.series(first), Ok(one));
        assert_eq!(handles.series(second), Ok(two));
        assert_eq!(handles.series(second + 1), Err(NoSeries::Unknown));
    }

    #[test]
    fn places_of_expired_series_are_given_again_and_the_limit_is_of_the_living() {
        let table = SeriesTable::new(10);
        let mut handles = Handles::default();
        let (one, two) = (series(&table, 1), series(&table, 2));
        let first = handles.give(one, 2, &table).unwrap();
        handles.give(two, 2, &table).unwrap();
        assert_eq!(handles.give(series(&table, 3), 2, &table), Err(Full));
        table.expire(one, |_, _| true).unwrap();
        let three = series(&table, 3);
        let again = handles.give(three, 2, &table).unwrap();
        assert_eq!(handles.series(again), Ok(three));
        assert_eq!(handles.series(first), Err(NoSeries::Reused));
    }
}
