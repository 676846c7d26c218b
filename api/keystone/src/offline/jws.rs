//! A signed token (RFC 7515, compact), read as strictly as Keystone writes it.
//!
//! The header must be `{"alg":"ES256","typ":"JWT"}` and nothing more: so no other algorithm, key, address of a key or
//! extension can be chosen by whoever sends it. Claims that Keystone does not know are refused as well.
//!
//! Source of the claims: `keystone/token/providers/jws`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatherd_api::auth::{DomainName, Named, Scope, TokenFacts, Vouched};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Longest id in a claim, in bytes.
const LONGEST: usize = 255;

/// Most audit ids and methods.
const MOST: usize = 16;

/// By how much Keystone's own answer may differ from the token's end, in seconds: it rounds.
const ROUNDING: u64 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
}

/// What a token says; every member that Keystone may write.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    sub: String,
    iat: u64,
    exp: u64,
    openstack_methods: Vec<String>,
    openstack_audit_ids: Vec<String>,
    openstack_project_id: Option<String>,
    openstack_domain_id: Option<String>,
    openstack_system: Option<String>,
    openstack_trust_id: Option<String>,
    openstack_app_cred_id: Option<String>,
    openstack_access_token_id: Option<String>,
    openstack_thumbprint: Option<String>,
    #[serde(rename = "openstack_group_ids")]
    _groups: Option<IgnoredAny>,
    #[serde(rename = "openstack_idp_id")]
    _provider: Option<String>,
    #[serde(rename = "openstack_protocol_id")]
    _protocol: Option<String>,
}

/// A token whose parts are well made; nothing is known of its signature yet.
pub(crate) struct Signed<'a> {
    /// What is signed.
    pub(super) message: &'a [u8],
    /// The two numbers of the signature.
    pub(super) signature: [u8; 64],
    claims: Claims,
}

impl<'a> Signed<'a> {
    /// Reads a token; `None` for whatever Keystone would not write.
    pub(crate) fn read(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let Header { alg, typ } = part(header)?;
        if alg != "ES256" || typ != "JWT" {
            return None;
        }
        let claims: Claims = part(claims)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?.try_into().ok()?;
        Some(Self { message: message.as_bytes(), signature, claims })
    }

    /// Whether it can be what Keystone said this of.
    pub(crate) fn is_of(&self, facts: &TokenFacts) -> bool {
        self.claims.sub == facts.user.id && self.claims.exp.abs_diff(facts.expires_at) <= ROUNDING
    }

    /// What it says, if it is valid now and says all that must be known; the signature is somebody else's matter.
    pub(super) fn facts(self, now: u64, leeway: u64) -> Option<TokenFacts> {
        let Claims {
            sub,
            iat,
            exp,
            openstack_methods: methods,
            openstack_audit_ids: audit_ids,
            openstack_project_id: project,
            openstack_domain_id: domain,
            openstack_system: system,
            openstack_trust_id: trust,
            openstack_app_cred_id: application,
            openstack_access_token_id: access,
            openstack_thumbprint: thumbprint,
            _groups,
            _provider,
            _protocol,
        } = self.claims;
        // What somebody lent, or bound to a certificate, has limits that only Keystone knows.
        if trust.is_some() || application.is_some() || access.is_some() || thumbprint.is_some() {
            return None;
        }
        let is_now = iat < exp && iat <= now.saturating_add(leeway) && now < exp.saturating_add(leeway);
        let is_short = |list: &[String]| list.len() <= MOST && list.iter().all(|it| it.len() <= LONGEST);
        if !is_now || !is_short(&methods) || !is_short(&audit_ids) {
            return None;
        }
        Some(TokenFacts {
            user: bare(sub)?,
            scope: scope(project, domain, system)?,
            roles: Vec::new(),
            methods,
            application_credential: None,
            audit_ids,
            issued_at: iat,
            expires_at: exp.saturating_add(leeway), // By our clock.
            vouched: Vouched::Offline,
        })
    }
}

fn scope(project: Option<String>, domain: Option<String>, system: Option<String>) -> Option<Scope> {
    match (project, domain, system) {
        (None, None, None) => Some(Scope::Unscoped),
        (Some(project), None, None) => Some(Scope::Project(bare(project)?)),
        (None, Some(domain), None) => {
            let Named { id, name, domain: _ } = bare(domain)?;
            Some(Scope::Domain(DomainName { id, name }))
        }
        (None, None, Some(system)) if system == "all" => Some(Scope::System),
        _ => None,
    }
}

/// Something of which the id alone is known.
fn bare(id: String) -> Option<Named> {
    let is_id = (1..=LONGEST).contains(&id.len());
    is_id.then(|| Named { name: id.clone(), id, domain: None })
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    // A list in the order of the members would be taken for an object.
    if bytes.first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(&bytes).ok()
}
