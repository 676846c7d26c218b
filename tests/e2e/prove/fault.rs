//! Where a change is hit, and what may be found after it.

/// Where a change is hit.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fault {
    /// Not at all.
    None,
    /// The daemon is killed at any moment of the change.
    KillAnywhere,
    /// The daemon is killed at any moment of a change that has to be confirmed.
    KillProvisional,
    /// The daemon is killed while a plugin judges its configuration.
    KillInValidate,
    /// The daemon is killed while this plugin comes up, in the order of the steps.
    KillInApply(&'static str),
    /// A later step fails, and the daemon is killed while the ones before are taken back.
    KillInUndo,
    /// This plugin does not come up.
    ApplyFails(&'static str),
    /// A plugin refuses its configuration.
    ValidateFails,
    /// The disk is full.
    DiskFull,
    /// The daemon is killed right after it answered.
    KillAfterAnswer,
    /// The change has to be confirmed, and the daemon is killed before that.
    KillUnconfirmed,
    /// The change has to be confirmed, and nobody does.
    NotConfirmed,
    /// The daemon is killed at any moment of the confirmation.
    KillInConfirm,
    /// The daemon is killed right after it answered the confirmation.
    KillAfterConfirm,
}

/// All of them, the cheap and most telling ones more often.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::KillAnywhere,
    Fault::KillInApply("one"),
    Fault::ApplyFails("two"),
    Fault::KillProvisional,
    Fault::KillAfterAnswer,
    Fault::KillInConfirm,
    Fault::KillAnywhere,
    Fault::KillInApply("three"),
    Fault::KillInValidate,
    Fault::DiskFull,
    Fault::KillUnconfirmed,
    Fault::None,
    Fault::KillAnywhere,
    Fault::KillInApply("two"),
    Fault::ApplyFails("three"),
    Fault::KillInUndo,
    Fault::KillAfterConfirm,
    Fault::KillProvisional,
    Fault::KillAnywhere,
    Fault::ApplyFails("one"),
    Fault::ValidateFails,
    Fault::KillInConfirm,
    Fault::NotConfirmed,
];

/// What a run has left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// The document of before.
    Old,
    /// The document that was asked for.
    New,
}

impl Fault {
    /// What must be found, where only one is right.
    pub(crate) fn expected(self) -> Option<Outcome> {
        match self {
            // Within the database there may be room on a full disk.
            Self::KillAnywhere | Self::KillInConfirm | Self::DiskFull => None,
            Self::None | Self::KillAfterAnswer | Self::KillAfterConfirm => Some(Outcome::New),
            Self::KillProvisional
            | Self::KillInValidate
            | Self::KillInApply(_)
            | Self::KillInUndo
            | Self::ApplyFails(_)
            | Self::ValidateFails
            | Self::KillUnconfirmed
            | Self::NotConfirmed => Some(Outcome::Old),
        }
    }

    /// Whether the change has to be confirmed.
    pub(crate) fn confirm_within(self) -> Option<u32> {
        match self {
            Self::NotConfirmed => Some(1),
            Self::KillProvisional | Self::KillUnconfirmed | Self::KillInConfirm | Self::KillAfterConfirm => {
                Some(3_600)
            }
            _ => None,
        }
    }
}
