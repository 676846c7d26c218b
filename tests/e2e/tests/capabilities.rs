//! `/v1/capabilities`: what daemon and machine can do.

use gatherd_e2e::{Ask, Daemon, Setup, Stage};
use serde_json::{Value, json};

use crate::token::token_of;

/// Every member that may tell one machine from all others.
fn identity(machine: &Value) -> Vec<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let of = |list: Vec<Value>, name: &str| list.into_iter().map(|it| it[name].clone()).collect::<Vec<_>>();
    let mut told = of(list(&machine["network"]), "mac");
    told.extend(of(list(&machine["disks"]), "serial_number"));
    for section in ["system", "baseboard", "processors", "memory_devices"] {
        for name in ["serial_number", "asset_tag", "uuid"] {
            told.extend(of(list(&machine["smbios"][section]), name));
        }
    }
    told.retain(|it| !it.is_null());
    told
}

#[tokio::test]
async fn daemon_and_machine_say_what_they_can_do() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let told = daemon.unix().get("/v1/capabilities").await.ok();
    let (own, machine) = (&told["daemon"], &told["machine"]);
    assert_eq!(own["plugin_kinds"], json!(["native", "isolated"]));
    let isolation = &own["isolation"];
    let is_full =
        isolation["landlock"].as_u64() >= Some(6) && isolation["held"].as_array().unwrap().len() == 4;
    assert_eq!(isolation["strength"] == "full", is_full, "{isolation}");
    assert_eq!((&own["abi"], &own["min_microversion"]), (&json!("1.1"), &json!("1.0")));
    assert_eq!((&own["api"]["tls"], &own["api"]["unix_socket"]), (&json!(false), &json!(true)));
    let types: Vec<&str> = own["plugin_types"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(["cpu", "memory", "load"].iter().all(|it| types.contains(it)), "{types:?}");
    assert!(own["data_sets"].as_u64() > Some(200), "{own}");
    assert_eq!(own["limits"]["page"], 10_000);
    let features: Vec<&str> = own["features"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        ["audit", "chains", "history", "subscriptions", "take_over"].iter().all(|it| features.contains(it))
    );
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let cpus = cpus.lines().filter(|line| line.starts_with("processor")).count();
    assert_eq!(machine["cpu"]["logical"].as_u64(), Some(cpus as u64), "{machine}");
    assert!(machine["memory"]["total"].as_u64() > Some(64 << 20), "{machine}");
    let interfaces = machine["network"].as_array().unwrap();
    assert!(interfaces.iter().any(|it| it["name"] == "lo" && it["is_virtual"] == true), "{interfaces:?}");
    // Whatever this machine does not show is named, with the reason.
    for section in
        ["kernel", "cpu", "memory", "numa", "network", "disks", "virtualisation", "cgroups", "smbios"]
    {
        let known = !machine[section].is_null();
        assert!(known || machine["unavailable"][section].is_string(), "{section}: {machine}");
    }
}

#[tokio::test]
async fn what_tells_a_machine_from_all_others_is_for_admins_only() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = Daemon::start(Setup::new(&stage)).await;
    let token = token_of(&mut daemon, "reader").await;
    let client = daemon.tcp().with_token(&token);
    let told = client.get("/v1/capabilities").await.ok();
    assert_eq!(identity(&told["machine"]), Vec::<Value>::new());
    let all = daemon.unix().get("/v1/capabilities").await.ok();
    let macs = all["machine"]["network"].as_array().unwrap();
    let real = macs.iter().filter(|it| it["is_virtual"] == false).all(|it| it["mac"].is_string());
    assert!(real, "{macs:?}");
}

#[tokio::test]
async fn a_mistake_in_the_question_is_said() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let answer = daemon.unix().get("/v1/capabilities?section=cpu").await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(daemon.tcp().get("/v1/capabilities").await.status, 401);
    assert_eq!(daemon.unix().send(Ask::post("/v1/capabilities")).await.status, 405);
}
