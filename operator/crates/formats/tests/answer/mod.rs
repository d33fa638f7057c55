//! What must hold for every answer of a parser, whatever it was given: shared by the tests and the fuzzers.

use domain::event::{Event, bounds};
use formats::{Input, Reader, Refusal};

/// Parses, and checks the answer; says how many events came out.
pub fn check(reader: &Reader, input: Input<'_>) -> usize {
    let items = match reader.parse(input) {
        Err(refusal) => return check_refusal(&refusal),
        Ok(items) => items,
    };
    let texts = reader.texts(input).len();
    assert_eq!(
        texts,
        items.len(),
        "an item without a text is a dead letter without one"
    );
    items
        .map(|item| match &item.result {
            Ok(event) => check_event(event, input),
            Err(refusal) => check_refusal(refusal),
        })
        .sum()
}

fn check_refusal(refusal: &Refusal) -> usize {
    assert!(refusal.message.len() > 10, "{refusal:?}");
    assert!(refusal.message.len() < 1000, "{refusal:?}");
    0
}

fn check_event(event: &Event<'_>, input: Input<'_>) -> usize {
    assert!(
        event.title.chars().count() <= bounds::TITLE_CHARS && !event.title.is_empty(),
        "{event:?}"
    );
    assert!(event.description.len() <= bounds::DESCRIPTION_BYTES);
    assert!(event.labels.len() <= bounds::LABELS);
    for (name, value) in event.labels.iter() {
        assert!(name.len() <= bounds::LABEL_NAME_BYTES && value.len() <= bounds::LABEL_VALUE_BYTES);
    }
    assert!(event.occurred_at.millis() <= input.received_at.millis() + bounds::FUTURE_MILLIS);
    assert!(!event.fingerprint.is_absent() && !event.fingerprint_fields.is_empty());
    let json = serde_json::to_string(event).unwrap();
    assert!(!json.contains('\n'), "an event is one line: {json}");
    let read: Event<'_> = serde_json::from_str(&json).unwrap();
    assert_eq!(&read, event);
    1
}
