//! What an event's texts state, as values.

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::time::Time;

/// Most facts of one kind that are kept, the first in the text.
pub const FACTS: usize = 16;

/// What an event's texts state. Each list is in the order of the text, without repeats, at most [`FACTS`] long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimensions {
    /// How soon somebody has to act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// Moments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<Time>,
    /// Cloud accounts: twelve digits for AWS, a UUID for Azure; of the texts, then of the event's own account and
    /// resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// Host names and IP addresses, in small letters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Quantities with their units: money, percent, bytes, time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amounts: Vec<Amount>,
}

/// How soon somebody has to act, as the text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Urgency {
    /// Some day: planned work, a note.
    Routine,
    /// Within days, or by a date.
    Soon,
    /// Now.
    Immediate,
}

impl Urgency {
    /// Its name in JSON and in conditions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Routine => "Routine",
            Self::Soon => "Soon",
            Self::Immediate => "Immediate",
        }
    }
}

/// A quantity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// The number.
    pub value: Number,
    /// ISO 4217 for money (`USD`), else `%`, or a unit of bytes (`GiB`) or time (`ms`).
    pub unit: String,
}

impl Dimensions {
    /// Whether nothing is stated.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Appends the JSON of it.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        // Numbers, texts and times always encode, and writing to a vector does not fail.
        let _ = serde_json::to_writer(out, self);
    }
}
