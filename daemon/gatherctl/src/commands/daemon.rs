//! The daemon itself.

use super::Desk;
use crate::cli::daemon::Daemon;
use crate::failure::Failure;
use crate::output::Human;
use gatherd_client::Client;
use gatherd_client::types::Reloaded;

impl Desk<'_> {
    pub(super) async fn daemon(&mut self, client: &Client, wish: Daemon) -> Result<(), Failure> {
        match wish {
            Daemon::Heartbeat => self.status(client).await,
            Daemon::LogLevel(level) => self.log_level(client, level).await,
            Daemon::Reload(change) => {
                let reloaded = client.reload_daemon(&change.asked(None)).await?;
                self.changed(&reloaded, |reloaded| Human::Lines(told(reloaded)))
            }
        }
    }
}

/// What reading the files again led to, line by line.
fn told(reloaded: &Reloaded) -> Vec<String> {
    let Reloaded { revision: _, changed, needs_restart } = reloaded;
    let mut lines = vec![match changed.as_slice() {
        [] => "nothing changed".to_owned(),
        changed => format!("changed: {}", changed.join(" ")),
    }];
    if !needs_restart.is_empty() {
        lines.push(format!("takes effect at the next start: {}", needs_restart.join(", ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_were_read_again_say_what_changed_and_what_must_wait() {
        let reloaded = Reloaded {
            revision: 9,
            changed: vec!["/plugins/df".to_owned(), "/api".to_owned()],
            needs_restart: vec!["api".to_owned()],
        };
        assert_eq!(told(&reloaded), ["changed: /plugins/df /api", "takes effect at the next start: api"]);
        let nothing = Reloaded { revision: 9, changed: vec![], needs_restart: vec![] };
        assert_eq!(told(&nothing), ["nothing changed"]);
    }
}
