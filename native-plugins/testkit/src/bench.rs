//! A daemon's door that remembers all that a plugin says.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatherd_loader::{BatchRef, Call, Door, Handle, IdentityRef, LogLevel, Refusal, Status, ValueListRef};
use gatherd_model::{
    CdTime, DataSet, Identifier, Interval, Notification, TypesDb, Value, ValueList, check_part,
};

/// The name of the machine in tests.
pub const HOST: &str = "testhost";

/// How far in the future a time may lie.
const TOLERANCE: CdTime = CdTime::from_secs(600);

/// What a plugin speaks to in a test.
pub struct Bench {
    types: TypesDb,
    state: Mutex<State>,
}

struct State {
    now: CdTime,
    interval: Interval,
    /// By handle, which begins at 1; an expired series keeps its place.
    series: Vec<Slot>,
    by_identifier: HashMap<Identifier, usize>,
    refused: HashSet<Identifier>,
    lists: Vec<ValueList>,
    notifications: Vec<Notification>,
    logs: Vec<(LogLevel, String)>,
    answers: Vec<(String, Status)>,
    refusals: Vec<(Call, Refusal)>,
    registered: usize,
    described: usize,
}

struct Slot {
    identifier: Identifier,
    set: Arc<DataSet>,
    newest: CdTime,
    is_live: bool,
}

impl Bench {
    /// When the first read happens: 1,700,000,000 s after the epoch.
    pub const START: CdTime = CdTime::from_secs(1_700_000_000);

    /// A bench whose plugin is read each `interval`.
    pub fn new(interval: Interval) -> Self {
        Self {
            types: TypesDb::builtin(),
            state: Mutex::new(State {
                now: Self::START,
                interval,
                series: Vec::new(),
                by_identifier: HashMap::new(),
                refused: HashSet::new(),
                lists: Vec::new(),
                notifications: Vec::new(),
                logs: Vec::new(),
                answers: Vec::new(),
                refusals: Vec::new(),
                registered: 0,
                described: 0,
            }),
        }
    }

    /// The data set of a type.
    pub fn data_set(&self, type_name: &str) -> Option<Arc<DataSet>> {
        self.types.get(type_name).map(|(_, set)| Arc::clone(set))
    }

    /// The number under which a writer is given a series, made where it is new. Once the series has expired it
    /// gets another, and who asks for the old one hears that it is stale.
    ///
    /// # Panics
    ///
    /// Where its type is not known.
    pub fn number(&self, identifier: &Identifier) -> u64 {
        let mut state = self.state();
        let place = self.place_of(&mut state, identifier.clone(), &identifier.type_name);
        place.unwrap_or_else(|_| panic!("type {} is not known", identifier.type_name)) as u64
    }

    /// How often a writer asked who a series is so far.
    pub fn described(&self) -> usize {
        self.state().described
    }

    /// What the plugin logged so far.
    pub fn logs(&self) -> Vec<(LogLevel, String)> {
        self.state().logs.clone()
    }

    /// The notifications so far.
    pub fn notifications(&self) -> Vec<Notification> {
        self.state().notifications.clone()
    }

    /// Every answer so far that was not "it worked", with the identifier as the plugin wrote it.
    pub fn answers(&self) -> Vec<(String, Status)> {
        self.state().answers.clone()
    }

    /// How the plugin broke the contract so far.
    pub fn refusals(&self) -> Vec<(Call, Refusal)> {
        self.state().refusals.clone()
    }

    /// How often a series was registered so far.
    pub fn registered(&self) -> usize {
        self.state().registered
    }

    /// What the clock of this bench says.
    pub fn now(&self) -> CdTime {
        self.state().now
    }

    /// Moves the clock by one interval.
    pub fn advance(&self) {
        let mut state = self.state();
        state.now = state.now.plus(state.interval.span());
    }

    /// Lets a series expire; its handle is stale from now on. Answers whether it was there.
    pub fn expire(&self, identifier: &Identifier) -> bool {
        let mut state = self.state();
        let Some(at) = state.by_identifier.remove(identifier) else {
            return false;
        };
        state.series[at].is_live = false;
        true
    }

    /// Keeps a series out from now on, as a rule of the operator does.
    pub fn refuse(&self, identifier: &Identifier) {
        self.state().refused.insert(identifier.clone());
    }

    /// Takes out the value lists so far.
    pub fn take_lists(&self) -> Vec<ValueList> {
        std::mem::take(&mut self.state().lists)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of a series, made where it is new.
    fn place(&self, state: &mut State, id: IdentityRef<'_>, data_set: &str) -> Result<usize, Status> {
        let identifier = identify(id)?;
        let name = if data_set.is_empty() { Arc::clone(&identifier.type_name) } else { data_set.into() };
        self.place_of(state, identifier, &name)
    }

    fn place_of(&self, state: &mut State, identifier: Identifier, data_set: &str) -> Result<usize, Status> {
        if let Some(at) = state.by_identifier.get(&identifier) {
            return Ok(*at);
        }
        let set = self.data_set(data_set).ok_or(Status::UNKNOWN_TYPE)?;
        let at = state.series.len();
        state.by_identifier.insert(identifier.clone(), at);
        state.series.push(Slot { identifier, set, newest: CdTime::ZERO, is_live: true });
        Ok(at)
    }
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench").field("now", &self.now()).finish_non_exhaustive()
    }
}

fn identify(id: IdentityRef<'_>) -> Result<Identifier, Status> {
    let host = if id.host.is_empty() { HOST } else { id.host };
    Identifier::new(host, id.plugin, id.plugin_instance, id.type_name, id.type_instance)
        .map_err(|_| Status::BAD_NAME)
}

fn written(id: IdentityRef<'_>) -> String {
    format!("{}-{}/{}-{}", id.plugin, id.plugin_instance, id.type_name, id.type_instance)
}

impl State {
    /// Takes one sample of the series at `at`.
    fn take(&mut self, at: usize, time: Option<CdTime>, interval: Option<Interval>, bits: &[u64]) -> Status {
        let time = time.unwrap_or(self.now);
        let slot = &mut self.series[at];
        let sources = &slot.set.sources;
        let status = if !slot.is_live {
            Status::STALE
        } else if sources.len() != bits.len() {
            Status::WRONG_COUNT
        } else if self.refused.contains(&slot.identifier) {
            Status::REFUSED
        } else if time > self.now.plus(TOLERANCE) {
            Status::TOO_NEW
        } else if time <= slot.newest {
            Status::TOO_OLD
        } else {
            Status::OK
        };
        if status != Status::OK {
            self.answers.push((slot.identifier.to_string(), status));
            return status;
        }
        slot.newest = time;
        let values =
            sources.iter().zip(bits).map(|(source, bits)| Value::from_bits(source.kind, *bits)).collect();
        let interval = interval.unwrap_or(self.interval);
        self.lists.push(ValueList { identifier: slot.identifier.clone(), values, time, interval });
        Status::OK
    }
}

impl Door for Bench {
    fn log(&self, level: LogLevel, message: &str) {
        self.state().logs.push((level, message.to_owned()));
    }

    fn register(&self, identity: IdentityRef<'_>, data_set: &str) -> Result<Handle, Status> {
        let mut state = self.state();
        state.registered += 1;
        match self.place(&mut state, identity, data_set) {
            Ok(at) => Ok(Handle(at as u64 + 1)),
            Err(status) => {
                state.answers.push((written(identity), status));
                Err(status)
            }
        }
    }

    fn dispatch(&self, mut batch: BatchRef<'_>) -> Status {
        let mut state = self.state();
        let mut first = Status::OK;
        for at in 0..batch.len() {
            let place = usize::try_from(batch.handles[at].0).ok().and_then(|handle| handle.checked_sub(1));
            let status = match place.filter(|place| *place < state.series.len()) {
                None => Status::BAD_HANDLE,
                Some(place) => {
                    state.take(place, batch.time_at(at), batch.interval_at(at), batch.values_at(at))
                }
            };
            if first == Status::OK {
                first = status;
            }
            if let Some(results) = &mut batch.results {
                results[at] = status;
            }
        }
        first
    }

    fn dispatch_values(&self, list: ValueListRef<'_>) -> Status {
        let mut state = self.state();
        match self.place(&mut state, list.identity, "") {
            Ok(at) => state.take(at, list.time, list.interval, list.values),
            Err(status) => {
                state.answers.push((written(list.identity), status));
                status
            }
        }
    }

    fn describe(&self, series: u64, show: &mut dyn FnMut(IdentityRef<'_>, &DataSet)) -> Status {
        let mut state = self.state();
        state.described += 1;
        let slot = usize::try_from(series).ok().and_then(|at| state.series.get(at));
        let Some(slot) = slot.filter(|slot| slot.is_live) else {
            return Status::STALE;
        };
        let (id, set) = (slot.identifier.clone(), Arc::clone(&slot.set));
        // What the plugin does there may come back here.
        drop(state);
        let identity = IdentityRef {
            host: &id.host,
            plugin: &id.plugin,
            plugin_instance: &id.plugin_instance,
            type_name: &id.type_name,
            type_instance: &id.type_instance,
        };
        show(identity, &set);
        Status::OK
    }

    fn notify(&self, mut notification: Notification) -> Status {
        let mut state = self.state();
        if notification.time == CdTime::ZERO {
            notification.time = state.now;
        }
        if notification.host.is_empty() {
            HOST.clone_into(&mut notification.host);
        }
        if check_part(gatherd_model::Part::Host, &notification.host).is_err() {
            return Status::BAD_NAME;
        }
        state.notifications.push(notification);
        Status::OK
    }

    fn refused(&self, call: Call, refusal: &Refusal) {
        self.state().refusals.push((call, refusal.clone()));
    }
}
