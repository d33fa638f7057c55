//! Which problem an event tells of.
//!
//! It is named by `dedup_key`, within its source: integrations that know nothing of each other choose the same keys. A
//! trigger without one gets a key of `source`, `component`, `class` and the template of `summary`, which [`dedup_key`]
//! tells to the collector, and its answer to the sender, who may resolve by it. (`PagerDuty` makes up a new key each
//! time, and so a new alert: here such a trigger counts anew each time.) A change has no key: it is its `source` and the
//! template of `summary`.

use std::borrow::Cow;

use domain::hash::Hash128;

use super::sent::{Body, Payload};
use super::{Action, action, at, is_blank};
use crate::field::Field;
use crate::refusal::{Place, Refusal};
use crate::{Format, Input, SOURCE, body, surrogates, template};

/// A problem: its key, if it has one, and what its fingerprint is made of.
pub(super) struct Identity<'a> {
    pub(super) fingerprint: Hash128,
    pub(super) fields: &'static [&'static str],
    pub(super) template: Cow<'a, str>,
    pub(super) key: Option<Cow<'a, str>>,
    /// Who says which trigger is the same again.
    again: Again,
}

/// When a trigger is the same again.
enum Again {
    /// With the same key: its sender says so.
    SameKey,
    /// Never: nobody says so, and each is an occurrence of its own until the resolve. Only two of one body in one
    /// millisecond cannot be told apart.
    Never,
    /// It is a change, which is nothing that goes on.
    NoLifeCycle,
}

impl<'a> Identity<'a> {
    pub(super) fn of(
        body: &Body<'a>,
        payload: &Payload<'a>,
        action: Action,
        source: &str,
    ) -> Result<Self, Refusal> {
        if action == Action::Change {
            return Self::of_change(payload, source);
        }
        let key = Key::of(body, payload, action)?;
        Ok(Self {
            fingerprint: Hash128::of([Format::PagerDuty.name(), source, &key.text]),
            fields: key.fields,
            template: key.template,
            key: Some(key.text),
            again: if key.is_sent { Again::SameKey } else { Again::Never },
        })
    }

    /// The occurrence that an event is of.
    pub(super) fn occurrence(&self, input: &Input<'_>) -> Hash128 {
        match self.again {
            Again::SameKey => self.fingerprint,
            Again::Never => {
                let body = String::from_utf8_lossy(input.body);
                let received_at = input.received_at.millis().to_string();
                Hash128::of([self.fingerprint.to_string().as_str(), &received_at, &body])
            }
            Again::NoLifeCycle => Hash128::default(),
        }
    }

    /// The key as text, for people.
    pub(super) fn key_text(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    fn of_change(payload: &Payload<'a>, source: &str) -> Result<Self, Refusal> {
        let template = masked(text(&payload.summary, "summary")?);
        let reported = text(&payload.source, "source")?;
        Ok(Self {
            fingerprint: Hash128::of([Format::PagerDuty.name(), source, "change", &*reported, &*template]),
            fields: &[SOURCE, "payload.source", "template(payload.summary)"],
            template,
            key: None,
            again: Again::NoLifeCycle,
        })
    }
}

/// The key of an alert event: as sent, or what a trigger without one gets.
struct Key<'a> {
    text: Cow<'a, str>,
    fields: &'static [&'static str],
    template: Cow<'a, str>,
    is_sent: bool,
}

impl<'a> Key<'a> {
    fn of(body: &Body<'a>, payload: &Payload<'a>, action: Action) -> Result<Self, Refusal> {
        if action == Action::Trigger && is_blank(&body.dedup_key) {
            return Self::made(payload);
        }
        Ok(Self {
            text: sent_key(body, action)?,
            fields: &[SOURCE, "dedup_key"],
            template: Cow::Borrowed(""),
            is_sent: true,
        })
    }

    fn made(payload: &Payload<'a>) -> Result<Self, Refusal> {
        let template = masked(text(&payload.summary, "summary")?);
        let [source, component, class] = [
            text(&payload.source, "source")?,
            text(&payload.component, "component")?,
            text(&payload.class, "class")?,
        ];
        let hash = Hash128::of([&*source, &*component, &*class, &*template]);
        Ok(Self {
            text: Cow::Owned(format!("opsward-{hash}")),
            fields: &[
                SOURCE,
                "payload.source",
                "payload.component",
                "payload.class",
                "template(payload.summary)",
            ],
            template,
            is_sent: false,
        })
    }
}

/// The key of an alert event: as sent, or what a trigger without one gets. `None` for a change event, and for what has
/// no item.
pub fn dedup_key(body: &[u8]) -> Option<String> {
    let body = surrogates::mended(body);
    let body: Body<'_> = body::object(body::text(&body).ok()?, Place::Body).ok()?;
    let action = action(&body).ok().filter(|action| *action != Action::Change)?;
    let key = Key::of(&body, &body.payload().ok()?, action).ok()?;
    Some(key.text.into_owned())
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
