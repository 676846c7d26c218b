//! Waiting for what shall become true: the only place that lets time pass.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(15);

/// How long what should happen soon may take on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Looks again and again until `probe` answers a value.
///
/// # Panics
///
/// When `deadline` passes; with `what` was waited for and what was seen last.
pub async fn wait_until<T, E: Display>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let begun = Instant::now();
    loop {
        let last = match probe().await {
            Ok(value) => return value,
            Err(last) => last,
        };
        assert!(begun.elapsed() < deadline, "{what}: not within {deadline:?}; seen last: {last}");
        tokio::time::sleep(LOOK).await;
    }
}

/// As [`wait_until`], with a deadline for what should happen soon.
pub async fn within<T, E: Display>(what: &str, probe: impl AsyncFnMut() -> Result<T, E>) -> T {
    wait_until(what, SOON, probe).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_true_at_the_third_look_is_answered() {
        let mut looks = 0;
        let found = wait_until("three", SOON, async || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err(format!("{looks}")) }
        });
        assert_eq!(found.await, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "rain: not within 1ms; seen last: a cloud")]
    async fn what_never_becomes_true_tells_what_was_seen_last() {
        wait_until("rain", Duration::from_millis(1), async || Err::<(), _>("a cloud")).await;
    }
}
