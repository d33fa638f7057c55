//! What a TriggerRule's status says: the log's own word on the rule, and nothing that only we hope. Pure.

use api::TriggerRuleStatus;
use api::conditions::{ConditionType, Reason, Statement, Truth, holds};
use domain::notify::Notification;
use domain::rule::record::RuleRecord;
use domain::time::Time;

use crate::class::Class;

/// The reason of `Ready` when the log is ahead of the object, as after a restore of the API server's storage. No
/// other part of Opsward uses it.
const BEHIND_LOG: &str = "BehindLog";
/// The reason of `Ready` when the log took the rule for deleted while its object is there.
const TAKEN_FOR_DELETED: &str = "TakenForDeleted";

/// Whether the log took what it was last told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogAnswer {
    /// Yes, or it was told nothing yet.
    #[default]
    Taken,
    /// It could not be written; the word is [`bus::BusError::category`].
    Failed(&'static str),
}

/// The status of a rule of `generation`, as `record` has it. `old` lends its transition times.
pub fn status(
    generation: i64,
    record: Option<&RuleRecord>,
    old: Option<&TriggerRuleStatus>,
    statements: impl IntoIterator<Item = Statement>,
    now: Time,
) -> TriggerRuleStatus {
    let mut conditions = old.map(|status| status.conditions.clone()).unwrap_or_default();
    let statements: Vec<Statement> = statements.into_iter().collect();
    if statements
        .iter()
        .all(|statement| statement.of != ConditionType::Notifying)
    {
        conditions.retain(|condition| condition.type_ != ConditionType::Notifying.as_str());
    }
    for statement in statements {
        statement.put_into(&mut conditions, generation, now);
    }
    let counters = record.map(|record| record.counters.clone()).unwrap_or_default();
    TriggerRuleStatus {
        observed_generation: generation,
        position: record.map_or(0, |record| record.position),
        matched: counters.matched,
        opened: counters.opened,
        open: counters.open,
        below_threshold: counters.below_threshold,
        overflow: counters.overflow,
        condition_errors: counters.condition_errors,
        last_triggered_at: record.and_then(|record| record.last_triggered_at),
        conditions,
    }
}

/// The condition `Ready`: true only when the log has this very generation in force.
pub fn ready(generation: i64, record: Option<&RuleRecord>, answer: LogAnswer) -> Statement {
    let say =
        |truth, reason: &str, message: String| Statement::new(ConditionType::Ready, truth, reason, message);
    match record {
        Some(record) if record.deleted => {
            let message = "the log took this rule for deleted, which is final; delete it and create it again";
            say(Truth::False, TAKEN_FOR_DELETED, message.to_owned())
        }
        Some(record) if record.generation > generation => {
            let message = format!(
                "the log has generation {} in force, the object is at {generation}, as after a restore; edit the \
                 rule until its generation is higher, or delete it and create it again",
                record.generation
            );
            say(Truth::False, BEHIND_LOG, message)
        }
        Some(record) if record.generation == generation => {
            let Some(trouble) = &record.refused else {
                let message = format!("in force at position {}", record.position);
                return say(Truth::True, Reason::InForce.as_str(), message);
            };
            let meanwhile = match record.in_force {
                Some(older) => format!("; generation {older} stays in force"),
                None => "; the rule takes nothing".to_owned(),
            };
            say(
                Truth::False,
                &trouble.reason,
                format!("{}{meanwhile}", trouble.message),
            )
        }
        _ => match answer {
            LogAnswer::Taken => {
                let message =
                    format!("generation {generation} is on its way through the log to the correlator");
                say(Truth::Unknown, Reason::Publishing.as_str(), message)
            }
            LogAnswer::Failed(category) => {
                let message = format!("the log could not be written ({category}); tried again every 5 s");
                say(Truth::Unknown, Reason::LogUnavailable.as_str(), message)
            }
        },
    }
}

/// Whether people can be told of a rule's incidents.
#[derive(Clone, Copy, Debug)]
pub enum Notifies<'a> {
    /// The rule tells nobody.
    Nobody,
    /// Nothing is known to be in the way.
    Well,
    /// This channel of an incident has been in trouble for a while.
    InTrouble(&'a Notification),
}

/// The condition `Notifying`; none where the rule tells nobody.
pub fn notifying(notifies: Notifies<'_>) -> Option<Statement> {
    let say = |truth, reason: &str, message: String| {
        Statement::new(ConditionType::Notifying, truth, reason, message)
    };
    match notifies {
        Notifies::Nobody => None,
        Notifies::Well => {
            let message = "nothing is known to be in the way".to_owned();
            Some(say(Truth::True, Reason::NothingInTheWay.as_str(), message))
        }
        Notifies::InTrouble(task) => {
            let problem = task.progress.problem.as_ref()?;
            let message = format!("channel {}: {}", task.place.slot, problem.message);
            Some(say(Truth::False, &problem.category, message))
        }
    }
}

/// How urgent it is that `new` takes the place of `old`; `None` when nothing is to be written. Counters never go
/// back, but for those of a rule whose record was lost.
pub fn difference(old: Option<&TriggerRuleStatus>, new: &TriggerRuleStatus) -> Option<Class> {
    let Some(old) = old else {
        return Some(Class::Change);
    };
    if old == new {
        return None;
    }
    let told = |status: &TriggerRuleStatus| {
        (
            status.observed_generation,
            status.position,
            status.conditions.clone(),
        )
    };
    Some(if told(old) == told(new) {
        Class::Upkeep
    } else {
        Class::Change
    })
}

/// What a person is told by a Kubernetes Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleTell {
    /// A generation came into force.
    InForce,
    /// A generation was refused, for this reason.
    Refused(String),
}

/// What is new for people in `new`.
pub fn tell(old: Option<&TriggerRuleStatus>, new: &TriggerRuleStatus) -> Option<RuleTell> {
    let ready = |status: &TriggerRuleStatus| {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == ConditionType::Ready.as_str())
            .cloned()
    };
    let (before, after) = (old.and_then(ready), ready(new)?);
    if before.is_some_and(|before| before == after) {
        return None;
    }
    if holds(&new.conditions, ConditionType::Ready) {
        return Some(RuleTell::InForce);
    }
    (after.status == Truth::False.as_str())
        .then(|| RuleTell::Refused(format!("{}: {}", after.reason, after.message)))
}

#[cfg(test)]
mod tests {
    use domain::rule::record::RuleTrouble;

    use super::*;
    use crate::samples::{at, rule_record};

    fn effective() -> Statement {
        Statement::new(
            ConditionType::Ineffective,
            Truth::False,
            Reason::Effective.as_str(),
            "",
        )
    }

    fn shown(generation: i64, record: Option<&RuleRecord>) -> TriggerRuleStatus {
        status(
            generation,
            record,
            None,
            [ready(generation, record, LogAnswer::Taken), effective()],
            at(80),
        )
    }

    fn refused() -> RuleRecord {
        let trouble = RuleTrouble {
            reason: "InvalidExpression".to_owned(),
            message: "column 7".to_owned(),
        };
        RuleRecord {
            refused: Some(trouble),
            in_force: None,
            ..rule_record()
        }
    }

    #[test]
    fn ready_names_the_position_since_which_the_generation_is_in_force() {
        let statement = ready(2, Some(&rule_record()), LogAnswer::Taken);
        assert_eq!(
            (statement.truth, statement.reason.as_str()),
            (Truth::True, "InForce")
        );
        assert_eq!(statement.message, "in force at position 512");
    }

    #[test]
    fn ready_is_unknown_until_the_log_shows_the_generation() {
        for record in [None, Some(rule_record())] {
            let statement = ready(3, record.as_ref(), LogAnswer::Taken);
            assert_eq!(
                (statement.truth, statement.reason.as_str()),
                (Truth::Unknown, "Publishing")
            );
            let statement = ready(3, record.as_ref(), LogAnswer::Failed("Unavailable"));
            assert_eq!(
                (statement.truth, statement.reason.as_str()),
                (Truth::Unknown, "LogUnavailable")
            );
        }
    }

    #[test]
    fn a_refused_rule_is_not_ready_for_the_correlators_reason() {
        let statement = ready(2, Some(&refused()), LogAnswer::Taken);
        assert_eq!(
            (statement.truth, statement.reason.as_str()),
            (Truth::False, "InvalidExpression")
        );
        assert_eq!(statement.message, "column 7; the rule takes nothing");
        let edited = RuleRecord {
            in_force: Some(1),
            ..refused()
        };
        let statement = ready(2, Some(&edited), LogAnswer::Taken);
        assert_eq!(statement.message, "column 7; generation 1 stays in force");
    }

    #[test]
    fn a_log_that_is_ahead_or_final_is_said_and_not_waited_for() {
        assert_eq!(
            ready(1, Some(&rule_record()), LogAnswer::Taken).reason,
            "BehindLog"
        );
        let deleted = RuleRecord {
            deleted: true,
            ..rule_record()
        };
        assert_eq!(
            ready(2, Some(&deleted), LogAnswer::Taken).reason,
            "TakenForDeleted"
        );
    }

    #[test]
    fn counters_are_upkeep_and_everything_else_is_a_change() {
        let old = shown(2, Some(&rule_record()));
        assert_eq!(difference(Some(&old), &shown(2, Some(&rule_record()))), None);
        let mut record = rule_record();
        record.counters.matched += 1;
        record.counted_to += 256;
        assert_eq!(
            difference(Some(&old), &shown(2, Some(&record))),
            Some(Class::Upkeep)
        );
        assert_eq!(
            difference(Some(&old), &shown(3, Some(&record))),
            Some(Class::Change)
        );
        assert_eq!(difference(None, &old), Some(Class::Change));
    }

    #[test]
    fn coming_into_force_and_being_refused_are_told_once() {
        let in_force = shown(2, Some(&rule_record()));
        assert_eq!(tell(None, &in_force), Some(RuleTell::InForce));
        assert_eq!(tell(Some(&in_force), &in_force), None);
        assert_eq!(
            tell(Some(&in_force), &shown(3, Some(&rule_record()))),
            None,
            "publishing is no news"
        );
        let told = tell(Some(&in_force), &shown(2, Some(&refused())));
        assert_eq!(
            told,
            Some(RuleTell::Refused(
                "InvalidExpression: column 7; the rule takes nothing".to_owned()
            ))
        );
    }
}
