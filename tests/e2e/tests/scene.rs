//! What several tests begin with.

use std::fs;
use std::path::Path;

use gatherd_e2e::{Checked, Daemon, Libraries, Setup, Stage, within};
use serde_json::Value;

/// A plugin directory with the misbehaving plugin in it.
pub(crate) fn misbehaving(stage: &Stage) -> Libraries {
    Libraries::new().with("misbehave", &stage.test_plugin("misbehave"))
}

/// The section of one instance of the misbehaving plugin, with more keys of its configuration.
pub(crate) fn instance(id: &str, mode: &str, interval: f64, rest: &str) -> String {
    format!(
        "[plugins.{id}]\ntype = \"misbehave\"\ntrusted = true\ninterval = {interval:?}\n\
         [plugins.{id}.config]\nmode = \"{mode}\"\n{rest}\n"
    )
}

/// The section of one instance of the writing plugin, with more keys of its configuration.
pub(crate) fn writing(id: &str, file: &Path, more: &str) -> String {
    format!(
        "[plugins.{id}]\ntype = \"writer\"\ntrusted = true\n[plugins.{id}.config]\nfile = '{}'\n{more}\n",
        file.display()
    )
}

/// The numbers of one identifier that were written, in their order.
pub(crate) fn numbers_in(file: &Path, identifier: &str) -> Vec<u64> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter(|line| line.split(' ').next() == Some(identifier));
    lines.filter_map(|line| line.rsplit_once("value=")?.1.parse().ok()).collect()
}

/// Waits until so many numbers of one identifier were written.
pub(crate) async fn written(file: &Path, identifier: &str, count: usize) -> Vec<u64> {
    within(&format!("{count} lines of {identifier}"), async || {
        let found = numbers_in(file, identifier);
        if found.len() >= count { Ok(found) } else { Err(found.len()) }
    })
    .await
}

/// A daemon with one well-behaved plugin `steady` of type `misbehave`, read five times a second.
pub(crate) async fn steady(stage: &Stage) -> (Libraries, Daemon) {
    let libraries = misbehaving(stage);
    let setup = Setup::new(stage).config(instance("steady", "well", 0.2, "")).plugins_from(libraries.path());
    let daemon = Daemon::start(setup).await;
    (libraries, daemon)
}

/// Waits until `look` holds for a plugin, and answers it.
pub(crate) async fn plugin_until(
    client: &Checked,
    id: &str,
    what: &str,
    look: impl Fn(&Value) -> bool,
) -> Value {
    within(&format!("plugin {id} {what}"), async || {
        let plugin = client.plugin(id).await;
        if look(&plugin) { Ok(plugin) } else { Err(plugin) }
    })
    .await
}

/// Waits until a plugin runs and was read.
pub(crate) async fn runs(client: &Checked, id: &str) -> Value {
    let is_read = |plugin: &Value| plugin["state"] == "running" && plugin["reads"].as_u64() > Some(0);
    plugin_until(client, id, "runs and is read", is_read).await
}

/// Waits until the only value of `identifier` is a number that `look` likes.
pub(crate) async fn number_until(client: &Checked, identifier: &str, look: impl Fn(f64) -> bool) -> f64 {
    within(&format!("{identifier} has the number"), async || {
        let number = client.number(identifier).await;
        number.filter(|number| look(*number)).ok_or_else(|| format!("{number:?}"))
    })
    .await
}

/// Waits until the log holds `text`.
pub(crate) async fn said(daemon: &Daemon, text: &str) {
    within(&format!("the log says {text:?}"), async || {
        if daemon.log().contains(text) { Ok(()) } else { Err("it does not") }
    })
    .await;
}
