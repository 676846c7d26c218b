//! TLS on the TCP socket: which certificate is shown, whose certificates are believed, and how both are renewed.
//!
//! ```text
//!  files ─► Material (all of them together, or none) ─► current ─► each new connection takes what is current
//!    ▲                                                     ▲
//!    └── looked at every few seconds, at once on a reload ─┘ replaced as a whole; what is broken stays outside
//! ```
//!
//! What is replaced is everything that belongs to a connection's beginning, the memory of earlier sessions included:
//! who resumes a session was judged by the files of today.

mod certificate;
mod client;
mod door;
mod fault;
mod files;
mod material;
mod settings;
mod watch;

use crate::clock::now;
use crate::management::{CertificateNews, Management};
use arc_swap::ArcSwap;
use gatherd_api_types::{CertificateState, Timestamp};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use watch::{Watch, Wish};

pub(crate) use client::ClientCertificate;
pub(crate) use door::{Welcome, welcome};
pub use fault::TlsError;
pub(crate) use material::Material;
pub use settings::{ClientName, Clients, Oldest, TlsConfig};

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_secs(5);

/// How long before its end a certificate is complained about once a day, in seconds.
const SOON: i64 = 14 * DAY;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// What TLS is served with now. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    config: TlsConfig,
    current: ArcSwap<Material>,
    watch: Mutex<Watch>,
    /// Who hears what happens, once somebody does.
    listener: OnceLock<Arc<dyn Management>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files and judges them. A certificate whose time is over is served with a warning: it may be the
    /// clock that is wrong, and without it nobody could come in to correct that.
    ///
    /// # Errors
    ///
    /// [`TlsError`] names the first file that cannot be used.
    pub fn open(config: &TlsConfig) -> Result<Self, TlsError> {
        let seen = config.stamps();
        let material = Material::load(config, 1)?;
        material.tell(now());
        Ok(Self(Arc::new(Inner {
            config: config.clone(),
            current: ArcSwap::from_pointee(material),
            watch: Mutex::new(Watch::new(seen)),
            listener: OnceLock::new(),
        })))
    }

    /// Lets somebody hear what happens from now on.
    pub(crate) fn tell_to(&self, listener: Arc<dyn Management>) {
        let _heard_already = self.0.listener.set(listener);
    }

    fn news(&self, news: CertificateNews) {
        if let Some(listener) = self.0.listener.get() {
            listener.certificate_news(news);
        }
    }

    /// What new connections get.
    pub(crate) fn current(&self) -> Arc<Material> {
        self.0.current.load_full()
    }

    /// Takes over files that changed since the last look; what is broken leaves everything as it was. May block.
    pub(crate) fn look(&self) {
        self.renew(Wish::IfChanged);
    }

    /// Takes over the files as they are now; what is broken leaves everything as it was, and is said at once. May block.
    pub fn reload(&self) {
        self.renew(Wish::Now);
    }

    fn renew(&self, wish: Wish) {
        let Inner { config, current, watch, listener: _ } = &*self.0;
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = config.stamps();
        if !watch.wants(&seen, wish) {
            return;
        }
        match Material::load(config, current.load().generation + 1) {
            Ok(material) => {
                material.tell(now());
                current.store(Arc::new(material));
                if watch.taken(seen) {
                    self.news(CertificateNews::Taken);
                }
            }
            Err(error) => {
                if watch.refused(seen, wish, error.told()) {
                    self.news(CertificateNews::NotTaken(error.told()));
                    let chain = error.chain();
                    tracing::error!(
                        error = chain,
                        "the files of TLS are not taken over; those of before go on"
                    );
                }
            }
        }
    }

    /// Looks at the files again and again. Ends with the task that waits for it.
    pub(crate) async fn keep_fresh(self) {
        let mut warned = now();
        self.warn(warned);
        loop {
            tokio::time::sleep(LOOK).await;
            let looking = self.clone();
            // Only a panic or the end of the daemon breaks a look off; the next one goes on.
            let _looked = tokio::task::spawn_blocking(move || looking.look()).await;
            let now = now();
            if now.saturating_sub(warned) >= DAY.unsigned_abs() {
                warned = now;
                self.current().warn(now);
                self.warn(now);
            }
        }
    }

    /// Tells of a certificate that ends soon, or has ended.
    fn warn(&self, now: u64) {
        let left = self.current().facts.not_after.saturating_sub(i64::try_from(now).unwrap_or(i64::MAX));
        if left < SOON {
            self.news(CertificateNews::Ends { days: left.div_euclid(DAY) });
        }
    }

    /// What a caller may know.
    pub(crate) fn state(&self) -> CertificateState {
        let material = self.current();
        let problem =
            self.0.watch.lock().unwrap_or_else(PoisonError::into_inner).problem().map(str::to_owned);
        let moment = |seconds: i64| Timestamp::from_unix(seconds, 0);
        CertificateState {
            subject: material.facts.subject.clone(),
            issuer: material.facts.issuer.clone(),
            fingerprint: material.facts.fingerprint.clone(),
            begins_at: moment(material.facts.not_before),
            ends_at: moment(material.facts.not_after),
            loaded_at: moment(i64::try_from(material.loaded).unwrap_or(i64::MAX)),
            problem,
        }
    }

    /// When the certificate ends and whether newer files cannot be used, as lines that both formats of an exposition
    /// allow.
    pub(crate) fn exposed(&self) -> String {
        let end = self.current().facts.not_after;
        let problem = u8::from(self.state().problem.is_some());
        format!(
            "# HELP gatherd_certificate_end_timestamp_seconds When the certificate of the API ends.\n\
             # TYPE gatherd_certificate_end_timestamp_seconds gauge\n\
             gatherd_certificate_end_timestamp_seconds {end}\n\
             # HELP gatherd_certificate_failing Whether newer files of TLS cannot be used.\n\
             # TYPE gatherd_certificate_failing gauge\n\
             gatherd_certificate_failing {problem}\n"
        )
    }

    /// Whether the certificate counts at `now` (seconds since 1970), and the newest files are in force.
    pub(crate) fn is_well(&self, now: u64) -> bool {
        let is_taken = self.0.watch.lock().unwrap_or_else(PoisonError::into_inner).problem().is_none();
        is_taken && self.current().facts.is_valid_at(now)
    }
}
