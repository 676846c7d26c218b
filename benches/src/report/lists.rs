//! P7 in the report.

use std::fmt::Write as _;

use super::{Report, Row, mib, spread};
use crate::lists::{Asked, Listed, Round};
use crate::run::median;

impl Report {
    pub(super) fn write_lists(&self, text: &mut String) {
        if self.lists.is_empty() {
            return;
        }
        let series =
            self.lists.values().flatten().flat_map(|round| &round.lists).map(|(_, listed)| listed.series);
        let _infallible = writeln!(
            text,
            "## P7: all series in a list, and one value meanwhile\n\n\
             {} series. A whole list over the unix socket, read line by line and thrown away: the daemon's values\n\
             with all that is known of them, the peer's LISTVAL with time and name.\n\n\
             | list | runs | ms | MiB | times faster than LISTVAL |\n|---|---|---|---|---|",
            series.max().unwrap_or(0)
        );
        let listval = self.listed(Row::Peer { threads: 1 }, "LISTVAL", |it| it.millis).map(median);
        for (row, rounds) in &self.lists {
            for (form, first) in &rounds[0].lists {
                let millis = self.listed(*row, form, |it| it.millis).unwrap_or_default();
                let ratio =
                    listval.filter(|_| *row == Row::Gatherd).map(|peer| peer / median(millis.clone()));
                let ratio = ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.1} ×"));
                let (runs, size) = (millis.len(), mib(first.bytes));
                let _infallible =
                    writeln!(text, "| {form} | {runs} | {} | {size:.0} | {ratio} |", spread(millis));
            }
        }
        text.push_str(
            "\nOne value after the other, a millisecond apart, on a connection that is kept; in microseconds.\n\n\
             | meanwhile | who | p50 | p99 | worst |\n|---|---|---|---|---|\n",
        );
        for what in ["nothing", "lists", "values", "values and lists"] {
            for (row, who) in [(Row::Gatherd, "gatherd, GET"), (Row::Peer { threads: 1 }, "collectd, GETVAL")]
            {
                let cell = |part: fn(&Asked) -> f64| self.asked(row, what, part).map(spread);
                if let (Some(p50), Some(p99), Some(worst)) =
                    (cell(|it| it.p50), cell(|it| it.p99), cell(|it| it.worst))
                {
                    let _infallible = writeln!(text, "| {what} | {who} | {p50} | {p99} | {worst} |");
                }
            }
        }
        text.push_str("\nThe dispatching call of the flow meanwhile, in nanoseconds a value.\n\n| meanwhile | ns |\n|---|---|\n");
        for what in ["nothing", "lists"] {
            let rounds = self.lists.get(&Row::Gatherd).into_iter().flatten();
            let flow: Vec<f64> = rounds.filter_map(|round| find(&round.flow, what)).collect();
            let _infallible = writeln!(text, "| {what} | {} |", spread(flow));
        }
        text.push_str(
            "\nBar: a list at least 5 × faster than LISTVAL; one value within 1 ms at the 99th percentile while lists \
             run.\n",
        );
    }

    fn listed(&self, row: Row, form: &str, part: fn(&Listed) -> f64) -> Option<Vec<f64>> {
        let rounds = self.lists.get(&row)?;
        Some(rounds.iter().filter_map(|round| find(&round.lists, form)).map(|it| part(&it)).collect())
    }

    fn asked(&self, row: Row, what: &str, part: fn(&Asked) -> f64) -> Option<Vec<f64>> {
        let rounds: &Vec<Round> = self.lists.get(&row)?;
        Some(rounds.iter().filter_map(|round| find(&round.asked, what)).map(|it| part(&it)).collect())
    }
}

fn find<T: Copy>(of: &[(&'static str, T)], what: &str) -> Option<T> {
    of.iter().find(|(name, _)| *name == what).map(|(_, found)| *found)
}
