//! The correlator's state as bytes, with a version, and its rings' full segments apart.

mod shown;
mod terms;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Correlator;
use super::effect::Totals;
use super::incident::{Incident, Stage};
use super::problems::Problems;
use super::ring::{Ring, Segment};
use super::rules::{Group, RuleState, SavedRule};
use super::tenant::Tenant;
use super::timers::Subject;
use crate::time::Time;
use shown::Shown;
use terms::Terms;

/// The version of the state that this binary writes. It reads those before too.
pub const STATE_VERSION: u16 = 3;
/// The first version, which had nothing of what is [`Shown`].
const FIRST_VERSION: u16 = 1;
/// The last version that had none of the [`Terms`].
const VERSION_WITHOUT_TERMS: u16 = 2;

/// Why bytes are no usable checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Written by another version.
    #[error(
        "the checkpoint has state version {found}; this binary reads versions {FIRST_VERSION} to {STATE_VERSION}: run the version that wrote it, or a later one"
    )]
    Version {
        /// The version found.
        found: u16,
    },
    /// Damaged, or not a checkpoint.
    #[error("the checkpoint cannot be decoded: {0}")]
    Decode(#[from] postcard::Error),
    /// The same of the event that opened an incident, or of the terms by which people decide.
    #[error("the checkpoint's opening events or terms cannot be decoded: {0}")]
    Json(#[from] serde_json::Error),
    /// A segment that it names is not there.
    #[error("the checkpoint names ring segment {0}, which is not there")]
    MissingSegment(String),
}

/// The state as bytes.
#[derive(Debug)]
pub struct Checkpoint {
    /// The last entry that it covers.
    pub sequence: u64,
    /// The state without full ring segments.
    pub state: Vec<u8>,
    /// Names of the ring segments that it needs, with their content.
    pub segments: Vec<(String, Arc<Segment>)>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    log_id: String,
    sequence: u64,
    now: Time,
    totals: Totals,
    tenants: Vec<SavedTenant>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SavedTenant {
    namespace: String,
    segments: Vec<i64>,
    current: Segment,
    problems: Problems,
    rules: Vec<SavedRule>,
    gone: Vec<String>,
    incidents: BTreeMap<u64, Incident>,
    next_incident: u64,
    next_rule: u32,
}

fn segment_name(namespace: &str, first: i64) -> String {
    format!("{namespace}.{first}")
}

/// The names of the segments that a checkpoint's bytes need.
///
/// # Errors
/// As [`Correlator::restore`].
pub fn segment_names(state: &[u8]) -> Result<Vec<String>, CheckpointError> {
    let saved = decode(state)?;
    let names = saved.tenants.iter().flat_map(|tenant| {
        tenant
            .segments
            .iter()
            .map(|first| segment_name(&tenant.namespace, *first))
    });
    Ok(names.collect())
}

pub(super) fn decode(state: &[u8]) -> Result<Saved, CheckpointError> {
    let (version, rest): (u16, &[u8]) = postcard::take_from_bytes(state)?;
    let (mut saved, rest): (Saved, &[u8]) = match version {
        FIRST_VERSION..=STATE_VERSION => postcard::take_from_bytes(rest)?,
        found => return Err(CheckpointError::Version { found }),
    };
    if version == FIRST_VERSION {
        return Ok(saved);
    }
    let (shown, rest) = postcard::take_from_bytes::<Shown>(rest)?;
    shown.put_into(&mut saved)?;
    if version > VERSION_WITHOUT_TERMS {
        postcard::from_bytes::<Terms>(rest)?.put_into(&mut saved)?;
    }
    Ok(saved)
}

impl Correlator {
    /// Everything that the log so far has come to.
    ///
    /// # Errors
    /// Never for a state that `step` made; the encoder's signature allows it.
    pub fn checkpoint(&self) -> Result<Checkpoint, CheckpointError> {
        let mut segments = Vec::new();
        let tenants = self
            .tenants
            .iter()
            .map(|tenant| save(tenant, &mut segments))
            .collect();
        let saved = Saved {
            log_id: self.log_id.clone(),
            sequence: self.sequence,
            now: self.now,
            totals: self.totals.clone(),
            tenants,
        };
        let state = postcard::to_extend(&STATE_VERSION, Vec::new())?;
        let state = postcard::to_extend(&saved, state)?;
        let state = postcard::to_extend(&Shown::of(&saved)?, state)?;
        let state = postcard::to_extend(&Terms::of(&saved)?, state)?;
        Ok(Checkpoint {
            sequence: self.sequence,
            state,
            segments,
        })
    }

    /// Takes a state up again.
    ///
    /// # Errors
    /// Another version, damaged bytes, or a missing segment.
    pub fn restore(state: &[u8], segments: &BTreeMap<String, Arc<Segment>>) -> Result<Self, CheckpointError> {
        let saved = decode(state)?;
        let mut correlator = Self {
            log_id: saved.log_id,
            sequence: saved.sequence,
            now: saved.now,
            totals: saved.totals,
            ..Self::default()
        };
        for (number, tenant) in (0_u32..).zip(saved.tenants) {
            let mut tenant = restore(tenant, segments)?;
            tenant.number = number;
            set_timers(&tenant, &mut correlator.timers);
            correlator.by_namespace.insert(tenant.namespace.clone(), number);
            correlator.tenants.push(tenant);
        }
        Ok(correlator)
    }
}

fn save(tenant: &Tenant, segments: &mut Vec<(String, Arc<Segment>)>) -> SavedTenant {
    let (full, current) = tenant.ring.parts();
    let mut firsts = Vec::new();
    for segment in full {
        firsts.push(segment.first);
        segments.push((
            segment_name(&tenant.namespace, segment.first),
            Arc::clone(segment),
        ));
    }
    SavedTenant {
        namespace: tenant.namespace.clone(),
        segments: firsts,
        current: current.clone(),
        problems: tenant.problems.clone(),
        rules: tenant.rules.iter().map(RuleState::save).collect(),
        gone: tenant.gone.clone(),
        incidents: tenant.incidents.clone(),
        next_incident: tenant.next_incident,
        next_rule: tenant.next_rule,
    }
}

fn restore(saved: SavedTenant, segments: &BTreeMap<String, Arc<Segment>>) -> Result<Tenant, CheckpointError> {
    let full = saved.segments.iter().map(|first| {
        let name = segment_name(&saved.namespace, *first);
        segments
            .get(&name)
            .cloned()
            .ok_or(CheckpointError::MissingSegment(name))
    });
    let full = full.collect::<Result<_, _>>()?;
    let by_id = saved
        .incidents
        .iter()
        .map(|(number, incident)| (incident.id.clone(), *number))
        .collect();
    let open = saved
        .incidents
        .values()
        .filter(|incident| incident.stage == Stage::Open && !incident.overflow)
        .count();
    let mut tenant = Tenant {
        namespace: saved.namespace,
        ring: Ring::from_parts(full, saved.current),
        problems: saved.problems,
        rules: saved.rules.into_iter().map(RuleState::restore).collect(),
        gone: saved.gone,
        incidents: saved.incidents,
        by_id,
        open,
        next_incident: saved.next_incident,
        next_rule: saved.next_rule,
        ..Tenant::default()
    };
    tenant.index_rules();
    Ok(tenant)
}

/// Timers are not saved: they follow from what they are for.
fn set_timers(tenant: &Tenant, timers: &mut super::timers::Timers) {
    for (number, incident) in &tenant.incidents {
        timers.not_later_than(incident.due(), Subject::Incident(tenant.number, *number));
    }
    for state in &tenant.rules {
        let Some(within) = state.rule.as_ref().map(|rule| rule.spec.trigger.within) else {
            continue;
        };
        for (group, is) in &state.groups {
            if let Group::Pending(window) = is
                && let Some(due) = window.due(within)
            {
                timers.not_later_than(due, Subject::Window(tenant.number, state.number, *group));
            }
        }
    }
}
