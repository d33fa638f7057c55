//! What the controller counts.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use domain::severity::Severity;
use platform::Stages;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::class::Class;

/// Which kind of object, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindAndReason {
    kind: &'static str,
    reason: &'static str,
}

/// Of a metric that there is one of, or none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoLabels {}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SeverityLabel {
    severity: &'static str,
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
    decisions: Family<OutcomeLabel, Counter>,
    decision_time: Family<SeverityLabel, Histogram>,
    time_to_acknowledge: Family<SeverityLabel, Histogram>,
    time_to_resolve: Family<SeverityLabel, Histogram>,
    /// Of who leads; a standby knows nothing of it.
    identity_enforced: Family<NoLabels, Gauge<u64, AtomicU64>>,
    leading: Gauge<u64, AtomicU64>,
    waiting: Gauge<u64, AtomicU64>,
}

/// Bounds in seconds of what people take: from a minute to a week.
const PEOPLES_BUCKETS: [f64; 12] = [
    60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 43_200.0, 86_400.0, 604_800.0,
];

fn by_severity() -> Family<SeverityLabel, Histogram> {
    Family::new_with_constructor(|| Histogram::new(PEOPLES_BUCKETS))
}

impl Metrics {
    /// Metrics that show up on `registry`; stages are shared with the other roles of the process.
    pub fn register(registry: &mut Registry, stages: &Stages) -> Self {
        let metrics = Self {
            writes: Family::default(),
            failures: Family::default(),
            dropped: Family::default(),
            record_to_object: stages.stage("record_to_object"),
            decisions: Family::default(),
            decision_time: by_severity(),
            time_to_acknowledge: by_severity(),
            time_to_resolve: by_severity(),
            identity_enforced: Family::default(),
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
            "opsward_decisions",
            "Questions by what became of them, as far as this process saw its own write done",
            metrics.decisions.clone(),
        );
        registry.register(
            "opsward_decision_duration_seconds",
            "From the question until a person's answer was taken in, by the incident's severity",
            metrics.decision_time.clone(),
        );
        registry.register(
            "opsward_incident_acknowledge_duration_seconds",
            "From an incident's opening until a person accepted or discharged it, by severity (MTTA)",
            metrics.time_to_acknowledge.clone(),
        );
        registry.register(
            "opsward_incident_resolve_duration_seconds",
            "From an incident's opening to its end, by severity (MTTR)",
            metrics.time_to_resolve.clone(),
        );
        registry.register(
            "opsward_identity_enforced",
            "1 while the admission policies are in place by which the API server says who decides; of the controller that leads",
            metrics.identity_enforced.clone(),
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
    pub fn written(&self, kind: &'static str, class: Class) {
        let labels = KindAndReason {
            kind,
            reason: class_name(class),
        };
        self.writes
            .get_or_create(&labels)
            .inc_by(u64::from(class.writes()));
    }

    /// A write was not done.
    pub fn failed(&self, kind: &'static str, reason: &'static str) {
        self.failures.get_or_create(&KindAndReason { kind, reason }).inc();
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

    /// Something became of a question: `outcome` is its state's word. `took` is the time from question to answer, if a
    /// person answered.
    pub fn decided(&self, outcome: &'static str, severity: Severity, took: Option<Duration>) {
        self.decisions.get_or_create(&OutcomeLabel { outcome }).inc();
        observe(&self.decision_time, severity, took);
    }

    /// A person accepted or discharged an incident this long after it opened.
    pub fn acknowledged(&self, severity: Severity, took: Duration) {
        observe(&self.time_to_acknowledge, severity, Some(took));
    }

    /// An incident ended this long after it opened.
    pub fn resolved(&self, severity: Severity, took: Duration) {
        observe(&self.time_to_resolve, severity, Some(took));
    }

    /// Whether the API server says who decides: 1 or 0.
    pub fn set_identity_enforced(&self, enforced: u64) {
        self.identity_enforced.get_or_create(&NoLabels {}).set(enforced);
    }

    /// Leading began (1) or ended (0).
    pub fn set_leading(&self, leaders: u64) {
        self.leading.set(leaders);
        if leaders == 0 {
            self.identity_enforced.clear();
        }
    }

    /// How many objects want a write now.
    pub fn set_waiting(&self, objects: usize) {
        self.waiting.set(u64::try_from(objects).unwrap_or(u64::MAX));
    }
}

fn observe(of: &Family<SeverityLabel, Histogram>, severity: Severity, took: Option<Duration>) {
    if let Some(took) = took {
        let severity = severity.as_str();
        of.get_or_create(&SeverityLabel { severity })
            .observe(took.as_secs_f64());
    }
}

const fn class_name(class: Class) -> &'static str {
    match class {
        Class::Answer => "Answer",
        Class::Opening => "Opening",
        Class::Change => "Change",
        Class::Overdue => "Overdue",
        Class::Counts => "Counts",
        Class::Upkeep => "Upkeep",
    }
}
