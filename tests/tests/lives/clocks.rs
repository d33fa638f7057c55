//! A wall clock is set by ten minutes: the controller's, both ways, while a question stands; NATS's, back, while a timer of
//! the log runs.

use std::time::{Duration, Instant};

use api::{DecisionState, TriageDecision};
use domain::time::Time;
use futures::StreamExt;
use kube::api::{Api, ListParams};
use rig::{Embedded, Faults, NatsOptions, Opsward, Options, Rig, until};
use serde_json::{Value, json};

/// How long a question stands here.
const STANDS: Duration = Duration::from_secs(6);
/// A jump of the clock, in milliseconds.
const JUMP: i64 = 600_000;
/// What the controller may take beyond a question's time on a busy machine; far below the jump.
const LATE: Duration = Duration::from_secs(20);

/// The first question about `host`'s incident, once it is `state`.
async fn question(rig: &Rig, namespace: &str, host: &str, state: DecisionState) -> TriageDecision {
    let questions: Api<TriageDecision> =
        Api::namespaced(rig.client("admin").await.expect("admin"), namespace);
    until(host, STANDS + LATE, || async {
        let all = questions.list(&ListParams::default()).await?.items;
        let first = all.into_iter().find(|question| {
            let is_first = question
                .metadata
                .name
                .as_ref()
                .is_some_and(|name| name.ends_with("-d1"));
            is_first && question.spec.asks.ends_with(host)
        });
        let first = first.ok_or_else(|| anyhow::anyhow!("no question"))?;
        let is = first.status.as_ref().map(|status| status.state);
        anyhow::ensure!(is == Some(state), "{is:?}");
        anyhow::Ok(first)
    })
    .await
    .expect("the question")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_clock_that_is_set_neither_hurries_nor_delays_a_question() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start_roles(&rig, &["correlator", "collector"])
        .await
        .expect("opsward");
    let (faults, kills) = Faults::new();
    let embedded = Embedded::new(&rig, faults).expect("a controller");
    let tries = async {
        let spec = json!({
            "match": {"types": ["clock"]}, "groupBy": ["host"],
            "triage": {"mode": "Always", "approvers": {"groups": ["sre"]}, "expireAfter": format!("{}s", STANDS.as_secs())},
        });
        opsward.rule("clock", spec).await.expect("a rule");
        for (host, ahead) in [("undisturbed", 0), ("ahead", JUMP), ("back", -JUMP)] {
            let body = json!({"source": "clocks", "event_type": "clock", "severity": "high", "host": host,
                              "service": "nginx", "message": format!("it broke on {host}")});
            let posted = opsward.post("/api/v1/sources/webhook", body.to_string()).await;
            assert_eq!(posted.expect("posted").0, 202);
            question(&rig, opsward.namespace(), host, DecisionState::Pending).await;
            let asked = Instant::now();
            embedded.clock.put_ahead(ahead);
            question(&rig, opsward.namespace(), host, DecisionState::Expired).await;
            let stood = asked.elapsed();
            println!("{host}: the question stood for {stood:?} of {STANDS:?}");
            // It was seen a moment after it was put.
            assert!(
                stood > STANDS.mul_f32(0.8) && stood < STANDS + LATE,
                "{host}: {stood:?}"
            );
            embedded.clock.put_ahead(0);
        }
    };
    tokio::select! {
        () = tries => {}
        ended = embedded.run(kills) => panic!("{ended:?}"),
    }
}

/// Silence that ends an incident here.
const SILENCE: Duration = Duration::from_secs(8);
/// Ticks that come in vain, one a second, before NATS's clock is right again.
const VAIN_TICKS: usize = 4;

/// The correlator's word of how far NATS's clock lies behind, in seconds.
async fn behind(opsward: &Opsward<'_>) -> f64 {
    let metrics = opsward.metrics("correlator").await.expect("metrics");
    *metrics
        .get("opsward_log_clock_behind_seconds")
        .expect("the metric")
}

#[tokio::test(flavor = "multi_thread")]
async fn natss_clock_set_back_only_holds_the_logs_time() {
    let nats = NatsOptions {
        settable_clock: true,
        ..NatsOptions::default()
    };
    let options = Options {
        nats,
        ..Options::default()
    };
    let rig = Rig::start(options).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    let spec = json!({
        "match": {"types": ["clock"]}, "groupBy": ["host"],
        "resolve": {"after": format!("{}s", SILENCE.as_secs()), "reopenWithin": "0s"},
    });
    opsward.rule("clock", spec).await.expect("a rule");
    let post = async |host: &str| {
        let body = json!({"source": "clocks", "event_type": "clock", "severity": "high", "host": host,
                          "service": "nginx", "message": format!("it broke on {host}")});
        let posted = opsward.post("/api/v1/sources/webhook", body.to_string()).await;
        assert_eq!(posted.expect("posted").0, 202);
    };
    let opened_at = |event: &Value| {
        let at = event.pointer("/status/openedAt")?.as_str()?;
        Time::parse(at).ok()
    };
    let opened = async |hosts: usize| {
        let told = |all: &[Value]| all.len() == hosts && all.iter().all(|event| opened_at(event).is_some());
        let all = opsward.ops_events_when("incidents", told).await;
        let times = all.expect("incidents").iter().filter_map(opened_at).max();
        times.expect("a time")
    };
    let ended = |all: &[Value]| {
        let ends = all
            .iter()
            .filter(|event| event.pointer("/status/endedAt").is_some());
        ends.count()
    };

    post("before").await;
    let before = opened(1).await;
    assert!(behind(&opsward).await.abs() < f64::EPSILON);

    rig.nats.put_ahead(-JUMP / 1000).await.expect("set back");
    let admin = rig.nats.connect("admin").await.expect("connected");
    let mut ticks = admin.subscribe(bus::contract::TICK).await.expect("subscribed");
    admin.flush().await.expect("flushed");
    post("during").await;
    let during = opened(2).await;
    assert!(during >= before, "log time went back: {before}, then {during}");
    let seconds = behind(&opsward).await;
    println!("NATS's clock is behind the log by {seconds} s");
    assert!((580.0..620.0).contains(&seconds), "{seconds}");
    // Each says that a timer is due by the wall clock; the log's time stands, so none fires.
    for _ in 0..VAIN_TICKS {
        let tick = tokio::time::timeout(SILENCE + LATE, ticks.next()).await;
        tick.expect("a tick").expect("a tick");
    }
    let all = opsward.ops_events_when("incidents", |all| all.len() == 2).await;
    assert_eq!(ended(&all.expect("both")), 0);
    assert!(behind(&opsward).await > 500.0);

    rig.nats.put_ahead(0).await.expect("set right");
    let all = opsward.ops_events_when("both ended", |all| ended(all) == 2).await;
    for event in all.expect("both ended") {
        let reason = event.pointer("/status/endReason").cloned();
        assert_eq!(reason, Some(json!("Quiet")), "{event}");
    }
    assert!(behind(&opsward).await.abs() < f64::EPSILON);
}
