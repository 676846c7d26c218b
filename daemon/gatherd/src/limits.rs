//! How many files this process may have open, and what that means for connections.
//!
//! A service manager starts a process with few by default, so that old programs with `select(2)` do not break; those
//! that need more raise the soft limit themselves. Source: `systemd.exec(5)`, `LimitNOFILE`.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for all but connections of the API: sockets, plugins, state, programs that are started.
const OTHERS: u64 = 512;

/// Least number of connections that a daemon serves over TCP, however few files it may have open.
const LEAST: usize = 16;

/// Raises the limit as far as `wanted` connections need it; as many as there may be.
pub(crate) fn room_for(wanted: usize) -> usize {
    let need = wanted as u64 + OTHERS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // No limit is no number.
    let (current, most) = (current.unwrap_or(u64::MAX), maximum.unwrap_or(u64::MAX));
    if current >= need {
        return wanted;
    }
    let raised = need.min(most);
    let now = match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the number of files that may be open");
            current
        }
    };
    let room = fit(wanted, now);
    if room < wanted {
        tracing::warn!(
            "at most {now} files may be open, so at most {room} connections are served at one time and not {wanted} \
             (api.max_connections); raise LimitNOFILE or the hard limit of RLIMIT_NOFILE"
        );
    }
    room
}

fn fit(wanted: usize, files: u64) -> usize {
    let room = usize::try_from(files.saturating_sub(OTHERS)).unwrap_or(usize::MAX);
    wanted.min(room).max(LEAST.min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_have_what_others_leave() {
        assert_eq!(fit(1000, 1512), 1000);
        assert_eq!(fit(1000, 1000), 488);
        assert_eq!(fit(1000, 100), LEAST, "a few always");
        assert_eq!(fit(4, 100), 4);
    }
}
