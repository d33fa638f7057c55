//! What is known of each problem (fingerprint) of a namespace: whether it fires, as of when by the sender's
//! clock, in which occurrence, and which incidents hold it as a member.

use serde::{Deserialize, Serialize};

use crate::event::{EventState, Head};
use crate::hash::{Hash128, HashKeyed};
use crate::time::Time;

/// Problems of the younger half; twice this many are known at most, besides those that incidents hold.
/// About 100 bytes each: 13 MB for a namespace under an attack of new fingerprints.
const YOUNG: usize = 65_536;

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Its state by the newest transition.
    pub state: EventState,
    /// The sender's time of what is known.
    pub as_of: Time,
    /// The occurrence it is in.
    pub occurrence: Hash128,
    /// Numbers of the incidents that hold it: open, or closed by a person and muted.
    pub held_by: Vec<u64>,
}

/// How an event relates to what is known of its problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Older than what is known: moves nothing.
    Stale,
    /// The problem is gone.
    Cleared,
    /// A new occurrence.
    New,
    /// The same occurrence again.
    Again,
}

impl Problem {
    fn first(event: &Head<'_>) -> Self {
        Self {
            state: event.state,
            as_of: event.occurred_at,
            occurrence: event.occurrence_key,
            held_by: Vec::new(),
        }
    }

    /// Takes in an event of this problem. Only transitions are judged by the sender's time.
    fn learn(&mut self, event: &Head<'_>) -> News {
        let older = event.occurred_at < self.as_of;
        let news = match (self.state, event.state) {
            (_, EventState::Info) => return News::New,
            (_, EventState::Resolved) | (EventState::Resolved, EventState::Firing) if older => {
                return News::Stale;
            }
            (_, EventState::Resolved) => News::Cleared,
            (EventState::Firing, EventState::Firing) if event.has_life_cycle() => {
                if event.occurrence_key == self.occurrence {
                    News::Again
                } else if older {
                    return News::Stale;
                } else {
                    News::New
                }
            }
            (_, EventState::Firing) => News::New,
        };
        self.state = event.state;
        self.as_of = self.as_of.max(event.occurred_at);
        self.occurrence = event.occurrence_key;
        news
    }
}

/// The problems of one namespace, in two generations: what is not touched while the younger fills up twice,
/// and is held by no incident, is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems {
    young: HashKeyed<Problem>,
    old: HashKeyed<Problem>,
}

impl Problems {
    /// Takes in an event and says what it is to its problem.
    pub fn learn(&mut self, event: &Head<'_>) -> News {
        if let Some(problem) = self.young.get_mut(&event.fingerprint) {
            return problem.learn(event);
        }
        let mut known = self.old.remove(&event.fingerprint);
        let news = match &mut known {
            Some(problem) => problem.learn(event),
            None if event.state == EventState::Resolved => News::Cleared,
            None => News::New,
        };
        self.make_room();
        self.young
            .insert(event.fingerprint, known.unwrap_or_else(|| Problem::first(event)));
        news
    }

    fn make_room(&mut self) {
        if self.young.len() < YOUNG {
            return;
        }
        self.old.retain(|_, problem| !problem.held_by.is_empty());
        self.old.extend(self.young.drain());
    }

    /// The incidents that hold a problem.
    pub fn held_by(&self, fingerprint: Hash128) -> &[u64] {
        let problem = self
            .young
            .get(&fingerprint)
            .or_else(|| self.old.get(&fingerprint));
        problem.map_or(&[], |problem| &problem.held_by)
    }

    /// Whether a problem's newest transition was its clear.
    pub fn is_resolved(&self, fingerprint: Hash128) -> bool {
        let problem = self
            .young
            .get(&fingerprint)
            .or_else(|| self.old.get(&fingerprint));
        problem.is_some_and(|problem| problem.state == EventState::Resolved)
    }

    /// Notes that incident `number` holds no problem any longer.
    pub fn release_all(&mut self, number: u64) {
        for problem in self.young.values_mut().chain(self.old.values_mut()) {
            problem.held_by.retain(|held| *held != number);
        }
    }

    /// Notes that incident `number` holds a problem.
    pub fn hold(&mut self, fingerprint: Hash128, number: u64) {
        if let Some(problem) = self.get_mut(fingerprint)
            && !problem.held_by.contains(&number)
        {
            problem.held_by.push(number);
        }
    }

    /// Notes that incident `number` holds a problem no longer.
    pub fn release(&mut self, fingerprint: Hash128, number: u64) {
        if let Some(problem) = self.get_mut(fingerprint) {
            problem.held_by.retain(|held| *held != number);
        }
    }

    fn get_mut(&mut self, fingerprint: Hash128) -> Option<&mut Problem> {
        match self.young.get_mut(&fingerprint) {
            Some(problem) => Some(problem),
            None => self.old.get_mut(&fingerprint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(state: EventState, at: i64, occurrence: u128) -> Head<'static> {
        Head {
            fingerprint: Hash128::from(7),
            occurrence_key: Hash128::from(occurrence),
            state,
            occurred_at: Time::from_millis(at),
            ..Head::default()
        }
    }

    #[test]
    fn transitions_are_judged_by_the_senders_time() {
        let mut problems = Problems::default();
        let mut learn = |state, at, occurrence| problems.learn(&event(state, at, occurrence));
        assert_eq!(learn(EventState::Firing, 10, 1), News::New);
        assert_eq!(learn(EventState::Firing, 10, 1), News::Again);
        assert_eq!(learn(EventState::Resolved, 5, 1), News::Stale);
        assert_eq!(learn(EventState::Resolved, 20, 1), News::Cleared);
        assert_eq!(learn(EventState::Firing, 10, 1), News::Stale);
        assert_eq!(learn(EventState::Firing, 30, 2), News::New);
        assert_eq!(learn(EventState::Firing, 10, 1), News::Stale);
    }

    #[test]
    fn a_clear_that_overtook_its_firing_makes_the_firing_stale() {
        let mut problems = Problems::default();
        assert_eq!(problems.learn(&event(EventState::Resolved, 20, 1)), News::Cleared);
        assert_eq!(problems.learn(&event(EventState::Firing, 10, 1)), News::Stale);
    }

    #[test]
    fn without_a_life_cycle_every_firing_is_an_occurrence() {
        let mut problems = Problems::default();
        assert_eq!(problems.learn(&event(EventState::Firing, 10, 0)), News::New);
        assert_eq!(problems.learn(&event(EventState::Firing, 10, 0)), News::New);
    }

    #[test]
    fn a_held_problem_outlives_any_number_of_others() {
        let mut problems = Problems::default();
        problems.learn(&event(EventState::Firing, 1, 0));
        problems.hold(Hash128::from(7), 3);
        for n in 0..3 * YOUNG {
            problems.learn(&Head {
                fingerprint: Hash128::from(100 + n as u128),
                ..Head::default()
            });
        }
        assert_eq!(problems.held_by(Hash128::from(7)), [3]);
        assert!(problems.young.len() + problems.old.len() <= 2 * YOUNG + 1);
    }
}
