//! Where rooms meet that do not know each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gatherd_model::{MAX_MESSAGE, Notification, Severity};

use super::Configured;
use super::heart::Heart;
use super::operator::Operator;
use crate::clock::Timing;
use crate::desired::{Apply, ApplyFailure, Document};
use crate::lifecycle::Outputs;
use crate::output::{FanOut, Listener, News, NoRoom};
use crate::port::{BoxFuture, OpenFailure, Output, PluginId, Spec};
use crate::registry::{LeftSeries, Registry, SetError};
use crate::subscription::Subscriptions;
use crate::way::Way;

/// Gives the outputs of plugins a queue, and a way to ask who a series is.
pub(super) struct Attach {
    outputs: Arc<FanOut>,
    way: Arc<Way>,
}

impl Attach {
    pub(super) fn new(outputs: Arc<FanOut>, way: Arc<Way>) -> Self {
        Self { outputs, way }
    }
}

/// Tells the news of outputs on the bus.
pub(super) fn bus_of(way: &Arc<Way>) -> Listener {
    let way = Arc::clone(way);
    Arc::new(move |id, news| {
        let (severity, mut message) = match news {
            News::Fails(reason) => {
                (Severity::Failure, format!("the output {id} fails and is tried again: {reason}"))
            }
            News::WritesAgain => (Severity::Okay, format!("the output {id} writes again")),
        };
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        let notification = Notification {
            severity,
            time: way.clock().wall(),
            message,
            host: way.hostname().to_owned(),
            plugin: "self".to_owned(),
            plugin_instance: id.to_string(),
            type_name: "gauge".to_owned(),
            type_instance: "failing".to_owned(),
            meta: BTreeMap::new(),
        };
        if way.bus().publish(notification).is_err() {
            tracing::warn!(output = %id, "the notification about the output is larger than one may be");
        }
    })
}

impl Outputs for Attach {
    fn attach(&self, id: &Arc<PluginId>, output: Box<dyn Output>) -> Result<(), NoRoom> {
        let way = Arc::clone(&self.way);
        self.outputs.attach(id, output, Arc::new(move |series| way.cache().series(series)))
    }

    fn detach(&self, id: &PluginId, deadline: Duration) -> BoxFuture<'static, ()> {
        self.outputs.detach(id, deadline)
    }

    fn suspend(&self, id: &PluginId, deadline: Duration) -> BoxFuture<'static, ()> {
        self.outputs.suspend(id, deadline)
    }
}

/// Lets a change of the desired state steer the plugins and the rooms.
pub(super) struct Applier {
    pub(super) registry: Arc<Registry>,
    pub(super) timing: Arc<Timing>,
    pub(super) outputs: Arc<FanOut>,
    /// Told after the rooms, in this order.
    pub(super) configured: Vec<Arc<dyn Configured>>,
    pub(super) operator: Arc<Operator>,
    pub(super) way: Arc<Way>,
    pub(super) heart: Heart,
    pub(super) subscriptions: Arc<Subscriptions>,
}

impl Apply for Applier {
    fn validate(&self, spec: &Spec) -> Result<(), OpenFailure> {
        self.registry.validate(spec).map(|_manifest| ())
    }

    fn set(&self, spec: Spec, enabled: bool) -> BoxFuture<'_, Result<(), ApplyFailure>> {
        Box::pin(async move { self.registry.set(spec, enabled).await.map_err(|error| apply_failure(&error)) })
    }

    fn remove(&self, id: PluginId) -> BoxFuture<'_, Result<(), ApplyFailure>> {
        Box::pin(async move { self.registry.remove(&id).await.map_err(|error| apply_failure(&error)) })
    }

    /// A room is told in one line; what can fail comes first.
    fn configure<'a>(&'a self, document: &'a Document) -> BoxFuture<'a, Result<(), ApplyFailure>> {
        Box::pin(async move {
            for outside in &self.configured {
                outside.configure(document)?;
            }
            self.timing.configure(document.time.to_settings());
            self.outputs.configure(document.to_outputs());
            self.operator.configure(document);
            self.way.bus().configure(document.notifications.to_settings());
            self.heart.configure(document);
            self.subscriptions.configure(document.to_subscriptions());
            Ok(())
        })
    }
}

/// As [`Applier`], and the series of one plugin stay when it is stopped.
pub(super) struct Keeping {
    pub(super) applier: Arc<Applier>,
    pub(super) plugin: PluginId,
}

impl Apply for Keeping {
    fn validate(&self, spec: &Spec) -> Result<(), OpenFailure> {
        self.applier.validate(spec)
    }

    fn set(&self, spec: Spec, enabled: bool) -> BoxFuture<'_, Result<(), ApplyFailure>> {
        let left = if spec.id == self.plugin { LeftSeries::Keep } else { LeftSeries::Expire };
        let registry = &self.applier.registry;
        Box::pin(async move {
            registry.set_leaving(spec, enabled, left).await.map_err(|error| apply_failure(&error))
        })
    }

    fn remove(&self, id: PluginId) -> BoxFuture<'_, Result<(), ApplyFailure>> {
        self.applier.remove(id)
    }

    fn configure<'a>(&'a self, document: &'a Document) -> BoxFuture<'a, Result<(), ApplyFailure>> {
        self.applier.configure(document)
    }
}

fn apply_failure(error: &SetError) -> ApplyFailure {
    let code = match error {
        SetError::Open(failure) => return ApplyFailure::Open(failure.clone()),
        SetError::Busy => return ApplyFailure::Busy,
        SetError::Denied(_) => "denied",
        SetError::Call(_) => "call_failed",
        SetError::NotEnabled => "not_enabled",
        SetError::Gone => "gone",
    };
    ApplyFailure::Denied { code, detail: error.to_string() }
}
