//! What a step of the correlator is given, and what comes out of it as data.

use serde::{Deserialize, Serialize};

use super::incident::Changed;
use super::timers::Timers;
use crate::rule::record::RuleRecord;
use crate::time::Time;

/// What became of one accepted event: exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The same delivery had been seen.
    Duplicate,
    /// It counts in an incident.
    Counted,
    /// The same occurrence again.
    Repeat,
    /// The problem is gone.
    Cleared,
    /// Older than what is known of its problem.
    Stale,
    /// A person closed the incident that it would belong to, and the problem has not gone since.
    Muted,
    /// Waits for its rule's trigger.
    Pending,
    /// Waited, and its rule's trigger was not met in time.
    BelowThreshold,
    /// No rule takes it.
    Unmatched,
    /// A cap was reached; it counts in the rule's overflow incident.
    Overflow,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 10] = [
        Self::Duplicate,
        Self::Counted,
        Self::Repeat,
        Self::Cleared,
        Self::Stale,
        Self::Muted,
        Self::Pending,
        Self::BelowThreshold,
        Self::Unmatched,
        Self::Overflow,
    ];

    /// The word in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Counted => "counted",
            Self::Repeat => "repeat",
            Self::Cleared => "cleared",
            Self::Stale => "stale",
            Self::Muted => "muted",
            Self::Pending => "pending",
            Self::BelowThreshold => "belowThreshold",
            Self::Unmatched => "unmatched",
            Self::Overflow => "overflow",
        }
    }
}

/// How many events came to what, over the whole log: with [`Totals::pending`] they add up to the accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    outcomes: [i64; Outcome::ALL.len()],
    /// Events taken in.
    pub accepted: i64,
    /// Events that wait for a trigger now.
    pub pending: i64,
}

impl Totals {
    /// Adds one event that came to `outcome`; one that waits is in `pending` until it comes to something.
    pub fn add(&mut self, outcome: Outcome) {
        if outcome != Outcome::Pending
            && let Some(count) = self.outcomes.get_mut(outcome as usize)
        {
            *count += 1;
        }
    }

    /// How many events came to `outcome`.
    pub fn of(&self, outcome: Outcome) -> i64 {
        match outcome {
            Outcome::Pending => self.pending,
            _ => self.outcomes.get(outcome as usize).copied().unwrap_or(0),
        }
    }
}

/// What one moment of a step works with: when, where, and where results go.
pub struct Turn<'a> {
    /// Log time.
    pub at: Time,
    /// Log position.
    pub position: i64,
    /// The log's id, which goes into incident ids.
    pub log_id: &'a str,
    /// All deadlines.
    pub timers: &'a mut Timers,
    /// What is to be done.
    pub effects: &'a mut Vec<Effect>,
    /// The accounting.
    pub totals: &'a mut Totals,
}

/// What is to be done outside after a step. Records are read off the state when they are written, so that
/// a thousand counts cost one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// An incident's record changed.
    Incident {
        /// The tenant's number.
        tenant: u32,
        /// The incident's number.
        number: u64,
        /// How much.
        changed: Changed,
    },
    /// An incident's record goes.
    Removed {
        /// The tenant's number.
        tenant: u32,
        /// The incident's number.
        number: u64,
        /// Its key in the bucket.
        key: String,
    },
    /// A rule's counters changed.
    Rule {
        /// The tenant's number.
        tenant: u32,
        /// The rule's number.
        number: u32,
    },
    /// A rule's version came into force or was refused.
    RuleChanged {
        /// The tenant's number.
        tenant: u32,
        /// The rule's number.
        number: u32,
    },
    /// A rule is gone for good.
    RuleDropped {
        /// Its key in the bucket.
        key: String,
        /// Its last record.
        record: Box<RuleRecord>,
    },
    /// An event could not be read: it matched no rule, and somebody should be told.
    Unreadable(Unreadable),
}

/// An event whose text is no event beyond its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Which of its entry.
    pub index: usize,
    /// Its text.
    pub text: String,
}
