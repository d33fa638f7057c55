//! How bad an event is, in five words that every format's own words map onto.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Ordered from `Info` to `Critical`, so that the highest of an episode is a plain maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// For the record: a change, a deployment, an object created.
    Info,
    /// Worth a look some day.
    Low,
    /// A warning. What an event without a severity gets.
    #[default]
    Medium,
    /// An error that needs a person soon.
    High,
    /// A person is needed now.
    Critical,
}

impl Severity {
    /// All severities, lowest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The severity that a sender's word stands for, whatever its case; `None` for a word nobody agreed on.
    pub fn from_word(word: &str) -> Option<Self> {
        const WORDS: [(&str, Severity); 27] = [
            ("critical", Severity::Critical),
            ("page", Severity::Critical),
            ("emergency", Severity::Critical),
            ("alert", Severity::Critical),
            ("fatal", Severity::Critical),
            ("p1", Severity::Critical),
            ("disaster", Severity::Critical),
            ("error", Severity::High),
            ("high", Severity::High),
            ("major", Severity::High),
            ("p2", Severity::High),
            ("warning", Severity::Medium),
            ("warn", Severity::Medium),
            ("medium", Severity::Medium),
            ("average", Severity::Medium),
            ("p3", Severity::Medium),
            ("minor", Severity::Low),
            ("low", Severity::Low),
            ("notice", Severity::Low),
            ("p4", Severity::Low),
            ("info", Severity::Info),
            ("information", Severity::Info),
            ("informational", Severity::Info),
            ("none", Severity::Info),
            ("ok", Severity::Info),
            ("debug", Severity::Info),
            ("p5", Severity::Info),
        ];
        let word = word.trim();
        WORDS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(word))
            .map(|(_, severity)| *severity)
    }

    /// The word as users see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "Info",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_many_systems_map_whatever_their_case() {
        assert_eq!(Severity::from_word("PAGE"), Some(Severity::Critical));
        assert_eq!(Severity::from_word(" Warning "), Some(Severity::Medium));
        assert_eq!(Severity::from_word("Informational"), Some(Severity::Info));
        assert_eq!(Severity::from_word("purple"), None);
    }
}
