//! What the correlator says of a rule: in force since which position, what it has taken, what is wrong.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// A rule's counters; each only grows, but for `open`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleCounters {
    /// Occurrences that it took.
    pub matched: i64,
    /// Incidents that it opened.
    pub opened: i64,
    /// Incidents open now.
    pub open: i64,
    /// Occurrences that slid out of the trigger's window before it opened.
    pub below_threshold: i64,
    /// Occurrences that joined the overflow incident because a cap was reached.
    pub overflow: i64,
    /// Events on which its condition gave no answer.
    pub condition_errors: i64,
}

/// Why a rule is not in force, or what its condition last failed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTrouble {
    /// One CamelCase word.
    pub reason: String,
    /// What, where, and what to do.
    pub message: String,
}

/// A rule as the log knows it; key `<namespace>.<uid>` of bucket `rules`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleRecord {
    /// metadata.name.
    pub name: String,
    /// metadata.uid.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// The generation that the log has last taken in, in force or refused.
    pub generation: i64,
    /// The generation in force: the newest that was not refused. Absent while none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<i64>,
    /// The log position at which that generation was taken in.
    pub position: i64,
    /// The log position that the counters cover.
    pub counted_to: i64,
    /// The counters.
    pub counters: RuleCounters,
    /// When it last opened an incident or added to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_triggered_at: Option<Time>,
    /// Why `generation` is not in force; the one before it stays in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RuleTrouble>,
    /// Why its condition last gave no answer on an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition_error: Option<String>,
    /// The object is gone; final for this uid.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}
