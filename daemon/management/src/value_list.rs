//! Value lists that callers put in.

use std::ops::Range;
use std::sync::Arc;

use gatherd_api::types::{Moment, Number, Numbers, RefusedValueList, ValueList, ValueRefusal, ValuesTaken};
use gatherd_api::{ManagementError, read_moment};
use gatherd_engine::port::DropReason;
use gatherd_engine::series::Parts;
use gatherd_engine::way::{Door, Named};
use gatherd_model::{CdTime, DataSet, DataSourceKind, Interval, TypesDb};
use tokio::task::spawn_blocking;

use crate::EngineManagement;

/// Most whole numbers that a float holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Characters of an identifier that a refusal repeats.
const SHOWN: usize = 256;

/// A value list that can be handed in.
struct Ready<'a> {
    parts: Parts<'a>,
    /// Where its numbers stand among all bits.
    bits: Range<usize>,
    time: CdTime,
    interval: Option<Interval>,
}

/// Why one cannot.
type Refusal = (ValueRefusal, String);

pub(crate) async fn put(
    this: &EngineManagement,
    lists: Vec<ValueList>,
) -> Result<ValuesTaken, ManagementError> {
    let turn = Arc::clone(&this.puts).acquire_owned().await;
    let _turn = turn.map_err(|_closed| unavailable())?;
    let observer = Arc::clone(this.engine().observer());
    let default = this.engine().desired().current().document.default_interval();
    // An output that holds up who writes to it would hold up the caller's thread.
    let handed = spawn_blocking(move || hand_in(observer.callers_door(), &lists, default)).await;
    handed.map_err(|error| ManagementError::Internal { detail: format!("handing values in: {error}") })
}

fn unavailable() -> ManagementError {
    ManagementError::Unavailable { detail: "the daemon stops".to_owned() }
}

fn hand_in(door: &Door, lists: &[ValueList], default: Interval) -> ValuesTaken {
    let (mut bits, mut ready, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    {
        let types = door.types();
        for (index, list) in lists.iter().enumerate() {
            match read(list, &types, &mut bits) {
                Ok(list) => ready.push((index, list)),
                Err((reason, detail)) => {
                    door.refused(counted_as(reason));
                    refused.push(refusal(index, list, reason, detail));
                }
            }
        }
    }
    let named = ready.iter().map(|(_, Ready { parts, bits: range, time, interval })| Named {
        parts: *parts,
        values: &bits[range.clone()],
        time: *time,
        interval: interval.or(Some(default)),
    });
    let named: Vec<Named<'_>> = named.collect();
    let mut answers = vec![None; named.len()];
    door.dispatch_named(&named, &mut answers);
    for ((index, _), reason) in ready.iter().zip(&answers) {
        if let Some(reason) = reason {
            let (reason, detail) = told(*reason);
            refused.push(refusal(*index, &lists[*index], reason, detail.to_owned()));
        }
    }
    refused.sort_by_key(|refused| refused.index);
    ValuesTaken { taken: (lists.len() - refused.len()) as u64, refused }
}

fn refusal(index: usize, list: &ValueList, reason: ValueRefusal, detail: String) -> RefusedValueList {
    let identifier = list.identifier.chars().take(SHOWN).collect();
    RefusedValueList { index: index as u64, identifier, reason, detail }
}

/// Reads one value list; its numbers go behind `bits`.
fn read<'a>(list: &'a ValueList, types: &TypesDb, bits: &mut Vec<u64>) -> Result<Ready<'a>, Refusal> {
    let ValueList { identifier, time, interval, values } = list;
    if identifier.matches('/').count() != 2 {
        return Err((
            ValueRefusal::BadName,
            "an identifier is host/plugin-instance/type-instance".to_owned(),
        ));
    }
    let parts = Parts::of(identifier);
    let Some((_, set)) = types.get(parts.type_name) else {
        let detail = format!("there is no data set {:?}", short(parts.type_name));
        return Err((ValueRefusal::UnknownType, detail));
    };
    let (time, interval) = (read_time(time.as_ref())?, read_interval(*interval)?);
    let begin = bits.len();
    if let Err(refusal) = push_numbers(values, set, bits) {
        bits.truncate(begin);
        return Err(refusal);
    }
    Ok(Ready { parts, bits: begin..bits.len(), time, interval })
}

fn short(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

fn read_time(time: Option<&Moment>) -> Result<CdTime, Refusal> {
    let moment = match time {
        None => return Ok(CdTime::ZERO),
        Some(Moment::Seconds(seconds)) => std::time::Duration::try_from_secs_f64(*seconds).ok(),
        Some(Moment::Text(text)) => read_moment(text),
    };
    let detail = "a time is seconds since 1970, or RFC 3339 text such as 2027-01-31T12:00:00Z";
    let moment = moment.ok_or_else(|| (ValueRefusal::BadTime, detail.to_owned()))?;
    // Zero would mean now.
    Ok(CdTime::from_duration(moment).max(CdTime(1)))
}

fn read_interval(seconds: Option<f64>) -> Result<Option<Interval>, Refusal> {
    let interval = seconds.map(Interval::from_secs_f64).transpose();
    interval.map_err(|error| (ValueRefusal::BadInterval, error.to_string()))
}

fn push_numbers(values: &Numbers, set: &DataSet, bits: &mut Vec<u64>) -> Result<(), Refusal> {
    let wrong_count = || {
        let names: Vec<&str> = set.sources.iter().map(|source| &*source.name).collect();
        (ValueRefusal::WrongCount, format!("the data set {} has {}", set.name, names.join(", ")))
    };
    let given = match values {
        Numbers::Ordered(numbers) => numbers.len(),
        Numbers::Named(numbers) => numbers.len(),
    };
    if given != set.sources.len() {
        return Err(wrong_count());
    }
    for (index, source) in set.sources.iter().enumerate() {
        let number = match values {
            Numbers::Ordered(numbers) => numbers.get(index),
            Numbers::Named(numbers) => numbers.get(&*source.name),
        };
        let number = number.ok_or_else(wrong_count)?;
        let number = to_bits(source.kind, *number).ok_or_else(|| {
            let wanted = match source.kind {
                DataSourceKind::Gauge => "a number or null",
                DataSourceKind::Derive => "a whole number from -2^63 to 2^63-1",
                DataSourceKind::Counter | DataSourceKind::Absolute => "a whole number from 0 to 2^64-1",
            };
            (ValueRefusal::BadValue, format!("{} is {wanted}", source.name))
        })?;
        bits.push(number);
    }
    Ok(())
}

/// The bits of a number; `None` where it does not fit its kind.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, whoever writes it")]
fn to_bits(kind: DataSourceKind, number: Option<Number>) -> Option<u64> {
    match (kind, number) {
        (DataSourceKind::Gauge, None) => Some(f64::NAN.to_bits()),
        (DataSourceKind::Gauge, Some(Number::Float(value))) => Some(value.to_bits()),
        (DataSourceKind::Gauge, Some(Number::Unsigned(value))) => Some((value as f64).to_bits()),
        (DataSourceKind::Gauge, Some(Number::Signed(value))) => Some((value as f64).to_bits()),
        (_, None) => None,
        (DataSourceKind::Derive, Some(number)) => signed(number).map(i64::cast_unsigned),
        (DataSourceKind::Counter | DataSourceKind::Absolute, Some(number)) => unsigned(number),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough to be exact")]
fn signed(number: Number) -> Option<i64> {
    match number {
        Number::Unsigned(value) => value.try_into().ok(),
        Number::Signed(value) => Some(value),
        Number::Float(value) => (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64),
    }
}

fn unsigned(number: Number) -> Option<u64> {
    match number {
        Number::Unsigned(value) => Some(value),
        Number::Signed(_) | Number::Float(_) => signed(number).and_then(|value| value.try_into().ok()),
    }
}

/// The reason for people and for programs.
fn told(reason: DropReason) -> (ValueRefusal, &'static str) {
    match reason {
        DropReason::BadName => (
            ValueRefusal::BadName,
            "a part of the identifier is missing, too long or has a control character",
        ),
        DropReason::UnknownType => (ValueRefusal::UnknownType, "there is no data set of the type's name"),
        DropReason::WrongCount => (ValueRefusal::WrongCount, "the data set has another number of values"),
        DropReason::TooOld => (ValueRefusal::TooOld, "not later than the newest values of the series"),
        DropReason::TooNew => (ValueRefusal::TooNew, "further in the future than tolerance.future allows"),
        DropReason::Blacklisted => (ValueRefusal::Blacklisted, "a rule of the blacklist hides the series"),
        DropReason::Filtered => (ValueRefusal::Filtered, "a filter takes the series out"),
        DropReason::OverRate => (ValueRefusal::OverQuota, "limits.values_per_second is reached"),
        DropReason::OverQuota => {
            (ValueRefusal::OverQuota, "limits.series or limits.series_per_plugin is reached")
        }
        DropReason::StaleHandle => {
            (ValueRefusal::StaleHandle, "the series expired at this moment; send it again")
        }
        DropReason::BadCall => (ValueRefusal::BadValue, "the values cannot be handed in"),
        DropReason::Closed => (ValueRefusal::Closed, "the daemon stops"),
    }
}

/// Under which reason something is counted that never reached the door.
fn counted_as(reason: ValueRefusal) -> DropReason {
    match reason {
        ValueRefusal::BadName => DropReason::BadName,
        ValueRefusal::UnknownType => DropReason::UnknownType,
        ValueRefusal::WrongCount => DropReason::WrongCount,
        _ => DropReason::BadCall,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_fits_its_data_source_or_is_refused() {
        use DataSourceKind::{Absolute, Counter, Derive, Gauge};
        let float = |value| Some(Number::Float(value));
        for (kind, number, expected) in [
            (Gauge, float(0.5), Some(0.5_f64.to_bits())),
            (Gauge, Some(Number::Signed(-2)), Some((-2.0_f64).to_bits())),
            (Derive, Some(Number::Unsigned(1 << 63)), None),
            (Derive, Some(Number::Signed(-1)), Some(u64::MAX)),
            (Derive, float(-3.0), Some((-3_i64).cast_unsigned())),
            (Derive, float(0.5), None),
            (Derive, float(1e300), None),
            (Derive, None, None),
            (Counter, Some(Number::Unsigned(u64::MAX)), Some(u64::MAX)),
            (Counter, Some(Number::Signed(-1)), None),
            (Absolute, float(7.0), Some(7)),
            (Absolute, float(-7.0), None),
        ] {
            assert_eq!(to_bits(kind, number), expected, "{kind:?} {number:?}");
        }
        assert!(f64::from_bits(to_bits(Gauge, None).unwrap()).is_nan());
    }

    #[test]
    fn a_time_of_zero_is_a_moment_and_not_now() {
        assert_eq!(read_time(Some(&Moment::Seconds(0.0))).unwrap(), CdTime(1));
        assert_eq!(read_time(None).unwrap(), CdTime::ZERO);
        for wrong in [Moment::Seconds(-1.0), Moment::Seconds(f64::NAN), Moment::Text("soon".to_owned())] {
            assert_eq!(read_time(Some(&wrong)).unwrap_err().0, ValueRefusal::BadTime);
        }
    }
}
