//! Earlier revisions in effect again.

use super::*;

async fn restore(desired: &Desired, revision: u64, plugins: &Arc<Plugins>) -> Result<Committed, EditError> {
    let restore = Change::Restore { revision, if_match: IfMatch::Any };
    committed(desired.change(restore, admin(), Mode::Commit, plugins.clone()).await)
}

#[tokio::test]
async fn a_restored_document_is_a_new_revision_with_the_sources_of_then() {
    let (disk, desired, plugins) = start();
    let before = desired.current().value.clone();
    desired.edit(put(json!({"n": 1}), IfMatch::Any), admin(), plugins.clone()).await.unwrap();
    desired.edit(Edit::Disable(id("cpu")), admin(), plugins.clone()).await.unwrap();
    let done = restore(&desired, 1, &plugins).await.unwrap();
    assert_eq!((done.effective.revision, &done.effective.value), (4, &before));
    assert_eq!(plugins.running(), desired.current().specs());
    assert_eq!(desired.current().source_of("/plugins/df/config/a"), Source::File("gatherd.toml".into()));
    assert_eq!(after_crash(&disk).value, before);
    let again = restore(&desired, 2, &plugins).await.unwrap();
    assert_eq!(again.effective.plugin_config(&id("df")), Some((json!({"n": 1}), 5)));
    assert!(again.effective.document.plugins["cpu"].enabled);
}

#[tokio::test]
async fn a_restored_document_is_the_one_of_then_also_where_files_say_another_now() {
    let (_disk, desired, plugins) = start();
    desired.reread(layers(&FILE.replace("a = 1", "a = 7"), &[]), plugins.clone()).await.unwrap();
    restore(&desired, 1, &plugins).await.unwrap();
    let config = desired.current().plugin_config(&id("df")).unwrap().0;
    assert_eq!(config, json!({"a": 1, "b": {"c": 2, "d": 3}}));
    assert_eq!(desired.current().source_of("/plugins/df/config/a"), Source::Api);
    assert_eq!(desired.current().source_of("/plugins/df/config/b/c"), Source::File("gatherd.toml".into()));
}

#[tokio::test]
async fn what_cannot_be_restored_says_why() {
    let (_disk, desired, plugins) = start();
    desired.edit(Edit::Disable(id("cpu")), admin(), plugins.clone()).await.unwrap();
    let unknown = restore(&desired, 9, &plugins).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no revision 9");
    let stale = Change::Restore { revision: 1, if_match: IfMatch::OneOf(vec![1]) };
    let stale = desired.change(stale, admin(), Mode::Commit, plugins.clone()).await.unwrap_err();
    assert!(matches!(stale, EditError::Stale { current: 2 }), "{stale:?}");
    // The library of a plugin is gone: which one is said.
    let gone = OpenFailure::Library { code: "missing", detail: "cpu.so is not there".to_owned() };
    *plugins.refuse.lock().unwrap() = Some(gone);
    let refused = restore(&desired, 1, &plugins).await.unwrap_err();
    assert_eq!(refused.to_string(), "plugin cpu would not run so");
    *plugins.refuse.lock().unwrap() = None;
    desired.reread(layers(FILE, &["plugins.cpu.enabled=false"]), plugins.clone()).await.unwrap();
    let pinned = restore(&desired, 1, &plugins).await.unwrap_err();
    assert_eq!(pinned.to_string(), "plugins.cpu.enabled is pinned by command_line: change it there");
    assert_eq!(desired.current().revision, 2);
}

#[tokio::test]
async fn where_the_state_lies_is_no_matter_of_the_state() {
    let (_disk, desired, plugins) = start();
    let patch =
        Edit::Patch { at: Resource::whole(), patch: json!({"state_dir": "/x"}), if_match: IfMatch::Any };
    let error = desired.edit(patch, admin(), plugins).await.unwrap_err();
    assert!(matches!(&error, EditError::Invalid(found) if found[0].pointer == "/state_dir"), "{error:?}");
}

#[tokio::test]
async fn what_could_be_written_but_not_be_read_again_is_refused() {
    // A revision of more than 128 levels was stored once, and the daemon did not start again.
    let (disk, desired, plugins) = start();
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }));
    let error = desired.edit(put(nested(30), IfMatch::Any), admin(), plugins.clone()).await.unwrap_err();
    assert!(
        matches!(&error, EditError::Invalid(found) if found[0].detail.contains("deeper than 32")),
        "{error:?}"
    );
    desired.edit(put(nested(29), IfMatch::Any), admin(), plugins).await.unwrap();
    assert_eq!(after_crash(&disk).plugin_config(&id("df")).unwrap().0, nested(29));
}

#[tokio::test]
async fn what_is_put_without_a_write_only_key_keeps_it_and_a_patch_takes_it_away() {
    let (_disk, desired, plugins) = start();
    desired.write_only().learn("df", &json!({"properties": {"key": {"writeOnly": true}}}));
    desired.edit(put(json!({"key": "s", "n": 1}), IfMatch::Any), admin(), plugins.clone()).await.unwrap();
    desired.edit(put(json!({"n": 2}), IfMatch::Any), admin(), plugins.clone()).await.unwrap();
    let config = || desired.current().plugin_config(&id("df")).unwrap().0;
    assert_eq!(config(), json!({"key": "s", "n": 2}));
    let whole = json!({"plugins": {"df": {"config": {"n": 3}}}});
    let edit = Edit::Put { at: Resource::whole(), value: whole, if_match: IfMatch::Any };
    desired.edit(edit, admin(), plugins.clone()).await.unwrap();
    assert_eq!(config(), json!({"key": "s", "n": 3}));
    desired.edit(patch(json!({"key": null})), admin(), plugins.clone()).await.unwrap();
    assert_eq!(config(), json!({"n": 3}));
    // A complaint about it does not repeat it.
    let problem = ConfigProblem { pointer: "/key".to_owned(), detail: "\"hunter2\" is too short".to_owned() };
    *plugins.refuse.lock().unwrap() = Some(OpenFailure::Config(vec![problem]));
    let error = desired.edit(patch(json!({"key": "hunter2"})), admin(), plugins).await.unwrap_err();
    assert!(matches!(&error, EditError::Invalid(found) if !found[0].detail.contains("hunter2")), "{error:?}");
}
