//! A kind that knows one type, `fake`, which refuses, fails and feeds as its configuration says.

use std::sync::Arc;

use gatherd_engine::port::{
    BoxFuture, CallFailure, Capability, ConfigProblem, Flush, Found, Manifest, OpenFailure, Output, Plugin,
    PluginKind, Spec,
};
use gatherd_engine::way::{Door, Parts};
use gatherd_model::CdTime;
use serde_json::{Value, json};

/// The kind.
#[derive(Debug)]
pub(crate) struct Fake;

fn look_up(spec: &Spec) -> Result<Manifest, OpenFailure> {
    if spec.type_name != "fake" {
        return Err(OpenFailure::Library {
            code: "missing",
            detail: format!("there is no {}", spec.type_name),
        });
    }
    if spec.config.get("bad").is_some() {
        let problem = ConfigProblem { pointer: "/bad".to_owned(), detail: "this key is bad".to_owned() };
        return Err(OpenFailure::Config(vec![problem]));
    }
    Ok(Manifest {
        kind: "fake",
        type_name: spec.type_name.clone(),
        version: "1.0".to_owned(),
        description: "Does as it is told.".to_owned(),
        library: None,
        digest: None,
        abi: (1, 0),
        capabilities: vec![Capability::Read],
        config_schema: json!({}),
    })
}

impl PluginKind for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn found(&self) -> Vec<Found> {
        Vec::new()
    }

    fn validate(&self, spec: &Spec) -> Result<Manifest, OpenFailure> {
        look_up(spec)
    }

    fn open(&self, spec: Spec, door: Arc<Door>) -> BoxFuture<'static, Result<Box<dyn Plugin>, OpenFailure>> {
        Box::pin(async move {
            let manifest = look_up(&spec)?;
            Ok(Box::new(Opened { manifest, config: spec.config, door, sum: 0 }) as Box<dyn Plugin>)
        })
    }
}

struct Opened {
    manifest: Manifest,
    config: Value,
    door: Arc<Door>,
    sum: i64,
}

impl Opened {
    fn feed(&self, type_name: &str, values: &[u64]) {
        let parts = Parts { host: "", plugin: "fake", plugin_instance: "", type_name, type_instance: "" };
        // The door counts what it refuses.
        let _counted = self.door.dispatch_values(&parts, values, CdTime::ZERO, None);
    }
}

impl Plugin for Opened {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn read(&mut self) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(async move {
            if self.config.get("fails").is_some() {
                return Err(CallFailure::Failed("told to fail".to_owned()));
            }
            if self.config.get("unknown_type").is_some() && self.sum == 0 {
                self.feed("no_such_type", &[0]);
            }
            self.sum += self.config.get("ok").and_then(Value::as_i64).unwrap_or(1);
            self.feed("derive", &[self.sum.cast_unsigned()]);
            self.feed("load", &[0.5_f64, 1.0, f64::NAN].map(f64::to_bits));
            Ok(())
        })
    }

    fn flush(&mut self, _what: Flush) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(async { Ok(()) })
    }

    fn take_output(&mut self) -> Option<Box<dyn Output>> {
        None
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.door.close() })
    }
}
