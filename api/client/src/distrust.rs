//! Why an encrypted connection did not come about, as far as certificates are to blame.

use rustls::{AlertDescription, CertificateError, Error as TlsError};
use std::error::Error;
use std::fmt;
use std::io;

/// What is wrong with the certificates of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Distrust {
    /// The daemon's certificate comes from an authority that is not known here.
    UnknownAuthority,
    /// The daemon's certificate is for another name.
    OtherName,
    /// The time of the daemon's certificate is over, or has not begun.
    OutOfTime,
    /// The daemon's certificate is not one that can be believed.
    NoGood,
    /// The daemon wants a certificate of ours.
    OursMissing,
    /// The daemon does not believe our certificate.
    OursRefused,
    /// The other side does not speak TLS.
    NotEncrypted,
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownAuthority => "its certificate comes from an authority that is not known here",
            Self::OtherName => "its certificate is for another name than the one that was asked for",
            Self::OutOfTime => {
                "the time of its certificate is over, or has not begun by the clock of this machine"
            }
            Self::NoGood => "its certificate cannot be believed",
            Self::OursMissing => "it wants a client certificate",
            Self::OursRefused => "it does not believe the client certificate",
            Self::NotEncrypted => "it does not speak TLS",
        })
    }
}

impl Distrust {
    /// What a failure of the HTTP client has to do with certificates; `None` for nothing.
    pub(crate) fn of(error: &reqwest::Error) -> Option<Self> {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref::<TlsError>().or_else(|| inside(error)) {
                return Self::told(found);
            }
            cause = error.source();
        }
        None
    }

    fn told(error: &TlsError) -> Option<Self> {
        Some(match error {
            TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => Self::UnknownAuthority,
            TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Self::OtherName,
            TlsError::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            ) => Self::OutOfTime,
            TlsError::InvalidCertificate(_) => Self::NoGood,
            TlsError::AlertReceived(AlertDescription::CertificateRequired) => Self::OursMissing,
            TlsError::AlertReceived(
                AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::DecryptError,
            ) => Self::OursRefused,
            TlsError::InvalidMessage(_) => Self::NotEncrypted,
            _ => return None,
        })
    }
}

/// The error of TLS that an I/O error carries, perhaps inside another; its chain passes over both.
fn inside<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    let carried: &(dyn Error + 'static) = error.downcast_ref::<io::Error>()?.get_ref()?;
    carried.downcast_ref::<TlsError>().or_else(|| inside(carried))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_tls_says_whose_certificate_is_to_blame() {
        for (error, distrust) in [
            (TlsError::InvalidCertificate(CertificateError::UnknownIssuer), Some(Distrust::UnknownAuthority)),
            (TlsError::InvalidCertificate(CertificateError::Expired), Some(Distrust::OutOfTime)),
            (TlsError::InvalidCertificate(CertificateError::BadSignature), Some(Distrust::NoGood)),
            (TlsError::AlertReceived(AlertDescription::CertificateRequired), Some(Distrust::OursMissing)),
            (TlsError::AlertReceived(AlertDescription::UnknownCA), Some(Distrust::OursRefused)),
            (TlsError::AlertReceived(AlertDescription::InternalError), None),
            (TlsError::HandshakeNotComplete, None),
        ] {
            assert_eq!(Distrust::told(&error), distrust, "{error}");
        }
    }

    #[test]
    fn an_error_is_found_inside_an_io_error() {
        let error = io::Error::other(TlsError::HandshakeNotComplete);
        assert_eq!(inside(&error), Some(&TlsError::HandshakeNotComplete));
        assert_eq!(inside(&io::Error::other(error)), Some(&TlsError::HandshakeNotComplete));
        assert_eq!(inside(&io::Error::other("x")), None);
    }
}
