//! An opened plugin in a host process.

use std::sync::Arc;
use std::time::Duration;

use gatherd_engine::port::{
    BoxFuture, CallFailure, Capability, Flush, Manifest, Output, Plugin, Process, Spec,
};
use gatherd_model::Notification;
use gatherd_wire::{Note, Producer, ToHost};
use tokio::time::timeout;

use super::end::Cause;
use super::failure::of_call;
use super::host::Host;
use super::line::Line;
use super::writer::Writer;

/// The shortest time that a read may take.
const READ: Duration = Duration::from_secs(1);

/// How long other calls may take.
const CALL: Duration = Duration::from_secs(10);

/// How long the end may take before the process is killed.
const STOP: Duration = Duration::from_millis(1900);

/// An opened plugin in a host process. Dropped, the process is killed.
pub(super) struct IsolatedPlugin {
    manifest: Manifest,
    line: Line,
    /// Until the output is taken.
    writes: Option<Producer>,
    read_deadline: Duration,
}

impl IsolatedPlugin {
    pub(super) fn new(host: Host, read_deadline: Duration) -> Self {
        let Host { manifest, line, writes } = host;
        Self { manifest, line, writes: Some(writes), read_deadline }
    }

    async fn ask(
        &self,
        deadline: Duration,
        message: impl FnOnce(u64) -> ToHost + Send + 'static,
    ) -> Result<(), CallFailure> {
        of_call(self.line.ask(deadline, message).await?.outcome)
    }
}

/// As the operator says. Otherwise a little less than two intervals, so that the process is gone before the engine gives
/// the read up.
pub(super) fn read_deadline(spec: &Spec) -> Duration {
    let wanted = spec.limits.read_deadline.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    wanted.unwrap_or_else(|| (spec.interval.as_duration().saturating_mul(19) / 10).max(READ))
}

impl Plugin for IsolatedPlugin {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn process(&self) -> Option<Arc<dyn Process>> {
        Some(Arc::clone(self.line.process()) as Arc<dyn Process>)
    }

    fn read(&mut self) -> BoxFuture<'_, Result<(), CallFailure>> {
        // What does not read only shows that it lives, and may have to wait for a write.
        let reads = self.manifest.capabilities.contains(&Capability::Read);
        let deadline = if reads { self.read_deadline } else { self.read_deadline.max(CALL) };
        Box::pin(self.ask(deadline, |call| ToHost::Read { call }))
    }

    fn flush(&mut self, what: Flush) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(self.ask(CALL, move |call| flushing(call, &what)))
    }

    fn notification(&mut self, notification: Arc<Notification>) -> BoxFuture<'_, Result<(), CallFailure>> {
        let message = move |call| ToHost::Notification { call, notification: Note::from(&*notification) };
        Box::pin(self.ask(CALL, message))
    }

    fn take_output(&mut self) -> Option<Box<dyn Output>> {
        if !self.manifest.capabilities.contains(&Capability::Write) {
            return None;
        }
        let writes = self.writes.take()?;
        Some(Box::new(Writer::new(self.line.clone(), writes)))
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // Whether it ends well, hangs and is killed, or is gone already: afterwards it is not there.
            self.line.process().ends_for(Cause::Asked);
            let _ended = self.line.ask(STOP, |call| ToHost::Shutdown { call }).await;
            let process = self.line.process();
            if timeout(STOP, process.ended()).await.is_err() {
                process.kill();
                process.ended().await;
            }
        })
    }
}

impl Drop for IsolatedPlugin {
    fn drop(&mut self) {
        self.line.process().kill_for(Cause::Asked);
    }
}

/// The message of a flush.
pub(super) fn flushing(call: u64, what: &Flush) -> ToHost {
    ToHost::Flush {
        call,
        older_than: what.older_than.map(|span| span.0),
        identifier: what.identifier.as_deref().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use gatherd_engine::port::{Code, PluginLimits};
    use gatherd_model::Interval;

    use super::*;

    #[test]
    fn a_read_may_take_less_than_two_intervals_but_one_second_or_as_the_operator_says() {
        let deadline = |seconds, read_deadline| {
            read_deadline_of(seconds, PluginLimits { read_deadline, ..PluginLimits::default() })
        };
        assert_eq!(deadline(0.1, None), Duration::from_secs(1));
        assert_eq!(deadline(1.0, None), Duration::from_millis(1900));
        assert_eq!(deadline(10.0, None), Duration::from_secs(19));
        assert_eq!(deadline(10.0, Some(0.5)), Duration::from_millis(500));
    }

    fn read_deadline_of(interval: f64, limits: PluginLimits) -> Duration {
        read_deadline(&Spec {
            id: "p".parse().unwrap(),
            type_name: "p".into(),
            trusted: false,
            isolation: None,
            limits,
            code: Code::Newest,
            interval: Interval::from_secs_f64(interval).unwrap(),
            config: serde_json::Value::Null,
        })
    }
}
