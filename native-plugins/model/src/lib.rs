//! Words of the field: identifiers, data sets, values, time, notifications. No I/O, no clock.
//!
//! Everything above speaks in these types: plugin authors, the engine, the outputs. The vocabulary is
//! collectd's, so that people and plugins who know collectd are at home at once.

#![forbid(unsafe_code)]

mod data_set;
mod identifier;
mod notification;
mod rate;
mod time;
mod types_db;
mod value;

pub use data_set::{DataSet, DataSource, DataSourceKind, MAX_SOURCES};
pub use identifier::{Identifier, MAX_NAME, NameError, Part, check_part, escape_slashes};
pub use notification::{MAX_MESSAGE, MAX_META, MetaValue, Notification, Severity, UnknownSeverity};
pub use rate::{counter_diff, rate_between};
pub use time::{CdTime, Interval, TimeError};
pub use types_db::{TypesDb, TypesDbError};
pub use value::{Value, ValueList};
