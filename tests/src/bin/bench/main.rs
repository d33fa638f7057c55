//! `make bench`: measures Opsward against a peer or a promise in the same run.
#![allow(clippy::print_stdout, reason = "a bench is for people to read")]
#![allow(clippy::cast_precision_loss, reason = "rates are rounded anyway")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are far below the bounds"
)]
#![allow(clippy::cast_possible_wrap, reason = "counts are far below the bounds")]

mod correlate;
mod deciding;
mod formats;
mod hostile;
mod http;
mod ingest;
mod results;
mod telling;

use std::time::Duration;

use results::Results;

/// How long each latency run takes unless `BENCH_SECONDS` says otherwise: 5 minutes.
const LATENCY_SECONDS: u64 = 300;
/// How long a process is idle before its memory is read.
const IDLE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    rig::install_crypto();
    let seconds = std::env::var("BENCH_SECONDS")
        .ok()
        .and_then(|seconds| seconds.parse().ok());
    let latency = Duration::from_secs(seconds.unwrap_or(LATENCY_SECONDS));
    let minutes = 14 + 3 * latency.as_secs() / 60;
    println!(
        "bench: fold, ingest against Alertmanager, each format, an attack, latency, a million events, idle memory, decisions, telling: about \
         {minutes} min"
    );
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    let mut results = Results::new()?;
    if wanted("correlate") {
        correlate::run(&mut results)?;
    }
    if wanted("per-cpu") {
        ingest::per_cpu(&mut results).await?;
    }
    if wanted("formats") {
        formats::run(&mut results).await?;
    }
    if wanted("hostile") {
        hostile::run(&mut results).await?;
    }
    if wanted("million") {
        ingest::million(&mut results).await?;
    }
    if wanted("idle") {
        ingest::idle(&mut results, IDLE).await?;
    }
    if wanted("deciding") {
        deciding::run(&mut results).await?;
    }
    if wanted("telling") {
        telling::run(&mut results).await?;
    }
    if wanted("latency") {
        ingest::latency(&mut results, latency).await?;
    }
    results.table();
    Ok(())
}
