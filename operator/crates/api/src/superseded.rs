//! Why a question counts no more: apart from the kind, because its schema names the words.

use serde::{Deserialize, Serialize};

/// Why a question counts no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SupersededBy {
    /// The incident ended.
    IncidentEnded,
    /// It was put under other admission policies than those in place.
    IdentityNotEnforced,
}

impl SupersededBy {
    /// The word as users see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IncidentEnded => "IncidentEnded",
            Self::IdentityNotEnforced => "IdentityNotEnforced",
        }
    }
}
