//! Which web addresses the daemon may be told to call, so that nobody who may only change subscriptions reaches what
//! only this machine can reach (server-side request forgery).
//!
//! ```text
//!  https://hooks.example.org/x ──► a rule of the files names this host? ──yes──► also private addresses, in clear too
//!                                                 │ no
//!                                                 ▼
//!                              a rule for every host (by default: https) ──► addresses of the Internet only
//! ```
//!
//! A name is judged twice: its spelling when it is configured, and every address that it resolves to when it is called;
//! the connection goes to the address that was judged. Spellings of addresses (octal, hexadecimal, one number, IPv4
//! inside of IPv6) are read as browsers read them before they are judged.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::port::Reach;

/// Longest URL, in bytes.
const LONGEST_URL: usize = 2048;

/// What may be called when no file says anything.
pub const DEFAULT_ALLOW: &str = "https://*:*";

/// The rules of the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy(Vec<Rule>);

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    scheme: Scheme,
    host: Pattern,
    /// `None` for any.
    port: Option<u16>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq)]
enum Pattern {
    /// `*`.
    Every,
    /// `*.example.org`, kept as `.example.org`.
    Below(String),
    /// One host.
    One(Host<String>),
}

/// Why a URL may not be called.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UrlRefused {
    /// It is none.
    #[error("an http or https URL of at most {LONGEST_URL} bytes is wanted")]
    NotOne,
    /// It has a user name or a password in it, which would be shown.
    #[error("a URL with a name or a password in it would show them: use headers")]
    Credentials,
    /// No rule covers it.
    #[error("subscriptions_policy.allow of the configuration files does not cover {0}")]
    NotAllowed(String),
    /// It is an address that only this machine or its network reaches.
    #[error("{0} is no address of the Internet, and subscriptions_policy.allow does not name it")]
    NotPublic(IpAddr),
}

impl Policy {
    /// Reads the rules.
    ///
    /// # Errors
    ///
    /// The place of the first text that is no rule.
    pub fn read<'a>(allow: impl IntoIterator<Item = &'a str>) -> Result<Self, usize> {
        let rules = allow.into_iter().enumerate().map(|(at, text)| Rule::read(text).ok_or(at));
        rules.collect::<Result<_, _>>().map(Self)
    }

    /// Which addresses `url` may lead to.
    ///
    /// # Errors
    ///
    /// [`UrlRefused`].
    pub fn judge(&self, url: &str) -> Result<Reach, UrlRefused> {
        let url = if url.len() > LONGEST_URL { None } else { Url::parse(url).ok() };
        let url = url.ok_or(UrlRefused::NotOne)?;
        let scheme = Scheme::of(url.scheme()).ok_or(UrlRefused::NotOne)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRefused::Credentials);
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(UrlRefused::NotOne);
        };
        let host = plain(host.to_owned());
        let covering = || self.0.iter().filter(|rule| rule.covers(scheme, &host, port));
        let named = covering().any(|rule| rule.host != Pattern::Every);
        match address(&host) {
            Some(address) if named => Ok(Reach::Only(address)),
            None if named => Ok(Reach::Named),
            _ if covering().next().is_none() => {
                Err(UrlRefused::NotAllowed(url.origin().ascii_serialization()))
            }
            Some(address) if !is_public(address) => Err(UrlRefused::NotPublic(address)),
            _ => Ok(Reach::Public),
        }
    }
}

impl Reach {
    /// Whether a connection may go to this address.
    pub fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Named => !is_never_meant(address.to_canonical()),
            Self::Only(one) => one.to_canonical() == address.to_canonical(),
        }
    }
}

impl Scheme {
    fn of(text: &str) -> Option<Self> {
        match text {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }
}

impl Rule {
    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = Scheme::of(scheme)?;
        let bracket = rest.rfind(']').unwrap_or(0);
        let (host, port) = match rest.rfind(':').filter(|colon| *colon > bracket) {
            Some(colon) => (&rest[..colon], Some(&rest[colon + 1..])),
            None => (rest, None),
        };
        let port = match (port, scheme) {
            (Some("*"), _) => None,
            (Some(port), _) => Some(port.parse().ok()?),
            (None, Scheme::Http) => Some(80),
            (None, Scheme::Https) => Some(443),
        };
        let host = match host.strip_prefix("*.") {
            _ if host == "*" => Pattern::Every,
            Some(below) => match Host::parse(below).ok()? {
                Host::Domain(domain) => Pattern::Below(format!(".{domain}")),
                Host::Ipv4(_) | Host::Ipv6(_) => return None,
            },
            None => Pattern::One(plain(Host::parse(host).ok()?)),
        };
        Some(Self { scheme, host, port })
    }

    fn covers(&self, scheme: Scheme, host: &Host<String>, port: u16) -> bool {
        let host_fits = match (&self.host, host) {
            (Pattern::Every, _) => true,
            (Pattern::Below(end), Host::Domain(domain)) => domain.ends_with(end.as_str()),
            (Pattern::Below(_), _) => false,
            (Pattern::One(one), host) => one == host,
        };
        self.scheme == scheme && host_fits && self.port.is_none_or(|one| one == port)
    }
}

/// A host in one spelling: no dot at the end, IPv4 inside of IPv6 as IPv4.
fn plain(host: Host<String>) -> Host<String> {
    match host {
        Host::Domain(domain) => Host::Domain(domain.trim_end_matches('.').to_owned()),
        Host::Ipv6(address) => match IpAddr::V6(address).to_canonical() {
            IpAddr::V4(address) => Host::Ipv4(address),
            IpAddr::V6(address) => Host::Ipv6(address),
        },
        Host::Ipv4(address) => Host::Ipv4(address),
    }
}

fn address(host: &Host<String>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address)),
    }
}

/// Whether an address is one of the Internet. Sources: the IANA special-purpose address registries (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match a {
        0 | 10 | 127 | 224..=255 => true,
        100 => (64..128).contains(&b), // Shared by providers (RFC 6598).
        169 => b == 254,               // Link-local, the clouds' metadata.
        172 => (16..32).contains(&b),
        192 => matches!((b, c), (0, 0 | 2) | (88, 99)) || b == 168,
        198 => matches!(b, 18 | 19) || (b, c) == (51, 100), // Benchmarks, documentation.
        203 => (b, c) == (0, 113),
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is given out. In it: protocols with an address inside (Teredo, 6to4), documentation.
    let special = matches!((a, b), (0x2001, ..0x0200 | 0x0db8) | (0x2002 | 0x3fff, _));
    a & 0xe000 == 0x2000 && !special
}

/// Addresses that no name of a receiver leads to: nothing, everybody, this link, the clouds' metadata.
fn is_never_meant(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let metadata = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
            address.octets()[0] == 0
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                || metadata.contains(&address)
        }
        IpAddr::V6(address) => {
            let metadata = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            address.is_unspecified()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || address == metadata
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allow: &[&str]) -> Policy {
        Policy::read(allow.iter().copied()).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Spellings of what only this machine or its network reaches.
    const TRICKS: &[&str] = &[
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0/",
        "https://0.0.0.0/",
        "https://127.0.0.1./",
        "https://１２７.0.0.1/",
        "https://127。0。0。1/",
        "https://%31%32%37.0.0.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[0:0:0:0:0:ffff:a9fe:a9fe]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::127.0.0.1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
        "https://[ff02::1]/",
        "https://[2001:db8::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2852039166/",
        "https://0xa9fea9fe/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://198.18.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https:\\\\127.0.0.1/",
    ];

    #[test]
    fn no_spelling_of_an_address_within_is_taken_for_one_of_the_internet() {
        let policy = policy(&[DEFAULT_ALLOW]);
        for url in TRICKS {
            assert!(
                matches!(policy.judge(url), Err(UrlRefused::NotPublic(_))),
                "{url}: {:?}",
                policy.judge(url)
            );
        }
        assert_eq!(policy.judge("https://93.184.215.14/"), Ok(Reach::Public));
        assert_eq!(policy.judge("https://[2606:2800:21f::1]:8443/x"), Ok(Reach::Public));
    }

    #[test]
    fn only_http_without_credentials_is_a_url_to_call() {
        let policy = policy(&["http://*:*", "https://*:*"]);
        for url in [
            "",
            "x",
            "ftp://example.org/",
            "file:///etc/passwd",
            "gopher://example.org/",
            "https://",
            "//example.org",
        ] {
            assert_eq!(policy.judge(url), Err(UrlRefused::NotOne), "{url}");
        }
        assert_eq!(
            policy.judge(&format!("https://example.org/{}", "x".repeat(2048))),
            Err(UrlRefused::NotOne)
        );
        for url in ["https://me:pw@example.org/", "https://me@example.org/", "https://example.org@127.0.0.1/"]
        {
            assert_eq!(policy.judge(url), Err(UrlRefused::Credentials), "{url}");
        }
    }

    #[test]
    fn a_name_leads_only_to_addresses_of_the_internet_unless_it_is_named() {
        let public = policy(&[DEFAULT_ALLOW]).judge("https://hooks.example.org/x").unwrap();
        assert!(public.admits(ip("93.184.215.14")) && public.admits(ip("2606:2800:21f::1")));
        for within in
            ["127.0.0.1", "::1", "::ffff:10.0.0.1", "169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0"]
        {
            assert!(!public.admits(ip(within)), "{within}");
        }
        let named = policy(&["http://hooks.internal:*", "https://*.corp"])
            .judge("http://hooks.internal.:8080/")
            .unwrap();
        assert_eq!(named, Reach::Named);
        assert!(named.admits(ip("10.0.0.1")) && named.admits(ip("127.0.0.1")));
        // Whoever owns the name must not lead it to these.
        for never in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "0.0.0.0",
            "224.0.0.1",
            "::",
        ] {
            assert!(!named.admits(ip(never)), "{never}");
        }
    }

    #[test]
    fn a_rule_covers_its_scheme_host_and_port_and_no_more() {
        let policy = policy(&[
            "http://127.0.0.1:8080",
            "https://*.corp",
            "http://[::1]:*",
            "https://hooks.example.org",
        ]);
        assert_eq!(policy.judge("http://127.0.0.1:8080/x"), Ok(Reach::Only(ip("127.0.0.1"))));
        assert_eq!(
            policy.judge("http://0x7f.1:8080/x"),
            Ok(Reach::Only(ip("127.0.0.1"))),
            "the same address"
        );
        assert_eq!(policy.judge("http://[::ffff:127.0.0.1]:8080/x"), Ok(Reach::Only(ip("127.0.0.1"))));
        assert_eq!(policy.judge("http://[::1]:9/x"), Ok(Reach::Only(ip("::1"))));
        assert_eq!(policy.judge("https://a.b.corp/"), Ok(Reach::Named));
        assert_eq!(policy.judge("https://hooks.example.org/"), Ok(Reach::Named));
        for url in [
            "https://127.0.0.1:8080/",
            "http://127.0.0.1/",
            "http://127.0.0.2:8080/",
            "https://corp/",
            "https://evilcorp/",
            "http://a.corp/",
            "https://hooks.example.org:8443/",
            "https://hooks.example.org.evil.com/",
            "https://example.org/",
        ] {
            assert!(
                matches!(policy.judge(url), Err(UrlRefused::NotAllowed(_))),
                "{url}: {:?}",
                policy.judge(url)
            );
        }
        let only = Reach::Only(ip("127.0.0.1"));
        assert!(only.admits(ip("::ffff:127.0.0.1")) && !only.admits(ip("127.0.0.2")));
    }

    #[test]
    fn what_is_no_rule_is_told_with_its_place() {
        for bad in [
            "",
            "example.org",
            "ftp://x",
            "https://",
            "https://x:y",
            "https://x:99999",
            "https://*.1.2.3.4",
            "http://[::1",
        ] {
            assert_eq!(Policy::read(["https://ok", bad]), Err(1), "{bad}");
        }
    }
}
