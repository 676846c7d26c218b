//! Is `api.tls` one? What stands in the files is judged by who reads them.

use super::Ranges;
use crate::desired::document::{ClientCertificatesWord, Document, TlsEntry};
use crate::desired::merge::escape;
use crate::port::ConfigProblem;

/// Most names of certificates that have a role.
const MOST_NAMES: usize = 1000;

impl Ranges<'_> {
    pub(super) fn tls(&mut self, tls: &TlsEntry) {
        let files = [
            ("/api/tls/certificate", &tls.certificate),
            ("/api/tls/key", &tls.key),
            ("/api/tls/client_ca", &tls.client_ca),
            ("/api/tls/client_crl", &tls.client_crl),
        ];
        for (pointer, path) in files {
            let is_bad =
                |path: &std::path::PathBuf| !path.is_absolute() || path.to_string_lossy().contains('\0');
            self.say_if(
                path.as_ref().is_some_and(is_bad),
                pointer,
                format_args!("an absolute path is wanted"),
            );
        }
        let names = &tls.client_roles;
        self.say_if(
            names.len() > MOST_NAMES,
            "/api/tls/client_roles",
            format_args!("at most {MOST_NAMES} names are allowed"),
        );
        for name in names.keys().filter(|name| !is_name(name)).take(MOST_NAMES) {
            self.say_if(
                true,
                &format!("/api/tls/client_roles/{}", escape(name)),
                format_args!(
                    "a name of a certificate such as \"cn:collector\", \"dns:ops.example.org\" or \"uri:spiffe://site/ops\" is wanted"
                ),
            );
        }
    }
}

/// `cn:`, `dns:` or `uri:` and 1 to 255 bytes without control characters.
fn is_name(name: &str) -> bool {
    let rest = ["cn:", "dns:", "uri:"].iter().find_map(|kind| name.strip_prefix(kind));
    rest.is_some_and(|rest| (1..=255).contains(&rest.len()) && !rest.contains(char::is_control))
}

/// What the keys say together.
pub(super) fn together(document: &Document) -> Vec<ConfigProblem> {
    let tls = &document.api.tls;
    let mut problems = Vec::new();
    let mut say_if = |wrong: bool, key: &str, detail: &str| {
        if wrong {
            problems.push(ConfigProblem { pointer: format!("/api/tls/{key}"), detail: detail.to_owned() });
        }
    };
    let (has_certificate, has_key) = (tls.certificate.is_some(), tls.key.is_some());
    say_if(has_certificate && !has_key, "certificate", "a certificate needs its key: give `key` as well");
    say_if(has_key && !has_certificate, "key", "a key needs its certificate: give `certificate` as well");
    let asks = tls.client_certificates != ClientCertificatesWord::None;
    say_if(
        asks && !has_certificate,
        "client_certificates",
        "nobody is asked for a certificate without TLS: give `certificate` and `key` as well",
    );
    say_if(
        asks && tls.client_ca.is_none(),
        "client_certificates",
        "certificates of clients are judged by an authority: give `client_ca` as well",
    );
    let unasked = "nobody is asked for a certificate: say `client_certificates = \"optional\"` or `\"required\"` as well";
    say_if(!asks && tls.client_ca.is_some(), "client_ca", unasked);
    say_if(!asks && tls.client_crl.is_some(), "client_crl", unasked);
    say_if(!asks && !tls.client_roles.is_empty(), "client_roles", unasked);
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{check, check_together};

    fn alone(tls: &Value) -> Vec<String> {
        let (_, problems) = check(&json!({"api": {"tls": tls}}));
        problems.into_iter().map(|problem| problem.pointer).collect()
    }

    fn together(api: &Value) -> Vec<String> {
        let (document, problems) = check(&json!({"api": api}));
        assert_eq!(problems, []);
        check_together(&document).into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn each_key_has_its_complaint() {
        for (tls, pointer) in [
            (json!({"certificate": "tls.pem"}), "/api/tls/certificate"),
            (json!({"key": ""}), "/api/tls/key"),
            (json!({"client_ca": "./x"}), "/api/tls/client_ca"),
            (json!({"client_crl": "/a\u{0}"}), "/api/tls/client_crl"),
            (json!({"client_roles": {"collector": "reader"}}), "/api/tls/client_roles/collector"),
            (json!({"client_roles": {"cn:": "reader"}}), "/api/tls/client_roles/cn:"),
            (json!({"client_roles": {"uri:a/b\n": "reader"}}), "/api/tls/client_roles/uri:a~1b\n"),
            (json!({"client_roles": {"cn:x": "root"}}), "/api/tls/client_roles/cn:x"),
            (json!({"min_version": "1.1"}), "/api/tls/min_version"),
            (json!({"client_certificates": "yes"}), "/api/tls/client_certificates"),
        ] {
            assert_eq!(alone(&tls), [pointer], "{tls}");
        }
    }

    #[test]
    fn keys_that_need_each_other_are_missed() {
        let whole = json!({"certificate": "/c", "key": "/k", "client_ca": "/a",
            "client_certificates": "optional", "client_roles": {"cn:x": "admin"}});
        assert_eq!(together(&json!({"tls": whole})), Vec::<String>::new());
        for (tls, pointer) in [
            (json!({"certificate": "/c"}), "/api/tls/certificate"),
            (json!({"key": "/k"}), "/api/tls/key"),
            (
                json!({"certificate": "/c", "key": "/k", "client_certificates": "required"}),
                "/api/tls/client_certificates",
            ),
            (json!({"client_certificates": "required", "client_ca": "/a"}), "/api/tls/client_certificates"),
            (json!({"certificate": "/c", "key": "/k", "client_ca": "/a"}), "/api/tls/client_ca"),
            (json!({"client_crl": "/l"}), "/api/tls/client_crl"),
            (json!({"client_roles": {"cn:x": "admin"}}), "/api/tls/client_roles"),
        ] {
            assert_eq!(together(&json!({"tls": tls})), [pointer], "{tls}");
        }
    }

    #[test]
    fn an_address_that_others_reach_needs_encryption_or_the_word_for_it() {
        assert_eq!(together(&json!({"listen": "0.0.0.0:1"})), ["/api/listen"]);
        assert_eq!(together(&json!({"listen": "0.0.0.0:1", "insecure": true})), Vec::<String>::new());
        let tls = json!({"certificate": "/c", "key": "/k"});
        assert_eq!(together(&json!({"listen": "0.0.0.0:1", "tls": tls})), Vec::<String>::new());
    }
}
