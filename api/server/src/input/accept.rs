//! Which of the formats that we have is wanted most.

use actix_web::http::header::{ACCEPT, HeaderMap};

/// A format that we have: type, subtype and perhaps a version that must fit if one is asked for.
pub(crate) struct Offer {
    /// Such as `text/plain`.
    pub(crate) media_type: &'static str,
    /// The `version` parameter.
    pub(crate) version: Option<&'static str>,
}

/// Index of the offer that `Accept` wants most; the earlier one among equals, the first without a wish.
/// `None` when none is wanted.
pub(crate) fn choose(headers: &HeaderMap, offers: &[Offer]) -> Option<usize> {
    let wishes: Vec<&str> = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    if wishes.is_empty() {
        return Some(0);
    }
    let ranges: Vec<Range<'_>> = wishes.iter().flat_map(|wish| wish.split(',')).map(Range::parse).collect();
    let quality = |offer: &Offer| {
        let fitting = ranges.iter().filter_map(|range| range.fit(offer).map(|exact| (exact, range.quality)));
        fitting.max_by_key(|(exact, quality)| (*exact, *quality)).map_or(0, |(_, quality)| quality)
    };
    let rated = offers.iter().enumerate().map(|(index, offer)| (quality(offer), index));
    let best = rated.max_by_key(|(quality, index)| (*quality, std::cmp::Reverse(*index)));
    best.filter(|(quality, _)| *quality > 0).map(|(_, index)| index)
}

/// One media range of `Accept`.
struct Range<'a> {
    media_type: &'a str,
    version: Option<&'a str>,
    /// In thousandths.
    quality: u32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let mut range = Self { media_type: parts.next().unwrap_or_default(), version: None, quality: 1_000 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            if name.eq_ignore_ascii_case("q") {
                range.quality = thousandths(value);
            } else if name.eq_ignore_ascii_case("version") {
                range.version = Some(value.trim_matches('"'));
            }
        }
        range
    }

    /// How exactly it fits; `None` when it does not.
    fn fit(&self, offer: &Offer) -> Option<u8> {
        let (group, _) = offer.media_type.split_once('/')?;
        if self.media_type.eq_ignore_ascii_case(offer.media_type) {
            return match (self.version, offer.version) {
                (Some(wanted), Some(ours)) if wanted != ours => None,
                (Some(_), Some(_)) => Some(3),
                _ => Some(2),
            };
        }
        match self.media_type.strip_suffix("/*") {
            Some("*") => Some(0),
            Some(wanted) if wanted.eq_ignore_ascii_case(group) => Some(1),
            _ => None,
        }
    }
}

/// A quality such as `0.5` in thousandths; zero when it is none.
fn thousandths(text: &str) -> u32 {
    match text.split_once('.') {
        None if text == "1" => 1_000,
        Some(("1", _)) => 1_000,
        Some(("0", digits)) if digits.len() <= 3 && digits.bytes().all(|it| it.is_ascii_digit()) => {
            format!("{digits:0<3}").parse().unwrap_or(0)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Offer, choose};
    use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};

    const OFFERS: &[Offer] = &[
        Offer { media_type: "text/plain", version: Some("0.0.4") },
        Offer { media_type: "application/openmetrics-text", version: Some("1.0.0") },
    ];

    fn chosen(accept: &'static str) -> Option<usize> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        choose(&headers, OFFERS)
    }

    #[test]
    fn without_a_wish_the_first_offer_is_taken() {
        assert_eq!(choose(&HeaderMap::new(), OFFERS), Some(0));
        assert_eq!(chosen("*/*"), Some(0));
    }

    #[test]
    fn prometheus_gets_what_it_wants_most() {
        let wish = "application/openmetrics-text;version=1.0.0;q=0.5,\
                    application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(chosen(wish), Some(1));
        assert_eq!(chosen("text/plain;version=0.0.4;q=0.6,application/openmetrics-text;q=0.5"), Some(0));
    }

    #[test]
    fn another_version_is_not_ours() {
        assert_eq!(chosen("application/openmetrics-text;version=0.0.1"), None);
    }

    #[test]
    fn an_exact_range_outweighs_a_wildcard() {
        assert_eq!(chosen("text/plain;q=0, */*"), Some(1));
        assert_eq!(chosen("text/*;q=0.1, application/*;q=0.2"), Some(1));
    }

    #[test]
    fn what_is_not_wanted_is_not_given() {
        assert_eq!(chosen("image/png"), None);
        assert_eq!(chosen("text/plain;q=0"), None);
        assert_eq!(chosen("text/plain;q=x"), None);
    }
}
