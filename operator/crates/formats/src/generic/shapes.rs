//! The shapes that vendors give to one thing: a label in an object, in a pair, in `name:value`; a text in a list of one.

use std::collections::HashMap;

use domain::expression::Step;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::surrogates;

/// What separates a name from its value in one text: `env:prod`, `env=prod`.
const SEPARATORS: [char; 2] = [':', '='];
/// What vendors call the name in a list of objects, before `value`.
const NAME_MEMBERS: [&str; 4] = ["name", "key", "tag", "label"];

/// The kind of a value, for a message.
pub(super) const fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// Bytes that a copy of a value takes, about.
pub(super) fn bytes(value: &Json) -> usize {
    let inside = match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(bytes).sum(),
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| size_of::<String>() + name.len() + bytes(value))
            .sum(),
    };
    size_of::<Json>() + inside
}

/// The text of a scalar, empty of null; none of a list or an object.
pub(super) fn scalar(value: Json) -> Option<String> {
    match value {
        Json::Null => Some(String::new()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::String(text) => Some(text),
        Json::Array(_) | Json::Object(_) => None,
    }
}

/// The element of a list of one, null of an empty list.
pub(super) fn unwrapped(value: Json) -> Json {
    match value {
        Json::Array(mut items) if items.len() < 2 => items.pop().unwrap_or_default(),
        other => other,
    }
}

/// The text without white space around it.
pub(super) fn trimmed(text: String) -> String {
    match text.trim() {
        inner if inner.len() == text.len() => text,
        inner => inner.to_owned(),
    }
}

/// Texts of a list of scalars, or of one scalar with commas between them; what is blank is left out. Objects and pairs
/// of names and values become `name:value`.
///
/// Errors: the kind of the first value that is none of these.
pub(super) fn texts(value: Json) -> Result<Vec<String>, &'static str> {
    let mut texts = Vec::new();
    for part in parts(value) {
        let kind = kind(&part);
        let text = match pair(&part) {
            Some((name, value)) => format!("{name}:{value}"),
            None => trimmed(scalar(part).ok_or(kind)?),
        };
        if !text.is_empty() {
            texts.push(text);
        }
    }
    Ok(texts)
}

/// Names with values: of an object; of a list of pairs, of objects with `name` (or `key`, `tag`, `label`) and `value`, or
/// of texts `name:value` or `name=value`; or of one text of those with commas between them. A name without a value is
/// left out, and so is a text that is no pair: it is a tag.
///
/// Errors: the kind of the first value that is none of these.
pub(super) fn pairs(value: Json) -> Result<Vec<(String, String)>, &'static str> {
    let mut pairs = Vec::new();
    match opened(value) {
        Json::Object(members) => {
            pairs.extend(members.into_iter().map(|(name, value)| (name, joined(value))));
        }
        value => {
            for part in parts(value) {
                if let Some(pair) = pair(&part) {
                    pairs.push(pair);
                } else if let Json::String(text) = &part {
                    pairs.extend(split(text));
                } else if !part.is_null() {
                    return Err(kind(&part));
                }
            }
        }
    }
    pairs.retain(|(name, value)| !name.is_empty() && !value.is_empty());
    Ok(pairs)
}

/// What a text says that is itself JSON, as `additional_info` of `ServiceNow` and `{EVENT.TAGSJSON}` of Zabbix are.
fn opened(value: Json) -> Json {
    match value {
        Json::String(text) if text.starts_with(['{', '[']) => {
            let read = serde_json::from_slice(&surrogates::mended(text.as_bytes()));
            read.unwrap_or(Json::String(text))
        }
        other => other,
    }
}

/// A value's text: of a list of scalars theirs with commas between them, of anything deeper its JSON.
fn joined(value: Json) -> String {
    match value {
        Json::Array(items) if items.iter().all(is_scalar) => {
            let texts: Vec<_> = items.into_iter().filter_map(scalar).collect();
            texts.join(",")
        }
        Json::Array(_) | Json::Object(_) => value.to_string(),
        other => trimmed(scalar(other).unwrap_or_default()),
    }
}

const fn is_scalar(value: &Json) -> bool {
    !matches!(value, Json::Array(_) | Json::Object(_))
}

/// The elements of a list; the parts between the commas of a text.
fn parts(value: Json) -> Vec<Json> {
    match opened(value) {
        Json::Array(items) => items,
        Json::String(text) => text.split(',').map(|part| Json::from(part.trim())).collect(),
        Json::Null => Vec::new(),
        other => vec![other],
    }
}

/// A name with its value, of an object or a list of two.
fn pair(value: &Json) -> Option<(String, String)> {
    let (name, value) = match value {
        Json::Object(members) => {
            let name = NAME_MEMBERS.iter().find_map(|member| members.get(*member))?;
            (name, members.get("value")?)
        }
        Json::Array(items) => match items.as_slice() {
            [name, value] => (name, value),
            _ => return None,
        },
        _ => return None,
    };
    Some((scalar(name.clone())?, scalar(value.clone())?))
}

/// `name:value` or `name=value`, at the first separator.
fn split(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(SEPARATORS)?;
    Some((name.trim().to_owned(), value.trim().to_owned()))
}

/// A member of an object, or an element of a list, as its text.
pub(super) fn member<'a>(value: &'a RawValue, step: &Step) -> Option<&'a RawValue> {
    match step {
        Step::Field(name) => {
            let mut members: HashMap<String, &'a RawValue> = serde_json::from_str(value.get()).ok()?;
            members.remove(name)
        }
        Step::Index(index) => {
            let items: Vec<&'a RawValue> = serde_json::from_str(value.get()).ok()?;
            items.get(*index).copied()
        }
    }
}
