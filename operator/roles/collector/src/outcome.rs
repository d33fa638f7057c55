//! What becomes of an item: the words of answers and metrics.

/// The end of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// In the log.
    Accepted,
    /// Kept, with the reason, where `opsward dlq` shows it.
    DeadLettered,
    /// Neither: the sender has to send it again, or to see that it was wrong.
    Refused,
}

impl Outcome {
    /// The word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::DeadLettered => "DeadLettered",
            Self::Refused => "Refused",
        }
    }
}
