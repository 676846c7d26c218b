//! What the document says of TLS, in the words of the server.

use anyhow::Context;
use gatherd_api::tls::{Clients, Oldest, TlsConfig};
use gatherd_engine::desired::{ClientCertificatesWord, TlsEntry, TlsVersionWord};

use crate::keystone::role;

/// Where the files are and what is asked of those who connect; `None` where nothing is encrypted.
///
/// # Errors
///
/// When a name of a certificate is not one, which a document that was judged does not have.
pub(crate) fn config(tls: &TlsEntry) -> anyhow::Result<Option<TlsConfig>> {
    let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) else { return Ok(None) };
    Ok(Some(TlsConfig {
        certificate: certificate.clone(),
        key: key.clone(),
        oldest: match tls.min_version {
            TlsVersionWord::V1_2 => Oldest::V1_2,
            TlsVersionWord::V1_3 => Oldest::V1_3,
        },
        clients: clients(tls)?,
    }))
}

fn clients(tls: &TlsEntry) -> anyhow::Result<Option<Clients>> {
    let required = match tls.client_certificates {
        ClientCertificatesWord::None => return Ok(None),
        ClientCertificatesWord::Optional => false,
        ClientCertificatesWord::Required => true,
    };
    let authorities = tls.client_ca.clone().context("api.tls.client_ca is missing")?;
    let named = tls.client_roles.iter().map(|(name, word)| {
        let name = name.parse().with_context(|| format!("api.tls.client_roles: {name:?}"))?;
        Ok((name, role(*word)))
    });
    let roles = named.collect::<anyhow::Result<_>>()?;
    Ok(Some(Clients { authorities, revoked: tls.client_crl.clone(), required, roles }))
}

#[cfg(test)]
mod tests {
    use gatherd_api::types::Role;
    use gatherd_engine::desired::Document;
    use serde_json::json;

    use super::*;

    fn read(tls: &serde_json::Value) -> Option<TlsConfig> {
        let document: Document = serde_json::from_value(json!({"api": {"tls": tls}})).unwrap();
        config(&document.api.tls).unwrap()
    }

    #[test]
    fn nothing_is_encrypted_without_a_certificate() {
        assert_eq!(read(&json!({})), None);
    }

    #[test]
    fn every_key_reaches_the_server() {
        let found = read(&json!({"certificate": "/c", "key": "/k", "min_version": "1.3",
            "client_certificates": "required", "client_ca": "/a", "client_crl": "/l",
            "client_roles": {"dns:Ops.example.org": "admin", "cn:x": "reader"}}));
        let names = [("dns:ops.example.org", Role::Admin), ("cn:x", Role::Reader)];
        let roles = names.map(|(name, role)| (name.parse().unwrap(), role)).into_iter().collect();
        let clients = Clients { authorities: "/a".into(), revoked: Some("/l".into()), required: true, roles };
        let expected = TlsConfig {
            certificate: "/c".into(),
            key: "/k".into(),
            oldest: Oldest::V1_3,
            clients: Some(clients),
        };
        assert_eq!(found, Some(expected));
    }
}
