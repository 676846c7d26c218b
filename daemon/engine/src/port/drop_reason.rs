//! Why a value went no further.

/// Why a value went no further. Each reason has a counter per plugin.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(usize)]
pub enum DropReason {
    /// No data set of that name is known.
    UnknownType,
    /// The number of values is not that of the data set.
    WrongCount,
    /// A part of the identifier can not be.
    BadName,
    /// The call across the plugin boundary was malformed.
    BadCall,
    /// The handle was never given out, or its series has expired.
    StaleHandle,
    /// A rule of the operator keeps the series out.
    Blacklisted,
    /// A filter chain took it out.
    Filtered,
    /// A limit on series is reached.
    OverQuota,
    /// The plugin gives more samples in a second than it may.
    OverRate,
    /// Not later than the newest value of the series.
    TooOld,
    /// Further in the future than tolerated.
    TooNew,
    /// The plugin's instance was stopped or replaced.
    Closed,
}

impl DropReason {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 12] = [
        Self::UnknownType,
        Self::WrongCount,
        Self::BadName,
        Self::BadCall,
        Self::StaleHandle,
        Self::Blacklisted,
        Self::Filtered,
        Self::OverQuota,
        Self::OverRate,
        Self::TooOld,
        Self::TooNew,
        Self::Closed,
    ];

    /// The word for it in the API, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownType => "unknown_type",
            Self::WrongCount => "wrong_count",
            Self::BadName => "bad_name",
            Self::BadCall => "bad_call",
            Self::StaleHandle => "stale_handle",
            Self::Blacklisted => "blacklisted",
            Self::Filtered => "filtered",
            Self::OverQuota => "over_quota",
            Self::OverRate => "over_rate",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
            Self::Closed => "closed",
        }
    }
}
