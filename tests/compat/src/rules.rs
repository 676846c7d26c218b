//! How far values may be apart: none for running sums, a stated tolerance for each type of gauge.

use crate::history::{plugin_of, type_of};

/// How the readings of one series are judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// A running sum: **every** reading lies between the two readings of the other side around it; `slack` is
    /// what the kernel itself may take back.
    Between {
        /// In the unit of the series.
        slack: f64,
    },
    /// A running sum that each side begins for itself: as `Between`, after **one** number that is the same for
    /// all readings was added to one side.
    Since {
        /// In the unit of the series.
        slack: f64,
    },
    /// A level: **at least half** of the readings lie between the two readings of the other side around them,
    /// or outside by no more than this, or than the largest step of the level that both sides see. Half,
    /// because a level may leave the bracket and come back within a second; a wrong meaning is wrong every time.
    Near {
        /// In the unit of the series.
        absolute: f64,
        /// Share of the value, added to `absolute`.
        relative: f64,
    },
}

impl Rule {
    /// How far outside its bracket a reading of about this size may lie.
    pub(crate) fn allowance(self, size: f64) -> f64 {
        match self {
            Self::Between { slack } | Self::Since { slack } => slack,
            Self::Near { absolute, relative } => absolute + relative * size.abs(),
        }
    }
}

/// A rule that a type has for itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TypeRule {
    /// Plugin part; empty for every plugin.
    pub(crate) plugin: &'static str,
    /// Type, with or without its instance; empty for every type.
    pub(crate) type_name: &'static str,
    /// How it is judged.
    pub(crate) rule: Rule,
    /// Why it is not exact.
    pub(crate) reason: &'static str,
}

const fn near(
    (plugin, type_name): (&'static str, &'static str),
    absolute: f64,
    relative: f64,
    reason: &'static str,
) -> TypeRule {
    TypeRule { plugin, type_name, rule: Rule::Near { absolute, relative }, reason }
}

const MIB: f64 = 1_048_576.0;

/// Rules of single types; the first that fits counts.
pub(crate) const RULES: &[TypeRule] = &[
    TypeRule {
        plugin: "cpu",
        type_name: "cpu",
        rule: Rule::Between { slack: 2.0 },
        reason: "ticks; the kernel's `idle` and `wait` may fall by a tick or two",
    },
    near(
        ("disk", "disk_time"),
        100.0,
        0.5,
        "a sum of averages over each side's own intervals, so only its size is the same",
    ),
    near(("memory", "memory"), MIB, 0.02, "bytes; moves all the time"),
    near(("memory", "percent"), 0.5, 0.0, "percent; moves all the time"),
    near(("swap", "swap"), MIB, 0.02, "bytes; moves with the memory"),
    near(("swap", "percent"), 1.0, 0.0, "percent; moves with the memory"),
    near(("cpu", "percent"), 5.0, 0.0, "points of percent; each side has its own second"),
    near(("load", "load"), 0.03, 0.02, "two decimals of ours against 1/2048; both change every five seconds"),
    near(("df", "df_complex"), MIB, 0.001, "bytes; others write meanwhile"),
    near(("df", "df_inodes"), 64.0, 0.001, "inodes; others write meanwhile"),
    near(("df", "percent_bytes"), 0.1, 0.0, "percent; others write meanwhile"),
    near(("df", "percent_inodes"), 0.1, 0.0, "percent; others write meanwhile"),
    near(("uptime", "uptime"), 1.0, 0.0, "whole seconds, each side at its own moment"),
    TypeRule { plugin: "processes", type_name: "fork_rate", rule: SUM, reason: "counted by the kernel" },
    TypeRule {
        plugin: "processes",
        type_name: "",
        rule: Rule::Since { slack: 0.0 },
        reason: "ours is the sum since the plugin started, collectd's holds also what chosen processes did before",
    },
    near(
        ("processes", "file_handles"),
        4.0,
        0.05,
        "files or mapped pieces; a daemon that looks at itself sees also what it opened to look",
    ),
    near(("processes", "ps_state"), 1.0, 0.02, "processes change their state all the time"),
    near(("processes", ""), 2.0, 0.02, "processes come and go within a second"),
    near(
        ("protocols", "protocol_counter-CurrEstab"),
        3.0,
        0.05,
        "connections that there are now, which the kernel tells among its counters",
    ),
    near(("tcpconns", ""), 3.0, 0.05, "connections come and go within a second"),
    near(("", "vmpage_number"), 256.0, 0.02, "pages; moves all the time"),
];

/// The rule for a level that has none for itself.
pub(crate) const LEVEL: Rule = Rule::Near { absolute: 1.0, relative: 0.02 };

/// The rule for a running sum that has none for itself.
pub(crate) const SUM: Rule = Rule::Between { slack: 0.0 };

/// The rule for the series called `identifier`, without its host, whose data source is of this kind.
pub(crate) fn rule(identifier: &str, kind: &str) -> Rule {
    let (plugin, type_name) = (plugin_of(identifier), type_of(identifier));
    let with_instance = identifier.split_once('/').map_or("", |(_, type_part)| type_part);
    let fits = |rule: &&TypeRule| {
        let is_level = matches!(rule.rule, Rule::Near { .. });
        (rule.plugin.is_empty() || rule.plugin == plugin)
            && ([type_name, with_instance].contains(&rule.type_name)
                || (rule.type_name.is_empty() && is_level == (kind == "gauge")))
    };
    let own = RULES.iter().find(fits).map(|rule| rule.rule);
    own.unwrap_or(if kind == "gauge" { LEVEL } else { SUM })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_sums_without_a_rule_of_their_own_are_exact() {
        assert_eq!(rule("interface-lo/if_octets", "derive"), Rule::Between { slack: 0.0 });
        assert_eq!(rule("processes-ours/ps_cputime", "derive"), Rule::Since { slack: 0.0 });
        assert_eq!(rule("processes/fork_rate", "derive"), Rule::Between { slack: 0.0 });
        assert_eq!(rule("swap/swap_io-in", "derive"), Rule::Between { slack: 0.0 });
    }

    #[test]
    fn a_level_among_counters_is_judged_as_one() {
        let told = |instance: &str| rule(&format!("protocols-Tcp/protocol_counter-{instance}"), "derive");
        assert_eq!(told("CurrEstab"), Rule::Near { absolute: 3.0, relative: 0.05 });
        assert_eq!(told("ActiveOpens"), Rule::Between { slack: 0.0 });
    }

    #[test]
    fn levels_have_the_tolerance_of_their_type() {
        assert_eq!(rule("cpu-0/percent-idle", "gauge").allowance(90.0), 5.0);
        assert_eq!(rule("processes-ours/ps_rss", "gauge"), Rule::Near { absolute: 2.0, relative: 0.02 });
        assert_eq!(rule("entropy/entropy", "gauge").allowance(100.0), 3.0);
    }
}
