//! Asking a mapping's expressions about one item: answers in the shape that a field needs, and refusals that say which
//! expression had none.

use std::borrow::Cow;

use domain::expression::Scope;
use serde_json::Value as Json;

use super::mapping::Mapped;
use super::shapes;
use crate::cut;
use crate::field::Field;
use crate::refusal::{Path, Place, Reason, Refusal};

/// Bytes of CEL's own words in a message. They may quote the payload at any length.
const WHY_BYTES: usize = 200;

/// An item under its mapping.
pub(super) struct Lens<'s, 'v> {
    pub(super) scope: &'s mut Scope<'v>,
    pub(super) place: Place,
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
        match expression.evaluate(self.scope) {
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
