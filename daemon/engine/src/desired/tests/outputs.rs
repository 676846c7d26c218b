//! Edits of outputs, which are there although the document does not name them.

use super::*;

fn buffer() -> Resource {
    Resource::output_buffer(&id("o"))
}

#[tokio::test]
async fn an_output_that_nobody_wrote_down_has_its_defaults_at_revision_zero() {
    let (_disk, desired, _plugins) = start();
    let (value, revision) = desired.current().resource(&buffer()).unwrap();
    assert_eq!(
        (&value["max_values"], &value["when_full"], revision),
        (&json!(131_072), &json!("drop_oldest"), 0)
    );
    assert_eq!(desired.current().resource(&Resource::output(&id("o"))).unwrap().0["paused"], json!(false));
    for none in [buffer().key("max_values"), buffer().key("x"), Resource::member("outputs", "O/")] {
        assert_eq!(desired.current().resource(&none), None);
    }
}

#[tokio::test]
async fn its_buffer_is_put_and_patched_and_a_pause_does_not_make_it_stale() {
    let (disk, desired, plugins) = start();
    let put =
        Edit::Put { at: buffer(), value: json!({"max_values": 500}), if_match: IfMatch::OneOf(vec![0]) };
    let done = desired.edit(put.clone(), admin(), plugins.clone()).await.unwrap();
    assert_eq!(done.changed, ["/outputs/o/buffer"]);
    assert_eq!(done.actions.len(), 1, "the rooms are told, and no plugin is touched");
    let stale = desired.edit(put, admin(), plugins.clone()).await.unwrap_err();
    assert!(matches!(stale, EditError::Stale { current: 2 }), "{stale:?}");
    let pause = json!({"paused": true});
    let pause = Edit::Patch { at: Resource::output(&id("o")), patch: pause, if_match: IfMatch::Any };
    desired.edit(pause, admin(), plugins.clone()).await.unwrap();
    let patch = json!({"when_full": "drop_newest", "max_values": null});
    let patch = Edit::Patch { at: buffer(), patch, if_match: IfMatch::OneOf(vec![2]) };
    desired.edit(patch, admin(), plugins).await.unwrap();
    let now = after_crash(&disk);
    let wanted = now.document.to_outputs()[&id("o")];
    assert_eq!((wanted.paused, wanted.buffer.max_values), (true, 131_072));
    assert_eq!(wanted.buffer.when_full, crate::output::WhenFull::DropNewest);
    assert_eq!(now.resource(&buffer()).unwrap().1, 4);
}

#[tokio::test]
async fn a_buffer_out_of_range_is_told_with_pointers_into_the_body() {
    let (_disk, desired, plugins) = start();
    let value = json!({"max_values": 1, "when_full": "never"});
    let put = Edit::Put { at: buffer(), value, if_match: IfMatch::Any };
    let EditError::Invalid(problems) = desired.edit(put, admin(), plugins).await.unwrap_err() else {
        panic!("it is invalid")
    };
    let pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(pointers, ["/when_full", "/max_values"]);
}

#[tokio::test]
async fn a_first_pause_does_not_make_the_buffer_stale_either() {
    let (_disk, desired, plugins) = start();
    let at = Resource::output(&id("o"));
    let pause = |paused: bool| {
        let patch = json!({"paused": paused});
        Edit::Patch { at: at.clone(), patch, if_match: IfMatch::Any }
    };
    let done = desired.edit(pause(true), admin(), plugins.clone()).await.unwrap();
    assert_eq!(done.changed, ["/outputs/o"]);
    assert_eq!(desired.current().resource(&buffer()).unwrap().1, 0);
    let again = desired.edit(pause(true), admin(), plugins.clone()).await.unwrap();
    assert_eq!((again.changed.len(), desired.current().revision), (0, 2), "it is so already");
    let put =
        Edit::Put { at: buffer(), value: json!({"max_values": 500}), if_match: IfMatch::OneOf(vec![0]) };
    desired.edit(put, admin(), plugins).await.unwrap();
    let revisions = [&at, &buffer()].map(|at| desired.current().resource(at).unwrap().1);
    assert_eq!(revisions, [3, 3], "an entry is as new as its newest part");
}
