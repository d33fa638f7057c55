//! An entry of the log, decoded: events, a rule's change, a person's close, a tick. Everything that can
//! change what the correlator thinks is one of these.

use crate::event::Logged;
use crate::rule::{RuleError, RuleIdentity, RuleSpec};
use crate::time::Time;

/// How many events one log entry may hold; a position is sequence × this + index.
pub const PACK_EVENTS: usize = 256;
/// The same, as positions count.
const PACK_POSITIONS: i64 = 256;

/// The position of the item `index` of the entry `sequence`.
pub fn position(sequence: u64, index: usize) -> i64 {
    let sequence = i64::try_from(sequence).unwrap_or(i64::MAX / PACK_POSITIONS);
    sequence
        .saturating_mul(PACK_POSITIONS)
        .saturating_add(i64::try_from(index).unwrap_or(0))
}

/// The sequence of the entry that holds `position`.
pub fn sequence(position: i64) -> u64 {
    u64::try_from(position / PACK_POSITIONS).unwrap_or(0)
}

/// The index of the item at `position` in its entry.
pub fn index(position: i64) -> usize {
    usize::try_from(position % PACK_POSITIONS).unwrap_or(0)
}

/// One entry, with its place in the one order.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The stream's sequence.
    pub sequence: u64,
    /// The stream's timestamp.
    pub at: Time,
    /// What it says.
    pub body: EntryBody<'a>,
}

/// The last position of the entry `sequence`.
pub fn last_position(sequence: u64) -> i64 {
    position(sequence, PACK_EVENTS - 1)
}

/// What an entry says.
#[derive(Debug)]
pub enum EntryBody<'a> {
    /// Events of one namespace.
    Events {
        /// The tenant.
        namespace: &'a str,
        /// In the order of their items.
        events: &'a [Logged<'a>],
    },
    /// A rule was created or edited.
    Rule {
        /// The tenant.
        namespace: &'a str,
        /// Which object in which version.
        identity: RuleIdentity,
        /// The rule, or what is wrong with it.
        spec: Box<Result<RuleSpec, RuleError>>,
    },
    /// A rule's object is gone.
    RuleDeleted {
        /// The tenant.
        namespace: &'a str,
        /// metadata.uid.
        uid: &'a str,
    },
    /// A person closed an incident.
    Close {
        /// The tenant.
        namespace: &'a str,
        /// The incident's id.
        incident: &'a str,
    },
    /// Time passed. Also what an entry that could not be decoded comes down to.
    Tick,
}
