//! Wire types of the management API.
//!
//! What travels over HTTP, and nothing else: these types are not the engine's, and the engine's never
//! travel. One file per resource, named like the resource in the server, in the daemon and in the tests.
//! Manners that hold everywhere:
//!
//! * a time is an RFC 3339 string in UTC ([`Timestamp`]), a length of time is a number of seconds,
//! * a number that is not known is `null`, and a member that may be `null` is always present,
//! * integers keep all their 64 bits ([`Number`]),
//! * requests refuse members they do not know, answers may grow new members.
#![forbid(unsafe_code)]

pub mod audit;
pub mod blacklist;
pub mod cache;
pub mod capabilities;
pub mod chain;
pub mod change;
pub mod config;
pub mod daemon;
pub mod flush;
pub mod heartbeat;
pub mod list;
pub mod machine;
pub mod matcher;
pub mod metric;
pub mod notification;
pub mod operation;
pub mod output;
pub mod plugin;
pub mod plugin_log;
pub mod plugin_test;
pub mod plugin_type;
pub mod problem;
pub mod revision;
pub mod subscription;
mod threshold;
pub mod time;
pub mod timestamp;
pub mod token;
pub mod user;
pub mod value;
mod value_list;
pub mod version;

pub use audit::{AuditOutcome, AuditRecord};
pub use blacklist::{BlacklistPreview, BlacklistRule, BlacklistStatus, BlacklistVerb};
pub use cache::{Cache, CacheHistory, CacheRemoval};
pub use capabilities::{
    ApiCapabilities, Capabilities, CertificateState, ClientCertificates, DaemonCapabilities, DaemonLimits,
    IsolationCapabilities, IsolationStrength,
};
pub use chain::{
    Chain, ChainEntry, ChainMatch, ChainMatchKind, ChainNotification, ChainPass, ChainPreview, ChainRule,
    ChainSatisfy, ChainStatus, ChainTally, ChainTarget, ChainTargetKind, ChainTrial, ChainTried, ChainWrite,
    PartChange, PartReplacement,
};
pub use change::{Plan, Provisional};
pub use config::{Config, ConfigSources, Reloaded};
pub use daemon::LogLevel;
pub use flush::{FlushReport, FlushRequest, FlushState, FlushTarget};
pub use heartbeat::{DaemonState, Heartbeat, IdentityHealth, IdentityState, PluginCounts, StreamCounts};
pub use list::Page;
pub use machine::{
    Cgroups, Cpu, Disk, HugePages, Kernel, Machine, Memory, NetworkInterface, NumaNode, Smbios, SmbiosRecord,
    Virtualisation,
};
pub use matcher::{Exactness, Matcher, Specificity};
pub use metric::{DataSource, DataSourceKind, Metric};
pub use notification::{
    AcknowledgeRequest, Acknowledgement, MetaValue, NewNotification, Notification, Severity,
};
pub use operation::{Operation, OperationResult, OperationState};
pub use output::{
    Output, OutputBuffer, OutputBufferChange, OutputFailure, OutputLedger, OutputQueue, OutputState, WhenFull,
};
pub use plugin::{
    Isolation, LeftValues, NewPlugin, Plugin, PluginConfig, PluginEnd, PluginEndReason, PluginEndSignal,
    PluginFailure, PluginLimits, PluginPatch, PluginProcess, PluginSources, PluginState, Source,
};
pub use plugin_log::{PluginLogLevel, PluginLogLine, PluginLogSource};
pub use plugin_test::{PluginTest, PluginTestOutcome, PluginTestReport};
pub use plugin_type::{Capability, PluginType, PluginTypeProblem};
pub use problem::{FieldError, Problem, ProblemCode};
pub use revision::{Revision, RevisionDiff, RevisionState};
pub use subscription::{
    Exec, ExecFormat, Subscription, SubscriptionDrops, SubscriptionError, SubscriptionRun,
    SubscriptionStatus, SubscriptionTest, Webhook,
};
pub use threshold::{
    ClearBounds, PreviewedSeries, Threshold, ThresholdPreview, ThresholdStatus, Window, WindowFunction,
};
pub use time::{
    Chrony, ChronySource, ClockHelper, ClockStep, ClockStepCause, KernelTime, Lateness, PtpClock,
    ServerAnswer, SyncMethod, Time, TimeConfig, TimeCorrection, TimeMeasurement, TimeSource, TimeSync,
    TimeSynced,
};
pub use timestamp::Timestamp;
pub use token::{KeystoneToken, Role, Token, TokenAnswer, TokenRequest, TokenVouched};
pub use user::{RotatedUser, User, UserChange};
pub use value::{Judged, Number, PastValues, ValueState, ValueView};
pub use value_list::{Moment, Numbers, RefusedValueList, ValueList, ValueLists, ValueRefusal, ValuesTaken};
pub use version::{Version, VersionAnswer, Versions};
