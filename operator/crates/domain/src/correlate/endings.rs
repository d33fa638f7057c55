//! How incidents of a namespace end, come back, and are forgotten; how windows slide; how rules come and go.

use super::effect::{Effect, Outcome, Turn};
use super::incident::{Changed, Stage};
use super::opening::take_window;
use super::rules::{Group, RuleState};
use super::tenant::Tenant;
use super::timers::Subject;
use crate::hash::Hash128;
use crate::incident::EndReason;
use crate::rule::{RuleError, RuleIdentity, RuleSpec};

/// Uids of deleted rules remembered per namespace; a controller repeats a rule's entries for seconds, not for
/// ten thousand deletions.
const GONE_RULES: usize = 10_000;

impl Tenant {
    /// Looks at an incident whose deadline came.
    pub fn incident_due(&mut self, number: u64, turn: &mut Turn<'_>) {
        let Some(incident) = self.incidents.get_mut(&number) else {
            return;
        };
        let expired = incident.expire(turn.at);
        match incident.stage {
            Stage::Open => {
                if expired {
                    turn.effects.push(Effect::Incident {
                        tenant: self.number,
                        number,
                        changed: Changed::State,
                    });
                }
                if let Some(reason) = incident.ends(turn.at) {
                    self.finish(number, turn.at, reason, turn);
                }
            }
            Stage::Reopenable(until) if turn.at > until => self.leave_group(number),
            Stage::Muted(since)
                if (!incident.has_firing_alerts() && turn.at >= incident.unmuted_at(since))
                    || turn.at >= incident.muted_until(since) =>
            {
                self.leave_group(number);
            }
            Stage::Reopenable(_) | Stage::Muted(_) | Stage::Over => {}
        }
        if self
            .incidents
            .get(&number)
            .is_some_and(|incident| incident.is_removable(turn.at))
        {
            self.remove(number, turn);
        } else {
            self.set_timer(number, turn);
        }
    }

    /// Ends an open incident.
    pub fn finish(&mut self, number: u64, at: crate::time::Time, reason: EndReason, turn: &mut Turn<'_>) {
        let Some(incident) = self.incidents.get_mut(&number) else {
            return;
        };
        incident.finish(at, reason);
        let (overflow, stage, uid) = (incident.overflow, incident.stage, incident.rule.uid.clone());
        if !matches!(stage, Stage::Muted(_)) {
            self.release(number);
        }
        self.open -= usize::from(!overflow);
        if let Some(state) = self.rules.iter_mut().find(|state| state.identity.uid == uid) {
            state.counters.open -= 1;
            state.overflow = state.overflow.filter(|open| *open != number);
            turn.effects.push(Effect::Rule {
                tenant: self.number,
                number: state.number,
            });
        }
        if stage == Stage::Over {
            self.leave_group(number);
        }
        turn.effects.push(Effect::Incident {
            tenant: self.number,
            number,
            changed: Changed::State,
        });
        self.set_timer(number, turn);
    }

    /// Takes an incident up again that had ended by itself.
    pub fn reopen(&mut self, place: usize, number: u64, turn: &mut Turn<'_>) {
        let Some(incident) = self.incidents.get_mut(&number) else {
            return;
        };
        incident.reopen();
        self.open += 1;
        if let Some(state) = self.rules.get_mut(place) {
            state.counters.open += 1;
        }
        turn.effects.push(Effect::Incident {
            tenant: self.number,
            number,
            changed: Changed::State,
        });
    }

    /// Closes an incident for a person; what is not open stays as it is.
    pub fn close(&mut self, id: &str, turn: &mut Turn<'_>) {
        let Some(&number) = self.by_id.get(id) else { return };
        if self
            .incidents
            .get(&number)
            .is_some_and(|incident| incident.stage == Stage::Open)
        {
            self.finish(number, turn.at, EndReason::Closed, turn);
        }
    }

    /// Frees the group that an incident holds: the next occurrence starts anew.
    pub fn leave_group(&mut self, number: u64) {
        let Some(incident) = self.incidents.get_mut(&number) else {
            return;
        };
        if let Some(state) = self
            .rules
            .iter_mut()
            .find(|state| state.identity.uid == incident.rule.uid)
            && state.groups.get(&incident.group) == Some(&Group::Has(number))
        {
            state.groups.remove(&incident.group);
        }
        self.release(number);
        if let Some(incident) = self.incidents.get_mut(&number) {
            incident.retire();
        }
    }

    /// Notes with every problem that an incident held that it does so no longer.
    fn release(&mut self, number: u64) {
        let Some(incident) = self.incidents.get(&number) else {
            return;
        };
        if incident.has_untracked() {
            self.problems.release_all(number);
        }
        for fingerprint in incident.fingerprints() {
            self.problems.release(fingerprint, number);
        }
    }

    fn remove(&mut self, number: u64, turn: &mut Turn<'_>) {
        self.leave_group(number);
        if let Some(incident) = self.incidents.remove(&number) {
            self.by_id.remove(&incident.id);
            turn.effects.push(Effect::Removed {
                tenant: self.number,
                number,
                key: format!("{}.{}", self.namespace, incident.id),
            });
        }
    }

    /// Sets an incident's timer to its next deadline.
    pub fn set_timer(&mut self, number: u64, turn: &mut Turn<'_>) {
        if let Some(incident) = self.incidents.get(&number) {
            turn.timers
                .not_later_than(incident.due(), Subject::Incident(self.number, number));
        }
    }

    /// Slides a window whose oldest occurrence is due.
    pub fn window_due(&mut self, rule: u32, group: Hash128, turn: &mut Turn<'_>) {
        let Some(state) = self.rules.iter_mut().find(|state| state.number == rule) else {
            return;
        };
        let Some(within) = state.rule.as_ref().map(|rule| rule.spec.trigger.within) else {
            return;
        };
        let Some(Group::Pending(window)) = state.groups.get_mut(&group) else {
            return;
        };
        let (mut gone, mut weight) = (0, 0);
        for occurrence in window.slide(turn.at, within) {
            gone += 1;
            weight += occurrence.weight();
            if occurrence.owned {
                turn.totals.pending -= 1;
                turn.totals.add(Outcome::BelowThreshold);
            }
        }
        let due = window.due(within);
        state.pending_occurrences -= weight;
        state.counters.below_threshold += gone;
        if let Some(due) = due {
            turn.timers
                .not_later_than(due, Subject::Window(self.number, rule, group));
        } else {
            state.groups.remove(&group);
            state.pending_groups -= 1;
        }
        if gone > 0 {
            turn.effects.push(Effect::Rule {
                tenant: self.number,
                number: rule,
            });
        }
    }

    /// Takes in a version of a rule; older ones and those of deleted rules are ignored.
    pub fn take_in_rule(
        &mut self,
        identity: RuleIdentity,
        spec: Result<RuleSpec, RuleError>,
        turn: &mut Turn<'_>,
    ) {
        if self.gone.contains(&identity.uid) {
            return;
        }
        let place = self
            .rules
            .iter()
            .position(|state| state.identity.uid == identity.uid)
            .unwrap_or_else(|| {
                self.next_rule += 1;
                let mut unversioned = identity.clone();
                unversioned.generation = 0;
                self.rules.push(RuleState::new(self.next_rule, unversioned));
                self.rules.len() - 1
            });
        let Some(state) = self.rules.get_mut(place) else {
            return;
        };
        if identity.generation <= state.identity.generation {
            return;
        }
        let number = state.number;
        if state.take_in(identity, spec, turn.position) {
            drop_windows(state, turn);
        }
        turn.effects.push(Effect::RuleChanged {
            tenant: self.number,
            number,
        });
        self.index_rules();
    }

    /// Takes a rule out for good. Its open incidents stay until they end.
    pub fn drop_rule(&mut self, uid: &str, turn: &mut Turn<'_>) {
        if !self.gone.iter().any(|gone| gone == uid) {
            if self.gone.len() >= GONE_RULES {
                self.gone.remove(0);
            }
            self.gone.push(uid.to_owned());
        }
        let Some(place) = self.rules.iter().position(|state| state.identity.uid == uid) else {
            return;
        };
        let mut state = self.rules.remove(place);
        drop_windows(&mut state, turn);
        let numbers: Vec<u64> = self
            .incidents
            .iter()
            .filter(|(_, incident)| incident.rule.uid == uid)
            .map(|(number, _)| *number)
            .collect();
        for number in numbers {
            let Some(incident) = self.incidents.get_mut(&number) else {
                continue;
            };
            incident.rule_gone = true;
            if incident.stage == Stage::Open {
                turn.effects.push(Effect::Incident {
                    tenant: self.number,
                    number,
                    changed: Changed::State,
                });
            } else {
                self.leave_group(number);
                self.set_timer(number, turn);
            }
        }
        turn.effects.push(Effect::RuleDropped {
            key: format!("{}.{uid}", self.namespace),
            record: Box::new(crate::rule::record::RuleRecord {
                deleted: true,
                position: turn.position,
                ..state.record(&self.namespace, turn.position)
            }),
        });
        self.index_rules();
    }
}

/// Ends a rule's windows: what waited in them stays below the threshold.
fn drop_windows(state: &mut RuleState, turn: &mut Turn<'_>) {
    let mut pending: Vec<Hash128> = Vec::new();
    pending.extend(
        state
            .groups
            .iter()
            .filter(|(_, is)| matches!(is, Group::Pending(_)))
            .map(|(group, _)| *group),
    );
    for group in pending {
        for occurrence in take_window(state, group, turn) {
            state.counters.below_threshold += 1;
            if occurrence.owned {
                turn.totals.add(Outcome::BelowThreshold);
            }
        }
    }
}
