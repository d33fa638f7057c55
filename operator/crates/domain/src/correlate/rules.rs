//! A rule as the correlator holds it: what is in force, its counters, and the groups it has under way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::window::Window;
use crate::hash::{Hash128, HashKeyed};
use crate::rule::record::{RuleCounters, RuleRecord, RuleTrouble};
use crate::rule::{Rule, RuleError, RuleIdentity, RuleSpec};
use crate::time::Time;

/// Open incidents of one rule.
pub const OPEN_PER_RULE: i64 = 1000;
/// Groups of one rule that may wait for their trigger.
pub const PENDING_GROUPS: usize = 10_000;
/// Occurrences that may wait over all groups of one rule: bounds the memory (about 100 bytes each, and 256 of a
/// name) that a rule with a large count can take. One that names several resources counts as so many.
pub const PENDING_OCCURRENCES: usize = 100_000;

/// Where a group of a rule stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Group {
    /// Waits for the trigger.
    Pending(Window),
    /// Has this incident: open, reopenable or muted.
    Has(u64),
}

/// One rule of a namespace.
#[derive(Debug)]
pub struct RuleState {
    /// Unique within the namespace and never used again.
    pub number: u32,
    /// The newest version taken in, in force or refused.
    pub identity: RuleIdentity,
    /// The version in force.
    pub rule: Option<Rule>,
    /// Why the newest version is not the one in force.
    pub refused: Option<RuleTrouble>,
    /// Where the newest version was taken in.
    pub position: i64,
    /// The counters.
    pub counters: RuleCounters,
    /// When it last opened or fed an incident.
    pub last_triggered_at: Option<Time>,
    /// Why its condition last gave no answer.
    pub condition_error: Option<String>,
    /// Its groups.
    pub groups: HashKeyed<Group>,
    /// Groups that wait.
    pub pending_groups: usize,
    /// Occurrences that wait, by their weight.
    pub pending_occurrences: usize,
    /// Its open overflow incident.
    pub overflow: Option<u64>,
}

impl RuleState {
    /// A rule that has just appeared in the log.
    pub fn new(number: u32, identity: RuleIdentity) -> Self {
        Self {
            number,
            identity,
            rule: None,
            refused: None,
            position: 0,
            counters: RuleCounters::default(),
            last_triggered_at: None,
            condition_error: None,
            groups: HashKeyed::default(),
            pending_groups: 0,
            pending_occurrences: 0,
            overflow: None,
        }
    }

    /// Takes in a version. One that is refused leaves the version before it in force. `true` when what the
    /// rule takes or how it groups changed, so that windows start anew.
    pub fn take_in(
        &mut self,
        identity: RuleIdentity,
        spec: Result<RuleSpec, RuleError>,
        position: i64,
    ) -> bool {
        (self.identity, self.position) = (identity.clone(), position);
        match spec.and_then(|spec| Rule::compile(identity, spec)) {
            Ok(rule) => {
                let before = self.rule.as_ref().map(|before| &before.spec);
                let same = before.is_some_and(|before| {
                    before.matches == rule.spec.matches
                        && before.group_by == rule.spec.group_by
                        && before.trigger == rule.spec.trigger
                });
                (self.rule, self.refused, self.condition_error) = (Some(rule), None, None);
                !same
            }
            Err(error) => {
                self.refused = Some(RuleTrouble {
                    reason: error.reason().to_owned(),
                    message: error.to_string(),
                });
                false
            }
        }
    }

    /// The order in which rules are asked: priority, then name.
    pub fn order(&self) -> (std::cmp::Reverse<i32>, &str, u32) {
        let priority = self.rule.as_ref().map_or(0, |rule| rule.spec.priority);
        (std::cmp::Reverse(priority), &self.identity.name, self.number)
    }

    /// The record of what it is.
    pub fn record(&self, namespace: &str, counted_to: i64) -> RuleRecord {
        RuleRecord {
            name: self.identity.name.clone(),
            uid: self.identity.uid.clone(),
            namespace: namespace.to_owned(),
            generation: self.identity.generation,
            in_force: self.rule.as_ref().map(|rule| rule.identity.generation),
            position: self.position,
            counted_to,
            counters: self.counters.clone(),
            last_triggered_at: self.last_triggered_at,
            refused: self.refused.clone(),
            condition_error: self.condition_error.clone(),
            deleted: false,
        }
    }

    /// What a checkpoint keeps.
    pub fn save(&self) -> SavedRule {
        SavedRule {
            number: self.number,
            identity: self.identity.clone(),
            in_force: self
                .rule
                .as_ref()
                .map(|rule| (rule.identity.clone(), rule.spec.clone())),
            refused: self.refused.clone(),
            position: self.position,
            counters: self.counters.clone(),
            last_triggered_at: self.last_triggered_at,
            condition_error: self.condition_error.clone(),
            groups: self
                .groups
                .iter()
                .map(|(group, state)| (*group, state.clone()))
                .collect(),
            overflow: self.overflow,
        }
    }

    /// What it was. A rule in force compiled before; should it not any more, the binary's bounds have become
    /// narrower, and the rule is refused by name.
    pub fn restore(saved: SavedRule) -> Self {
        let mut state = Self::new(saved.number, saved.identity);
        if let Some((identity, spec)) = saved.in_force {
            match Rule::compile(identity, spec) {
                Ok(rule) => state.rule = Some(rule),
                Err(error) => {
                    state.refused = Some(RuleTrouble {
                        reason: error.reason().to_owned(),
                        message: error.to_string(),
                    });
                }
            }
        }
        state.refused = saved.refused.or(state.refused);
        (state.position, state.counters) = (saved.position, saved.counters);
        (state.last_triggered_at, state.condition_error) = (saved.last_triggered_at, saved.condition_error);
        state.groups = saved.groups.into_iter().collect();
        state.overflow = saved.overflow;
        for group in state.groups.values() {
            if let Group::Pending(window) = group {
                state.pending_groups += 1;
                state.pending_occurrences += window.weight();
            }
        }
        state
    }
}

/// A rule in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedRule {
    pub(super) number: u32,
    identity: RuleIdentity,
    in_force: Option<(RuleIdentity, RuleSpec)>,
    refused: Option<RuleTrouble>,
    position: i64,
    counters: RuleCounters,
    last_triggered_at: Option<Time>,
    condition_error: Option<String>,
    pub(super) groups: BTreeMap<Hash128, Group>,
    overflow: Option<u64>,
}

impl SavedRule {
    /// The version in force.
    pub(super) fn spec(&self) -> Option<&RuleSpec> {
        self.in_force.as_ref().map(|(_, spec)| spec)
    }

    /// The same, to be completed.
    pub(super) const fn spec_mut(&mut self) -> Option<&mut RuleSpec> {
        match &mut self.in_force {
            Some((_, spec)) => Some(spec),
            None => None,
        }
    }
}
