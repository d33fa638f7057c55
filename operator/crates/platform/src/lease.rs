//! Leader election over a Kubernetes `Lease` (coordination.k8s.io/v1), by the rules of client-go.
//!
//! [`Lease::run`] is a task that tries to hold one Lease; [`Leadership`] tells the leading part of a role whether it
//! may act. Losing the lease or the API server ends leading, never the process. Two leaders at once are excluded only
//! as far as clocks run equally fast, so a leader's writes must still bear a second writer (compare-and-set,
//! idempotent applies).
//!
//! RBAC needed: `leases` get, create, update in the namespace of the lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease as LeaseObject;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::supervisor::Shutdown;

mod election;
mod leadership;

use election::{ObservedLease, Step};
pub use leadership::Leadership;

/// client-go's default `LeaseDuration`: how long a silent leader is waited for.
const DEFAULT_DURATION: Duration = Duration::from_secs(15);
/// Three renewals fit into a lease, and a settled controller costs 12 requests a minute.
const DEFAULT_RENEW_EVERY: Duration = Duration::from_secs(5);
/// One turn, of at most two requests. kube itself retries for many minutes; a turn must fail while the lease can
/// still be saved. client-go gives 5 s as well.
const TURN_TIMEOUT: Duration = Duration::from_secs(5);
/// Bounds of the pauses after an error. Short, because incidents wait while nobody leads; few processes ask.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// How long a graceful end waits for the leading part to end before the lease is given back: with
/// `RELEASE_TIMEOUT` below the supervisor's 10 s.
const HANDOVER_TIMEOUT: Duration = Duration::from_secs(6);
/// How long giving back may take; without it the standby only waits the lease out.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Which Lease to hold, as whom, and how fast.
#[derive(Debug, Clone)]
pub struct LeaseConfig {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Its name, one for each kind of leading work.
    pub name: String,
    /// Who we are; unique among processes: two with one identity would both lead. The pod's name is right.
    pub identity: String,
    /// How long a silent leader is waited for; whole seconds. A leader itself stops after two thirds of it.
    pub duration: Duration,
    /// Time between renewals, and between looks of a standby; at most a third of `duration`.
    pub renew_every: Duration,
}

impl LeaseConfig {
    /// A lease of 15 s, renewed every 5 s.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, identity: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            identity: identity.into(),
            duration: DEFAULT_DURATION,
            renew_every: DEFAULT_RENEW_EVERY,
        }
    }

    /// How long a leader acts after its last renewal; the rest of `duration` is for its last calls to end and for
    /// clocks that do not run equally fast.
    fn lead_for(&self) -> Duration {
        self.duration * 2 / 3
    }
}

/// Why a lease cannot be held at all, or not now.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The configuration makes no sense.
    #[error("lease {name}: {reason}")]
    Config {
        /// Name of the Lease.
        name: String,
        /// What is wrong and what would be right.
        reason: &'static str,
    },
    /// The API server refused or was not reached.
    #[error("the Kubernetes API server did not serve the Lease")]
    Api(#[source] Box<kube::Error>),
    /// The API server did not answer.
    #[error("the Kubernetes API server did not answer in time")]
    Timeout,
}

impl From<kube::Error> for LeaseError {
    fn from(error: kube::Error) -> Self {
        Self::Api(Box::new(error))
    }
}

/// One process's part in the election for one Lease.
pub struct Lease {
    api: Api<LeaseObject>,
    config: LeaseConfig,
    leading_until: watch::Sender<Option<Instant>>,
    /// What we wrote last, to be renewed without reading it first; taken away by each turn, put back by success.
    written: Option<LeaseObject>,
    observed: Option<ObservedLease>,
    backoff: Backoff,
    /// Text of the error that lasts, so that it is logged once.
    failing: Option<String>,
}

impl Lease {
    /// Prepares; no request is made before [`Lease::run`].
    pub fn new(client: Client, config: LeaseConfig) -> Result<Self, LeaseError> {
        let refused = |reason| {
            Err(LeaseError::Config {
                name: config.name.clone(),
                reason,
            })
        };
        if config.identity.is_empty() {
            return refused("the identity is empty; use the pod's name");
        }
        if config.duration.subsec_nanos() != 0 || !(1..=3600).contains(&config.duration.as_secs()) {
            return refused("the duration must be whole seconds, from 1 to 3600");
        }
        if config.renew_every.is_zero() || config.renew_every * 3 > config.duration {
            return refused("it must be renewed at least three times in its duration");
        }
        Ok(Self {
            api: Api::namespaced(client, &config.namespace),
            config,
            leading_until: watch::Sender::new(None),
            written: None,
            observed: None,
            backoff: Backoff::new(RETRY_MIN, RETRY_MAX),
            failing: None,
        })
    }

    /// A view for the leading part of the role; take as many as needed before [`Lease::run`].
    pub fn leadership(&self) -> Leadership {
        Leadership::new(self.leading_until.subscribe())
    }

    /// Tries to hold the lease until shutdown; never fails before.
    ///
    /// Then leading ends at once, and the lease is given back as soon as every [`Leadership`] is dropped (waited for
    /// up to 6 s), so that a standby takes over without waiting.
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), LeaseError> {
        while !shutdown.is_requested() {
            tokio::select! {
                biased;
                () = shutdown.requested() => {}
                () = async { let pause = self.turn().await; sleep(pause).await } => {}
            }
        }
        self.set_leading(None);
        // A leading part that does not end in time overlaps with its successor; the writes must bear it anyway.
        let _ = timeout(HANDOVER_TIMEOUT, self.leading_until.closed()).await;
        if let Err(error) = within(RELEASE_TIMEOUT, self.release()).await {
            info!(lease = self.config.name, error = %Chain(&error), "lease not given back; it runs out");
        }
        Ok(())
    }

    /// One look and at most one write; returns the pause before the next.
    async fn turn(&mut self) -> Duration {
        let started = Instant::now();
        let leading_until = (*self.leading_until.borrow()).filter(|until| started < *until);
        if leading_until.is_none() {
            self.set_leading(None);
        }
        let allowed = leading_until.map_or(TURN_TIMEOUT, |until| TURN_TIMEOUT.min(until - started));
        match within(allowed, self.attempt(started)).await {
            Ok(pause) => {
                self.backoff.reset();
                if self.failing.take().is_some() {
                    info!(lease = self.config.name, "the Lease is served again");
                }
                pause
            }
            Err(error) => {
                self.note(&error);
                self.backoff.next_pause()
            }
        }
    }

    async fn attempt(&mut self, started: Instant) -> Result<Duration, LeaseError> {
        let current = match self.written.take() {
            Some(written) => Some(written),
            None => self.api.get_opt(&self.config.name).await?,
        };
        let now = Instant::now();
        let previous = self.observed.take();
        self.observed = current
            .as_ref()
            .map(|lease| ObservedLease::observe(previous, lease, self.config.duration, now));
        let step = election::decide(self.observed.as_ref(), &self.config.identity, now);
        if let Step::Wait(left) = step {
            self.set_leading(None);
            return Ok(left.min(self.config.renew_every));
        }
        let wanted = election::claimed(current, &self.config, Timestamp::now());
        let params = PostParams::default();
        let written = match step {
            Step::Create => self.api.create(&params, &wanted).await,
            _ => self.api.replace(&self.config.name, &params, &wanted).await,
        };
        match written {
            Ok(written) => {
                self.written = Some(written);
                // Counted from before the request: the others cannot have seen the renewal earlier.
                self.set_leading(Some(started + self.config.lead_for()));
                Ok(self.config.renew_every)
            }
            // Somebody was faster. What is true now, the next turn reads; `leading_until` still bounds us.
            Err(kube::Error::Api(status))
                if status.is_conflict() || status.is_already_exists() || status.is_not_found() =>
            {
                Ok(RETRY_MIN)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads anew, because shutdown may have cut off a renewal of unknown result.
    async fn release(&mut self) -> Result<(), LeaseError> {
        let Some(current) = self.api.get_opt(&self.config.name).await? else {
            return Ok(());
        };
        if let Some(free) = election::released(current, &self.config.identity, Timestamp::now()) {
            self.api
                .replace(&self.config.name, &PostParams::default(), &free)
                .await?;
            info!(lease = self.config.name, "lease given back");
        }
        Ok(())
    }

    fn set_leading(&self, until: Option<Instant>) {
        let before = self.leading_until.send_replace(until);
        let (lease, identity) = (&self.config.name, &self.config.identity);
        match (before, until) {
            (None, Some(_)) => info!(lease, identity, "leading"),
            (Some(_), None) => info!(lease, identity, "not leading any more"),
            _ => {}
        }
    }

    /// Logs an error when it is another than before.
    fn note(&mut self, error: &LeaseError) {
        let text = Chain(error).to_string();
        if self.failing.as_ref() != Some(&text) {
            warn!(
                lease = self.config.name,
                error = text,
                "cannot renew or read the Lease; trying again"
            );
            self.failing = Some(text);
        }
    }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, LeaseError>>,
) -> Result<T, LeaseError> {
    timeout(limit, call).await.unwrap_or(Err(LeaseError::Timeout))
}

#[cfg(test)]
mod tests;
