//! From a shout to the object, counted exactly, on the real servers.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers are tests"
)]

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use rig::opsward::SEED;
use rig::{Opsward, Options, Rig};
use serde_json::{Value, json};

/// Requests under way at once.
const CONCURRENCY: usize = 32;

fn high_cpu() -> Value {
    json!({
        "match": {"types": ["threshold_breach"], "condition": "event.data.cpu_usage > 90"},
        "groupBy": ["host", "service"],
    })
}

fn count(event: &Value) -> i64 {
    event["status"]["occurrences"]["count"].as_i64().unwrap_or(-1)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_412_webhooks_are_one_incident_of_412() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    opsward.rule("high-cpu", high_cpu()).await.expect("rule");
    stream::iter(0..412)
        .map(|_| opsward.post("/api/v1/events/webhook", SEED))
        .buffer_unordered(CONCURRENCY)
        .try_for_each(|(status, answer)| async move {
            assert_eq!((status, &answer["accepted"]), (202, &json!(1)), "{answer}");
            Ok(())
        })
        .await
        .expect("all posted");
    let outcomes = opsward.drained(412).await.expect("drained");
    assert_eq!(outcomes["counted"], 412, "{outcomes:?}");
    let events = opsward
        .ops_events_when("412 counted", |events| {
            events.len() == 1 && count(&events[0]) == 412
        })
        .await;
    let event = &events.expect("one OpsEvent")[0];
    assert_eq!(event["spec"]["title"], "CPU usage exceeded 95%");
    assert_eq!(event["status"]["severity"], "Critical");
    assert_eq!(event["status"]["phase"], "Open");
    assert_eq!(
        event["spec"]["group"],
        json!({"host": "web-server-01", "service": "nginx"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_events_of_500_groups_add_up() {
    const EVENTS: i64 = 100_000;
    const GROUPS: i64 = 500;
    const BATCH: i64 = 50;
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    opsward.rule("high-cpu", high_cpu()).await.expect("rule");
    let body = |batch: i64| {
        let event = |n: i64| {
            let host = format!("web-{:03}", n % GROUPS);
            let cpu = if n % 10 == 0 { 50.0 } else { 97.5 };
            json!({"source": "mon", "event_type": "threshold_breach", "host": host, "service": "nginx",
                   "message": "CPU", "metadata": {"cpu_usage": cpu}})
        };
        (0..BATCH)
            .map(|n| event(batch * BATCH + n))
            .collect::<Value>()
            .to_string()
    };
    stream::iter(0..EVENTS / BATCH)
        .map(|batch| opsward.post("/api/v1/events/webhook", body(batch)))
        .buffer_unordered(CONCURRENCY)
        .try_for_each(|(status, answer)| async move {
            assert_eq!((status, &answer["accepted"]), (202, &json!(BATCH)), "{answer}");
            Ok(())
        })
        .await
        .expect("all posted");
    let outcomes = opsward.drained(EVENTS).await.expect("drained");
    assert_eq!(
        (outcomes["counted"], outcomes["unmatched"]),
        (EVENTS * 9 / 10, EVENTS / 10),
        "{outcomes:?}"
    );
    let sum = |events: &[Value]| events.iter().map(count).sum::<i64>();
    let events = opsward
        .ops_events_when("every count", |events| sum(events) == EVENTS * 9 / 10)
        .await;
    assert_eq!(
        events.expect("right").len(),
        450,
        "hosts of a tenth numbers never pass 90 %"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_good_and_two_bad_alerts_are_eight_events_and_two_dead_letters() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    opsward
        .rule(
            "alerts",
            json!({"match": {"sources": ["alerts"]}, "groupBy": ["type"]}),
        )
        .await
        .expect("rule");
    let mut alerts: Vec<Value> = (0..8)
        .map(|n| {
            json!({"status": "firing", "labels": {"alertname": "Down", "instance": format!("i{n}:9100"), "severity": "critical"},
                   "annotations": {"summary": "an instance is down"}, "startsAt": "2026-11-20T10:00:00Z",
                   "endsAt": "0001-01-01T00:00:00Z", "fingerprint": format!("{n:016x}")})
        })
        .collect();
    alerts.insert(3, json!({"status": "firing"}));
    alerts.push(json!({"status": "firing", "labels": "none"}));
    let body = |alerts: &[Value]| {
        json!({"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "opsward", "groupLabels": {},
               "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am", "alerts": alerts})
        .to_string()
    };
    let (status, answer) = opsward
        .post("/api/v1/sources/alerts", body(&alerts))
        .await
        .expect("posted");
    assert_eq!(
        (status, &answer["received"], &answer["accepted"]),
        (202, &json!(10), &json!(8)),
        "{answer}"
    );
    assert_eq!(
        (&answer["deadLettered"], &answer["refused"]),
        (&json!(2), &json!(0))
    );
    let at: Vec<_> = answer["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["index"].clone())
        .collect();
    assert_eq!(at, [json!(3), json!(9)]);
    let config = rig.path().join("correlator.yaml").display().to_string();
    let listed = rig
        .opsward_output(&["dlq", "list", "--config", &config, "-o", "json"], b"")
        .await
        .expect("dlq");
    let letters: Vec<Value> = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!(letters.len(), 2, "{letters:?}");
    assert!(
        letters
            .iter()
            .all(|letter| letter["reason"].is_string() && letter["message"].is_string())
    );
    opsward.drained(8).await.expect("drained");
    let open = |events: &[Value]| events.len() == 1 && count(&events[0]) == 8;
    opsward
        .ops_events_when("8 counted", open)
        .await
        .expect("one OpsEvent");

    alerts.retain(|alert| alert["labels"].is_object());
    for alert in &mut alerts {
        alert["status"] = json!("resolved");
        alert["endsAt"] = json!("2026-11-20T11:00:00Z");
    }
    let (status, _) = opsward
        .post("/api/v1/sources/alerts", body(&alerts))
        .await
        .expect("posted");
    assert_eq!(status, 202);
    let resolved = |events: &[Value]| events.len() == 1 && events[0]["status"]["phase"] == "Resolved";
    let events = opsward
        .ops_events_when("all clear", resolved)
        .await
        .expect("resolved");
    assert_eq!(events[0]["status"]["endReason"], "Cleared");
    assert_eq!(count(&events[0]), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn alice_closes_an_incident_and_what_still_fires_stays_muted() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    opsward.rule("high-cpu", high_cpu()).await.expect("rule");
    opsward
        .post("/api/v1/events/webhook", SEED)
        .await
        .expect("posted");
    let events = opsward
        .ops_events_when("opened", |events| events.len() == 1)
        .await
        .expect("opened");
    let name = events[0]["metadata"]["name"].as_str().expect("name").to_owned();
    let patch = r#"{"spec":{"close":{"reason":"FalseAlarm"}}}"#;
    let namespace = opsward.namespace();
    let patched = rig::until("the policies in force", Duration::from_secs(30), || async {
        let output = rig
            .kubectl(
                "alice",
                &[
                    "patch",
                    "ope",
                    &name,
                    "-n",
                    namespace,
                    "--type=merge",
                    "-p",
                    patch,
                ],
            )
            .await?;
        output.success()
    });
    patched.await.expect("patched");
    let closed = |events: &[Value]| events[0]["status"]["phase"] == "Resolved";
    let events = opsward.ops_events_when("closed", closed).await.expect("closed");
    assert_eq!(events[0]["status"]["endReason"], "Closed");
    assert_eq!(events[0]["spec"]["close"]["closedBy"], "alice");
    opsward
        .post("/api/v1/events/webhook", SEED)
        .await
        .expect("posted");
    let outcomes = opsward.drained(2).await.expect("drained");
    assert_eq!((outcomes["counted"], outcomes["muted"]), (1, 1), "{outcomes:?}");
    let events = opsward.ops_events().await.expect("listed");
    assert_eq!(events.len(), 1);
}
