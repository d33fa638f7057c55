//! `webhook`: Opsward's own body, one object or a list of them.
//!
//! | field | required | becomes |
//! |---|---|---|
//! | `source` | yes | `source.reported` |
//! | `message`, `event_type` | one of them | title and description; type |
//! | `severity` | no, default Medium | severity; an unknown word is Medium and kept as label `severity` |
//! | `host`, `service` | no | host (without a port) and resource; service |
//! | `timestamp` | no, default receipt | occurredAt |
//! | `status` | no, default firing | state |
//! | `labels` | no | labels; `team`, `environment`, `account`, `region` also the fields of those names |
//! | `metadata` | no | data |
//!
//! Nothing is lost in silence: other members go into `data` beside those of `metadata`, as `/name` where a
//! name is in both; a `metadata` that is no object goes there under its own name. The format has no life cycle:
//! every event is an occurrence, and quiet ends what nobody resolves.

use std::borrow::Cow;
use std::fmt;

use domain::event::{Event, EventState, Source};
use domain::hash::Hash128;
use domain::json::{Labels, RawJson, Text};
use domain::severity::Severity;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::body;
use crate::data::{self, Member};
use crate::field::Field;
use crate::labels::{self, LabelMap, Pair, Values, WellKnown};
use crate::refusal::{Place, Quoted, Refusal};
use crate::{Format, Input, Items, SOURCE, authority, cut, sent_time, state_word};

/// What the fingerprint is made of: the payload's own words, before anything is cut or guessed.
const FINGERPRINT_FIELDS: [&str; 5] = [SOURCE, "source", "event_type", "host", "service"];

/// Makes events of one object or a list of objects.
pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    body::one_or_many(text, move |raw, place| one(raw, place, &input))
}

/// The text of each object.
pub(crate) fn texts(text: &str) -> Result<Vec<&str>, Refusal> {
    body::texts_of_one_or_many(text)
}

fn one<'a>(raw: &'a str, place: Place, input: &Input<'a>) -> Result<(Event<'a>, usize), Refusal> {
    body::object(raw, place).and_then(|body| event(body, place, input))
}

/// One object as sent.
#[derive(Default)]
struct Body<'a> {
    source: Field<'a>,
    event_type: Field<'a>,
    severity: Field<'a>,
    host: Field<'a>,
    service: Field<'a>,
    message: Field<'a>,
    timestamp: Field<'a>,
    status: Field<'a>,
    labels: LabelMap<'a>,
    metadata: Option<&'a RawValue>,
    others: Vec<Member<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Body<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut body = Body::default();
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "source" => body.source = map.next_value()?,
                        "event_type" => body.event_type = map.next_value()?,
                        "severity" => body.severity = map.next_value()?,
                        "host" => body.host = map.next_value()?,
                        "service" => body.service = map.next_value()?,
                        "message" => body.message = map.next_value()?,
                        "timestamp" => body.timestamp = map.next_value()?,
                        "status" => body.status = map.next_value()?,
                        "labels" => body.labels = map.next_value()?,
                        "metadata" => body.metadata = Some(map.next_value()?),
                        _ => body.others.push((name, map.next_value()?)),
                    }
                }
                Ok(body)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn event<'a>(body: Body<'a>, place: Place, input: &Input<'a>) -> Result<(Event<'a>, usize), Refusal> {
    let reported = body.source.text(&place.field("source"))?;
    if reported.is_empty() {
        return Err(Refusal::missing(
            &place.field("source"),
            "name the system that reports",
        ));
    }
    let event_type = body.event_type.text(&place.field("event_type"))?;
    let message = body.message.text(&place.field("message"))?;
    if message.is_empty() && event_type.is_empty() {
        return Err(Refusal::missing(
            &place.field("message"),
            "send message, event_type, or both",
        ));
    }
    let host = body.host.text(&place.field("host"))?;
    let service = body.service.text(&place.field("service"))?;
    let fingerprint = Hash128::of([
        Format::Webhook.name(),
        input.source,
        &reported,
        &event_type,
        &host,
        &service,
    ]);
    let occurred_at = sent_time::read(&body.timestamp, &place.field("timestamp"))?;
    let mut pairs = body.labels.pairs(place, Values::Scalars)?;
    let (severity, severity_from) = severity(body.severity, place, &mut pairs)?;
    let title = if message.is_empty() {
        humanised(&event_type)
    } else {
        cut::title(message.clone())
    };
    let mut known = WellKnown::of(&pairs);
    let (labels, labels_cut) = labels::fit(Labels::new(pairs));
    let host = cut::short(authority::host(host));
    let mut event = Event {
        fingerprint,
        fingerprint_fields: FINGERPRINT_FIELDS.into_iter().collect(),
        state: state(body.status, place)?,
        source: Source {
            name: input.source.into(),
            format: Format::Webhook.name().into(),
            reported: cut::short(reported),
        },
        kind: cut::short(event_type),
        severity,
        severity_from: severity_from.into(),
        description: cut::description(message, &title),
        title,
        resource: host.clone(),
        host,
        service: cut::short(service),
        labels,
        data: data(body.metadata, body.others, place)?,
        occurred_at: sent_time::clamped(occurred_at.unwrap_or(input.received_at), input.received_at),
        received_at: input.received_at,
        ..Event::default()
    };
    known.write_owner(&mut event);
    Ok((event, labels_cut))
}

/// The severity and the field it came from. A word that nobody agreed on is kept as a label, so that a rule can
/// still match it.
fn severity<'a>(
    field: Field<'a>,
    place: Place,
    pairs: &mut Vec<Pair<'a>>,
) -> Result<(Severity, &'static str), Refusal> {
    let kind = field.kind();
    let word = field.scalar().ok_or_else(|| {
        Refusal::invalid(
            &place.field("severity"),
            format_args!("{kind}, not a word such as critical or warning"),
        )
    })?;
    if let Some(severity) = Severity::from_word(&word) {
        return Ok((severity, "severity"));
    }
    if !word.trim_ascii().is_empty() && pairs.iter().all(|(name, _)| name != "severity") {
        pairs.push(("severity".into(), word));
    }
    Ok((Severity::default(), "default"))
}

fn state(field: Field<'_>, place: Place) -> Result<EventState, Refusal> {
    let at = place.field("status");
    let word = field.text(&at)?;
    state_word::read(&word).ok_or_else(|| {
        Refusal::invalid(
            &at,
            format_args!(
                "{} is no known status; send one of {}",
                Quoted(word.trim_ascii()),
                state_word::known()
            ),
        )
    })
}

/// `threshold_breach` as a title: "Threshold breach".
fn humanised<'a>(event_type: &str) -> Cow<'a, str> {
    let spaced = event_type.trim().replace(['_', '-', '.'], " ");
    let mut letters = spaced.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    cut::title(Cow::Owned(capital + letters.as_str()))
}

fn data<'a>(
    metadata: Option<&'a RawValue>,
    mut others: Vec<Member<'a>>,
    place: Place,
) -> Result<Option<RawJson<'a>>, Refusal> {
    let at = place.field("metadata");
    let object = metadata.filter(|metadata| metadata.get().starts_with('{'));
    if let Some(odd) = metadata.filter(|metadata| !metadata.get().starts_with(['{', 'n'])) {
        others.push(("metadata".into(), odd));
    }
    match object {
        Some(object) if others.is_empty() => data::as_sent(object, &at).map(Some),
        None if others.is_empty() => Ok(None),
        _ => data::with_others(object, others, &at).map(Some),
    }
}
