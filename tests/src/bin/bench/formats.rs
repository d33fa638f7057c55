//! Each format's own cost: its built-in sample, again and again, through a real collector into the real log.

use std::time::Duration;

use anyhow::Result;
use formats::Format;
use rig::opsward::path_of;
use rig::{Opsward, Options, Rig};

use crate::http::{Amount, Target, send};
use crate::ingest::{CONNECTIONS, address};
use crate::results::Results;

/// How long each format is sent.
const ROUND: Duration = Duration::from_secs(4);

/// Events per CPU-second of the collector, by format; the peer is `webhook`, one event a request like most.
pub async fn run(results: &mut Results) -> Result<()> {
    let rig = Rig::start(Options::default()).await?;
    let opsward = Opsward::start(&rig).await?;
    let mut webhook = None;
    for format in Format::ALL {
        let sample = formats::sample(format);
        let path = path_of(format);
        let url = opsward.url(&path);
        let target = Target::with_headers(address(&url)?, &path, sample.headers, &[sample.body.to_vec()]);
        let items = accepted(&opsward).await?;
        let cpu = opsward.role("collector")?.cpu_seconds()?;
        send(&target, CONNECTIONS, Amount::For(ROUND)).await?;
        let cpu = opsward.role("collector")?.cpu_seconds()? - cpu;
        let rate = (accepted(&opsward).await? - items) / cpu;
        let peer = *webhook.get_or_insert(rate);
        let name = format!("format-{}", format.name());
        results.add(
            &name,
            rate,
            Some(peer),
            "events per CPU-second of the collector, peer: webhook",
        )?;
    }
    Ok(())
}

/// Items accepted so far, of all sources.
async fn accepted(opsward: &Opsward<'_>) -> Result<f64> {
    let metrics = opsward.metrics("collector").await?;
    let of =
        |name: &str| name.starts_with("opsward_ingest_items_total{") && name.contains("outcome=\"Accepted\"");
    Ok(metrics
        .iter()
        .filter(|(name, _)| of(name))
        .map(|(_, count)| count)
        .sum())
}
