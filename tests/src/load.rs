//! Load that can be told apart and repeated: request `n` always has the same body and the same key.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::opsward::Opsward;

/// Where load goes.
pub const PATH: &str = "/api/v1/events/webhook";

/// Requests of some events each, over some groups (hosts).
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Hosts.
    pub groups: u64,
    /// Events of one request.
    pub batch: u64,
    /// Requests under way at once.
    pub concurrency: u64,
    /// Requests a second; as fast as it goes when 0.
    pub rate: u64,
}

impl Load {
    /// The body of request `n`.
    pub fn body(self, n: u64) -> String {
        let event = |n: u64| {
            json!({"source": "load", "event_type": "threshold_breach", "severity": "high", "service": "nginx",
                   "host": format!("host-{:04}", n % self.groups), "message": "CPU usage exceeded 95%",
                   "metadata": {"cpu_usage": 97.5, "n": n}})
        };
        (0..self.batch)
            .map(|index| event(n * self.batch + index))
            .collect::<Value>()
            .to_string()
    }

    /// The key of request `n`.
    pub fn key(n: u64) -> String {
        format!("load-{n}")
    }

    /// Delivers requests `0, 1, …` until `enough` says so of the number begun; each is repeated until it is taken.
    /// Gives the ledger: how many were delivered.
    pub async fn deliver(self, opsward: &Opsward<'_>, enough: impl Fn(u64) -> bool + Sync) -> Result<u64> {
        let begun = AtomicU64::new(0);
        let started = Instant::now();
        let senders: FuturesUnordered<_> = (0..self.concurrency)
            .map(|_| async {
                loop {
                    let next = |begun| (!enough(begun)).then_some(begun + 1);
                    let Ok(n) = begun.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) else {
                        return anyhow::Ok(());
                    };
                    if let Some(micros) = (n * 1_000_000).checked_div(self.rate) {
                        tokio::time::sleep_until(started + Duration::from_micros(micros)).await;
                    }
                    opsward.deliver(PATH, &Self::key(n), &self.body(n)).await?;
                }
            })
            .collect();
        let ended: Vec<Result<()>> = senders.collect().await;
        ended.into_iter().collect::<Result<()>>()?;
        Ok(begun.into_inner())
    }
}
