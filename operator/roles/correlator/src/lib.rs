//! The correlator: folds the log into incident records. One leads, others stand by cold; two at once do no
//! harm. Knows nothing of Kubernetes or HTTP; what it decides is in `domain::correlate`.

mod dead;
pub mod entry;
pub mod fold;
mod lead;
mod lease;
pub mod metrics;
mod recover;
pub mod schedule;
mod writer;

use bus::{Bus, BusConfig, Role};
use platform::{Backoff, Component, Shutdown};
use tracing::{info, warn};

pub use lead::LeadError;
use metrics::Metrics;

/// Runs the correlator until `shutdown`. Whatever goes wrong on NATS ends leading, not the process. `me` tells
/// this process from other correlators; one that comes back under its old name leads again at once.
///
/// # Errors
/// The configuration cannot be used, or the state was written by another version of Opsward.
pub async fn run(
    me: String,
    config: BusConfig,
    health: Component,
    metrics: Metrics,
    shutdown: Shutdown,
) -> Result<(), LeadError> {
    let mut backoff = Backoff::default();
    loop {
        let turn = turn(&config, &health, &metrics, (&me, &shutdown));
        let ended = tokio::select! {
            ended = turn => ended,
            () = stopped_while_waiting(&shutdown, &metrics) => return Ok(()),
        };
        metrics.leads(false);
        match ended {
            Ok(()) if shutdown.is_requested() => return Ok(()),
            Ok(()) => backoff.reset(),
            Err(LeadError::Bus(error)) if !error.retry() => return Err(error.into()),
            Err(
                error @ (LeadError::Recover(recover::RecoverError::Checkpoint(_)) | LeadError::Checkpoint(_)),
            ) => {
                return Err(error);
            }
            Err(error) => {
                health.not_ready(error.to_string());
                warn!(%error, "not leading; starting over from the checkpoint");
            }
        }
        tokio::select! {
            () = shutdown.requested() => return Ok(()),
            () = tokio::time::sleep(backoff.next_pause()) => {}
        }
    }
}

/// Resolves when the process is to end while nothing is led; a leader ends by itself after writing.
async fn stopped_while_waiting(shutdown: &Shutdown, metrics: &Metrics) {
    shutdown.requested().await;
    if metrics.is_leading() {
        std::future::pending::<()>().await;
    }
}

async fn turn(
    config: &BusConfig,
    health: &Component,
    metrics: &Metrics,
    (me, shutdown): (&str, &Shutdown),
) -> Result<(), LeadError> {
    let bus = Bus::connect(config, Some(Role::Correlator)).await?;
    bus.provision(config).await?;
    let store = bus.checkpoints().await?;
    health.ready();
    let revision = lease::acquire(&store, me).await?;
    info!("leading");
    metrics.leads(true);
    let led = tokio::select! {
        led = lead::lead(&bus, &store, metrics, shutdown) => led,
        lost = lease::keep(&store, me, revision) => Err(lost.into()),
    };
    if let Err(error) = lease::release(&store, me).await {
        warn!(%error, "the lease could not be given back; it runs out by itself");
    }
    led
}
