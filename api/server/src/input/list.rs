//! How lists are asked for: filters, limit and marker.

use crate::problem::ApiError;
use crate::query::{ListRequest, Matcher};
use crate::random::hex;
use gatherd_api_types::ProblemCode;

/// Entries of a page when nobody says.
const DEFAULT_LIMIT: usize = 1_000;

/// Most entries of a page.
pub const MAX_LIMIT: usize = 10_000;

/// Longest marker, in bytes.
const MAX_MARKER: usize = 4_096;

/// `limit` and `marker`, as they were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListParams {
    /// Most entries wanted.
    pub(crate) limit: Option<String>,
    /// Where to go on.
    pub(crate) marker: Option<String>,
}

impl ListParams {
    /// The place and the number of entries; 1,000 entries when nobody says.
    ///
    /// # Errors
    ///
    /// 400 when the limit is not 1–10,000 or the marker is not ours.
    pub(crate) fn read(self) -> Result<ListRequest, ApiError> {
        let limit = self.limit()?.unwrap_or(DEFAULT_LIMIT);
        let after = self.marker.as_deref().map(Marker::read).transpose()?;
        Ok(ListRequest { after, limit })
    }

    /// The same for a stream, which has no limit unless one is asked for.
    ///
    /// # Errors
    ///
    /// As [`ListParams::read`].
    pub(crate) fn read_unbounded(self) -> Result<ListRequest, ApiError> {
        let limit = self.limit()?.unwrap_or(usize::MAX);
        let after = self.marker.as_deref().map(Marker::read).transpose()?;
        Ok(ListRequest { after, limit })
    }

    fn limit(&self) -> Result<Option<usize>, ApiError> {
        let Some(text) = &self.limit else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (1..=MAX_LIMIT).contains(number));
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(ApiError::parameter("limit", format!("must be a number from 1 to {MAX_LIMIT}"))),
        }
    }
}

/// A filter, by the name of its parameter.
///
/// # Errors
///
/// 400 that names the parameter.
pub(crate) fn matcher(name: &str, text: Option<&str>) -> Result<Matcher, ApiError> {
    let Some(text) = text else { return Ok(Matcher::Any) };
    Matcher::parse(text).map_err(|error| ApiError::parameter(name, error))
}

/// Markers: the key of the last entry, in a form that nobody mistakes for a promise.
pub(crate) struct Marker;

impl Marker {
    /// The marker behind which the next page begins.
    pub(crate) fn write(key: &str) -> String {
        let turned: Vec<u8> = key.bytes().map(|byte| !byte).collect();
        hex(&turned)
    }

    /// The key in a marker of ours.
    fn read(marker: &str) -> Result<String, ApiError> {
        let refused = || ApiError::of(ProblemCode::BadMarker);
        if marker.len() > MAX_MARKER || !marker.len().is_multiple_of(2) || !marker.is_ascii() {
            return Err(refused());
        }
        let digit = |byte: &u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = marker
            .as_bytes()
            .chunks_exact(2)
            .map(|pair| Some(!(digit(&pair[0])? << 4 | digit(&pair[1])?)))
            .collect();
        bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::{ListParams, Marker};
    use crate::query::ListRequest;

    #[test]
    fn a_marker_comes_back_as_the_key_that_it_was_made_of() {
        for key in ["", "cpu", "web1/df-root/df_complex-free", "é\0\u{10ffff}"] {
            assert_eq!(Marker::read(&Marker::write(key)).unwrap(), key);
        }
    }

    #[test]
    fn what_is_not_a_marker_of_ours_is_refused() {
        for marker in ["z", "0", "0G", "AA", "é", "00", &"aa".repeat(3_000)] {
            assert!(Marker::read(marker).is_err(), "{marker}");
        }
    }

    #[test]
    fn a_limit_is_a_number_from_one_to_ten_thousand() {
        let read = |limit: &str| ListParams { limit: Some(limit.to_owned()), marker: None }.read();
        assert_eq!(read("10000").unwrap(), ListRequest { after: None, limit: 10_000 });
        for limit in ["", "0", "10001", "-1", "1.5", "ten", "99999999999999999999"] {
            assert!(read(limit).is_err(), "{limit}");
        }
    }

    #[test]
    fn nobody_says_means_a_thousand_and_for_streams_all() {
        assert_eq!(ListParams::default().read().unwrap().limit, 1_000);
        assert_eq!(ListParams::default().read_unbounded().unwrap().limit, usize::MAX);
    }
}
