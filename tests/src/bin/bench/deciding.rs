//! A thousand incidents that wait for people: how quickly they are listed, what they cost the controller in memory, and how
//! soon a decision shows at its incident.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use api::{OpsEvent, Outcome, TriageDecision};
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use rig::{Opsward, Options, Rig, until};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use crate::results::Results;

/// Incidents that wait.
const WAITING: usize = 1000;
/// Decisions that are made.
const DECISIONS: usize = 200;
/// One every 200 ms: many people on a bad day.
const PACE: Duration = Duration::from_millis(200);
/// The budget of writes lets 4,000 through in about three minutes.
const ASKED_WITHIN: Duration = Duration::from_mins(6);
const PATH: &str = "/api/v1/events/webhook";

/// Measures it.
pub async fn run(results: &mut Results) -> Result<()> {
    const PROMISED_MEGABYTES: f64 = 100.0;
    const PROMISED_MILLISECONDS: f64 = 1000.0;
    let rig = Rig::start(Options::default()).await?;
    let opsward = Opsward::start(&rig).await?;
    let asks = json!({
        "match": {"types": ["threshold_breach"]}, "groupBy": ["host"],
        "triage": {"mode": "Always", "approvers": {"groups": [rig::SRE_GROUP]}, "expireAfter": "1h"},
    });
    opsward.rule("asks", asks).await?;
    let event = |host: usize| {
        json!({"source": "bench", "event_type": "threshold_breach", "severity": "high", "service": "nginx",
               "host": format!("host-{host:04}"), "message": "CPU usage exceeded 95%"})
    };
    let body: Value = (0..WAITING).map(event).collect();
    let (status, answer) = opsward.post(PATH, body.to_string()).await?;
    ensure!(status == 202, "{status}: {answer}");
    let questions = waiting(&rig, &opsward).await?;

    let begun = Instant::now();
    let listed = rig
        .kubectl("alice", &["get", "td", "-n", opsward.namespace()])
        .await?
        .success()?;
    ensure!(
        listed.lines().count() > WAITING,
        "{} lines",
        listed.lines().count()
    );
    results.add(
        "deciding-list",
        begun.elapsed().as_secs_f64() * 1e3,
        None,
        "ms of `kubectl get td` with 1000 that wait; lower is better",
    )?;
    let mut shown = decide(&rig, &opsward, &questions).await?;
    shown.sort_by(f64::total_cmp);
    let quantile = |q: f64| {
        let last = shown.len().saturating_sub(1) as f64;
        shown.get((last * q) as usize).copied().unwrap_or_default()
    };
    println!(
        "  {} decisions, median {:.0} ms, longest {:.0} ms",
        shown.len(),
        quantile(0.5),
        quantile(1.0)
    );
    results.add(
        "deciding-p99",
        quantile(0.99),
        Some(PROMISED_MILLISECONDS),
        "ms from the patch to the OpsEvent, peer: promised; lower is better",
    )?;
    let resident = opsward.role("controller")?.rss_bytes()? as f64 / 1e6;
    results.add(
        "deciding-rss",
        resident,
        Some(PROMISED_MEGABYTES),
        "MB of the controller, peer: promised; lower is better",
    )
}

/// The names of all questions, once every incident says that it waits for its own.
async fn waiting(rig: &Rig, opsward: &Opsward<'_>) -> Result<Vec<String>> {
    let client = rig.client("admin").await?;
    let events: Api<OpsEvent> = Api::namespaced(client, opsward.namespace());
    let awaiting = ListParams::default().fields("status.phase=AwaitingDecision");
    until("1000 incidents that wait", ASKED_WITHIN, || async {
        let found = events.list(&awaiting).await?.items;
        ensure!(found.len() == WAITING, "{} wait", found.len());
        let question = |event: OpsEvent| event.status?.decision?.name;
        let names: Vec<String> = found.into_iter().filter_map(question).collect();
        ensure!(names.len() == WAITING, "{} name their question", names.len());
        Ok(names)
    })
    .await
}

/// Makes decisions; how long each took to show at its incident, in milliseconds.
async fn decide(rig: &Rig, opsward: &Opsward<'_>, questions: &[String]) -> Result<Vec<f64>> {
    let admin = rig.client("admin").await?;
    let alice = rig.client("alice").await?;
    let events: Api<OpsEvent> = Api::namespaced(admin, opsward.namespace());
    let answers: Api<TriageDecision> = Api::namespaced(alice, opsward.namespace());
    let made: Mutex<HashMap<String, Instant>> = Mutex::default();
    let watched = watcher(events, watcher::Config::default())
        .applied_objects()
        .try_filter_map(|event| async {
            let decision = event.status.and_then(|status| status.decision);
            let decided = decision.filter(|decision| decision.outcome == Outcome::Accepted);
            let Some(name) = decided.and_then(|decision| decision.name) else {
                return Ok(None);
            };
            let at = made.lock().ok().and_then(|mut made| made.remove(&name));
            Ok(at.map(|at| at.elapsed().as_secs_f64() * 1e3))
        })
        .take(DECISIONS)
        .try_collect::<Vec<f64>>();
    let people = async {
        let mut turns = interval(PACE);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let accept = json!({"spec": {"decision": "Accept"}});
        for question in questions.iter().take(DECISIONS) {
            turns.tick().await;
            if let Ok(mut made) = made.lock() {
                made.insert(question.clone(), Instant::now());
            }
            answers
                .patch(question, &PatchParams::default(), &Patch::Merge(&accept))
                .await
                .with_context(|| question.clone())?;
        }
        anyhow::Ok(())
    };
    let (shown, ()) = tokio::try_join!(async { Ok(watched.await?) }, people)?;
    Ok(shown)
}
