//! The four kinds of value, and the value list that carries them.

use crate::{CdTime, DataSourceKind, Identifier, Interval};

/// One number of a value list, with its meaning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A reading as it is; NaN means unknown.
    Gauge(f64),
    /// A running sum that may also fall; its rate is the difference per second.
    Derive(i64),
    /// A running sum that only grows and wraps at 32 or 64 bits.
    Counter(u64),
    /// A sum since the last reading; its rate is itself per second.
    Absolute(u64),
}

impl Value {
    /// The value of `kind` that these 64 bits mean.
    ///
    /// Source: collectd's `value_t`, a union of 8 bytes.
    pub fn from_bits(kind: DataSourceKind, bits: u64) -> Self {
        match kind {
            DataSourceKind::Gauge => Self::Gauge(f64::from_bits(bits)),
            DataSourceKind::Derive => Self::Derive(bits.cast_signed()),
            DataSourceKind::Counter => Self::Counter(bits),
            DataSourceKind::Absolute => Self::Absolute(bits),
        }
    }

    /// The 64 bits that carry this value where its kind is known.
    pub fn to_bits(self) -> u64 {
        match self {
            Self::Gauge(value) => value.to_bits(),
            Self::Derive(value) => value.cast_unsigned(),
            Self::Counter(value) | Self::Absolute(value) => value,
        }
    }

    /// Which of the four kinds this is.
    pub fn kind(self) -> DataSourceKind {
        match self {
            Self::Gauge(_) => DataSourceKind::Gauge,
            Self::Derive(_) => DataSourceKind::Derive,
            Self::Counter(_) => DataSourceKind::Counter,
            Self::Absolute(_) => DataSourceKind::Absolute,
        }
    }

    /// The number itself, whatever its kind; large integers lose their last bits.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Gauge(value) => value,
            Self::Derive(value) => value as f64,
            Self::Counter(value) | Self::Absolute(value) => value as f64,
        }
    }
}

/// One identifier's values at one time, as foreign plugins and protocols send them.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueList {
    /// Who the series is; its type names the data set.
    pub identifier: Identifier,
    /// One value per data source, in data-set order.
    pub values: Vec<Value>,
    /// When the values were read.
    pub time: CdTime,
    /// How long until the next value list is due.
    pub interval: Interval,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_keep_every_kind_exact() {
        for value in
            [Value::Gauge(-0.5), Value::Derive(-7), Value::Counter(u64::MAX), Value::Absolute(1 << 63)]
        {
            assert_eq!(Value::from_bits(value.kind(), value.to_bits()), value);
        }
    }
}
