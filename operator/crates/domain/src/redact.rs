//! Takes secrets out of what senders sent, before anything is appended: events, and the bytes of dead letters.
//! It knows shapes of tokens (an AWS key, a JWT …) and names that say secret (`password`, `api_key` …).
//!
//! It is a net under senders who did not mean to send a secret, not a guard against one who hides it. What it
//! cannot know stays: a bare random text under an innocent name, a secret cut in two by an event's bounds, names
//! of JSON members. One pass over the request's body ([`Redactor::may_contain_secret`]) says whether any of this
//! has work at all; for most requests it has none.

mod named;
mod names;
mod prefilter;
mod shapes;

use std::borrow::Cow;

use serde_json::Value;

use crate::event::Event;
use crate::json::RawJson;
use names::Named;
use prefilter::Prefilter;
use shapes::Shapes;

/// What stands for the value of a name that says secret. Shapes say their kind: `[redacted:jwt]`.
const REDACTED: &str = "[redacted]";
/// How every replacement begins; what begins so is left alone, so that redaction is idempotent.
const REDACTED_START: &str = "[redacted";
/// What stands for JSON that cannot be read and so cannot be searched, though something in its request was
/// suspect: a number beyond all range, half of a surrogate pair.
const UNREADABLE: &str = "[redacted:unreadable]";

/// A pattern of this module does not compile: a defect of the build, found by its first test.
#[derive(Debug, thiserror::Error)]
pub enum RedactorError {
    /// A regular expression.
    #[error("pattern of a secret: {0}")]
    Pattern(#[from] regex::Error),
    /// The automaton of the first pass.
    #[error("literals of secrets: {0}")]
    Literals(#[from] aho_corasick::BuildError),
}

/// The compiled patterns; build one and share it.
#[derive(Debug)]
pub struct Redactor {
    prefilter: Prefilter,
    shapes: Shapes,
}

impl Redactor {
    /// Compiles all patterns, which takes milliseconds.
    ///
    /// # Errors
    /// A pattern does not compile.
    pub fn new() -> Result<Self, RedactorError> {
        Ok(Self {
            prefilter: Prefilter::new()?,
            shapes: Shapes::new()?,
        })
    }

    /// Whether a request's body has anything that the other functions might replace. One fast pass; `false` is
    /// certain, `true` is not.
    pub fn may_contain_secret(&self, body: &[u8]) -> bool {
        self.prefilter.finds(body)
    }

    /// Redacts every text, label, link, datum and extracted fact of an event; how many replacements that took. `id`,
    /// `deliveryKey`, `namespace` and the configured source are Opsward's own and left alone.
    ///
    /// A fact alone no longer shows that it was a secret (`password=a1.example.com`): take facts from the redacted
    /// event.
    pub fn event(&self, event: &mut Event<'_>) -> usize {
        let texts = [
            &mut event.source.reported,
            &mut event.template,
            &mut event.kind,
            &mut event.title,
            &mut event.description,
            &mut event.resource,
            &mut event.service,
            &mut event.host,
            &mut event.team,
            &mut event.environment,
            &mut event.account,
            &mut event.region,
        ];
        let lists = event.resources.0.iter_mut().chain(event.tags.0.iter_mut());
        let mut count: usize = texts.into_iter().chain(lists).map(|text| self.field(text)).sum();
        for (name, value) in event.labels.values_mut().chain(event.links.values_mut()) {
            count += match names::of(name) {
                Some(named) if named.hides(value) => replace(value),
                _ => self.field(value),
            };
        }
        if let Some(facts) = event.dimensions.as_deref_mut() {
            let texts = facts.hosts.iter_mut().chain(&mut facts.accounts);
            count += texts.map(|text| self.owned(text)).sum::<usize>();
        }
        if let Some((data, replaced)) = event.data.as_ref().and_then(|data| self.data(data)) {
            event.data = data;
            count += replaced;
        }
        count
    }

    /// Redacts a text for people; borrowed when there is nothing to hide.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.shapes.hide(text).0
    }

    /// Redacts a JSON value: members by their names, and the shapes in every text. `None` when there is nothing
    /// to hide. Members come out in the order of their names.
    pub fn json(&self, json: &RawJson<'_>) -> Option<RawJson<'static>> {
        self.data(json).and_then(|(json, _)| json)
    }

    /// Redacts a dead letter's bytes, whatever they are: JSON as JSON, anything else as text. Bytes that are not
    /// UTF-8 become U+FFFD. Without a secret the text is exactly what came.
    pub fn bytes_as_text(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(mut value) = serde_json::from_str::<Value>(&text) {
            let count = self.value(&mut value);
            return if count == 0 {
                text.into_owned()
            } else {
                value.to_string()
            };
        }
        let (hidden, count) = self.shapes.hide(&text);
        // Escapes are undone only where one hid something.
        if let Cow::Owned(decoded) = shapes::without_needless_escapes(&text) {
            let (decoded_hidden, decoded_count) = self.shapes.hide(&decoded);
            if decoded_count > count {
                return decoded_hidden.into_owned();
            }
        }
        hidden.into_owned()
    }

    fn field(&self, field: &mut Cow<'_, str>) -> usize {
        match self.shapes.hide(field) {
            (Cow::Owned(hidden), count) => {
                *field = Cow::Owned(hidden);
                count
            }
            (Cow::Borrowed(_), count) => count,
        }
    }

    fn owned(&self, text: &mut String) -> usize {
        match self.shapes.hide(text) {
            (Cow::Owned(hidden), count) => {
                *text = hidden;
                count
            }
            (Cow::Borrowed(_), count) => count,
        }
    }

    /// The redacted value and how many replacements it took; `None` when there were none.
    fn data(&self, json: &RawJson<'_>) -> Option<(Option<RawJson<'static>>, usize)> {
        let (value, count) = match serde_json::from_str::<Value>(json.get()) {
            Ok(mut value) => {
                let count = self.value(&mut value);
                (value, count)
            }
            Err(_) => (Value::from(UNREADABLE), 1),
        };
        (count > 0).then(|| (RawJson::of(&value), count))
    }

    /// Recurses as deep as `serde_json` reads, which is 128 levels.
    fn value(&self, value: &mut Value) -> usize {
        match value {
            Value::String(text) => self.owned(text),
            Value::Array(values) => values.iter_mut().map(|value| self.value(value)).sum(),
            Value::Object(members) => members
                .iter_mut()
                .map(|(name, value)| match names::of(name) {
                    Some(named) => self.member(named, value),
                    None => self.value(value),
                })
                .sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
    }

    /// The value of a member whose name says secret.
    fn member(&self, named: Named, value: &mut Value) -> usize {
        match value {
            Value::String(text) if named.hides(text) => {
                REDACTED.clone_into(text);
                1
            }
            Value::Number(number) if named.hides(&number.to_string()) => {
                *value = Value::from(REDACTED);
                1
            }
            Value::Array(values) => values.iter_mut().map(|value| self.member(named, value)).sum(),
            // An object under such a name describes a secret (`secret: {name, namespace}`) as often as it holds one.
            other => self.value(other),
        }
    }
}

fn replace(value: &mut Cow<'_, str>) -> usize {
    *value = Cow::Borrowed(REDACTED);
    1
}

#[cfg(test)]
mod tests;
