//! The role controller: shows incidents as OpsEvents, tells the log what people do to rules and incidents, and says
//! on each TriggerRule what the log made of it. Many may run, one acts, by a Kubernetes Lease.
//!
//! It counts nothing and ends no incident: the correlator does, and its records are what is shown. It is the only
//! writer of OpsEvents, of TriageDecisions but for their answers, and of all statuses.

mod announce;
mod budget;
mod class;
mod clock;
mod config;
mod error;
mod gate;
mod identity;
mod incidents;
mod jobs;
mod key;
mod lead;
mod metrics;
mod mirror;

mod observe;
mod pace;
mod plan;
mod rules;
#[cfg(test)]
mod samples;
mod world;
mod write;

use bus::Bus;
use kube::Client;
use platform::{Component, Health, Leadership, Lease, LeaseConfig, Shutdown, Stages};
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use tracing::info;

pub use self::clock::Clock;
pub use self::config::{ControllerConfig, LeaseName};
pub use self::error::{ControllerError, Retry, WriteError};

use self::budget::WriteBudget;
use self::identity::Policies;
use self::lead::{Leader, Tools};
use self::metrics::Metrics;

/// The role, ready to run.
pub struct Controller {
    client: Client,
    bus: Bus,
    metrics: Metrics,
    health: Component,
    lease: Lease,
    identity: String,
    /// The namespace of Opsward's own accounts.
    accounts: String,
    clock: Clock,
}

impl Controller {
    /// Prepares the role; makes no request. `client` should have kube's own retries off (`default_retry = false`):
    /// calls are tried again here, with the newest state.
    ///
    /// # Errors
    /// The configuration of the lease cannot be used.
    pub fn new(
        config: ControllerConfig,
        client: Client,
        bus: Bus,
        health: &Health,
        (registry, stages): (&mut Registry, &Stages),
    ) -> Result<Self, ControllerError> {
        let identity = config.identity;
        let accounts = config.lease.namespace.clone();
        let lease = LeaseConfig::new(config.lease.namespace, config.lease.name, identity.clone());
        let lease = Lease::new(client.clone(), lease)?;
        let (metrics, health) = (
            Metrics::register(registry, stages),
            health.component("controller"),
        );
        Ok(Self {
            client,
            bus,
            metrics,
            health,
            lease,
            identity,
            accounts,
            clock: Clock::system(),
        })
    }

    /// The same by another clock than the machine's.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Runs until shutdown. An API server or NATS that is away, kinds that are not installed and a lost lease are
    /// waited for; losing the lease ends the leading part only.
    ///
    /// # Errors
    /// A bug: a call panicked.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), ControllerError> {
        let Self {
            client,
            bus,
            metrics,
            health,
            lease,
            identity,
            accounts,
            clock,
        } = self;
        let leadership = lease.leadership();
        // A failed leading part must not leave the lease renewed by a process that does nothing with it.
        let both = shutdown.child();
        let leading = async {
            let ended = lead_by_terms(
                leadership,
                Part {
                    client,
                    bus,
                    metrics,
                    health,
                    identity,
                    accounts,
                    clock,
                },
                &both,
            )
            .await;
            both.request();
            ended
        };
        let (held, led) = tokio::join!(lease.run(both.clone()), leading);
        led?;
        Ok(held?)
    }
}

/// What every term starts from.
struct Part {
    client: Client,
    bus: Bus,
    metrics: Metrics,
    health: Component,
    identity: String,
    accounts: String,
    clock: Clock,
}

/// Leads whenever the lease is held; each term starts from nothing but the budget.
async fn lead_by_terms(
    mut leadership: Leadership,
    part: Part,
    shutdown: &Shutdown,
) -> Result<(), ControllerError> {
    let mut budget = WriteBudget::new(Instant::now());
    loop {
        if !leadership.is_leading() {
            // A standby is ready: nothing is missing that it needs for its work, which is to wait.
            part.health.ready();
        }
        tokio::select! {
            biased;
            () = shutdown.requested() => return Ok(()),
            () = leadership.acquired() => {}
        }
        part.metrics.set_leading(1);
        let (announcer, announcements) =
            announce::channel(part.client.clone(), &part.identity, part.metrics.clone());
        let tools = Tools {
            client: part.client.clone(),
            bus: part.bus.clone(),
            metrics: part.metrics.clone(),
            health: part.health.clone(),
            announcer,
            clock: part.clock.clone(),
        };
        let leader = Leader::new(tools, Policies::new(&part.accounts)?, &mut budget).run(leadership.clone());
        let ended = tokio::select! {
            biased;
            () = shutdown.requested() => Ok(()),
            () = leadership.lost() => Ok(()),
            ended = leader => ended,
            // Ends only when every announcer is dropped, and the leader holds one.
            () = announcements.run() => Ok(()),
        };
        part.metrics.set_leading(0);
        ended?;
        info!("leading ended");
    }
}
