//! Whether a person decides about an incident, who is asked, and for how long: the terms that a rule sets and an incident
//! pins, and which question follows which. Not who somebody is: that is the API server's word.

pub mod ask;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long one question stands unless the rule says otherwise: 15 min.
pub const DEFAULT_EXPIRE_AFTER: Duration = Duration::from_secs(15 * 60);

/// Whether a person is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TriageMode {
    /// Nobody is asked: the rule's author has decided that the incident goes on as its rule says.
    #[default]
    Never,
    /// A person is asked about every incident.
    Always,
}

/// People by the API server's names for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Approvers {
    /// Users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

impl Approvers {
    /// Whether nobody is named.
    pub const fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    /// These and those, each once.
    #[must_use]
    pub fn with(&self, others: &Self) -> Self {
        let joined = |these: &[String], those: &[String]| {
            let mut all = these.to_vec();
            all.extend(those.iter().filter(|name| !these.contains(name)).cloned());
            all
        };
        Self {
            users: joined(&self.users, &others.users),
            groups: joined(&self.groups, &others.groups),
        }
    }
}

/// A rule's terms. An incident pins those of the generation that opened it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Triage {
    /// Whether a person is asked.
    pub mode: TriageMode,
    /// Who may decide, beside those whom the cluster's roles let `approve`.
    pub approvers: Approvers,
    /// How long one question stands.
    pub expire_after: Duration,
    /// Who may decide too once a question expired or somebody escalated; empty when there is no further tier.
    pub escalate_to: Approvers,
}

impl Default for Triage {
    fn default() -> Self {
        Self {
            mode: TriageMode::default(),
            approvers: Approvers::default(),
            expire_after: DEFAULT_EXPIRE_AFTER,
            escalate_to: Approvers::default(),
        }
    }
}

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// I own it.
    Accept,
    /// It is no problem.
    Discharge,
    /// The next tier is to decide.
    Escalate,
}

impl Verdict {
    /// The word as users write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "Accept",
            Self::Discharge => "Discharge",
            Self::Escalate => "Escalate",
        }
    }
}
