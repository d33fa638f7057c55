//! One namespace: its rules, its incidents, what it knows of problems and deliveries. An event enters here
//! and leaves as exactly one [`Outcome`].

use std::collections::{BTreeMap, HashMap};

use super::effect::{Effect, Outcome, Turn};
use super::incident::{Changed, Incident, Opening, Stage};
use super::problems::{News, Problems};
use super::ring::Ring;
use super::rules::{Group, OPEN_PER_RULE, PENDING_GROUPS, PENDING_OCCURRENCES, RuleState};
use super::timers::Subject;
use super::window::{Occurrence, Window};
use crate::event::Event;
use crate::hash::Hash128;
use crate::incident::incident_id;
use crate::rule::index::RuleIndex;
use crate::rule::{Rule, Verdict, is_occurrence};

/// Open incidents of one namespace.
const OPEN_PER_NAMESPACE: usize = 5000;

/// One namespace.
#[derive(Debug, Default)]
pub struct Tenant {
    /// Its number among the tenants: the order of their first entries.
    pub number: u32,
    /// Its name.
    pub namespace: String,
    /// Delivery keys of late.
    pub ring: Ring,
    /// What is known of problems.
    pub problems: Problems,
    /// In the order in which they are asked.
    pub rules: Vec<RuleState>,
    /// Deleted rules' uids, oldest first: a delete is final.
    pub gone: Vec<String>,
    /// By number.
    pub incidents: BTreeMap<u64, Incident>,
    /// Numbers by id.
    pub by_id: HashMap<String, u64>,
    /// Open ones, overflow incidents apart.
    pub open: usize,
    /// The next incident's number.
    pub next_incident: u64,
    /// The next rule's number.
    pub next_rule: u32,
    pub(super) index: RuleIndex,
    pub(super) places: Vec<usize>,
}

impl Tenant {
    /// Takes in one event.
    pub fn apply(&mut self, event: &Event<'_>, turn: &mut Turn<'_>) -> Outcome {
        if !event.delivery_key.is_empty() {
            let key = Hash128::of([&*event.source.name, &*event.delivery_key]);
            if !self.ring.insert(key, turn.at, turn.position) {
                self.each_holder(event.fingerprint, turn, |incident| {
                    incident.duplicate();
                    Changed::Counts
                });
                return Outcome::Duplicate;
            }
        }
        match self.problems.learn(event) {
            News::Stale => Outcome::Stale,
            News::Cleared => self.clear(event.fingerprint, turn),
            News::Again => self.repeat(event, turn),
            News::New if is_occurrence(event.state) => self.ask_rules(event, News::New, turn),
            News::New => Outcome::Cleared,
        }
    }

    /// Changes every open incident that holds a problem; `true` when there is one.
    fn each_holder(
        &mut self,
        fingerprint: Hash128,
        turn: &mut Turn<'_>,
        mut change: impl FnMut(&mut Incident) -> Changed,
    ) -> bool {
        let mut any = false;
        for number in self.problems.held_by(fingerprint) {
            let Some(incident) = self.incidents.get_mut(number) else { continue };
            if incident.stage == Stage::Open {
                any = true;
                let changed = change(incident);
                turn.effects.push(Effect::Incident { tenant: self.number, number: *number, changed });
            }
        }
        any
    }

    fn clear(&mut self, fingerprint: Hash128, turn: &mut Turn<'_>) -> Outcome {
        for number in self.problems.held_by(fingerprint).to_vec() {
            let Some(incident) = self.incidents.get_mut(&number) else { continue };
            if !incident.clear(fingerprint, turn.at) {
                continue;
            }
            match incident.stage {
                Stage::Open => {
                    turn.effects.push(Effect::Incident { tenant: self.number, number, changed: Changed::State });
                    if let Some(reason) = incident.ends(turn.at) {
                        self.finish(number, turn.at, reason, turn);
                    }
                }
                Stage::Muted(_) | Stage::Reopenable(_) | Stage::Over => {}
            }
            self.set_timer(number, turn);
        }
        Outcome::Cleared
    }

    fn repeat(&mut self, event: &Event<'_>, turn: &mut Turn<'_>) -> Outcome {
        let seen = Occurrence::of(event, turn.at, true);
        if self.each_holder(event.fingerprint, turn, |incident| incident.repeat(&seen)) {
            for number in self.problems.held_by(event.fingerprint).to_vec() {
                self.set_timer(number, turn);
            }
            return Outcome::Repeat;
        }
        self.ask_rules(event, News::Again, turn)
    }

    /// Offers an occurrence to the rules in their order. The first that takes it owns it; `continue` lets
    /// later ones count it in their own incidents too.
    fn ask_rules(&mut self, event: &Event<'_>, news: News, turn: &mut Turn<'_>) -> Outcome {
        let mut places = std::mem::take(&mut self.places);
        self.index.candidates(event, &mut places);
        let mut outcome = None;
        for &place in &places {
            let Some(state) = self.rules.get_mut(place) else { continue };
            let Some(rule) = &state.rule else { continue };
            match rule.verdict(event) {
                Verdict::Passes => continue,
                Verdict::Fails(message) => {
                    state.counters.condition_errors += 1;
                    state.condition_error = Some(message);
                    turn.effects.push(Effect::Rule { tenant: self.number, number: state.number });
                    continue;
                }
                Verdict::Takes => {}
            }
            let continues = rule.spec.continues;
            let occurrence = Occurrence::of(event, turn.at, outcome.is_none());
            let placed = self.place(place, event, occurrence, news, turn);
            outcome.get_or_insert(placed);
            if !continues {
                break;
            }
        }
        self.places = places;
        outcome.unwrap_or(Outcome::Unmatched)
    }

    /// Puts an occurrence where the rule's group stands.
    fn place(
        &mut self,
        place: usize,
        event: &Event<'_>,
        seen: Occurrence,
        news: News,
        turn: &mut Turn<'_>,
    ) -> Outcome {
        let Some(state) = self.rules.get_mut(place) else { return Outcome::Unmatched };
        let Some(rule) = &state.rule else { return Outcome::Unmatched };
        let group = rule.group(event);
        state.counters.matched += i64::from(news == News::New);
        turn.effects.push(Effect::Rule { tenant: self.number, number: state.number });
        let number = match state.groups.get_mut(&group) {
            Some(Group::Has(number)) => *number,
            Some(Group::Pending(window)) if window.holds(seen.occurrence) => return Outcome::Repeat,
            Some(Group::Pending(_)) | None => return self.wait(place, group, event, seen, turn),
        };
        match self.incidents.get(&number).map(|incident| incident.stage) {
            Some(Stage::Open) => self.join(place, number, &seen, news, turn),
            Some(Stage::Muted(_)) => {
                if let Some(incident) = self.incidents.get_mut(&number) {
                    incident.note(&seen);
                }
                self.problems.hold(seen.fingerprint, number);
                self.set_timer(number, turn);
                Outcome::Muted
            }
            Some(Stage::Reopenable(until)) if turn.at <= until && self.has_room(place) => {
                self.reopen(place, number, turn);
                self.join(place, number, &seen, news, turn)
            }
            Some(Stage::Reopenable(_) | Stage::Over) | None => {
                self.leave_group(number);
                self.wait(place, group, event, seen, turn)
            }
        }
    }

    fn join(
        &mut self,
        place: usize,
        number: u64,
        seen: &Occurrence,
        news: News,
        turn: &mut Turn<'_>,
    ) -> Outcome {
        let Some(incident) = self.incidents.get_mut(&number) else { return Outcome::Unmatched };
        let (changed, outcome) = match news {
            News::Again => (incident.repeat(seen), Outcome::Repeat),
            News::New | News::Stale | News::Cleared => (incident.count(seen), Outcome::Counted),
        };
        turn.effects.push(Effect::Incident { tenant: self.number, number, changed });
        self.problems.hold(seen.fingerprint, number);
        if let Some(state) = self.rules.get_mut(place) {
            state.last_triggered_at = Some(turn.at);
        }
        self.set_timer(number, turn);
        outcome
    }

    /// Adds an occurrence to the group's window, and opens an incident when the trigger is met.
    fn wait(
        &mut self,
        place: usize,
        group: Hash128,
        event: &Event<'_>,
        seen: Occurrence,
        turn: &mut Turn<'_>,
    ) -> Outcome {
        let Some(state) = self.rules.get_mut(place) else { return Outcome::Unmatched };
        let Some(rule) = &state.rule else { return Outcome::Unmatched };
        let trigger = rule.spec.trigger;
        if trigger.count > 1 {
            let is_new = !state.groups.contains_key(&group);
            if (is_new && state.pending_groups >= PENDING_GROUPS) || state.pending_occurrences >= PENDING_OCCURRENCES {
                return self.overflow(place, event, &[seen], turn);
            }
            let entry = state.groups.entry(group).or_insert_with(|| Group::Pending(Window::default()));
            let Group::Pending(window) = entry else { return Outcome::Unmatched };
            state.pending_groups += usize::from(is_new);
            state.pending_occurrences += 1;
            turn.totals.pending += i64::from(seen.owned);
            window.push(seen);
            if let Some(due) = window.due(trigger.within) {
                turn.timers.not_later_than(due, Subject::Window(self.number, state.number, group));
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
    fn open(&mut self, place: usize, event: &Event<'_>, first: &[Occurrence], turn: &mut Turn<'_>) -> Outcome {
        if !self.has_room(place) {
            return self.overflow(place, event, first, turn);
        }
        let Some(state) = self.rules.get_mut(place) else { return Outcome::Unmatched };
        let Some(rule) = &state.rule else { return Outcome::Unmatched };
        let (group, fields) = (rule.group(event), rule.group_fields(event));
        let incident = Incident::open(opening(turn, rule, (group, fields), event));
        state.groups.insert(group, Group::Has(self.next_incident));
        state.counters.opened += 1;
        state.counters.open += 1;
        self.open += 1;
        let number = self.add(incident);
        self.settle(number, place, first, Outcome::Counted, turn)
    }

    fn overflow(&mut self, place: usize, event: &Event<'_>, first: &[Occurrence], turn: &mut Turn<'_>) -> Outcome {
        let Some(state) = self.rules.get_mut(place) else { return Outcome::Unmatched };
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
        turn.effects.push(Effect::Incident { tenant: self.number, number, changed: Changed::State });
        self.set_timer(number, turn);
        outcome
    }

    fn has_room(&self, place: usize) -> bool {
        self.open < OPEN_PER_NAMESPACE
            && self.rules.get(place).is_some_and(|state| state.counters.open < OPEN_PER_RULE)
    }

    /// Orders the rules anew and indexes them.
    pub fn index_rules(&mut self) {
        self.rules.sort_by(|a, b| a.order().cmp(&b.order()));
        let rules: Vec<_> = self.rules.iter().map(|state| state.rule.as_ref()).collect();
        self.index = RuleIndex::new(&rules);
    }
}

/// Takes a group's waiting occurrences out.
pub fn take_window(state: &mut RuleState, group: Hash128, turn: &mut Turn<'_>) -> Vec<Occurrence> {
    let Some(Group::Pending(window)) = state.groups.remove(&group) else { return Vec::new() };
    state.pending_groups = state.pending_groups.saturating_sub(1);
    state.pending_occurrences = state.pending_occurrences.saturating_sub(window.len());
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
        ttl: rule.spec.ttl,
        group: group.0,
        group_fields: group.1,
        event,
        at: turn.at,
    }
}
