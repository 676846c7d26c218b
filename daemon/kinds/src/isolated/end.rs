//! How a host process ended, and why.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use gatherd_engine::port::{EndReason, EndSignal, ProcessEnd};
use rustix::process::Signal;
use wait4::ResUse;

/// Why the daemon ended a process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Cause {
    /// Nobody needs it any more.
    Asked,
    /// A call did not come back within this time.
    Late(Duration),
    /// It broke the protocol, in this way.
    Protocol(String),
}

/// How a process ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct End {
    /// `None` where the system did not tell.
    pub(super) status: Option<ExitStatus>,
    /// What it wrote last.
    pub(super) lines: Vec<String>,
    memory: u64,
    cpu: Duration,
}

impl End {
    pub(super) fn new(reaped: Option<ResUse>, lines: Vec<String>) -> Self {
        let used = reaped.map(|reaped| reaped.rusage);
        Self {
            status: reaped.map(|reaped| reaped.status),
            lines,
            memory: used.map_or(0, |used| used.maxrss),
            cpu: used.map_or(Duration::ZERO, |used| used.utime + used.stime),
        }
    }

    /// What the engine keeps of it; `None` where somebody asked for it.
    pub(super) fn unasked(&self, cause: Option<&Cause>) -> Option<ProcessEnd> {
        let signal = self.status.and_then(|status| status.signal());
        let (reason, message) = match (cause, signal) {
            (Some(Cause::Asked), _) => return None,
            (Some(cause @ Cause::Late(_)), _) => (EndReason::Late, cause.to_string()),
            (Some(cause @ Cause::Protocol(_)), _) => (EndReason::Protocol, cause.to_string()),
            (None, Some(signal)) if is_fault(signal) => (EndReason::Crashed, self.how()),
            (None, Some(_)) => (EndReason::Killed, self.how()),
            (None, None) => (EndReason::Exited, self.how()),
        };
        Some(ProcessEnd {
            reason,
            message,
            exit_status: self.status.and_then(|status| status.code()),
            signal: signal.map(|number| EndSignal { number, name: name_or_number(number) }),
            last_lines: self.lines.clone(),
            memory: self.memory,
            cpu: self.cpu,
        })
    }

    fn how(&self) -> String {
        let signal = self.status.and_then(|status| status.signal());
        match (signal, self.status.and_then(|status| status.code())) {
            (Some(signal), _) => {
                let name = name_of(signal).map(|name| format!(" ({name})")).unwrap_or_default();
                format!("its process was ended by signal {signal}{name}")
            }
            (None, Some(code)) => format!("its process ended with status {code}"),
            (None, None) => "its process has ended".to_owned(),
        }
    }
}

impl fmt::Display for End {
    /// `its process was ended by signal 11 (SIGSEGV); it said last: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.how())?;
        if self.lines.is_empty() { Ok(()) } else { write!(f, "; it said last: {}", self.lines.join(" | ")) }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("its process was ended"),
            Self::Late(deadline) => {
                write!(f, "a call did not come back in {deadline:?}; its process was killed")
            }
            Self::Protocol(how) => write!(f, "its process broke the protocol and was killed: {how}"),
        }
    }
}

/// Signals that tell of a fault in the process itself, where nobody sent them.
const FAULTS: [(Signal, &str); 7] = [
    (Signal::ILL, "SIGILL"),
    (Signal::TRAP, "SIGTRAP"),
    (Signal::ABORT, "SIGABRT"),
    (Signal::BUS, "SIGBUS"),
    (Signal::FPE, "SIGFPE"),
    (Signal::SEGV, "SIGSEGV"),
    (Signal::SYS, "SIGSYS"),
];

/// Other signals that end a process.
const OTHERS: [(Signal, &str); 11] = [
    (Signal::HUP, "SIGHUP"),
    (Signal::INT, "SIGINT"),
    (Signal::QUIT, "SIGQUIT"),
    (Signal::KILL, "SIGKILL"),
    (Signal::USR1, "SIGUSR1"),
    (Signal::USR2, "SIGUSR2"),
    (Signal::PIPE, "SIGPIPE"),
    (Signal::ALARM, "SIGALRM"),
    (Signal::TERM, "SIGTERM"),
    (Signal::XCPU, "SIGXCPU"),
    (Signal::XFSZ, "SIGXFSZ"),
];

fn is_fault(signal: i32) -> bool {
    FAULTS.iter().any(|(known, _)| known.as_raw() == signal)
}

fn name_of(signal: i32) -> Option<&'static str> {
    let known = FAULTS.iter().chain(&OTHERS).find(|(known, _)| known.as_raw() == signal);
    known.map(|(_, name)| *name)
}

fn name_or_number(signal: i32) -> String {
    name_of(signal).map_or_else(|| format!("SIG{signal}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(raw: i32) -> End {
        End { status: Some(ExitStatus::from_raw(raw)), ..End::default() }
    }

    fn reason(raw: i32, cause: Option<&Cause>) -> Option<EndReason> {
        end(raw).unasked(cause).map(|end| end.reason)
    }

    #[test]
    fn who_ended_it_comes_before_how_it_ended() {
        let late = Cause::Late(Duration::from_secs(2));
        let broken = Cause::Protocol("nonsense".to_owned());
        assert_eq!(reason(9, Some(&Cause::Asked)), None);
        assert_eq!(reason(9, Some(&late)), Some(EndReason::Late));
        assert_eq!(reason(9, Some(&broken)), Some(EndReason::Protocol));
        assert_eq!(reason(9, None), Some(EndReason::Killed));
        assert_eq!(reason(15, None), Some(EndReason::Killed));
        assert_eq!(reason(11, None), Some(EndReason::Crashed));
        assert_eq!(reason(6, None), Some(EndReason::Crashed));
        assert_eq!(reason(3 << 8, None), Some(EndReason::Exited));
    }

    #[test]
    fn status_and_signal_are_told_apart() {
        let exited = end(3 << 8).unasked(None).unwrap();
        assert_eq!((exited.exit_status, exited.signal), (Some(3), None));
        let odd = end(40).unasked(None).unwrap();
        assert_eq!(odd.exit_status, None);
        assert_eq!(odd.signal, Some(EndSignal { number: 40, name: "SIG40".to_owned() }));
        assert_eq!(odd.message, "its process was ended by signal 40");
    }
}
