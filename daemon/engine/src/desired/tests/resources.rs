//! Edits of every kind of resource: made, replaced, merged, taken away, planned.

use super::*;

fn df() -> Resource {
    Resource::member("plugins", "df")
}

fn pointers(error: &EditError) -> Vec<&str> {
    match error {
        EditError::Invalid(found) => found.iter().map(|problem| problem.pointer.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_member_is_made_once_and_taken_away_again() {
    let (disk, desired, plugins) = start();
    let at = Resource::member("plugins", "root");
    let create = Edit::Create { at: at.clone(), value: json!({"type": "df", "interval": 60}) };
    let done = desired.edit(create.clone(), admin(), plugins.clone()).await.unwrap();
    assert_eq!(done.changed, ["/plugins/root", "/plugins/root/config"]);
    assert_eq!(plugins.running(), desired.current().specs());
    let (value, revision) = desired.current().resource(&at).unwrap();
    assert_eq!((&value["type"], &value["enabled"], revision), (&json!("df"), &json!(true), 2));
    let again = desired.edit(create, admin(), plugins.clone()).await.unwrap_err();
    assert_eq!(again.to_string(), "there is a plugin root already: choose another id, or change that one");

    let delete = |tag| Edit::Delete { at: at.clone(), if_match: IfMatch::OneOf(vec![tag]) };
    let stale = desired.edit(delete(1), admin(), plugins.clone()).await.unwrap_err();
    assert!(matches!(stale, EditError::Stale { current: 2 }), "{stale:?}");
    desired.edit(delete(2), admin(), plugins.clone()).await.unwrap();
    assert_eq!(plugins.steps(), ["on root", "remove root"]);
    assert_eq!(desired.current().overlay, json!({"plugins": {}}), "no tombstone where no file names it");
    assert_eq!(after_crash(&disk).resource(&at), None);
    let gone = desired.edit(delete(2), admin(), plugins).await.unwrap_err();
    assert_eq!(gone.to_string(), "there is no plugin root");
}

#[tokio::test]
async fn a_member_that_a_file_names_stays_away_and_comes_back_as_it_is_made() {
    let (disk, desired, plugins) = start();
    let delete = Edit::Delete { at: df(), if_match: IfMatch::Any };
    desired.edit(delete, admin(), plugins.clone()).await.unwrap();
    assert_eq!(after_crash(&disk).document.plugins.keys().collect::<Vec<_>>(), ["cpu"]);
    desired.reread(layers(FILE, &[]), plugins.clone()).await.unwrap();
    assert_eq!(desired.current().resource(&df()), None);
    let create = Edit::Create { at: df(), value: json!({"config": {"new": 1}}) };
    desired.edit(create, admin(), plugins).await.unwrap();
    assert_eq!(desired.current().plugin_config(&id("df")), Some((json!({"new": 1}), 3)));
}

#[tokio::test]
async fn a_pinned_member_can_not_be_taken_away() {
    let (_disk, desired, plugins) = start_with(layers(FILE, &["plugins.df.config.a=5"]));
    let delete = Edit::Delete { at: df(), if_match: IfMatch::Any };
    let error = desired.edit(delete, admin(), plugins).await.unwrap_err();
    assert_eq!(error.to_string(), "plugins.df is pinned by command_line: change it there");
}

#[tokio::test]
async fn only_members_of_a_section_can_be_made_and_taken_away() {
    let (_disk, desired, plugins) = start();
    for at in [Resource::whole(), Resource::section("log"), df().key("config"), Resource::member("log", "x")]
    {
        let create = Edit::Create { at: at.clone(), value: json!({}) };
        let delete = Edit::Delete { at: at.clone(), if_match: IfMatch::Any };
        for edit in [create, delete] {
            let error = desired.edit(edit, admin(), plugins.clone()).await.unwrap_err();
            assert!(matches!(&error, EditError::NotFound { at: told } if *told == at), "{error:?}");
        }
    }
}

#[tokio::test]
async fn an_emptied_section_does_not_come_back_with_its_first_new_member() {
    let (_disk, desired, plugins) = start();
    let patch =
        Edit::Patch { at: Resource::whole(), patch: json!({"plugins": null}), if_match: IfMatch::Any };
    desired.edit(patch, admin(), plugins.clone()).await.unwrap();
    assert_eq!(desired.current().document.plugins.len(), 0);
    let create = Edit::Create { at: Resource::member("plugins", "load"), value: json!({}) };
    desired.edit(create, admin(), plugins.clone()).await.unwrap();
    assert_eq!(desired.current().document.plugins.keys().collect::<Vec<_>>(), ["load"]);
    assert_eq!(plugins.running(), desired.current().specs());
}

#[tokio::test]
async fn what_is_no_plugin_is_told_to_the_rooms_first() {
    let (_disk, desired, plugins) = start();
    let patch = json!({"timeout": 7, "plugins": {"cpu": null, "load": {}}});
    let edit = Edit::Patch { at: Resource::whole(), patch, if_match: IfMatch::OneOf(vec![1]) };
    let done = desired.edit(edit, admin(), plugins.clone()).await.unwrap();
    assert_eq!(plugins.steps(), ["configure timeout 7", "remove cpu", "on load"]);
    assert_eq!(*plugins.configured.lock().unwrap(), Some(desired.current().document.clone()));
    assert_eq!(done.needs_restart().collect::<Vec<_>>(), ["timeout"]);
    // The whole document has the newest revision, a part of it the one that changed it.
    let revision = |at: &Resource| desired.current().resource(at).unwrap().1;
    assert_eq!(
        [revision(&Resource::whole()), revision(&df()), revision(&Resource::section("api"))],
        [2, 1, 1]
    );
}

#[tokio::test]
async fn rooms_are_told_the_old_document_again_when_a_later_step_or_their_own_fails() {
    for (failing, steps) in [
        ("load", vec!["configure timeout 7", "on load", "configure timeout 2"]),
        ("configure", vec!["configure timeout 7", "configure timeout 2"]),
    ] {
        let (disk, desired, plugins) = start();
        *plugins.fail.lock().unwrap() = Some(failing);
        let patch = json!({"timeout": 7, "plugins": {"load": {}}});
        let edit = Edit::Patch { at: Resource::whole(), patch, if_match: IfMatch::Any };
        let error = desired.edit(edit, admin(), plugins.clone()).await.unwrap_err();
        assert!(matches!(error, EditError::ApplyFailed { .. }), "{error:?}");
        assert_eq!(plugins.steps(), steps);
        assert_eq!(*plugins.configured.lock().unwrap(), Some(desired.current().document.clone()));
        assert_eq!((desired.current().revision, after_crash(&disk).revision), (1, 1));
    }
}

#[tokio::test]
async fn the_whole_document_can_be_put_back_as_it_was_shown() {
    let (_disk, desired, plugins) = start_with(layers(FILE, &["timeout=3"]));
    let whole = || desired.current().resource(&Resource::whole()).unwrap().0;
    let put = |value| Edit::Put { at: Resource::whole(), value, if_match: IfMatch::Any };
    let done = desired.edit(put(whole()), admin(), plugins.clone()).await.unwrap();
    assert_eq!((done.effective.revision, done.changed.len()), (1, 0));
    let mut changed = whole();
    changed["interval"] = json!(5);
    changed["plugins"]["df"]["config"] = json!({"a": 1});
    let done = desired.edit(put(changed.clone()), admin(), plugins.clone()).await.unwrap();
    assert_eq!(done.changed, ["/interval", "/plugins/df/config"]);
    let source = |pointer: &str| desired.current().source_of(pointer).to_string();
    assert_eq!([source("/interval"), source("/plugins/df/config/a")], ["api", "file:gatherd.toml"]);
    changed["timeout"] = json!(9);
    let pinned = desired.edit(put(changed), admin(), plugins.clone()).await.unwrap_err();
    assert_eq!(pinned.to_string(), "timeout is pinned by command_line: change it there");
    let wrong = desired.edit(put(json!({"interval": 0, "x": 1})), admin(), plugins).await.unwrap_err();
    assert_eq!(pointers(&wrong), ["/x", "/interval"]);
}

#[tokio::test]
async fn pointers_of_a_complaint_are_into_what_was_sent() {
    let (_disk, desired, plugins) = start();
    let problem = ConfigProblem { pointer: "/a".to_owned(), detail: "no".to_owned() };
    *plugins.refuse.lock().unwrap() = Some(OpenFailure::Config(vec![problem]));
    let patch = |at, patch| Edit::Patch { at, patch, if_match: IfMatch::Any };
    let config = json!({"config": {"a": 5}});
    for (edit, pointer) in [
        (patch(df().key("config"), config["config"].clone()), "/a"),
        (patch(df(), config.clone()), "/config/a"),
        (patch(Resource::whole(), json!({"plugins": {"df": config.clone()}})), "/plugins/df/config/a"),
    ] {
        let error = desired.edit(edit, admin(), plugins.clone()).await.unwrap_err();
        assert_eq!(pointers(&error), [pointer]);
    }
    // What was not sent is named by its plugin.
    let error = desired.edit(patch(Resource::section("log"), json!({"filter": ""})), admin(), plugins).await;
    assert_eq!(pointers(&error.unwrap_err()), ["/filter"]);
}

#[tokio::test]
async fn a_plan_says_what_would_be_done_and_does_nothing() {
    let (disk, desired, plugins) = start();
    let patch = json!({"interval": 3, "plugins": {"df": {"interval": 1}, "cpu": null}});
    let edit = Edit::Patch { at: Resource::whole(), patch, if_match: IfMatch::Any };
    let planned = desired.plan(edit, admin(), plugins.clone()).await.unwrap();
    let steps: Vec<String> = planned.actions.iter().map(Action::to_string).collect();
    assert_eq!(steps, ["configure the daemon", "remove plugin cpu", "set plugin df"]);
    assert_eq!(planned.changed, ["/interval", "/plugins/cpu", "/plugins/cpu/config", "/plugins/df"]);
    assert_eq!(planned.difference, json!({"interval": 3, "plugins": {"cpu": null, "df": {"interval": 1}}}));
    assert_eq!((planned.now.revision, planned.next.revision), (1, 2));
    assert_eq!((plugins.steps(), desired.current().revision, after_crash(&disk).revision), (vec![], 1, 1));
    let same = desired.plan(Edit::Enable(id("cpu")), admin(), plugins.clone()).await.unwrap();
    assert_eq!((same.next.revision, same.actions.len()), (1, 0));
    *plugins.refuse.lock().unwrap() =
        Some(OpenFailure::Init { code: "init_failed", detail: "no".to_owned() });
    let edit = Edit::Create { at: Resource::member("plugins", "load"), value: json!({}) };
    let refused = desired.plan(edit, admin(), plugins).await.unwrap_err();
    assert_eq!(refused.to_string(), "plugin load would not run so");
}

#[tokio::test]
async fn members_are_listed_by_id_with_their_revisions() {
    let (_disk, desired, plugins) = start();
    desired.edit(Edit::Disable(id("df")), admin(), plugins).await.unwrap();
    let ids = |after, limit| -> Vec<(String, u64)> {
        let found = desired.current().members("plugins", after, limit);
        found.into_iter().map(|(id, _, revision)| (id, revision)).collect()
    };
    assert_eq!(ids(None, 9), [("cpu".to_owned(), 1), ("df".to_owned(), 2)]);
    assert_eq!(ids(Some("cpu"), 9), [("df".to_owned(), 2)]);
    assert_eq!(ids(None, 1).len(), 1);
    assert_eq!(desired.current().members("nothing", None, 9), vec![]);
}
