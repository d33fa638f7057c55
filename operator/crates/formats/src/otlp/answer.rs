//! What OTLP has a server answer: in the encoding of the request, with status 200 even when some records were refused.

use prost::Message as _;
use serde_json::json;

use super::wire::{PartialSuccess, Response, Status};

/// `ExportLogsServiceResponse`: `{}` when all is well, else how many records were refused, and why.
pub fn response(json: bool, rejected: u64, message: &str) -> Vec<u8> {
    let is_whole = rejected == 0 && message.is_empty();
    if !json {
        let partial_success = (!is_whole).then(|| PartialSuccess {
            rejected_log_records: i64::try_from(rejected).unwrap_or(i64::MAX),
            error_message: message.to_owned(),
        });
        return Response { partial_success }.encode_to_vec();
    }
    if is_whole {
        return b"{}".to_vec();
    }
    // Protobuf's JSON has 64-bit integers as texts.
    let partial = json!({ "rejectedLogRecords": rejected.to_string(), "errorMessage": message });
    json!({ "partialSuccess": partial }).to_string().into_bytes()
}

/// `google.rpc.Status`, which is to be the body of every answer from 400 on.
pub fn status(json: bool, message: &str) -> Vec<u8> {
    if json {
        return json!({ "message": message }).to_string().into_bytes();
    }
    let message = message.to_owned();
    Status { message }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_success_says_nothing() {
        assert_eq!(response(true, 0, ""), b"{}");
        assert_eq!(response(false, 0, ""), b"");
    }

    #[test]
    fn a_partial_success_says_how_many_and_why() {
        let text = String::from_utf8(response(true, 2, "too deep")).unwrap();
        assert_eq!(
            text,
            r#"{"partialSuccess":{"errorMessage":"too deep","rejectedLogRecords":"2"}}"#
        );
        // Field 1 of 12 bytes: field 1 is 2, field 2 is the text.
        assert_eq!(
            response(false, 2, "too deep"),
            b"\x0a\x0c\x08\x02\x12\x08too deep"
        );
    }

    #[test]
    fn a_failure_is_a_status() {
        assert_eq!(status(true, "no"), br#"{"message":"no"}"#);
        assert_eq!(status(false, "no"), b"\x12\x02no");
    }
}
