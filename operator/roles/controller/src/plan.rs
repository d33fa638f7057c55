//! What is written next: which objects want a write, how urgent each is, and which only wait for a time. Pure; it
//! knows keys and classes, not what the writes are: those are worked out anew when a key's turn comes, so that
//! the newest record wins and nothing outdated is ever queued.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use tokio::time::Instant;

use crate::budget::WriteBudget;
use crate::class::Class;

/// A key's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Ready(Class, u64),
    Waiting(Instant),
}

/// The keys that want something. Each is in it at most once; the latest call for a key holds.
#[derive(Debug)]
pub struct Plan<K> {
    places: HashMap<K, Place>,
    ready: BTreeSet<(Class, u64, K)>,
    waiting: BTreeSet<(Instant, K)>,
    arrivals: u64,
}

impl<K: Clone + Eq + Hash + Ord> Plan<K> {
    /// Nothing to do.
    pub fn new() -> Self {
        Self {
            places: HashMap::new(),
            ready: BTreeSet::new(),
            waiting: BTreeSet::new(),
            arrivals: 0,
        }
    }

    /// `key` wants a write. It keeps its turn among its class when it wanted the same before.
    pub fn want(&mut self, key: &K, class: Class) {
        if matches!(self.places.get(key), Some(Place::Ready(before, _)) if *before == class) {
            return;
        }
        self.forget(key);
        self.arrivals += 1;
        self.places
            .insert(key.clone(), Place::Ready(class, self.arrivals));
        self.ready.insert((class, self.arrivals, key.clone()));
    }

    /// `key` is to be looked at again at `until`, and wants nothing before.
    pub fn wait(&mut self, key: &K, until: Instant) {
        if self.places.get(key) == Some(&Place::Waiting(until)) {
            return;
        }
        self.forget(key);
        self.places.insert(key.clone(), Place::Waiting(until));
        self.waiting.insert((until, key.clone()));
    }

    /// `key` wants nothing any more.
    pub fn forget(&mut self, key: &K) {
        match self.places.remove(key) {
            Some(Place::Ready(class, arrival)) => self.ready.remove(&(class, arrival, key.clone())),
            Some(Place::Waiting(until)) => self.waiting.remove(&(until, key.clone())),
            None => false,
        };
    }

    /// Takes out one key whose time has come.
    pub fn expired(&mut self, now: Instant) -> Option<K> {
        let (_, key) = self.waiting.first().filter(|(until, _)| *until <= now)?.clone();
        self.forget(&key);
        Some(key)
    }

    /// Takes out the next key to be written, if the budget allows. Strictly by class: a write that cannot be paid
    /// is not overtaken by a cheaper one of less urgency.
    pub fn take(&mut self, budget: &mut WriteBudget, now: Instant) -> Option<K> {
        let (class, _, key) = self.ready.first()?.clone();
        if !budget.take(class, now) {
            return None;
        }
        self.forget(&key);
        Some(key)
    }

    /// How many keys want a write now.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// When [`Plan::expired`] will have a key.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.waiting.first().map(|(until, _)| *until)
    }

    /// When [`Plan::take`] will have a key; `now` or earlier if it has.
    pub fn next_turn(&self, budget: &mut WriteBudget, now: Instant) -> Option<Instant> {
        self.ready
            .first()
            .map(|(class, _, _)| budget.affordable_at(*class, now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn drain(plan: &mut Plan<&'static str>, now: Instant) -> Vec<&'static str> {
        let mut budget = WriteBudget::new(now);
        std::iter::from_fn(|| plan.take(&mut budget, now)).collect()
    }

    #[test]
    fn openings_go_before_changes_and_changes_before_counts() {
        let mut plan = Plan::new();
        for (key, class) in [
            ("upkeep", Class::Upkeep),
            ("counts", Class::Counts),
            ("overdue", Class::Overdue),
            ("change", Class::Change),
            ("opening", Class::Opening),
        ] {
            plan.want(&key, class);
        }
        assert_eq!(
            drain(&mut plan, Instant::now()),
            ["opening", "change", "overdue", "counts", "upkeep"]
        );
    }

    #[test]
    fn within_a_class_the_first_to_want_is_the_first_served() {
        let mut plan = Plan::new();
        plan.want(&"b", Class::Counts);
        plan.want(&"a", Class::Counts);
        plan.want(&"b", Class::Counts);
        assert_eq!(drain(&mut plan, Instant::now()), ["b", "a"]);
    }

    #[test]
    fn the_latest_call_for_a_key_holds() {
        let now = Instant::now();
        let mut plan = Plan::new();
        plan.want(&"a", Class::Opening);
        plan.wait(&"a", now + Duration::from_secs(1));
        assert_eq!(drain(&mut plan, now), [""; 0]);
        plan.want(&"a", Class::Counts);
        assert_eq!(plan.next_expiry(), None);
        plan.forget(&"a");
        assert_eq!(drain(&mut plan, now), [""; 0]);
    }

    #[test]
    fn a_waiting_key_comes_out_when_its_time_has_come() {
        let now = Instant::now();
        let due = now + Duration::from_secs(5);
        let mut plan = Plan::new();
        plan.wait(&"a", due);
        assert_eq!(plan.expired(now), None);
        assert_eq!(plan.next_expiry(), Some(due));
        assert_eq!(plan.expired(due), Some("a"));
        assert_eq!(plan.expired(due), None);
    }

    #[test]
    fn a_write_that_cannot_be_paid_is_not_overtaken() {
        let now = Instant::now();
        let mut budget = WriteBudget::new(now);
        while budget.take(Class::Change, now) {}
        let soon = now + Duration::from_millis(60); // 1.14 writes: enough for counts, not for an opening
        let mut plan = Plan::new();
        plan.want(&"counts", Class::Counts);
        plan.want(&"opening", Class::Opening);
        assert_eq!(plan.take(&mut budget, soon), None);
        let turn = plan.next_turn(&mut budget, soon).unwrap();
        assert_eq!(plan.take(&mut budget, turn), Some("opening"));
    }
}
