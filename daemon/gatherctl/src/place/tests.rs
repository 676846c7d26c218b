//! Where commands go.

use super::*;

/// Surroundings with these variables and usable sockets.
struct Fake {
    variables: &'static [(&'static str, &'static str)],
    is_root: bool,
    sockets: &'static [&'static str],
}

impl Fake {
    const EMPTY: Self = Self { variables: &[], is_root: false, sockets: &[] };

    fn find(&self, url: Option<&str>, socket: Option<&str>) -> Result<Place, PlaceError> {
        self.with(|surroundings| Place::find(url, socket.map(Path::new), surroundings))
    }

    fn with<T>(&self, look: impl FnOnce(&Surroundings<'_>) -> T) -> T {
        let variable = |name: &str| {
            let found = self.variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let is_writable = |path: &Path| self.sockets.iter().any(|socket| path == Path::new(socket));
        look(&Surroundings { variable: &variable, is_root: self.is_root, is_writable: &is_writable })
    }
}

fn socket(path: &str) -> Way {
    Way::Socket(path.into())
}

fn url(url: &str) -> Way {
    Way::Url(url.to_owned())
}

#[test]
fn the_command_line_wins_over_the_environment() {
    let fake = Fake { variables: &[("GATHERCTL_URL", "http://e"), ("GATHERCTL_SOCKET", "")], ..Fake::EMPTY };
    assert_eq!(fake.find(None, Some("/c")).unwrap().way, socket("/c"));
    assert_eq!(fake.find(Some("http://c"), None).unwrap().way, url("http://c"));
    assert_eq!(fake.find(None, None).unwrap(), Place { way: url("http://e"), missed: vec![] });
}

#[test]
fn two_places_at_once_are_refused_with_their_names() {
    let error = Fake::EMPTY.find(Some("http://c"), Some("/c")).unwrap_err();
    assert_eq!(error.to_string(), "--url and --socket name two places: give only one");
    let variables = &[("GATHERCTL_URL", "http://e"), ("GATHERCTL_SOCKET", "/e")];
    let error = Fake { variables, ..Fake::EMPTY }.find(None, None).unwrap_err();
    assert_eq!(error.to_string(), "GATHERCTL_URL and GATHERCTL_SOCKET name two places: give only one");
}

#[test]
fn an_address_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let variable = |name: &str| (name == "GATHERCTL_URL").then(|| OsString::from_vec(vec![0xff]));
    let surroundings = Surroundings { variable: &variable, is_root: false, is_writable: &|_| false };
    assert!(matches!(Place::find(None, None, &surroundings), Err(PlaceError::NotText)));
}

#[test]
fn root_uses_the_socket_of_the_system() {
    let variables = &[("XDG_RUNTIME_DIR", "/x"), ("HOME", "/root")];
    let fake = Fake { variables, is_root: true, sockets: &[SYSTEM_SOCKET, "/x/gatherd/gatherd.sock"] };
    assert_eq!(fake.find(None, None).unwrap().way, socket("/run/gatherd/gatherd.sock"));
}

#[test]
fn others_prefer_their_own_socket() {
    let variables = &[("XDG_RUNTIME_DIR", "/x"), ("HOME", "/h")];
    let fake = Fake { variables, is_root: false, sockets: &[SYSTEM_SOCKET, "/x/gatherd/gatherd.sock"] };
    assert_eq!(fake.find(None, None).unwrap().way, socket("/x/gatherd/gatherd.sock"));
    let fake = Fake { sockets: &[SYSTEM_SOCKET], ..fake };
    assert_eq!(fake.find(None, None).unwrap().way, socket("/run/gatherd/gatherd.sock"));
}

#[test]
fn without_a_session_the_socket_is_in_the_state_directory() {
    let fake = Fake {
        variables: &[("HOME", "/h"), ("XDG_RUNTIME_DIR", "not/absolute")],
        sockets: &["/h/.local/state/gatherd/run/gatherd.sock"],
        ..Fake::EMPTY
    };
    assert_eq!(fake.find(None, None).unwrap().way, socket("/h/.local/state/gatherd/run/gatherd.sock"));
}

#[test]
fn without_a_socket_the_default_address_is_used_and_what_was_missed_is_known() {
    let fake = Fake { variables: &[("XDG_RUNTIME_DIR", "/x")], ..Fake::EMPTY };
    let expected = Place {
        way: url("http://127.0.0.1:8720"),
        missed: vec!["/x/gatherd/gatherd.sock".into(), "/run/gatherd/gatherd.sock".into()],
    };
    assert_eq!(fake.find(None, None).unwrap(), expected);
}

#[test]
fn state_is_where_the_session_says_or_at_home() {
    for (variables, expected) in [
        (&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")][..], Some("/s/gatherd")),
        (&[("XDG_STATE_HOME", "s"), ("HOME", "/h")], Some("/h/.local/state/gatherd")),
        (&[], None),
    ] {
        let fake = Fake { variables, ..Fake::EMPTY };
        fake.with(|here| assert_eq!(here.state(), expected.map(PathBuf::from)));
    }
}

#[test]
fn only_loopback_and_encrypted_addresses_are_private() {
    let is_private = |text: &str| Place { way: url(text), missed: vec![] }.is_private();
    let loopback = ["http://127.0.0.1:8720", "http://[::1]:8720/", "http://LocalHost", "http://127.9.9.9/x"];
    for here in loopback.into_iter().chain(["https://web1:8720", "HTTPS://10.0.0.1"]) {
        assert!(is_private(here), "{here}");
    }
    for there in
        ["http://10.0.0.1:8720", "http://localhost.example", "http://127.0.0.1@web1:8720", "http://[::2]"]
    {
        assert!(!is_private(there), "{there}");
    }
    assert!(Place { way: socket("/s"), missed: vec![] }.is_private());
}
