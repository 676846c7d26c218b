//! The plugin's thread: all of the library's code runs here, one call after the other.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use gatherd_loader::{
    CallError, Capabilities, Complaint, ConfigureError, Door as _, InitError, Instance, Library, Loader,
    LogLevel, OpenError, WriteItem,
};
use gatherd_model::{CdTime, Interval, Notification, Value};
use gatherd_wire::{Consumer, Loaded, Outcome, ToDaemon, Writes, WrittenSample};

use crate::confine::{declared, narrow};
use crate::control::Control;
use crate::door::HostDoor;
use crate::orders::{Order, What};

/// A plugin before it is loaded, while it runs, and at its end.
pub(crate) struct Plugin {
    control: Arc<Control>,
    door: Arc<HostDoor>,
    writes: Consumer,
    instance: Option<Instance>,
    /// Kept, so that the steady state allocates nothing.
    record: Vec<u64>,
    offsets: Vec<u32>,
}

impl Plugin {
    pub(crate) fn new(control: Arc<Control>, door: Arc<HostDoor>, writes: Consumer) -> Self {
        Self { control, door, writes, instance: None, record: Vec::new(), offsets: Vec::new() }
    }

    /// Loads the library and does as it is told. Where there is no library to serve with, or no daemon any more, the
    /// process ends.
    pub(crate) fn live(
        mut self,
        library: OwnedFd,
        name: &str,
        digest: &str,
        lacking: Vec<String>,
        orders: &Receiver<Order>,
    ) {
        let loaded = load(library, name, digest);
        let told = self.control.tell(&ToDaemon::Loaded(said_of(&loaded, lacking)));
        let (Ok(library), Ok(())) = (loaded, told) else { process::exit(0) };
        while let Ok(Order { call, what }) = orders.recv() {
            let is_end = matches!(what, What::Shutdown);
            let (outcome, records) = match what {
                What::Write { records } => self.write(records),
                what => (self.serve(library, what), 0),
            };
            let told = self.control.tell(&ToDaemon::Done { call, outcome, records });
            if is_end || told.is_err() {
                process::exit(0);
            }
        }
    }

    fn serve(&mut self, library: &'static Library, what: What) -> Outcome {
        match what {
            What::Configure { config } => {
                library.configure(&config.to_string()).map_or_else(of_configuring, |()| Outcome::Ok)
            }
            What::Init { interval, config } => {
                if let Some(declared) = declared(&library.manifest().config_schema, &config)
                    && let Err(error) = narrow(&declared)
                {
                    self.door.log(LogLevel::NOTICE, &format!("{error:#}"));
                }
                let interval = Interval::from_units(interval).unwrap_or(Interval::DEFAULT);
                match library.init(Arc::clone(&self.door) as _, interval, &config.to_string()) {
                    Ok(instance) => {
                        self.instance = Some(instance);
                        Outcome::Ok
                    }
                    Err(error) => of_init(error),
                }
            }
            What::Read => self.call(Instance::read),
            What::Flush { older_than, identifier } => {
                self.call(|instance| instance.flush(older_than.map(CdTime), identifier.as_deref()))
            }
            What::Notification(note) => match Notification::try_from(note) {
                Ok(notification) => self.call(|instance| instance.notification(&notification)),
                Err(error) => Outcome::Failed { reason: error.to_string() },
            },
            What::Shutdown => {
                drop(self.instance.take());
                Outcome::Ok
            }
            What::Write { .. } => Outcome::NotSupported,
        }
    }

    fn call(&mut self, call: impl FnOnce(&mut Instance) -> Result<(), CallError>) -> Outcome {
        match &mut self.instance {
            Some(instance) => call(instance).map_or_else(of_call, |()| Outcome::Ok),
            None => Outcome::Failed { reason: "there is no instance".into() },
        }
    }

    /// Carries records away until one fails; the rest is passed over. Answers how many were.
    fn write(&mut self, records: u32) -> (Outcome, u32) {
        let mut carried = 0;
        let mut outcome = Outcome::Ok;
        for _ in 0..records {
            match self.writes.pop(&mut self.record) {
                Ok(true) if outcome == Outcome::Ok => outcome = self.write_one(),
                Ok(true) => {}
                Ok(false) => {
                    outcome = Outcome::Failed { reason: "a record is missing in the writes ring".into() }
                }
                Err(corrupt) => outcome = Outcome::Panicked { reason: corrupt.to_string() },
            }
            carried += u32::from(outcome == Outcome::Ok);
        }
        (outcome, carried)
    }

    fn write_one(&mut self) -> Outcome {
        let Some(instance) = &mut self.instance else {
            return Outcome::Failed { reason: "there is no instance".into() };
        };
        let writes = match Writes::read(&self.record, &mut self.offsets) {
            Ok(writes) => writes,
            Err(error) => return Outcome::Panicked { reason: error.to_string() },
        };
        // Of a value the plugin sees its bits alone, so its kind does not matter here.
        let samples: Vec<WrittenSample<'_>> = writes.samples().collect();
        let values: Vec<Value> =
            samples.iter().flat_map(|it| it.values).map(|bits| Value::Counter(*bits)).collect();
        let rates: Vec<f64> =
            samples.iter().flat_map(|it| it.rates).map(|bits| f64::from_bits(*bits)).collect();
        let mut at = 0;
        let items = samples.iter().map(|sample| {
            let range = at..at + sample.values.len();
            at = range.end;
            WriteItem {
                series: sample.series,
                values: &values[range.clone()],
                rates: &rates[range],
                time: CdTime(sample.time),
                interval: Interval::from_units(sample.interval).unwrap_or(Interval::DEFAULT),
            }
        });
        instance.write(items).map_or_else(of_call, |()| Outcome::Ok)
    }
}

/// Why there is no library, in a code and words.
type Unloaded = (&'static str, String);

fn load(library: OwnedFd, name: &str, digest: &str) -> Result<&'static Library, Unloaded> {
    let digest = digest.parse().map_err(|error| ("load_failed", format!("the daemon's digest: {error}")))?;
    Loader::new().adopt(library, Path::new(name), digest).map_err(|error| (error.code(), chain(&error)))
}

fn chain(error: &OpenError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn said_of(loaded: &Result<&'static Library, Unloaded>, lacking: Vec<String>) -> Loaded {
    let library = match loaded {
        Ok(library) => library,
        Err((code, detail)) => return Loaded::Failed { code: (*code).into(), detail: detail.clone() },
    };
    let told = library.manifest();
    let all = [
        (Capabilities::READ, "read"),
        (Capabilities::WRITE, "write"),
        (Capabilities::FLUSH, "flush"),
        (Capabilities::NOTIFICATION, "notification"),
    ];
    let has = |bit: &Capabilities| told.capabilities.contains(*bit);
    Loaded::Ok {
        name: told.name.clone(),
        version: told.version.clone(),
        description: told.description.clone(),
        config_schema: told.config_schema.clone(),
        capabilities: all.iter().filter(|(bit, _)| has(bit)).map(|(_, word)| (*word).to_owned()).collect(),
        abi: told.abi,
        lacking,
    }
}

fn refused(complaints: Vec<Complaint>) -> Outcome {
    let complaint = |Complaint { pointer, detail }| gatherd_wire::Complaint { pointer, detail };
    Outcome::Refused { complaints: complaints.into_iter().map(complaint).collect() }
}

fn of_configuring(error: ConfigureError) -> Outcome {
    match error {
        ConfigureError::Refused(complaints) => refused(complaints),
        ConfigureError::Panicked { reason } => Outcome::Panicked { reason },
        ConfigureError::Other { status } => Outcome::Other { status: status.0 },
    }
}

fn of_init(error: InitError) -> Outcome {
    match error {
        InitError::Refused(complaints) => refused(complaints),
        InitError::Failed { reason } => Outcome::Failed { reason },
        InitError::Panicked { reason } => Outcome::Panicked { reason },
        InitError::Other { status } => Outcome::Other { status: status.0 },
    }
}

fn of_call(error: CallError) -> Outcome {
    match error {
        CallError::Failed { reason } => Outcome::Failed { reason },
        CallError::Panicked { reason } => Outcome::Panicked { reason },
        CallError::NotSupported => Outcome::NotSupported,
        CallError::Other { status } => Outcome::Other { status: status.0 },
    }
}
