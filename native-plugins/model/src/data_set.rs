//! What the numbers of a value list mean: a data set and its data sources.

use std::fmt;
use std::sync::Arc;

/// Most data sources in one data set; the largest of collectd's own has far fewer.
pub const MAX_SOURCES: usize = 16;

/// Which of the four kinds of value a data source holds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DataSourceKind {
    /// A reading as it is.
    Gauge,
    /// A running sum that may fall.
    Derive,
    /// A running sum that wraps.
    Counter,
    /// A sum since the last reading.
    Absolute,
}

impl fmt::Display for DataSourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gauge => "gauge",
            Self::Derive => "derive",
            Self::Counter => "counter",
            Self::Absolute => "absolute",
        })
    }
}

/// One number of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSource {
    /// Its name, `value` when there is but one.
    pub name: Arc<str>,
    /// What kind of value it holds.
    pub kind: DataSourceKind,
    /// The smallest rate that is believed; NaN for none.
    pub min: f64,
    /// The largest rate that is believed; NaN for none.
    pub max: f64,
}

impl DataSource {
    /// The rate itself, or NaN where it is outside the bounds.
    pub fn bounded(&self, rate: f64) -> f64 {
        // Comparisons with NaN are false, so an absent bound holds nobody.
        if rate < self.min || rate > self.max { f64::NAN } else { rate }
    }
}

/// What the numbers of one type of value list mean; a line of `types.db`.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    /// The type's name.
    pub name: Arc<str>,
    /// Its data sources in order; between 1 and [`MAX_SOURCES`].
    pub sources: Vec<DataSource>,
}

impl DataSet {
    /// True where no data source is bounded, so that a rate needs no check.
    pub fn is_unbounded(&self) -> bool {
        self.sources.iter().all(|source| source.min.is_nan() && source.max.is_nan())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_outside_its_bounds_is_unknown() {
        let source =
            DataSource { name: "value".into(), kind: DataSourceKind::Derive, min: 0.0, max: f64::NAN };
        assert!(source.bounded(-1.0).is_nan());
        assert_eq!(source.bounded(1e300), 1e300);
        assert!(source.bounded(f64::NAN).is_nan());
    }
}
