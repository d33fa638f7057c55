//! What the collector does beside answering: look at the log, ask how NATS writes, announce its sources. Each is a loop that survives whatever it asks and may be dropped at any moment.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bus::SourceRecord;
use platform::{Backoff, Chain};
use serde::Deserialize;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tracing::{info, warn};

use crate::gate::Sync;
use crate::lane::Shared;
use crate::log::Log;
use crate::source::Sources;

/// How often the log is looked at: 2 s; at 10,000 events of 1 KiB a second the last tenth of a log of
/// 1 GiB takes 10 s to fill.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often while it cannot be written: senders wait for it to come back.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How often the server's configuration is looked at: 30 s.
const CONFIGURATION_EVERY: Duration = Duration::from_secs(30);
/// Pauses between attempts to announce sources: 1 s to 5 s. Until they are known no rule can be told `Ineffective`.
const ANNOUNCE_PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// How long the monitoring page may take: 5 s, as every call to NATS.
const MONITORING_TIMEOUT: Duration = Duration::from_secs(5);

/// Looks at the log.
pub(crate) async fn watch_log<L: Log>(shared: Arc<Shared<L>>) {
    loop {
        if shared.log.is_connected() {
            shared.gate.looked(&shared.log.state().await);
        } else {
            // Known at once; the call would take its whole time-out.
            shared.gate.disconnected();
        }
        sleep(if shared.gate.check().is_ok() {
            LOOK_EVERY
        } else {
            LOOK_AGAIN
        })
        .await;
    }
}

fn every(pause: Duration) -> Interval {
    let mut turns = interval(pause);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}

/// The server's monitoring page, `http://host:8222`.
#[derive(Debug)]
pub(crate) struct Monitoring {
    client: reqwest::Client,
    page: String,
}

/// What is read of `/jsz` (nats-server, `monitor.go`: `JSInfo`).
#[derive(Debug, Deserialize)]
struct JetStreamPage {
    #[serde(default)]
    config: JetStreamConfig,
    meta_cluster: Option<MetaCluster>,
}

#[derive(Debug, Default, Deserialize)]
struct JetStreamConfig {
    #[serde(default)]
    sync_always: bool,
}

#[derive(Debug, Deserialize)]
struct MetaCluster {
    #[serde(default)]
    cluster_size: usize,
}

impl Monitoring {
    /// For the server at `address`, such as `http://nats:8222`.
    pub(crate) fn new(address: &str) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(MONITORING_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self {
            client,
            page: format!("{}/jsz", address.trim_end_matches('/')),
        })
    }

    async fn ask(&self) -> Result<Sync, reqwest::Error> {
        let page = self
            .client
            .get(&self.page)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        Ok(judge(&page))
    }
}

/// In a cluster the page tells of one server, and the log may lie on another.
fn judge(page: &JetStreamPage) -> Sync {
    let alone = page
        .meta_cluster
        .as_ref()
        .is_none_or(|cluster| cluster.cluster_size <= 1);
    if page.config.sync_always && alone {
        Sync::Always
    } else {
        Sync::Unconfirmed
    }
}

/// Asks the server whether it syncs every write.
pub(crate) async fn watch_sync<L: Log>(monitoring: Monitoring, shared: Arc<Shared<L>>) {
    let mut turns = every(CONFIGURATION_EVERY);
    let mut reached = true;
    loop {
        turns.tick().await;
        let sync = monitoring.ask().await;
        if let Err(error) = &sync
            && reached
        {
            warn!(error = %Chain(error), page = monitoring.page, "NATS monitoring does not answer; fsync is not claimed");
        }
        reached = sync.is_ok();
        shared.gate.looked_at_sync(sync.unwrap_or_default());
    }
}

/// Tells the other roles of the sources, until all are told.
pub(crate) async fn announce<L: Log>(sources: Arc<Sources>, shared: Arc<Shared<L>>) {
    tell(
        sources
            .iter()
            .map(|source| Told::There(source.record()))
            .collect(),
        &shared,
    )
    .await;
}

/// Tells them which sources are gone, and which there are now.
pub(crate) async fn replace<L: Log>(gone: BTreeSet<String>, now: Arc<Sources>, shared: Arc<Shared<L>>) {
    let there = now.iter().map(|source| Told::There(source.record()));
    tell(gone.into_iter().map(Told::Gone).chain(there).collect(), &shared).await;
}

/// What is told of a source.
enum Told {
    There(SourceRecord),
    Gone(String),
}

async fn tell<L: Log>(mut open: Vec<Told>, shared: &Shared<L>) {
    let mut backoff = Backoff::new(ANNOUNCE_PAUSES.0, ANNOUNCE_PAUSES.1);
    loop {
        let mut failed = Vec::new();
        for told in open {
            let result = match &told {
                Told::There(record) => shared.log.announce(record).await,
                Told::Gone(name) => shared.log.forget(name).await,
            };
            if let Err(error) = result {
                if failed.is_empty() {
                    warn!(error = %Chain(&error), "cannot announce a source; trying again");
                }
                failed.push(told);
            }
        }
        if failed.is_empty() {
            info!("sources announced");
            return;
        }
        open = failed;
        sleep(backoff.next_pause()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_server_that_says_so_syncs_every_write() {
        for (page, expected) in [
            (
                r#"{"config":{"sync_always":true,"sync_interval":1}}"#,
                Sync::Always,
            ),
            (
                r#"{"config":{"sync_always":true},"meta_cluster":{"cluster_size":1}}"#,
                Sync::Always,
            ),
            (
                r#"{"config":{"sync_always":true},"meta_cluster":{"cluster_size":3}}"#,
                Sync::Unconfirmed,
            ),
            (r#"{"config":{"sync_interval":120000000000}}"#, Sync::Unconfirmed),
            (r#"{"disabled":true}"#, Sync::Unconfirmed),
        ] {
            assert_eq!(judge(&serde_json::from_str(page).unwrap()), expected, "{page}");
        }
    }
}
