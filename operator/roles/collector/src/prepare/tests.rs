//! Deliveries, and what is made of them.

use std::sync::LazyLock;

use formats::Format;
use serde_json::Value;

use super::*;

const AT: Time = Time::from_millis(1_734_690_600_123);

fn delivery(body: &[u8]) -> Delivery<'_> {
    static READER: LazyLock<Reader> = LazyLock::new(|| Reader::plain(Format::Webhook).unwrap());
    static TENANTS: LazyLock<Tenants> = LazyLock::new(|| Tenants::one(Namespace::default_namespace()));
    Delivery {
        source: "webhook",
        reader: &READER,
        tenants: &TENANTS,
        headers: &[],
        signed_name: None,
        received_at: AT,
        first_id: Ulid::from_parts(1_734_690_600_123, 7),
        key: None,
        traceparent: "",
        body,
    }
}

fn made(body: &str) -> Prepared {
    prepare(&delivery(body.as_bytes()), &Redactor::new().unwrap()).unwrap()
}

fn events(prepared: &Prepared) -> Vec<Value> {
    let [events] = prepared.events.as_slice() else {
        panic!("one namespace")
    };
    let starts = std::iter::once(&0).chain(&events.ends);
    let slices = starts
        .zip(&events.ends)
        .map(|(start, end)| &events.json[*start..*end]);
    slices.map(|json| serde_json::from_slice(json).unwrap()).collect()
}

#[test]
fn ids_sort_as_the_items_do() {
    let prepared = made(r#"[{"source":"a","message":"m"},{},{"source":"b","message":"m"}]"#);
    let first = prepared.first_id;
    let events = events(&prepared);
    assert_eq!(events[0]["id"], item_id(first, 0).to_string());
    assert_eq!(prepared.letters[0].id, item_id(first, 1).to_string());
    assert_eq!(events[1]["id"], item_id(first, 2).to_string());
    assert!(events[0]["id"].as_str() < events[1]["id"].as_str());
    assert_eq!(item_id(first, 2).timestamp_ms(), 1_734_690_600_123);
}

#[test]
fn data_beyond_the_bound_is_stored_apart_redacted() {
    let large = format!(
        r#"{{"source":"a","message":"m","metadata":{{"password":"p","x":"{}"}}}}"#,
        "x".repeat(140_000)
    );
    let prepared = made(&large);
    let (events, id) = (events(&prepared), item_id(prepared.first_id, 0).to_string());
    assert_eq!((events.len(), events[0].get("data")), (1, None));
    assert_eq!(events[0]["dataRef"], format!("payloads/{id}"));
    let [payload] = prepared.payloads.as_slice() else {
        panic!("one payload")
    };
    assert_eq!((&payload.name, prepared.changes.data_apart), (&id, 1));
    assert!(payload.json.starts_with(r#"{"password":"[redacted]","x":"xxx"#) && payload.json.len() > 140_000);
    assert_eq!(made(&large.replace("metadata", "message_")).accepted, 1);
}

#[test]
fn an_event_too_large_without_its_data_is_a_dead_letter() {
    // Each control character takes six bytes as JSON.
    let value = "\\u0001".repeat(256);
    let labels: Vec<_> = (0..64)
        .map(|index| format!(r#""l{index:060}":"{value}""#))
        .collect();
    let body = format!(
        r#"[{{"labels":{{"alertname":"A",{}}},"annotations":{{"description":"{}"}}}}]"#,
        labels.join(","),
        "\\u0001".repeat(8192)
    );
    let alerts = Delivery {
        reader: &Reader::plain(Format::Alertmanager).unwrap(),
        ..delivery(body.as_bytes())
    };
    let prepared = prepare(&alerts, &Redactor::new().unwrap()).unwrap();
    assert_eq!(prepared.accepted, 0);
    assert_eq!(prepared.events[0].json, b"");
    assert_eq!(
        (prepared.rejected[0].reason, prepared.letters.len()),
        ("EventTooLarge", 1)
    );
}

#[test]
fn a_shared_event_goes_into_all_namespaces_or_into_none() {
    let yaml = format!(
        "{{name: a, format: webhook, shared: true, allowedNamespaces: [a, {}]}}",
        "b".repeat(60)
    );
    let shared = Tenants::of(&serde_yaml::from_str(&yaml).unwrap());
    let redactor = Redactor::new().unwrap();
    // Each control character takes six bytes as JSON, so that an event can come near to its bound.
    let value = "\\u0001".repeat(256);
    let labels: Vec<_> = (0..64).map(|n| format!(r#""l{n:02}":"{value}""#)).collect();
    let body = |controls: usize| {
        let message = format!("m{}", "\\u0001".repeat(controls));
        format!(
            r#"{{"source":"s","message":"{message}","labels":{{{}}}}}"#,
            labels.join(",")
        )
    };
    let fits = |controls: usize| {
        prepare(&delivery(body(controls).as_bytes()), &redactor)
            .unwrap()
            .accepted
            == 1
    };
    let (mut most, mut too_many) = (0, 8000);
    assert!(fits(most) && !fits(too_many));
    while too_many - most > 1 {
        let middle = usize::midpoint(most, too_many);
        *if fits(middle) { &mut most } else { &mut too_many } = middle;
    }
    // It fits into `default`, and so into `a`, and not with the longer name.
    for (controls, accepted) in [(most, 0), (most - 20, 1)] {
        let body = body(controls);
        let of_shared = Delivery {
            tenants: &shared,
            ..delivery(body.as_bytes())
        };
        let prepared = prepare(&of_shared, &redactor).unwrap();
        let copies: Vec<_> = prepared.events.iter().map(Encoded::len).collect();
        assert_eq!((prepared.accepted, copies), (accepted, vec![accepted; 2]));
    }
}

#[test]
fn a_few_bytes_do_not_become_gigabytes_of_events() {
    let names: Vec<_> = (0..100).map(|n| format!("n{n}")).collect();
    let yaml = format!(
        "{{name: a, format: webhook, shared: true, allowedNamespaces: [{}]}}",
        names.join(",")
    );
    let shared = Tenants::of(&serde_yaml::from_str(&yaml).unwrap());
    let made = |items: usize| {
        let body = format!("[{}]", vec![r#"{"source":"s","message":"m"}"#; items].join(","));
        let of_shared = Delivery {
            tenants: &shared,
            ..delivery(body.as_bytes())
        };
        prepare(&of_shared, &Redactor::new().unwrap()).map(|prepared| prepared.accepted)
    };
    assert_eq!(made(256), Ok(256));
    assert_eq!(made(5000), Err(TooMuch));
}

#[test]
fn the_letter_of_an_event_lies_in_the_namespace_that_the_event_named() {
    let yaml =
        "{name: a, format: webhook, namespaceFrom: {field: labels.tenant}, allowedNamespaces: [shop, bank]}";
    let named = Tenants::of(&serde_yaml::from_str(yaml).unwrap());
    let value = "\\u0001".repeat(256);
    let labels: Vec<_> = (0..63).map(|n| format!(r#""l{n:02}":"{value}""#)).collect();
    let body = format!(
        r#"{{"source":"s","message":"m{}","labels":{{"tenant":"bank",{}}}}}"#,
        "\\u0001".repeat(8000),
        labels.join(",")
    );
    let of_bank = Delivery {
        tenants: &named,
        ..delivery(body.as_bytes())
    };
    let prepared = prepare(&of_bank, &Redactor::new().unwrap()).unwrap();
    let [letter] = prepared.letters.as_slice() else {
        panic!("one letter")
    };
    assert_eq!(
        (letter.reason.as_str(), letter.namespace.as_str()),
        ("EventTooLarge", "bank")
    );
}

#[test]
fn bad_items_beyond_a_hundred_are_refused_without_a_letter() {
    let prepared = made(&format!("[{}]", vec!["{}"; 150].join(",")));
    assert_eq!(prepared.letters.len(), MAX_DEAD_LETTERS);
    assert_eq!(prepared.count(Outcome::DeadLettered), 100);
    assert_eq!(prepared.count(Outcome::Refused), 50);
    assert_eq!((prepared.received, prepared.accepted), (150, 0));
}

#[test]
fn a_letter_holds_a_bounded_part_of_what_came() {
    let prepared = made(&format!(r#"{{"source":"{}"#, "ä".repeat(100_000)));
    assert_eq!(prepared.readable, Readable::No);
    let [letter] = prepared.letters.as_slice() else {
        panic!("one letter")
    };
    assert!(letter.payload.len() <= DEAD_PAYLOAD_BYTES && letter.payload.len() > DEAD_PAYLOAD_BYTES - 4);
    assert_eq!(
        (letter.at, letter.item, letter.reason.as_str()),
        (AT, None, "InvalidJson")
    );
    let bytes = prepare(&delivery(b"\xff\xfe{}"), &Redactor::new().unwrap()).unwrap();
    assert_eq!(bytes.letters[0].payload, "\u{fffd}\u{fffd}{}");
}

#[test]
fn the_senders_key_and_trace_are_kept() {
    let body = br#"[{"source":"a","message":"m"},{"source":"b","message":"m"}]"#;
    let keyed = Delivery {
        key: Some("k"),
        traceparent: "00-1-1-01",
        ..delivery(body)
    };
    let events = events(&prepare(&keyed, &Redactor::new().unwrap()).unwrap());
    assert_eq!(
        (&events[1]["deliveryKey"], &events[1]["traceparent"]),
        (&"k#1".into(), &"00-1-1-01".into())
    );
}

#[test]
fn secrets_reach_neither_events_nor_letters_nor_answers() {
    let prepared = made(
        r#"[{"source":"a","message":"login with password=hunter2 failed","metadata":{"password":"hunter2"}},
            {"source":"a","message":"m","status":"password=hunter2","metadata":{"password":"hunter2"}},
            {"source":"a","message":"m","timestamp":"token=hunter2-is-no-time"}]"#,
    );
    assert_eq!((prepared.accepted, prepared.letters.len()), (1, 2));
    assert!(prepared.changes.redactions >= 2, "{:?}", prepared.changes);
    let everything = format!(
        "{}{prepared:?}",
        String::from_utf8_lossy(&prepared.events[0].json)
    );
    assert!(everything.contains("[redacted]"));
    assert!(!everything.contains("hunter2"), "{everything}");
}

#[test]
fn an_event_has_what_its_texts_state_and_no_secret_becomes_a_fact() {
    let prepared = made(
        r#"[{"source":"a","message":"Act immediately: 97.5% on web-1.example.com"},
            {"source":"a","message":"password=hunter2.example.com token=123456789012 on https://u:p4ss.example.com@db-1.example.com/"},
            {"source":"a","message":"nothing of note","dimensions":{"urgency":"Immediate"}}]"#,
    );
    let events = events(&prepared);
    assert_eq!(
        events[0]["dimensions"],
        serde_json::json!({"urgency": "Immediate", "hosts": ["web-1.example.com"], "amounts": [{"value": 97.5, "unit": "%"}]})
    );
    assert_eq!(
        events[1]["dimensions"],
        serde_json::json!({"hosts": ["db-1.example.com"]})
    );
    assert_eq!(events[2].get("dimensions"), None, "a sender states none by name");
}
