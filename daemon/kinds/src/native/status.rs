//! The one place where reasons of the engine and statuses of the C contract meet.

use gatherd_engine::port::DropReason;
use gatherd_loader::Status;

/// What a plugin is told when its value goes no further for `reason`.
pub fn status_of(reason: DropReason) -> Status {
    match reason {
        DropReason::UnknownType => Status::UNKNOWN_TYPE,
        DropReason::WrongCount => Status::WRONG_COUNT,
        DropReason::BadName => Status::BAD_NAME,
        DropReason::BadCall => Status::BAD_CALL,
        DropReason::StaleHandle => Status::STALE,
        DropReason::Blacklisted | DropReason::Filtered => Status::REFUSED,
        DropReason::OverQuota | DropReason::OverRate => Status::OVER_QUOTA,
        DropReason::TooOld => Status::TOO_OLD,
        DropReason::TooNew => Status::TOO_NEW,
        DropReason::Closed => Status::CLOSED,
    }
}

/// The reason that is counted where a plugin is told `status`; `None` for [`Status::OK`]. Numbers that mean
/// nothing count as [`DropReason::BadCall`].
pub fn reason_of(status: Status) -> Option<DropReason> {
    Some(match status {
        Status::OK => return None,
        Status::UNKNOWN_TYPE => DropReason::UnknownType,
        Status::WRONG_COUNT => DropReason::WrongCount,
        Status::BAD_NAME => DropReason::BadName,
        Status::STALE | Status::BAD_HANDLE => DropReason::StaleHandle,
        Status::REFUSED => DropReason::Blacklisted,
        Status::OVER_QUOTA => DropReason::OverQuota,
        Status::TOO_OLD => DropReason::TooOld,
        Status::TOO_NEW => DropReason::TooNew,
        Status::CLOSED => DropReason::Closed,
        _ => DropReason::BadCall,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_comes_back_from_its_status() {
        for reason in DropReason::ALL {
            // The contract has one word for both kinds of rule, and one for both kinds of limit.
            let back = match reason {
                DropReason::Filtered => DropReason::Blacklisted,
                DropReason::OverRate => DropReason::OverQuota,
                reason => reason,
            };
            assert_eq!(reason_of(status_of(reason)), Some(back));
        }
    }

    #[test]
    fn no_reason_is_told_as_success() {
        assert_eq!(reason_of(Status::OK), None);
        assert!(DropReason::ALL.into_iter().all(|reason| status_of(reason) != Status::OK));
    }

    #[test]
    fn numbers_without_a_meaning_are_bad_calls() {
        for status in [Status::FAILED, Status::PANICKED, Status(1), Status(-99), Status(i32::MIN)] {
            assert_eq!(reason_of(status), Some(DropReason::BadCall));
        }
        assert_eq!(reason_of(Status::BAD_HANDLE), Some(DropReason::StaleHandle));
    }
}
