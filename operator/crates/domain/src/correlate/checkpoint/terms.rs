//! What state version 3 has more than version 2: the terms by which people decide, of rules and incidents, and what came
//! of an incident after a person had ended it. Terms are JSON, as records have them, so that there may be more of them
//! without another version.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CheckpointError, Saved};
use crate::triage::Triage;

/// Of all namespaces; these are known by their place in the state. Terms that are the default are left out.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Terms {
    rules: Vec<Of<usize>>,
    incidents: Vec<Of<u64>>,
    muted: Vec<Muted>,
}

#[derive(Serialize, Deserialize)]
struct Muted {
    tenant: usize,
    number: u64,
    events: i64,
}

#[derive(Serialize, Deserialize)]
struct Of<N> {
    tenant: usize,
    number: N,
    triage: String,
}

impl<N> Of<N> {
    fn new(tenant: usize, number: N, triage: &Triage) -> Option<Result<Self, CheckpointError>> {
        let json = (*triage != Triage::default()).then(|| serde_json::to_string(triage))?;
        Some(json.map_err(CheckpointError::from).map(|triage| Self {
            tenant,
            number,
            triage,
        }))
    }
}

impl Terms {
    /// What `saved` leaves out.
    pub(super) fn of(saved: &Saved) -> Result<Self, CheckpointError> {
        let mut terms = Self::default();
        for (place, tenant) in saved.tenants.iter().enumerate() {
            for (number, incident) in &tenant.incidents {
                if let Some(of) = Of::new(place, *number, &incident.triage) {
                    terms.incidents.push(of?);
                }
                if incident.muted > 0 {
                    terms.muted.push(Muted {
                        tenant: place,
                        number: *number,
                        events: incident.muted,
                    });
                }
            }
            for (number, rule) in tenant.rules.iter().enumerate() {
                if let Some(of) = rule.spec().and_then(|spec| Of::new(place, number, &spec.triage)) {
                    terms.rules.push(of?);
                }
            }
        }
        Ok(terms)
    }

    /// Gives `saved` what it leaves out.
    pub(super) fn put_into(self, saved: &mut Saved) -> Result<(), CheckpointError> {
        for of in self.incidents {
            let tenant = saved.tenants.get_mut(of.tenant);
            if let Some(incident) = tenant.and_then(|tenant| tenant.incidents.get_mut(&of.number)) {
                incident.triage = Arc::new(serde_json::from_str(&of.triage)?);
            }
        }
        for of in self.muted {
            let tenant = saved.tenants.get_mut(of.tenant);
            if let Some(incident) = tenant.and_then(|tenant| tenant.incidents.get_mut(&of.number)) {
                incident.muted = of.events;
            }
        }
        for of in self.rules {
            let tenant = saved.tenants.get_mut(of.tenant);
            let rule = tenant.and_then(|tenant| tenant.rules.get_mut(of.number));
            if let Some(spec) = rule.and_then(|rule| rule.spec_mut()) {
                spec.triage = Arc::new(serde_json::from_str(&of.triage)?);
            }
        }
        Ok(())
    }
}
