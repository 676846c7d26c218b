//! What happens to the certificate of the API, told to who hears notifications.

use std::collections::BTreeMap;

use gatherd_api::CertificateNews;
use gatherd_model::{Notification, Severity};

use crate::EngineManagement;

pub(crate) fn tell(this: &EngineManagement, news: &CertificateNews) {
    let way = this.engine().way();
    let (severity, message) = said(news);
    let notification = Notification {
        severity,
        time: way.clock().wall(),
        message,
        host: way.hostname().to_owned(),
        plugin: "self".to_owned(),
        plugin_instance: "tls".to_owned(),
        type_name: "gauge".to_owned(),
        type_instance: "certificate".to_owned(),
        meta: BTreeMap::new(),
    };
    if way.bus().publish(notification).is_err() {
        tracing::warn!("the notification about the certificate of the API is larger than one may be");
    }
}

fn said(news: &CertificateNews) -> (Severity, String) {
    match news {
        CertificateNews::Taken => (Severity::Okay, "the files of TLS are taken over again".to_owned()),
        CertificateNews::NotTaken(problem) => (
            Severity::Failure,
            format!("the files of TLS are not taken over, and those of before go on: {problem}"),
        ),
        CertificateNews::Ends { days: ..0 } => {
            (Severity::Failure, "the time of the certificate of the API is over".to_owned())
        }
        CertificateNews::Ends { days } => {
            (Severity::Warning, format!("the certificate of the API ends in {days} days"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worse_is_told_as_worse() {
        let severity = |news| said(&news).0;
        assert_eq!(severity(CertificateNews::Taken), Severity::Okay);
        assert_eq!(severity(CertificateNews::NotTaken("x".to_owned())), Severity::Failure);
        assert_eq!(severity(CertificateNews::Ends { days: 3 }), Severity::Warning);
        assert_eq!(severity(CertificateNews::Ends { days: -1 }), Severity::Failure);
    }
}
