//! What the log must be told about a rule: its newest generation, or that its object is gone. Pure and
//! level-triggered: the record in bucket `rules` says what the log knows, and it is told again until it does.

use std::time::Duration;

use domain::rule::record::RuleRecord;
use tokio::time::Instant;

/// How long the log may take to show what it was told. An append is acknowledged, so only a correlator that is
/// away makes this pass; the same generation again does no harm.
pub const PUBLISH_RETRY: Duration = Duration::from_secs(5);

/// What was last told, or tried, about one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// Nothing by this leader.
    #[default]
    Nothing,
    /// This generation, at this time.
    Generation(i64, Instant),
    /// A look whether the object is gone, or the deletion itself, at this time.
    Gone(Instant),
}

/// What to tell now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// Nothing: the log knows.
    Nothing,
    /// Nothing before this time.
    NotBefore(Instant),
    /// This generation of the rule.
    Generation(i64),
    /// That the rule is gone, if the API server itself says so: a delete is final, and a watch may be behind.
    Gone,
}

/// Decides what the log is told about a rule whose object has `generation` (`None`: no object is seen).
pub fn decide(generation: Option<i64>, record: Option<&RuleRecord>, told: Told, now: Instant) -> Publication {
    let known = record.map_or(0, |record| record.generation);
    let (wanted, told_at) = match (generation, record, told) {
        (Some(generation), Some(record), _) if record.deleted || record.generation >= generation => {
            return Publication::Nothing;
        }
        (None, None, _) => return Publication::Nothing,
        (None, Some(record), _) if record.deleted => return Publication::Nothing,
        (Some(generation), _, Told::Generation(last, at)) if last == generation && last > known => {
            (Publication::Generation(generation), Some(at))
        }
        (Some(generation), _, _) => (Publication::Generation(generation), None),
        (None, Some(_), Told::Gone(at)) => (Publication::Gone, Some(at)),
        (None, Some(_), _) => (Publication::Gone, None),
    };
    match told_at.map(|at| at + PUBLISH_RETRY) {
        Some(due) if now < due => Publication::NotBefore(due),
        _ => wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::rule_record;

    fn record(generation: i64) -> RuleRecord {
        RuleRecord {
            generation,
            ..rule_record()
        }
    }

    #[test]
    fn a_rule_that_the_log_does_not_know_is_published() {
        assert_eq!(
            decide(Some(1), None, Told::Nothing, Instant::now()),
            Publication::Generation(1)
        );
    }

    #[test]
    fn a_generation_that_the_record_shows_is_not_published_again() {
        let now = Instant::now();
        for told in [Told::Nothing, Told::Generation(2, now), Told::Gone(now)] {
            assert_eq!(decide(Some(2), Some(&record(2)), told, now), Publication::Nothing);
        }
    }

    #[test]
    fn an_edit_is_published_at_once_even_when_the_last_one_is_not_yet_shown() {
        let now = Instant::now();
        let told = Told::Generation(3, now);
        assert_eq!(
            decide(Some(4), Some(&record(2)), told, now),
            Publication::Generation(4)
        );
    }

    #[test]
    fn what_is_not_shown_is_told_again_every_five_seconds() {
        let now = Instant::now();
        let told = Told::Generation(3, now);
        let due = now + PUBLISH_RETRY;
        assert_eq!(
            decide(Some(3), Some(&record(2)), told, now),
            Publication::NotBefore(due)
        );
        assert_eq!(
            decide(Some(3), Some(&record(2)), told, due),
            Publication::Generation(3)
        );
        let told = Told::Gone(now);
        assert_eq!(
            decide(None, Some(&record(2)), told, now),
            Publication::NotBefore(due)
        );
        assert_eq!(decide(None, Some(&record(2)), told, due), Publication::Gone);
    }

    #[test]
    fn a_lower_generation_is_never_published() {
        assert_eq!(
            decide(Some(1), Some(&record(2)), Told::Nothing, Instant::now()),
            Publication::Nothing
        );
    }

    #[test]
    fn a_record_without_object_is_told_gone_until_it_shows_it() {
        let now = Instant::now();
        assert_eq!(
            decide(None, Some(&record(2)), Told::Nothing, now),
            Publication::Gone
        );
        let deleted = RuleRecord {
            deleted: true,
            ..record(2)
        };
        assert_eq!(
            decide(None, Some(&deleted), Told::Gone(now), now),
            Publication::Nothing
        );
        assert_eq!(decide(None, None, Told::Nothing, now), Publication::Nothing);
    }

    #[test]
    fn a_deleted_uid_is_never_published_again() {
        let deleted = RuleRecord {
            deleted: true,
            ..record(2)
        };
        assert_eq!(
            decide(Some(3), Some(&deleted), Told::Nothing, Instant::now()),
            Publication::Nothing
        );
    }
}
