//! The account of one incident: all that its objects say of why it is as it is, each fact once. What `-o json` prints.

use api::conditions::ConditionType;
use api::{
    DecisionState, OpsEvent, OpsEventSpec, OpsEventStatus, TriageDecision, TriageDecisionSpec,
    TriageDecisionStatus, TriggerRule,
};
use domain::incident::opening_position;
use serde::Serialize;

/// Why an incident is as it is: the objects' own words, and what follows from them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub namespace: String,
    pub name: String,
    pub spec: OpsEventSpec,
    /// Absent until Opsward has written it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<OpsEventStatus>,
    /// The log position of the event that opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_at_position: Option<i64>,
    pub rule_now: RuleNow,
    /// Those about it, in the order in which they were put.
    pub questions: Vec<Question>,
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
pub struct Question {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    pub spec: TriageDecisionSpec,
    pub status: TriageDecisionStatus,
}

impl Account {
    /// The account of `event`, about which these questions were put.
    pub fn of(event: OpsEvent, questions: Vec<TriageDecision>, rule_now: RuleNow) -> Self {
        let name = event.metadata.name.unwrap_or_default();
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
            spec: event.spec,
            status: event.status,
            rule_now,
            questions,
        }
    }

    /// What is said of whether the problem is still there.
    pub fn firing(&self) -> Option<&str> {
        let conditions = &self.status.as_ref()?.conditions;
        let firing = conditions
            .iter()
            .find(|condition| condition.type_ == ConditionType::Firing.as_str())?;
        Some(&firing.message)
    }

    /// The question that waits for an answer.
    pub fn standing(&self) -> Option<&Question> {
        let mut newest_first = self.questions.iter().rev();
        newest_first.find(|question| question.status.state == DecisionState::Pending)
    }
}

impl Question {
    fn of(question: TriageDecision) -> Self {
        Self {
            number: question.number(),
            name: question.metadata.name.unwrap_or_default(),
            spec: question.spec,
            status: question.status.unwrap_or_default(),
        }
    }
}
