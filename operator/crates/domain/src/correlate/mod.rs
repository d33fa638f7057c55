//! The fold of the log: `step(state, entry) -> (state, effects)`. The same entries give the same incidents,
//! live, after a crash and in tests: time passes only by entries, and nothing else is looked at.

pub mod checkpoint;
pub mod effect;
mod endings;
pub mod incident;
mod opening;
pub mod problems;
mod record;
pub mod resources;
pub mod ring;
pub mod rules;
pub mod tenant;
pub mod timers;
pub mod window;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::entry::{Entry, EntryBody, last_position, position};
use crate::incident::IncidentRecord;
use crate::rule::record::RuleRecord;
use crate::time::Time;
use effect::{Effect, Totals, Turn};
use tenant::Tenant;
use timers::{Subject, Timers};

/// All that the correlator knows: a function of the log up to [`Correlator::sequence`].
#[derive(Debug, Default)]
pub struct Correlator {
    log_id: String,
    sequence: u64,
    now: Time,
    totals: Totals,
    tenants: Vec<Tenant>,
    by_namespace: HashMap<String, u32>,
    timers: Timers,
}

impl Correlator {
    /// What is known before the first entry of the log `log_id`.
    pub fn new(log_id: &str) -> Self {
        Self {
            log_id: log_id.to_owned(),
            ..Self::default()
        }
    }

    /// The log's id.
    pub fn log_id(&self) -> &str {
        &self.log_id
    }

    /// The sequence of the last entry taken in.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Log time: the latest stream timestamp seen.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// The accounting over the whole log.
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// When the log's time has to have passed for something to happen.
    pub fn next_due(&self) -> Option<Time> {
        self.timers.next_due()
    }

    /// Open incidents, over all namespaces.
    pub fn open_incidents(&self) -> usize {
        self.tenants.iter().map(|tenant| tenant.open).sum()
    }

    /// Takes in one entry. An entry at or below [`Correlator::sequence`] changes nothing.
    pub fn step(&mut self, entry: &Entry<'_>, effects: &mut Vec<Effect>) {
        if entry.sequence <= self.sequence {
            return;
        }
        self.sequence = entry.sequence;
        self.pass_time(self.now.max(entry.at), effects);
        match &entry.body {
            EntryBody::Tick => {}
            EntryBody::Events { namespace, events } => {
                let tenant = self.tenant(namespace);
                for (index, event) in events.iter().enumerate() {
                    self.on(tenant, index, effects, |tenant, turn| {
                        turn.totals.accepted += 1;
                        let outcome = tenant.apply(event, turn);
                        turn.totals.add(outcome);
                    });
                }
            }
            EntryBody::Rule {
                namespace,
                identity,
                spec,
            } => {
                let tenant = self.tenant(namespace);
                self.on(tenant, 0, effects, |tenant, turn| {
                    tenant.take_in_rule(identity.clone(), (**spec).clone(), turn);
                });
            }
            EntryBody::RuleDeleted { namespace, uid } => {
                let tenant = self.tenant(namespace);
                self.on(tenant, 0, effects, |tenant, turn| tenant.drop_rule(uid, turn));
            }
            EntryBody::Close { namespace, incident } => {
                let tenant = self.tenant(namespace);
                self.on(tenant, 0, effects, |tenant, turn| tenant.close(incident, turn));
            }
        }
    }

    /// Fires every timer up to `now`, each at its own time, so that it does not matter which entry woke it.
    fn pass_time(&mut self, now: Time, effects: &mut Vec<Effect>) {
        while let Some((due, subject)) = self.timers.pop_due(now) {
            self.now = self.now.max(due);
            match subject {
                Subject::Incident(tenant, number) => {
                    self.on(tenant, 0, effects, |tenant, turn| {
                        tenant.incident_due(number, turn);
                    });
                }
                Subject::Window(tenant, rule, group) => {
                    self.on(tenant, 0, effects, |tenant, turn| {
                        tenant.window_due(rule, group, turn);
                    });
                }
            }
        }
        self.now = now;
    }

    fn on(
        &mut self,
        tenant: u32,
        index: usize,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Tenant, &mut Turn<'_>),
    ) {
        let Some(tenant) = self.tenants.get_mut(tenant as usize) else {
            return;
        };
        let mut turn = Turn {
            at: self.now,
            position: position(self.sequence, index),
            log_id: &self.log_id,
            timers: &mut self.timers,
            effects,
            totals: &mut self.totals,
        };
        act(tenant, &mut turn);
    }

    fn tenant(&mut self, namespace: &str) -> u32 {
        if let Some(&number) = self.by_namespace.get(namespace) {
            return number;
        }
        let number = u32::try_from(self.tenants.len()).unwrap_or(u32::MAX);
        self.tenants.push(Tenant {
            number,
            namespace: namespace.to_owned(),
            ..Tenant::default()
        });
        self.by_namespace.insert(namespace.to_owned(), number);
        number
    }

    /// The last position of the last entry taken in.
    fn covered(&self) -> i64 {
        last_position(self.sequence)
    }

    /// The record of an incident now, if it is still there.
    pub fn incident_record(&self, tenant: u32, number: u64) -> Option<IncidentRecord> {
        let tenant = self.tenants.get(tenant as usize)?;
        let incident = tenant.incidents.get(&number)?;
        Some(incident.record(&tenant.namespace, self.covered()))
    }

    /// The record of a rule now, if it is still there.
    pub fn rule_record(&self, tenant: u32, number: u32) -> Option<RuleRecord> {
        let tenant = self.tenants.get(tenant as usize)?;
        let state = tenant.rules.iter().find(|state| state.number == number)?;
        Some(state.record(&tenant.namespace, self.covered()))
    }

    /// Every rule.
    pub fn rule_records(&self) -> impl Iterator<Item = RuleRecord> {
        let covered = self.covered();
        self.tenants.iter().flat_map(move |tenant| {
            tenant
                .rules
                .iter()
                .map(move |state| state.record(&tenant.namespace, covered))
        })
    }

    /// Every incident, ended ones with a record too.
    pub fn incident_records(&self) -> impl Iterator<Item = IncidentRecord> {
        let covered = self.covered();
        self.tenants.iter().flat_map(move |tenant| {
            tenant
                .incidents
                .values()
                .map(move |incident| incident.record(&tenant.namespace, covered))
        })
    }
}
