//! The free part of a payload: passed on as its own text where that is one object on one line.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::json::RawJson;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::refusal::{Path, Refusal};

/// A member of the payload that no field of the event takes.
pub(crate) type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// Whether a value is a list or an object.
pub(crate) fn is_nested(value: &RawValue) -> bool {
    value.get().starts_with(['{', '['])
}

/// The object as sent. One over several lines is written anew: events travel and print as JSON lines.
pub(crate) fn as_sent<'a>(object: &'a RawValue, at: &Path<'_>) -> Result<RawJson<'a>, Refusal> {
    // JSON has control characters only between its tokens: line ends and tabs. A minimum over all bytes, without
    // leaving early, is what the compiler vectorises.
    if object.get().bytes().fold(u8::MAX, u8::min) < b' ' {
        rewritten(&read::<Value>(object, at)?, at)
    } else {
        Ok(RawJson::borrowed(object))
    }
}

/// One object of `object`'s members and `others`. Of the others the later of one name wins, as JSON readers have it; one
/// whose name `object` has too is kept as `/name`. Those for which that is taken as well are in one object by the name `/`
/// (or so many slashes that it is free): with a slash more for each, the names of a crafted body would grow without bound.
pub(crate) fn with_others<'a>(
    object: Option<&'a RawValue>,
    others: Vec<Member<'a>>,
    at: &Path<'_>,
) -> Result<RawJson<'a>, Refusal> {
    let mut members: Map<String, Value> = object.map_or_else(|| Ok(Map::new()), |object| read(object, at))?;
    let others: BTreeMap<_, _> = others.into_iter().collect();
    let mut crowded = Map::new();
    for (name, value) in others {
        let value = read(value, at)?;
        if !members.contains_key(&*name) {
            members.insert(name.into_owned(), value);
            continue;
        }
        let slashed = format!("/{name}");
        if members.contains_key(&slashed) {
            crowded.insert(name.into_owned(), value);
        } else {
            members.insert(slashed, value);
        }
    }
    if !crowded.is_empty() {
        let mut name = String::from("/");
        while members.contains_key(&name) {
            name.push('/');
        }
        members.insert(name, Value::Object(crowded));
    }
    rewritten(&Value::Object(members), at)
}

fn read<T: serde::de::DeserializeOwned>(value: &RawValue, at: &Path<'_>) -> Result<T, Refusal> {
    serde_json::from_str(value.get())
        .map_err(|error| Refusal::invalid(at, format_args!("not readable: {error}")))
}

fn rewritten(value: &Value, at: &Path<'_>) -> Result<RawJson<'static>, Refusal> {
    RawJson::of(value).ok_or_else(|| Refusal::invalid(at, "cannot be written as JSON"))
}
