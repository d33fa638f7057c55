//! The correlator's metrics.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use domain::correlate::effect::{Outcome, Totals};
use platform::Stages;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

/// What the correlator says of itself.
#[derive(Clone, Debug)]
pub struct Metrics {
    events: Family<OutcomeLabel, Counter<u64, AtomicU64>>,
    lag: Gauge<i64, AtomicI64>,
    open: Gauge<i64, AtomicI64>,
    clock_behind: Gauge<f64, AtomicU64>,
    leading: Gauge<i64, AtomicI64>,
    /// Entries that could not be decoded.
    pub undecodable: Counter,
    /// Checkpoints written.
    pub checkpoints: Counter,
    /// Times that a checkpoint no longer met the log.
    pub log_gaps: Counter,
    /// Records written to buckets.
    pub records: Counter,
    correlated: Histogram,
}

impl Metrics {
    /// Registers all of them.
    pub fn register(registry: &mut Registry, stages: &Stages) -> Self {
        let metrics = Self {
            events: Family::default(),
            lag: Gauge::default(),
            open: Gauge::default(),
            clock_behind: Gauge::default(),
            leading: Gauge::default(),
            undecodable: Counter::default(),
            checkpoints: Counter::default(),
            log_gaps: Counter::default(),
            records: Counter::default(),
            correlated: stages.stage("receive_to_correlate"),
        };
        registry.register(
            "opsward_correlate_events",
            "Accepted events by what became of them, over the whole log; pending may fall",
            metrics.events.clone(),
        );
        registry.register(
            "opsward_log_lag_entries",
            "Log entries not yet correlated",
            metrics.lag.clone(),
        );
        registry.register("opsward_incidents_open", "Open incidents", metrics.open.clone());
        registry.register(
            "opsward_log_clock_behind_seconds",
            "How far NATS's clock lies before the log's time; while above 0 no timer of an incident fires",
            metrics.clock_behind.clone(),
        );
        registry.register(
            "opsward_correlator_leading",
            "1 while this process leads",
            metrics.leading.clone(),
        );
        registry.register(
            "opsward_log_undecodable",
            "Log entries skipped, or with an event that cannot be read",
            metrics.undecodable.clone(),
        );
        registry.register(
            "opsward_checkpoints_written",
            "Checkpoints written",
            metrics.checkpoints.clone(),
        );
        registry.register(
            "opsward_log_gaps",
            "Checkpoints that no longer met the log",
            metrics.log_gaps.clone(),
        );
        registry.register(
            "opsward_records_written",
            "Incident and rule records written",
            metrics.records.clone(),
        );
        metrics
    }

    /// Shows the accounting and what is open.
    pub fn show(&self, totals: &Totals, open: usize, lag: u64) {
        for outcome in Outcome::ALL {
            let count = u64::try_from(totals.of(outcome)).unwrap_or(0);
            self.events
                .get_or_create(&OutcomeLabel {
                    outcome: outcome.as_str(),
                })
                .inner()
                .store(count, Ordering::Relaxed);
        }
        self.open.set(i64::try_from(open).unwrap_or(i64::MAX));
        self.lag.set(i64::try_from(lag).unwrap_or(i64::MAX));
    }

    /// Shows how far NATS's clock lies before the log's time.
    pub fn clock_behind(&self, behind: Duration) {
        self.clock_behind.set(behind.as_secs_f64());
    }

    /// Shows whether this process leads.
    pub fn leads(&self, leads: bool) {
        self.leading.set(i64::from(leads));
    }

    /// Whether this process leads.
    pub fn is_leading(&self) -> bool {
        self.leading.get() == 1
    }

    /// Notes how long a pack took from receipt to here.
    pub fn correlated_after(&self, seconds: f64) {
        self.correlated.observe(seconds);
    }
}
