//! `/v1/subscriptions`: who is told of notifications, over real HTTP.

use aws_lc_rs::hmac;
use gatherd_e2e::{
    Ask, Authority, Call, Checked, Daemon, Place, Receiver, Says, Setup, Stage, Validity, within,
};
use serde_json::{Value, json};

const SECRET: &str = "hush-hush-hush";

/// A daemon that may call `receiver`, and runs no plugin.
async fn daemon(stage: &Stage, receiver: &Receiver) -> Daemon {
    let config =
        format!("[plugins]\n[subscriptions_policy]\nallow = [\"https://*:*\", \"{}\"]\n", receiver.rule());
    Daemon::start(Setup::new(stage).config(config)).await
}

fn hook(receiver: &Receiver) -> Value {
    json!({"id": "oncall", "severity": ["failure", "warning"], "match": {"plugin": "df"},
        "webhook": {"url": receiver.url("/hook?key=1"), "secret": SECRET, "headers": {"X-Team": "hush-ops"},
            "timeout": 0.5}})
}

async fn make(client: &Checked, subscription: &Value) {
    let answer = client.send(Ask::post("/v1/subscriptions").json(subscription)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

async fn say(client: &Checked, severity: &str, message: &str) {
    let body = json!({"severity": severity, "message": message, "plugin": "df"});
    assert_eq!(client.send(Ask::post("/v1/notifications").json(&body)).await.status, 201);
}

async fn status(client: &Checked) -> Value {
    client.get("/v1/subscriptions/oncall").await.ok()["status"].take()
}

async fn status_until(client: &Checked, what: &str, look: impl Fn(&Value) -> bool) -> Value {
    within(what, async || {
        let found = status(client).await;
        if look(&found) { Ok(found) } else { Err(found) }
    })
    .await
}

fn messages(calls: &[Call]) -> Vec<String> {
    calls.iter().map(|call| call.json()["notification"]["message"].as_str().unwrap().to_owned()).collect()
}

/// Whether the signature of a call is that of its time and body.
fn is_signed(call: &Call) -> bool {
    let header = call.header("x-gatherd-signature").unwrap();
    let (time, signature) = header.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = [time.as_bytes(), b".", &call.body].concat();
    let byte = |at: usize| u8::from_str_radix(&signature[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..signature.len()).step_by(2).map(byte).collect();
    hmac::verify(&key, &signed, &bytes).is_ok()
}

#[tokio::test]
async fn what_is_wanted_is_delivered_signed_and_once() {
    let Some(stage) = Stage::find() else { return };
    let receiver = Receiver::start([]).await;
    let daemon = daemon(&stage, &receiver).await;
    let client = daemon.unix();
    make(&client, &hook(&receiver)).await;
    say(&client, "okay", "not wanted").await;
    say(&client, "failure", "wanted").await;
    let other = json!({"severity": "failure", "message": "of another", "plugin": "load"});
    client.send(Ask::post("/v1/notifications").json(&other)).await;
    say(&client, "warning", "wanted too").await;
    let status = status_until(&client, "both are delivered", |it| it["delivered"] == 2).await;
    assert_eq!(
        (&status["queued"], &status["failed"], &status["last_error"]),
        (&json!(0), &json!(0), &json!(null))
    );
    let calls = receiver.calls();
    assert_eq!(messages(&calls), ["wanted", "wanted too"]);
    let call = &calls[0];
    assert_eq!((call.path.as_str(), call.header("content-type")), ("/hook?key=1", Some("application/json")));
    assert_eq!(
        (call.header("x-team"), call.header("x-gatherd-event")),
        (Some("hush-ops"), Some("notification"))
    );
    assert!(calls.iter().all(is_signed), "{calls:?}");
    assert_ne!(calls[0].header("x-gatherd-delivery"), calls[1].header("x-gatherd-delivery"));
    let mut shown = client.get("/v1/notifications/2").await.ok();
    for key in ["count", "last_time", "acknowledged"] {
        shown.as_object_mut().unwrap().remove(key);
    }
    assert_eq!(call.json()["notification"], shown, "as the API shows it");
}

#[tokio::test]
async fn a_receiver_that_fails_hangs_closes_or_redirects_is_tried_again_with_the_same_id() {
    let Some(stage) = Stage::find() else { return };
    let trap = Receiver::start([]).await;
    let says =
        [Says::Status(500), Says::Nothing, Says::Closes, Says::Redirect(trap.url("/")), Says::Status(204)];
    let receiver = Receiver::start(says).await;
    let daemon = daemon(&stage, &receiver).await;
    let client = daemon.unix();
    make(&client, &hook(&receiver)).await;
    say(&client, "failure", "one").await;
    say(&client, "failure", "two").await;
    let status = status_until(&client, "both are delivered", |it| it["delivered"] == 2).await;
    assert_eq!((&status["failed"], &status["queued"]), (&json!(4), &json!(0)));
    let reason = status["last_error"]["reason"].as_str().unwrap();
    assert!(reason.contains("302") && reason.contains("not followed"), "{reason}");
    let calls = receiver.calls();
    assert_eq!(messages(&calls), ["one", "one", "one", "one", "one", "two"], "in their order");
    assert!(
        calls[..5]
            .iter()
            .all(|call| call.header("x-gatherd-delivery") == calls[0].header("x-gatherd-delivery"))
    );
    assert!(calls.iter().all(is_signed));
    assert!(trap.calls().is_empty());
}

#[tokio::test]
async fn what_waits_is_bounded_ages_and_a_receiver_that_is_gone_gets_nothing_more() {
    let Some(stage) = Stage::find() else { return };
    let receiver = Receiver::start([Says::Nothing]).await;
    let daemon = daemon(&stage, &receiver).await;
    let client = daemon.unix();
    let mut subscription = hook(&receiver);
    subscription["queue"] = json!(3);
    subscription["webhook"]["timeout"] = json!(30);
    make(&client, &subscription).await;
    for message in ["a", "b", "c", "d", "e"] {
        say(&client, "failure", message).await;
    }
    let full = status_until(&client, "the oldest made room", |it| it["dropped"]["full"] == 2).await;
    assert_eq!(full["queued"], 3);

    // Another way to deliver applies to what waits: a timeout that ends the attempt, and an age that all have.
    receiver.then([Says::Status(500), Says::Status(500)]);
    let again = json!({"max_age": 0.1, "webhook": {"timeout": 0.5}});
    client.send(Ask::patch("/v1/subscriptions/oncall", &again).if_match("*")).await.ok();
    daemon.unix().send(Ask::post("/v1/subscriptions/oncall/test")).await.ok();
    drop(receiver);
    let tag = client.get("/v1/subscriptions/oncall").await.header("etag").unwrap().to_owned();
    let off = client
        .send(Ask::patch("/v1/subscriptions/oncall", &json!({"enabled": false})).if_match(&tag))
        .await
        .ok();
    assert_eq!(off["enabled"], false);
    let off = status_until(&client, "nothing waits", |it| it["queued"] == 0).await;
    let gone = ["aged", "refused", "full"].map(|reason| off["dropped"][reason].as_u64().unwrap());
    assert_eq!(
        gone.iter().sum::<u64>() + off["delivered"].as_u64().unwrap(),
        5,
        "each is in one place: {off}"
    );
    say(&client, "failure", "to nobody").await;
    assert_eq!(status(&client).await["queued"], 0);
}

#[tokio::test]
async fn a_subscription_survives_a_restart_with_its_secret_and_shows_it_to_nobody() {
    let Some(stage) = Stage::find() else { return };
    let receiver = Receiver::start([]).await;
    let mut daemon = daemon(&stage, &receiver).await;
    let client = daemon.unix();
    make(&client, &hook(&receiver)).await;
    say(&client, "failure", "before").await;
    status_until(&client, "it is delivered", |it| it["delivered"] == 1).await;
    daemon.restart().await;
    say(&client, "failure", "after").await;
    status_until(&client, "it is delivered", |it| it["delivered"] == 1).await;
    let calls = receiver.calls();
    assert_eq!(messages(&calls), ["before", "after"]);
    assert!(calls.iter().all(is_signed));
    let ids: Vec<_> = calls.iter().map(|call| call.header("x-gatherd-delivery").unwrap()).collect();
    assert_ne!(ids[0], ids[1], "another life gives other ids");

    // What is written without its secret keeps it.
    let (shown, tag) = {
        let answer = client.get("/v1/subscriptions/oncall").await;
        (answer.ok(), answer.header("etag").unwrap().to_owned())
    };
    assert_eq!((&shown["webhook"]["secret"], &shown["webhook"]["headers"]), (&Value::Null, &Value::Null));
    client.send(Ask::put("/v1/subscriptions/oncall").if_match(&tag).json(&shown)).await.ok();
    say(&client, "failure", "still signed").await;
    status_until(&client, "it is delivered", |it| it["delivered"] == 2).await;
    assert!(is_signed(receiver.calls().last().unwrap()));
    let other = json!({"webhook": {"secret": "hush-another"}});
    client.send(Ask::patch("/v1/subscriptions/oncall", &other).if_match("*")).await.ok();

    let mut said = daemon.log();
    for path in
        ["/v1/subscriptions", "/v1/subscriptions/oncall", "/v1/config", "/v1/config/sources", "/v1/revisions"]
    {
        said += &client.get(path).await.text();
    }
    for revision in client.all("/v1/revisions").await {
        let number = revision["revision"].as_u64().unwrap();
        for part in ["", "/config", "/diff"] {
            said += &client.get(&format!("/v1/revisions/{number}{part}")).await.text();
        }
    }
    let plan = json!({"webhook": {"secret": "hush-a-third"}});
    let planned = Ask::patch("/v1/subscriptions/oncall?dry_run=true", &plan).if_match("*");
    said += &client.send(planned).await.text();
    assert!(!said.contains("hush"), "a secret was shown");
    let deleted = client.send(Ask::new("DELETE", "/v1/subscriptions/oncall").if_match("*")).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(client.get("/v1/subscriptions/oncall").await.refusal().0, 404);
}

#[tokio::test]
async fn a_test_tells_what_came_of_it() {
    let Some(stage) = Stage::find() else { return };
    let receiver = Receiver::start([Says::Status(200), Says::Status(401)]).await;
    let daemon = daemon(&stage, &receiver).await;
    let client = daemon.unix();
    make(&client, &hook(&receiver)).await;
    let test = || client.post("/v1/subscriptions/oncall/test");
    let good = test().await.ok();
    assert_eq!((&good["delivered"], &good["reason"]), (&json!(true), &json!(null)));
    let bad = test().await.ok();
    assert_eq!(
        (&bad["delivered"], &bad["reason"]),
        (&json!(false), &json!("the receiver answers 401 Unauthorized"))
    );
    let calls = receiver.calls();
    assert_eq!((&calls[0].json()["test"], calls[0].header("x-gatherd-event")), (&json!(true), Some("test")));
    assert!(is_signed(&calls[0]));
    assert_eq!(status(&client).await["failed"], 0, "a test is not counted");
    assert_eq!(client.post("/v1/subscriptions/nobody/test").await.refusal().0, 404);
}

#[tokio::test]
async fn nobody_reaches_through_it_what_only_this_machine_can() {
    let Some(stage) = Stage::find() else { return };
    let receiver = Receiver::start([]).await;
    let daemon = Daemon::start(Setup::new(&stage).config("[plugins]\n")).await;
    let client = daemon.unix();
    let port = receiver.url("").rsplit_once(':').unwrap().1.to_owned();
    let urls =
        ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "0"];
    for host in urls {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            let body = json!({"id": "x", "webhook": {"url": url}});
            let answer = client.send(Ask::post("/v1/subscriptions").json(&body)).await;
            assert_eq!(answer.refusal().0, 422, "{url}: {}", answer.text());
            assert_eq!(answer.json()["errors"][0]["pointer"], "/webhook/url");
        }
    }
    // A name that leads here is found out when it is called, also where its spelling says nothing.
    make(&client, &json!({"id": "oncall", "webhook": {"url": format!("https://localhost:{port}/")}})).await;
    let tried = client.post("/v1/subscriptions/oncall/test").await.ok();
    assert!(tried["reason"].as_str().unwrap().contains("policy of subscriptions does not allow"), "{tried}");
    say(&client, "failure", "m").await;
    status_until(&client, "it is given up at once", |it| it["dropped"]["refused"] == 1).await;
    assert!(receiver.calls().is_empty());

    let wider = json!({"subscriptions_policy": {"allow": ["http://*:*"]}});
    let answer = client.send(Ask::patch("/v1/config", &wider).if_match("*")).await;
    assert_eq!(answer.refusal().0, 422, "only files say it: {}", answer.text());
}

#[tokio::test]
async fn a_webhook_goes_over_tls_to_who_has_a_good_certificate_of_an_authority_that_the_files_name() {
    let Some(stage) = Stage::find() else { return };
    let (ours, foreign) = (Authority::new("ours"), Authority::new("foreign"));
    let good = Receiver::start_tls(ours.acceptor("localhost", Validity::Now)).await;
    let bad = [
        ("name", ours.acceptor("other.example", Validity::Now), "not valid for name"),
        ("time", ours.acceptor("localhost", Validity::Past), "expired"),
        ("issuer", foreign.acceptor("localhost", Validity::Now), "UnknownIssuer"),
    ];
    let place = Place::new(None);
    let file = place.path().join("ca.pem");
    std::fs::copy(ours.file(), &file).unwrap();
    let config = format!(
        "[plugins]\n[subscriptions_policy]\nallow = [\"https://localhost:*\"]\nca_file = '{}'\n",
        file.display()
    );
    let daemon = Daemon::start_in(place, Setup::new(&stage).config(config)).await;
    let client = daemon.unix();
    make(&client, &hook(&good)).await;
    say(&client, "failure", "over TLS").await;
    status_until(&client, "it is delivered", |it| it["delivered"] == 1).await;
    assert_eq!(messages(&good.calls()), ["over TLS"]);
    assert!(good.calls().iter().all(is_signed));
    for (id, server, word) in bad {
        let receiver = Receiver::start_tls(server).await;
        let mut subscription = hook(&receiver);
        subscription["id"] = json!(id);
        make(&client, &subscription).await;
        let tried = client.post(&format!("/v1/subscriptions/{id}/test")).await.ok();
        assert_eq!(tried["delivered"], false, "{id}");
        let reason = tried["reason"].as_str().unwrap();
        assert!(reason.contains("certificate") && reason.contains(word), "{id}: {reason}");
        assert!(receiver.calls().is_empty(), "{id}");
    }
    // The file counts as it is when a way is opened.
    std::fs::write(&file, "nonsense").unwrap();
    let tried = client.post("/v1/subscriptions/oncall/test").await.ok();
    assert!(tried["reason"].as_str().unwrap().contains("subscriptions_policy.ca_file"), "{tried}");
    let other = json!({"subscriptions_policy": {"ca_file": "/etc/hostname"}});
    let answer = client.send(Ask::patch("/v1/config", &other).if_match("*")).await;
    assert_eq!(answer.refusal().0, 422, "only files say it: {}", answer.text());
}
