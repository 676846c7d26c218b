//! Each way a plugin can break the contract in a call: the answer it gets, and what the door hears.

use std::path::PathBuf;

use crate::shop::Shop;
use gatherd_loader::{CallError, LogLevel, Status};
use gatherd_testkit::Harness;
use serde_json::json;

struct Plugin {
    _shop: Shop,
    path: PathBuf,
}

fn plugin(test: &str) -> Option<Plugin> {
    let shop = Shop::open(test)?;
    let path = shop.build("calls.so", "calls.c", &[]);
    Some(Plugin { _shop: shop, path })
}

impl Plugin {
    fn running(&self, call: &str) -> Harness {
        Harness::open(&self.path, json!({ "call": call })).unwrap()
    }

    /// Reads once; nothing of a broken call arrives, the answer is `status`, and the door hears `refusal`.
    fn holds(&self, call: &str, status: Status, refusal: &str) {
        let mut harness = self.running(call);
        assert_eq!(harness.read(), [], "{call}");
        assert_eq!(harness.logs(), [(LogLevel::NOTICE, format!("answer {}", status.0))], "{call}");
        let heard: Vec<_> = harness.bench().refusals().iter().map(|(_, why)| why.to_string()).collect();
        let wanted: &[&str] = if refusal.is_empty() { &[] } else { &[refusal] };
        assert_eq!(heard, wanted, "{call}");
        assert_eq!(harness.notifications(), [], "{call}");
    }
}

#[test]
fn names_that_are_no_names_are_refused() {
    let Some(plugin) = plugin("names_that_are_no_names_are_refused") else {
        return;
    };
    let utf8 = "the plugin_instance of an identifier is not UTF-8";
    plugin.holds("bad_utf8", Status::BAD_NAME, utf8);
    plugin.holds("half_a_character", Status::BAD_NAME, utf8);
    let long = "the plugin_instance of an identifier has 18446744073709551615 bytes, at most 127 are allowed";
    plugin.holds("endless_name", Status::BAD_NAME, long);
    plugin.holds("null_name", Status::BAD_CALL, "a part of an identifier is a null pointer");
}

#[test]
fn broken_registrations_are_refused() {
    let Some(plugin) = plugin("broken_registrations_are_refused") else {
        return;
    };
    plugin.holds("null_identity", Status::BAD_CALL, "the identity is a null pointer");
    plugin.holds("null_handle", Status::BAD_CALL, "the place for the handle is a null pointer");
    plugin.holds("bad_data_set", Status::BAD_CALL, "the data set is not UTF-8");
    plugin.holds("null_context", Status::BAD_CALL, "");
}

#[test]
fn many_registrations_are_answered_each() {
    let Some(plugin) = plugin("many_registrations_are_answered_each") else {
        return;
    };
    plugin.holds("many_good", Status::OK, "");
    plugin.holds("many_none", Status::OK, "");
    let utf8 = "the plugin_instance of an identifier is not UTF-8";
    plugin.holds("many_with_a_bad_name", Status::BAD_NAME, utf8);
    plugin.holds("many_with_a_bad_set", Status::BAD_CALL, "the data set is a null pointer");
}

#[test]
fn broken_calls_for_many_registrations_are_refused_as_a_whole() {
    let Some(plugin) = plugin("broken_calls_for_many_registrations_are_refused_as_a_whole") else {
        return;
    };
    let what = "the registrations";
    plugin.holds("many_null", Status::BAD_CALL, &format!("{what} is a null pointer"));
    plugin.holds("many_misaligned", Status::BAD_CALL, &format!("{what} is not aligned"));
    plugin.holds("many_odd", Status::BAD_CALL, &format!("{what} is not aligned"));
    plugin.holds("many_small", Status::BAD_CALL, "a registration has 111 bytes, at least 112 are wanted");
    let endless = "a registration has 4611686018427387904 entries, at most 4611686018427387903 are allowed";
    plugin.holds("many_endless", Status::BAD_CALL, endless);
    let many = "the registrations has 4097 entries, at most 4096 are allowed";
    plugin.holds("many_too_many", Status::BAD_CALL, many);
}

#[test]
fn broken_batches_are_refused() {
    let Some(plugin) = plugin("broken_batches_are_refused") else {
        return;
    };
    plugin.holds("null_batch", Status::BAD_CALL, "the batch is a null pointer");
    plugin.holds("misaligned_batch", Status::BAD_CALL, "the batch is not aligned");
    plugin.holds("small_batch", Status::BAD_CALL, "the batch has 95 bytes, at least 96 are wanted");
    plugin.holds(
        "huge_batch",
        Status::BAD_CALL,
        "the batch has 1000001 entries, at most 1000000 are allowed",
    );
    plugin.holds("null_handles", Status::BAD_CALL, "handles is a null pointer");
    plugin.holds("null_values", Status::BAD_CALL, "values is a null pointer");
    plugin.holds("misaligned_values", Status::BAD_CALL, "values is not aligned");
    plugin.holds("falling_offsets", Status::BAD_CALL, "the offsets of sample 1 do not ascend by 1 to 16");
    plugin.holds("wide_sample", Status::BAD_CALL, "the offsets of sample 0 do not ascend by 1 to 16");
    plugin.holds("bad_meta", Status::BAD_CALL, "the metadata is not UTF-8");
}

#[test]
fn a_handle_that_was_never_given_and_an_empty_batch_are_the_doors_to_answer() {
    let Some(plugin) = plugin("a_handle_that_was_never_given") else {
        return;
    };
    plugin.holds("foreign_handle", Status::BAD_HANDLE, "");
    plugin.holds("empty_batch", Status::OK, "");
}

#[test]
fn broken_value_lists_are_refused() {
    let Some(plugin) = plugin("broken_value_lists_are_refused") else {
        return;
    };
    plugin.holds("null_list", Status::BAD_CALL, "the value list is a null pointer");
    plugin.holds("small_list", Status::BAD_CALL, "the value list has 8 bytes, at least 136 are wanted");
    plugin.holds("many_values", Status::BAD_CALL, "values has 17 entries, at most 16 are allowed");
    plugin.holds("list_without_values", Status::BAD_CALL, "values is a null pointer");
}

#[test]
fn broken_notifications_are_refused() {
    let Some(plugin) = plugin("broken_notifications_are_refused") else {
        return;
    };
    plugin.holds("null_notification", Status::BAD_CALL, "the notification is a null pointer");
    let small = "the notification has 0 bytes, at least 136 are wanted";
    plugin.holds("small_notification", Status::BAD_CALL, small);
    plugin.holds("strange_severity", Status::BAD_CALL, "the severity is 3, which means nothing");
    plugin.holds("strange_meta", Status::BAD_CALL, "the kind of a metadata value is 9, which means nothing");
    plugin.holds("null_meta", Status::BAD_CALL, "the metadata is a null pointer");
    plugin.holds("much_meta", Status::BAD_CALL, "the metadata has 65 entries, at most 64 are allowed");
    plugin.holds(
        "endless_message",
        Status::BAD_CALL,
        "the message has 4097 entries, at most 4096 are allowed",
    );
}

#[test]
fn a_series_is_described_once_or_not_at_all() {
    let Some(plugin) = plugin("a_series_is_described_once_or_not_at_all") else {
        return;
    };
    plugin.holds("describe_good", Status::OK, "");
    plugin.holds("describe_nobody", Status::STALE, "");
    plugin.holds("null_show", Status::BAD_CALL, "the function that takes a description is a null pointer");
}

#[test]
fn a_failing_read_gives_the_best_reason_there_is() {
    let Some(plugin) = plugin("a_failing_read_gives_the_best_reason_there_is") else {
        return;
    };
    let reason = |call| plugin.running(call).read_err();
    assert_eq!(reason("silent_failure"), CallError::Failed { reason: "it does not say why".into() });
    assert_eq!(reason("logged_failure"), CallError::Failed { reason: "the cable is out \u{fffd}".into() });
    assert_eq!(reason("strange_status"), CallError::Other { status: Status(-4711) });
}
