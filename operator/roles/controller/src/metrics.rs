//! What the controller counts.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use platform::Stages;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::class::Class;
use crate::key::Kind;

/// Which kind of object, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindAndReason {
    kind: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// Why a Kubernetes Event was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// The budget was spent.
    Budget,
    /// Too many were waiting.
    QueueFull,
    /// The API server did not take it.
    Failed,
}

impl Dropped {
    /// The word for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "Budget",
            Self::QueueFull => "QueueFull",
            Self::Failed => "Failed",
        }
    }
}

/// The controller's metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    writes: Family<KindAndReason, Counter>,
    failures: Family<KindAndReason, Counter>,
    dropped: Family<ReasonLabel, Counter>,
    record_to_object: Histogram,
    leading: Gauge<u64, AtomicU64>,
    waiting: Gauge<u64, AtomicU64>,
}

impl Metrics {
    /// Metrics that show up on `registry`; stages are shared with the other roles of the process.
    pub fn register(registry: &mut Registry, stages: &Stages) -> Self {
        let metrics = Self {
            writes: Family::default(),
            failures: Family::default(),
            dropped: Family::default(),
            record_to_object: stages.stage("record_to_object"),
            leading: Gauge::default(),
            waiting: Gauge::default(),
        };
        registry.register(
            "opsward_kubernetes_writes",
            "Writes of objects that the API server took, by kind and by what made them necessary",
            metrics.writes.clone(),
        );
        registry.register(
            "opsward_kubernetes_write_failures",
            "Writes of objects that the API server did not do, by kind and by what came instead",
            metrics.failures.clone(),
        );
        registry.register(
            "opsward_kubernetes_events_dropped",
            "Kubernetes Events that were not written, by reason",
            metrics.dropped.clone(),
        );
        registry.register(
            "opsward_controller_leading",
            "1 while this process holds the controller's Lease",
            metrics.leading.clone(),
        );
        registry.register(
            "opsward_kubernetes_writes_waiting",
            "Objects that want a write and wait for the budget or the API server",
            metrics.waiting.clone(),
        );
        metrics
    }

    /// A write was done.
    pub fn written(&self, kind: Kind, class: Class) {
        let labels = KindAndReason {
            kind: kind_name(kind),
            reason: class_name(class),
        };
        self.writes
            .get_or_create(&labels)
            .inc_by(u64::from(class.writes()));
    }

    /// A write was not done.
    pub fn failed(&self, kind: Kind, reason: &'static str) {
        self.failures
            .get_or_create(&KindAndReason {
                kind: kind_name(kind),
                reason,
            })
            .inc();
    }

    /// A Kubernetes Event was written.
    pub fn announced(&self, reason: &'static str) {
        self.writes
            .get_or_create(&KindAndReason {
                kind: "Event",
                reason,
            })
            .inc();
    }

    /// A Kubernetes Event was not written.
    pub fn dropped(&self, why: Dropped) {
        self.dropped
            .get_or_create(&ReasonLabel { reason: why.as_str() })
            .inc();
    }

    /// An opening or an end took this long from the log's time to the object.
    pub fn record_to_object(&self, took: Duration) {
        self.record_to_object.observe(took.as_secs_f64());
    }

    /// Leading began (1) or ended (0).
    pub fn set_leading(&self, leaders: u64) {
        self.leading.set(leaders);
    }

    /// How many objects want a write now.
    pub fn set_waiting(&self, objects: usize) {
        self.waiting.set(u64::try_from(objects).unwrap_or(u64::MAX));
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Incident => "OpsEvent",
        Kind::Rule => "TriggerRule",
    }
}

const fn class_name(class: Class) -> &'static str {
    match class {
        Class::Opening => "Opening",
        Class::Change => "Change",
        Class::Overdue => "Overdue",
        Class::Counts => "Counts",
        Class::Upkeep => "Upkeep",
    }
}
