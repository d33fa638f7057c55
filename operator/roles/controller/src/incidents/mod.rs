//! Incidents: how a record looks as an object, and what is to be done so that it does. Pure.

pub mod deadline;
pub mod decide;
pub mod notify;
pub mod project;
pub mod question;
pub mod seen;
pub mod story;
pub mod triage;
pub mod wanted;

use std::time::Duration;

use api::{OpsEvent, Outcome};
use domain::incident::step::CloseWish;
use tokio::time::Instant;

use self::deadline::Timer;
use self::question::Questions;
use self::seen::Presence;
use crate::class::Class;

/// How long counts may lag before they may use the budget's reserve: the longest pause between two writes of one
/// record's counts, so that a busy hour lags less and only an outage lags more.
const LAG_ALLOWED: Duration = Duration::from_secs(30);

/// What is remembered about one incident while this process leads.
#[derive(Clone, Debug, Default)]
pub struct IncidentMemory {
    /// Whether its object was ever seen.
    pub presence: Presence,
    /// How far a wish to close has come.
    pub close: CloseWish,
    /// Since when its object differs from its record.
    pub differs_since: Option<Instant>,
    /// What is due.
    pub timer: Timer,
    /// Whether what was last written of it shows notifications.
    pub wrote_notifications: bool,
    /// Why the API server did not take what was last written of its questions, if it did not.
    pub refused: Option<String>,
}

impl IncidentMemory {
    /// What is remembered of an incident whose object is seen for the first time by this leader. A close beside an
    /// end was told of by an earlier one.
    pub fn first_seen(object: Option<&OpsEvent>, questions: &Questions<'_>) -> Self {
        let status = object.and_then(|object| object.status.as_ref());
        let ended = status.is_some_and(|status| status.ended_at.is_some());
        let decided = story::for_good(questions, status);
        let discharged = decided.is_some_and(|decision| decision.outcome == Outcome::Discharged);
        let closed = discharged || object.is_some_and(|object| object.spec.close.is_some());
        let close = if ended && closed {
            CloseWish::TooLate
        } else {
            CloseWish::Unsent
        };
        Self {
            close,
            ..Self::default()
        }
    }

    /// How urgent a write of `class` is, given since when the object differs. What differed already at the last
    /// full list, `caught_up_at`, is what an outage left behind.
    pub fn urgency(&self, class: Class, caught_up_at: Instant, now: Instant) -> Class {
        let since = self.differs_since.unwrap_or(now);
        let behind = since <= caught_up_at || now.saturating_duration_since(since) > LAG_ALLOWED;
        if class == Class::Counts && behind {
            Class::Overdue
        } else {
            class
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_an_outage_left_behind_are_overdue() {
        let listed = Instant::now();
        let now = listed + Duration::from_secs(5);
        let class = |since| {
            let memory = IncidentMemory {
                differs_since: Some(since),
                ..IncidentMemory::default()
            };
            memory.urgency(Class::Counts, listed, now)
        };
        assert_eq!(class(listed), Class::Overdue);
        assert_eq!(class(now), Class::Counts);
    }

    #[test]
    fn counts_that_lag_longer_than_a_record_waits_are_overdue() {
        let since = Instant::now();
        let memory = IncidentMemory {
            differs_since: Some(since),
            ..IncidentMemory::default()
        };
        let listed = since.checked_sub(Duration::from_secs(1)).unwrap();
        assert_eq!(
            memory.urgency(Class::Counts, listed, since + LAG_ALLOWED),
            Class::Counts
        );
        let late = since + LAG_ALLOWED + Duration::from_millis(1);
        assert_eq!(memory.urgency(Class::Counts, listed, late), Class::Overdue);
        assert_eq!(memory.urgency(Class::Change, listed, late), Class::Change);
    }
}
