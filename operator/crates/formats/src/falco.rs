//! `falco`: an alert of Falco's JSON output over HTTP, as Falco itself or Falcosidekick's webhook sends it; also a list
//! of them. Schema: falco.org, "Falco Alerts" and "Output Formatting"; falcosecurity/falcosidekick, `FalcoPayload` in
//! `types/types.go`.
//!
//! | field | required | becomes |
//! |---|---|---|
//! | `rule` | yes | type and title |
//! | `priority` | no, default Medium | severity ([`PRIORITIES`]) and label `priority` |
//! | `message`, `output` | no | description: the first of them |
//! | `time` | no, default receipt | occurredAt |
//! | `hostname` | no | host and `source.reported` |
//! | `uuid` | no (Falcosidekick's) | delivery key |
//! | `source`, `tags` | no | label `source`; tags |
//! | `output_fields` | no | data; see `fields.rs` |
//!
//! Falco tells that something happened and never that it is over: the events have no life cycle. The problem is the rule
//! at its place within the configured source, not the output, in which every event has other numbers. The place is the
//! first that is known: the pod (namespace, pod, image), the object of a Kubernetes audit event (namespace, resource,
//! name), the host with its image.

mod fields;

use std::borrow::Cow;
use std::fmt;

use domain::event::bounds::{LABEL_VALUE_BYTES, TAGS};
use domain::event::{Event, Source};
use domain::hash::Hash128;
use domain::json::{Labels, RawJson, Strings, Text};
use domain::severity::Severity;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::data::{self, Member};
use crate::field::Field;
use crate::labels::{self, WellKnown};
use crate::refusal::{Place, Refusal};
use crate::{Format, Input, Items, SOURCE, authority, body, cut, delivery_key, sent_time};
use fields::OutputFields;

/// Falco's priorities, which are syslog's (falco.org, "Rule priorities").
const PRIORITIES: [(&str, Severity); 8] = [
    ("emergency", Severity::Critical),
    ("alert", Severity::Critical),
    ("critical", Severity::Critical),
    ("error", Severity::High),
    ("warning", Severity::Medium),
    ("notice", Severity::Low),
    ("informational", Severity::Info),
    ("debug", Severity::Info),
];

/// Makes events of one alert or a list of alerts.
pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    body::one_or_many(text, move |raw, place| {
        body::object(raw, place).and_then(|alert| event(alert, place, &input))
    })
}

/// The text of each alert.
pub(crate) fn texts(text: &str) -> Result<Vec<&str>, Refusal> {
    body::texts_of_one_or_many(text)
}

/// One alert as sent.
#[derive(Default)]
struct Alert<'a> {
    uuid: Field<'a>,
    rule: Field<'a>,
    priority: Field<'a>,
    output: Field<'a>,
    message: Field<'a>,
    time: Field<'a>,
    source: Field<'a>,
    hostname: Field<'a>,
    tags: Option<&'a RawValue>,
    output_fields: Option<&'a RawValue>,
    others: Vec<Member<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Alert<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Alert<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an alert of Falco")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut alert = Alert::default();
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "uuid" => alert.uuid = map.next_value()?,
                        "rule" => alert.rule = map.next_value()?,
                        "priority" => alert.priority = map.next_value()?,
                        "output" => alert.output = map.next_value()?,
                        "message" => alert.message = map.next_value()?,
                        "time" => alert.time = map.next_value()?,
                        "source" => alert.source = map.next_value()?,
                        "hostname" => alert.hostname = map.next_value()?,
                        "tags" => alert.tags = map.next_value()?,
                        "output_fields" => alert.output_fields = map.next_value()?,
                        _ => alert.others.push((name, map.next_value()?)),
                    }
                }
                Ok(alert)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn event<'a>(mut alert: Alert<'a>, place: Place, input: &Input<'a>) -> Result<(Event<'a>, usize), Refusal> {
    let rule = alert.rule.text(&place.field("rule"))?;
    if rule.is_empty() {
        let advice = "send Falco's JSON (json_output: true), which names its rule";
        return Err(Refusal::missing(&place.field("rule"), advice));
    }
    let title = cut::title(rule.clone());
    let hostname = alert.hostname.text(&place.field("hostname"))?;
    let priority = alert.priority.text(&place.field("priority"))?;
    let severity = severity(&priority);
    let fields = OutputFields::read(alert.output_fields, &place.field("output_fields"))?;
    let problem = fields.problem(&rule, &hostname);
    let names = problem.iter().map(|(name, _)| *name);
    let fingerprint_fields = [SOURCE].into_iter().chain(names).collect();
    let parts = problem.into_iter().flat_map(|(name, value)| [name, value]);
    let fingerprint = Hash128::of([Format::Falco.name(), input.source].into_iter().chain(parts));
    let occurred_at = sent_time::read(&alert.time, &place.field("time"))?;
    let resource = fields.resource(&hostname);
    let mut pairs = fields.into_labels();
    let mut label = |name: &'static str, value: Cow<'a, str>| {
        pairs.extend((!value.is_empty()).then_some((Cow::Borrowed(name), value)));
    };
    label("priority", priority);
    label("source", alert.source.text(&place.field("source"))?);
    let mut known = WellKnown::of(&pairs);
    let (labels, labels_cut) = labels::fit(Labels::new(pairs));
    let tags = tags(alert.tags, &mut alert.others);
    let message = alert.message.text(&place.field("message"))?;
    let output = alert.output.text(&place.field("output"))?;
    let told = if message.is_empty() { output } else { message };
    let mut event = Event {
        delivery_key: delivery_key::of(Format::Falco, alert.uuid.text(&place.field("uuid"))?.trim_ascii()),
        fingerprint,
        fingerprint_fields,
        source: Source {
            name: input.source.into(),
            format: Format::Falco.name().into(),
            reported: cut::short(hostname.clone()),
        },
        severity: severity.unwrap_or_default(),
        severity_from: severity.map_or("default", |_| "priority").into(),
        kind: cut::short(rule),
        description: cut::description(told, &title),
        title,
        labels,
        tags,
        data: data_of(alert.output_fields, alert.others, place)?,
        occurred_at: sent_time::clamped(occurred_at.unwrap_or(input.received_at), input.received_at),
        received_at: input.received_at,
        ..Event::default()
    };
    known.write_owner(&mut event);
    known.write_thing(&mut event);
    event.resource = cut::short(resource);
    event.host = cut::short(authority::host(hostname));
    Ok((event, labels_cut))
}

fn severity(priority: &str) -> Option<Severity> {
    PRIORITIES
        .into_iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(priority.trim_ascii()))
        .map(|(_, severity)| severity)
}

/// The tags of the rule. What is no list of words, or a longer one than an event takes, stays whole in `others` too.
fn tags<'a>(raw: Option<&'a RawValue>, others: &mut Vec<Member<'a>>) -> Strings<'a> {
    let Some(raw) = raw else {
        return Strings::default();
    };
    let words: Vec<_> = match serde_json::from_str::<Vec<Field<'a>>>(raw.get()) {
        Ok(list) => list.into_iter().filter_map(Field::scalar).collect(),
        Err(_) => Vec::new(),
    };
    let fit = words.len() <= TAGS && words.iter().all(|word| word.len() <= LABEL_VALUE_BYTES);
    if !fit || words.is_empty() && !["[]", "null"].contains(&raw.get()) {
        others.push(("tags".into(), raw));
    }
    Strings(
        words
            .into_iter()
            .filter(|word| !word.is_empty())
            .take(TAGS)
            .map(cut::short)
            .collect(),
    )
}

fn data_of<'a>(
    output_fields: Option<&'a RawValue>,
    others: Vec<Member<'a>>,
    place: Place,
) -> Result<Option<RawJson<'a>>, Refusal> {
    let at = place.field("output_fields");
    let fields = output_fields.filter(|fields| !matches!(fields.get(), "{}" | "null"));
    match fields {
        Some(fields) if others.is_empty() => data::as_sent(fields, &at).map(Some),
        None if others.is_empty() => Ok(None),
        fields => data::with_others(fields, others, &at).map(Some),
    }
}

#[cfg(test)]
mod tests;
