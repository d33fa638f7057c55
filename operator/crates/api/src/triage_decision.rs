//! The kind TriageDecision: one question to a person, and the answer. Its comments are what `kubectl explain td` prints; who
//! may answer is `config/admission`'s, which question follows which is `domain::triage`'s.

#![allow(
    clippy::duplicated_attributes,
    reason = "each column has a type, and clippy takes them for one attribute"
)]

use domain::time::Time;
use domain::triage::Verdict;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::approvers::Approvers;
use crate::limits;
use crate::schema;
use crate::superseded::SupersededBy;

/// What is asked, whom, and until when; and what a person answers.
///
/// Opsward writes the question, once. A person sets `decision`, once, and perhaps `reason`; later `feedback`, once.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "opsward.dev",
    version = "v1alpha1",
    kind = "TriageDecision",
    plural = "triagedecisions",
    shortname = "td",
    category = "opsward",
    namespaced,
    status = "TriageDecisionStatus",
    derive = "PartialEq",
    doc = "A TriageDecision is one question about one incident, to people.\n\nOpsward creates it where a TriggerRule has `triage.mode: Always`. To answer: `kubectl patch td NAME --type=merge -p '{\"spec\":{\"decision\":\"Accept\"}}'`. Accept: I own it. Discharge: it is no problem, end the incident. Escalate: let the next tier decide.",
    selectable = ".status.state",
    selectable = ".spec.opsEvent",
    printcolumn(name = "State", type_ = "string", json_path = ".status.state", description = "What became of the question."),
    printcolumn(name = "Asks", type_ = "string", json_path = ".spec.asks", description = "What it is about."),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expiresAt", description = "Until when it stands."),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.decidedBy", description = "Who has decided."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "When it was asked."),
    printcolumn(name = "OpsEvent", type_ = "string", json_path = ".spec.opsEvent", priority = 1, description = "The incident."),
    validation = Rule::new("!has(oldSelf.status) || oldSelf.status.state == 'Pending' || (has(self.spec.decision) == has(oldSelf.spec.decision) && (!has(self.spec.decision) || self.spec.decision == oldSelf.spec.decision))").message(Message::Expression("'this question is ' + oldSelf.status.state + ': no decision is taken any more; `kubectl get td` shows which one waits'".to_owned())).reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.spec.feedback) || (has(self.status) && self.status.state != 'Pending')").message("spec.feedback: comes once the question is settled, a moment after the decision, when status.state is not Pending any more").reason(Reason::FieldValueForbidden)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.opsEvent == oldSelf.opsEvent && self.opsEventUid == oldSelf.opsEventUid && self.policies == oldSelf.policies && self.asks == oldSelf.asks && self.approvers == oldSelf.approvers && self.escalatesTo == oldSelf.escalatesTo && self.tier == oldSelf.tier && self.unanswered == oldSelf.unanswered && self.expiresAt == oldSelf.expiresAt").message("Opsward's question is written once; only decision, reason and feedback may be set").reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(oldSelf.decision) || (has(self.decision) && self.decision == oldSelf.decision && has(self.decidedBy) == has(oldSelf.decidedBy) && (!has(self.decidedBy) || self.decidedBy == oldSelf.decidedBy) && has(self.reason) == has(oldSelf.reason) && (!has(self.reason) || self.reason == oldSelf.reason))").message(Message::Expression("(has(oldSelf.decidedBy) ? oldSelf.decidedBy : 'somebody') + ' has decided: ' + oldSelf.decision + '; a decision is given once'".to_owned())).reason(Reason::FieldValueForbidden),
    validation = Rule::new("has(self.decision) || (!has(self.decidedBy) && !has(self.reason))").message("spec.decidedBy and spec.reason go with spec.decision: set that too").reason(Reason::FieldValueRequired),
    validation = Rule::new("!has(oldSelf.feedback) || (has(self.feedback) && self.feedback == oldSelf.feedback)").message("spec.feedback is given once").reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.decision) || self.decision != 'Escalate' || size(self.escalatesTo.users) + size(self.escalatesTo.groups) > 0").message("spec.decision: everybody is asked already, there is no further tier; Accept or Discharge")
)]
pub struct TriageDecisionSpec {
    /// The OpsEvent that the question is about.
    #[schemars(length(max = limits::NAME_CHARS))]
    pub ops_event: String,
    /// The uid of that OpsEvent: one that was deleted and came back is asked about anew.
    #[schemars(length(max = limits::ID_CHARS))]
    pub ops_event_uid: String,
    /// A stamp of the admission policies that were in place when it was put.
    ///
    /// Where others are in place since, the question counts for nothing, answered or not, and is put again.
    #[schemars(length(max = limits::ID_CHARS))]
    pub policies: String,
    /// The question in a line: the incident's title.
    #[schemars(length(max = limits::TITLE_CHARS))]
    pub asks: String,
    /// Who may decide.
    ///
    /// Beside them, whoever the cluster's roles give the verb `approve` on triagedecisions.
    pub approvers: Approvers,
    /// Who may decide too, once the question expired or somebody escalated; nobody named: there is no further tier.
    pub escalates_to: Approvers,
    /// How far it was escalated.
    ///
    /// 0: the rule's `approvers` are asked. 1: `escalateTo` too.
    #[schemars(range(min = 0, max = limits::TIERS))]
    pub tier: i64,
    /// How often a question to the last tier has expired before this one; each such one stands twice as long.
    #[schemars(range(min = 0, max = limits::UNANSWERED))]
    pub unanswered: i64,
    /// Until when the question stands.
    ///
    /// Afterwards the next tier is asked, or the same people again. Nobody's silence is a decision.
    #[schemars(schema_with = "schema::time")]
    pub expires_at: Time,
    /// The answer; set once, by a person.
    ///
    /// Accept: I own it. Discharge: it is no problem; the incident ends, and what still fires stays quiet. Escalate: let the
    /// next tier decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::verdict")]
    pub decision: Option<Verdict>,
    /// Who has decided.
    ///
    /// Filled in by the API server with the name of the user that sets `decision`; nobody can write another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::USER_CHARS))]
    pub decided_by: Option<String>,
    /// Why, in the person's own words; set together with `decision`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::REASON_CHARS))]
    pub reason: Option<String>,
    /// What the question was worth; set once, any time after it was decided or passed.
    ///
    /// Example: `{rating: NotHelpful, notes: "the alert fires at every deployment"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
}

/// What a person thinks of a question, afterwards.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feedback {
    /// Helpful: it was right to ask. NotHelpful: it was noise. Incorrect: what was said was wrong.
    pub rating: Rating,
    /// More of it, in the person's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::REASON_CHARS))]
    pub notes: Option<String>,
}

// The words are explained in the description of `rating`, where `kubectl explain` shows them.
/// What a question was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Rating {
    /// It was right to ask.
    Helpful,
    /// It was noise.
    NotHelpful,
    /// What was said was wrong.
    Incorrect,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum DecisionState {
    /// It waits for an answer.
    #[default]
    Pending,
    /// Somebody owns the incident.
    Accepted,
    /// Somebody said that it is no problem.
    Discharged,
    /// Somebody passed it on to the next tier.
    Escalated,
    /// Its time passed unanswered.
    Expired,
    /// It counts no more: the incident ended, or its answer came while nobody checked by whom.
    Superseded,
}

impl Rating {
    /// The word as users write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Helpful => "Helpful",
            Self::NotHelpful => "NotHelpful",
            Self::Incorrect => "Incorrect",
        }
    }
}

impl DecisionState {
    /// The word as users see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Accepted => "Accepted",
            Self::Discharged => "Discharged",
            Self::Escalated => "Escalated",
            Self::Expired => "Expired",
            Self::Superseded => "Superseded",
        }
    }
}

/// What became of the question. Written by Opsward.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TriageDecisionStatus {
    /// What became of the question.
    ///
    /// Pending: it waits. Accepted, Discharged, Escalated: as a person decided. Expired: its time passed, and another was
    /// asked. Superseded: it counts no more; `reason` says why.
    pub state: DecisionState,
    /// When it became so; absent while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub since: Option<Time>,
    /// Why it is Superseded; absent otherwise.
    ///
    /// IncidentEnded: the incident ended before anybody answered. IdentityNotEnforced: it was put under other admission
    /// policies than those in place; while the incident is open, it is put again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::superseded_by")]
    pub reason: Option<SupersededBy>,
}

impl TriageDecision {
    /// Its number among those about its incident, from its name `<opsevent>-d<n>`; `None` for a name that Opsward does
    /// not give.
    pub fn number(&self) -> Option<u32> {
        let name = self.metadata.name.as_deref()?;
        let number = name.strip_prefix(&self.spec.ops_event)?.strip_prefix("-d")?;
        number.parse().ok()
    }

    /// Whether it was put about the object of this uid, and not about an earlier one of its name.
    pub fn is_about(&self, uid: Option<&str>) -> bool {
        uid == Some(self.spec.ops_event_uid.as_str())
    }
}

/// What a person types to answer a question.
pub fn answer_command(name: &str, namespace: &str, verdict: Verdict) -> String {
    let verdict = verdict.as_str();
    format!(
        "kubectl patch td {name} -n {namespace} --type=merge -p '{{\"spec\":{{\"decision\":\"{verdict}\"}}}}'"
    )
}

impl From<Verdict> for DecisionState {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accept => Self::Accepted,
            Verdict::Discharge => Self::Discharged,
            Verdict::Escalate => Self::Escalated,
        }
    }
}
