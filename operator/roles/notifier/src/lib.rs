//! The role notifier: tells people of incidents, in the channels that rules name. Any number may run; each task is done by one.
//!
//! It decides nothing: what is to be told is in the task (`domain::notify`), and what was told is what it writes there.

mod clock;
mod config;
mod failure;
mod metrics;
mod outgoing;
mod pagerduty;
mod secrets;
mod slack;
mod webhook;

use bus::tasks::{Does, Ended, Run, Undone, Workers};
use bus::{Bus, BusError};
use domain::notify::{Notice, Notification, Target};
use kube::Client;
use platform::{Backoff, Chain, Component, Health, Shutdown};
use prometheus_client::registry::Registry;
use tracing::{error, info, warn};

pub use self::config::{NotifierConfig, ServiceConfig};

use self::metrics::Metrics;
use self::outgoing::Outgoing;
use self::pagerduty::PagerDuty;
use self::secrets::Secrets;
use self::slack::Slack;
use self::webhook::Webhook;

/// Why the role cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum NotifierError {
    /// The HTTP client cannot be made.
    #[error("no HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

/// The role, ready to run.
#[derive(Debug)]
pub struct Notifier {
    workers: Workers<Notice, Channels>,
    health: Component,
}

impl Notifier {
    /// Prepares the role; makes no request. `name` tells this process from others; one that comes back under its old name takes up
    /// what it left at once.
    ///
    /// # Errors
    /// The machine's certificates cannot be read.
    pub fn new(
        config: &NotifierConfig,
        name: &str,
        client: Client,
        bus: Bus,
        (health, registry): (&Health, &mut Registry),
    ) -> Result<Self, NotifierError> {
        let outgoing = Outgoing::new(&config.allowed_networks)?;
        let channels = Channels {
            secrets: Secrets::new(client),
            slack: Slack::new(outgoing.clone(), &config.slack.url),
            pagerduty: PagerDuty::new(outgoing.clone(), &config.pager_duty.url),
            webhook: Webhook::new(outgoing),
            metrics: Metrics::register(registry),
        };
        Ok(Self {
            workers: Workers::new(bus, name, config.concurrency.max(1), channels),
            health: health.component("notifier"),
        })
    }

    /// Runs until shutdown; what is under way then is ended. NATS that is away is waited for.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), NotifierError> {
        let mut backoff = Backoff::default();
        loop {
            let ready = || {
                self.health.ready();
                info!("taking notifications");
            };
            let ended = self.workers.run(ready, shutdown.requested()).await;
            let Err(error) = ended else { return Ok(()) };
            self.wait_for(&error);
            tokio::select! {
                () = shutdown.requested() => return Ok(()),
                () = tokio::time::sleep(backoff.next_pause()) => {}
            }
        }
    }

    fn wait_for(&self, error: &BusError) {
        self.health
            .not_ready(format!("waiting for tasks: {}", Chain(error)));
        warn!(error = %Chain(error), "no tasks can be taken now");
    }
}

/// All channels.
struct Channels {
    secrets: Secrets,
    slack: Slack,
    pagerduty: PagerDuty,
    webhook: Webhook,
    metrics: Metrics,
}

impl Does<Notice> for Channels {
    async fn attempt(&self, run: &mut Run<Notice>) -> Result<(), Undone> {
        let target = run.task.input.target.clone();
        slack::follow(&target, &mut run.task.output);
        match &target {
            Target::Slack { channel, secret } => {
                self.slack.deliver(run, &self.secrets, (channel, secret)).await
            }
            Target::PagerDuty { secret } => self.pagerduty.deliver(run, &self.secrets, secret).await,
            Target::Webhook { url, secret } => {
                self.webhook
                    .deliver(run, &self.secrets, (url.as_deref(), secret.as_deref()))
                    .await
            }
        }
    }

    fn lane(&self, task: &Notification) -> String {
        let (namespace, target) = (&task.place.namespace, &task.input.target);
        match target {
            Target::Slack { channel, .. } => format!("{namespace} {channel}"),
            Target::PagerDuty { secret } => format!("{namespace} {secret}"),
            Target::Webhook { url, secret } => format!("{namespace} {url:?} {secret:?}"),
        }
    }

    fn ended(&self, task: &Notification, ended: &Ended) {
        let (place, kind) = (&task.place, task.input.target.kind());
        self.metrics.ended(kind, ended);
        match ended {
            Ended::Done => {}
            Ended::Retried(problem) => warn!(
                namespace = place.namespace,
                incident = place.incident,
                channel = place.slot,
                error = problem.message,
                "not told, trying again later"
            ),
            Ended::GivenUp(problem) => error!(
                namespace = place.namespace,
                incident = place.incident,
                channel = place.slot,
                error = problem.message,
                "not told, given up"
            ),
        }
    }
}
