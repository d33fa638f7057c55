//! Keeps the sources in force as their configuration and their secrets on disk are: reads them again every few seconds,
//! puts a good change in force, and refuses a bad one by name while the one before goes on. Runs the lanes too, since
//! new namespaces bring new ones.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use platform::tls::Acceptor;
use platform::{Chain, Shutdown};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use crate::config::{CollectorConfig, ConfigError, IngestConfig};
use crate::lane::Shared;
use crate::log::Log;
use crate::names::Namespace;
use crate::probe;
use crate::service::Ingest;
use crate::source::{Makings, Sources};

/// How often files are read: 5 s. The kubelet takes a minute to write a changed Secret; a person who edits a file
/// by hand waits.
const EVERY: Duration = Duration::from_secs(5);

/// Where a configuration comes from again.
pub struct Reread(Box<Read>);

type Read = dyn FnMut() -> Option<Result<CollectorConfig, String>> + Send + Sync;

impl Reread {
    /// `read` gives the configuration when it differs from the one that it gave last, or what is wrong with it: a text
    /// that names file, field and line.
    pub fn new(
        read: impl FnMut() -> Option<Result<CollectorConfig, String>> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(read))
    }

    /// What has changed since it was last asked.
    pub fn changed(&mut self) -> Option<Result<CollectorConfig, String>> {
        (self.0)()
    }

    /// A configuration that does not change.
    pub fn never() -> Self {
        Self::new(|| None)
    }
}

impl fmt::Debug for Reread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reread(…)")
    }
}

/// The keeper's state.
pub(crate) struct Keeper<L> {
    pub(crate) ingest: Arc<Ingest<L>>,
    pub(crate) makings: Makings,
    pub(crate) tls: Option<Acceptor>,
    pub(crate) reread: Reread,
    /// What cannot change while the process runs.
    pub(crate) listening: IngestConfig,
    pub(crate) closing: Shutdown,
    /// Whether the configuration on disk was refused.
    pub(crate) refused: bool,
    /// The sources that other roles must not believe in any more.
    pub(crate) gone: BTreeSet<String>,
}

/// A configuration that waits to be put in force, such as for a secret that is not there yet.
struct Waiting {
    config: CollectorConfig,
    problem: String,
}

impl<L: Log> Keeper<L> {
    /// Runs the lanes and keeps the sources until closing; then waits until the lanes are empty.
    ///
    /// # Errors
    /// A lane panicked.
    pub(crate) async fn run(mut self) -> Result<(), JoinError> {
        let mut lanes = JoinSet::new();
        let mut running = HashSet::new();
        let mut announcing = JoinSet::new();
        let shared = Arc::clone(&self.ingest.shared);
        self.start(&mut lanes, &mut running);
        announcing.spawn(probe::announce(self.ingest.sources(), Arc::clone(&shared)));
        let mut turns = interval(EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        turns.tick().await;
        let mut waiting = None;
        loop {
            tokio::select! {
                () = self.closing.requested() => break,
                Some(ended) = lanes.join_next() => ended?,
                _ = turns.tick() => {
                    if let Some(before) = self.turn(&mut waiting).await {
                        self.start(&mut lanes, &mut running);
                        let now = self.ingest.sources();
                        self.gone.extend(before.iter().map(|source| source.name.to_string()));
                        self.gone.retain(|name| now.get(name).is_none());
                        announcing.abort_all();
                        announcing.spawn(probe::replace(self.gone.clone(), now, Arc::clone(&shared)));
                    }
                }
            }
        }
        while let Some(ended) = lanes.join_next().await {
            ended?;
        }
        Ok(())
    }

    /// Starts the lanes that do not run yet.
    fn start(&self, lanes: &mut JoinSet<()>, running: &mut HashSet<Namespace>) {
        for lane in self.makings.lanes() {
            if running.insert(lane.namespace().clone()) {
                lanes.spawn(lane.run(
                    Arc::clone(&self.ingest.shared) as Arc<Shared<L>>,
                    self.closing.clone(),
                ));
            }
        }
    }

    /// Reads everything once; gives the sources that were in force before, if others are now.
    async fn turn(&mut self, waiting: &mut Option<Waiting>) -> Option<Arc<Sources>> {
        let readable = self.reload_certificates() & self.reload_secrets().await;
        let Some((mut config, problem)) = self.due(waiting) else {
            let refused = self.refused || !readable;
            self.makings.metrics.configuration_refused.set(refused.into());
            return None;
        };
        let asked = config.ingest.clone();
        // Judged by how this process listens: certificates that nobody is asked for would keep everybody out.
        config.ingest = IngestConfig {
            trusted_proxies: asked.trusted_proxies.clone(),
            ..self.listening.clone()
        };
        let before = self.ingest.sources();
        let made = match refuse_none(&config, &before) {
            Ok(()) => self.makings.sources(&config, &before).await,
            Err(error) => Err(error.into()),
        };
        match made {
            Ok(sources) => {
                self.tell_what_needs_a_restart(&asked);
                self.refused = false;
                self.makings.metrics.configuration_refused.set(0);
                info!(sources = sources.iter().count(), "changed configuration in force");
                self.ingest.replace_sources(Arc::new(sources));
                Some(before)
            }
            Err(error) => {
                let said = Chain(&error).to_string();
                if said != problem {
                    self.refuse(&said);
                    self.tell_what_needs_a_restart(&asked);
                }
                self.makings.metrics.configuration_refused.set(1);
                config.ingest = asked;
                *waiting = Some(Waiting {
                    config,
                    problem: said,
                });
                None
            }
        }
    }

    /// The configuration to be put in force: a changed one, or one that waits, with why it does.
    fn due(&mut self, waiting: &mut Option<Waiting>) -> Option<(CollectorConfig, String)> {
        match self.reread.changed() {
            None => waiting.take().map(|known| (known.config, known.problem)),
            Some(Ok(config)) => Some((config, String::new())),
            Some(Err(problem)) => {
                self.refuse(&problem);
                *waiting = None;
                None
            }
        }
    }

    fn refuse(&mut self, problem: &str) {
        error!(%problem, "the changed configuration is refused; the one before stays in force");
        self.refused = true;
    }

    /// Whether the certificate on disk can be used.
    fn reload_certificates(&self) -> bool {
        let Some(Err(error)) = self.tls.as_ref().map(Acceptor::reload) else {
            return true;
        };
        warn!(error = %Chain(&error), "cannot read the certificate again; the known one stays");
        false
    }

    /// Whether all secrets on disk can be used.
    async fn reload_secrets(&self) -> bool {
        let mut readable = true;
        for source in self.ingest.sources().iter() {
            if let Err(error) = source.auth.reload().await {
                warn!(error = %Chain(&error), source = %source.name, "cannot read secrets again; the known ones stay");
                readable = false;
            }
        }
        readable
    }

    fn tell_what_needs_a_restart(&self, config: &IngestConfig) {
        let (now, then) = (&self.listening, config);
        if (now.address, now.max_connections, &now.tls) != (then.address, then.max_connections, &then.tls) {
            warn!(
                "ingest.address, maxConnections and tls changed on disk; they are read at start only: restart"
            );
        }
    }
}

/// A file that lost its list reads as one without sources, and the source that is there then asks for no credential.
fn refuse_none(config: &CollectorConfig, before: &Sources) -> Result<(), ConfigError> {
    if config.sources.is_empty() && before.are_configured {
        let problem = "none are left; list at least one, or restart to go on without";
        return Err(ConfigError::new("sources", problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
