//! How soon somebody knows: from the request with an event to its receipt at a webhook, with nothing else going on, and with five
//! thousand events a second behind.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bus::{Bus, BusConfig};
use domain::notify::Notification;
use domain::time::Time;
use rig::standins::Standin;
use rig::standins::hook::Hook;
use rig::{Load, Opsward, Options, Rig, until};
use serde_json::{Value, json};

use crate::results::Results;

/// Incidents that are measured, one after the other.
const PROBES: usize = 200;
/// 5,000 events a second of 500 hosts.
const LOAD: Load = Load {
    groups: 500,
    batch: 50,
    concurrency: 8,
    rate: 100,
};
const PATH: &str = "/api/v1/events/webhook";
const PATIENCE: Duration = Duration::from_secs(30);

/// Milliseconds of one probe, by stage; the last is the whole.
type Stages = [f64; 5];
const STAGES: [&str; 5] = [
    "request to answer",
    "request to log",
    "log to wanted",
    "wanted to told",
    "request to told",
];

/// Measures it.
pub async fn run(results: &mut Results) -> Result<()> {
    let rig = Rig::start(Options::default()).await?;
    let mut opsward = Opsward::start(&rig).await?;
    opsward.start_role("notifier", "notifier").await?;
    let hook = Standin::start(Hook::new(None)).await?;
    let told = json!({
        "match": {"types": ["probe"]}, "groupBy": ["host"],
        "notify": [{"name": "hook", "webhook": {"url": format!("{}/in", hook.url())}}],
    });
    opsward.rule("told", told).await?;
    opsward
        .rule(
            "load",
            json!({"match": {"types": ["threshold_breach"]}, "groupBy": ["host"]}),
        )
        .await?;
    let idle = probes(&rig, &opsward, &hook, "idle").await?;
    let is_over = AtomicBool::new(false);
    let load = LOAD.deliver(&opsward, |_| is_over.load(Ordering::Relaxed));
    let busy = async {
        // The load's own incidents open first.
        opsward
            .ops_events_when("the load's incidents", |all| all.len() > 500)
            .await?;
        let busy = probes(&rig, &opsward, &hook, "busy").await;
        is_over.store(true, Ordering::Relaxed);
        busy
    };
    let (sent, busy) = tokio::try_join!(load, busy)?;
    println!("  {sent} requests of {} events behind", LOAD.batch);
    for (name, told, quantile_, promised) in [
        ("telling-idle-p50", &idle, 0.5, 50.0),
        ("telling-busy-p50", &busy, 0.5, 100.0),
        ("telling-busy-p99", &busy, 0.99, 500.0),
    ] {
        let whole = quantile(told, 4, quantile_);
        results.add(
            name,
            whole,
            Some(promised),
            "ms from the request to the webhook, peer: promised; lower is better",
        )?;
    }
    Ok(())
}

fn quantile(all: &[Stages], stage: usize, q: f64) -> f64 {
    let mut values: Vec<f64> = all
        .iter()
        .filter_map(|stages| stages.get(stage).copied())
        .collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) as f64;
    values.get((last * q) as usize).copied().unwrap_or_default()
}

async fn probes(rig: &Rig, opsward: &Opsward<'_>, hook: &Standin<Hook>, prefix: &str) -> Result<Vec<Stages>> {
    let mut begun = BTreeMap::new();
    for number in 0..PROBES {
        let host = format!("{prefix}-{number:04}");
        let event = json!({"source": "bench", "event_type": "probe", "severity": "critical", "host": host,
                           "service": "nginx", "message": host});
        let (at, since) = (now(), Instant::now());
        let (status, answer) = opsward.post(PATH, event.to_string()).await?;
        ensure!(status == 202, "{status}: {answer}");
        let answered = since.elapsed().as_secs_f64() * 1e3;
        until("the webhook", PATIENCE, || async {
            hook.service.received(&host).context("not yet")
        })
        .await?;
        begun.insert(host, (at, answered));
    }
    let wanted = wanted_at(rig).await?;
    let mut all = Vec::new();
    for (host, (at, answered)) in begun {
        let (received, event) = hook.service.received(&host).context("it came")?;
        let opened = event.get("time").and_then(Value::as_str).context("a time")?;
        let opened = millis(Time::parse(opened)?);
        let wanted = millis(*wanted.get(&host).context("a task")?);
        all.push([
            answered,
            opened - at,
            wanted - opened,
            received - wanted,
            received - at,
        ]);
    }
    println!("  {prefix:20} {:>8} {:>8} ms", "median", "p99");
    for (stage, name) in STAGES.iter().enumerate() {
        println!(
            "  {name:20} {:8.1} {:8.1}",
            quantile(&all, stage, 0.5),
            quantile(&all, stage, 0.99)
        );
    }
    Ok(all)
}

/// When the controller wanted each host's incident told.
async fn wanted_at(rig: &Rig) -> Result<BTreeMap<String, Time>> {
    let config = BusConfig {
        url: rig.nats_url(),
        user: "admin".to_owned(),
        password_file: Some(rig.nats.password_file("admin")?.to_owned()),
        ..BusConfig::default()
    };
    let bus = Bus::connect(&config, None).await?;
    let tasks = bus.records::<Notification>().await?.list().await?;
    tasks
        .into_iter()
        .map(|(_, _, task)| {
            let task = task?;
            Ok((task.input.card.title.clone(), task.input.said.last_at))
        })
        .collect()
}

fn now() -> f64 {
    jiff::Timestamp::now().as_nanosecond() as f64 / 1e6
}

fn millis(time: Time) -> f64 {
    time.millis() as f64
}
