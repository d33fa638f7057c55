//! What state version 3 has more than version 2: the terms by which people decide, of rules and incidents, and what came
//! of an incident after a person had ended it. Terms are JSON, as records have them, so that there may be more of them
//! without another version.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CheckpointError, Saved};
use crate::triage::Triage;

/// Of all namespaces; these are known by their place in the state. Terms that are the default are left out.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Terms {
    /// Each once: a rule's incidents have the same.
    texts: Vec<String>,
    rules: Vec<Has<usize>>,
    incidents: Vec<Has<u64>>,
    muted: Vec<Muted>,
}

/// Whose terms are which of the texts.
#[derive(Serialize, Deserialize)]
struct Has<N> {
    tenant: usize,
    number: N,
    text: usize,
}

#[derive(Serialize, Deserialize)]
struct Muted {
    tenant: usize,
    number: u64,
    events: i64,
}

impl Terms {
    /// What `saved` leaves out.
    pub(super) fn of(saved: &Saved) -> Result<Self, CheckpointError> {
        let mut terms = Self::default();
        let mut places = HashMap::new();
        for (tenant, of) in saved.tenants.iter().enumerate() {
            for (number, incident) in &of.incidents {
                let number = *number;
                if let Some(text) = terms.place(&mut places, &incident.triage)? {
                    terms.incidents.push(Has { tenant, number, text });
                }
                if incident.muted > 0 {
                    let events = incident.muted;
                    terms.muted.push(Muted {
                        tenant,
                        number,
                        events,
                    });
                }
            }
            for (number, rule) in of.rules.iter().enumerate() {
                let Some(spec) = rule.spec() else { continue };
                if let Some(text) = terms.place(&mut places, &spec.triage)? {
                    terms.rules.push(Has { tenant, number, text });
                }
            }
        }
        Ok(terms)
    }

    /// The place of terms among the texts; `None` for the default.
    fn place(
        &mut self,
        places: &mut HashMap<String, usize>,
        triage: &Triage,
    ) -> Result<Option<usize>, CheckpointError> {
        if *triage == Triage::default() {
            return Ok(None);
        }
        let text = serde_json::to_string(triage)?;
        let next = self.texts.len();
        let place = *places.entry(text).or_insert_with_key(|text| {
            self.texts.push(text.clone());
            next
        });
        Ok(Some(place))
    }

    /// Gives `saved` what it leaves out.
    pub(super) fn put_into(self, saved: &mut Saved) -> Result<(), CheckpointError> {
        let texts = self
            .texts
            .iter()
            .map(|text| serde_json::from_str(text).map(Arc::new));
        let triages: Vec<Arc<Triage>> = texts.collect::<Result<_, _>>()?;
        for has in self.incidents {
            let tenant = saved.tenants.get_mut(has.tenant);
            let incident = tenant.and_then(|tenant| tenant.incidents.get_mut(&has.number));
            if let (Some(incident), Some(triage)) = (incident, triages.get(has.text)) {
                incident.triage = Arc::clone(triage);
            }
        }
        for muted in self.muted {
            let tenant = saved.tenants.get_mut(muted.tenant);
            if let Some(incident) = tenant.and_then(|tenant| tenant.incidents.get_mut(&muted.number)) {
                incident.muted = muted.events;
            }
        }
        for has in self.rules {
            let tenant = saved.tenants.get_mut(has.tenant);
            let rule = tenant.and_then(|tenant| tenant.rules.get_mut(has.number));
            let spec = rule.and_then(|rule| rule.spec_mut());
            if let (Some(spec), Some(triage)) = (spec, triages.get(has.text)) {
                spec.triage = Arc::clone(triage);
            }
        }
        Ok(())
    }
}
