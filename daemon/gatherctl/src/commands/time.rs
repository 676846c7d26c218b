//! The machine's clock.

use super::Desk;
use crate::cli::daemon::{Time as Wish, TimeConfig};
use crate::document::Wish as Edit;
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use gatherd_client::Client;
use gatherd_client::types::{Time, TimeSource, TimeSynced};

impl Desk<'_> {
    pub(super) async fn time(&mut self, client: &Client, wish: Wish) -> Result<(), Failure> {
        match wish {
            Wish::Show => {
                let time = client.time().await?;
                Ok(self.output.one(&time, |time| Human::Sheet(sheet(time)))?)
            }
            Wish::Sync(sync) => {
                let synced = client.sync_time(&sync.request()).await?;
                Ok(self.output.one(&synced, |synced| Human::Line(moved(synced)))?)
            }
            Wish::Config(config) => self.time_config(client, &config).await,
        }
    }

    async fn time_config(&mut self, client: &Client, wish: &TimeConfig) -> Result<(), Failure> {
        let edit = Edit::of(&wish.edits)?;
        let found = client.time_config().await?;
        let asked = wish.change.asked(Some(&found.etag));
        let changed = match edit {
            Edit::Look => {
                self.output.one(&found.value, |_| Human::Json)?;
                self.output.note(&format!("revision {}", found.etag.trim_matches('"')));
                return Ok(());
            }
            Edit::Merge(patch) => client.patch_time_config(&asked, &patch).await?,
            Edit::Whole(whole) => client.replace_time_config(&asked, &whole).await?,
        };
        self.changed(&changed, |_| Human::Json)
    }
}

/// What was done with the clock, in one line.
fn moved(synced: &TimeSynced) -> String {
    if synced.moved == 0.0 {
        return "nothing was moved".to_owned();
    }
    format!("moved by {}", signed(synced.moved))
}

/// A length of time with its sign.
fn signed(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "+" };
    format!("{sign}{}", figures::seconds(seconds.abs()))
}

fn sheet(time: &Time) -> Vec<(&'static str, String)> {
    let source = match time.source {
        TimeSource::Measurement => "a measurement",
        TimeSource::Chrony => "chrony",
        TimeSource::Kernel => "the kernel",
        TimeSource::None => "nobody",
    };
    let known = |length: Option<f64>| figures::known(length, signed);
    vec![
        ("wall", figures::time(&time.wall)),
        ("system", figures::time(&time.system)),
        ("daemon up", figures::seconds(time.monotonic)),
        ("machine up", figures::seconds(time.boot)),
        ("known by", source.to_owned()),
        ("offset", known(time.offset)),
        ("error bound", figures::known(time.error_bound, figures::seconds)),
        ("stratum", figures::known(time.stratum, |stratum| stratum.to_string())),
        ("steps", time.steps.to_string()),
        ("late reads p99", figures::known(time.lateness.p99, figures::seconds)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatherd_client::types::SyncMethod;

    #[test]
    fn a_move_of_the_clock_has_its_sign() {
        let synced = |moved| TimeSynced { method: SyncMethod::Slew, moved, measurement: None };
        assert_eq!(moved(&synced(0.0)), "nothing was moved");
        assert_eq!(moved(&synced(-0.25)), "moved by -250ms");
        assert_eq!(moved(&synced(1.5)), "moved by +1.5s");
    }
}
