//! Is a document one? Finds *all* that is wrong, not the first.
//!
//! Two passes: types (serde; each offending key is noted, taken out, and the rest is judged again), then
//! ranges, on what the first pass left. What it says of a key holds for one layer as well as for all of
//! them together, so each layer is judged alone and the complaint can name its file and line.

mod chains;
mod keystone;
mod notifications;
mod output;
mod plugin;
mod rules;
mod subscriptions;
mod time;
mod tls;

pub use chains::tangled as tangled_chains;
pub use rules::{RULE_ID, is_rule_id};

use serde_json::Value;

use super::document::Document;
use super::merge::{escape, keys};
use super::nearest;
use super::secret::may_be_secret;
use super::strict::Strict;
use crate::port::ConfigProblem;

/// How many wrong types are reported before the rest is left for the next time.
const MOST_PROBLEMS: usize = 64;
/// Longest identifier part, in bytes. Source: collectd's `DATA_MAX_NAME_LEN` is 128 with the final NUL.
const LONGEST_NAME: usize = 127;
/// Longest path of a unix socket, in bytes. Source: `sun_path` in unix(7) is 108 with the final NUL.
const LONGEST_SOCKET: usize = 107;
/// Seconds of a year, the longest time that a key may name.
const YEAR: f64 = 31_536_000.0;

/// Types and judges `value`: the document with the default in place of each wrong key, and what is wrong.
pub(super) fn check(value: &Value) -> (Document, Vec<ConfigProblem>) {
    let (document, mut problems) = type_check(value.clone());
    Ranges(&mut problems).document(&document);
    (document, problems)
}

/// Judges what only all layers together can show.
pub(super) fn check_together(document: &Document) -> Vec<ConfigProblem> {
    let together = subscriptions::together(document).into_iter().chain(chains::tangled(document));
    let together = together.chain(keystone::together(document.keystone.as_ref()));
    exposed(document).into_iter().chain(tls::together(document)).chain(together).collect()
}

/// An address that others can reach needs to be asked for twice.
fn exposed(document: &Document) -> Option<ConfigProblem> {
    let address: std::net::SocketAddr = document.api.listen.parse().ok()?;
    let is_closed = address.ip().is_loopback() || document.api.insecure || document.api.tls.is_on();
    (!is_closed).then(|| ConfigProblem {
        pointer: "/api/listen".to_owned(),
        detail: format!(
            "{address} can be reached by others and there is no TLS: take a loopback address such as \
             `127.0.0.1:8720`, give `tls.certificate` and `tls.key`, or say `insecure = true`"
        ),
    })
}

fn type_check(mut value: Value) -> (Document, Vec<ConfigProblem>) {
    let mut problems = Vec::new();
    while problems.len() < MOST_PROBLEMS {
        match serde_path_to_error::deserialize::<_, Document>(Strict(&value)) {
            Ok(document) => return (document, problems),
            Err(error) => {
                let (pointer, container) = pointers(error.path());
                let (pointer, container) = named_key(pointer, container, &error.inner().to_string());
                let detail = if may_be_secret(&pointer) {
                    "this has the wrong type; what was given may be a secret and is not repeated".to_owned()
                } else {
                    explain(&error.inner().to_string())
                };
                problems.push(ConfigProblem { pointer, detail });
                if !take_out(&mut value, &container) {
                    break;
                }
            }
        }
    }
    (Document::default(), problems)
}

/// The pointer of what is wrong, and of the member around it that can be taken out of an object.
fn pointers(path: &serde_path_to_error::Path) -> (String, String) {
    use serde_path_to_error::Segment;
    let (mut pointer, mut container, mut in_list) = (String::new(), String::new(), false);
    for segment in path {
        let key = match segment {
            Segment::Seq { index } => {
                in_list = true;
                index.to_string()
            }
            Segment::Map { key } | Segment::Enum { variant: key } => escape(key),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&key);
        if !in_list {
            container.clone_from(&pointer);
        }
    }
    (pointer, container)
}

/// Points at the unknown key itself where the path ends at the table around it.
fn named_key(pointer: String, container: String, message: &str) -> (String, String) {
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    match unknown {
        Some(key) if keys(&pointer).last().as_deref() != Some(key) => {
            let own = format!("{pointer}/{}", escape(key));
            (own.clone(), own)
        }
        _ => (pointer, container),
    }
}

fn take_out(value: &mut Value, pointer: &str) -> bool {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return false;
    };
    let key = key.replace("~1", "/").replace("~0", "~");
    let members = value.pointer_mut(parent).and_then(Value::as_object_mut);
    members.is_some_and(|members| members.remove(&key).is_some())
}

/// Says serde's complaint in the words of the file that people write.
fn explain(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let mut quoted = rest.split('`');
        let key = quoted.next().unwrap_or_default();
        let allowed: Vec<&str> = quoted.skip(1).step_by(2).collect();
        return nearest::unknown_key(key, &allowed);
    }
    let words =
        [("f64", "a number"), ("u32", "a whole number from 0 to 4294967295"), ("u64", "a whole number")];
    let more =
        [("a sequence", "a list"), ("path string", "a path"), ("a map", "a table"), ("string", "a string")];
    match message.rsplit_once("expected ") {
        Some((found, expected)) => {
            let known = words.iter().chain(&more).find(|(serde, _)| *serde == expected);
            let expected = known.map_or(expected, |(_, ours)| ours);
            let found = found
                .replace("floating point", "number")
                .replace("sequence", "list")
                .replace("map,", "table,");
            format!("{found}expected {expected}")
        }
        None => message.to_owned(),
    }
}

/// Collects what is out of range.
struct Ranges<'a>(&'a mut Vec<ConfigProblem>);

impl Ranges<'_> {
    fn document(&mut self, document: &Document) {
        self.host(document.hostname.as_deref());
        self.seconds("/interval", document.interval, 0.001, YEAR);
        self.count("/timeout", document.timeout, 1, 1000);
        self.seconds("/max_read_interval", document.max_read_interval, 1.0, YEAR);
        self.paths("/types_db", &document.types_db);
        self.paths("/plugin_dirs", &document.plugin_dirs);
        self.paths("/state_dir", document.state_dir.as_slice());
        self.paths("/runtime_dir", document.runtime_dir.as_slice());
        let policy = document.access_policy.as_deref();
        self.say_if(
            policy.is_some_and(|path| !path.is_absolute() || path.to_string_lossy().contains('\0')),
            "/access_policy",
            format_args!("an absolute path such as `/etc/gatherd/policy.toml` is wanted"),
        );
        self.paths("/host_program", document.host_program.as_slice());
        self.host_user(document.host_user.as_deref());
        self.listen(&document.api.listen);
        let socket = document.api.unix_socket.as_deref().unwrap_or_default();
        self.say_if(
            socket.len() > LONGEST_SOCKET || socket.contains('\0'),
            "/api/unix_socket",
            format_args!("a path of at most {LONGEST_SOCKET} bytes is wanted, or \"\" for no socket"),
        );
        self.tls(&document.api.tls);
        self.count("/api/workers", document.api.workers, 1, 64);
        self.count("/api/max_connections", document.api.max_connections, 16, 1_000_000);
        self.seconds("/api/header_timeout", document.api.header_timeout, 0.1, 300.0);
        self.seconds("/api/body_timeout", document.api.body_timeout, 0.1, 3600.0);
        self.seconds("/api/answer_timeout", document.api.answer_timeout, 0.1, 3600.0);
        if let Some(keystone) = &document.keystone {
            self.keystone(keystone);
        }
        self.count("/limits/series", document.limits.series, 1, 100_000_000);
        self.count("/limits/series_per_plugin", document.limits.series_per_plugin, 1, 100_000_000);
        self.count("/limits/abandoned_threads", document.limits.abandoned_threads, 0, 1024);
        self.count("/limits/changed_code", document.limits.changed_code, 0, 1024);
        self.count("/limits/history_bytes", document.limits.history_bytes, 0, u32::MAX);
        self.seconds("/tolerance/future", document.tolerance.future, 0.0, YEAR);
        self.seconds("/prometheus/staleness", document.prometheus.staleness, 1.0, YEAR);
        self.time(&document.time);
        self.notifications(&document.notifications);
        self.heartbeat(&document.heartbeat);
        let filter = &document.log.filter;
        self.say_if(
            filter.is_empty() || filter.len() > 1024 || filter.contains(char::is_control),
            "/log/filter",
            format_args!("a level such as \"info\", or levels by module such as \"info,gatherd_engine=debug\", is wanted"),
        );
        self.outputs(&document.outputs);
        self.plugins(&document.plugins);
        self.thresholds(&document.thresholds);
        self.blacklist(&document.blacklist);
        self.history(&document.history);
        self.subscription_ids(&document.subscriptions);
        self.subscriptions_policy(&document.subscriptions_policy);
        self.chains(&document.chains);
    }

    fn host(&mut self, hostname: Option<&str>) {
        let name = hostname.unwrap_or("any");
        let bad = name.is_empty()
            || name.len() > LONGEST_NAME
            || name.contains(|c: char| c == '/' || c.is_control());
        self.say_if(
            bad,
            "/hostname",
            format_args!("1 to {LONGEST_NAME} bytes without slashes and control characters are wanted"),
        );
    }

    fn listen(&mut self, listen: &str) {
        let address = listen.parse::<std::net::SocketAddr>();
        self.say_if(
            !listen.is_empty() && address.is_err(),
            "/api/listen",
            format_args!(
                "{listen:?} is no address and port: `127.0.0.1:8720`, `[::1]:8720` or \"\" for none is wanted"
            ),
        );
    }

    fn paths(&mut self, pointer: &str, paths: &[std::path::PathBuf]) {
        self.say_if(paths.len() > 64, pointer, format_args!("at most 64 paths are allowed"));
        let bad =
            |path: &std::path::PathBuf| path.as_os_str().is_empty() || path.to_string_lossy().contains('\0');
        self.say_if(paths.iter().any(bad), pointer, format_args!("a path that is not empty is wanted"));
    }

    fn host_user(&mut self, user: Option<&str>) {
        self.say_if(
            user.is_some_and(|user| user.is_empty() || user.len() > 64 || user.contains(['\0', ':'])),
            "/host_user",
            format_args!("the name or number of a user is wanted"),
        );
    }

    fn seconds(&mut self, pointer: &str, found: f64, least: f64, most: f64) {
        self.say_if(
            !(least..=most).contains(&found),
            pointer,
            format_args!("{found} is out of range: seconds from {least} to {most} are allowed"),
        );
    }

    fn count(&mut self, pointer: &str, found: u32, least: u32, most: u32) {
        self.say_if(
            !(least..=most).contains(&found),
            pointer,
            format_args!("{found} is out of range: {least} to {most} is allowed"),
        );
    }

    fn say_if(&mut self, wrong: bool, pointer: &str, detail: std::fmt::Arguments<'_>) {
        if wrong {
            self.0.push(ConfigProblem { pointer: pointer.to_owned(), detail: detail.to_string() });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complaints(value: &Value) -> Vec<(String, String)> {
        check(value).1.into_iter().map(|problem| (problem.pointer, problem.detail)).collect()
    }

    #[test]
    fn every_wrong_key_is_reported_at_once() {
        let (document, problems) = check(&json!({"intervall": 1, "timeout": "two", "api": {"listn": "x"},
            "plugins": {"cpu": {"enabled": 1, "config": {"free": ["form"]}}}, "types_db": ["/a", 7]}));
        let pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(
            pointers.iter().collect::<std::collections::BTreeSet<_>>(),
            ["/api/listn", "/intervall", "/plugins/cpu/enabled", "/timeout", "/types_db/1"].iter().collect()
        );
        // What is right beside it is still read.
        assert_eq!(document.plugins["cpu"].config["free"], json!(["form"]));
    }

    #[test]
    fn unknown_key_names_the_nearest_and_all_allowed() {
        assert_eq!(
            complaints(&json!({"log": {"fliter": "info"}})),
            vec![(
                "/log/fliter".to_owned(),
                "unknown key `fliter`: did you mean `filter`? Allowed here are `filter`, `format`".to_owned()
            )]
        );
    }

    #[test]
    fn wrong_types_are_said_in_the_words_of_the_file() {
        let expected = |pointer: &str, detail: &str| vec![(pointer.to_owned(), detail.to_owned())];
        assert_eq!(
            complaints(&json!({"interval": "fast"})),
            expected("/interval", "invalid type: string \"fast\", expected a number")
        );
        assert_eq!(
            complaints(&json!({"timeout": -1})),
            expected("/timeout", "invalid value: integer `-1`, expected a whole number from 0 to 4294967295")
        );
        assert_eq!(
            complaints(&json!({"plugins": {"cpu": true}})),
            expected("/plugins/cpu", "invalid type: boolean `true`, expected a table of one plugin's keys")
        );
        assert_eq!(
            complaints(&json!({"log": {"format": "xml"}})),
            expected("/log/format", "unknown variant `xml`, expected `text` or `json`")
        );
    }

    #[test]
    fn each_range_has_its_complaint() {
        let long = format!("/blacklist/{}", "x".repeat(65));
        for (value, pointer) in [
            (json!({"hostname": ""}), "/hostname"),
            (json!({"hostname": "a/b"}), "/hostname"),
            (json!({"hostname": "x".repeat(128)}), "/hostname"),
            (json!({"interval": 0}), "/interval"),
            (json!({"interval": 31_536_001}), "/interval"),
            (json!({"timeout": 0}), "/timeout"),
            (json!({"max_read_interval": 0.5}), "/max_read_interval"),
            (json!({"types_db": [""]}), "/types_db"),
            (json!({"plugin_dirs": vec!["/x"; 65]}), "/plugin_dirs"),
            (json!({"state_dir": ""}), "/state_dir"),
            (json!({"runtime_dir": ""}), "/runtime_dir"),
            (json!({"access_policy": "policy.toml"}), "/access_policy"),
            (json!({"access_policy": ""}), "/access_policy"),
            (json!({"host_user": ""}), "/host_user"),
            (json!({"api": {"listen": "localhost"}}), "/api/listen"),
            (json!({"api": {"unix_socket": "x".repeat(108)}}), "/api/unix_socket"),
            (json!({"api": {"workers": 0}}), "/api/workers"),
            (json!({"api": {"max_connections": 15}}), "/api/max_connections"),
            (json!({"api": {"header_timeout": 0}}), "/api/header_timeout"),
            (json!({"api": {"body_timeout": 3601}}), "/api/body_timeout"),
            (json!({"api": {"answer_timeout": 0.01}}), "/api/answer_timeout"),
            (json!({"limits": {"series": 0}}), "/limits/series"),
            (json!({"limits": {"series_per_plugin": 0}}), "/limits/series_per_plugin"),
            (json!({"limits": {"abandoned_threads": 1025}}), "/limits/abandoned_threads"),
            (json!({"limits": {"changed_code": 1025}}), "/limits/changed_code"),
            (json!({"tolerance": {"future": -1}}), "/tolerance/future"),
            (json!({"prometheus": {"staleness": 0}}), "/prometheus/staleness"),
            (json!({"notifications": {"remembered": 0}}), "/notifications/remembered"),
            (json!({"notifications": {"repeat_window": -1}}), "/notifications/repeat_window"),
            (json!({"heartbeat": {"notification_interval": 0.05}}), "/heartbeat/notification_interval"),
            (json!({"subscriptions": {"a b": {}}}), "/subscriptions/a b"),
            (json!({"subscriptions_policy": {"allow": ["x"]}}), "/subscriptions_policy/allow/0"),
            (json!({"subscriptions_policy": {"ca_file": "ca.pem"}}), "/subscriptions_policy/ca_file"),
            (json!({"subscriptions_policy": {"exec_dirs": ["/a/../b"]}}), "/subscriptions_policy/exec_dirs"),
            (json!({"subscriptions_policy": {"exec_dirs": [""]}}), "/subscriptions_policy/exec_dirs"),
            (json!({"log": {"filter": ""}}), "/log/filter"),
            (json!({"plugins": {"CPU": {}}}), "/plugins/CPU"),
            (json!({"plugins": {"cpu": {"interval": 0}}}), "/plugins/cpu/interval"),
            (json!({"plugins": {"api": {}}}), "/plugins/api"),
            (json!({"plugins": {"self": {"type": "cpu"}}}), "/plugins/self"),
            (json!({"plugins": {"cpu": {"limits": {"memory": 1}}}}), "/plugins/cpu/limits/memory"),
            (json!({"plugins": {"cpu": {"limits": {"descriptors": 3}}}}), "/plugins/cpu/limits/descriptors"),
            (
                json!({"plugins": {"cpu": {"limits": {"read_deadline": 0}}}}),
                "/plugins/cpu/limits/read_deadline",
            ),
            (json!({"plugins": {"cpu": {"type": "../cpu"}}}), "/plugins/cpu/type"),
            (json!({"thresholds": {"a b": {}}}), "/thresholds/a b"),
            (json!({"thresholds": {"a": {"hits": 1_000_001}}}), "/thresholds/a/hits"),
            (json!({"blacklist": {"x".repeat(65): {"verb": "notify"}}}), &long),
            (
                json!({"blacklist": {"a": {"verb": "notify", "match": {"type": "["}}}}),
                "/blacklist/a/match/type",
            ),
        ] {
            let found: Vec<String> = complaints(&value).into_iter().map(|(pointer, _)| pointer).collect();
            assert_eq!(found, vec![pointer.to_owned()], "{value}");
        }
    }

    #[test]
    fn a_list_is_no_table_wherever_it_is() {
        for (value, pointer) in [
            (json!([]), ""),
            (json!({"api": []}), "/api"),
            (json!({"plugins": {"cpu": [true]}}), "/plugins/cpu"),
            (json!({"subscriptions": {"a": {"match": []}}}), "/subscriptions/a/match"),
            (json!({"chains": {"a": {"rules": {"b": []}}}}), "/chains/a/rules/b"),
        ] {
            let found: Vec<String> = complaints(&value).into_iter().map(|(pointer, _)| pointer).collect();
            assert_eq!(found, vec![pointer.to_owned()], "{value}");
        }
        let detail = "invalid type: list, expected a table of the API's keys".to_owned();
        assert_eq!(complaints(&json!({"api": ["127.0.0.1:1"]})), vec![("/api".to_owned(), detail)]);
        assert_eq!(complaints(&json!({"plugins": {"cpu": {"config": [1]}}}))[0].0, "/plugins/cpu/config");
        assert_eq!(complaints(&json!({"plugins": {"cpu": {"config": {"a": [[], {}]}}}})), vec![]);
    }

    #[test]
    fn what_may_be_a_secret_is_not_repeated() {
        for (webhook, pointer) in [
            (json!({"secret": 4711}), "/subscriptions/a/webhook/secret"),
            (json!({"secret": ["4711"]}), "/subscriptions/a/webhook/secret"),
            (json!({"headers": {"Authorization": 4711}}), "/subscriptions/a/webhook/headers/Authorization"),
            (json!({"headers": "4711"}), "/subscriptions/a/webhook/headers"),
            (json!("4711"), "/subscriptions/a/webhook"),
        ] {
            let found = complaints(&json!({"subscriptions": {"a": {"webhook": webhook}}}));
            assert_eq!(found[0].0, pointer);
            assert!(!found[0].1.contains("4711"), "{found:?}");
        }
        let others = json!({"subscriptions": {"a": {"webhook": {"timeout": "4711"}}}});
        assert!(complaints(&others)[0].1.contains("4711"));
    }

    #[test]
    fn something_that_is_no_table_is_one_complaint() {
        let detail = "invalid type: integer `5`, expected a table of the document's keys".to_owned();
        assert_eq!(complaints(&json!(5)), vec![(String::new(), detail)]);
    }

    #[test]
    fn the_longest_allowed_name_and_no_listener_are_fine() {
        assert_eq!(
            complaints(&json!({"hostname": "x".repeat(127), "api": {"listen": "", "unix_socket": ""}})),
            vec![]
        );
    }
}
