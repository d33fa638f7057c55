//! The answer to a request whose items were looked at: how many, and what became of those that were not accepted.
//!
//! Written by hand, because it is written for every request: the shape is fixed and only messages need escaping.

mod vendor;

use std::io::Write;

use bytes::Bytes;
use formats::Format;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use crate::gate::Durability;
use crate::outcome::Outcome;
use crate::prepare::{Delivery, Prepared, Readable, Rejected, item_id};

/// Which items an answer lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// Those that were not accepted.
    NotAccepted,
    /// All: `?items=all`.
    All,
}

impl Listing {
    /// What the query asks for.
    pub(crate) fn of_query(query: Option<&str>) -> Self {
        let all = query.is_some_and(|query| query.split('&').any(|pair| pair == "items=all"));
        if all { Self::All } else { Self::NotAccepted }
    }
}

/// 202 when anything was accepted or nothing was sent, 400 when the body was no items, 422 when none was accepted.
pub(crate) fn status(prepared: &Prepared) -> StatusCode {
    match prepared.readable {
        Readable::No => StatusCode::BAD_REQUEST,
        Readable::Yes if prepared.received > 0 && prepared.accepted == 0 => StatusCode::UNPROCESSABLE_ENTITY,
        Readable::Yes => StatusCode::ACCEPTED,
    }
}

/// The answer to a delivery, once everything is stored, as its format's clients read it.
pub(crate) fn to(
    delivery: &Delivery<'_>,
    prepared: &Prepared,
    durability: Durability,
    listing: Listing,
) -> Response<Full<Bytes>> {
    match delivery.reader.format() {
        Format::PagerDuty => vendor::pagerduty(prepared, delivery.body),
        Format::Otlp => vendor::otlp(prepared, delivery.headers),
        _ => response(prepared, durability, listing),
    }
}

fn response(prepared: &Prepared, durability: Durability, listing: Listing) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body(prepared, durability, listing))));
    *response.status_mut() = status(prepared);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn body(prepared: &Prepared, durability: Durability, listing: Listing) -> Vec<u8> {
    // Counts and frame take 100 bytes, a listed item about 150.
    let mut json = Vec::with_capacity(128 + 160 * prepared.rejected.len());
    json.extend_from_slice(b"{\"durability\":\"");
    json.extend_from_slice(durability.as_str().as_bytes());
    json.push(b'"');
    number(&mut json, ",\"received\":", prepared.received);
    number(&mut json, ",\"accepted\":", prepared.accepted);
    number(
        &mut json,
        ",\"deadLettered\":",
        prepared.count(Outcome::DeadLettered),
    );
    number(&mut json, ",\"refused\":", prepared.count(Outcome::Refused));
    if prepared.changes.labels_cut > 0 {
        number(&mut json, ",\"labelsCut\":", prepared.changes.labels_cut);
    }
    json.extend_from_slice(b",\"items\":[");
    let mut rejected = prepared.rejected.iter().peekable();
    match listing {
        Listing::NotAccepted => rejected.for_each(|item| list(&mut json, item.index, Some(item), prepared)),
        Listing::All => {
            for index in 0..prepared.received {
                let item = rejected.next_if(|item| item.index == index);
                list(&mut json, index, item, prepared);
            }
        }
    }
    json.extend_from_slice(b"]}");
    json
}

/// Lists one item; `rejected` is `None` for an accepted one.
fn list(json: &mut Vec<u8>, index: usize, rejected: Option<&Rejected>, prepared: &Prepared) {
    if json.last() != Some(&b'[') {
        json.push(b',');
    }
    number(json, "{\"index\":", index);
    let outcome = rejected.map_or(Outcome::Accepted, |item| item.outcome);
    text(json, ",\"outcome\":", outcome.as_str());
    if let Some(item) = rejected {
        text(json, ",\"reason\":", item.reason);
        text(json, ",\"message\":", &item.message);
    }
    // A refused item has left nothing behind that an id could name.
    if outcome != Outcome::Refused {
        let mut id = [0; ulid::ULID_LEN];
        text(
            json,
            ",\"id\":",
            item_id(prepared.first_id, index).array_to_str(&mut id),
        );
    }
    json.push(b'}');
}

fn number(json: &mut Vec<u8>, name: &str, number: usize) {
    json.extend_from_slice(name.as_bytes());
    // Writing to a vector does not fail.
    let _ = write!(json, "{number}");
}

fn text(json: &mut Vec<u8>, name: &str, text: &str) {
    json.extend_from_slice(name.as_bytes());
    // A string always encodes.
    let _ = serde_json::to_writer(json, text);
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::prepare::Changes;

    fn prepared(good: usize, rejected: Vec<Rejected>) -> Prepared {
        Prepared {
            readable: Readable::Yes,
            received: good + rejected.len(),
            first_id: Ulid(1),
            payloads: Vec::new(),
            accepted: good,
            events: Vec::new(),
            rejected,
            letters: Vec::new(),
            changes: Changes::default(),
        }
    }

    fn bad(index: usize, outcome: Outcome) -> Rejected {
        Rejected {
            index,
            outcome,
            reason: "MissingField",
            message: "a \"b\"".to_owned(),
        }
    }

    fn told(prepared: &Prepared, listing: Listing) -> String {
        String::from_utf8(body(prepared, Durability::PageCache, listing)).unwrap()
    }

    #[test]
    fn what_was_not_accepted_is_listed_with_reason_and_id() {
        let prepared = prepared(1, vec![bad(1, Outcome::DeadLettered), bad(2, Outcome::Refused)]);
        assert_eq!(
            told(&prepared, Listing::NotAccepted),
            r#"{"durability":"page-cache","received":3,"accepted":1,"deadLettered":1,"refused":1,"items":["#
                .to_owned()
                + r#"{"index":1,"outcome":"DeadLettered","reason":"MissingField","message":"a \"b\"","#
                + r#""id":"00000000000000000000000002"},"#
                + r#"{"index":2,"outcome":"Refused","reason":"MissingField","message":"a \"b\""}]}"#
        );
    }

    #[test]
    fn all_items_are_listed_in_order_when_asked_for() {
        let prepared = prepared(2, vec![bad(1, Outcome::DeadLettered)]);
        let answer: serde_json::Value = serde_json::from_str(&told(&prepared, Listing::All)).unwrap();
        let listed: Vec<_> = answer["items"].as_array().unwrap().iter().collect();
        assert_eq!(listed.len(), 3);
        assert_eq!(
            listed[0].to_string(),
            r#"{"id":"00000000000000000000000001","index":0,"outcome":"Accepted"}"#
        );
        assert_eq!(listed[1]["outcome"], "DeadLettered");
        assert_eq!(listed[2]["id"], "00000000000000000000000003");
    }

    #[test]
    fn the_query_asks_for_all_items_by_name() {
        assert_eq!(Listing::of_query(Some("x=1&items=all")), Listing::All);
        for query in [None, Some(""), Some("items=al"), Some("xitems=all")] {
            assert_eq!(Listing::of_query(query), Listing::NotAccepted);
        }
    }

    #[test]
    fn an_empty_batch_is_accepted_and_a_batch_without_a_good_item_is_not() {
        assert_eq!(status(&prepared(0, Vec::new())), StatusCode::ACCEPTED);
        assert_eq!(
            status(&prepared(1, vec![bad(1, Outcome::DeadLettered)])),
            StatusCode::ACCEPTED
        );
        assert_eq!(
            status(&prepared(0, vec![bad(0, Outcome::DeadLettered)])),
            StatusCode::UNPROCESSABLE_ENTITY
        );
        let unreadable = Prepared {
            readable: Readable::No,
            ..prepared(0, vec![bad(0, Outcome::DeadLettered)])
        };
        assert_eq!(status(&unreadable), StatusCode::BAD_REQUEST);
    }
}
