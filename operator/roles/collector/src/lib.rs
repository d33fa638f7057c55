//! The collector: takes events in over HTTP, and answers once they are in the log.
//!
//! It parses, redacts, gives ids and keys, and appends. It knows no rule, counts no duplicates and keeps nothing:
//! any number of collectors can stand side by side.

mod answer;
mod auth;
mod body;
mod config;
mod gate;
mod headers;
mod keeper;
mod lane;
mod log;
mod metrics;
mod names;
mod outcome;
mod prepare;
mod probe;
mod problem;
mod queue;
mod redaction;
mod rejection;
mod room;
mod route;
mod service;
mod source;
mod tenants;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use domain::redact::{Redactor, RedactorError};
use hyper::service::service_fn;
use platform::http::{BindError, HttpServer, Limits, Peer};
use platform::outgoing::OutsideOnly;
use platform::tls::{Acceptor, TlsError};
use platform::{Health, Shutdown};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

pub use auth::SecretError;
pub use config::{
    AuthConfig, CollectorConfig, ConfigError, DEFAULT_ADDRESS, HmacConfig, HmacScheme, IngestConfig,
    NamespaceFrom, RateLimit, SnsConfig, SourceConfig,
};
pub use keeper::Reread;
pub use log::Log;
pub use names::{Namespace, SourceName, WEBHOOK_SOURCE};
pub use rejection::Rejection;
pub use source::SourcesError;

use auth::{Certificates, Connected};
use gate::Gate;
use keeper::Keeper;
use lane::{PUBLISHES, Shared};
use metrics::Metrics;
use probe::Monitoring;
use room::Room;
use service::Ingest;
use source::{Makings, Sources};

/// Time for a request's head, and how long an idle connection stays: 30 s, twice the pause between two scrapes or
/// evaluations of most senders, so that they keep their connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head: 16 KiB, a bearer token of 4 KiB beside what proxies add.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// The component's name at `/readyz`.
const COMPONENT: &str = "collector";

/// What the process gives the collector.
#[derive(Debug)]
pub struct Process<'p> {
    /// Where it says whether the log can be written.
    pub health: &'p Health,
    /// Where its metrics go.
    pub registry: &'p mut Registry,
    /// `opsward_stage_duration_seconds{stage="receive_to_ack"}`, a family that all roles share.
    pub receive_to_ack: Histogram,
    /// The server's monitoring address, such as `http://nats:8222`; empty for none, and then `fsync` is never claimed.
    pub monitoring_url: &'p str,
    /// Where the configuration is read again.
    pub reread: Reread,
}

/// Why the collector does not start, or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The configuration contradicts itself, or names secrets that cannot be read.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// The certificate cannot be used.
    #[error("ingest.tls")]
    Tls(#[from] TlsError),
    /// The client for SNS's certificates cannot be made: a defect of the build.
    #[error("the client for outgoing requests cannot be made")]
    Outgoing(#[source] reqwest::Error),
    /// The address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The monitoring address cannot be used.
    #[error("nats.monitoringUrl cannot be used")]
    Monitoring(#[source] reqwest::Error),
    /// The patterns of secrets cannot be used: a defect of the build.
    #[error(transparent)]
    Redactor(#[from] RedactorError),
    /// A part of the collector panicked.
    #[error("a part of the collector panicked")]
    Panicked(#[source] JoinError),
}

/// A collector that listens and does not answer yet.
#[derive(Debug)]
pub struct Collector {
    server: HttpServer,
    sources: Sources,
    makings: Makings,
    tls: Option<Acceptor>,
    reread: Reread,
    listening: IngestConfig,
    gate: Gate,
    monitoring: Option<Monitoring>,
    redactor: Redactor,
}

impl Collector {
    /// Checks the configuration, reads secrets and listens, so that whatever is wrong with these ends the start.
    ///
    /// # Errors
    /// All but [`CollectorError::Panicked`].
    pub async fn bind(config: &CollectorConfig, process: Process<'_>) -> Result<Self, CollectorError> {
        config.validate().map_err(SourcesError::from)?;
        let monitoring = Some(process.monitoring_url)
            .filter(|address| !address.is_empty())
            .map(Monitoring::new);
        let monitoring = monitoring.transpose().map_err(CollectorError::Monitoring)?;
        let limits = Limits {
            max_connections: config.ingest.max_connections.get() as usize,
            header_timeout: HEADER_TIMEOUT,
            max_header_bytes: MAX_HEADER_BYTES,
        };
        let tls = config.ingest.tls.as_ref().map(Acceptor::load).transpose()?;
        let mut server = HttpServer::bind(config.ingest.address, "ingest.address", limits).await?;
        if let Some(acceptor) = &tls {
            server = server.with_tls(acceptor.clone());
        }
        server.register(process.registry);
        let metrics = Metrics::register(process.registry, process.receive_to_ack);
        let certificates = Certificates::new(reqwest::Client::builder().dns_resolver(OutsideOnly))
            .map_err(CollectorError::Outgoing)?;
        let makings = Makings::new(metrics, certificates);
        let sources = makings.sources(config, &Sources::default()).await?;
        let gate = Gate::new(process.health.component(COMPONENT));
        Ok(Self {
            server,
            sources,
            makings,
            tls,
            reread: process.reread,
            listening: config.ingest.clone(),
            gate,
            monitoring,
            redactor: Redactor::new()?,
        })
    }

    /// The address it listens on, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Answers requests until shutdown; then open requests end, and what they gave to the log is published.
    ///
    /// # Errors
    /// [`CollectorError::Panicked`].
    pub async fn serve<L: Log>(self, log: L, shutdown: Shutdown) -> Result<(), CollectorError> {
        let shared = Arc::new(Shared {
            log,
            gate: self.gate,
            metrics: self.makings.metrics.clone(),
            publishes: Semaphore::new(PUBLISHES),
        });
        let ingest = Arc::new(Ingest {
            sources: RwLock::new(Arc::new(self.sources)),
            shared: Arc::clone(&shared),
            room: Arc::new(Room::default()),
            redactor: self.redactor,
        });
        // Uttered only when no request is open any more: lanes outlive the requests that wait for them.
        let closing = Shutdown::new();
        let keeper = Keeper {
            ingest: Arc::clone(&ingest),
            makings: self.makings,
            tls: self.tls,
            reread: self.reread,
            listening: self.listening,
            closing: closing.clone(),
            refused: false,
            gone: BTreeSet::new(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper.run());
        tasks.spawn(until(closing.clone(), probe::watch_log(Arc::clone(&shared))));
        if let Some(monitoring) = self.monitoring {
            tasks.spawn(until(closing.clone(), probe::watch_sync(monitoring, shared)));
        }
        let make = move |peer: Peer| {
            let (ingest, connected) = (Arc::clone(&ingest), Arc::new(Connected::from(peer)));
            service_fn(move |request| {
                let (ingest, connected) = (Arc::clone(&ingest), Arc::clone(&connected));
                async move { Ok::<_, Infallible>(ingest.answer(&connected, request).await) }
            })
        };
        let served = tokio::select! {
            Ok(()) = self.server.serve(make, shutdown) => Ok(()),
            panicked = first_panic(&mut tasks) => Err(panicked),
        };
        closing.request();
        while let Some(ended) = tasks.join_next().await {
            ended.and_then(|ended| ended).map_err(CollectorError::Panicked)?;
        }
        served
    }
}

/// Runs `task` until it ends or is no longer wanted.
async fn until(closing: Shutdown, task: impl Future<Output = ()>) -> Result<(), JoinError> {
    tokio::select! {
        () = task => {}
        () = closing.requested() => {}
    }
    Ok(())
}

/// Ends when a task panics. Tasks that end in order are done.
async fn first_panic(tasks: &mut JoinSet<Result<(), JoinError>>) -> CollectorError {
    while let Some(ended) = tasks.join_next().await {
        if let Err(panicked) = ended.and_then(|ended| ended) {
            return CollectorError::Panicked(panicked);
        }
    }
    pending().await
}

#[cfg(test)]
mod tests;
