//! What well-meaning senders feel of an attack, and what it costs the collector in memory.

use std::time::Duration;

use anyhow::Result;
use rig::{Options, Rig, attack};

use crate::http::{Amount, Target, send};
use crate::ingest::{CONNECTIONS, PATH, median, ours, target};
use crate::results::Results;

/// Connections with half a head.
const SLOW_CONNECTIONS: usize = 2000;
/// Slices of quiet and attacked load, interleaved; medians are told.
const SLICES: usize = 5;
/// How long a slice is.
const SLICE: Duration = Duration::from_secs(10);
/// 1,000 requests a second of 10 alerts.
const REQUESTS_PER_SECOND: u64 = 1000;

/// The p99 of healthy senders in quiet and under attack, and how much the collector's memory grew.
pub async fn run(results: &mut Results) -> Result<()> {
    const PROMISED_MEBIBYTES: f64 = 16.0;
    let rig = Rig::start(Options::default()).await?;
    let opsward = ours(&rig).await?;
    let healthy = target(&opsward, 10)?;
    let paced = Amount::Paced(REQUESTS_PER_SECOND, SLICE);
    send(&healthy, CONNECTIONS, paced).await?;
    let before = opsward.role("collector")?.rss_bytes()?;
    let (mut quiet, mut attacked, mut most) = (Vec::new(), Vec::new(), before);
    for _ in 0..SLICES {
        quiet.push(send(&healthy, CONNECTIONS, paced).await?.quantile(0.99));
        // There before the healthy senders are: these have to find a place among them.
        let slow = attack::SlowHeads::open(healthy.address, PATH, SLOW_CONNECTIONS).await?;
        let attack = attack(&healthy, slow);
        let under = async {
            let sent = send(&healthy, CONNECTIONS, paced).await?;
            anyhow::Ok((sent, opsward.role("collector")?.rss_bytes()?))
        };
        let (sent, rss) = tokio::select! {
            under = under => under?,
            ended = attack => anyhow::bail!("the attack ended: {ended:?}"),
        };
        attacked.push(sent.quantile(0.99));
        most = most.max(rss);
    }
    results.add(
        "hostile-p99",
        median(&mut attacked),
        Some(median(&mut quiet)),
        "ms of healthy senders under attack, peer: in quiet; lower is better",
    )?;
    results.add(
        "hostile-rss-growth",
        most.saturating_sub(before) as f64 / f64::from(1 << 20),
        Some(PROMISED_MEBIBYTES),
        "MiB, peer: promised; lower is better",
    )
}

/// All attacks at once, again and again.
async fn attack(target: &Target, mut slow: attack::SlowHeads) -> Result<()> {
    let address = target.address;
    loop {
        let _ = tokio::join!(
            attack::announced_giant(address, PATH),
            attack::chunked_giant(address, PATH),
            attack::bomb(address, PATH),
            slow.drip(),
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
