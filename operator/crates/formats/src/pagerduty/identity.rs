//! Which problem an event tells of.
//!
//! It is named by `dedup_key`. A trigger without one gets a key of `source`, `component`, `class` and the template of
//! `summary`, which [`dedup_key`] tells to the collector, and its answer to the sender, who may resolve by it.
//! (`PagerDuty` makes up a new key each time, and so a new alert.) A change has no key: it is its `source` and the
//! template of `summary`.

use std::borrow::Cow;

use domain::hash::Hash128;

use super::sent::{Body, Payload};
use super::{Action, action, at, is_blank};
use crate::field::Field;
use crate::refusal::{Place, Refusal};
use crate::{Format, body, template};

/// A problem: its key, if it has one, and what its fingerprint is made of.
pub(super) struct Identity<'a> {
    pub(super) fingerprint: Hash128,
    pub(super) fields: &'static [&'static str],
    pub(super) template: Cow<'a, str>,
    pub(super) key: Option<Cow<'a, str>>,
}

impl<'a> Identity<'a> {
    pub(super) fn of(body: &Body<'a>, payload: &Payload<'a>, action: Action) -> Result<Self, Refusal> {
        match action {
            Action::Change => Self::of_change(payload),
            Action::Trigger if is_blank(&body.dedup_key) => Self::of_keyless(payload),
            _ => Ok(Self {
                fields: &["dedup_key"],
                template: Cow::Borrowed(""),
                ..Self::of_key(sent_key(body, action)?)
            }),
        }
    }

    /// The key as text, for people.
    pub(super) fn key_text(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    fn of_key(key: Cow<'a, str>) -> Self {
        Self {
            fingerprint: Hash128::of([Format::PagerDuty.name(), &key]),
            fields: &[],
            template: Cow::Borrowed(""),
            key: Some(key),
        }
    }

    fn of_keyless(payload: &Payload<'a>) -> Result<Self, Refusal> {
        let template = masked(text(&payload.summary, "summary")?);
        let [source, component, class] = [
            text(&payload.source, "source")?,
            text(&payload.component, "component")?,
            text(&payload.class, "class")?,
        ];
        let hash = Hash128::of([&*source, &*component, &*class, &*template]);
        Ok(Self {
            fields: &[
                "payload.source",
                "payload.component",
                "payload.class",
                "template(payload.summary)",
            ],
            template,
            ..Self::of_key(Cow::Owned(format!("opsward-{hash}")))
        })
    }

    fn of_change(payload: &Payload<'a>) -> Result<Self, Refusal> {
        let template = masked(text(&payload.summary, "summary")?);
        let source = text(&payload.source, "source")?;
        Ok(Self {
            fingerprint: Hash128::of([Format::PagerDuty.name(), "change", &*source, &*template]),
            fields: &["payload.source", "template(payload.summary)"],
            template,
            key: None,
        })
    }
}

/// The key of an alert event: as sent, or what a trigger without one gets. `None` for a change event, and for what has
/// no item.
pub fn dedup_key(body: &[u8]) -> Option<String> {
    let body: Body<'_> = body::object(body::text(body).ok()?, Place::Body).ok()?;
    let action = action(&body).ok()?;
    let identity = Identity::of(&body, &body.payload().ok()?, action).ok()?;
    identity.key.map(Cow::into_owned)
}

/// The key as sent; only a trigger may lack it.
pub(super) fn sent_key<'a>(body: &Body<'a>, action: Action) -> Result<Cow<'a, str>, Refusal> {
    let at = Place::Body.field("dedup_key");
    let key = body.dedup_key.clone().text(&at)?;
    if key.is_empty() {
        let advice = match action {
            Action::Resolve => "name the alert to resolve, by the key that its trigger was answered with",
            _ => "name the alert to acknowledge, by the key that its trigger was answered with",
        };
        return Err(Refusal::missing(&at, advice));
    }
    Ok(key)
}

fn text<'a>(field: &Field<'a>, name: &'static str) -> Result<Cow<'a, str>, Refusal> {
    field.clone().text(&at(name))
}

fn masked(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => template::of(text),
        Cow::Owned(text) => Cow::Owned(template::of(&text).into_owned()),
    }
}
