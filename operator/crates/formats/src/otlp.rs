//! `otlp`: logs of OpenTelemetry over HTTP (`/v1/logs`), in protobuf and in JSON. Schema: open-telemetry/
//! opentelemetry-proto v1, `docs/specification.md` (OTLP/HTTP) and `logs/v1/logs.proto`. Not metrics, traces or gRPC.
//!
//! * Every log record is an item. One of ERROR and above is a problem (Firing), any other an Info. No life cycle:
//!   nothing in a log says that something is over, and so quiet ends it.
//! * Identity: the configured source, `service.namespace`, `service.name` and `deployment.environment.name` of the
//!   resource, the event's name (or else the scope's), and `exception.type` (or else the template of the body).
//! * Attributes that are scalars are labels: the resource's, and over them the record's own. `data` is the whole
//!   record with its resource and scope, attributes as objects, unless a resource or a scope is too large to repeat.
//! * A record stands alone, as far as can be: one that cannot be read takes no other along, and a resource or a scope
//!   only its own records.
//! * Records have no id but by the convention `log.record.uid`, which is the delivery key.

mod answer;
mod json;
mod origin;
mod record;
mod scalars;
mod value;
mod wire;

use std::borrow::Cow;
use std::fmt::Display;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::event::Event;
use prost::Message as _;
use serde_json::value::RawValue;

use crate::body::{self, Elements, MAX_ITEMS};
use crate::refusal::{Place, Reason, Refusal};
use crate::{Input, Items, cut};
use origin::{Budget, Described, Origin};
use record::Receipt;
use wire::{LogRecord, Resource, Scope};

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

/// What records share, or why it cannot be read.
type Shared<T> = Result<Rc<T>, Rc<str>>;

/// A record with what it comes from.
type Sent<'a> = (Shared<Origin>, Raw<'a>);

/// Bytes of a reason that a decoder gives. It may quote the payload at any length, and each record repeats it.
const WHY_BYTES: usize = 200;

/// A record that nobody has read yet.
enum Raw<'a> {
    Json(&'a RawValue),
    Protobuf(Vec<u8>),
}

impl<'a> Raw<'a> {
    fn into_text(self, origin: &Shared<Origin>) -> Cow<'a, str> {
        match self {
            Self::Json(raw) => Cow::Borrowed(raw.get()),
            Self::Protobuf(bytes) => Cow::Owned(match LogRecord::decode(bytes.as_slice()) {
                Ok(record) => record::data(&record, origin.as_deref().ok()).to_string(),
                Err(_) => STANDARD.encode(bytes),
            }),
        }
    }
}

/// Whether a body is to be read as JSON.
pub(crate) fn is_body_json(input: &Input<'_>) -> bool {
    match encoding(input.headers) {
        Some(encoding) => encoding == Encoding::Json,
        // A request in protobuf without records is empty too; but without a type it is a body that got lost.
        None => input.body.is_empty() || looks_like_json(input.body),
    }
}

fn records<'a>(input: &Input<'a>) -> Result<Vec<Sent<'a>>, Refusal> {
    let records = if is_body_json(input) {
        records_of_json(body::text(input.body)?)?
    } else {
        records_of_protobuf(input.body)?
    };
    Elements(records).bounded().map(|Elements(records)| records)
}

fn records_of_json(text: &str) -> Result<Vec<Sent<'_>>, Refusal> {
    let request: json::Request<'_> = serde_json::from_str(text).map_err(|error| body::unreadable(&error))?;
    let Some(resource_logs) = request.resource_logs else {
        let is_empty = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(*b"{}");
        return if is_empty { Ok(Vec::new()) } else { Err(no_logs()) };
    };
    let budget = Rc::new(Budget::default());
    let mut records = Vec::new();
    for logs in resource_logs {
        let resource = described(json::part(logs.resource), &budget);
        for scoped in logs.scope_logs {
            let origin = origin(&resource, json::part(scoped.scope));
            let Elements(found) = scoped.log_records.unwrap_or(Elements(Vec::new()));
            records.extend(found.into_iter().map(|raw| (origin.clone(), Raw::Json(raw))));
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
    let budget = Rc::new(Budget::default());
    let mut records = Vec::new();
    for logs in request.resource_logs {
        let resource = described(wire::part(logs.resource), &budget);
        for scoped in logs.scope_logs {
            let origin = origin(&resource, wire::part(scoped.scope));
            let found = scoped.log_records.into_iter();
            records.extend(found.map(|bytes| (origin.clone(), Raw::Protobuf(bytes))));
            if records.len() > MAX_ITEMS {
                return Ok(records);
            }
        }
    }
    Ok(records)
}

fn described<E: Display>(resource: Result<Resource, E>, budget: &Rc<Budget>) -> Shared<Described> {
    let resource = resource.map_err(|error| unreadable("resource", &error))?;
    Ok(Described::new(&resource, budget))
}

fn origin<E: Display>(resource: &Shared<Described>, scope: Result<Scope, E>) -> Shared<Origin> {
    let resource = resource.as_ref().map_err(Rc::clone)?;
    let scope = scope.map_err(|error| unreadable("scope", &error))?;
    Ok(Origin::new(resource, scope))
}

fn unreadable(name: &str, error: &dyn Display) -> Rc<str> {
    let why = error.to_string();
    let why = cut::between_words(&why, WHY_BYTES);
    format!("its {name} cannot be read: {why}; mend it where the {name} is set").into()
}

fn event<'a>(
    origin: &Shared<Origin>,
    raw: &Raw<'a>,
    place: Place,
    receipt: Receipt<'a>,
) -> Result<(Event<'a>, usize), Refusal> {
    let origin = origin
        .as_ref()
        .map_err(|why| Refusal::new(Reason::InvalidField, format!("{place}: {why}")))?;
    let record: LogRecord = match raw {
        Raw::Json(raw) if raw.get() == "null" => LogRecord::default(),
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
mod tests;
