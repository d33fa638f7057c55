//! An event's fields as conditions see them.

use crate::event::Event;
use crate::expression::Value;
use crate::json::Strings;

/// One field of the event; `None` when the event lacks it, so that `has()` is false.
pub(super) fn field<'e>(event: &'e Event<'_>, name: &str) -> Option<Value<'e>> {
    let text = |text: &'e str| (!text.is_empty()).then(|| Value::text(text));
    let list = |texts: &'e Strings<'_>| {
        let items = texts.0.iter().map(|text| Value::text(&**text));
        (!texts.is_empty()).then(|| Value::list(items))
    };
    match name {
        "labels" => {
            let labels = event.labels.iter();
            Some(Value::object(
                labels.map(|(name, value)| (name, Value::text(value))),
            ))
        }
        "resources" => list(&event.resources),
        "tags" => list(&event.tags),
        "data" => event.data.as_ref().and_then(|raw| Value::read(raw.get()).ok()),
        "source" => Some(Value::object([
            ("name", Value::text(&*event.source.name)),
            ("format", Value::text(&*event.source.format)),
            ("reported", Value::text(&*event.source.reported)),
        ])),
        "state" => Some(Value::text(event.state.as_str())),
        "description" => text(&event.description),
        "namespace" => text(&event.namespace),
        "fingerprint" => Some(Value::text(event.fingerprint.to_string())),
        "occurredAt" => Some(Value::text(event.occurred_at.to_string())),
        "receivedAt" => Some(Value::text(event.received_at.to_string())),
        _ => event.field(name).and_then(text),
    }
}
