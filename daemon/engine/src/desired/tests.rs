//! Whole transactions over plugins that obey, refuse, fail and panic, and a disk that can break.

mod confirmed;
mod handover;
mod outputs;
mod resources;
mod restored;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::store::faulty::Disk;
use super::*;
use crate::port::ConfigProblem;

type Hook = Box<dyn Fn() + Send + Sync>;

/// Plugins as a map; refuses, fails and panics where told.
#[derive(Default)]
struct Plugins {
    running: Mutex<BTreeMap<PluginId, Wanted>>,
    /// What the rooms were told last.
    configured: Mutex<Option<Document>>,
    /// Steps that were carried out, in order.
    steps: Mutex<Vec<String>>,
    refuse: Mutex<Option<OpenFailure>>,
    /// `set` of this plugin fails.
    fail: Mutex<Option<&'static str>>,
    /// `set` of this plugin panics.
    panic: Mutex<Option<&'static str>>,
    /// Runs before each step.
    hook: Mutex<Option<Hook>>,
    /// Steps wait for a permit where there is one.
    gate: Mutex<Option<Arc<tokio::sync::Semaphore>>>,
}

impl Plugins {
    fn like(desired: &Desired) -> Arc<Self> {
        let plugins = Self::default();
        *plugins.running.lock().unwrap() = desired.current().specs();
        Arc::new(plugins)
    }

    fn running(&self) -> BTreeMap<PluginId, Wanted> {
        self.running.lock().unwrap().clone()
    }

    fn steps(&self) -> Vec<String> {
        self.steps.lock().unwrap().clone()
    }

    async fn step(&self, name: String) {
        if let Some(hook) = self.hook.lock().unwrap().as_ref() {
            hook();
        }
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        self.steps.lock().unwrap().push(name);
    }
}

impl Apply for Plugins {
    fn validate(&self, _spec: &Spec) -> Result<(), OpenFailure> {
        self.refuse.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn set(&self, spec: Spec, enabled: bool) -> BoxFuture<'_, Result<(), ApplyFailure>> {
        Box::pin(async move {
            self.step(format!("{} {}", if enabled { "on" } else { "off" }, spec.id)).await;
            let told_to_panic = *self.panic.lock().unwrap();
            assert_ne!(told_to_panic, Some(spec.id.as_str()), "told to");
            if *self.fail.lock().unwrap() == Some(spec.id.as_str()) {
                return Err(ApplyFailure::Busy);
            }
            self.running.lock().unwrap().insert(spec.id.clone(), Wanted { spec, enabled });
            Ok(())
        })
    }

    fn remove(&self, id: PluginId) -> BoxFuture<'_, Result<(), ApplyFailure>> {
        Box::pin(async move {
            self.step(format!("remove {id}")).await;
            self.running.lock().unwrap().remove(&id);
            Ok(())
        })
    }

    fn configure<'a>(&'a self, document: &'a Document) -> BoxFuture<'a, Result<(), ApplyFailure>> {
        Box::pin(async move {
            self.step(format!("configure timeout {}", document.timeout)).await;
            *self.configured.lock().unwrap() = Some(document.clone());
            if *self.fail.lock().unwrap() == Some("configure") { Err(ApplyFailure::Busy) } else { Ok(()) }
        })
    }
}

/// The calls that most tests make.
impl Desired {
    async fn edit(&self, edit: Edit, author: Author, apply: Arc<dyn Apply>) -> Result<Committed, EditError> {
        committed(self.change(Change::Edit(edit), author, Mode::Commit, apply).await)
    }

    async fn plan(&self, edit: Edit, author: Author, apply: Arc<dyn Apply>) -> Result<Planned, EditError> {
        match self.change(Change::Edit(edit), author, Mode::DryRun, apply).await? {
            Outcome::Planned(planned) => Ok(planned),
            other => panic!("{other:?}"),
        }
    }

    async fn reread(&self, layers: Layers, apply: Arc<dyn Apply>) -> Result<Committed, EditError> {
        let author = Author::daemon("the configuration was read again");
        committed(self.change(Change::Reread(layers), author, Mode::Commit, apply).await)
    }
}

fn committed(outcome: Result<Outcome, EditError>) -> Result<Committed, EditError> {
    match outcome? {
        Outcome::Committed(committed) => Ok(committed),
        other => panic!("{other:?}"),
    }
}

fn id(text: &str) -> PluginId {
    text.parse().unwrap()
}

fn admin() -> Author {
    Author { user: "admin".to_owned(), peer: "127.0.0.1".to_owned(), reason: "test".to_owned() }
}

/// Layers from one file's text and `--set` options.
fn layers(text: &str, sets: &[&str]) -> Layers {
    let place = tempfile::tempdir().unwrap();
    let main = place.path().join("gatherd.toml");
    std::fs::write(&main, text).unwrap();
    let sets = sets.iter().map(|&set| set.to_owned()).collect();
    Layers::read(&Inputs { main: Some(main), sets, ..Inputs::default() }).unwrap()
}

const FILE: &str = "[plugins.cpu]\n[plugins.df]\nconfig = { a = 1, b = { c = 2, d = 3 } }\n";

fn open(disk: &Disk, layers: Layers) -> Desired {
    let (store, newest) = disk.open().unwrap();
    Desired::over(store, newest, layers).unwrap()
}

fn start() -> (Disk, Desired, Arc<Plugins>) {
    start_with(layers(FILE, &[]))
}

fn start_with(layers: Layers) -> (Disk, Desired, Arc<Plugins>) {
    let disk = Disk::default();
    let desired = open(&disk, layers);
    let plugins = Plugins::like(&desired);
    (disk, desired, plugins)
}

fn put(config: Value, if_match: IfMatch) -> Edit {
    Edit::Put { at: Resource::plugin_config(&id("df")), value: config, if_match }
}

fn patch(patch: Value) -> Edit {
    Edit::Patch { at: Resource::plugin_config(&id("df")), patch, if_match: IfMatch::Any }
}

/// What a new daemon would find on this disk.
fn after_crash(disk: &Disk) -> Arc<Effective> {
    open(&Disk::holding(disk.bytes()), layers(FILE, &[])).current()
}

#[tokio::test]
async fn disable_is_carried_out_stored_and_still_so_after_a_crash() {
    let (disk, desired, plugins) = start();
    assert_eq!(desired.current().revision, 1);
    let done = desired.edit(Edit::Disable(id("cpu")), admin(), plugins.clone()).await.unwrap();
    assert_eq!((done.effective.revision, done.changed), (2, vec!["/plugins/cpu".to_owned()]));
    assert_eq!(plugins.steps(), ["off cpu"]);
    assert_eq!(plugins.running(), desired.current().specs());
    let found = after_crash(&disk);
    assert_eq!(found.revision, 2);
    assert!(!found.document.plugins["cpu"].enabled);
    assert_eq!(found.source_of("/plugins/cpu/enabled"), Source::Api);
    assert_eq!(found.source_of("/plugins/df/config/a"), Source::File("gatherd.toml".into()));
}

#[tokio::test]
async fn what_already_is_so_makes_no_revision() {
    let (_disk, desired, plugins) = start();
    let done = desired.edit(Edit::Enable(id("cpu")), admin(), plugins.clone()).await.unwrap();
    assert_eq!((done.effective.revision, done.actions.len(), done.changed.len()), (1, 0, 0));
    assert_eq!(plugins.steps(), Vec::<String>::new());
}

#[tokio::test]
async fn unknown_plugin_is_not_found() {
    let (_disk, desired, plugins) = start();
    let error = desired.edit(Edit::Enable(id("swap")), admin(), plugins).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no plugin swap");
}

#[tokio::test]
async fn put_replaces_all_and_says_its_revision() {
    let (_disk, desired, plugins) = start();
    assert_eq!(desired.current().plugin_config(&id("df")), Some((json!({"a": 1, "b": {"c": 2, "d": 3}}), 1)));
    let wanted = json!({"b": {"c": 2}, "e": [1]});
    desired.edit(put(wanted.clone(), IfMatch::OneOf(vec![1])), admin(), plugins.clone()).await.unwrap();
    assert_eq!(desired.current().plugin_config(&id("df")), Some((wanted.clone(), 2)));
    assert_eq!(plugins.running()[&id("df")].spec.config, wanted);
    // The other resources keep their revision.
    assert_eq!(desired.current().plugin_config(&id("cpu")), Some((json!({}), 1)));
    assert_eq!(desired.current().plugin_revision(&id("df")), Some(2));
    assert_eq!(desired.current().plugin_config(&id("swap")), None);
}

#[tokio::test]
async fn enabling_does_not_make_a_configuration_stale() {
    let (_disk, desired, plugins) = start();
    desired.edit(Edit::Disable(id("df")), admin(), plugins.clone()).await.unwrap();
    assert_eq!(desired.current().plugin_config(&id("df")).unwrap().1, 1);
    desired.edit(put(json!({}), IfMatch::OneOf(vec![1])), admin(), plugins).await.unwrap();
    assert_eq!(desired.current().plugin_config(&id("df")), Some((json!({}), 3)));
}

#[tokio::test]
async fn patch_merges_and_null_takes_away() {
    let (disk, desired, plugins) = start();
    desired.edit(patch(json!({"a": null, "b": {"c": 9}})), admin(), plugins.clone()).await.unwrap();
    assert_eq!(desired.current().plugin_config(&id("df")).unwrap().0, json!({"b": {"c": 9, "d": 3}}));
    desired.edit(patch(json!({"b": null})), admin(), plugins.clone()).await.unwrap();
    desired.edit(patch(json!({"b": {"new": 1}})), admin(), plugins).await.unwrap();
    assert_eq!(desired.current().plugin_config(&id("df")).unwrap().0, json!({"b": {"new": 1}}));
    assert_eq!(after_crash(&disk).plugin_config(&id("df")).unwrap(), (json!({"b": {"new": 1}}), 4));
}

#[tokio::test]
async fn a_value_equal_to_the_files_is_kept_when_the_file_changes() {
    let (disk, desired, plugins) = start();
    let same = json!({"a": 1, "b": {"c": 2, "d": 3}});
    let done = desired.edit(put(same.clone(), IfMatch::Any), admin(), plugins.clone()).await.unwrap();
    // The overlay is a revision; the configuration is what it was, so its ETag stays.
    assert_eq!((done.effective.revision, done.changed.len()), (2, 0));
    assert_eq!(desired.current().plugin_config(&id("df")), Some((same.clone(), 1)));
    desired.reread(layers(&FILE.replace("a = 1", "a = 7"), &[]), plugins.clone()).await.unwrap();
    assert_eq!(desired.current().plugin_config(&id("df")).unwrap().0, same);
    assert_eq!(plugins.steps(), Vec::<String>::new());
    assert_eq!(after_crash(&disk).plugin_config(&id("df")).unwrap().0, same);
}

#[tokio::test]
async fn a_stale_revision_is_refused_with_the_current_one() {
    let (_disk, desired, plugins) = start();
    desired.edit(patch(json!({"a": 2})), admin(), plugins.clone()).await.unwrap();
    let error = desired.edit(put(json!({}), IfMatch::OneOf(vec![1, 7])), admin(), plugins).await.unwrap_err();
    assert!(matches!(error, EditError::Stale { current: 2 }), "{error:?}");
}

#[tokio::test]
async fn of_two_writers_with_one_revision_one_wins() {
    let (_disk, desired, plugins) = start();
    let edit =
        |number| desired.edit(put(json!({"n": number}), IfMatch::OneOf(vec![1])), admin(), plugins.clone());
    let (one, two) = tokio::join!(edit(1), edit(2));
    let (winner, loser) = if one.is_ok() { (1, two) } else { (2, one) };
    assert!(matches!(loser, Err(EditError::Stale { current: 2 })), "{loser:?}");
    assert_eq!(desired.current().plugin_config(&id("df")), Some((json!({"n": winner}), 2)));
}

#[tokio::test]
async fn a_pinned_key_names_who_pins_it() {
    let pins = ["plugins.cpu.enabled=true", "plugins.df.config.b.c=5"];
    let (_disk, desired, plugins) = start_with(layers(FILE, &pins));
    let told = |error: EditError| match error {
        EditError::Pinned { key, by } => (key, by.to_string()),
        other => panic!("{other:?}"),
    };
    let disable = desired.edit(Edit::Disable(id("cpu")), admin(), plugins.clone()).await.unwrap_err();
    assert_eq!(told(disable), ("plugins.cpu.enabled".to_owned(), "command_line".to_owned()));
    for edit in [put(json!({}), IfMatch::Any), patch(json!({"b": {"c": 6}})), patch(json!({"b": null}))] {
        let error = desired.edit(edit, admin(), plugins.clone()).await.unwrap_err();
        let (key, by) = told(error);
        assert!(["plugins.df.config.b", "plugins.df.config.b.c"].contains(&key.as_str()), "{key}");
        assert_eq!(by, "command_line");
    }
    // What is beside it can be changed, and so can a body that leaves it as it is.
    desired.edit(put(json!({"b": {"c": 5}}), IfMatch::Any), admin(), plugins.clone()).await.unwrap();
    desired.edit(Edit::Enable(id("cpu")), admin(), plugins.clone()).await.unwrap();
    assert_eq!(desired.current().revision, 2);
}

#[tokio::test]
async fn a_body_that_no_layer_can_hold_is_invalid() {
    let (_disk, desired, plugins) = start();
    let pointers = |error: EditError| match error {
        EditError::Invalid(problems) => {
            problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    for (edit, pointer) in [
        (put(json!([]), IfMatch::Any), ""),
        (put(json!({"x": {"y": null}}), IfMatch::Any), "/x/y"),
        (patch(json!("text")), ""),
        (put(json!({"x": "x".repeat(1 << 20)}), IfMatch::Any), ""),
    ] {
        let error = desired.edit(edit, admin(), plugins.clone()).await.unwrap_err();
        assert_eq!(pointers(error), [pointer]);
    }
    assert_eq!(desired.current().revision, 1);
}

#[tokio::test]
async fn what_the_plugin_itself_refuses_is_told_with_pointers_into_the_body() {
    let (disk, desired, plugins) = start();
    let problem = ConfigProblem { pointer: "/a".to_owned(), detail: "no".to_owned() };
    *plugins.refuse.lock().unwrap() = Some(OpenFailure::Config(vec![problem.clone()]));
    let error = desired.edit(patch(json!({"a": 5})), admin(), plugins.clone()).await.unwrap_err();
    assert!(matches!(&error, EditError::Invalid(found) if *found == [problem]), "{error:?}");
    assert_eq!((plugins.steps(), desired.current().revision), (vec![], 1));
    assert_eq!(after_crash(&disk).revision, 1);
}

#[tokio::test]
async fn a_plugin_that_can_not_be_opened_is_refused_but_can_be_disabled() {
    let (_disk, desired, plugins) = start();
    let failure = OpenFailure::Library { code: "missing", detail: "cpu.so is not there".to_owned() };
    *plugins.refuse.lock().unwrap() = Some(failure.clone());
    desired.edit(Edit::Disable(id("cpu")), admin(), plugins.clone()).await.unwrap();
    let error = desired.edit(Edit::Enable(id("cpu")), admin(), plugins.clone()).await.unwrap_err();
    assert!(
        matches!(&error, EditError::Refused { id, source } if id.as_str() == "cpu" && *source == failure)
    );
    assert_eq!(plugins.steps(), ["off cpu"]);
}

/// Takes `cpu` away, changes `df` and adds `load`: three steps.
fn three_steps() -> Layers {
    layers("[plugins.df.config]\na = 2\n[plugins.load]\n", &[])
}

#[tokio::test]
async fn when_a_later_step_fails_the_earlier_ones_are_taken_back() {
    let (disk, desired, plugins) = start();
    let before = plugins.running();
    *plugins.fail.lock().unwrap() = Some("load");
    let error = desired.reread(three_steps(), plugins.clone()).await.unwrap_err();
    match &error {
        EditError::ApplyFailed { step, source: ApplyFailure::Busy, undone: true } => {
            assert_eq!(step, "set plugin load");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(error.to_string(), "could not set plugin load");
    assert_eq!(plugins.steps(), ["remove cpu", "on df", "on load", "on df", "on cpu"]);
    assert_eq!(plugins.running(), before);
    assert_eq!(desired.current().revision, 1);
    assert_eq!(after_crash(&disk).revision, 1);
}

#[tokio::test]
async fn a_step_that_panics_is_a_failed_step() {
    let (_disk, desired, plugins) = start();
    let before = plugins.running();
    *plugins.panic.lock().unwrap() = Some("load");
    let error = desired.reread(three_steps(), plugins.clone()).await.unwrap_err();
    assert!(matches!(error, EditError::ApplyFailed { source: ApplyFailure::Panicked(_), undone: true, .. }));
    assert_eq!(plugins.running(), before);
    // The next change works.
    *plugins.panic.lock().unwrap() = None;
    desired.reread(three_steps(), plugins.clone()).await.unwrap();
    assert_eq!(plugins.running(), desired.current().specs());
}

#[tokio::test]
async fn a_step_that_can_not_be_taken_back_is_said() {
    let (_disk, desired, plugins) = start();
    *plugins.fail.lock().unwrap() = Some("load");
    let saboteur = plugins.clone();
    // From the failing step on, `cpu` can not be set again either.
    *plugins.hook.lock().unwrap() = Some(Box::new(move || {
        if saboteur.steps().len() == 3 {
            *saboteur.fail.lock().unwrap() = Some("cpu");
        }
    }));
    let error = desired.reread(three_steps(), plugins.clone()).await.unwrap_err();
    assert!(matches!(error, EditError::ApplyFailed { undone: false, .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "could not set plugin load, and the steps before it could not all be taken back"
    );
}

#[tokio::test]
async fn what_can_not_be_stored_is_taken_back_and_works_when_there_is_space() {
    let (disk, desired, plugins) = start();
    let before = plugins.running();
    disk.set_broken(true);
    let error = desired.edit(Edit::Disable(id("cpu")), admin(), plugins.clone()).await.unwrap_err();
    assert!(matches!(error, EditError::Storage { source: StoreError::Io(_), undone: true }), "{error:?}");
    assert_eq!(plugins.steps(), ["off cpu", "on cpu"]);
    assert_eq!((plugins.running(), desired.current().revision), (before, 1));
    disk.heal();
    desired.edit(Edit::Disable(id("cpu")), admin(), plugins).await.unwrap();
    assert_eq!(after_crash(&disk).revision, 2);
}

#[tokio::test]
async fn a_crash_at_any_step_shows_the_old_revision_until_the_answer() {
    let (disk, desired, plugins) = start();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (watched, kept) = (disk.clone(), seen.clone());
    *plugins.hook.lock().unwrap() = Some(Box::new(move || kept.lock().unwrap().push(watched.bytes())));
    desired.reread(three_steps(), plugins.clone()).await.unwrap();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(seen.len(), 3);
    for bytes in seen {
        let found = open(&Disk::holding(bytes), layers(FILE, &[])).current();
        assert_eq!((found.revision, found.document.plugins.len()), (1, 2));
    }
    let found = open(&Disk::holding(disk.bytes()), three_steps()).current();
    assert_eq!(found.revision, 2);
    assert_eq!(found.specs(), desired.current().specs());
}

#[tokio::test]
async fn a_change_goes_on_when_the_asker_goes_away_and_readers_never_wait() {
    let (_disk, desired, plugins) = start();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    *plugins.gate.lock().unwrap() = Some(gate.clone());
    {
        let edit = desired.edit(Edit::Disable(id("cpu")), admin(), plugins.clone());
        tokio::select! {
            biased;
            _ = edit => panic!("the gate is closed"),
            () = tokio::task::yield_now() => {}
        }
    }
    // The asker is gone, the change stands at the gate; reading does not wait.
    assert_eq!(desired.current().revision, 1);
    gate.add_permits(1);
    desired.stop().await;
    assert_eq!(desired.current().revision, 2);
    assert_eq!(plugins.running(), desired.current().specs());
    let late = desired.edit(Edit::Enable(id("cpu")), admin(), plugins).await.unwrap_err();
    assert_eq!(late.to_string(), "the daemon is stopping");
}

#[tokio::test]
async fn the_seventeenth_waiting_change_is_told_to_come_back() {
    let (_disk, desired, plugins) = start();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    *plugins.gate.lock().unwrap() = Some(gate.clone());
    let edits = (0..17).map(|number| desired.edit(patch(json!({"n": number})), admin(), plugins.clone()));
    let all = futures_util::future::join_all(edits);
    let release = async {
        tokio::task::yield_now().await;
        gate.add_permits(100);
    };
    let (answers, ()) = tokio::join!(all, release);
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 16);
    assert!(matches!(answers[16], Err(EditError::Busy)));
}

#[tokio::test]
async fn files_read_again_change_only_what_changed_in_them() {
    let (_disk, desired, plugins) = start();
    desired.edit(Edit::Disable(id("cpu")), admin(), plugins.clone()).await.unwrap();
    let fresh = layers(&format!("timeout = 5\nlog.filter = \"debug\"\n{FILE}[plugins.load]\n"), &[]);
    let done = desired.reread(fresh, plugins.clone()).await.unwrap();
    assert_eq!(plugins.steps(), ["off cpu", "configure timeout 5", "on load"]);
    assert_eq!(done.changed, ["/log", "/plugins/load", "/plugins/load/config", "/timeout"]);
    assert_eq!(done.needs_restart().collect::<Vec<_>>(), ["timeout"]);
    assert!(!desired.current().document.plugins["cpu"].enabled, "the edit over the API stays");
    let record = desired.revision(3).await.unwrap().unwrap();
    assert_eq!(
        (record.user.as_str(), record.reason.as_str()),
        ("gatherd", "the configuration was read again")
    );
    assert_eq!(record.difference["timeout"], json!(5));
    assert_eq!(desired.revision(9).await.unwrap(), None);
}

#[tokio::test]
async fn files_read_again_without_a_change_make_no_revision_but_new_sources() {
    let (_disk, desired, plugins) = start();
    let done = desired.reread(layers(FILE, &["plugins.df.config.a=1"]), plugins).await.unwrap();
    assert_eq!((done.effective.revision, done.actions.len()), (1, 0));
    assert_eq!(desired.current().source_of("/plugins/df/config/a"), Source::CommandLine);
}

#[test]
fn changed_files_become_a_revision_at_the_next_start() {
    let disk = Disk::default();
    drop(open(&disk, layers(FILE, &[])));
    assert_eq!(open(&disk, layers(FILE, &[])).current().revision, 1);
    let found = open(&disk, layers(&FILE.replace("a = 1", "a = 7"), &[])).current();
    assert_eq!(found.revision, 2);
    assert_eq!(found.plugin_config(&id("df")).unwrap().1, 2);
    assert_eq!(found.plugin_config(&id("cpu")).unwrap().1, 1);
}

#[test]
fn a_full_disk_does_not_keep_a_changed_configuration_from_starting() {
    let disk = Disk::default();
    drop(open(&disk, layers(FILE, &[])));
    let (store, newest) = disk.open().unwrap();
    disk.set_broken(true);
    let desired = Desired::over(store, newest, layers("[plugins.load]\n", &[])).unwrap();
    assert_eq!(desired.current().document.plugins.keys().collect::<Vec<_>>(), ["load"]);
}

#[test]
fn the_first_start_needs_a_disk() {
    let disk = Disk::default();
    let (store, newest) = disk.open().unwrap();
    disk.set_broken(true);
    let fault = Desired::over(store, newest, layers(FILE, &[])).unwrap_err();
    assert!(matches!(fault, begin::Fault::Store(StoreError::Io(_))), "{fault:?}");
}

#[test]
fn every_key_is_listed_with_its_source() {
    let disk = Disk::default();
    let current = open(&disk, layers(FILE, &["log.filter=debug"])).current();
    let sources = current.sources();
    let of = |key: &str| sources.iter().find(|(found, _)| found == key).map(|(_, source)| source.to_string());
    assert_eq!(of("plugins.df.config.b.c").as_deref(), Some("file:gatherd.toml"));
    assert_eq!(of("log.filter").as_deref(), Some("command_line"));
    assert_eq!(of("interval").as_deref(), Some("default"));
    assert_eq!(of("nothing"), None);
    let problem = current
        .locate(ConfigProblem { pointer: "/plugins/df/config/b/c".to_owned(), detail: "no".to_owned() });
    assert_eq!((problem.line, problem.key.as_str()), (Some(3), "plugins.df.config.b.c"));
}

fn edits() -> impl Strategy<Value = Edit> {
    let which = prop_oneof![Just("cpu"), Just("df")].prop_map(id);
    let leaf = prop_oneof![Just(Value::Null), (0..3).prop_map(Value::from)];
    let inner = prop::collection::btree_map("[abcd]", leaf.clone(), 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()));
    let body = prop::collection::btree_map("[abcd]", prop_oneof![leaf, inner], 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()));
    (which, 0..4, body).prop_map(|(id, what, body)| match what {
        0 => Edit::Enable(id),
        1 => Edit::Disable(id),
        2 => Edit::Put {
            at: Resource::plugin_config(&id),
            value: merge::merge(Value::Null, &body),
            if_match: IfMatch::Any,
        },
        _ => Edit::Patch { at: Resource::plugin_config(&id), patch: body, if_match: IfMatch::Any },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn after_any_edits_what_runs_is_what_is_stored_and_what_was_asked(edits in prop::collection::vec(edits(), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (disk, desired, plugins) = start();
        for edit in edits {
            let before = desired.current().value.clone();
            runtime.block_on(desired.edit(edit.clone(), admin(), plugins.clone())).unwrap();
            let found = desired.current();
            let (now, _) = found.resource(&edit.at()).unwrap();
            match &edit {
                Edit::Enable(_) => prop_assert_eq!(&now["enabled"], true),
                Edit::Disable(_) => prop_assert_eq!(&now["enabled"], false),
                Edit::Put { value: wanted, .. } => prop_assert_eq!(&now, wanted),
                Edit::Patch { at, patch, .. } => {
                    let old = before.pointer(&at.pointer()).cloned().unwrap_or(json!({}));
                    prop_assert_eq!(now, merge::merge(old, patch));
                }
                Edit::Create { .. } | Edit::Delete { .. } => unreachable!("not among these edits"),
            }
            prop_assert_eq!(plugins.running(), found.specs());
        }
        let again = after_crash(&disk);
        prop_assert_eq!(&again.value, &desired.current().value);
        prop_assert_eq!(again.revision, desired.current().revision);
        prop_assert_eq!(&again.resources, &desired.current().resources);
    }
}
