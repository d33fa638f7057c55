//! Answers in a vendor's own form, for clients that read them: what they send again, show or keep depends on it. Sources:
//! developer.pagerduty.com, "Send an event to `PagerDuty`"; opentelemetry.io/docs/specs/otlp, "OTLP/HTTP response".

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;

use crate::outcome::Outcome;
use crate::prepare::{Prepared, Readable};

/// `PagerDuty`'s: 202 with the `dedup_key`, by which a client that sent none can resolve; 400 with what is wrong.
pub(super) fn pagerduty(prepared: &Prepared, body: &[u8]) -> Response<Full<Bytes>> {
    let errors: Vec<_> = prepared
        .rejected
        .iter()
        .map(|item| item.message.as_str())
        .collect();
    if errors.is_empty() {
        let answer = json!({
            "status": "success",
            "message": "Event processed",
            "dedup_key": formats::pagerduty_dedup_key(body),
        });
        with(
            StatusCode::ACCEPTED,
            "application/json",
            answer.to_string().into(),
        )
    } else {
        let answer =
            json!({"status": "invalid event", "message": "Event object is invalid", "errors": errors});
        with(
            StatusCode::BAD_REQUEST,
            "application/json",
            answer.to_string().into(),
        )
    }
}

/// OTLP's: 200, in the request's encoding, with how many records were not accepted and why the first was not. Clients do
/// not send those again: they are dead letters.
pub(super) fn otlp(prepared: &Prepared, headers: &[(&str, &str)]) -> Response<Full<Bytes>> {
    let is_json = formats::otlp_is_json(headers);
    let media_type = if is_json {
        "application/json"
    } else {
        "application/x-protobuf"
    };
    let message = prepared.rejected.first().map_or("", |item| &item.message);
    if prepared.readable == Readable::No {
        return with(
            StatusCode::BAD_REQUEST,
            media_type,
            formats::otlp_status(is_json, message),
        );
    }
    let rejected = prepared.count(Outcome::DeadLettered) + prepared.count(Outcome::Refused);
    let answer = formats::otlp_response(is_json, rejected as u64, message);
    with(StatusCode::OK, media_type, answer)
}

fn with(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
