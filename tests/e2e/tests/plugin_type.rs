//! `/v1/plugin-types`: what could be loaded, and why not.

use gatherd_e2e::{Daemon, Libraries, Setup, Stage};
use serde_json::{Value, json};

use crate::scene::runs;

#[tokio::test]
async fn the_shipped_types_are_trusted_and_have_a_schema() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let types = daemon.unix().all("/v1/plugin-types").await;
    for name in ["cpu", "df", "disk", "interface", "load", "memory"] {
        let found = types.iter().find(|it| it["type"] == name).expect("the type is listed");
        assert_eq!((&found["trusted"], &found["problem"]), (&json!(true), &Value::Null), "{found}");
        assert_eq!(
            (&found["capabilities"], &found["config_schema"]["type"]),
            (&json!(["read"]), &json!("object"))
        );
        assert_eq!(found["digest"].as_str().map(str::len), Some(64));
        assert_eq!(found["library"], json!(format!("{name}.so")));
    }
}

#[tokio::test]
async fn a_library_that_can_not_be_loaded_is_listed_with_its_reason() {
    let Some(stage) = Stage::find() else { return };
    let libraries = Libraries::new().with("memory", &stage.plugin("memory"));
    libraries.put("text", b"this is no library");
    libraries.compile("other", "table", &["-DMAJOR=99"]);
    let setup = Setup::new(&stage).config("plugins = {}").plugins_from(libraries.path());
    let daemon = Daemon::start(setup).await;
    let types = daemon.unix().all("/v1/plugin-types").await;
    let code = |name: &str| {
        let found = types.iter().find(|it| it["type"] == name).expect("the type is listed");
        let shown = found.to_string();
        assert!(
            !shown.contains(&*libraries.path().to_string_lossy()),
            "an answer names no directory: {shown}"
        );
        (found["problem"]["code"].clone(), found["trusted"].clone())
    };
    assert_eq!(code("text").0, "not_a_library");
    assert_eq!(types.len(), 3);
    // Nobody lists or trusts these, so they are not even loaded to be looked at.
    assert_eq!(code("memory").1, json!(false));
    assert_eq!(code("other").1, json!(false));
}

#[tokio::test]
async fn a_library_that_is_trusted_by_name_and_runs_tells_of_itself() {
    let Some(stage) = Stage::find() else { return };
    let libraries = Libraries::new().with("memory", &stage.plugin("memory"));
    let setup =
        Setup::new(&stage).config("[plugins.memory]\ntrusted = true\n").plugins_from(libraries.path());
    let daemon = Daemon::start(setup).await;
    runs(&daemon.unix(), "memory").await;
    let types = daemon.unix().all("/v1/plugin-types").await;
    assert_eq!((types[0]["type"].clone(), types[0]["trusted"].clone()), (json!("memory"), json!(true)));
    assert_eq!((&types[0]["problem"], &types[0]["config_schema"]["type"]), (&Value::Null, &json!("object")));
}
