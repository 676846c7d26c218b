//! Waiting for what shall become true: the only place that lets time pass.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Time between two looks: several within one interval of the daemons, so that no reading is missed.
const LOOK: Duration = Duration::from_millis(250);

/// Looks again and again until `probe` answers `Ok`; what is not yet true is its `Err`, by state.
///
/// # Errors
///
/// When `deadline` passes, with the state that was seen last; and when `probe` itself fails.
pub(crate) async fn wait_until<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Result<Result<T, String>>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        match probe().await? {
            Ok(value) => return Ok(value),
            Err(state) if begun.elapsed() >= deadline => {
                bail!("{what}: not within {deadline:?}; seen last: {state}")
            }
            Err(_not_yet) => tokio::time::sleep(LOOK).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_never_becomes_true_tells_what_was_seen_last() {
        let waited =
            wait_until("rain", Duration::ZERO, async || Ok(Err::<(), _>("a cloud".to_owned()))).await;
        assert_eq!(waited.unwrap_err().to_string(), "rain: not within 0ns; seen last: a cloud");
    }

    #[tokio::test]
    async fn a_probe_that_fails_ends_the_waiting() {
        let waited = wait_until("rain", Duration::MAX, async || bail!("no sky")).await;
        let waited: Result<()> = waited;
        assert_eq!(waited.unwrap_err().to_string(), "no sky");
    }
}
