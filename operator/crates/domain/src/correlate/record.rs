//! An incident as its record.

use std::sync::Arc;

use super::incident::{Incident, Stage};
use crate::incident::{IncidentRecord, Occurrences};

impl Incident {
    /// The record of what it is, as of `position`.
    pub fn record(&self, namespace: &str, position: i64) -> IncidentRecord {
        let group_text: Vec<_> = self
            .group_fields
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let firing = if self.overflow && self.stage == Stage::Open {
            1
        } else {
            i64::try_from(self.members.values().filter(|member| member.firing).count()).unwrap_or(i64::MAX)
        };
        IncidentRecord {
            id: self.id.clone(),
            namespace: namespace.to_owned(),
            rule: self.rule.clone(),
            group: self.group_fields.iter().cloned().collect(),
            group_text: group_text.join(", "),
            overflow: self.overflow,
            correlation_id: self.correlation_id.clone(),
            title: self.title.clone(),
            event: self.event.clone(),
            resources: self.resources.shown().to_vec(),
            resources_omitted: self.resources.omitted(),
            triage: Arc::clone(&self.triage),
            severity: self.severity,
            firing,
            occurrences: Occurrences {
                position,
                ..self.occurrences.clone()
            },
            muted: self.muted,
            opened_at: self.opened_at,
            reopened: self.reopened,
            end: self.end.clone(),
            rule_gone: self.rule_gone,
            ttl: self.ttl,
        }
    }
}
