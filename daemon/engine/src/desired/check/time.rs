//! Ranges of the section `time`.

use super::{LONGEST_SOCKET, Ranges, YEAR};
use crate::desired::document::Time;

/// How many servers may be named.
const MOST_SERVERS: usize = 16;
/// Longest name of a server with its port, in bytes. Source: a name of the DNS has at most 253.
const LONGEST_SERVER: usize = 259;

impl Ranges<'_> {
    pub(super) fn time(&mut self, time: &Time) {
        self.say_if(
            time.servers.len() > MOST_SERVERS,
            "/time/servers",
            format_args!("at most {MOST_SERVERS} servers are allowed"),
        );
        for (at, server) in time.servers.iter().enumerate() {
            self.say_if(
                !names_a_host(server),
                &format!("/time/servers/{at}"),
                format_args!("a server such as `ntp.example.org` or `192.0.2.1:123` is wanted"),
            );
        }
        if time.interval != 0.0 {
            self.seconds("/time/interval", time.interval, 16.0, YEAR);
        }
        self.seconds("/time/timeout", time.timeout, 0.1, 10.0);
        self.seconds("/time/max_error", time.max_error, 0.000_001, 60.0);
        self.seconds("/time/max_step", time.max_step, 0.0, YEAR);
        self.say_if(
            !time.chrony.is_empty() && time.chrony.parse::<std::net::SocketAddr>().is_err(),
            "/time/chrony",
            format_args!("an address and a port such as `127.0.0.1:323` is wanted, or \"\" for none"),
        );
        let helper = &time.helper;
        self.say_if(
            !helper.starts_with('/') || helper.len() > LONGEST_SOCKET || helper.contains('\0'),
            "/time/helper",
            format_args!("an absolute path of at most {LONGEST_SOCKET} bytes is wanted"),
        );
    }
}

/// Whether a text can be a host with or without a port; whether there is such a host is found when it is asked.
fn names_a_host(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]%".contains(c);
    !text.is_empty() && text.len() <= LONGEST_SERVER && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::check;

    #[test]
    fn each_key_that_is_out_of_range_is_named() {
        let wrong = json!({"time": {"servers": ["a b", "", "[::1]:123"], "interval": 1.0, "timeout": 0.0,
            "max_error": 0.0, "max_step": -1.0, "chrony": "localhost", "helper": "run/x"}});
        let (_, problems) = check(&wrong);
        let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        let expected =
            ["servers/0", "servers/1", "interval", "timeout", "max_error", "max_step", "chrony", "helper"];
        assert_eq!(pointers, expected.map(|key| format!("/time/{key}")));
        let (_, problems) =
            check(&json!({"time": {"servers": ["ntp.example.org"], "interval": 0, "chrony": ""}}));
        assert_eq!(problems, []);
    }
}
