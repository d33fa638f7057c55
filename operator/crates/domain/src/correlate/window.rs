//! Occurrences of one rule and group that wait for enough others: the trigger's sliding window of log time.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Head;
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
        }
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
