//! People as users name them, in a rule and in a question.

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
    #[schemars(length(max = limits::LIST_ITEMS), inner(length(min = 1, max = limits::USER_CHARS)))]
    pub users: Vec<String>,
    /// Groups, as the API server calls them.
    ///
    /// Left out: no group. `kubectl auth whoami` shows your own. Example: `[sre]`.
    #[schemars(length(max = limits::LIST_ITEMS), inner(length(min = 1, max = limits::USER_CHARS)))]
    pub groups: Vec<String>,
}

impl Approvers {
    /// Whether nobody is named.
    pub const fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
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
