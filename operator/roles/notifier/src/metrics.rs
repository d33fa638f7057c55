//! What the notifier counts.

use std::sync::atomic::AtomicU64;

use bus::tasks::Ended;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// A channel's kind and what became of an attempt.
type Attempt = [(&'static str, String); 2];

/// The counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    attempts: Family<Attempt, Counter<u64, AtomicU64>>,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "opsward_notifications",
            "Attempts to bring a channel of an incident up to date, by channel kind and result: Done, or why not",
            metrics.attempts.clone(),
        );
        metrics
    }

    /// Notes what became of an attempt.
    pub(crate) fn ended(&self, channel: &'static str, ended: &Ended) {
        let result = match ended {
            Ended::Done => "Done",
            Ended::Retried(problem) | Ended::GivenUp(problem) => &problem.category,
        };
        let labels = [("channel", channel.to_owned()), ("result", result.to_owned())];
        self.attempts.get_or_create(&labels).inc();
    }
}
