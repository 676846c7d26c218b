//! The daemon's own tokens: JSON Web Tokens that only this daemon makes and only this daemon believes.
//!
//! A token's first part must be byte for byte the one that we write. So there is no algorithm, key id or
//! embedded key to choose for whoever sends it, and Keystone's tokens cannot stand in for ours.

use gatherd_api_types::Role;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;

/// How long a token is valid, in seconds.
pub(super) const LIFETIME: u64 = 3_600;

/// Issuer of every token.
const ISSUER: &str = "gatherd";

/// Audience of every token.
const AUDIENCE: &str = "gatherd-api";

/// Type of every token; Keystone's say `JWT`.
const TYPE: &str = "gatherd+jwt";

/// The one key there is.
const KEY_ID: &str = "local-1";

/// What a token says. All of it is required, and nothing else may be there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    /// Issuer.
    pub(super) iss: String,
    /// Audience.
    pub(super) aud: String,
    /// Name of the user.
    pub(super) sub: String,
    /// The user's role when the token was made; the user's role of today decides.
    pub(super) role: Role,
    /// The user's password epoch when the token was made.
    pub(super) epoch: String,
    /// Name of the token in logs and in the list of revoked ones.
    pub(super) jti: String,
    /// Made at, in seconds since 1970.
    pub(super) iat: u64,
    /// Valid from, in seconds since 1970.
    pub(super) nbf: u64,
    /// Valid until just before, in seconds since 1970.
    pub(super) exp: u64,
}

impl Claims {
    /// What a token says that begins now.
    pub(super) fn new(user: &str, role: Role, epoch: &str, jti: String, now: u64) -> Self {
        Self {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_owned(),
            role,
            epoch: epoch.to_owned(),
            jti,
            iat: now,
            nbf: now,
            exp: now.saturating_add(LIFETIME),
        }
    }

    /// Whether its times make sense and `now` is between them. No leeway: one clock made and judges them.
    fn is_valid_at(&self, now: u64) -> bool {
        let lifetime = self.exp.checked_sub(self.iat);
        self.iat <= now && self.nbf <= now && now < self.exp && lifetime.is_some_and(|it| it <= LIFETIME)
    }
}

/// A fresh token.
#[derive(Clone)]
pub(crate) struct Issued {
    /// The token; a secret.
    pub(crate) token: String,
    /// What it says.
    pub(crate) facts: Verified,
}

/// What a valid token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Verified {
    /// Name of the user.
    pub(crate) user: String,
    /// The user's role of today.
    pub(crate) role: Role,
    /// Name of the token in logs.
    pub(crate) audit_id: String,
    /// Made at, in seconds since 1970.
    pub(crate) issued_at: u64,
    /// Valid until just before, in seconds since 1970.
    pub(crate) expires_at: u64,
}

/// Signs and checks.
pub(super) struct Signer {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
    header: Header,
    first_part: String,
}

impl Signer {
    /// A signer with this key.
    pub(super) fn new(key: &[u8]) -> Self {
        // A second installation changes nothing, so its refusal does not matter.
        let _already_there = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(KEY_ID.to_owned());
        let mut signer = Self {
            signing: EncodingKey::from_secret(key),
            checking: DecodingKey::from_secret(key),
            validation: validation(),
            header,
            first_part: String::new(),
        };
        let probe = signer.sign(&Claims::new("", Role::Reader, "", String::new(), 0));
        probe.split('.').next().unwrap_or_default().clone_into(&mut signer.first_part);
        signer
    }

    /// The token that says this.
    pub(super) fn sign(&self, claims: &Claims) -> String {
        jsonwebtoken::encode(&self.header, claims, &self.signing)
            .expect("claims of text and numbers are always JSON, and HMAC takes every key")
    }

    /// Whether a token begins with the part that all of ours have, and no other service's.
    pub(super) fn is_own(&self, token: &str) -> bool {
        token.split('.').next() == Some(self.first_part.as_str())
    }

    /// What a token says, if we made it and it is valid now; revocation is not looked at.
    pub(super) fn check(&self, token: &str, now: u64) -> Option<Claims> {
        if token.len() > MAX_TOKEN || !self.is_own(token) {
            return None;
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.validation).ok()?;
        decoded.claims.is_valid_at(now).then_some(decoded.claims)
    }
}

/// Everything but the times, which [`Claims::is_valid_at`] judges with the caller's clock.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.leeway = 0;
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}
