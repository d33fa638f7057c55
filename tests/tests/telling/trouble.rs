//! Nobody tells, or may: the incident says so, and everything is told once it works.

use rig::standins::Trouble;
use serde_json::{Value, json};

use crate::stage::Stage;

/// The word on a channel of the only incident.
fn channel(all: &[Value], name: &str) -> Value {
    let channels = all
        .first()
        .and_then(|event| event.pointer("/status/notifications"));
    let channels = channels.and_then(Value::as_array).into_iter().flatten();
    let mut named = channels.filter(|channel| channel["channel"] == name);
    named.next().cloned().unwrap_or_default()
}

async fn rule(stage: &Stage) {
    let spec = json!({"match": {"types": ["outage"]}, "groupBy": ["host"]});
    stage.rule("outage", spec).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_notifier_runs_the_incident_says_so_and_then_is_told_once() {
    let mut stage = Stage::start().await;
    rule(&stage).await;
    stage.opsward.remove("notifier");
    stage.post("web-1", "firing").await;
    let queued = |all: &[Value]| {
        channel(all, "chat")["state"] == "Queued" && channel(all, "hook")["state"] == "Queued"
    };
    stage
        .opsward
        .ops_events_when("queued", queued)
        .await
        .expect("queued");
    stage.post("web-1", "resolved").await;
    let ended = |all: &[Value]| queued(all) && all[0].pointer("/status/endedAt").is_some();
    stage
        .opsward
        .ops_events_when("over, and nobody knows", ended)
        .await
        .expect("queued");
    stage
        .opsward
        .start_role("notifier", "notifier")
        .await
        .expect("a notifier");
    let kinds = stage.hooks(2).await;
    assert_eq!(
        kinds,
        ["dev.opsward.opsevent.opened", "dev.opsward.opsevent.resolved"]
    );
    stage
        .slack_when("one message, as it is now", |threads| {
            threads.len() == 1 && threads[0].0.starts_with("✅") && threads[0].1.len() == 1
        })
        .await;
    let sent =
        |all: &[Value]| channel(all, "chat")["state"] == "Sent" && channel(all, "hook")["state"] == "Sent";
    stage.opsward.ops_events_when("sent", sent).await.expect("sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_is_said_and_mended_without_a_restart() {
    let stage = Stage::start().await;
    stage
        .secret("slack", &json!({"token": "xoxb-wrong"}))
        .await
        .expect("a Secret");
    stage.remove_secret("hook").await.expect("removed");
    rule(&stage).await;
    stage.post("web-1", "firing").await;
    let says = |all: &[Value], name: &str, text: &str| {
        let channel = channel(all, name);
        channel["state"] == "Retrying"
            && channel["message"]
                .as_str()
                .is_some_and(|message| message.contains(text))
    };
    let said = |all: &[Value]| {
        says(
            all,
            "chat",
            "invalid_auth: put a bot token that is in force into the Secret's entry token",
        ) && says(all, "hook", "Secret hook is not in namespace")
    };
    stage
        .opsward
        .ops_events_when("both in trouble", said)
        .await
        .expect("said");
    stage.rule_says("outage", "Notifying", "False").await;
    stage.restore_secrets().await.expect("mended");
    stage.hooks(1).await;
    stage.slack_when("told", |threads| threads.len() == 1).await;
    let sent = |all: &[Value]| {
        ["chat", "hook"]
            .iter()
            .all(|name| channel(all, name)["state"] == "Sent" && channel(all, name)["message"].is_null())
    };
    stage.opsward.ops_events_when("sent", sent).await.expect("sent");
    stage.rule_says("outage", "Notifying", "True").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_got_lost_is_looked_up_before_anything_is_said_again() {
    let stage = Stage::start().await;
    rule(&stage).await;
    // The first post is taken and never answered.
    stage.slack.trouble(|number| {
        if number == 0 {
            Trouble::Unanswered
        } else {
            Trouble::None
        }
    });
    stage.post("web-1", "firing").await;
    stage.post("web-1", "resolved").await;
    stage
        .slack_when("the end", |threads| {
            threads
                .iter()
                .any(|(root, answers)| root.starts_with("✅") && answers.len() == 1)
        })
        .await;
    assert_eq!(stage.slack.service.threads().len(), 1, "posted twice");
    assert!(
        stage
            .slack
            .service
            .calls()
            .contains(&"conversations.history".to_owned())
    );
}
