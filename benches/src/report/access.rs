//! P13 in the report.

use std::fmt::Write as _;

use super::Report;
use crate::jitter::percentile;

impl Report {
    pub(super) fn write_access(&self, text: &mut String) {
        if self.asked.own.is_empty() {
            return;
        }
        text.push_str(
            "## P13: a token of Keystone that was asked about before\n\n\
             Requests for the heartbeat over the unix socket, in turn with a token of the daemon and with one of Keystone,\n\
             each over a connection of its own. Keystone was asked once, before.\n\n\
             | token | requests | median µs | p99 µs |\n|---|---|---|---|\n",
        );
        let sorted = |took: &[f64]| {
            let mut took = took.to_vec();
            took.sort_by(f64::total_cmp);
            took
        };
        let (own, keystone) = (sorted(&self.asked.own), sorted(&self.asked.keystone));
        for (token, took) in [("of the daemon", &own), ("of Keystone, remembered", &keystone)] {
            let [middle, late] = [50, 99].map(|percent| percentile(took, percent));
            let _infallible = writeln!(text, "| {token} | {} | {middle:.1} | {late:.1} |", took.len());
        }
        let added = percentile(&keystone, 50) - percentile(&own, 50);
        let _infallible = writeln!(
            text,
            "\nIt adds {added:.1} µs to what a token of the daemon costs (median against median).\n\n\
             Bar: at most 50 µs."
        );
    }
}
