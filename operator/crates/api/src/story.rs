//! What an OpsEvent tells of people: what they decided or are asked, what is waited for, what happened when.

use domain::time::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::schema;

/// What people decided about an incident, or are asked.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// What was decided.
    ///
    /// NotAsked: the rule asks nobody. Pending: a question waits. Accepted: somebody owns the incident. Discharged: somebody
    /// said that it is no problem. Unanswered: the incident ended before anybody answered.
    pub outcome: Outcome,
    /// The TriageDecision that waits or was answered; absent where nobody was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME_CHARS))]
    pub name: Option<String>,
    /// Who decided: a user's name, or `rule/NAME` where the rule asks nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::USER_CHARS))]
    pub by: Option<String>,
    /// Why, in that person's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::REASON_CHARS))]
    pub reason: Option<String>,
    /// When Opsward took the decision in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub at: Option<Time>,
}

// The words are explained in the description of `outcome`, where `kubectl explain` shows them.
/// What was decided about an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Outcome {
    /// The rule asks nobody.
    NotAsked,
    /// A question waits.
    Pending,
    /// Somebody owns the incident.
    Accepted,
    /// Somebody said that it is no problem.
    Discharged,
    /// It ended before anybody answered.
    Unanswered,
}

/// What an incident waits for.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingOn {
    /// What it waits for.
    ///
    /// Clear: that everything in it clears, goes quiet, or a person closes it. Decision: that a person decides. Log: that
    /// the log takes a close in. Identity: that the admission policies are there again which say who decides.
    pub what: Awaited,
    /// Since when.
    #[schemars(schema_with = "schema::time")]
    pub since: Time,
    /// For whom or until when, for people.
    #[schemars(length(max = limits::MESSAGE_CHARS))]
    pub message: String,
}

// The words are explained in the description of `what`, where `kubectl explain` shows them.
/// What an incident may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Awaited {
    /// That everything in it clears.
    Clear,
    /// That a person decides.
    Decision,
    /// That the log takes a close in.
    Log,
    /// That the admission policies are there again.
    Identity,
}

/// Something that happened to an incident.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// When.
    #[schemars(schema_with = "schema::time")]
    pub at: Time,
    /// What, in a word.
    ///
    /// Opened, SeverityRaised, Asked, Expired, Escalated, Accepted, Discharged, Superseded, Closed, Resolved or Reopened.
    #[schemars(length(max = limits::WORD_CHARS))]
    pub what: String,
    /// By whom or what: `rule/NAME`, a user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::USER_CHARS))]
    pub by: Option<String>,
    /// More of it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::MESSAGE_CHARS))]
    pub note: Option<String>,
}
