//! The event: what a format parser makes of one shout, and what travels in the log. The JSON names are a
//! contract (log, lake, `opsward normalize`): camelCase, absent when empty.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::dimensions::facts::Dimensions;
use crate::hash::Hash128;
use crate::json::{Labels, RawJson, Strings};
use crate::severity::Severity;
use crate::time::Time;

/// Upper bounds of an event's parts. What is longer is cut (text) or refused (structure) by the parser.
pub mod bounds {
    /// Characters of a title.
    pub const TITLE_CHARS: usize = 500;
    /// Bytes of a description.
    pub const DESCRIPTION_BYTES: usize = 8 * 1024;
    /// Resources an event may name.
    pub const RESOURCES: usize = 200;
    /// Labels of an event; more are cut, and said so in the answer.
    pub const LABELS: usize = 64;
    /// Bytes of a label's name.
    pub const LABEL_NAME_BYTES: usize = 63;
    /// Bytes of a label's value, and of short fields such as `service`.
    pub const LABEL_VALUE_BYTES: usize = 256;
    /// Tags of an event.
    pub const TAGS: usize = 50;
    /// How far in the future a sender's clock may be before `occurredAt` is clamped, in milliseconds (5 min).
    pub const FUTURE_MILLIS: i64 = 5 * 60 * 1000;
    /// Bytes of one encoded event; beyond, `data` is stored apart.
    pub const ENCODED_BYTES: usize = 128 * 1024;
}

/// Whether the problem is there, is gone, or there is only something to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventState {
    /// The problem is there.
    #[default]
    Firing,
    /// The problem is gone.
    Resolved,
    /// Nothing is wrong; something happened.
    Info,
}

impl EventState {
    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "Firing",
            Self::Resolved => "Resolved",
            Self::Info => "Info",
        }
    }
}

/// Where an event came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source<'a> {
    /// The configured source's name; `match.sources` tests it.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The format's name, such as `alertmanager`.
    #[serde(borrow)]
    pub format: Cow<'a, str>,
    /// What the payload says of itself; `match.reportedSources` tests it. Untrusted.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub reported: Cow<'a, str>,
}

/// One event. Texts are untrusted; an empty text, list or map is absent in JSON. What [`Head`] has comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    /// ULID, given at ingest; also the correlation id of an incident that it opens.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub id: Cow<'a, str>,
    /// Same message again: present only where the format has an id or the sender sent `Idempotency-Key`.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub delivery_key: Cow<'a, str>,
    /// Same problem.
    pub fingerprint: Hash128,
    /// Same occurrence of the problem; only for formats with a life cycle.
    #[serde(default, skip_serializing_if = "Hash128::is_absent")]
    pub occurrence_key: Hash128,
    /// Firing, Resolved or Info.
    pub state: EventState,
    /// How bad.
    pub severity: Severity,
    /// When it happened by the sender's clock, clamped to receipt + 5 min; a resolve's end.
    pub occurred_at: Time,
    /// When the sender says that it ends by itself (`endsAt`, in the future).
    #[serde(default, skip_serializing_if = "Time::is_epoch")]
    pub ends_at: Time,
    /// When Opsward received it.
    pub received_at: Time,
    /// All things concerned, where a message names several.
    #[serde(borrow, default, skip_serializing_if = "Strings::is_empty")]
    pub resources: Strings<'a>,
    /// Where it came from.
    #[serde(borrow)]
    pub source: Source<'a>,
    /// The names of the fields that `fingerprint` was made of.
    #[serde(borrow, default, skip_serializing_if = "Strings::is_empty")]
    pub fingerprint_fields: Strings<'a>,
    /// The masked text among those fields, where the sender has no id for its problem: `disk <num> full`.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub template: Cow<'a, str>,
    /// The tenant; never from the payload.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub namespace: Cow<'a, str>,
    /// The kind of event in the sender's words (`threshold_breach`, an alert's name).
    #[serde(borrow, default, skip_serializing_if = "str::is_empty", rename = "type")]
    pub kind: Cow<'a, str>,
    /// The field that the severity was taken from, or `default`.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub severity_from: Cow<'a, str>,
    /// One line for people.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub title: Cow<'a, str>,
    /// More for people.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub description: Cow<'a, str>,
    /// The thing concerned (a pod, a host, an ARN).
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub resource: Cow<'a, str>,
    /// The service concerned.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub service: Cow<'a, str>,
    /// The host concerned, without a port.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub host: Cow<'a, str>,
    /// The owning team.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub team: Cow<'a, str>,
    /// prod, staging …
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub environment: Cow<'a, str>,
    /// The cloud account.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub account: Cow<'a, str>,
    /// The cloud region.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub region: Cow<'a, str>,
    /// Names with values, as the sender gave them.
    #[serde(borrow, default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels<'a>,
    /// Words without values.
    #[serde(borrow, default, skip_serializing_if = "Strings::is_empty")]
    pub tags: Strings<'a>,
    /// Links for people, by name (`generatorURL`, `runbook`). Untrusted.
    #[serde(borrow, default, skip_serializing_if = "Labels::is_empty")]
    pub links: Labels<'a>,
    /// Facts that its texts state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<Box<Dimensions>>,
    /// The payload's own fields; elsewhere, and then a condition sees none, when the event would pass 128 KiB.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub data: Option<RawJson<'a>>,
    /// Where `data` lies when it is not here: object store and name.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub data_ref: Cow<'a, str>,
    /// W3C trace context of the sender.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub traceparent: Cow<'a, str>,
}

/// What an event says of a problem: enough to know it again, and so all that the fold needs of most events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// As in [`Event`].
    pub delivery_key: Cow<'a, str>,
    /// As in [`Event`].
    pub fingerprint: Hash128,
    /// As in [`Event`].
    pub occurrence_key: Hash128,
    /// As in [`Event`].
    pub state: EventState,
    /// As in [`Event`].
    pub severity: Severity,
    /// As in [`Event`].
    pub occurred_at: Time,
    /// As in [`Event`].
    pub ends_at: Time,
    /// As in [`Event`].
    pub received_at: Time,
    /// As in [`Event`]: a repeat may name others than the occurrence did, as each page of a notice does. Few formats have
    /// it; without it, it costs a look at one name.
    pub resources: Strings<'a>,
    /// [`Source::name`].
    pub source: Cow<'a, str>,
}

impl Head<'_> {
    /// Whether the format has a life cycle: such an alert clears by its clear or its end, never by silence.
    pub const fn has_life_cycle(&self) -> bool {
        !self.occurrence_key.is_absent()
    }
}

/// An event of the log, of which all but its head is read only when that is asked for.
#[derive(Clone, Debug)]
pub struct Logged<'a> {
    /// Its head.
    pub head: Head<'a>,
    body: Body<'a>,
}

#[derive(Clone, Debug)]
enum Body<'a> {
    Text(&'a str),
    Event(Box<Event<'a>>),
}

impl<'a> Logged<'a> {
    pub(crate) const fn unread(head: Head<'a>, text: &'a str) -> Self {
        Self {
            head,
            body: Body::Text(text),
        }
    }

    /// The text that all but its head is still to be read from; `None` when it has been read as a whole.
    pub const fn unread_text(&self) -> Option<&'a str> {
        match self.body {
            Body::Text(text) => Some(text),
            Body::Event(_) => None,
        }
    }

    /// All of it; `None` when its text is no event beyond the head.
    pub fn event(&self) -> Option<Cow<'_, Event<'a>>> {
        match &self.body {
            Body::Event(event) => Some(Cow::Borrowed(event)),
            Body::Text(text) => match Event::read_json(text) {
                Some(event) => Some(Cow::Owned(event)),
                None => serde_json::from_str(text).ok().map(Cow::Owned),
            },
        }
    }
}

impl<'a> From<Event<'a>> for Logged<'a> {
    fn from(event: Event<'a>) -> Self {
        let head = Head {
            delivery_key: event.delivery_key.clone(),
            fingerprint: event.fingerprint,
            occurrence_key: event.occurrence_key,
            state: event.state,
            severity: event.severity,
            occurred_at: event.occurred_at,
            ends_at: event.ends_at,
            received_at: event.received_at,
            resources: event.resources.clone(),
            source: event.source.name.clone(),
        };
        Self {
            head,
            body: Body::Event(Box::new(event)),
        }
    }
}

impl Event<'_> {
    /// A copy that borrows nothing.
    pub fn into_owned(self) -> Event<'static> {
        let own = |text: Cow<'_, str>| -> Cow<'static, str> { Cow::Owned(text.into_owned()) };
        Event {
            id: own(self.id),
            delivery_key: own(self.delivery_key),
            fingerprint: self.fingerprint,
            occurrence_key: self.occurrence_key,
            state: self.state,
            severity: self.severity,
            occurred_at: self.occurred_at,
            ends_at: self.ends_at,
            received_at: self.received_at,
            resources: self.resources.into_owned(),
            source: Source {
                name: own(self.source.name),
                format: own(self.source.format),
                reported: own(self.source.reported),
            },
            fingerprint_fields: self.fingerprint_fields.into_owned(),
            template: own(self.template),
            namespace: own(self.namespace),
            kind: own(self.kind),
            severity_from: own(self.severity_from),
            title: own(self.title),
            description: own(self.description),
            resource: own(self.resource),
            service: own(self.service),
            host: own(self.host),
            team: own(self.team),
            environment: own(self.environment),
            account: own(self.account),
            region: own(self.region),
            labels: self.labels.into_owned(),
            tags: self.tags.into_owned(),
            links: self.links.into_owned(),
            dimensions: self.dimensions,
            data: self.data.map(RawJson::into_owned),
            data_ref: own(self.data_ref),
            traceparent: own(self.traceparent),
        }
    }

    /// The text of a field by the name users write in `groupBy`: a short field, or `labels.<name>`. A field
    /// that the event lacks is the empty text; `None` means that there is no such field.
    pub fn field(&self, name: &str) -> Option<&str> {
        if let Some(label) = name.strip_prefix("labels.") {
            return Some(self.labels.get(label).unwrap_or_default());
        }
        Some(match name {
            "type" => &self.kind,
            "title" => &self.title,
            "resource" => &self.resource,
            "service" => &self.service,
            "host" => &self.host,
            "team" => &self.team,
            "environment" => &self.environment,
            "account" => &self.account,
            "region" => &self.region,
            "source" => &self.source.name,
            "reportedSource" => &self.source.reported,
            "severity" => self.severity.as_str(),
            _ => return None,
        })
    }
}

/// Cuts `text` to at most `bytes` bytes at a character boundary.
pub fn clip(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_fields_are_absent_in_json() {
        let json = serde_json::to_value(Event::default()).unwrap();
        let names: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            names,
            [
                "fingerprint",
                "occurredAt",
                "receivedAt",
                "severity",
                "source",
                "state"
            ]
        );
    }

    #[test]
    fn a_label_is_a_field_and_an_unknown_field_is_none() {
        let event = Event {
            labels: Labels::new(vec![("env".into(), "prod".into())]),
            ..Event::default()
        };
        assert_eq!(event.field("labels.env"), Some("prod"));
        assert_eq!(event.field("labels.absent"), Some(""));
        assert_eq!(event.field("colour"), None);
    }
}
