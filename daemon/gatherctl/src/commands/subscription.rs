//! Subscriptions: who is told of notifications.

use super::Desk;
use super::section::Kind;
use super::threshold::matcher;
use crate::cli::section::Subscriptions;
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use crate::table::Row;
use gatherd_client::Client;
use gatherd_client::types::{
    Severity, Subscription, SubscriptionDrops, SubscriptionError, SubscriptionStatus, SubscriptionTest,
};

impl Kind for Subscription {
    const WORD: &'static str = "subscription";
}

impl Desk<'_> {
    pub(super) async fn subscriptions(
        &mut self,
        client: &Client,
        wish: Subscriptions,
    ) -> Result<(), Failure> {
        match wish {
            Subscriptions::List(limit) => self.list_members::<Subscription>(client, limit).await,
            Subscriptions::Show(which) => self.show_member::<Subscription>(client, &which.id).await,
            Subscriptions::Set(set) => self.set_member::<Subscription>(client, &set).await,
            Subscriptions::Delete(delete) => self.delete_member::<Subscription>(client, &delete).await,
            Subscriptions::Test(which) => {
                let test = client.test_subscription(&which.id).await?;
                self.output.one(&test, |test| Human::Line(told(&which.id, test)))?;
                if test.delivered { Ok(()) } else { Err(Failure::NotGood) }
            }
        }
    }
}

/// What came of a test, in one line.
fn told(id: &str, test: &SubscriptionTest) -> String {
    let SubscriptionTest { delivered: _, reason, seconds, run } = test;
    let took = figures::seconds(*seconds);
    let said = run.as_ref().map(|run| run.stderr.trim()).filter(|said| !said.is_empty());
    let said = said.map(|said| format!("; it said: {said}")).unwrap_or_default();
    match reason {
        None => format!("{id} took the message within {took}{said}"),
        Some(reason) => format!("{id} did not take the message: {reason} (after {took}){said}"),
    }
}

impl Row for Subscription {
    const TITLES: &'static [&'static str] = &[
        "ID",
        "ENABLED",
        "SEVERITY",
        "MATCH",
        "TO",
        "QUEUED",
        "DELIVERED",
        "FAILED",
        "DROPPED",
        "LAST ERROR",
    ];
    const NUMBERS: &'static [usize] = &[5, 6, 7, 8];

    fn cells(&self) -> Vec<String> {
        let count = |count: fn(&SubscriptionStatus) -> u64| {
            figures::known(self.status.as_ref(), |status| count(status).to_string())
        };
        let error = self.status.as_ref().and_then(|status| status.last_error.as_ref());
        vec![
            self.id.clone().unwrap_or_default(),
            if self.enabled.unwrap_or(true) { "yes" } else { "no" }.to_owned(),
            severities(self.severity.as_deref()),
            matcher(self.fields.as_ref()),
            receiver(self),
            count(|status| status.queued),
            count(|status| status.delivered),
            count(|status| status.failed),
            count(|status| {
                let SubscriptionDrops { full, aged, refused } = status.dropped;
                full + aged + refused
            }),
            figures::known(error, |SubscriptionError { time, reason }| {
                format!("{reason} ({})", figures::time(time))
            }),
        ]
    }
}

/// The address that is called, or the program that is started.
fn receiver(subscription: &Subscription) -> String {
    match (&subscription.webhook, &subscription.exec) {
        (Some(webhook), _) => webhook.url.clone(),
        (None, exec) => figures::known(exec.as_ref(), |exec| exec.program.clone()),
    }
}

fn severities(wanted: Option<&[Severity]>) -> String {
    let word = |severity: &Severity| match severity {
        Severity::Okay => "okay",
        Severity::Warning => "warning",
        Severity::Failure => "failure",
    };
    let words: Vec<&str> = wanted.unwrap_or_default().iter().map(word).collect();
    if words.is_empty() { "all".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::SubscriptionRun;
    use serde_json::json;

    #[test]
    fn subscriptions_are_rows() {
        let used: Subscription = serde_json::from_value(json!({"id": "oncall", "enabled": false,
            "severity": ["warning", "failure"], "match": {"plugin": "df"}, "webhook": {"url": "https://h/x"},
            "status": {"queued": 1, "delivered": 20, "failed": 3, "missed": 0,
                "dropped": {"full": 1, "aged": 2, "refused": 4}, "last_delivered": null,
                "last_error": {"time": "1970-01-01T00:00:00Z", "reason": "503"}}}))
        .unwrap();
        let program: Subscription =
            serde_json::from_value(json!({"id": "page", "exec": {"program": "/etc/gatherd/exec/page"}}))
                .unwrap();
        let bare = Subscription { id: Some("x".to_owned()), ..Subscription::default() };
        let expected = "\
ID      ENABLED  SEVERITY         MATCH      TO                      QUEUED  DELIVERED  FAILED  DROPPED  LAST ERROR
oncall  no       warning failure  plugin=df  https://h/x                  1         20       3        7  503 (1970-01-01T00:00:00Z)
page    yes      all              all        /etc/gatherd/exec/page       -          -       -        -  -
x       yes      all              all        -                            -          -       -        -  -
";
        let rows = [used.cells(), program.cells(), bare.cells()];
        assert_eq!(table::table::<Subscription>(&rows, Paper::PLAIN), expected);
    }

    #[test]
    fn a_test_says_what_came_of_it() {
        let run: SubscriptionRun =
            serde_json::from_value(json!({"time": "1970-01-01T00:00:00Z", "seconds": 0.2,
            "exit_status": 1, "signal": null, "timed_out": false, "stderr": "no pager\n"}))
            .unwrap();
        let good = SubscriptionTest { delivered: true, reason: None, seconds: 0.25, run: None };
        assert_eq!(told("oncall", &good), "oncall took the message within 250ms");
        let reason = Some("status 1".to_owned());
        let bad = SubscriptionTest { delivered: false, reason, seconds: 0.25, run: Some(run) };
        let expected = "oncall did not take the message: status 1 (after 250ms); it said: no pager";
        assert_eq!(told("oncall", &bad), expected);
    }
}
