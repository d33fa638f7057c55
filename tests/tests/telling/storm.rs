//! Ten thousand events of one cause.

use rig::Load;
use serde_json::json;

use crate::stage::Stage;

/// 150 events a second for 67 s, all of one host.
const LOAD: Load = Load {
    groups: 1,
    batch: 50,
    concurrency: 4,
    rate: 3,
};
/// Events in all.
const EVENTS: u64 = 10_000;
/// Times that a message may be brought up to date.
const UPDATES: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_events_of_one_cause_are_one_message() {
    let stage = Stage::start().await;
    stage
        .rule(
            "load",
            json!({"match": {"types": ["threshold_breach"]}, "groupBy": ["host"]}),
        )
        .await;
    let requests = LOAD
        .deliver(&stage.opsward, |begun| begun >= EVENTS / LOAD.batch)
        .await;
    assert_eq!(requests.expect("delivered"), EVENTS / LOAD.batch);
    stage
        .slack_when("the whole count", |threads| {
            threads.len() == 1 && threads[0].0.contains("10000 occurrences of 1 problem")
        })
        .await;
    let threads = stage.slack.service.threads();
    let (root, answers) = threads.first().expect("a message");
    println!(
        "{EVENTS} events: 1 message, {} updates, {} answers",
        root.updates,
        answers.len()
    );
    assert!(
        root.updates <= UPDATES && answers.is_empty(),
        "{} updates, {answers:?}",
        root.updates
    );
    assert_eq!(stage.hooks(1).await, ["dev.opsward.opsevent.opened"]);
}
