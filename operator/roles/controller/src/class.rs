//! How urgent a write is, and how many requests it makes.

/// What one incident takes to appear: a POST, and its status, which a POST cannot carry.
pub const WRITES_PER_OPENING: u32 = 2;

/// How urgent a write is, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A person's decision, and the status that shows it: somebody looks whether it was heard.
    Answer,
    /// An incident's object appears.
    Opening,
    /// Phase, end, severity, firing; a rule comes into force or is refused.
    Change,
    /// Counts that were behind already at the last full list, or are for longer than an object may be.
    Overdue,
    /// Counts.
    Counts,
    /// A rule's counters, deletion of what is finished.
    Upkeep,
}

impl Class {
    /// Requests that one such write makes.
    pub const fn writes(self) -> u32 {
        match self {
            Self::Opening => WRITES_PER_OPENING,
            Self::Answer | Self::Change | Self::Overdue | Self::Counts | Self::Upkeep => 1,
        }
    }

    /// Whether it may use the reserve of the budget.
    pub const fn is_urgent(self) -> bool {
        match self {
            Self::Answer | Self::Opening | Self::Change | Self::Overdue => true,
            Self::Counts | Self::Upkeep => false,
        }
    }
}
