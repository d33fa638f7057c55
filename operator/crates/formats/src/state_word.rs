//! The words that senders have for a state.

use domain::event::EventState;

/// The words, whatever their case.
const FIRING: [&str; 7] = [
    "firing",
    "active",
    "open",
    "alerting",
    "triggered",
    "problem",
    "alert",
];
const RESOLVED: [&str; 7] = [
    "resolved",
    "ok",
    "closed",
    "cleared",
    "recovered",
    "inactive",
    "normal",
];
const INFO: [&str; 4] = ["info", "information", "informational", "notice"];

/// The state that a word stands for. No word is firing: what nobody resolves is there.
pub(crate) fn read(word: &str) -> Option<EventState> {
    let word = word.trim_ascii();
    let is_in = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    if word.is_empty() || is_in(&FIRING) {
        Some(EventState::Firing)
    } else if is_in(&RESOLVED) {
        Some(EventState::Resolved)
    } else if is_in(&INFO) {
        Some(EventState::Info)
    } else {
        None
    }
}

/// All words, for a message.
pub(crate) fn known() -> String {
    [&FIRING[..], &RESOLVED[..], &INFO[..]].concat().join(", ")
}
