//! Asking a mapping's expressions about one item: answers in the shape that a field needs, and refusals that say which
//! expression had none.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::expression::Scope;
use serde_json::Value as Json;

use super::mapping::{ITEM, Mapped};
use super::shapes;
use crate::cut;
use crate::field::Field;
use crate::refusal::{Path, Place, Reason, Refusal};

/// Bytes of CEL's own words in a message. They may quote the payload at any length.
const WHY_BYTES: usize = 200;

/// Bytes of the answers for all items of a body. Items of a megabyte have a megabyte of texts for each field of an event
/// that selects one; but a long text of the body would be copied for each of thousands of items.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// What the expressions have answered for the items of a body.
#[derive(Default)]
pub(super) struct Answers {
    /// Of those in a batch that do not mention the item, by their paths in the configuration: the same for each item.
    of_body: HashMap<&'static str, Result<Json, String>>,
    /// Bytes of all answers.
    bytes: usize,
}

/// An item under its mapping.
pub(super) struct Lens<'s, 'v> {
    pub(super) scope: &'s mut Scope<'v>,
    pub(super) place: Place,
    pub(super) answers: &'s mut Answers,
}

impl Lens<'_, '_> {
    /// Where a field's value stands, for messages.
    pub(super) fn at(&self, mapped: &Mapped) -> Path<'static> {
        self.place.field(mapped.path)
    }

    /// The answer; null where there is no expression, and where a path leads nowhere.
    pub(super) fn json(&mut self, mapped: &Mapped) -> Result<Json, Refusal> {
        let Some(expression) = &mapped.expression else {
            return Ok(Json::Null);
        };
        let is_of_body = matches!(self.place, Place::Element(..)) && !mapped.names(ITEM);
        let answer = if is_of_body {
            let known = self.answers.of_body.entry(mapped.path);
            let known = known.or_insert_with(|| expression.evaluate(self.scope));
            Cow::Borrowed(&*known)
        } else {
            Cow::Owned(expression.evaluate(self.scope))
        };
        let bytes = answer.as_ref().as_ref().map_or(0, shapes::bytes);
        if self.answers.bytes + bytes > ANSWER_BYTES {
            let problem = "the answers for the items of this body are too long together; select less of it";
            return Err(Refusal::invalid(&self.at(mapped), problem));
        }
        self.answers.bytes += bytes;
        match answer.into_owned() {
            Ok(answer) => Ok(answer),
            Err(_) if expression.path().is_some() => Ok(Json::Null),
            Err(why) => Err(no_answer(self.at(mapped), &why)),
        }
    }

    /// A scalar, or absent; for what reads numbers as well as texts.
    pub(super) fn field(&mut self, mapped: &Mapped) -> Result<Field<'static>, Refusal> {
        Ok(match self.json(mapped)? {
            Json::Null => Field::Absent,
            Json::Bool(truth) => Field::Bool(truth),
            Json::Number(number) => Field::Number(number),
            Json::String(text) => Field::Text(Cow::Owned(text)),
            Json::Array(_) => Field::List,
            Json::Object(_) => Field::Object,
        })
    }

    /// A scalar as text, without the white space around it; empty when absent. A list of one, as some vendors wrap
    /// every value, is that one.
    pub(super) fn text(&mut self, mapped: &Mapped) -> Result<Cow<'static, str>, Refusal> {
        let answer = self.json(mapped)?;
        let kind = shapes::kind(&answer);
        let text = shapes::scalar(shapes::unwrapped(answer));
        let text = text.ok_or_else(|| {
            let advice = format_args!("{kind}, not a text; select one value of it, or join them");
            Refusal::invalid(&self.at(mapped), advice)
        })?;
        Ok(Cow::Owned(shapes::trimmed(text)))
    }

    /// Texts: a list of scalars, or one text with commas between them.
    pub(super) fn texts(&mut self, mapped: &Mapped) -> Result<Vec<Cow<'static, str>>, Refusal> {
        let answer = self.json(mapped)?;
        let texts = shapes::texts(answer).map_err(|kind| {
            let advice = format_args!("{kind}, not a list of texts; map() each to one");
            Refusal::invalid(&self.at(mapped), advice)
        })?;
        Ok(texts.into_iter().map(Cow::Owned).collect())
    }

    /// Names with values: see [`shapes::pairs`].
    pub(super) fn pairs(&mut self, mapped: &Mapped) -> Result<Vec<(String, String)>, Refusal> {
        let answer = self.json(mapped)?;
        shapes::pairs(answer).map_err(|kind| {
            let advice = format_args!(
                "{kind}, not names with values; give {{'name': value}}, or a list of 'name:value'"
            );
            Refusal::invalid(&self.at(mapped), advice)
        })
    }
}

/// An expression that has no answer, and what to do.
pub(super) fn no_answer(at: impl std::fmt::Display, why: &str) -> Refusal {
    let why = why.lines().next().unwrap_or_default();
    let shown = cut::between_words(why, WHY_BYTES);
    let message =
        format!("{at}: {shown}; mend the expression, with has(…) or .?…orValue(…) for what may be absent");
    Refusal::new(Reason::InvalidField, message)
}

#[cfg(test)]
mod tests {
    use domain::expression::{Functions, Value};

    use super::super::mapping::{BODY, Mapping, MappingSpec};
    use super::*;

    #[test]
    fn what_says_nothing_of_the_item_is_evaluated_once_a_batch() {
        let spec = MappingSpec {
            title: Some("body.t".to_owned()),
            service: Some("item.t".to_owned()),
            ..MappingSpec::default()
        };
        let mapping = Mapping::compile(&spec).unwrap();
        let mut scope = Scope::new(Functions::Texts);
        let mut answers = Answers::default();
        let mut read = |index, json| {
            scope.bind(BODY, Value::read(json).unwrap());
            scope.bind(ITEM, Value::read(json).unwrap());
            let mut lens = Lens {
                scope: &mut scope,
                place: Place::Element("", index),
                answers: &mut answers,
            };
            [&mapping.title, &mapping.service].map(|mapped| lens.text(mapped).unwrap())
        };
        assert_eq!(read(0, r#"{"t":"a"}"#), ["a", "a"]);
        assert_eq!(read(1, r#"{"t":"b"}"#), ["a", "b"]);
    }
}
