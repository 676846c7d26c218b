//! The certificate that somebody showed at the beginning of a connection, as a credential.
//!
//! It is judged then, and again whenever the files changed or its time may be over: whom an authority takes back does
//! not stay in because the connection is old.

use super::Tls;
use super::certificate::CertificateFacts;
use gatherd_api_types::Role;
use rustls::pki_types::{CertificateDer, UnixTime};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Somebody's certificate, which the library believed.
pub(crate) struct ClientCertificate {
    tls: Tls,
    /// Its own first.
    chain: Vec<CertificateDer<'static>>,
    facts: CertificateFacts,
    /// The files by which it was judged last.
    generation: AtomicU64,
}

impl ClientCertificate {
    /// What was shown on a connection that began with `generation`; `None` for what is no certificate.
    pub(super) fn new(tls: &Tls, chain: &[CertificateDer<'_>], generation: u64) -> Option<Self> {
        let facts = CertificateFacts::read(chain.first()?).ok()?;
        let chain = chain.iter().map(|one| one.clone().into_owned()).collect();
        Some(Self { tls: tls.clone(), chain, facts, generation: AtomicU64::new(generation) })
    }

    /// Its name and role at `now` (seconds since 1970); `None` when it does not count any more, or for nothing.
    ///
    /// Of several names that have a role, the strongest counts.
    pub(crate) fn identify(&self, now: u64) -> Option<(String, Role)> {
        let material = self.tls.current();
        let believed = material.clients.as_ref()?;
        if !self.facts.is_valid_at(now) {
            return None;
        }
        if self.generation.load(Ordering::Acquire) != material.generation {
            let (own, between) = self.chain.split_first()?;
            let at = UnixTime::since_unix_epoch(Duration::from_secs(now));
            believed.judge.verify_client_cert(own, between, at).ok()?;
            self.generation.store(material.generation, Ordering::Release);
        }
        let named = self.facts.names.iter().filter_map(|name| Some((name, *believed.roles.get(name)?)));
        // The first of the strongest: URIs come before DNS names, and these before common names.
        let (name, role) = named.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
        Some((name.to_string(), role))
    }
}
