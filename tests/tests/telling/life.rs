//! The life of one incident, as people in the channels see it.

use serde_json::{Value, json};

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_told_as_it_goes() {
    let stage = Stage::start().await;
    let spec = json!({
        "match": {"types": ["outage"]}, "groupBy": ["host"], "resolve": {"reopenWithin": "1m"},
        "triage": {"mode": "Always", "approvers": {"groups": ["sre"]}},
    });
    stage.rule("outage", spec).await;
    stage.post("web-1", "firing").await;
    let shown = stage
        .slack_when("the incident and its question", |threads| {
            threads.len() == 1
                && threads[0].0.contains("Waits for a decision of group sre")
                && threads[0].1.len() == 1
        })
        .await;
    assert!(
        shown[0].0.starts_with("🔴 Critical: web-1 does not answer"),
        "{shown:?}"
    );
    assert!(
        shown[0].1[0].starts_with("Asked: group sre may decide until"),
        "{shown:?}"
    );
    let command = shown[0]
        .0
        .lines()
        .find(|line| line.starts_with("```kubectl patch td"))
        .expect("a command");
    let question = command.split(' ').nth(3).expect("a name");

    // What is typed is what the message says.
    stage.accept(question, "on it").await;
    stage
        .slack_when("the decision", |threads| {
            threads[0]
                .1
                .iter()
                .any(|answer| answer == "alice accepted: has it. “on it”")
        })
        .await;
    stage.post("web-1", "resolved").await;
    let shown = stage
        .slack_when("the end", |threads| {
            threads[0].0.starts_with("✅ Resolved, was Critical") && threads[0].1.len() == 3
        })
        .await;
    assert!(shown[0].1[2].starts_with("Resolved at"), "{shown:?}");

    let kinds = stage.hooks(4).await;
    let expected = [
        "opsevent.opened",
        "decision.requested",
        "decision.made",
        "opsevent.resolved",
    ];
    assert_eq!(kinds, expected.map(|kind| format!("dev.opsward.{kind}")));
    assert!(stage.hook.service.deliveries().values().all(|times| *times == 1));
    let alerts = stage.pagerduty.service.alerts();
    let alert = alerts.values().next().expect("an alert");
    assert_eq!((alerts.len(), &*alert.state), (1, "resolved"), "{alerts:#?}");
    assert_eq!(alert.actions, ["trigger", "trigger", "acknowledge", "resolve"]);
    assert_eq!(alert.payload["summary"], "Critical: web-1 does not answer");
    let sent = |event: &Value| {
        let states = event.pointer("/status/notifications").and_then(Value::as_array);
        let states: Vec<&Value> = states.into_iter().flatten().collect();
        let is_sent = |channel: &&Value| channel["state"] == "Sent" && channel["told"] == 4;
        states.len() == 3 && states.iter().all(is_sent)
    };
    stage
        .opsward
        .ops_events_when("the channels' states", |all| all.len() == 1 && sent(&all[0]))
        .await
        .expect("both sent");

    // It comes back into the same thread.
    stage.post("web-1", "firing").await;
    stage
        .slack_when("the return", |threads| {
            threads.len() == 1
                && threads[0].1.last().is_some_and(|answer| answer == "It is back.")
                && threads[0].0.starts_with("🔴")
        })
        .await;
    assert_eq!(stage.slack.service.refused(), [""; 0]);
    assert_eq!(stage.hook.service.refused(), [""; 0]);
    assert_eq!(stage.pagerduty.service.refused(), [""; 0]);
}
