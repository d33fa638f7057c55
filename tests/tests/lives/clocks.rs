//! The wall clock is set while a question stands: by ten minutes, both ways.

use std::time::{Duration, Instant};

use api::{DecisionState, TriageDecision};
use kube::api::{Api, ListParams};
use rig::{Embedded, Faults, Opsward, Options, Rig, until};
use serde_json::json;

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
