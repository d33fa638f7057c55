//! `generic`: any JSON, by a mapping in the source's configuration: each field of an event is an expression (CEL, see
//! `domain::expression`) over `body`, `item` and `headers`.
//!
//! * Items: the list that `items` gives, else the body's elements when it is a list, else the body. An item is an object.
//! * A path (`body.a.b`, `body.hosts[0]`) that leads nowhere is as good as null: the field is absent. Any other
//!   expression that has no answer refuses its item: what somebody computes, they want to have.
//! * Identity: what `fingerprint` gives; else the text of the title with everything variable masked (`template`),
//!   and what it tells of. Both within what `source` says, else within the configured source: ids of two vendors may
//!   be equal.
//! * Life cycle: for items of which `occurrence` says something, which is part of the occurrence's key; of the others
//!   every firing is an occurrence.
//! * State `ignore`: no event, success.
//!
//! A batch in which an expression of a field mentions `body` is read as a whole: then one item that is nested too deep
//! refuses all of them, since what the others would see of the body is not to be had without it. Otherwise it is
//! refused alone.
//!
//! All items are made at once: which of them are ignored is known when they have been evaluated. In a batch an expression
//! that does not mention `item` is evaluated once.

mod item;
mod lens;
mod mapping;
mod shapes;

use std::borrow::Cow;

use domain::expression::{Functions, Scope, Step, Value};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::body::{self, Elements, MAX_DEPTH};
use crate::refusal::{Place, Reason, Refusal};
use crate::{Input, Item, Items, owned};

use lens::{Answers, Lens};
pub(crate) use mapping::Mapping;
pub use mapping::MappingSpec;
use mapping::{BODY, HEADERS, ITEM};

/// What a part of a header's name says of a value that lets somebody in; expressions do not see such headers.
const SECRET_HEADERS: [&str; 8] = [
    "authorization",
    "cookie",
    "signature",
    "token",
    "secret",
    "password",
    "api-key",
    "apikey",
];

/// The list that holds the items, in places.
const ITEMS: &str = "items";

/// An item with its text.
type Made<'a> = (Cow<'a, str>, Item<'a>);

/// Makes events of the items of a body.
pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>, mapping: &'a Mapping) -> Result<Items<'a>, Refusal> {
    let made = made(text, input, mapping)?;
    Ok(Box::new(made.into_iter().map(|(_, item)| item)))
}

/// The text of each item that is not ignored.
pub(crate) fn texts<'a>(text: &'a str, input: Input<'a>, mapping: &'a Mapping) -> Vec<Cow<'a, str>> {
    let made = made(text, input, mapping).unwrap_or_default();
    made.into_iter().map(|(text, _)| text).collect()
}

fn made<'a>(text: &'a str, input: Input<'a>, mapping: &'a Mapping) -> Result<Vec<Made<'a>>, Refusal> {
    let mut scope = Scope::new(Functions::Texts);
    if mapping.sees(HEADERS) {
        scope.bind(HEADERS, headers(input));
    }
    let batch = Batch { input, mapping };
    let Some(items) = &mapping.items else {
        if text.starts_with('[') {
            bind_body(&mut scope, text, mapping)?;
            return batch.of_list(text, "", scope);
        }
        return batch.of_one(text, scope);
    };
    if let Some([Step::Field(name), steps @ ..]) = items.path()
        && name == BODY
    {
        let list = at_path(text, steps)?;
        bind_body(&mut scope, text, mapping)?;
        return batch.of_list(list, ITEMS, scope);
    }
    let body = read_body(text)?;
    if body.is_cut() {
        let message = "items: the body has a list or object too long for an expression; name the list by a path alone, such as body.records";
        return Err(Refusal::new(Reason::TooManyItems, message));
    }
    scope.bind(BODY, body);
    let list = items
        .evaluate(&mut scope)
        .map_err(|why| lens::no_answer("mapping.items", &why))?;
    if !matches!(list, Json::Array(_) | Json::Null) {
        return Err(no_list(shapes::kind(&list)));
    }
    let list = list.to_string();
    // The same items, borrowing nothing: their text is made here.
    let made = Batch { input, mapping }.of_list(&list, ITEMS, scope)?;
    let (texts, items): (Vec<_>, Vec<_>) = made
        .into_iter()
        .map(|(text, item)| (Cow::Owned(text.into_owned()), item))
        .unzip();
    let items = owned::items(Box::new(items.into_iter()));
    Ok(texts.into_iter().zip(items).collect())
}

/// The headers by name, of several with one name the first; none that may hold a secret.
fn headers(input: Input<'_>) -> Value<'_> {
    let is_seen = |name: &str| SECRET_HEADERS.iter().all(|secret| !name.contains(secret));
    let seen = input.headers.iter().rev().filter(|(name, _)| is_seen(name));
    Value::object(seen.map(|(name, value)| (*name, Value::text(*value))))
}

/// Binds the body where the fields' expressions need it.
fn bind_body<'a>(scope: &mut Scope<'a>, text: &'a str, mapping: &Mapping) -> Result<(), Refusal> {
    if mapping.sees(BODY) {
        scope.bind(BODY, read_body(text)?);
    }
    Ok(())
}

fn read_body(text: &str) -> Result<Value<'_>, Refusal> {
    if body::too_deep(text, MAX_DEPTH) {
        let message = format!("the body is nested deeper than {MAX_DEPTH} levels; send less of it");
        return Err(Refusal::new(Reason::TooDeep, message));
    }
    Value::read(text).map_err(|error| body::unreadable(&error))
}

/// The list at a path of the body, as its text: however long it is, and however deep one of its items.
fn at_path<'a>(text: &'a str, steps: &[Step]) -> Result<&'a str, Refusal> {
    let mut value: &RawValue = serde_json::from_str(text).map_err(|error| body::unreadable(&error))?;
    for step in steps {
        value = shapes::member(value, step).ok_or_else(|| {
            let message =
                "items: the body has nothing at the path of mapping.items; send the list, or change the path";
            Refusal::new(Reason::WrongShape, message)
        })?;
    }
    match value.get() {
        list if list.starts_with(['[', 'n']) => Ok(list),
        other => Err(no_list(body::kind_of(other))),
    }
}

fn no_list(kind: &str) -> Refusal {
    let message = format!(
        "items: {kind} is what mapping.items gives, not a list; send a list, or change the expression"
    );
    Refusal::new(Reason::WrongShape, message)
}

/// The items of one body, read one after the other in one scope.
struct Batch<'a> {
    input: Input<'a>,
    mapping: &'a Mapping,
}

impl<'a> Batch<'a> {
    fn of_list(
        &self,
        text: &'a str,
        list: &'static str,
        mut scope: Scope<'a>,
    ) -> Result<Vec<Made<'a>>, Refusal> {
        let elements = Elements::<&'a RawValue>::of_body(text)?;
        let mut made = Vec::with_capacity(elements.0.len());
        let mut answers = Answers::default();
        for (index, raw) in elements.0.into_iter().enumerate() {
            let place = Place::Element(list, index);
            match body::object(raw.get(), place) {
                Ok(value) => {
                    scope.bind(ITEM, value);
                    let lens = Lens {
                        scope: &mut scope,
                        place,
                        answers: &mut answers,
                    };
                    made.extend(self.make(raw, lens));
                }
                Err(refusal) => made.push((Cow::Borrowed(raw.get()), Err(refusal).into())),
            }
        }
        Ok(made)
    }

    /// The body is the item, under both names.
    fn of_one(&self, text: &'a str, mut scope: Scope<'a>) -> Result<Vec<Made<'a>>, Refusal> {
        // At least once: a body that cannot be read is refused whatever the mapping looks at.
        let is_body_enough = self.mapping.sees(BODY) && !self.mapping.sees(ITEM);
        if !is_body_enough {
            scope.bind(ITEM, body::object(text, Place::Body)?);
        }
        if self.mapping.sees(BODY) {
            scope.bind(BODY, body::object(text, Place::Body)?);
        }
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| body::unreadable(&error))?;
        let lens = Lens {
            scope: &mut scope,
            place: Place::Body,
            answers: &mut Answers::default(),
        };
        Ok(self.make(raw, lens).into_iter().collect())
    }

    /// None when the item is ignored.
    fn make(&self, raw: &'a RawValue, lens: Lens<'_, 'a>) -> Option<Made<'a>> {
        let made = item::event(raw, self.mapping, lens, &self.input).transpose()?;
        Some((Cow::Borrowed(raw.get()), made.into()))
    }
}

#[cfg(test)]
mod tests;
