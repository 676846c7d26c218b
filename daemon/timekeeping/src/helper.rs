//! Asks the clock helper: one connection, one line each way.

use std::io;
use std::path::Path;
use std::time::Duration;

use gatherd_clock::{Answer, LONGEST_LINE, Reason, Request};
use gatherd_engine::port::{AdjustFailure, Allowance};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// How long the helper may take, its start included.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the helper behind `socket`.
///
/// # Errors
///
/// [`AdjustFailure`]; where the helper fell silent after it was asked, the clock may have been moved.
pub(crate) async fn ask(socket: &Path, request: Request) -> Result<Allowance, AdjustFailure> {
    let answered = tokio::time::timeout(PATIENCE, converse(socket, request)).await;
    let answer = match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(AdjustFailure::NoHelper(error.to_string())),
        Err(_) => return Err(AdjustFailure::NoHelper("it took too long".to_owned())),
    };
    match answer {
        Answer::Allowance(allowance) | Answer::Done(allowance) => Ok(translated(allowance)),
        Answer::Refused { reason, detail } => Err(match reason {
            Reason::TooFar => AdjustFailure::TooFar(detail),
            Reason::Budget => AdjustFailure::Budget(detail),
            Reason::NotPermitted => AdjustFailure::NotPermitted(detail),
            Reason::Malformed | Reason::Ledger | Reason::Failed => AdjustFailure::Failed(detail),
        }),
    }
}

async fn converse(socket: &Path, request: Request) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket).await?;
    let mut line = serde_json::to_vec(&request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST_LINE).read_to_end(&mut answer).await?;
    Ok(serde_json::from_slice(&answer)?)
}

fn translated(allowance: gatherd_clock::Allowance) -> Allowance {
    let gatherd_clock::Allowance { max_step, budget, window, used } = allowance;
    Allowance { max_step, budget, window: Duration::from_nanos(window.unsigned_abs()), used }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    /// A helper that answers once; tells what it was asked.
    async fn once(answer: &str) -> (Result<Allowance, AdjustFailure>, String) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 256];
            let length = stream.read(&mut asked).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(asked[..length].to_vec()).unwrap()
        };
        tokio::join!(ask(&socket, Request::Step { offset: -5 }), serve)
    }

    #[tokio::test]
    async fn what_the_helper_did_comes_back_as_what_is_left() {
        let answer = "{\"answer\":\"done\",\"max_step\":9,\"budget\":8,\"window\":7,\"used\":5}\n";
        let (said, asked) = once(answer).await;
        let expected = Allowance { max_step: 9, budget: 8, window: Duration::from_nanos(7), used: 5 };
        assert_eq!((said, asked.as_str()), (Ok(expected), "{\"ask\":\"step\",\"offset\":-5}\n"));
    }

    #[tokio::test]
    async fn each_refusal_keeps_its_reason() {
        for (reason, expected) in [
            ("too_far", AdjustFailure::TooFar("why".into())),
            ("budget", AdjustFailure::Budget("why".into())),
            ("not_permitted", AdjustFailure::NotPermitted("why".into())),
            ("ledger", AdjustFailure::Failed("why".into())),
        ] {
            let answer = format!("{{\"answer\":\"refused\",\"reason\":\"{reason}\",\"detail\":\"why\"}}\n");
            assert_eq!(once(&answer).await.0, Err(expected));
        }
    }

    #[tokio::test]
    async fn no_helper_and_one_that_talks_nonsense_are_none() {
        let nowhere = ask(Path::new("/nonexistent/socket"), Request::Allowance).await;
        assert!(matches!(nowhere, Err(AdjustFailure::NoHelper(_))), "{nowhere:?}");
        for nonsense in ["", "{}", "yes\n"] {
            let (said, _) = once(nonsense).await;
            assert!(matches!(said, Err(AdjustFailure::NoHelper(_))), "{said:?}");
        }
    }
}
