//! The account of one incident: all that its objects say of why it is as it is, each fact once. What `-o json` prints.

use std::collections::BTreeMap;

use api::conditions::ConditionType;
use api::{
    Approvers, Decision, DecisionState, Moment, Occurrences, OpsEvent, Phase, TriageDecision, TriggerRule,
    WaitingOn,
};
use domain::incident::{EndReason, opening_position};
use domain::severity::Severity;
use domain::time::Time;
use domain::triage::Verdict;
use serde::Serialize;

/// Why an incident is as it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub namespace: String,
    pub name: String,
    pub title: String,
    pub phase: Option<Phase>,
    pub severity: Option<Severity>,
    pub firing: Option<Stated>,
    pub resolved: Option<Stated>,
    pub rule: Rule,
    pub group: BTreeMap<String, String>,
    pub correlation_id: String,
    /// The log position of the event that opened it.
    pub opened_at_position: Option<i64>,
    pub opened_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub end_reason: Option<EndReason>,
    pub reopened: i64,
    /// Whether it gathers what the caps keep out.
    pub overflow: bool,
    /// What opened it.
    pub event: Option<Box<api::OpeningEvent>>,
    pub occurrences: Option<Occurrences>,
    pub resources: Vec<String>,
    pub resources_omitted: i64,
    pub waiting_on: Option<WaitingOn>,
    pub decision: Option<Decision>,
    pub close: Option<api::Close>,
    pub questions: Vec<Question>,
    pub timeline: Vec<Moment>,
}

/// A condition.
#[derive(Debug, Serialize)]
pub struct Stated {
    pub status: String,
    pub reason: String,
    pub message: String,
    pub since: String,
}

/// The rule that opened it, and what has become of that.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    pub name: String,
    pub uid: String,
    /// The generation that the incident goes by.
    pub generation: i64,
    pub now: RuleNow,
}

/// What has become of the rule since.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state")]
pub enum RuleNow {
    /// It is there.
    #[serde(rename_all = "camelCase")]
    Present {
        /// Its newest generation that the log knows.
        generation: i64,
        /// The log position since which that is in force.
        position: i64,
        /// Occurrences that joined its overflow incident.
        overflow: i64,
    },
    /// It is gone, or another of its name is there.
    Deleted,
    /// The caller may not read it.
    Hidden,
}

impl RuleNow {
    /// What `rule`, which has the name of `event`'s, says.
    pub fn of(rule: &TriggerRule, event: &OpsEvent) -> Self {
        if rule.metadata.uid.as_ref() != Some(&event.spec.rule.uid) {
            return Self::Deleted;
        }
        let status = rule.status.clone().unwrap_or_default();
        Self::Present {
            generation: status.observed_generation,
            position: status.position,
            overflow: status.overflow,
        }
    }
}

/// A question put to people, and what became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    pub name: String,
    pub number: Option<u32>,
    pub state: DecisionState,
    pub since: Option<Time>,
    pub superseded_by: Option<api::SupersededBy>,
    pub approvers: Approvers,
    pub escalates_to: Approvers,
    pub tier: i64,
    pub unanswered: i64,
    pub expires_at: Time,
    pub decision: Option<Verdict>,
    pub decided_by: Option<String>,
    pub reason: Option<String>,
    pub feedback: Option<api::Feedback>,
}

impl Account {
    /// The account of `event`, about which these questions were put.
    pub fn of(event: OpsEvent, questions: Vec<TriageDecision>, now: RuleNow) -> Self {
        let name = event.metadata.name.unwrap_or_default();
        let status = event.status;
        let stated = |of: ConditionType| {
            let conditions = &status.as_ref()?.conditions;
            let condition = conditions
                .iter()
                .find(|condition| condition.type_ == of.as_str())?;
            Some(Stated {
                status: condition.status.clone(),
                reason: condition.reason.clone(),
                message: condition.message.clone(),
                since: condition.last_transition_time.0.to_string(),
            })
        };
        let uid = event.metadata.uid;
        let mut questions: Vec<Question> = questions
            .into_iter()
            .filter(|question| question.is_about(uid.as_deref()))
            .map(Question::of)
            .collect();
        questions.sort_by_key(|question| question.number);
        Self {
            namespace: event.metadata.namespace.unwrap_or_default(),
            opened_at_position: opening_position(&name),
            name,
            title: event.spec.title,
            firing: stated(ConditionType::Firing),
            resolved: stated(ConditionType::Resolved),
            rule: Rule {
                name: event.spec.rule.name,
                uid: event.spec.rule.uid,
                generation: event.spec.rule.generation,
                now,
            },
            group: event.spec.group,
            correlation_id: event.spec.correlation_id,
            close: event.spec.close,
            phase: status.as_ref().map(|status| status.phase),
            severity: status.as_ref().map(|status| status.severity),
            opened_at: status.as_ref().map(|status| status.opened_at),
            ended_at: status.as_ref().and_then(|status| status.ended_at),
            end_reason: status.as_ref().and_then(|status| status.end_reason),
            reopened: status.as_ref().map_or(0, |status| status.reopened),
            overflow: status.as_ref().is_some_and(|status| status.overflow),
            event: status.as_ref().and_then(|status| status.event.clone()),
            occurrences: status.as_ref().map(|status| status.occurrences.clone()),
            resources: status
                .as_ref()
                .map(|status| status.resources.clone())
                .unwrap_or_default(),
            resources_omitted: status.as_ref().map_or(0, |status| status.resources_omitted),
            waiting_on: status.as_ref().and_then(|status| status.waiting_on.clone()),
            decision: status.as_ref().and_then(|status| status.decision.clone()),
            timeline: status.map(|status| status.timeline).unwrap_or_default(),
            questions,
        }
    }
}

impl Question {
    fn of(question: TriageDecision) -> Self {
        let number = question.number();
        let (spec, status) = (question.spec, question.status.unwrap_or_default());
        Self {
            name: question.metadata.name.unwrap_or_default(),
            number,
            state: status.state,
            since: status.since,
            superseded_by: status.reason,
            approvers: spec.approvers,
            escalates_to: spec.escalates_to,
            tier: spec.tier,
            unanswered: spec.unanswered,
            expires_at: spec.expires_at,
            decision: spec.decision,
            decided_by: spec.decided_by,
            reason: spec.reason,
            feedback: spec.feedback,
        }
    }
}
