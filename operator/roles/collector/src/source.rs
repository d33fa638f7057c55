//! The configured sources as a request finds them: by name, with everything made that can be made before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::SourceRecord;
use formats::{Format, Reader};
use governor::clock::{Clock, DefaultClock};
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use ipnet::IpNet;

use crate::auth::{Auth, Certificates, SecretError};
use crate::config::{CollectorConfig, ConfigError, RateLimit, SourceConfig};
use crate::lane::Lane;
use crate::metrics::{Metrics, SourceCounts};
use crate::names::{Namespace, SourceName};
use crate::problem::Problem;
use crate::tenants::Tenants;

/// One source.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its name.
    pub(crate) name: SourceName,
    /// How its bodies are read.
    pub(crate) reader: Reader,
    /// Its tenants.
    pub(crate) tenants: Tenants,
    /// Who may send.
    pub(crate) auth: Auth,
    /// What became of its items.
    pub(crate) counts: Arc<SourceCounts>,
    /// Its namespaces' ways into the log, in their order, shared with the namespaces' other sources.
    pub(crate) lanes: Vec<Arc<Lane>>,
    rate_limit: RateLimit,
    bucket: Arc<Bucket>,
}

/// Why a configuration cannot be put in force.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// It contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A source's secret cannot be read.
    #[error("the secrets of source {name}")]
    Secret {
        /// The source.
        name: SourceName,
        /// Why not.
        #[source]
        source: SecretError,
    },
}

/// All sources of one configuration.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    by_name: HashMap<Box<str>, Arc<Source>>,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) proxies: Vec<IpNet>,
    /// Whether somebody wrote them, or they are what is there without configuration.
    pub(crate) are_configured: bool,
}

/// What sources are made of, whatever configuration is in force.
#[derive(Debug)]
pub(crate) struct Makings {
    pub(crate) metrics: Metrics,
    pub(crate) certificates: Arc<Certificates>,
    lanes: Mutex<HashMap<Namespace, Arc<Lane>>>,
}

impl Makings {
    pub(crate) fn new(metrics: Metrics, certificates: Certificates) -> Self {
        Self {
            metrics,
            certificates: Arc::new(certificates),
            lanes: Mutex::default(),
        }
    }

    /// Makes the sources of a configuration, and reads their secrets. What goes on unchanged since `before` keeps its
    /// place in its rate limit.
    pub(crate) async fn sources(
        &self,
        config: &CollectorConfig,
        before: &Sources,
    ) -> Result<Sources, SourcesError> {
        config.validate()?;
        let mut by_name = HashMap::new();
        for config in config.effective_sources() {
            let source = self.source(config, before).await?;
            by_name.insert(source.name.as_str().into(), Arc::new(source));
        }
        Ok(Sources {
            by_name,
            proxies: config.ingest.trusted_proxies.clone(),
            are_configured: !config.sources.is_empty(),
        })
    }

    async fn source(&self, config: SourceConfig, before: &Sources) -> Result<Source, SourcesError> {
        let reader = config.reader().map_err(|error| {
            ConfigError::new(format!("source {}: {}", config.name, error.field), error.problem)
        })?;
        let auth = Auth::load(config.auth.as_ref(), config.format, &self.certificates).await;
        let auth = auth.map_err(|source| SourcesError::Secret {
            name: config.name.clone(),
            source,
        })?;
        let tenants = Tenants::of(&config);
        let known = before
            .get(config.name.as_str())
            .filter(|known| known.rate_limit == config.rate_limit);
        Ok(Source {
            reader,
            auth,
            counts: Arc::new(self.metrics.of_source(config.name.as_str(), config.format.name())),
            lanes: tenants.namespaces().iter().map(|name| self.lane(name)).collect(),
            tenants,
            rate_limit: config.rate_limit,
            bucket: known.map_or_else(
                || Arc::new(Bucket::new(config.rate_limit)),
                |known| Arc::clone(&known.bucket),
            ),
            name: config.name,
        })
    }

    /// The lane of a namespace: one for good, since events of one namespace are published one pack at a time.
    fn lane(&self, namespace: &Namespace) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes
            .entry(namespace.clone())
            .or_insert_with(|| Arc::new(Lane::new(namespace.clone())));
        Arc::clone(lane)
    }

    /// All lanes that there are.
    pub(crate) fn lanes(&self) -> Vec<Arc<Lane>> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.values().cloned().collect()
    }
}

impl Sources {
    /// The source of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Source>> {
        self.by_name.get(name)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.by_name.values()
    }
}

impl Source {
    /// Its language.
    pub(crate) const fn format(&self) -> Format {
        self.reader.format()
    }

    /// Takes one request out of the token bucket; the problem says how long until the next.
    pub(crate) fn take_one(&self) -> Result<(), Problem> {
        let problem = |wait| match self.format() {
            // They send again what is answered 5xx, and drop what is answered 4xx.
            Format::Alertmanager | Format::Grafana => Problem::Throttled { wait },
            _ => Problem::RateLimited { wait },
        };
        self.bucket.take_one().map_err(problem)
    }

    /// What other roles are told of it.
    pub(crate) fn record(&self) -> SourceRecord {
        SourceRecord {
            name: self.name.to_string(),
            namespaces: self
                .tenants
                .namespaces()
                .iter()
                .map(ToString::to_string)
                .collect(),
            format: self.format().name().to_owned(),
        }
    }
}

/// A token bucket.
#[derive(Debug)]
struct Bucket(RateLimiter<NotKeyed, InMemoryState, DefaultClock>);

impl Bucket {
    fn new(limit: RateLimit) -> Self {
        Self(RateLimiter::direct(
            Quota::per_second(limit.per_second).allow_burst(limit.burst),
        ))
    }

    fn take_one(&self) -> Result<(), Duration> {
        self.0
            .check()
            .map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_says_how_long() {
        let bucket = Bucket::new(RateLimit {
            per_second: NonZeroU32::MIN,
            burst: NonZeroU32::new(3).unwrap(),
        });
        for _ in 0..3 {
            bucket.take_one().unwrap();
        }
        let wait = bucket.take_one().unwrap_err();
        assert!(
            wait <= Duration::from_secs(1) && wait > Duration::from_millis(500),
            "{wait:?}"
        );
    }
}
