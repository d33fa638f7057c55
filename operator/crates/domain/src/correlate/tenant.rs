//! One namespace: its rules, its incidents, what it knows of problems and deliveries. An event enters here
//! and leaves as exactly one [`Outcome`].

use std::collections::{BTreeMap, HashMap};

use super::effect::{Effect, Outcome, Turn, Unreadable};
use super::incident::{Changed, Incident, Stage};
use super::problems::{News, Problems};
use super::resources::named_by;
use super::ring::Ring;
use super::rules::{Group, PENDING_OCCURRENCES, RuleState};
use super::window::Occurrence;
use crate::entry;
use crate::event::{Event, Logged};
use crate::hash::Hash128;
use crate::rule::index::RuleIndex;
use crate::rule::{Verdict, is_occurrence};

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
    pub fn apply(&mut self, logged: &Logged<'_>, turn: &mut Turn<'_>) -> Outcome {
        let event = &logged.head;
        if !event.delivery_key.is_empty() {
            let key = Hash128::of([&*event.source, &*event.delivery_key]);
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
            News::Again => self.repeat(logged, turn),
            News::New if is_occurrence(event.state) => self.ask_rules(logged, News::New, turn),
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
            let Some(incident) = self.incidents.get_mut(number) else {
                continue;
            };
            if incident.stage == Stage::Open {
                any = true;
                let changed = change(incident);
                turn.effects.push(Effect::Incident {
                    tenant: self.number,
                    number: *number,
                    changed,
                });
            }
        }
        any
    }

    fn clear(&mut self, fingerprint: Hash128, turn: &mut Turn<'_>) -> Outcome {
        for number in self.problems.held_by(fingerprint).to_vec() {
            let Some(incident) = self.incidents.get_mut(&number) else {
                continue;
            };
            if !incident.clear(fingerprint, turn.at) {
                continue;
            }
            match incident.stage {
                Stage::Open => {
                    turn.effects.push(Effect::Incident {
                        tenant: self.number,
                        number,
                        changed: Changed::State,
                    });
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

    fn repeat(&mut self, logged: &Logged<'_>, turn: &mut Turn<'_>) -> Outcome {
        let event = &logged.head;
        let seen = Occurrence::of(event, turn.at, true);
        let repeated = self.each_holder(event.fingerprint, turn, |incident| {
            // Each page of a notice names other resources; they stand in the head, so the rest stays unread.
            incident.resources.gather(&event.resources.0);
            incident.repeat(&seen)
        });
        if repeated {
            for number in self.problems.held_by(event.fingerprint).to_vec() {
                self.set_timer(number, turn);
            }
            return Outcome::Repeat;
        }
        let holders = self.problems.held_by(event.fingerprint).to_vec();
        for &number in &holders {
            self.mute(number, &seen, turn);
        }
        if holders.is_empty() {
            self.ask_rules(logged, News::Again, turn)
        } else {
            // Only what a person closed is still held and not open.
            Outcome::Muted
        }
    }

    /// Offers an occurrence to the rules in their order. The first that takes it owns it; `continue` lets
    /// later ones count it in their own incidents too. No rule can take what is not readable.
    fn ask_rules(&mut self, logged: &Logged<'_>, news: News, turn: &mut Turn<'_>) -> Outcome {
        let Some(event) = logged.event() else {
            turn.effects.push(Effect::Unreadable(Unreadable {
                index: entry::index(turn.position),
                text: logged.unread_text().unwrap_or_default().to_owned(),
            }));
            return Outcome::Unmatched;
        };
        let event = &*event;
        let mut places = std::mem::take(&mut self.places);
        self.index.candidates(event, &mut places);
        let mut outcome = None;
        for &place in &places {
            let Some(state) = self.rules.get_mut(place) else {
                continue;
            };
            let Some(rule) = &state.rule else { continue };
            match rule.verdict(event) {
                Verdict::Passes => continue,
                Verdict::Fails(message) => {
                    state.counters.condition_errors += 1;
                    state.condition_error = Some(message);
                    turn.effects.push(Effect::Rule {
                        tenant: self.number,
                        number: state.number,
                    });
                    continue;
                }
                Verdict::Takes => {}
            }
            let continues = rule.spec.continues;
            let occurrence = Occurrence::of(&logged.head, turn.at, outcome.is_none());
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
        let Some(state) = self.rules.get_mut(place) else {
            return Outcome::Unmatched;
        };
        let Some(rule) = &state.rule else {
            return Outcome::Unmatched;
        };
        let (group, counts) = (rule.group(event), rule.spec.trigger.count > 1);
        state.counters.matched += i64::from(news == News::New);
        turn.effects.push(Effect::Rule {
            tenant: self.number,
            number: state.number,
        });
        let number = match state.groups.get_mut(&group) {
            Some(Group::Has(number)) => *number,
            Some(Group::Pending(window)) if window.holds(seen.occurrence) => {
                if state.pending_occurrences < PENDING_OCCURRENCES {
                    state.pending_occurrences += window.gather(seen.occurrence, event);
                }
                return Outcome::Repeat;
            }
            // The same occurrence again adds nothing to a trigger that counts distinct ones.
            Some(Group::Pending(_)) | None if news == News::Again && counts => return Outcome::Repeat,
            Some(Group::Pending(_)) | None => return self.wait(place, group, event, seen, turn),
        };
        let incident = self.incidents.get(&number);
        let reopens = incident.is_some_and(|incident| incident.may_reopen(turn.at));
        match incident.map(|incident| incident.stage) {
            Some(Stage::Open) => self.join(place, number, (event, &seen), news, turn),
            Some(Stage::Muted(_)) => {
                self.problems.hold(seen.fingerprint, number);
                self.mute(number, &seen, turn);
                Outcome::Muted
            }
            Some(Stage::Reopenable(until)) if turn.at <= until && reopens && self.has_room(place) => {
                self.reopen(place, number, turn);
                self.join(place, number, (event, &seen), news, turn)
            }
            Some(Stage::Reopenable(_) | Stage::Over) | None => {
                self.leave_group(number);
                self.wait(place, group, event, seen, turn)
            }
        }
    }

    /// Something came of an incident that a person has ended.
    fn mute(&mut self, number: u64, seen: &Occurrence, turn: &mut Turn<'_>) {
        if let Some(incident) = self.incidents.get_mut(&number) {
            incident.mute(seen);
            turn.effects.push(Effect::Incident {
                tenant: self.number,
                number,
                changed: Changed::Counts,
            });
        }
        self.set_timer(number, turn);
    }

    fn join(
        &mut self,
        place: usize,
        number: u64,
        (event, seen): (&Event<'_>, &Occurrence),
        news: News,
        turn: &mut Turn<'_>,
    ) -> Outcome {
        let Some(incident) = self.incidents.get_mut(&number) else {
            return Outcome::Unmatched;
        };
        incident.resources.gather(named_by(event));
        let (changed, outcome) = match news {
            News::Again => (incident.repeat(seen), Outcome::Repeat),
            News::New | News::Stale | News::Cleared => (incident.count(seen), Outcome::Counted),
        };
        turn.effects.push(Effect::Incident {
            tenant: self.number,
            number,
            changed,
        });
        self.problems.hold(seen.fingerprint, number);
        if let Some(state) = self.rules.get_mut(place) {
            state.last_triggered_at = Some(turn.at);
        }
        self.set_timer(number, turn);
        outcome
    }

    /// Orders the rules anew and indexes them.
    pub fn index_rules(&mut self) {
        self.rules.sort_by(|a, b| a.order().cmp(&b.order()));
        let rules: Vec<_> = self.rules.iter().map(|state| state.rule.as_ref()).collect();
        self.index = RuleIndex::new(&rules);
    }
}
