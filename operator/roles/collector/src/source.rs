//! The configured sources as a request finds them: by name, with everything made that can be made before.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bus::SourceRecord;
use formats::Format;
use governor::clock::{Clock, DefaultClock};
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::auth::{Auth, TokenError};
use crate::config::{CollectorConfig, RateLimit, SourceConfig};
use crate::lane::Lane;
use crate::metrics::{Metrics, SourceCounts};
use crate::names::{Namespace, SourceName};

/// One source.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its name.
    pub(crate) name: SourceName,
    /// Its language.
    pub(crate) format: Format,
    /// Its tenant.
    pub(crate) namespace: Namespace,
    /// Who may send.
    pub(crate) auth: Auth,
    /// What became of its items.
    pub(crate) counts: Arc<SourceCounts>,
    /// Its namespace's way into the log, shared with the namespace's other sources.
    pub(crate) lane: Arc<Lane>,
    bucket: Bucket,
}

/// All sources and the lanes behind them.
#[derive(Debug)]
pub(crate) struct Sources {
    by_name: HashMap<Box<str>, Arc<Source>>,
    /// One a namespace.
    pub(crate) lanes: Vec<Arc<Lane>>,
}

impl Sources {
    /// Makes the configured sources; reads their token files. An error comes with the source's name.
    pub(crate) async fn load(
        config: &CollectorConfig,
        metrics: &Metrics,
    ) -> Result<Self, (SourceName, TokenError)> {
        let mut lanes: HashMap<Namespace, Arc<Lane>> = HashMap::new();
        let mut by_name = HashMap::new();
        for SourceConfig {
            name,
            format,
            namespace,
            auth,
            rate_limit,
        } in config.effective_sources()
        {
            let lane = lanes
                .entry(namespace.clone())
                .or_insert_with(|| Arc::new(Lane::new(namespace.clone())));
            let source = Source {
                auth: Auth::load(auth.as_ref())
                    .await
                    .map_err(|error| (name.clone(), error))?,
                counts: Arc::new(metrics.of_source(name.as_str(), format.name())),
                lane: Arc::clone(lane),
                bucket: Bucket::new(rate_limit),
                name,
                format,
                namespace,
            };
            by_name.insert(source.name.as_str().into(), Arc::new(source));
        }
        Ok(Self {
            by_name,
            lanes: lanes.into_values().collect(),
        })
    }

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
    /// Takes one request out of the token bucket; an error says how long until the next.
    pub(crate) fn take_one(&self) -> Result<(), Duration> {
        self.bucket.take_one()
    }

    /// What other roles are told of it.
    pub(crate) fn record(&self) -> SourceRecord {
        SourceRecord {
            name: self.name.to_string(),
            namespace: self.namespace.to_string(),
            format: self.format.name().to_owned(),
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
