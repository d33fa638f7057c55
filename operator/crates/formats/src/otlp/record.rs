//! What a log record becomes, by the names of OpenTelemetry's semantic conventions.

use std::borrow::Cow;

use domain::event::{Event, EventState, Source, bounds};
use domain::hash::Hash128;
use domain::hex;
use domain::json::{Labels, RawJson, Strings};
use domain::severity::Severity;
use domain::time::Time;
use serde_json::{Value, json};

use super::origin::{ACCOUNT, ENVIRONMENT, HOST, NAMESPACE, Origin, REGION, SERVICE, TEAM, THING};
use super::value::{first, label_pairs, object, without_empty};
use super::wire::{AnyValue, KeyValue, Kind, LogRecord};
use crate::{Format, SOURCE, cut, delivery_key, labels, otel_severity, sent_time, template, traceparent};

const NANOS_A_MILLI: u64 = 1_000_000;

/// Flags of a trace in the flags of a record (`LOG_RECORD_FLAGS_TRACE_FLAGS_MASK`).
const TRACE_FLAGS: u32 = 0xff;

/// Names under which structured bodies have their message: those of the common logging libraries.
const MESSAGE_NAMES: [&str; 4] = ["message", "msg", "Message", "body"];

/// When and by whose configuration records are received.
#[derive(Clone, Copy)]
pub(super) struct Receipt<'a> {
    pub(super) source: &'a str,
    pub(super) at: Time,
}

/// The event of a record, with the number of its labels that were cut.
pub(super) fn event<'a>(record: &LogRecord, origin: &Origin, receipt: Receipt<'a>) -> (Event<'a>, usize) {
    let of_record = |names: &[&str]| first(&record.attributes, names);
    let of_resource = |names: &[&str]| match origin.known(names) {
        Some(known) => Cow::Owned(known.to_owned()),
        None => cut::short(of_record(names).unwrap_or_default().into()),
    };
    let said = Said::of(record);
    let identity = Identity::of(&said, origin, &of_resource, receipt.source);
    let severity = severity(record);
    let title = cut::title(Cow::Owned(
        said.headline(&record.severity_text, &identity.service),
    ));
    let text = said.text.unwrap_or_default();
    let description = match cut::description(Cow::Owned(text), &title) {
        none if none.is_empty() => of_record(&["exception.stacktrace"]).unwrap_or_default().into(),
        text => text,
    };
    let (labels, labels_cut) = labels_of(record, origin);
    let event = Event {
        // The convention for records that may come twice: an id of their own.
        delivery_key: delivery_key::of(Format::Otlp, &of_record(&["log.record.uid"]).unwrap_or_default()),
        fingerprint: identity.fingerprint,
        fingerprint_fields: identity.fields,
        template: Cow::Owned(identity.template),
        state: if severity.0 >= Severity::High {
            EventState::Firing
        } else {
            EventState::Info
        },
        severity: severity.0,
        severity_from: severity.1.into(),
        source: Source {
            name: receipt.source.into(),
            format: Format::Otlp.name().into(),
            reported: Cow::Owned(identity.service.clone()),
        },
        kind: cut::short(Cow::Owned(
            said.event_name.or(said.exception_type).unwrap_or_default(),
        )),
        title,
        description: cut::to_bytes(description, bounds::DESCRIPTION_BYTES),
        resource: of_resource(&THING),
        host: of_resource(&HOST),
        service: Cow::Owned(identity.service),
        team: of_resource(&TEAM),
        environment: of_resource(&ENVIRONMENT),
        account: of_resource(&ACCOUNT),
        region: of_resource(&REGION),
        labels,
        data: RawJson::of(&data(record, Some(origin))),
        traceparent: traceparent_of(record).into(),
        occurred_at: occurred_at(record, receipt.at),
        received_at: receipt.at,
        ..Event::default()
    };
    (event, labels_cut)
}

/// What a record says in words.
struct Said {
    /// The body as text, or the message within a structured body; `None` when it has no words of its own.
    text: Option<String>,
    /// Of a structured body without a message the names, which stay the same, and the JSON.
    structure: Option<(String, String)>,
    event_name: Option<String>,
    exception_type: Option<String>,
    exception_message: Option<String>,
}

impl Said {
    fn of(record: &LogRecord) -> Self {
        let attribute = |name| first(&record.attributes, &[name]);
        let body = record.body.as_ref();
        let json = || body.map(|body| body.to_json().to_string());
        let (text, structure) = match body.and_then(|body| body.kind.as_ref()) {
            None => (None, None),
            Some(Kind::Map(map)) => {
                let message = first(&map.values, &MESSAGE_NAMES);
                let structure = json().filter(|_| message.is_none());
                (message, structure.map(|json| (names(&map.values), json)))
            }
            Some(_) => (body.and_then(AnyValue::to_text).or_else(json), None),
        };
        let event_name = Some(record.event_name.clone()).filter(|name| !name.trim().is_empty());
        Self {
            text: text.filter(|text| !text.trim().is_empty()),
            structure,
            event_name: event_name.or_else(|| attribute("event.name")),
            exception_type: attribute("exception.type"),
            exception_message: attribute("exception.message"),
        }
    }

    /// One line for people, never empty.
    fn headline(&self, severity_text: &str, service: &str) -> String {
        let exception = || match (&self.exception_type, &self.exception_message) {
            (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
            (kind, message) => kind.clone().or_else(|| message.clone()),
        };
        let least = || {
            let is_blank = severity_text.trim().is_empty();
            let word = if is_blank { "Log record" } else { severity_text };
            match service {
                "" => format!("{word} without a body"),
                service => format!("{word} of {service} without a body"),
            }
        };
        let text = self
            .text
            .clone()
            .or_else(exception)
            .or_else(|| self.event_name.clone());
        text.or_else(|| self.structure.as_ref().map(|(_, json)| json.clone()))
            .unwrap_or_else(least)
    }

    /// What the template is of: the text; of a structure the names, unless the event's name tells it already.
    fn lasting(&self) -> &str {
        match (&self.text, &self.structure, &self.event_name) {
            (Some(text), ..) => text,
            (None, Some((names, _)), None) => names,
            _ => "",
        }
    }
}

/// The names of members in their order: some languages shuffle them.
fn names(members: &[KeyValue]) -> String {
    let mut names: Vec<_> = members.iter().map(|member| member.key.as_str()).collect();
    names.sort_unstable();
    names.join(", ")
}

/// Which problem a record tells of: who sends it, whose it is, and the event's name or else the scope, and the exception's
/// type or else the template of the text. A structured body without a message is told by the names of its members.
struct Identity {
    fingerprint: Hash128,
    fields: Strings<'static>,
    template: String,
    service: String,
}

impl Identity {
    fn of(
        said: &Said,
        origin: &Origin,
        of_resource: &dyn Fn(&[&str]) -> Cow<'static, str>,
        source: &str,
    ) -> Self {
        let service = of_resource(&SERVICE).into_owned();
        let namespace = of_resource(&NAMESPACE);
        let environment = of_resource(&ENVIRONMENT);
        let (place, place_field) = match &said.event_name {
            Some(name) => (name.as_str(), "eventName"),
            None => (origin.scope_name(), "scope.name"),
        };
        let (problem, problem_field) = match &said.exception_type {
            Some(kind) => (Cow::Borrowed(kind.as_str()), "exception.type"),
            None => (template::of(said.lasting()), "template(body)"),
        };
        let parts = [
            (SOURCE, source),
            ("service.namespace", &*namespace),
            ("service.name", &service),
            ("deployment.environment.name", &environment),
            (place_field, place),
            (problem_field, &problem),
        ];
        let hashed = parts.iter().flat_map(|(field, value)| [*field, *value]);
        let fields = parts.iter().filter(|(_, value)| !value.is_empty());
        let template = if said.exception_type.is_some() {
            String::new()
        } else {
            problem.clone().into_owned()
        };
        Self {
            fingerprint: Hash128::of(std::iter::once(Format::Otlp.name()).chain(hashed)),
            fields: fields.map(|(field, _)| *field).collect(),
            template,
            service,
        }
    }
}

/// The severity and the field it came from: the number, else the text.
fn severity(record: &LogRecord) -> (Severity, &'static str) {
    if let Some(severity) = otel_severity::of(record.severity_number.into()) {
        return (severity, "severityNumber");
    }
    // Libraries number their levels (`ERROR2`), and TRACE is no word of alerts.
    let word = record
        .severity_text
        .trim()
        .trim_end_matches(|letter: char| letter.is_ascii_digit());
    let severity =
        Severity::from_word(word).or_else(|| word.eq_ignore_ascii_case("trace").then_some(Severity::Info));
    severity.map_or((Severity::default(), "default"), |severity| {
        (severity, "severityText")
    })
}

/// The record's own time, else when it was first observed, as the protocol advises.
fn occurred_at(record: &LogRecord, received_at: Time) -> Time {
    let nanos = [record.time_unix_nano, record.observed_time_unix_nano];
    let millis = nanos
        .into_iter()
        .map(|nanos| nanos / NANOS_A_MILLI)
        .find(|millis| *millis > 0);
    let sent = millis.and_then(|millis| i64::try_from(millis).ok());
    sent_time::clamped(sent.map_or(received_at, Time::from_millis), received_at)
}

fn id_text(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| hex::digits(*byte));
    let mut text = String::with_capacity(2 * bytes.len());
    text.extend(digits.map(char::from));
    text
}

fn traceparent_of(record: &LogRecord) -> String {
    let (trace, span) = (id_text(&record.trace_id), id_text(&record.span_id));
    let text = format!("00-{trace}-{span}-{:02x}", record.flags & TRACE_FLAGS);
    if traceparent::is_well_formed(&text) {
        text
    } else {
        String::new()
    }
}

/// The labels of a record: the resource's, and over them its own. Also how many were cut.
fn labels_of<'a>(record: &LogRecord, origin: &Origin) -> (Labels<'a>, usize) {
    let (of_resource, cut_before) = origin.labels();
    let pairs = of_resource.chain(label_pairs(&record.attributes)).collect();
    let (labels, cut) = labels::fit(Labels::new(pairs));
    (labels, cut_before + cut)
}

/// The whole record with its origin, where that is known; attributes as objects, empty members left out.
pub(super) fn data(record: &LogRecord, origin: Option<&Origin>) -> Value {
    let number = |number: i64| if number == 0 { Value::Null } else { number.into() };
    let members = [
        (
            "body",
            record.body.as_ref().map_or(Value::Null, AnyValue::to_json),
        ),
        ("attributes", Value::Object(object(&record.attributes))),
        ("eventName", json!(record.event_name)),
        ("severityText", json!(record.severity_text)),
        ("severityNumber", number(record.severity_number.into())),
        ("traceId", json!(id_text(&record.trace_id))),
        ("spanId", json!(id_text(&record.span_id))),
        (
            "droppedAttributesCount",
            number(record.dropped_attributes_count.into()),
        ),
    ];
    let mut members = without_empty(members);
    if let Some(origin) = origin {
        origin.write(&mut members);
    }
    Value::Object(members)
}
