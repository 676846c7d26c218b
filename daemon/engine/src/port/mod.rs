//! What others implement for the engine: kinds of plugin, outputs, clocks. Traits and the words they use.

mod batch;
mod clock;
mod drop_reason;
mod exposition;
mod output;
mod plugin;
mod process_end;
mod target;
mod timekeeper;

pub use batch::{Batch, Delivery, Sample, SeriesId};
pub use clock::{Clock, Moment};
pub use drop_reason::DropReason;
pub use exposition::{Exposition, ExpositionFormat};
pub use output::{Flush, NotWritten, Output, Series, WriteFailure};
pub use plugin::{
    CallFailure, Capability, Code, ConfigProblem, Containment, Found, Isolation, Manifest, OpenFailure,
    Plugin, PluginId, PluginIdError, PluginKind, PluginLimits, Process, ProcessReading, Spec,
};
pub use process_end::{EndReason, EndSignal, ProcessEnd};
pub use target::{
    Attempt, Message, NotDelivered, Program, ProgramFormat, Reach, Run, Secret, Subscriber, Target, Targets,
    Webhook,
};
pub use timekeeper::{
    AdjustFailure, Adjustment, Allowance, Discipline, DisciplineSource, Exchange, HardwareClock, KernelClock,
    Reading, Timekeeper,
};

/// A future that the engine awaits without knowing its type.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
