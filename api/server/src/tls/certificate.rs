//! What a certificate says, as far as we need it.

use super::fault::Fault;
use super::settings::ClientName;
use crate::random::hex;
use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// Most names of one certificate that are looked at.
const MOST_NAMES: usize = 64;

/// Longest subject or issuer that is shown, in characters.
const LONGEST_NAME: usize = 512;

/// What a certificate says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CertificateFacts {
    /// Whom it is about, as RFC 4514 writes names.
    pub(crate) subject: String,
    /// Who made it.
    pub(crate) issuer: String,
    /// SHA-256 over all of it, in lower-case hex.
    pub(crate) fingerprint: String,
    /// It counts from here on, in seconds since 1970.
    pub(crate) not_before: i64,
    /// It counts up to and including this second since 1970.
    pub(crate) not_after: i64,
    /// The names in it that a role can be given to: URIs, DNS names, common names; in this order.
    pub(crate) names: Vec<ClientName>,
}

impl CertificateFacts {
    /// Reads a certificate.
    ///
    /// # Errors
    ///
    /// [`Fault::Certificate`] when it is none.
    pub(crate) fn read(certificate: &CertificateDer<'_>) -> Result<Self, Fault> {
        let (rest, parsed) =
            X509Certificate::from_der(certificate.as_ref()).map_err(|_| Fault::Certificate)?;
        if !rest.is_empty() {
            return Err(Fault::Certificate);
        }
        Ok(Self {
            subject: parsed.subject().to_string().chars().take(LONGEST_NAME).collect(),
            issuer: parsed.issuer().to_string().chars().take(LONGEST_NAME).collect(),
            fingerprint: hex(digest(&SHA256, certificate.as_ref()).as_ref()),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            names: names(&parsed),
        })
    }

    /// Whether it counts at `now`, in seconds since 1970.
    pub(crate) fn is_valid_at(&self, now: u64) -> bool {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        (self.not_before..=self.not_after).contains(&now)
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<ClientName> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative =
        alternative.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let uris = alternative.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => ClientName::uri(uri),
        _ => None,
    });
    let hosts = alternative.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => ClientName::dns(name),
        _ => None,
    });
    let common = certificate.subject().iter_common_name();
    let common = common.filter_map(|name| name.as_str().ok().and_then(ClientName::common));
    uris.chain(hosts).chain(common).take(MOST_NAMES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, date_time_ymd};

    fn made() -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["Web1.example.org".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "web1, the first");
        params.subject_alt_names.push(SanType::URI("spiffe://site/web1".try_into().unwrap()));
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2030, 1, 1));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_says_its_times_and_its_names_uris_first() {
        let facts = CertificateFacts::read(&CertificateDer::from(made())).unwrap();
        assert_eq!((facts.not_before, facts.not_after), (1_577_836_800, 1_893_456_000));
        let names: Vec<String> = facts.names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["uri:spiffe://site/web1", "dns:web1.example.org", "cn:web1, the first"]);
        assert_eq!(facts.fingerprint.len(), 64);
        assert!(facts.is_valid_at(1_577_836_800) && facts.is_valid_at(1_893_456_000));
        assert!(!facts.is_valid_at(1_577_836_799) && !facts.is_valid_at(1_893_456_001));
    }

    #[test]
    fn what_stands_behind_a_certificate_is_not_passed_over() {
        let mut bytes = made();
        bytes.push(0);
        assert!(matches!(CertificateFacts::read(&CertificateDer::from(bytes)), Err(Fault::Certificate)));
    }

    proptest! {
        #[test]
        fn foreign_bytes_are_judged_and_nothing_else(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(CertificateFacts::read(&CertificateDer::from(bytes)).is_err());
        }

        #[test]
        fn a_certificate_with_a_byte_that_is_wrong_is_judged(at in 0_usize..10_000, byte in any::<u8>()) {
            let mut bytes = made();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _judged = CertificateFacts::read(&CertificateDer::from(bytes));
        }

        #[test]
        fn names_are_read_or_refused(text in "(cn|dns|uri|ip|):?\\PC{0,300}") {
            if let Ok(name) = text.parse::<ClientName>() {
                prop_assert_eq!(name.to_string().to_ascii_lowercase(), text.to_ascii_lowercase());
            }
        }
    }
}
