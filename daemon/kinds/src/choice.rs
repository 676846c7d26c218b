//! Which plugins run in the daemon's process, and which in one of their own.

use std::sync::Arc;

use gatherd_engine::port::{
    BoxFuture, Code, Containment, Found, Isolation, Manifest, OpenFailure, Plugin, PluginKind, Spec,
};
use gatherd_engine::way::Door;

use crate::isolated::IsolatedKind;
use crate::native::NativeKind;

/// Native plugins: in the daemon's process where the operator says so or their digest was listed when the package was
/// built, otherwise in a host process.
pub struct Choice(Arc<Both>);

struct Both {
    native: Arc<NativeKind>,
    isolated: IsolatedKind,
}

/// How a plugin is to be run.
enum Way {
    Thread,
    Process,
    /// In the daemon's process if it is trusted, which only its library can tell.
    IfTrusted,
}

impl Choice {
    /// Chooses between these.
    pub fn new(native: Arc<NativeKind>, isolated: IsolatedKind) -> Self {
        Self(Arc::new(Both { native, isolated }))
    }
}

impl Both {
    fn way(&self, spec: &Spec) -> Way {
        match (spec.isolation, &spec.code) {
            (Some(Isolation::Thread), _) => Way::Thread,
            (Some(Isolation::Process), _) => Way::Process,
            (None, Code::Loaded(digest)) if self.isolated.has_run(&spec.id, digest) && !spec.trusted => {
                Way::Process
            }
            (None, _) => Way::IfTrusted,
        }
    }

    async fn open(self: Arc<Self>, spec: Spec, door: Arc<Door>) -> Result<Box<dyn Plugin>, OpenFailure> {
        let way = self.way(&spec);
        if !matches!(way, Way::Process) {
            match self.native.open(spec.clone(), Arc::clone(&door)).await {
                Err(failure) if matches!(way, Way::IfTrusted) && is_untrusted(&failure) => {}
                outcome => {
                    if outcome.is_ok() {
                        self.isolated.forget(&spec.id);
                    }
                    return outcome;
                }
            }
        }
        self.isolated.open(spec, door).await
    }
}

fn is_untrusted(failure: &OpenFailure) -> bool {
    matches!(failure, OpenFailure::Library { code: "untrusted", .. })
}

impl PluginKind for Choice {
    fn name(&self) -> &'static str {
        "native"
    }

    fn names(&self) -> Vec<&'static str> {
        vec![self.0.native.name(), self.0.isolated.name()]
    }

    fn containment(&self) -> Option<Containment> {
        self.0.isolated.containment()
    }

    /// What is not trusted is looked at in a host process.
    fn found(&self) -> Vec<Found> {
        let mut all = self.0.native.found();
        for found in &mut all {
            if found.manifest.as_ref().is_err_and(is_untrusted) {
                found.manifest = self.0.isolated.look(&found.type_name);
            }
        }
        all
    }

    fn validate(&self, spec: &Spec) -> Result<Manifest, OpenFailure> {
        let way = self.0.way(spec);
        if !matches!(way, Way::Process) {
            match self.0.native.validate(spec) {
                Err(failure) if matches!(way, Way::IfTrusted) && is_untrusted(&failure) => {}
                outcome => return outcome,
            }
        }
        self.0.isolated.validate(spec)
    }

    fn open(&self, spec: Spec, door: Arc<Door>) -> BoxFuture<'static, Result<Box<dyn Plugin>, OpenFailure>> {
        Box::pin(Arc::clone(&self.0).open(spec, door))
    }
}
