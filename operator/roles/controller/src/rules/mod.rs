//! TriggerRules: what the log is told of them, and what their status says. Pure.

pub mod ineffective;
pub mod publish;
pub mod status;

use std::time::Duration;

use api::conditions::{ConditionType, Statement, Truth};
use api::{TriggerRuleSpec, TriggerRuleStatus};
use domain::rule::record::RuleRecord;
use tokio::time::Instant;

use self::ineffective::{Peer, Sources};
use self::publish::{Publication, Told};
use self::status::{LogAnswer, Notifies, RuleTell};
use crate::class::Class;
use crate::clock::Now;
use crate::key::WrittenRule;

/// Least time between two writes of a rule's counters: nobody reads them faster, and 100 busy rules would take the
/// whole budget otherwise.
pub const COUNTERS_EVERY: Duration = Duration::from_secs(5);

/// The reason of `Ineffective` when nothing can be said because the spec is of another version.
const UNREADABLE_SPEC: &str = "UnreadableSpec";

/// What is remembered about one rule while this process leads.
#[derive(Clone, Copy, Debug, Default)]
pub struct RuleMemory {
    /// What the log was last told.
    pub told: Told,
    /// Whether it took that.
    pub answer: LogAnswer,
    /// When the status was last written.
    pub written_at: Option<Instant>,
}

/// What is seen of one rule.
#[derive(Debug)]
pub struct SeenRule<'a> {
    /// The object.
    pub object: Option<&'a WrittenRule>,
    /// The log's word on it.
    pub record: Option<&'a RuleRecord>,
    /// The other rules of the namespace that are in force.
    pub peers: Vec<Peer<'a>>,
    /// The sources known.
    pub sources: Sources<'a>,
    /// Whether people can be told.
    pub notifies: Notifies<'a>,
    /// What is remembered.
    pub memory: RuleMemory,
}

/// A status write, and what is told once it is done.
#[derive(Debug)]
pub struct RuleWrite {
    /// The object with its new status.
    pub object: WrittenRule,
    /// Its urgency.
    pub class: Class,
    /// Told after the write has succeeded.
    pub tell: Option<RuleTell>,
}

/// What to do about one rule.
#[derive(Debug)]
pub struct RuleDecision {
    /// What the log is told.
    pub publication: Publication,
    /// The status to write now.
    pub write: Option<RuleWrite>,
    /// When counters that differ already may be written.
    pub write_at: Option<Instant>,
}

/// Decides about one rule at `now`.
pub fn decide(seen: &SeenRule<'_>, now: Now) -> RuleDecision {
    let generation = seen.object.map(|object| object.metadata.generation.unwrap_or(1));
    let publication = publish::decide(generation, seen.record, seen.memory.told, now.instant);
    let mut decision = RuleDecision {
        publication,
        write: None,
        write_at: None,
    };
    let (Some(object), Some(generation)) = (seen.object, generation) else {
        return decision;
    };
    if object.metadata.deletion_timestamp.is_some() {
        return decision;
    }
    let old = object.status.as_ref();
    let statements = [
        status::ready(generation, seen.record, seen.memory.answer),
        ineffective(object, seen),
    ];
    let statements = statements.into_iter().chain(status::notifying(seen.notifies));
    let new = status::status(generation, seen.record, old, statements, now.time);
    let Some(class) = status::difference(old, &new) else {
        return decision;
    };
    let due = seen
        .memory
        .written_at
        .map(|at| at + COUNTERS_EVERY)
        .filter(|due| now.instant < *due);
    if class == Class::Upkeep && due.is_some() {
        decision.write_at = due;
    } else {
        let tell = status::tell(old, &new);
        decision.write = Some(RuleWrite {
            object: with(object, new),
            class,
            tell,
        });
    }
    decision
}

fn ineffective(object: &WrittenRule, seen: &SeenRule<'_>) -> Statement {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    match read_spec(object) {
        Some(spec) => ineffective::statement(name, &spec, &seen.peers, &seen.sources),
        None => Statement::new(
            ConditionType::Ineffective,
            Truth::Unknown,
            UNREADABLE_SPEC,
            "this version of Opsward cannot read the spec; the condition Ready says what is wrong with it",
        ),
    }
}

/// The spec in this version's terms; `None` when it is of another.
pub fn read_spec(object: &WrittenRule) -> Option<TriggerRuleSpec> {
    serde_json::from_value(object.spec.clone()).ok()
}

fn with(object: &WrittenRule, status: TriggerRuleStatus) -> WrittenRule {
    WrittenRule {
        status: Some(status),
        ..object.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::{at, rule_record};

    fn rule(generation: i64) -> WrittenRule {
        serde_json::from_value(json!({
            "metadata": {"name": "high-cpu", "namespace": "shop", "uid": "9a1", "generation": generation},
            "spec": {"match": {}},
        }))
        .unwrap()
    }

    fn decided(object: &WrittenRule, record: &RuleRecord, memory: RuleMemory, now: Now) -> RuleDecision {
        let sources = Sources::default();
        decide(
            &SeenRule {
                object: Some(object),
                record: Some(record),
                peers: Vec::new(),
                sources,
                notifies: Notifies::Nobody,
                memory,
            },
            now,
        )
    }

    fn now() -> Now {
        crate::clock::now(at(80))
    }

    #[test]
    fn a_status_once_written_wants_no_write() {
        let now = now();
        let written = decided(&rule(2), &rule_record(), RuleMemory::default(), now)
            .write
            .unwrap()
            .object;
        let read: WrittenRule = serde_json::from_value(serde_json::to_value(&written).unwrap()).unwrap();
        let decision = decided(&read, &rule_record(), RuleMemory::default(), now);
        assert!(decision.write.is_none() && decision.write_at.is_none());
        assert_eq!(decision.publication, Publication::Nothing);
    }

    #[test]
    fn counters_wait_five_seconds_after_the_last_write_and_conditions_do_not() {
        let now = now();
        let written = decided(&rule(2), &rule_record(), RuleMemory::default(), now)
            .write
            .unwrap()
            .object;
        let memory = RuleMemory {
            written_at: Some(now.instant),
            ..RuleMemory::default()
        };
        let mut record = rule_record();
        record.counters.matched += 1;
        let decision = decided(&written, &record, memory, now);
        assert!(decision.write.is_none());
        assert_eq!(decision.write_at, Some(now.instant + COUNTERS_EVERY));
        record.generation += 1;
        let mut edited = written.clone();
        edited.metadata.generation = Some(3);
        assert_eq!(
            decided(&edited, &record, memory, now).write.unwrap().class,
            Class::Change
        );
    }

    #[test]
    fn a_spec_that_this_version_cannot_read_is_published_all_the_same() {
        let mut object = rule(3);
        object.spec = json!({"match": "everything"});
        let decision = decided(&object, &rule_record(), RuleMemory::default(), now());
        assert_eq!(decision.publication, Publication::Generation(3));
        assert!(decision.write.is_some());
    }

    #[test]
    fn a_rule_being_deleted_keeps_its_status() {
        let mut object = rule(2);
        object.metadata.deletion_timestamp = Some(api::conditions::kube_time(at(80)));
        assert!(
            decided(&object, &rule_record(), RuleMemory::default(), now())
                .write
                .is_none()
        );
    }
}
