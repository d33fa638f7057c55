//! Ingest against Alertmanager, on the same bodies of its v2 API. Ours is durable when it answers, and counts
//! collector, nats-server and correlator; Alertmanager holds alerts in memory.

use std::time::Duration;

use anyhow::{Context, Result};
use rig::{Alertmanager, NatsOptions, Opsward, Options, Rig, Server, Sync};
use serde_json::json;

use crate::http::{Amount, Target, send};
use crate::results::Results;

/// Connections of the load generator.
pub const CONNECTIONS: u64 = 64;
/// Different alerts: what a middling Prometheus keeps firing.
const ALERTS: usize = 1000;
/// One round.
const ROUND: Duration = Duration::from_secs(5);
/// Rounds of each, interleaved; medians are told.
const ROUNDS: usize = 3;
/// Where Prometheus posts alerts of the source `alerts`.
pub const PATH: &str = "/api/v1/sources/alerts/api/v2/alerts";

fn bodies(per_request: usize) -> Vec<String> {
    let alert = |n: usize| {
        json!({
            "labels": {
                "alertname": "InstanceDown", "severity": "critical", "job": "node", "cluster": "eu-1",
                "instance": format!("web-server-{n:04}.example.com:9100"), "namespace": "shop", "team": "platform",
            },
            "annotations": {
                "summary": format!("Instance web-server-{n:04}.example.com:9100 is down"),
                "description": "The instance has been unreachable for more than 5 minutes. Check its power, its \
                                network and its kubelet, then drain it if it does not come back.",
                "runbook_url": "https://runbooks.example.com/InstanceDown",
            },
            "startsAt": "2026-11-20T10:00:00.000Z",
            "endsAt": "2036-11-20T10:00:00.000Z",
            "generatorURL": "https://prometheus.example.com/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
        })
    };
    let requests = ALERTS.div_ceil(per_request).max(20);
    let request = |r: usize| {
        (0..per_request)
            .map(|n| alert((r * per_request + n) % ALERTS))
            .collect::<Vec<_>>()
    };
    (0..requests)
        .map(|r| serde_json::Value::from(request(r)).to_string())
        .collect()
}

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// CPU-seconds of some servers so far.
fn cpu(servers: &[&Server]) -> Result<f64> {
    servers.iter().map(|server| server.cpu_seconds()).sum()
}

/// Opsward with a rule for the alerts, and the target that feeds it.
pub async fn ours(rig: &Rig) -> Result<Opsward<'_>> {
    let opsward = Opsward::start(rig).await?;
    opsward
        .rule(
            "alerts",
            json!({"match": {"sources": ["alerts"]}, "groupBy": ["type", "labels.cluster"]}),
        )
        .await?;
    Ok(opsward)
}

pub fn target(opsward: &Opsward<'_>, per_request: usize) -> Result<Target> {
    let url = opsward.url(PATH);
    Ok(Target::new(address(&url)?, PATH, &bodies(per_request)))
}

pub fn address(url: &str) -> Result<std::net::SocketAddr> {
    let rest = url.strip_prefix("http://").context("http")?;
    Ok(rest.split('/').next().context("host")?.parse()?)
}

/// Alerts per CPU-second, one and fifty a request, and what each part costs.
pub async fn per_cpu(results: &mut Results) -> Result<()> {
    let rig = Rig::start(Options::default()).await?;
    let opsward = ours(&rig).await?;
    let parts = [
        opsward.role("collector")?,
        rig.nats_server(),
        opsward.role("correlator")?,
    ];
    let peer = Alertmanager::start(rig.workdir()).await?;
    let mut accepted = 0;
    for per_request in [1, 50] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut micros = [Vec::new(), Vec::new(), Vec::new()];
        let (mut our_rates, mut their_rates) = (Vec::new(), Vec::new());
        let targets = (
            target(&opsward, per_request)?,
            Target::new(address(&peer.url())?, "/api/v2/alerts", &bodies(per_request)),
        );
        for _ in 0..ROUNDS {
            let before = cpu(&[&peer.server])?;
            let sent = send(&targets.1, CONNECTIONS, Amount::For(ROUND)).await?;
            let alerts = (sent.requests * per_request as u64) as f64;
            theirs.push(alerts / (cpu(&[&peer.server])? - before));
            their_rates.push(alerts / sent.took.as_secs_f64());

            let before: Vec<f64> = parts.iter().map(|part| cpu(&[part])).collect::<Result<_>>()?;
            let sent = send(&targets.0, CONNECTIONS, Amount::For(ROUND)).await?;
            accepted += i64::try_from(sent.requests)? * per_request as i64;
            opsward.drained(accepted).await?;
            let alerts = (sent.requests * per_request as u64) as f64;
            let used: Vec<f64> = parts
                .iter()
                .zip(&before)
                .map(|(part, before)| Ok(cpu(&[part])? - before))
                .collect::<Result<_>>()?;
            ours.push(alerts / used.iter().sum::<f64>());
            our_rates.push(alerts / sent.took.as_secs_f64());
            for (micros, used) in micros.iter_mut().zip(used) {
                micros.push(used * 1e6 / alerts);
            }
        }
        results.add(
            &format!("ingest-{per_request}-per-cpu"),
            median(&mut ours),
            Some(median(&mut theirs)),
            "alerts per CPU-second",
        )?;
        results.add(
            &format!("ingest-{per_request}-rate"),
            median(&mut our_rates),
            Some(median(&mut their_rates)),
            "alerts/s, load generator on the same cores",
        )?;
        for (name, mut micros) in ["collector", "nats-server", "correlator"].into_iter().zip(micros) {
            results.add(
                &format!("ingest-{per_request}-{name}"),
                median(&mut micros),
                None,
                "µs of CPU an alert; lower is better",
            )?;
        }
    }
    Ok(())
}

/// Slices that a latency run is cut into, so that what disturbs the machine disturbs all alike; medians are told.
const SLICES: u32 = 10;

/// A server under paced load, and the quantiles of its answers so far, slice by slice.
struct Paced {
    target: Target,
    requests: u64,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Paced {
    const fn new(target: Target) -> Self {
        Self {
            target,
            requests: 0,
            p50: Vec::new(),
            p99: Vec::new(),
        }
    }

    async fn slice(&mut self, amount: Amount) -> Result<()> {
        let sent = send(&self.target, CONNECTIONS, amount).await?;
        self.requests += sent.requests;
        self.p50.push(sent.quantile(0.5));
        self.p99.push(sent.quantile(0.99));
        Ok(())
    }
}

/// The p99 of answers at 10,000 events a second in requests of 10, `time` long each.
pub async fn latency(results: &mut Results, time: Duration) -> Result<()> {
    const REQUESTS_PER_SECOND: u64 = 1000;
    const PER_REQUEST: usize = 10;
    let with_sync = |sync| Options {
        nats: NatsOptions {
            sync,
            ..NatsOptions::default()
        },
        ..Options::default()
    };
    let rig = Rig::start(with_sync(Sync::Default)).await?;
    let synced_rig = Rig::start(with_sync(Sync::Always)).await?;
    let peer = Alertmanager::start(rig.workdir()).await?;
    let (opsward, synced) = (ours(&rig).await?, ours(&synced_rig).await?);
    let mut theirs = Paced::new(Target::new(
        address(&peer.url())?,
        "/api/v2/alerts",
        &bodies(PER_REQUEST),
    ));
    let mut ours = Paced::new(target(&opsward, PER_REQUEST)?);
    let mut ours_synced = Paced::new(target(&synced, PER_REQUEST)?);
    let amount = Amount::Paced(REQUESTS_PER_SECOND, time / SLICES);
    for _ in 0..SLICES {
        theirs.slice(amount).await?;
        ours.slice(amount).await?;
        ours_synced.slice(amount).await?;
    }
    for (opsward, paced) in [(&opsward, &ours), (&synced, &ours_synced)] {
        opsward
            .drained(i64::try_from(paced.requests)? * PER_REQUEST as i64)
            .await?;
    }
    let (p50, p99) = (median(&mut theirs.p50), median(&mut theirs.p99));
    for (name, mut paced) in [("", ours), ("-sync-always", ours_synced)] {
        results.add(
            &format!("latency-p99{name}"),
            median(&mut paced.p99),
            Some(p99),
            "ms at 10,000 events/s, median of 10 slices; lower is better",
        )?;
        results.add(
            &format!("latency-p50{name}"),
            median(&mut paced.p50),
            Some(p50),
            "ms of the same; lower is better",
        )?;
    }
    Ok(())
}

/// A million events add up.
pub async fn million(results: &mut Results) -> Result<()> {
    const EVENTS: i64 = 1_000_000;
    const PER_REQUEST: usize = 50;
    let rig = Rig::start(Options::default()).await?;
    let opsward = ours(&rig).await?;
    let requests = u64::try_from(EVENTS)? / PER_REQUEST as u64;
    let sent = send(
        &target(&opsward, PER_REQUEST)?,
        CONNECTIONS,
        Amount::Count(requests),
    )
    .await?;
    let outcomes = opsward.drained(EVENTS).await?;
    let sum: i64 = outcomes.values().sum();
    anyhow::ensure!(sum == EVENTS, "{outcomes:?}");
    results.add(
        "million-accounted",
        sum as f64,
        Some(EVENTS as f64),
        "events in exactly one outcome",
    )?;
    results.add(
        "million-rate",
        EVENTS as f64 / sent.took.as_secs_f64(),
        None,
        "events/s, load generator on the same cores",
    )
}

/// Memory of the three roles in one idle process.
pub async fn idle(results: &mut Results, time: Duration) -> Result<()> {
    const PROMISED_MEGABYTES: f64 = 30.0;
    let rig = Rig::start(Options::default()).await?;
    let mut opsward = Opsward::start(&rig).await?;
    for role in rig::opsward::ROLES {
        opsward.remove(role);
    }
    opsward
        .start_role("all", "collector,correlator,controller")
        .await?;
    tokio::time::sleep(time).await;
    let resident = opsward.role("all")?.rss_bytes()? as f64 / 1e6;
    results.add(
        "idle-rss",
        resident,
        Some(PROMISED_MEGABYTES),
        "MB of the three roles in one process; lower is better",
    )
}
