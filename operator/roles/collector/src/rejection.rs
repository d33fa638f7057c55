//! Why an item is not taken: an answer to a person, by whichever part refuses it.

use formats::Refusal;

/// Why an item is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// One word.
    pub reason: &'static str,
    /// What, where, what to do.
    pub message: String,
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self {
            reason: refusal.reason.as_str(),
            message: refusal.message,
        }
    }
}
