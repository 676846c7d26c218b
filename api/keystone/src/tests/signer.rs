//! Signs tokens as Keystone does, and as it never would.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::path::Path;

/// A key pair.
pub(super) struct Signer(EcdsaKeyPair);

impl Signer {
    pub(super) fn new() -> Self {
        Self::of(&ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    pub(super) fn p384() -> Self {
        Self::of(&ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    fn of(algorithm: &'static EcdsaSigningAlgorithm) -> Self {
        Self(EcdsaKeyPair::generate(algorithm).unwrap())
    }

    /// The public key as Keystone's tool writes it.
    pub(super) fn pem(&self) -> String {
        let der = self.0.public_key().as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    pub(super) fn public(&self) -> Vec<u8> {
        self.0.public_key().as_der().unwrap().as_ref().to_vec()
    }

    /// Puts the public key into a repository.
    pub(super) fn publish(&self, directory: &Path, name: &str) {
        std::fs::write(directory.join(name), self.pem()).unwrap();
    }

    /// A token with these texts.
    pub(super) fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// A token as Keystone makes it, with these claims put over the usual ones; `null` removes one.
    pub(super) fn token(&self, changes: &Value) -> String {
        self.sign(&header().to_string(), &claims(changes).to_string())
    }
}

pub(super) fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

pub(super) fn header() -> Value {
    json!({"alg": "ES256", "typ": "JWT"})
}

/// The claims of a project's token that was made a hundred seconds ago, changed.
pub(super) fn claims(changes: &Value) -> Value {
    let mut claims = json!({"sub": "u1", "iat": super::NOW - 100, "exp": super::NOW + 3_500,
        "openstack_methods": ["password"], "openstack_audit_ids": ["TGw"], "openstack_project_id": "p1"});
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}
