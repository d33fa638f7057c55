//! `otlp`: logs of OpenTelemetry over HTTP (`/v1/logs`), in protobuf and in JSON. Schema: open-telemetry/
//! opentelemetry-proto v1, `docs/specification.md` (OTLP/HTTP) and `logs/v1/logs.proto`. Not metrics, traces or gRPC.
//!
//! * Every log record is an item. One of ERROR and above is a problem (Firing), any other an Info. No life cycle:
//!   nothing in a log says that something is over, and so quiet ends it.
//! * Identity: the configured source, `service.namespace`, `service.name` and `deployment.environment.name` of the
//!   resource, the event's name (or else the scope's), and `exception.type` (or else the template of the body).
//! * Attributes that are scalars are labels: the resource's, and over them the record's own. `data` is the whole
//!   record with its resource and scope, attributes as objects, unless a resource or a scope is too large to repeat.
//! * Records have no id but by the convention `log.record.uid`, which is the delivery key.

mod answer;
mod json;
mod origin;
mod record;
mod value;
mod wire;

use std::borrow::Cow;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::event::Event;
use prost::Message as _;
use serde_json::value::RawValue;

use crate::body::{self, Elements, MAX_ITEMS};
use crate::refusal::{Place, Reason, Refusal};
use crate::{Input, Items};
use origin::{Described, Origin};
use record::Receipt;
use wire::LogRecord;

pub use answer::{response, status};

/// Makes an event of each log record.
pub(crate) fn parse(input: Input<'_>) -> Result<Items<'_>, Refusal> {
    let receipt = Receipt {
        source: input.source,
        at: input.received_at,
    };
    let records = Elements(records(&input)?);
    Ok(
        records.items("logRecords", move |(origin, raw): Sent<'_>, place| {
            event(&origin, &raw, place, receipt)
        }),
    )
}

/// Each record's text: as sent, or what a record in protobuf is in JSON.
pub(crate) fn texts(input: Input<'_>) -> Vec<Cow<'_, str>> {
    let records = records(&input).unwrap_or_default().into_iter();
    records.map(|(origin, raw)| raw.into_text(&origin)).collect()
}

/// Whether the headers of a request, their names in lower case, say that it is JSON. The answer is to be in the same
/// encoding; protobuf where the headers say nothing.
pub fn is_json(headers: &[(&str, &str)]) -> bool {
    encoding(headers) == Some(Encoding::Json)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Json,
    Protobuf,
}

/// What `Content-Type` says; `None` for nothing, and for a type that is neither.
fn encoding(headers: &[(&str, &str)]) -> Option<Encoding> {
    let (_, content_type) = headers.iter().find(|(name, _)| *name == "content-type")?;
    let media_type = content_type.split(';').next().unwrap_or_default().trim_ascii();
    let is = |name: &&str| media_type.eq_ignore_ascii_case(name);
    if is(&"application/json") {
        return Some(Encoding::Json);
    }
    let of_protobuf = [
        "application/x-protobuf",
        "application/protobuf",
        "application/octet-stream",
    ];
    of_protobuf.iter().any(is).then_some(Encoding::Protobuf)
}

/// What a body looks like. Protobuf begins with a line feed, which JSON may begin with too.
fn looks_like_json(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| {
        let text = text.trim_start_matches('\u{feff}').trim_ascii();
        text.starts_with('{') && (body.first() != Some(&b'\n') || text.ends_with('}'))
    })
}

/// A record with what it comes from.
type Sent<'a> = (Rc<Origin>, Raw<'a>);

/// A record that nobody has read yet.
enum Raw<'a> {
    Json(&'a RawValue),
    Protobuf(Vec<u8>),
}

impl<'a> Raw<'a> {
    fn into_text(self, origin: &Origin) -> Cow<'a, str> {
        match self {
            Self::Json(raw) => Cow::Borrowed(raw.get()),
            Self::Protobuf(bytes) => Cow::Owned(match LogRecord::decode(bytes.as_slice()) {
                Ok(record) => record::data(&record, origin).to_string(),
                Err(_) => STANDARD.encode(bytes),
            }),
        }
    }
}

fn records<'a>(input: &Input<'a>) -> Result<Vec<Sent<'a>>, Refusal> {
    let is_json = match encoding(input.headers) {
        Some(encoding) => encoding == Encoding::Json,
        // A request in protobuf without records is empty too; but without a type it is a body that got lost.
        None => input.body.is_empty() || looks_like_json(input.body),
    };
    let records = if is_json {
        records_of_json(body::text(input.body)?)?
    } else {
        records_of_protobuf(input.body)?
    };
    Elements(records).bounded().map(|Elements(records)| records)
}

fn records_of_json(text: &str) -> Result<Vec<Sent<'_>>, Refusal> {
    let request: json::Request<'_> = serde_json::from_str(text).map_err(|error| body::unreadable(&error))?;
    let Some(resource_logs) = request.resource_logs else {
        return if text == "{}" {
            Ok(Vec::new())
        } else {
            Err(no_logs())
        };
    };
    let mut records = Vec::new();
    for logs in resource_logs {
        let resource = Described::new(logs.resource);
        for scoped in logs.scope_logs.unwrap_or_default() {
            let origin = Origin::new(&resource, scoped.scope);
            let Elements(found) = scoped.log_records.unwrap_or(Elements(Vec::new()));
            records.extend(found.into_iter().map(|raw| (Rc::clone(&origin), Raw::Json(raw))));
            if records.len() > MAX_ITEMS {
                return Ok(records);
            }
        }
    }
    Ok(records)
}

fn no_logs() -> Refusal {
    Refusal::new(
        Reason::WrongShape,
        "no list `resourceLogs`; send an ExportLogsServiceRequest of OTLP",
    )
}

fn records_of_protobuf<'a>(body: &[u8]) -> Result<Vec<Sent<'a>>, Refusal> {
    let request = wire::Request::decode(body).map_err(|error| {
        Refusal::new(
            Reason::WrongShape,
            format!(
                "no ExportLogsServiceRequest in protobuf: {error}; JSON needs Content-Type: application/json"
            ),
        )
    })?;
    let mut records = Vec::new();
    for logs in request.resource_logs {
        let resource = Described::new(logs.resource);
        for scoped in logs.scope_logs {
            let origin = Origin::new(&resource, scoped.scope);
            let found = scoped.log_records.into_iter();
            records.extend(found.map(|bytes| (Rc::clone(&origin), Raw::Protobuf(bytes))));
            if records.len() > MAX_ITEMS {
                return Ok(records);
            }
        }
    }
    Ok(records)
}

fn event<'a>(
    origin: &Origin,
    raw: &Raw<'a>,
    place: Place,
    receipt: Receipt<'a>,
) -> Result<(Event<'a>, usize), Refusal> {
    let record: LogRecord = match raw {
        // Its text is JSON, which the reading of the whole has seen.
        Raw::Json(raw) => body::object(raw.get(), place).map_err(|refusal| match refusal.reason {
            Reason::InvalidJson => Refusal::new(Reason::InvalidField, refusal.message),
            _ => refusal,
        })?,
        Raw::Protobuf(bytes) => LogRecord::decode(bytes.as_slice()).map_err(|error| {
            Refusal::new(
                Reason::WrongShape,
                format!("{place}: no LogRecord in protobuf: {error}"),
            )
        })?,
    };
    Ok(record::event(&record, origin, receipt))
}

#[cfg(test)]
mod tests {
    use domain::event::EventState;
    use domain::severity::Severity;
    use domain::time::Time;

    use super::*;
    use crate::Item;

    const RECEIVED_AT: Time = Time::from_millis(1_734_690_605_000);
    const PROTOBUF: [(&str, &str); 1] = [("content-type", "application/x-protobuf")];

    fn input<'a>(body: &'a [u8], headers: &'a [(&'a str, &'a str)]) -> Input<'a> {
        Input {
            body,
            headers,
            received_at: RECEIVED_AT,
            source: "logs",
        }
    }

    fn items<'a>(body: &'a [u8], headers: &'a [(&'a str, &'a str)]) -> Vec<Item<'a>> {
        parse(input(body, headers)).unwrap().collect()
    }

    /// The event of one record in JSON, with these members.
    fn with(members: &str, resource: &str) -> Event<'static> {
        let json = format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":[{resource}]}},"scopeLogs":[{{"scope":{{"name":"lib"}},"logRecords":[{{{members}}}]}}]}}]}}"#
        );
        items(json.as_bytes(), &[]).remove(0).result.unwrap().into_owned()
    }

    fn attribute(name: &str, value: &str) -> String {
        format!(r#"{{"key":"{name}","value":{{"stringValue":"{value}"}}}}"#)
    }

    fn saying(text: &str, resource: &str) -> Event<'static> {
        with(
            &format!(r#""severityNumber":17,"body":{{"stringValue":"{text}"}}"#),
            resource,
        )
    }

    /// A request in JSON as one in protobuf.
    fn as_protobuf(text: &str) -> Vec<u8> {
        let request: json::Request<'_> = serde_json::from_str(text).unwrap();
        let scoped = |scoped: json::ScopeLogs<'_>| wire::ScopeLogs {
            scope: scoped.scope,
            log_records: scoped.log_records.map_or(Vec::new(), |Elements(records)| {
                let bytes = |raw: &RawValue| {
                    serde_json::from_str::<LogRecord>(raw.get())
                        .unwrap()
                        .encode_to_vec()
                };
                records.into_iter().map(bytes).collect()
            }),
        };
        let logs = |logs: json::ResourceLogs<'_>| wire::ResourceLogs {
            resource: logs.resource,
            scope_logs: logs
                .scope_logs
                .unwrap_or_default()
                .into_iter()
                .map(scoped)
                .collect(),
        };
        let resource_logs = request.resource_logs.unwrap().into_iter().map(logs).collect();
        wire::Request { resource_logs }.encode_to_vec()
    }

    /// The sample in protobuf is made here: `UPDATE_GOLDEN=1` writes it.
    #[test]
    fn the_samples_mean_the_same_in_protobuf() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/otlp");
        for name in ["spec-logs", "spec-events", "sample"] {
            let text = std::fs::read_to_string(folder.join(name).with_extension("json")).unwrap();
            let bytes = as_protobuf(&text);
            assert_eq!(items(&bytes, &PROTOBUF), items(text.as_bytes(), &[]), "{name}");
            assert!(
                !looks_like_json(&bytes) && looks_like_json(text.as_bytes()),
                "{name}"
            );
            let file = folder.join(format!("{name}-protobuf.bin"));
            if name == "spec-logs" {
                if std::env::var_os("UPDATE_GOLDEN").is_some() {
                    std::fs::write(&file, &bytes).unwrap();
                }
                assert_eq!(std::fs::read(&file).unwrap(), bytes);
            }
        }
    }

    #[test]
    fn only_errors_fire_and_nothing_has_a_life_cycle() {
        let judged = |number: i32| {
            let event = with(
                &format!(r#""severityNumber":{number},"body":{{"stringValue":"x"}}"#),
                "",
            );
            assert!(event.occurrence_key.is_absent());
            (event.severity, event.state)
        };
        for (numbers, severity, state) in [
            (1..=12, Severity::Info, EventState::Info),
            (13..=16, Severity::Medium, EventState::Info),
            (17..=20, Severity::High, EventState::Firing),
            (21..=24, Severity::Critical, EventState::Firing),
            (25..=26, Severity::Medium, EventState::Info),
        ] {
            for number in numbers {
                assert_eq!(judged(number), (severity, state), "{number}");
            }
        }
        let by_text = |text: &str| {
            let event = with(&format!(r#""severityText":"{text}""#), "");
            (event.severity, event.severity_from.into_owned())
        };
        assert_eq!(
            by_text("Information"),
            (Severity::Info, "severityText".to_owned())
        );
        assert_eq!(by_text("TRACE2"), (Severity::Info, "severityText".to_owned()));
        assert_eq!(by_text("fatal"), (Severity::Critical, "severityText".to_owned()));
        assert_eq!(by_text("odd"), (Severity::Medium, "default".to_owned()));
    }

    #[test]
    fn one_problem_is_a_service_in_an_environment_and_a_template() {
        let service = attribute("service.name", "shop");
        let one = saying("order 17 failed in 3 s", &service);
        assert_eq!(one.template, "order <num> failed in <num> s");
        assert_eq!(
            one.fingerprint,
            saying("order 99 failed in 4 s", &service).fingerprint
        );
        assert_eq!(
            one.fingerprint_fields,
            ["source", "service.name", "scope.name", "template(body)"]
                .into_iter()
                .collect()
        );
        let staging = format!(
            "{service},{}",
            attribute("deployment.environment.name", "staging")
        );
        for other in [
            saying("order 17 lost", &service),
            saying("order 17 failed in 3 s", &attribute("service.name", "cart")),
            saying("order 17 failed in 3 s", &staging),
            with(
                r#""eventName":"e","body":{"stringValue":"order 17 failed in 3 s"}"#,
                &service,
            ),
        ] {
            assert_ne!(other.fingerprint, one.fingerprint, "{}", other.title);
        }
    }

    #[test]
    fn an_exception_is_told_by_its_type() {
        let thrown = |body: &str, kind: &str| {
            let attributes = [
                attribute("exception.type", kind),
                attribute("exception.message", body),
            ]
            .join(",");
            with(&format!(r#""severityNumber":17,"attributes":[{attributes}]"#), "")
        };
        let one = thrown("row 5", "SqlError");
        assert_eq!(one.fingerprint, thrown("no such table", "SqlError").fingerprint);
        assert_ne!(one.fingerprint, thrown("row 5", "IoError").fingerprint);
        assert_eq!(
            (&*one.title, &*one.kind, &*one.template),
            ("SqlError: row 5", "SqlError", "")
        );
    }

    #[test]
    fn a_null_member_is_as_good_as_none() {
        for body in [
            r#"{"stringValue":"disk full","intValue":null}"#,
            r#"{"intValue":null,"stringValue":"disk full"}"#,
        ] {
            assert_eq!(
                with(&format!(r#""body":{body}"#), "").title,
                "disk full",
                "{body}"
            );
        }
    }

    #[test]
    fn a_record_that_cannot_be_read_takes_no_other_along() {
        let record = LogRecord {
            severity_number: 9,
            ..LogRecord::default()
        }
        .encode_to_vec();
        // A text (field 3) that is not UTF-8.
        let log_records = vec![record.clone(), b"\x1a\x01\xff".to_vec(), record];
        let scope_logs = vec![wire::ScopeLogs {
            scope: None,
            log_records,
        }];
        let resource_logs = vec![wire::ResourceLogs {
            resource: None,
            scope_logs,
        }];
        let body = wire::Request { resource_logs }.encode_to_vec();
        let found = items(&body, &PROTOBUF);
        let is_ok: Vec<_> = found.iter().map(|item| item.result.is_ok()).collect();
        assert_eq!(is_ok, [true, false, true]);
        let refusal = found[1].result.as_ref().unwrap_err();
        assert!(
            refusal
                .message
                .starts_with("logRecords[1]: no LogRecord in protobuf: "),
            "{refusal}"
        );
        assert_eq!(
            texts(input(&body, &PROTOBUF)),
            [r#"{"severityNumber":9}"#, "GgH/", r#"{"severityNumber":9}"#]
        );
    }

    #[test]
    fn values_nested_deeper_than_protobuf_allows_are_refused() {
        let mut value = wire::AnyValue { kind: None };
        for _ in 0..200 {
            let values = vec![value];
            value = wire::AnyValue {
                kind: Some(wire::Kind::List(wire::ArrayValue { values })),
            };
        }
        let record = LogRecord {
            body: Some(value),
            ..LogRecord::default()
        };
        let log_records = vec![record.encode_to_vec()];
        let scope_logs = vec![wire::ScopeLogs {
            scope: None,
            log_records,
        }];
        let resource_logs = vec![wire::ResourceLogs {
            resource: None,
            scope_logs,
        }];
        let body = wire::Request { resource_logs }.encode_to_vec();
        let refusal = items(&body, &PROTOBUF).remove(0).result.unwrap_err();
        assert!(refusal.message.contains("recursion"), "{refusal}");
    }

    #[test]
    fn more_records_than_allowed_are_counted_before_they_are_read() {
        let log_records = vec![Vec::new(); MAX_ITEMS + 1];
        let scope_logs = vec![wire::ScopeLogs {
            scope: None,
            log_records,
        }];
        let resource_logs = vec![wire::ResourceLogs {
            resource: None,
            scope_logs,
        }];
        let body = wire::Request { resource_logs }.encode_to_vec();
        let refusal = parse(input(&body, &PROTOBUF)).err().unwrap();
        assert_eq!(refusal.reason, Reason::TooManyItems);
    }

    #[test]
    fn a_large_resource_is_not_repeated() {
        let large = saying("x", &attribute("big", &"b".repeat(9000)));
        let data = large.data.unwrap();
        assert!(
            data.get().contains(r#""resource":{"leftOutBytes":9010}"#),
            "{}",
            data.get()
        );
    }

    #[test]
    fn a_deep_resource_or_scope_is_not_repeated() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let data = |levels: usize| {
            let attributes = format!(r#"[{{"key":"deep","value":{}}}]"#, deep(levels));
            let json = format!(
                r#"{{"resourceLogs":[{{"resource":{{"attributes":{attributes}}},"scopeLogs":[{{"scope":{{"attributes":{attributes}}},"logRecords":[{{}}]}}]}}]}}"#
            );
            let data = items(json.as_bytes(), &[]).remove(0).result.unwrap().data;
            data.unwrap().get().to_owned()
        };
        for levels in [10, 61, 62, 63, 100] {
            assert!(!body::too_deep(&data(levels), body::MAX_DEPTH), "{levels}");
        }
        assert_eq!(data(61).matches("leftOutBytes").count(), 0);
        assert_eq!(data(100).matches("leftOutBytes").count(), 2);
    }

    #[test]
    fn the_encoding_is_told_by_the_content_type_or_by_looks() {
        assert!(is_json(&[("content-type", "Application/JSON; charset=utf-8")]));
        assert!(!is_json(&PROTOBUF) && !is_json(&[]));
        for (body, is_like_json) in [
            (&b"{}"[..], true),
            (b"\n { }\n", true),
            (b"{", true),
            (b"\n{", false),
            (b"\n{\xff}", false),
            (b"[", false),
        ] {
            assert_eq!(looks_like_json(body), is_like_json, "{}", body.escape_ascii());
        }
        assert_eq!(items(b"", &PROTOBUF).len(), 0);
        let refusal = parse(input(b"", &[])).err().unwrap();
        assert_eq!(refusal.reason, Reason::EmptyBody);
        let refusal = parse(input(b"{\"a\":1}", &[])).err().unwrap();
        assert_eq!(
            refusal.message,
            "no list `resourceLogs`; send an ExportLogsServiceRequest of OTLP"
        );
    }
}
