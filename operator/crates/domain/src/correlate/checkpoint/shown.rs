//! What state version 2 has more than version 1: what incidents show of their events. It stands behind the state of
//! version 1 and not within it, so that one reader does for both.

use serde::{Deserialize, Serialize};

use super::super::incident::Incident;
use super::super::resources::Resources;
use super::super::rules::Group;
use super::super::window::Window;
use super::{CheckpointError, Saved};
use crate::hash::Hash128;

/// Of all namespaces; these are known by their place in the state.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Shown {
    incidents: Vec<OfIncident>,
    windows: Vec<OfWindow>,
}

#[derive(Serialize, Deserialize)]
struct OfIncident {
    tenant: usize,
    number: u64,
    /// The opening event as JSON, as records have it: its fields may become more without another version.
    event: Option<String>,
    resources: Resources,
}

/// Of a window in which an occurrence names something.
#[derive(Serialize, Deserialize)]
struct OfWindow {
    tenant: usize,
    rule: usize,
    group: Hash128,
    /// What each occurrence names.
    resources: Vec<Vec<String>>,
}

impl Shown {
    /// What `saved` leaves out.
    pub(super) fn of(saved: &Saved) -> Result<Self, CheckpointError> {
        let mut shown = Self::default();
        for (place, tenant) in saved.tenants.iter().enumerate() {
            for (number, incident) in &tenant.incidents {
                shown.incidents.push(of_incident(place, *number, incident)?);
            }
            for (rule, state) in tenant.rules.iter().enumerate() {
                let windows = state.groups.iter().filter_map(|(group, is)| match is {
                    Group::Pending(window) => of_window((place, rule, *group), window),
                    Group::Has(_) => None,
                });
                shown.windows.extend(windows);
            }
        }
        Ok(shown)
    }

    /// Gives `saved` what it leaves out.
    pub(super) fn put_into(self, saved: &mut Saved) -> Result<(), CheckpointError> {
        for of in self.incidents {
            let tenant = saved.tenants.get_mut(of.tenant);
            if let Some(incident) = tenant.and_then(|tenant| tenant.incidents.get_mut(&of.number)) {
                incident.event = of.event.map(|json| serde_json::from_str(&json)).transpose()?;
                incident.resources = of.resources;
            }
        }
        for of in self.windows {
            let tenant = saved.tenants.get_mut(of.tenant);
            let rule = tenant.and_then(|tenant| tenant.rules.get_mut(of.rule));
            if let Some(Group::Pending(window)) = rule.and_then(|rule| rule.groups.get_mut(&of.group)) {
                for (occurrence, resources) in window.occurrences_mut().zip(of.resources) {
                    occurrence.resources = resources;
                }
            }
        }
        Ok(())
    }
}

fn of_incident(tenant: usize, number: u64, incident: &Incident) -> Result<OfIncident, CheckpointError> {
    Ok(OfIncident {
        tenant,
        number,
        event: incident.event.as_ref().map(serde_json::to_string).transpose()?,
        resources: incident.resources.clone(),
    })
}

fn of_window((tenant, rule, group): (usize, usize, Hash128), window: &Window) -> Option<OfWindow> {
    let resources: Vec<_> = window
        .occurrences()
        .map(|occurrence| occurrence.resources.clone())
        .collect();
    let some = resources.iter().any(|names| !names.is_empty());
    some.then_some(OfWindow {
        tenant,
        rule,
        group,
        resources,
    })
}
