//! An incident as people are shown it: what it is, how it stands, what it waits for. Bounded; text is other people's.

use serde::{Deserialize, Serialize};

use crate::incident::EndReason;
use crate::severity::Severity;
use crate::time::Time;
use crate::triage::Verdict;

/// Resources that are named.
pub const RESOURCES: usize = 10;
/// Links that are named.
pub const LINKS: usize = 5;

/// An incident at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Card {
    /// The tenant.
    pub namespace: String,
    /// The OpsEvent's name.
    pub name: String,
    /// The rule's name.
    pub rule: String,
    /// The id that follows it through everything.
    pub correlation_id: String,
    /// The configured source of the event that opened it.
    pub source: String,
    /// The title of that event.
    pub title: String,
    /// Its description.
    pub description: String,
    /// The group as one line.
    pub group: String,
    /// The highest severity of the episode.
    pub severity: Severity,
    /// Where it stands.
    pub standing: Standing,
    /// What it concerns; at most [`RESOURCES`].
    pub resources: Vec<String>,
    /// How many more resources there are.
    pub more_resources: i64,
    /// What the sender links to, by name; at most [`LINKS`].
    pub links: Vec<(String, String)>,
    /// When it opened.
    pub opened_at: Time,
    /// When and why it ended.
    pub ended: Option<Ended>,
    /// How often it came back.
    pub reopened: i64,
    /// Who is asked.
    pub asked: Option<Asked>,
    /// Who has decided.
    pub decided: Option<Decided>,
    /// What has been counted.
    pub counts: Counts,
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Nobody is asked.
    #[default]
    Open,
    /// A person is asked.
    AwaitingDecision,
    /// A person has it.
    Acknowledged,
    /// It has ended.
    Resolved,
    /// It has ended because a person said that it is no problem.
    Discharged,
}

/// The end of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Time,
    /// Why.
    pub reason: EndReason,
}

/// A question that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its number among those about the incident.
    pub number: u32,
    /// The TriageDecision's name.
    pub name: String,
    /// Who may answer, for people.
    pub approvers: String,
    /// Until when.
    pub until: Time,
    /// The command that accepts.
    pub command: String,
}

/// A decision for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What.
    pub verdict: Verdict,
    /// Who.
    pub by: String,
    /// Why, in that person's words.
    pub why: String,
    /// When.
    pub at: Time,
}

/// What an incident has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Distinct occurrences.
    pub count: i64,
    /// Different problems.
    pub problems: i64,
    /// The newest event.
    pub last_seen: Time,
}

impl Card {
    /// Whether the two differ in more than what has been counted.
    pub fn differs(&self, other: &Self) -> bool {
        let counted = Self {
            counts: other.counts,
            resources: other.resources.clone(),
            more_resources: other.more_resources,
            ..self.clone()
        };
        counted != *other
    }
}
