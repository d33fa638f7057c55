//! An incident as others see it: its id and name, and the cumulative record that the correlator writes and
//! the controller projects. The machine of its phases is in [`step`].

pub mod opening_event;
pub mod step;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hash::Hash128;
use crate::rule::RuleIdentity;
use crate::severity::Severity;
use crate::time::Time;
use crate::triage::Triage;
use opening_event::OpeningEvent;

/// Characters of the hash part of an incident id: 50 bits, unique beyond doubt within one rule and position.
const HASH_CHARS: usize = 10;
/// Characters of a rule's name that an object's name keeps, so that name + '-' + id stays a valid name.
const RULE_CHARS: usize = 40;
/// Digits without the letters that read alike (Crockford's base 32, lower case).
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An incident's id: 10 characters of SHA-256 over log, rule and group, '-', the opening position in base 36.
pub fn incident_id(log_id: &str, rule_uid: &str, group: Hash128, opening: i64) -> String {
    let mut hasher = Sha256::new();
    for part in [log_id, rule_uid] {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.update(group.bits().to_le_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let bits = digest
        .iter()
        .take(8)
        .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let character = |index: usize| {
        let value = (bits >> (59 - 5 * index)) & 31;
        char::from(*BASE32.get(usize::try_from(value).unwrap_or(0)).unwrap_or(&b'0'))
    };
    let hash: String = (0..HASH_CHARS).map(character).collect();
    format!("{hash}-{}", base36(opening.unsigned_abs()))
}

/// The name of an incident's OpsEvent: the rule's name cut to 40, '-', the incident's id.
pub fn object_name(rule_name: &str, incident_id: &str) -> String {
    let cut: String = rule_name.chars().take(RULE_CHARS).collect();
    let cut = cut.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    format!("{cut}-{incident_id}")
}

/// The log position at which the incident of an OpsEvent of this name opened; `None` for a name that Opsward does not
/// give.
pub fn opening_position(object_name: &str) -> Option<i64> {
    i64::from_str_radix(object_name.rsplit('-').next()?, 36).ok()
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(u32::try_from(number % 36).unwrap_or(0), 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// What an incident has counted. Cumulative: each number only grows while the incident lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Occurrences {
    /// Distinct occurrences, Firing or Info.
    pub count: i64,
    /// The same occurrence again.
    pub repeats: i64,
    /// The same delivery again.
    pub duplicates: i64,
    /// Distinct fingerprints, of which at most 1,000 are tracked.
    pub members: i64,
    /// Occurrences of fingerprints beyond the tracked ones; while above 0 no clear ends the incident.
    pub members_overflow: i64,
    /// The oldest occurrence's time by the log.
    pub first_seen: Time,
    /// The newest event's time by the log.
    pub last_seen: Time,
    /// The log position that these numbers cover.
    pub position: i64,
}

/// Why an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EndReason {
    /// Every member sent its clear or reached its `endsAt`.
    Cleared,
    /// Nothing was seen of its members for `resolve.after`.
    Quiet,
    /// `resolve.maxOpen` passed.
    MaxOpen,
    /// A person set `spec.close`.
    Closed,
}

impl EndReason {
    /// The word as users see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cleared => "Cleared",
            Self::Quiet => "Quiet",
            Self::MaxOpen => "MaxOpen",
            Self::Closed => "Closed",
        }
    }
}

/// An incident's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When, by the log.
    pub at: Time,
    /// Why.
    pub reason: EndReason,
}

/// All that the correlator says of one incident: absolute values, with the position they cover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentRecord {
    /// The incident's id.
    pub id: String,
    /// Its namespace.
    pub namespace: String,
    /// The rule it pins.
    pub rule: RuleIdentity,
    /// The group's fields and values.
    pub group: BTreeMap<String, String>,
    /// The group as one line, for the column.
    pub group_text: String,
    /// Whether this is the rule's overflow incident, which gathers what the caps keep out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overflow: bool,
    /// The opening event's id.
    pub correlation_id: String,
    /// The opening event's title.
    pub title: String,
    /// The opening event; absent where the incident opened before records had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Arc<OpeningEvent>>,
    /// What its occurrences and their repeats name, in the order in which they came; at most 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// How many more they name; at most 800 are counted.
    #[serde(default)]
    pub resources_omitted: i64,
    /// Whether a person decides about it, by the rule that opened it.
    #[serde(default)]
    pub triage: Arc<Triage>,
    /// The highest severity of the episode.
    pub severity: Severity,
    /// How many members fire now.
    pub firing: i64,
    /// The counters.
    pub occurrences: Occurrences,
    /// Events that came of it after a person had ended it, while it was muted.
    #[serde(default)]
    pub muted: i64,
    /// When it opened, by the log.
    pub opened_at: Time,
    /// How often it came back after it had cleared.
    #[serde(default)]
    pub reopened: i64,
    /// Its end, when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// Whether its rule has been deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rule_gone: bool,
    /// How long the object stays after the end.
    pub ttl: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_hash_and_the_opening_position() {
        let id = incident_id("01LOG", "uid", Hash128::of(["g"]), 256 * 36);
        let (hash, position) = id.split_once('-').unwrap();
        assert_eq!((hash.len(), position), (10, "740"));
        assert_ne!(id, incident_id("01LOG", "uid", Hash128::of(["h"]), 256 * 36));
    }

    #[test]
    fn a_name_tells_the_position_at_which_the_incident_opened() {
        let name = object_name("high-cpu", &incident_id("01LOG", "uid", Hash128::of(["g"]), 2560));
        assert_eq!(opening_position(&name), Some(2560));
        assert_eq!(opening_position("by-hand_"), None);
    }

    #[test]
    fn an_object_name_is_cut_at_a_letter_or_digit() {
        let long = format!("{}.-tail-that-goes", "a".repeat(38));
        assert_eq!(
            object_name(&long, "k3v9q2mzra-1z4"),
            format!("{}-k3v9q2mzra-1z4", "a".repeat(38))
        );
    }
}
