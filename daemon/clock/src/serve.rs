//! One request from its line to its answer.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::Path;

use crate::kernel::SettableClock;
use crate::ledger::{Ledger, LedgerError, Limits, Uptime};
use crate::words::{Answer, LONGEST_LINE, Reason, Request};

/// Reads one request, carries it out and answers; tells what was asked and answered.
///
/// A move is in the ledger, durably, before it is made; when it then fails it is taken out again. The ledger
/// lies in `directory` and is locked meanwhile, so that two at once do not spend the same budget.
///
/// # Errors
///
/// When the line cannot be read or the answer not be written.
pub fn serve(
    input: impl Read,
    mut output: impl Write,
    directory: &Path,
    limits: &Limits,
    uptime: &Uptime,
    clock: &mut dyn SettableClock,
) -> io::Result<(Option<Request>, Answer)> {
    let mut line = Vec::new();
    BufReader::new(input.take(LONGEST_LINE)).read_until(b'\n', &mut line)?;
    let request = serde_json::from_slice::<Request>(&line).ok();
    let answer = match request {
        Some(request) => carry_out(request, directory, limits, uptime, clock),
        None => refused(Reason::Malformed, "one line of JSON with a known `ask` is wanted"),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    output.write_all(&text)?;
    output.flush()?;
    Ok((request, answer))
}

fn carry_out(
    request: Request,
    directory: &Path,
    limits: &Limits,
    uptime: &Uptime,
    clock: &mut dyn SettableClock,
) -> Answer {
    let mut kept = || -> Result<Answer, LedgerError> {
        let path = directory.join("ledger.json");
        let _held = lock(directory)?;
        let mut ledger = Ledger::read(&path)?;
        ledger.settle(limits, uptime);
        let (Request::Step { offset } | Request::Slew { offset }) = request else {
            return Ok(Answer::Allowance(ledger.allowance(limits)));
        };
        let before = ledger.clone();
        if let Err((reason, detail)) = ledger.spend(limits, offset, uptime) {
            return Ok(refused(reason, &detail));
        }
        ledger.write(&path)?;
        let moved = match request {
            Request::Slew { .. } => clock.slew(offset),
            _ => clock.step(offset),
        };
        match moved {
            Ok(()) => Ok(Answer::Done(ledger.allowance(limits))),
            Err(error) => {
                before.write(&path)?;
                Ok(refused(reason_of(&error), &error.to_string()))
            }
        }
    };
    kept().unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        refused(Reason::Ledger, &format!("{error}{cause}"))
    })
}

/// Holds the ledger until it is dropped.
fn lock(directory: &Path) -> Result<File, LedgerError> {
    let path = directory.join("lock");
    let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|source| LedgerError::Disk { what: "lock", path, source })
}

fn reason_of(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Reason::NotPermitted,
        _ => Reason::Failed,
    }
}

fn refused(reason: Reason, detail: &str) -> Answer {
    Answer::Refused { reason, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::words::Allowance;

    const LIMITS: Limits = Limits { max_step: 10, budget: 15, window: 100 };

    /// Notes what is done to it, or fails as it is told.
    #[derive(Default)]
    struct Paper {
        done: Vec<(&'static str, i64)>,
        fails: Option<io::ErrorKind>,
    }

    impl Paper {
        fn note(&mut self, what: &'static str, offset: i64) -> io::Result<()> {
            if let Some(kind) = self.fails {
                return Err(kind.into());
            }
            self.done.push((what, offset));
            Ok(())
        }
    }

    impl SettableClock for Paper {
        fn step(&mut self, offset: i64) -> io::Result<()> {
            self.note("step", offset)
        }

        fn slew(&mut self, offset: i64) -> io::Result<()> {
            self.note("slew", offset)
        }
    }

    fn ask(line: &str, directory: &Path, clock: &mut Paper) -> Answer {
        let uptime = Uptime { boot: "one".into(), now: 5 };
        let mut output = Vec::new();
        let (_, answer) = serve(line.as_bytes(), &mut output, directory, &LIMITS, &uptime, clock).unwrap();
        assert_eq!(serde_json::from_slice::<Answer>(&output).unwrap(), answer);
        assert!(output.ends_with(b"\n"));
        answer
    }

    fn reason(answer: &Answer) -> Option<Reason> {
        match answer {
            Answer::Refused { reason, .. } => Some(*reason),
            _ => None,
        }
    }

    fn used(used: i64) -> Allowance {
        Allowance { max_step: 10, budget: 15, window: 100, used }
    }

    #[test]
    fn a_clock_moves_until_the_budget_is_spent_and_each_request_is_a_process_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut clock = Paper::default();
        let mut ask = |line: &str| ask(line, folder.path(), &mut clock);
        assert_eq!(ask("{\"ask\": \"allowance\"}\n"), Answer::Allowance(used(0)));
        assert_eq!(ask("{\"ask\": \"step\", \"offset\": -10}\n"), Answer::Done(used(10)));
        assert_eq!(reason(&ask("{\"ask\": \"slew\", \"offset\": 6}\n")), Some(Reason::Budget));
        assert_eq!(reason(&ask("{\"ask\": \"step\", \"offset\": 11}\n")), Some(Reason::TooFar));
        assert_eq!(ask("{\"ask\": \"slew\", \"offset\": 5}"), Answer::Done(used(15)));
        assert_eq!(clock.done, [("step", -10), ("slew", 5)]);
    }

    #[test]
    fn what_failed_is_not_charged() {
        let folder = tempfile::tempdir().unwrap();
        let mut clock = Paper { fails: Some(io::ErrorKind::PermissionDenied), ..Paper::default() };
        let refused = ask("{\"ask\": \"step\", \"offset\": 9}\n", folder.path(), &mut clock);
        assert_eq!(reason(&refused), Some(Reason::NotPermitted));
        clock.fails = Some(io::ErrorKind::InvalidInput);
        let refused = ask("{\"ask\": \"step\", \"offset\": 9}\n", folder.path(), &mut clock);
        assert_eq!(reason(&refused), Some(Reason::Failed));
        let asked = ask("{\"ask\": \"allowance\"}\n", folder.path(), &mut clock);
        assert_eq!(asked, Answer::Allowance(used(0)));
    }

    #[test]
    fn without_a_ledger_nothing_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let mut clock = Paper::default();
        fs::write(folder.path().join("ledger.json"), "no ledger").unwrap();
        let step = "{\"ask\": \"step\", \"offset\": 1}\n";
        assert_eq!(reason(&ask(step, folder.path(), &mut clock)), Some(Reason::Ledger));
        let nowhere = folder.path().join("nowhere");
        assert_eq!(reason(&ask(step, &nowhere, &mut clock)), Some(Reason::Ledger));
        assert_eq!(clock.done, []);
    }

    #[test]
    fn what_is_no_request_is_refused_without_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let long = "x".repeat(10_000);
        let step = |offset: &str| format!("{{\"ask\": \"step\", \"offset\": {offset}}}");
        for line in [
            "",
            "\n",
            "{}",
            "{\"ask\": \"reboot\"}",
            &long,
            &step("1.5"),
            &step("99999999999999999999"),
            "{\"ask\": \"step\", \"offset\": 1, \"budget\": 9}",
        ] {
            let answer = ask(line, folder.path(), &mut Paper::default());
            assert_eq!(reason(&answer), Some(Reason::Malformed), "{line}");
        }
    }
}
