//! An event's fields as conditions see them.

use crate::dimensions::Dimensions;
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
        "dimensions" => Some(dimensions(event.dimensions.as_deref())),
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

/// Always an object with all its lists, so that `exists` is simply false where nothing is stated; only the urgency may
/// be absent. Numbers are always `double`: cel compares them with whole literals too, but adds only what is of one type.
fn dimensions(stated: Option<&Dimensions>) -> Value<'_> {
    let texts = |texts: fn(&Dimensions) -> &Vec<String>| {
        Value::list(stated.into_iter().flat_map(texts).map(Value::text))
    };
    let dates = stated.into_iter().flat_map(|stated| &stated.dates);
    let amounts = stated.into_iter().flat_map(|stated| &stated.amounts);
    let amounts = amounts.map(|amount| {
        let value = amount.value.as_f64().unwrap_or(f64::NAN);
        Value::object([
            ("value", Value::double(value)),
            ("unit", Value::text(&amount.unit)),
        ])
    });
    let lists = [
        (
            "dates",
            Value::list(dates.map(|date| Value::text(date.to_string()))),
        ),
        ("accounts", texts(|stated| &stated.accounts)),
        ("hosts", texts(|stated| &stated.hosts)),
        ("amounts", Value::list(amounts)),
    ];
    let urgency = stated.and_then(|stated| stated.urgency);
    let urgency = urgency.map(|urgency| ("urgency", Value::text(urgency.as_str())));
    Value::object(lists.into_iter().chain(urgency))
}
