//! How an incident of a namespace opens: occurrences wait for their rule's trigger, then open an incident, or
//! join the rule's overflow incident where a cap is reached.

use std::sync::Arc;

use super::effect::{Effect, Outcome, Turn};
use super::incident::{Changed, Incident, Opening};
use super::rules::{Group, OPEN_PER_RULE, PENDING_GROUPS, PENDING_OCCURRENCES, RuleState};
use super::tenant::Tenant;
use super::timers::Subject;
use super::window::{Occurrence, Window};
use crate::event::Event;
use crate::hash::Hash128;
use crate::incident::incident_id;
use crate::rule::Rule;

/// Open incidents of one namespace.
const OPEN_PER_NAMESPACE: usize = 5000;

/// Incidents of one namespace, those too that have ended and whose record has yet to go: a sender that opens and
/// clears without end must not fill the memory.
const KNOWN_PER_NAMESPACE: usize = 20_000;

impl Tenant {
    /// Adds an occurrence to the group's window, and opens an incident when the trigger is met.
    pub(super) fn wait(
        &mut self,
        place: usize,
        group: Hash128,
        event: &Event<'_>,
        mut seen: Occurrence,
        turn: &mut Turn<'_>,
    ) -> Outcome {
        seen.gather(event);
        let Some(state) = self.rules.get_mut(place) else {
            return Outcome::Unmatched;
        };
        let Some(rule) = &state.rule else {
            return Outcome::Unmatched;
        };
        let trigger = rule.spec.trigger;
        if trigger.count > 1 {
            let is_new = !state.groups.contains_key(&group);
            if (is_new && state.pending_groups >= PENDING_GROUPS)
                || state.pending_occurrences >= PENDING_OCCURRENCES
            {
                return self.overflow(place, event, &[seen], turn);
            }
            let entry = state
                .groups
                .entry(group)
                .or_insert_with(|| Group::Pending(Window::default()));
            let Group::Pending(window) = entry else {
                return Outcome::Unmatched;
            };
            state.pending_groups += usize::from(is_new);
            state.pending_occurrences += seen.weight();
            turn.totals.pending += i64::from(seen.owned);
            window.push(seen);
            if let Some(due) = window.due(trigger.within) {
                turn.timers
                    .not_later_than(due, Subject::Window(self.number, state.number, group));
            }
            if window.len() < usize::try_from(trigger.count).unwrap_or(usize::MAX) {
                return Outcome::Pending;
            }
            let occurrences = take_window(state, group, turn);
            return self.open(place, event, &occurrences, turn);
        }
        self.open(place, event, &[seen], turn)
    }

    /// Opens an incident with these first occurrences, or joins them to the overflow incident at a cap. The
    /// outcome is that of the last one, the event at hand; the others are accounted for here.
    fn open(
        &mut self,
        place: usize,
        event: &Event<'_>,
        first: &[Occurrence],
        turn: &mut Turn<'_>,
    ) -> Outcome {
        if !self.has_room(place) {
            return self.overflow(place, event, first, turn);
        }
        let Some(state) = self.rules.get_mut(place) else {
            return Outcome::Unmatched;
        };
        let Some(rule) = &state.rule else {
            return Outcome::Unmatched;
        };
        let (group, fields) = (rule.group(event), rule.group_fields(event));
        let incident = Incident::open(opening(turn, rule, (group, fields), event));
        state.groups.insert(group, Group::Has(self.next_incident));
        state.counters.opened += 1;
        state.counters.open += 1;
        self.open += 1;
        let number = self.add(incident);
        self.settle(number, place, first, Outcome::Counted, turn)
    }

    fn overflow(
        &mut self,
        place: usize,
        event: &Event<'_>,
        first: &[Occurrence],
        turn: &mut Turn<'_>,
    ) -> Outcome {
        let Some(state) = self.rules.get_mut(place) else {
            return Outcome::Unmatched;
        };
        state.counters.overflow += i64::try_from(first.len()).unwrap_or(i64::MAX);
        let number = match (state.overflow, &state.rule) {
            (Some(number), _) => number,
            (None, Some(rule)) => {
                let group = Hash128::of(["overflow", &rule.identity.uid]);
                let fields = vec![("overflow".to_owned(), rule.identity.name.clone())];
                let mut incident = Incident::open(opening(turn, rule, (group, fields), event));
                incident.overflow = true;
                state.overflow = Some(self.next_incident);
                state.counters.opened += 1;
                state.counters.open += 1;
                self.add(incident)
            }
            (None, None) => return Outcome::Unmatched,
        };
        self.settle(number, place, first, Outcome::Overflow, turn)
    }

    fn add(&mut self, incident: Incident) -> u64 {
        let number = self.next_incident;
        self.next_incident += 1;
        self.by_id.insert(incident.id.clone(), number);
        self.incidents.insert(number, incident);
        number
    }

    /// Counts the first occurrences of an incident; all but the last had been accounted as pending.
    fn settle(
        &mut self,
        number: u64,
        place: usize,
        first: &[Occurrence],
        outcome: Outcome,
        turn: &mut Turn<'_>,
    ) -> Outcome {
        if let Some(incident) = self.incidents.get_mut(&number) {
            for seen in first {
                incident.count(seen);
                incident.resources.gather(&seen.resources);
                // Its clear came while it waited; nobody will send it again.
                if self.problems.is_resolved(seen.fingerprint) {
                    incident.clear(seen.fingerprint, turn.at);
                }
            }
        }
        let waited = first.split_last().map_or(&[][..], |(_, waited)| waited);
        for _ in waited.iter().filter(|seen| seen.owned) {
            turn.totals.add(outcome);
        }
        for seen in first {
            self.problems.hold(seen.fingerprint, number);
        }
        if let Some(state) = self.rules.get_mut(place) {
            state.last_triggered_at = Some(turn.at);
        }
        turn.effects.push(Effect::Incident {
            tenant: self.number,
            number,
            changed: Changed::State,
        });
        self.set_timer(number, turn);
        outcome
    }

    pub(super) fn has_room(&self, place: usize) -> bool {
        self.open < OPEN_PER_NAMESPACE
            && self.incidents.len() < KNOWN_PER_NAMESPACE
            && self
                .rules
                .get(place)
                .is_some_and(|state| state.counters.open < OPEN_PER_RULE)
    }
}

/// Takes a group's waiting occurrences out.
pub fn take_window(state: &mut RuleState, group: Hash128, turn: &mut Turn<'_>) -> Vec<Occurrence> {
    let Some(Group::Pending(window)) = state.groups.remove(&group) else {
        return Vec::new();
    };
    state.pending_groups = state.pending_groups.saturating_sub(1);
    state.pending_occurrences = state.pending_occurrences.saturating_sub(window.weight());
    let occurrences: Vec<_> = window.into_occurrences().collect();
    turn.totals.pending -= occurrences.iter().map(|seen| i64::from(seen.owned)).sum::<i64>();
    occurrences
}

fn opening<'a>(
    turn: &Turn<'_>,
    rule: &Rule,
    group: (Hash128, Vec<(String, String)>),
    event: &'a Event<'a>,
) -> Opening<'a> {
    Opening {
        id: incident_id(turn.log_id, &rule.identity.uid, group.0, turn.position),
        rule: rule.identity.clone(),
        resolve: rule.spec.resolve,
        triage: Arc::clone(&rule.spec.triage),
        ttl: rule.spec.ttl,
        group: group.0,
        group_fields: group.1,
        event,
        at: turn.at,
    }
}
