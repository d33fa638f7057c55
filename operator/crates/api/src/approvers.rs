//! People as users name them, in a rule and in a question.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;

/// People by the API server's names for them.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Approvers {
    /// Users, as the API server calls them.
    ///
    /// Left out: nobody by name. `kubectl auth whoami` shows your own. Example: `[alice@example.com]`.
    #[schemars(length(max = limits::APPROVERS), inner(length(min = 1, max = limits::APPROVER_CHARS)))]
    pub users: Vec<String>,
    /// Groups, as the API server calls them.
    ///
    /// Left out: no group. `kubectl auth whoami` shows your own. Example: `[sre]`.
    #[schemars(length(max = limits::APPROVERS), inner(length(min = 1, max = limits::APPROVER_CHARS)))]
    pub groups: Vec<String>,
}

impl Approvers {
    /// Whether nobody is named.
    pub const fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}

/// For people: `user alice, group sre`, or who else may where nobody is named.
impl fmt::Display for Approvers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return out.write_str("whoever may approve");
        }
        let users = self.users.iter().map(|user| ("user", user));
        let groups = self.groups.iter().map(|group| ("group", group));
        for (place, (kind, name)) in users.chain(groups).enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(out, "{comma}{kind} {name}")?;
        }
        Ok(())
    }
}

impl From<&Approvers> for domain::triage::Approvers {
    fn from(written: &Approvers) -> Self {
        Self {
            users: written.users.clone(),
            groups: written.groups.clone(),
        }
    }
}

impl From<domain::triage::Approvers> for Approvers {
    fn from(people: domain::triage::Approvers) -> Self {
        Self {
            users: people.users,
            groups: people.groups,
        }
    }
}
