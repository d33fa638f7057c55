//! How long the stages of an event's way take: one histogram family that all roles of a process share.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::buckets::STAGE_SECONDS;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stage {
    stage: &'static str,
}

/// The family `opsward_stage_duration_seconds{stage}`.
#[derive(Clone, Debug)]
pub struct Stages(Family<Stage, Histogram, fn() -> Histogram>);

impl Stages {
    /// Registers the family; once a process.
    pub fn register(registry: &mut Registry) -> Self {
        let family = Family::new_with_constructor((|| Histogram::new(STAGE_SECONDS)) as fn() -> Histogram);
        registry.register(
            "opsward_stage_duration_seconds",
            "How long each stage took, from receipt to the object",
            family.clone(),
        );
        Self(family)
    }

    /// The histogram of one stage, to be kept.
    pub fn stage(&self, stage: &'static str) -> Histogram {
        self.0.get_or_create(&Stage { stage }).clone()
    }
}
