//! What this host is called: collectd's `Hostname` and `FQDNLookup`.
//!
//! A configured name is taken as it is. Otherwise the machine's own name is, and where it is to be fully
//! qualified, the canonical name that the resolver gives for it (`getaddrinfo` with `AI_CANONNAME`). A
//! resolver that fails or takes too long is said in the log, and the machine's own name serves.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long the resolver may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest host part of an identifier, in bytes. Source: collectd's `DATA_MAX_NAME_LEN`.
const LONGEST: usize = 127;

/// The host part of identifiers. May block, for at most five seconds.
pub(crate) fn find(configured: Option<&str>, fqdn_lookup: bool) -> String {
    choose(configured, own_name(), fqdn_lookup, |name| canonical_name(name, PATIENCE))
}

fn choose(
    configured: Option<&str>,
    own: String,
    fqdn_lookup: bool,
    look_up: impl FnOnce(&str) -> Result<String, String>,
) -> String {
    if let Some(name) = configured {
        return name.to_owned();
    }
    if !fqdn_lookup {
        return own;
    }
    match look_up(&own) {
        Ok(name) if is_usable(&name) => name,
        Ok(name) => {
            tracing::warn!(found = ?name, "the canonical name of this host cannot be used; using its own name {own}");
            own
        }
        Err(reason) => {
            tracing::warn!(
                reason,
                "cannot look up the canonical name of this host; using its own name {own} \
                 (set `hostname`, or `fqdn_lookup = false`)"
            );
            own
        }
    }
}

fn own_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if is_usable(&name) { name } else { "localhost".to_owned() }
}

fn is_usable(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && !name.contains(|c: char| c == '/' || c.is_control())
}

/// Asks the resolver on a thread of its own: it may hang for minutes, and cannot be told to stop.
fn canonical_name(name: &str, patience: Duration) -> Result<String, String> {
    let (answer, answered) = mpsc::sync_channel(1);
    let own = name.to_owned();
    let asking = move || {
        // Nobody listens any more when the resolver took too long.
        let _late = answer.send(ask(&own));
    };
    thread::Builder::new().name("resolver".to_owned()).spawn(asking).map_err(|error| error.to_string())?;
    answered.recv_timeout(patience).unwrap_or_else(|_| Err(format!("no answer within {patience:?}")))
}

fn ask(name: &str) -> Result<String, String> {
    /// `AI_CANONNAME` of `<netdb.h>`, the same number on every Linux.
    const CANONICAL: i32 = 2;
    let hints = dns_lookup::AddrInfoHints { flags: CANONICAL, ..dns_lookup::AddrInfoHints::default() };
    let found = dns_lookup::getaddrinfo(Some(name), None, Some(hints))
        .map_err(|error| std::io::Error::from(error).to_string())?;
    let mut names = found.filter_map(Result::ok).filter_map(|address| address.canonname);
    names.next().ok_or_else(|| "it has no canonical name".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never(_: &str) -> Result<String, String> {
        panic!("the resolver is not asked")
    }

    #[test]
    fn a_configured_name_is_taken_as_it_is() {
        assert_eq!(choose(Some("web1"), "own".to_owned(), true, never), "web1");
    }

    #[test]
    fn without_lookup_the_own_name_serves() {
        assert_eq!(choose(None, "own".to_owned(), false, never), "own");
    }

    #[test]
    fn with_lookup_the_canonical_name_serves() {
        let look_up = |name: &str| Ok(format!("{name}.example.org"));
        assert_eq!(choose(None, "own".to_owned(), true, look_up), "own.example.org");
    }

    #[test]
    fn when_the_lookup_fails_the_own_name_serves() {
        assert_eq!(choose(None, "own".to_owned(), true, |_| Err("no".to_owned())), "own");
        for bad in ["", "a/b", "a\nb", &"x".repeat(128)] {
            assert_eq!(choose(None, "own".to_owned(), true, |_| Ok(bad.to_owned())), "own");
        }
    }

    #[test]
    fn the_resolver_knows_this_machine_itself() {
        assert_eq!(canonical_name("localhost", PATIENCE), Ok("localhost".to_owned()));
    }

    #[test]
    fn the_machine_has_a_name() {
        assert!(is_usable(&own_name()));
    }
}
