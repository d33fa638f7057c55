//! An event's fields as CEL values.

use std::sync::Arc;

use cel::objects::{Key, Value};
use serde_json::Value as Json;

use super::LIST_ITEMS;
use crate::event::Event;
use crate::json::Strings;

/// One field of the event as a CEL value; `None` when the event lacks it, so that `has()` is false.
pub(super) fn field(event: &Event<'_>, name: &str) -> Option<Value> {
    let text = |text: &str| (!text.is_empty()).then(|| string(text));
    let list = |texts: &Strings<'_>| {
        let items = texts
            .0
            .iter()
            .take(LIST_ITEMS)
            .map(|text| string(text))
            .collect::<Vec<_>>();
        (!items.is_empty()).then(|| Value::List(Arc::new(items)))
    };
    match name {
        "labels" => Some(map(event
            .labels
            .iter()
            .map(|(name, value)| (name, string(value))))),
        "resources" => list(&event.resources),
        "tags" => list(&event.tags),
        "data" => event
            .data
            .as_ref()
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .map(value),
        "source" => Some(map([
            ("name", string(&event.source.name)),
            ("format", string(&event.source.format)),
            ("reported", string(&event.source.reported)),
        ])),
        "state" => Some(string(event.state.as_str())),
        "description" => text(&event.description),
        "namespace" => text(&event.namespace),
        "fingerprint" => text(&event.fingerprint.to_string()),
        "occurredAt" => text(&event.occurred_at.to_string()),
        "receivedAt" => text(&event.received_at.to_string()),
        _ => event.field(name).and_then(text),
    }
}

fn string(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let entries = entries
        .into_iter()
        .map(|(name, value)| (Key::String(Arc::new(name.to_owned())), value));
    Value::Map(cel::objects::Map {
        map: Arc::new(entries.collect()),
    })
}

/// JSON as CEL. Whole numbers become `int`, so that `event.data.n + 1` works: cel's own conversion makes
/// `uint` of them, which does not add to a literal.
fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(yes),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(Arc::new(text)),
        Json::Array(items) => Value::List(Arc::new(items.into_iter().take(LIST_ITEMS).map(value).collect())),
        Json::Object(entries) => Value::Map(cel::objects::Map {
            map: Arc::new(
                entries
                    .into_iter()
                    .take(LIST_ITEMS)
                    .map(|(name, json)| (Key::String(Arc::new(name)), value(json)))
                    .collect(),
            ),
        }),
    }
}
