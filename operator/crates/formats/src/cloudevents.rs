//! `cloudevents`: `CloudEvents` 1.0 over HTTP, in structured, batched and binary mode. Schemas: cloudevents/spec,
//! `spec.md`, `bindings/http-protocol-binding.md`, `formats/json-format.md` (version 1.0.2).
//!
//! * Mode: a `Content-Type` of `application/cloudevents…` is structured or a batch, which the JSON itself tells apart;
//!   else `ce-` headers are binary mode; else the JSON is read as if it had said what it is.
//! * Identity: `source`, `type` and `subject`. The same message again is `source` and `id`.
//! * State and severity: the extensions `state` and `severity`, else Info. The severity also by the documented
//!   extension (`severitytext`, `severitynumber`). No life cycle: `CloudEvents` has no beginning of anything.
//! * `data` of any kind becomes `data`: JSON as it is, text as a JSON text, other bytes as `{"data_base64": …}`.
//! * Extensions are labels, but for `traceparent`, and for `severity` and `state` where they were understood. The
//!   attributes `dataschema` and `datacontenttype` are labels too; no extension can have their names.

mod binary;
mod payload;
mod structured;

use std::borrow::Cow;

use domain::event::{Event, EventState, Source};
use domain::hash::Hash128;
use domain::json::{Labels, RawJson};
use domain::severity::Severity;
use serde_json::value::RawValue;

use crate::body::{self, Elements};
use crate::field::Field;
use crate::labels::{self, Pair, WellKnown};
use crate::refusal::{Path, Place, Quoted, Reason, Refusal};
use crate::{
    Format, Input, Items, SOURCE, cut, delivery_key, otel_severity, sent_time, state_word, traceparent,
};

pub use binary::NOT_UTF8;

const FINGERPRINT_FIELDS: [&str; 4] = [SOURCE, "source", "type", "subject"];

/// Makes events of one event, in either mode, or a batch.
pub(crate) fn parse<'a>(input: Input<'a>) -> Result<Items<'a>, Refusal> {
    if mode(&input)? == Mode::Binary {
        let data = binary::data(&input)?;
        let item = binary::attributes(&input).and_then(|sent| event(sent, data, &input));
        return Ok(Box::new(std::iter::once(item.into())));
    }
    let text = body::text(input.body)?;
    if text.starts_with('[') {
        let events = Elements::<&'a RawValue>::of_body(text)?;
        return Ok(events.items("", move |raw, place| one(raw.get(), place, &input)));
    }
    match one(text, Place::Body, &input) {
        // In a body of one event, what cannot be read is the body.
        Err(refusal)
            if matches!(
                refusal.reason,
                Reason::InvalidJson | Reason::TooDeep | Reason::WrongShape
            ) =>
        {
            Err(refusal)
        }
        item => Ok(Box::new(std::iter::once(item.into()))),
    }
}

/// The text of each event; in binary mode that of its data, as far as it is text.
pub(crate) fn texts(input: Input<'_>) -> Result<Vec<Cow<'_, str>>, Refusal> {
    if mode(&input)? == Mode::Binary {
        return Ok(vec![String::from_utf8_lossy(input.body)]);
    }
    let text = body::text(input.body)?;
    if text.starts_with('[') {
        let texts = Elements::of_body(text)?.texts().into_iter();
        Ok(texts.map(Cow::Borrowed).collect())
    } else {
        Ok(vec![text.into()])
    }
}

/// Whether a body is JSON: events, or data that nobody calls anything else.
pub(crate) fn is_json(input: &Input<'_>) -> bool {
    !binary::has_attributes(input) || payload::may_be_json(input.header("content-type").unwrap_or_default())
}

/// Where the attributes are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// In the body: an event or a list of events.
    Json,
    /// In headers.
    Binary,
}

fn mode(input: &Input<'_>) -> Result<Mode, Refusal> {
    let content_type = input.header("content-type").unwrap_or_default();
    let media_type = payload::media_type(content_type);
    if media_type.starts_with("application/cloudevents") {
        return if media_type.ends_with("+json") {
            Ok(Mode::Json)
        } else {
            Err(Refusal::new(
                Reason::WrongShape,
                format!(
                    "Content-Type {} is not read; send application/cloudevents+json",
                    Quoted(content_type)
                ),
            ))
        };
    }
    Ok(if binary::has_attributes(input) {
        Mode::Binary
    } else {
        Mode::Json
    })
}

fn one<'a>(raw: &'a str, place: Place, input: &Input<'a>) -> Result<(Event<'a>, usize), Refusal> {
    let body: structured::Body<'a> = body::object(raw, place)?;
    let data = body.data(place)?;
    event(body.sent(place), data, input)
}

/// The attributes of an event, from whichever mode.
struct Sent<'a> {
    attributes: Attributes<'a>,
    extensions: Vec<Pair<'a>>,
    paths: Paths,
}

/// The attributes that the specification names.
#[derive(Default)]
struct Attributes<'a> {
    specversion: Field<'a>,
    id: Field<'a>,
    source: Field<'a>,
    kind: Field<'a>,
    subject: Field<'a>,
    time: Field<'a>,
    dataschema: Field<'a>,
    datacontenttype: Field<'a>,
}

/// How attributes are called where they stand: `source` in a body, `ce-source` in headers.
#[derive(Clone, Copy)]
enum Paths {
    Body(Place),
    Headers,
}

impl Paths {
    const fn of(self, name: &'static str) -> Path<'static> {
        match self {
            Self::Body(place) => place.field(name),
            Self::Headers => Place::Body.field(binary::header_of(name)),
        }
    }
}

fn event<'a>(
    sent: Sent<'a>,
    data: Option<RawJson<'a>>,
    input: &Input<'a>,
) -> Result<(Event<'a>, usize), Refusal> {
    let Sent {
        attributes,
        extensions,
        paths,
    } = sent;
    require_version(attributes.specversion, paths)?;
    let id = required(attributes.id, &paths.of("id"))?;
    let source = required(attributes.source, &paths.of("source"))?;
    let kind = required(attributes.kind, &paths.of("type"))?;
    let subject = attributes.subject.text(&paths.of("subject"))?;
    let time = sent_time::read(&attributes.time, &paths.of("time"))?;
    let said = Said::of(extensions);
    let mut pairs = said.labels;
    for (name, field) in [
        ("datacontenttype", attributes.datacontenttype),
        ("dataschema", attributes.dataschema),
    ] {
        pairs.push((name.into(), field.scalar().unwrap_or_default()));
    }
    pairs.retain(|(_, value)| !value.is_empty());
    let mut known = WellKnown::of(&pairs);
    let (labels, labels_cut) = labels::fit(Labels::new(pairs));
    let mut event = Event {
        delivery_key: key(&source, &id),
        fingerprint: Hash128::of([Format::CloudEvents.name(), input.source, &source, &kind, &subject]),
        fingerprint_fields: FINGERPRINT_FIELDS.into_iter().collect(),
        state: said.state,
        severity: said.severity,
        severity_from: said.severity_from.into(),
        source: Source {
            name: input.source.into(),
            format: Format::CloudEvents.name().into(),
            reported: cut::short(source),
        },
        title: title(&kind, &subject),
        kind: cut::short(kind),
        labels,
        data,
        traceparent: said.traceparent,
        occurred_at: sent_time::clamped(time.unwrap_or(input.received_at), input.received_at),
        received_at: input.received_at,
        ..Event::default()
    };
    known.write_owner(&mut event);
    known.write_thing(&mut event);
    if !subject.is_empty() {
        event.resource = cut::short(subject);
    }
    Ok((event, labels_cut))
}

fn required<'a>(field: Field<'a>, at: &Path<'_>) -> Result<Cow<'a, str>, Refusal> {
    let text = field.text(at)?;
    if text.is_empty() {
        return Err(Refusal::missing(at, "CloudEvents requires it"));
    }
    Ok(text)
}

fn require_version(field: Field<'_>, paths: Paths) -> Result<(), Refusal> {
    let at = paths.of("specversion");
    match &*field.scalar().unwrap_or_default() {
        "" => Err(Refusal::missing(&at, "send CloudEvents 1.0")),
        version if version == "1" || version.starts_with("1.") => Ok(()),
        other => Err(Refusal::invalid(
            &at,
            format_args!(
                "{} is no version that is read; send CloudEvents 1.0",
                Quoted(other)
            ),
        )),
    }
}

/// What the extensions say.
struct Said<'a> {
    state: EventState,
    severity: Severity,
    severity_from: &'static str,
    traceparent: Cow<'a, str>,
    /// The extensions that no field takes.
    labels: Vec<Pair<'a>>,
}

impl<'a> Said<'a> {
    fn of(mut extensions: Vec<Pair<'a>>) -> Self {
        let traceparent = take(&mut extensions, "traceparent", |text| {
            traceparent::is_well_formed(text).then(|| text.to_owned())
        });
        let state = take(&mut extensions, "state", |word| {
            state_word::read(word).filter(|_| !word.is_empty())
        });
        let numbered = |number: &str| otel_severity::of(number.parse().ok()?);
        let severity = take(&mut extensions, "severity", Severity::from_word)
            .map(|severity| (severity, "severity"))
            .or_else(|| {
                Some((
                    take(&mut extensions, "severitytext", Severity::from_word)?,
                    "severitytext",
                ))
            })
            .or_else(|| {
                Some((
                    take(&mut extensions, "severitynumber", numbered)?,
                    "severitynumber",
                ))
            });
        let (severity, severity_from) = severity.unwrap_or((Severity::Info, "default"));
        Self {
            state: state.unwrap_or(EventState::Info),
            severity,
            severity_from,
            traceparent: Cow::Owned(traceparent.unwrap_or_default()),
            labels: extensions,
        }
    }
}

/// Takes the extension of that name out, if it can be read.
fn take<T>(extensions: &mut Vec<Pair<'_>>, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let at = extensions.iter().position(|(known, _)| known == name)?;
    let (_, value) = extensions.get(at)?;
    let found = read(value)?;
    extensions.remove(at);
    Some(found)
}

/// `source` and `id`, which together are unique. A source is a URI reference, and has no spaces; what is odd or long is
/// hashed.
fn key(source: &str, id: &str) -> Cow<'static, str> {
    let both = if source.contains(' ') {
        Hash128::of([source, id]).to_string()
    } else {
        format!("{source} {id}")
    };
    delivery_key::of(Format::CloudEvents, &both)
}

/// An event says nothing for people but what happened, and to what.
fn title<'a>(kind: &str, subject: &str) -> Cow<'a, str> {
    let mark = if subject.is_empty() { "" } else { ": " };
    cut::title(Cow::Owned(format!("{kind}{mark}{subject}")))
}

#[cfg(test)]
mod tests {
    use domain::time::Time;

    use super::*;

    const RECEIVED_AT: Time = Time::from_millis(1_734_690_605_000);
    const MINIMAL: &str = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t""#;

    fn items<'a>(body: &'a [u8], headers: &'a [(&'a str, &'a str)]) -> Result<Vec<crate::Item<'a>>, Refusal> {
        let input = Input {
            body,
            headers,
            received_at: RECEIVED_AT,
            source: "ce",
        };
        parse(input).map(Iterator::collect)
    }

    fn with(members: &str) -> Event<'static> {
        let json = format!("{MINIMAL}{members}}}");
        let item = items(json.as_bytes(), &[]).unwrap().remove(0);
        item.result.unwrap().into_owned()
    }

    fn data(event: &Event<'_>) -> String {
        event.data.as_ref().map_or("", RawJson::get).to_owned()
    }

    #[test]
    fn one_event_means_the_same_in_every_mode() {
        let structured = with(
            r#","subject":"Euro €","time":"2024-12-20T10:30:00Z","severity":"error","state":"firing","zone":"b","datacontenttype":"application/json","data":{"a":1}"#,
        );
        let headers = [
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-id", "1"),
            ("ce-source", "/s"),
            ("ce-type", "t"),
            ("ce-subject", "Euro%20%E2%82%AC"),
            ("ce-time", "2024-12-20T10:30:00Z"),
            ("ce-severity", "error"),
            ("ce-state", "firing"),
            ("ce-zone", "b"),
        ];
        let binary = items(br#"{"a":1}"#, &headers).unwrap().remove(0).result.unwrap();
        assert_eq!(binary, structured);
        assert_eq!(
            (binary.severity, binary.state),
            (Severity::High, EventState::Firing)
        );
        assert_eq!(binary.delivery_key, "cloudevents:/s 1");
        assert_eq!((&*binary.title, &*binary.resource), ("t: Euro €", "Euro €"));
        assert_eq!(binary.labels.get("zone"), Some("b"));
        assert_eq!(binary.labels.get("severity"), None);
    }

    #[test]
    fn data_of_any_kind_is_data() {
        let binary = |body: &[u8], content_type: &str| {
            let headers = [
                ("content-type", content_type),
                ("ce-specversion", "1.0"),
                ("ce-id", "1"),
                ("ce-source", "/s"),
                ("ce-type", "t"),
            ];
            let mut items = items(body, &headers)?;
            Ok::<_, Refusal>(data(&items.remove(0).result.unwrap()))
        };
        assert_eq!(binary(b"", "application/json").unwrap(), "");
        assert_eq!(
            binary(b"\"s\"", "application/json; charset=utf-8").unwrap(),
            "\"s\""
        );
        assert_eq!(
            binary(b"{\n\"a\":1}", "application/x+JSON").unwrap(),
            r#"{"a":1}"#
        );
        assert_eq!(binary(b"<a/>", "application/xml").unwrap(), r#""<a/>""#);
        assert_eq!(binary(b"7", "text/plain").unwrap(), r#""7""#);
        assert_eq!(binary(b"7", "").unwrap(), "7");
        assert_eq!(
            binary(b"\xff\x00", "image/png").unwrap(),
            r#"{"data_base64":"/wA="}"#
        );
        assert_eq!(
            binary(b"{\"a\":", "application/json").unwrap_err().reason,
            Reason::InvalidJson
        );
        assert_eq!(data(&with(r#","data":null"#)), "");
        assert_eq!(data(&with(r#","data_base64":"eyJhIjoxfQ==""#)), r#"{"a":1}"#);
        assert_eq!(
            data(&with(
                r#","datacontenttype":"text/plain","data_base64":"eyJhIjoxfQ==""#
            )),
            r#""{\"a\":1}""#
        );
        assert_eq!(
            data(&with(r#","data_base64":"/wA=""#)),
            r#"{"data_base64":"/wA="}"#
        );
        assert_eq!(
            data(&with(r#","data_base64":"not!""#)),
            r#"{"data_base64":"not!"}"#
        );
    }

    #[test]
    fn an_event_without_what_is_required_is_refused_where_it_stands() {
        let refusal = |json: &str| {
            items(json.as_bytes(), &[])
                .unwrap()
                .remove(0)
                .result
                .unwrap_err()
                .message
        };
        assert_eq!(
            refusal(r#"{"id":"1"}"#),
            "specversion: missing or empty; send CloudEvents 1.0"
        );
        assert_eq!(
            refusal(r#"[{"specversion":"1.0","source":"/s","type":"t"}]"#),
            "[0].id: missing or empty; CloudEvents requires it"
        );
        assert_eq!(
            refusal(r#"{"specversion":"0.3"}"#),
            "specversion: \"0.3\" is no version that is read; send CloudEvents 1.0"
        );
        let headers = [("ce-id", "1"), ("ce-specversion", "1.0"), ("ce-type", "t")];
        let refused = items(b"", &headers).unwrap().remove(0).result.unwrap_err();
        assert_eq!(
            refused.message,
            "ce-source: missing or empty; CloudEvents requires it"
        );
        let avro = items(b"x", &[("content-type", "application/cloudevents+avro")]).unwrap_err();
        assert_eq!(
            avro.message,
            "Content-Type \"application/cloudevents+avro\" is not read; send application/cloudevents+json"
        );
    }

    #[test]
    fn what_an_extension_says_and_nobody_understands_is_a_label() {
        let event = with(
            r#","severity":"purple","state":"half","traceparent":"x","number":5,"flag":true,"gone":null,"odd":{"a":1}"#,
        );
        let labels: Vec<_> = event.labels.iter().collect();
        assert_eq!(
            labels,
            [
                ("flag", "true"),
                ("number", "5"),
                ("odd", r#"{"a":1}"#),
                ("severity", "purple"),
                ("state", "half"),
                ("traceparent", "x"),
            ]
        );
        assert_eq!((event.severity, event.state), (Severity::Info, EventState::Info));
        let traced = with(
            r#","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","severitynumber":18"#,
        );
        assert_eq!(
            traced.traceparent,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        );
        assert_eq!(
            (traced.severity, &*traced.severity_from),
            (Severity::High, "severitynumber")
        );
    }

    #[test]
    fn a_delivery_key_is_bounded_and_keeps_sources_and_ids_apart() {
        assert_eq!(key("/s", "1"), "cloudevents:/s 1");
        assert_ne!(key("a b", "c"), key("a", "b c"));
        let long = key("/s", &"x".repeat(300));
        assert_eq!(long.len(), "cloudevents:".len() + 32);
    }

    #[test]
    fn an_empty_batch_is_a_success() {
        let batch = [("content-type", "application/cloudevents-batch+json")];
        assert_eq!(items(b"[]", &batch).unwrap().len(), 0);
        assert!(items(b"", &batch).is_err());
    }
}
