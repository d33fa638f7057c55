//! Dead letters of what stands in the log and could not be taken in. Pure; the collector makes those of what never
//! came into the log.

use bus::contract::DEAD_PAYLOAD_BYTES;
use bus::{DeadLetter, LogMessage};
use domain::event::clip;

use crate::fold::Skipped;

/// One letter for a message that is no entry, else one for each event that could not be read.
pub fn letters(message: &LogMessage, skipped: &Skipped) -> Vec<DeadLetter> {
    let LogMessage {
        sequence, subject, ..
    } = message;
    match skipped {
        Skipped::Entry(error) => {
            let mut scratch = Vec::new();
            let text = match bus::log::open(&message.payload, &mut scratch) {
                Ok(text) => text.into(),
                Err(_) => String::from_utf8_lossy(&message.payload),
            };
            vec![DeadLetter {
                reason: "UndecodableEntry".to_owned(),
                message: format!("entry {sequence} on {subject}: {error}"),
                ..letter(message, &text)
            }]
        }
        Skipped::Events(events) => {
            let letters = events.iter().map(|event| DeadLetter {
                reason: "UnreadableEvent".to_owned(),
                message: format!(
                    "event {} of entry {sequence} on {subject} cannot be read beyond its head; it matches no rule",
                    event.index
                ),
                item: Some(event.index),
                ..letter(message, &event.text)
            });
            letters.collect()
        }
    }
}

fn letter(message: &LogMessage, text: &str) -> DeadLetter {
    DeadLetter {
        id: ulid::Ulid::new().to_string(),
        at: message.at,
        namespace: "opsward-log".to_owned(),
        source: "log".to_owned(),
        format: String::new(),
        reason: String::new(),
        message: String::new(),
        item: None,
        payload: clip(text, DEAD_PAYLOAD_BYTES).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use bus::log::EntryError;
    use domain::correlate::effect::Unreadable;
    use domain::time::Time;

    use super::*;

    fn message(payload: &'static [u8]) -> LogMessage {
        LogMessage {
            sequence: 7,
            at: Time::from_millis(1),
            subject: "ingest.events.shop".to_owned(),
            pending: 0,
            payload: payload.into(),
        }
    }

    #[test]
    fn an_unreadable_event_is_a_letter_of_its_own() {
        let event = |index, text: &str| Unreadable {
            index,
            text: text.to_owned(),
        };
        let skipped = Skipped::Events(vec![event(1, "{b"), event(4, "{e")]);
        let letters = letters(&message(b"{a,{b,{c,{d,{e"), &skipped);
        let told: Vec<_> = letters
            .iter()
            .map(|letter| (letter.item, letter.reason.as_str(), letter.payload.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (Some(1), "UnreadableEvent", "{b"),
                (Some(4), "UnreadableEvent", "{e")
            ]
        );
        assert_eq!(
            letters[0].message,
            "event 1 of entry 7 on ingest.events.shop cannot be read beyond its head; it matches no rule"
        );
    }

    #[test]
    fn what_is_no_entry_is_one_letter_with_what_can_be_shown_of_it() {
        let skipped = Skipped::Entry(EntryError::Shape);
        let [letter] = letters(&message(b"\xff{}"), &skipped).try_into().unwrap();
        assert_eq!(
            (letter.item, letter.reason.as_str(), letter.payload.as_str()),
            (None, "UndecodableEntry", "\u{fffd}{}")
        );
        assert!(
            letter.message.starts_with("entry 7 on ingest.events.shop: "),
            "{}",
            letter.message
        );
    }
}
