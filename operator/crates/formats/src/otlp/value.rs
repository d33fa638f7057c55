//! Values of OTLP as texts and as JSON.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::wire::{AnyValue, KeyValue, Kind};
use crate::labels::Pair;

/// Attributes that are no labels: `data` has them, and they are longer than a label.
const LONG_ATTRIBUTES: [&str; 2] = ["exception.stacktrace", "exception.message"];

impl AnyValue {
    /// As JSON. Bytes are base64, and numbers that JSON cannot say are texts. No deeper than protobuf and JSON let a
    /// value be.
    pub(super) fn to_json(&self) -> Value {
        match &self.kind {
            None => Value::Null,
            Some(Kind::Text(text)) => Value::String(text.clone()),
            Some(Kind::Bool(truth)) => Value::Bool(*truth),
            Some(Kind::Int(number)) => Value::from(*number),
            Some(Kind::Double(number)) => match Value::from(*number) {
                Value::Null => Value::String(number.to_string()),
                number => number,
            },
            Some(Kind::List(list)) => list.values.iter().map(Self::to_json).collect(),
            Some(Kind::Map(map)) => Value::Object(object(&map.values)),
            Some(Kind::Bytes(bytes)) => Value::String(STANDARD.encode(bytes)),
        }
    }

    /// A scalar as text; `None` for lists, maps, bytes and nothing.
    pub(super) fn to_text(&self) -> Option<String> {
        match &self.kind {
            Some(Kind::Text(text)) => Some(text.clone()),
            Some(Kind::Bool(truth)) => Some(truth.to_string()),
            Some(Kind::Int(number)) => Some(number.to_string()),
            Some(Kind::Double(number)) => Some(number.to_string()),
            None | Some(Kind::List(_) | Kind::Map(_) | Kind::Bytes(_)) => None,
        }
    }
}

/// Attributes as an object; of two with one name the later stays.
pub(super) fn object(attributes: &[KeyValue]) -> Map<String, Value> {
    let json = |value: &Option<AnyValue>| value.as_ref().map_or(Value::Null, AnyValue::to_json);
    attributes
        .iter()
        .map(|attribute| (attribute.key.clone(), json(&attribute.value)))
        .collect()
}

/// Attributes that are labels: scalars that say something.
pub(super) fn label_pairs(attributes: &[KeyValue]) -> Vec<Pair<'static>> {
    let pair = |attribute: &KeyValue| {
        let text = attribute
            .value
            .as_ref()?
            .to_text()
            .filter(|text| !text.is_empty())?;
        let is_label = !attribute.key.is_empty() && !LONG_ATTRIBUTES.contains(&attribute.key.as_str());
        is_label.then(|| (Cow::Owned(attribute.key.clone()), Cow::Owned(text)))
    };
    attributes.iter().filter_map(pair).collect()
}

/// The text of the first of these attributes that has one which is not blank.
pub(super) fn first(attributes: &[KeyValue], names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let attribute = attributes.iter().rfind(|attribute| attribute.key == *name)?;
        let text = attribute.value.as_ref()?.to_text()?;
        (!text.trim().is_empty()).then_some(text)
    })
}

/// The members that say something.
pub(super) fn without_empty<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let said = members.into_iter().filter(|(_, value)| !is_empty(value));
    said.map(|(name, value)| (name.to_owned(), value)).collect()
}
