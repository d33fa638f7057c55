//! The envelope of an event as `EventBridge` delivers it (docs.aws.amazon.com/eventbridge: "AWS service event
//! metadata"). What the detail means is its source's business.

use std::borrow::Cow;

use domain::event::{Event, EventState, Source, bounds};
use domain::json::{RawJson, Strings};
use domain::severity::Severity;
use domain::time::Time;

use super::object::Object;
use crate::refusal::Refusal;
use crate::{Format, Input, cut, data, delivery_key, sent_time};

/// The members of the envelope that fields of an event take, or that say nothing (`version` is always 0).
const KNOWN: [&str; 9] = [
    "version",
    "id",
    "detail-type",
    "source",
    "account",
    "time",
    "region",
    "resources",
    "detail",
];

/// An event of `EventBridge`, its detail not understood yet.
pub(super) struct Envelope<'a> {
    /// The event as sent.
    pub(super) sent: Object<'a>,
    /// `detail`; empty when it is left out.
    pub(super) detail: Object<'a>,
    /// `source`, such as `aws.health`.
    pub(super) source: Cow<'a, str>,
    /// `detail-type`.
    pub(super) detail_type: Cow<'a, str>,
    /// `id`; may be empty.
    pub(super) id: Cow<'a, str>,
    /// `account`, which the event was delivered in; may be empty.
    pub(super) account: Cow<'a, str>,
    /// `region`, which the event was delivered in; may be empty.
    pub(super) region: Cow<'a, str>,
    /// `time`.
    pub(super) time: Option<Time>,
}

impl<'a> Envelope<'a> {
    /// Reads the envelope, and that the detail is an object.
    pub(super) fn read(sent: Object<'a>) -> Result<Self, Refusal> {
        let advice = "send an event as EventBridge delivers it, with source, detail-type and detail";
        Ok(Self {
            source: sent.required("source", advice)?,
            detail_type: sent.required("detail-type", advice)?,
            detail: sent.object("detail", "detail")?,
            id: sent.scalar("id"),
            account: sent.scalar("account"),
            region: sent.scalar("region"),
            time: sent.time("time")?,
            sent,
        })
    }

    /// An event of which only the envelope is known.
    pub(super) fn event(&self, input: &Input<'a>) -> Result<Event<'a>, Refusal> {
        let resources = resources(self.sent.texts("resources"));
        Ok(Event {
            delivery_key: self.delivery_key(),
            resource: resources.0.first().cloned().unwrap_or_default(),
            resources,
            account: cut::short(self.account.clone()),
            region: cut::short(self.region.clone()),
            kind: cut::short(self.detail_type.clone()),
            data: self.data()?,
            occurred_at: sent_time::clamped(self.time.unwrap_or(input.received_at), input.received_at),
            ..blank(self.source.clone(), input)
        })
    }

    /// The event's own id: a second delivery of it, or through a second rule, has the same.
    pub(super) fn delivery_key(&self) -> Cow<'a, str> {
        delivery_key::of(Format::EventBridge, &self.id)
    }

    /// The detail as sent, with what else the sender wrote into the envelope.
    pub(super) fn data(&self) -> Result<Option<RawJson<'a>>, Refusal> {
        let others = self.sent.others(&KNOWN);
        let at = self.sent.at("detail");
        match self.sent.raw("detail") {
            Some(detail) if others.is_empty() => data::as_sent(detail, &at).map(Some),
            None if others.is_empty() => Ok(None),
            detail => data::with_others(detail, others, &at).map(Some),
        }
    }
}

/// An event that says only where it came from, and is for the record.
pub(super) fn blank<'a>(reported: Cow<'a, str>, input: &Input<'a>) -> Event<'a> {
    Event {
        state: EventState::Info,
        severity: Severity::Info,
        severity_from: "default".into(),
        source: Source {
            name: input.source.into(),
            format: Format::EventBridge.name().into(),
            reported: cut::short(reported),
        },
        occurred_at: input.received_at,
        received_at: input.received_at,
        ..Event::default()
    }
}

/// The first [`bounds::RESOURCES`] of what an event names, each once; the others stay in its data.
pub(super) fn resources<'a>(named: impl Iterator<Item = Cow<'a, str>>) -> Strings<'a> {
    let mut resources: Vec<Cow<'a, str>> = Vec::new();
    for name in named {
        let name = cut::short(name);
        if name.trim().is_empty() || resources.contains(&name) {
            continue;
        }
        if resources.len() == bounds::RESOURCES {
            break;
        }
        resources.push(name);
    }
    Strings(resources)
}
