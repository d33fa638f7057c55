//! What an incident's object waits for time to do: that a question expires, or that a finished object goes. Pure.
//!
//! Objects name such times by the wall clock, which may be set while we wait. So the time that is left is taken once, when the
//! deadline is first seen, and then only the monotonic clock counts: a jump ahead expires nothing early, a jump back holds
//! nothing up. It is never more than the whole term, whatever the wall clock said when the object was written.

use std::time::Duration;

use api::TriageDecision;
use domain::incident::IncidentRecord;
use domain::rule::DEFAULT_TTL;
use domain::time::Time;
use tokio::time::Instant;

use super::question::ask_of;
use super::seen::Seen;
use crate::clock::Now;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The question of this number expires.
    Question(u32),
    /// The object of an incident that ended then goes.
    Deletion(Time),
}

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// What.
    pub due: Due,
    /// When, by the wall clock.
    pub at: Time,
    /// The whole term.
    pub term: Duration,
}

impl Deadline {
    /// What is due next of what is seen.
    pub fn of(seen: &Seen<'_>) -> Option<Self> {
        let object = seen.object?;
        let record_end = seen.record.map(|record| record.end.as_ref());
        let shown_end = || object.status.as_ref().and_then(|status| status.ended_at);
        let (ended_at, term) = match (record_end, seen.record) {
            (Some(end), Some(record)) => (end.map(|end| end.at), record.ttl),
            // The record outlives the object by an hour, so an object without one that finished is due; should the
            // bucket have been lost, it still gets the default time.
            _ => (shown_end(), DEFAULT_TTL),
        };
        if let Some(ended_at) = ended_at {
            return Some(Self {
                due: Due::Deletion(ended_at),
                at: ended_at.plus(term),
                term,
            });
        }
        let (record, question) = (seen.record?, seen.questions.standing()?);
        let waits = question.object.spec.decision.is_none() && seen.identity.is_enforced();
        waits
            .then(|| Self::of_question(question.object, record))
            .flatten()
    }

    /// What will be due of a question that is being put: its whole term begins now.
    pub fn of_question(question: &TriageDecision, record: &IncidentRecord) -> Option<Self> {
        let ask = ask_of(question)?;
        Some(Self {
            due: Due::Question(ask.number),
            at: question.spec.expires_at,
            term: ask.stands_for(&record.triage),
        })
    }

    /// When, by the monotonic clock, as seen at `now`.
    pub fn when(&self, now: Now) -> Instant {
        now.instant + self.at.since(now.time).min(self.term)
    }
}

/// What is due of one incident, by the monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timer(Option<(Due, Instant)>);

impl Timer {
    /// Something will be due from `now` on, once it is written.
    pub fn expect(&mut self, deadline: Deadline, now: Now) {
        self.0 = Some((deadline.due, deadline.when(now)));
    }

    /// Whether the time of `deadline` has passed at `now`. How much of it is left is worked out when it is first seen.
    pub fn has_passed(&mut self, deadline: Option<Deadline>, now: Now) -> bool {
        self.0 = deadline.map(|deadline| match self.0 {
            Some((due, at)) if due == deadline.due => (due, at),
            _ => (deadline.due, deadline.when(now)),
        });
        self.0.is_some_and(|(_, at)| at <= now.instant)
    }

    /// When something will be due that is not yet.
    pub fn due_at(&self, now: Instant) -> Option<Instant> {
        self.0.map(|(_, at)| at).filter(|at| *at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    #[test]
    fn a_deadline_is_never_further_away_than_the_whole_term() {
        let deadline = |at| Deadline {
            due: Due::Question(1),
            at: Time::from_millis(at),
            term: Duration::from_secs(10),
        };
        let now = now(Time::from_millis(100_000));
        for (at, left) in [(104_000, 4), (90_000, 0), (700_000, 10)] {
            assert_eq!(deadline(at).when(now), now.instant + Duration::from_secs(left));
        }
    }
}
