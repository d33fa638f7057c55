//! What well-meaning senders feel of an attack, and what it costs the collector in memory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rig::{Options, Rig, attack};
use tokio::sync::oneshot;

use crate::http::{Amount, send};
use crate::ingest::{CONNECTIONS, PATH, median, ours, target};
use crate::results::Results;

/// Connections with half a head.
const SLOW_CONNECTIONS: usize = 2000;
/// Slices of quiet and attacked load, interleaved; medians are told.
const SLICES: usize = 5;
/// How long a slice is.
const SLICE: Duration = Duration::from_secs(10);
/// How often each attack is made.
const ROUND: Duration = Duration::from_millis(500);
/// 1,000 requests a second of 10 alerts.
const REQUESTS_PER_SECOND: u64 = 1000;

/// The p99 of healthy senders in quiet and under attack, and how much the collector's memory grew.
pub async fn run(results: &mut Results) -> Result<()> {
    const PROMISED_MEBIBYTES: f64 = 16.0;
    let rig = Rig::start(Options::default()).await?;
    let opsward = ours(&rig).await?;
    let healthy = target(&opsward, 10)?;
    let bomb = Arc::new(attack::Bomb::pack()?);
    let paced = Amount::Paced(REQUESTS_PER_SECOND, SLICE);
    send(&healthy, CONNECTIONS, paced).await?;
    let collector = opsward.role("collector")?;
    let before = collector.rss_bytes()?;
    let (mut quiet, mut attacked, mut most) = (Vec::new(), Vec::new(), before);
    for _ in 0..SLICES {
        quiet.push(send(&healthy, CONNECTIONS, paced).await?.quantile(0.99));
        let attack = Attack::start(healthy.address, Arc::clone(&bomb)).await?;
        let sent = send(&healthy, CONNECTIONS, paced).await?;
        most = most.max(collector.rss_bytes()?);
        attack.end().await?;
        attacked.push(sent.quantile(0.99));
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

/// All attacks at once, again and again, on a thread of its own: on that of the healthy senders they would wait for it,
/// and not for the collector.
struct Attack {
    end: oneshot::Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl Attack {
    /// Under way once this returns: the slow heads are there before the healthy senders are, which have to find a place
    /// among them.
    async fn start(address: SocketAddr, bomb: Arc<attack::Bomb>) -> Result<Self> {
        let (end, ended) = oneshot::channel();
        let (begin, begun) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let slow = attack::SlowHeads::open(address, PATH, SLOW_CONNECTIONS).await?;
                let _ = begin.send(());
                tokio::select! {
                    () = attack(address, &bomb, slow) => {}
                    _ = ended => {}
                }
                Ok(())
            })
        });
        begun.await.context("the attack could not begin")?;
        Ok(Self { end, thread })
    }

    async fn end(self) -> Result<()> {
        drop(self.end);
        tokio::task::spawn_blocking(|| self.thread.join())
            .await?
            .map_err(|_| anyhow!("the attack panicked"))?
    }
}

async fn attack(address: SocketAddr, bomb: &attack::Bomb, mut slow: attack::SlowHeads) {
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        let _ = tokio::join!(
            attack::announced_giant(address, PATH),
            attack::chunked_giant(address, PATH),
            bomb.send(address, PATH),
            slow.drip(),
        );
    }
}
