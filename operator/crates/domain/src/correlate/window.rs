//! Occurrences of one rule and group that wait for enough others: the trigger's sliding window of log time.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::resources::{TOLD_APART, cut, named_by};
use crate::event::{Event, Head};
use crate::hash::Hash128;
use crate::severity::Severity;
use crate::time::Time;

/// What an incident needs to know of an occurrence that came before it opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// When, by the log.
    pub at: Time,
    /// Its problem.
    pub fingerprint: Hash128,
    /// Its occurrence, absent for formats without a life cycle.
    pub occurrence: Hash128,
    /// When it ends by itself, if ever.
    pub ends_at: Time,
    /// How bad.
    pub severity: Severity,
    /// Whether this rule was the first to take the event: then it counts here in the accounting.
    pub owned: bool,
    /// What it names, for as long as it waits: an incident that is there takes that from the event.
    #[serde(skip)]
    pub resources: Vec<String>,
}

impl Occurrence {
    /// What is kept of `event`.
    pub fn of(event: &Head<'_>, at: Time, owned: bool) -> Self {
        Self {
            at,
            fingerprint: event.fingerprint,
            occurrence: event.occurrence_key,
            ends_at: event.ends_at,
            severity: event.severity,
            owned,
            resources: Vec::new(),
        }
    }

    /// Notes what `event`, of this occurrence, names besides.
    pub fn gather(&mut self, event: &Event<'_>) {
        for name in named_by(event).map(cut) {
            let is_known = self.resources.iter().any(|known| known == name);
            if !is_known && self.resources.len() < TOLD_APART {
                self.resources.push(name.to_owned());
            }
        }
    }

    /// What it counts for where the memory of what waits is bounded: each name as much as an occurrence.
    pub fn weight(&self) -> usize {
        self.resources.len().max(1)
    }
}

/// The occurrences of one group, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window(VecDeque<Occurrence>);

impl Window {
    /// Adds one.
    pub fn push(&mut self, occurrence: Occurrence) {
        self.0.push_back(occurrence);
    }

    /// Takes out what has slid out: an occurrence counts for `within` after its time, both ends included.
    pub fn slide(&mut self, now: Time, within: Duration) -> impl Iterator<Item = Occurrence> {
        let gone = self
            .0
            .iter()
            .take_while(|occurrence| now.since(occurrence.at) > within)
            .count();
        self.0.drain(..gone)
    }

    /// When the oldest slides out.
    pub fn due(&self, within: Duration) -> Option<Time> {
        self.0
            .front()
            .map(|oldest| oldest.at.plus(within).plus(Duration::from_millis(1)))
    }

    /// Whether the same occurrence waits here.
    pub fn holds(&self, occurrence: Hash128) -> bool {
        !occurrence.is_absent() && self.0.iter().any(|waiting| waiting.occurrence == occurrence)
    }

    /// Notes what `event`, a repeat of an occurrence that waits here, names; by how much the window weighs more.
    pub fn gather(&mut self, occurrence: Hash128, event: &Event<'_>) -> usize {
        let mut waiting = self.0.iter_mut();
        let same = waiting.find(|waiting| waiting.occurrence == occurrence);
        same.map_or(0, |same| {
            let before = same.weight();
            same.gather(event);
            same.weight() - before
        })
    }

    /// All of them, oldest first.
    pub fn occurrences(&self) -> impl Iterator<Item = &Occurrence> {
        self.0.iter()
    }

    /// The same, to change.
    pub fn occurrences_mut(&mut self) -> impl Iterator<Item = &mut Occurrence> {
        self.0.iter_mut()
    }

    /// What they count for together.
    pub fn weight(&self) -> usize {
        self.0.iter().map(Occurrence::weight).sum()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, oldest first.
    pub fn into_occurrences(self) -> impl Iterator<Item = Occurrence> {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occurrence_counts_until_the_window_has_passed_it() {
        let mut window = Window::default();
        window.push(Occurrence::of(&Head::default(), Time::from_millis(0), true));
        window.push(Occurrence::of(&Head::default(), Time::from_millis(100), true));
        let within = Duration::from_millis(300);
        assert_eq!(window.slide(Time::from_millis(300), within).count(), 0);
        assert_eq!(window.due(within), Some(Time::from_millis(301)));
        assert_eq!(window.slide(Time::from_millis(301), within).count(), 1);
        assert_eq!(window.len(), 1);
    }
}
