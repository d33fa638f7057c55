//! One JSON value as a field of a format: a field of the wrong kind is remembered, not an error yet, so that
//! the parser can name its path and say what was expected (serde's own errors know neither).

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::refusal::{Path, Refusal};

/// A value that should be a scalar.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Field<'a> {
    /// Left out, or null.
    #[default]
    Absent,
    /// A text.
    Text(Cow<'a, str>),
    /// A number.
    Number(Number),
    /// True or false.
    Bool(bool),
    /// A list, skipped.
    List,
    /// An object, skipped.
    Object,
}

impl<'a> Field<'a> {
    /// The kind of value, for a message.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Absent => "null",
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Bool(_) => "a true or false",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }

    /// Whether it is a list or an object.
    pub(crate) const fn is_nested(&self) -> bool {
        matches!(self, Self::List | Self::Object)
    }

    /// The text of a field that must be text when it is there; blank is as good as absent.
    pub(crate) fn text(self, at: &Path<'_>) -> Result<Cow<'a, str>, Refusal> {
        match self {
            Self::Text(text) if text.trim().is_empty() => Ok(Cow::Borrowed("")),
            Self::Text(text) => Ok(text),
            Self::Absent => Ok(Cow::Borrowed("")),
            other => Err(Refusal::invalid(
                at,
                format_args!("{}, not a text; put it in quotes", other.kind()),
            )),
        }
    }

    /// Any scalar as text; `None` for a list or an object. Absent is the empty text.
    pub(crate) fn scalar(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Absent => Some(Cow::Borrowed("")),
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Bool(truth) => Some(Cow::Borrowed(if truth { "true" } else { "false" })),
            Self::List | Self::Object => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Field::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Field::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Field::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(number).map_or(Field::Absent, Field::Number))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Place;

    #[test]
    fn every_kind_of_value_is_told_apart() {
        let fields: Vec<Field<'_>> = serde_json::from_str(r#"["a",1,true,null,[1,[2]],{"a":{}}]"#).unwrap();
        let kinds: Vec<_> = fields.iter().map(Field::kind).collect();
        assert_eq!(
            kinds,
            [
                "a text",
                "a number",
                "a true or false",
                "null",
                "a list",
                "an object"
            ]
        );
    }

    #[test]
    fn plain_text_is_borrowed_and_a_number_is_no_text() {
        let field: Field<'_> = serde_json::from_str(r#""plain""#).unwrap();
        assert!(matches!(field, Field::Text(Cow::Borrowed("plain"))));
        let refusal = Field::Number(5.into())
            .text(&Place::Body.field("host"))
            .unwrap_err();
        assert_eq!(refusal.message, "host: a number, not a text; put it in quotes");
    }
}
