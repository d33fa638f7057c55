//! Notifier, controller and NATS are killed again and again while the chat services are in trouble: everybody is told
//! everything, and in Slack once.

use std::collections::BTreeMap;
use std::time::Duration;

use rig::standins::Trouble;
use rig::{Seed, Server, until};
use serde_json::json;

use crate::stage::Stage;

/// Who is killed, each so often.
const VICTIMS: [&str; 3] = ["notifier", "controller", "nats-server"];
const KILLS_EACH: usize = 18;
/// Incidents: each opens and ends between kills.
const INCIDENTS: usize = 27;
/// What is told of each: that it opened, that it ended.
const WORDS: usize = 2;
/// Pauses after failures grow, and Slack takes a message a second.
const SETTLED_WITHIN: Duration = Duration::from_secs(400);

fn victim<'s>(stage: &'s Stage, name: &str) -> &'s Server {
    match name {
        "nats-server" => stage.opsward.rig().nats_server(),
        role => stage.opsward.role(role).expect("a role"),
    }
}

/// What happens to the request of a number: three in ten meet something.
fn trouble(number: usize) -> Trouble {
    let mut seed = Seed::new(number as u64 + 0x9E37_79B9);
    for _ in 0..4 {
        seed.below(2);
    }
    match seed.below(100) {
        0..10 => Trouble::TooMany,
        10..20 => Trouble::Broken,
        20..25 => Trouble::Unanswered,
        25..30 => Trouble::Slow(Duration::from_secs(10)),
        _ => Trouble::None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_and_a_service_in_trouble_lose_nothing_and_double_nothing_in_slack() {
    let stage = Stage::start().await;
    let spec =
        json!({"match": {"types": ["outage"]}, "groupBy": ["host"], "resolve": {"reopenWithin": "0s"}});
    stage.rule("outage", spec).await;
    stage.slack.trouble(trouble);
    stage.hook.trouble(trouble);
    let mut order: Vec<_> = VICTIMS.iter().flat_map(|victim| [*victim; KILLS_EACH]).collect();
    let mut seed = Seed::of_run();
    seed.shuffle(&mut order);
    for (at, name) in order.iter().enumerate() {
        let (host, status) = (format!("web-{}", at / WORDS), ["firing", "resolved"][at % WORDS]);
        stage.deliver(&host, status).await;
        let more = usize::try_from(seed.below(4)).expect("small");
        stage.calls(more).await;
        let server = victim(&stage, name);
        server.kill().expect("killed");
        server.restart().await.expect("back");
    }
    assert_eq!(order.len(), INCIDENTS * WORDS);
    stage.slack.trouble(|_| Trouble::None);
    stage.hook.trouble(|_| Trouble::None);

    let threads = until("everybody told everything", SETTLED_WITHIN, || async {
        let threads = stage.slack.service.threads();
        let is_over = |shown: &str| shown.starts_with("✅ Resolved, was Critical: web-");
        let over = threads
            .iter()
            .filter(|(root, answers)| is_over(&root.shown()) && !answers.is_empty());
        let over = over.count();
        anyhow::ensure!(over >= INCIDENTS, "{over} of {} in Slack are over", threads.len());
        let events = stage.hook.service.events().len();
        anyhow::ensure!(events == INCIDENTS * WORDS, "{events} events");
        anyhow::Ok(threads)
    })
    .await
    .expect("everybody told everything");
    assert_eq!(threads.len(), INCIDENTS, "a message doubled");
    for (root, answers) in &threads {
        assert_eq!(
            answers.len(),
            WORDS - 1,
            "an answer doubled: {} {answers:#?}",
            root.shown()
        );
    }
    let mut by_host: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in stage.hook.service.events() {
        let word = |pointer: &str| {
            event
                .pointer(pointer)
                .and_then(|word| word.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        by_host
            .entry(word("/subject"))
            .or_default()
            .push(word("/data/news/reason"));
    }
    assert!(
        by_host.len() == INCIDENTS && by_host.values().all(|words| *words == ["opened", "resolved"]),
        "{by_host:#?}"
    );
    let deliveries = stage.hook.service.deliveries();
    let repeated: usize = deliveries.values().map(|times| times - 1).sum();
    let words = INCIDENTS * WORDS;
    println!(
        "{} kills, {INCIDENTS} incidents: Slack 0 missing, 0 doubled in {} calls; webhook 0 missing, {repeated} of {words} repeated under the same id",
        order.len(),
        stage.slack.service.calls().len()
    );
}
