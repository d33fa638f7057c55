//! Whole bodies: what refuses one, what a batch bears, and the properties that hold for every event.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's helpers are tests"
)]

use domain::event::{EventState, bounds};
use domain::time::Time;
use formats::{Format, Input, Item, MAX_DEPTH, MAX_ITEMS, Reader, Reason, Refusal};
use proptest::prelude::*;

const RECEIVED_AT: Time = Time::from_millis(1_734_690_605_000);

fn reader(format: Format) -> &'static Reader {
    Box::leak(Box::new(Reader::plain(format).unwrap()))
}

fn input(body: &[u8]) -> Input<'_> {
    Input {
        body,
        headers: &[],
        received_at: RECEIVED_AT,
        source: "test",
    }
}

fn items(format: Format, body: &[u8]) -> Result<Vec<Item<'_>>, Refusal> {
    reader(format).parse(input(body)).map(Iterator::collect)
}

fn only(format: Format, body: &str) -> Item<'_> {
    let mut items = items(format, body.as_bytes()).unwrap();
    assert_eq!(items.len(), 1);
    items.remove(0)
}

#[test]
fn a_body_that_cannot_be_read_is_refused_as_a_whole() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    let many = format!("[{}1]", "1,".repeat(MAX_ITEMS));
    let cases: [(Format, &[u8], Reason); 14] = [
        (Format::Webhook, b"", Reason::EmptyBody),
        (Format::Alertmanager, b" \r\n", Reason::EmptyBody),
        (Format::Webhook, b"{\"source\":\"\xc3\"}", Reason::InvalidUtf8),
        (Format::Webhook, b"source=x&message=y", Reason::InvalidJson),
        (
            Format::Webhook,
            b"{\"source\":\"x\",\"message\":\"y\"",
            Reason::InvalidJson,
        ),
        (Format::Webhook, b"{\"source\":\"x\"} {}", Reason::InvalidJson),
        (Format::Webhook, b"[{},", Reason::InvalidJson),
        (Format::Webhook, b"17", Reason::WrongShape),
        (Format::Webhook, deep.as_bytes(), Reason::TooDeep),
        (Format::Webhook, many.as_bytes(), Reason::TooManyItems),
        (Format::Alertmanager, many.as_bytes(), Reason::TooManyItems),
        (
            Format::Alertmanager,
            b"{\"status\":\"firing\"}",
            Reason::WrongShape,
        ),
        (Format::Alertmanager, b"{\"alerts\":{}}", Reason::WrongShape),
        (Format::Alertmanager, b"\"alerts\"", Reason::WrongShape),
    ];
    for (format, body, reason) in cases {
        let refusal = items(format, body).unwrap_err();
        let shown = String::from_utf8_lossy(body.get(..40).unwrap_or(body));
        assert_eq!(refusal.reason, reason, "{shown}: {refusal}");
    }
}

#[test]
fn bad_json_is_located_by_line_and_column() {
    let refusal = items(Format::Webhook, b"{\"source\":\"x\",\n \"message\": nope}").unwrap_err();
    assert_eq!(
        refusal.message,
        "not JSON: expected ident at line 2 column 14; check quotes, commas and escapes there"
    );
}

#[test]
fn a_body_nested_a_million_deep_takes_no_stack() {
    let deep = "[".repeat(1 << 20);
    for format in Format::ALL
        .into_iter()
        .filter(|format| *format != Format::Generic)
    {
        assert!(!items(format, deep.as_bytes()).unwrap_err().message.is_empty());
        let alerts = format!("{{\"x\":{deep}");
        assert!(items(format, alerts.as_bytes()).is_err());
    }
}

#[test]
fn as_many_items_as_allowed_are_taken() {
    let many = format!("[{}1]", "1,".repeat(MAX_ITEMS - 1));
    assert_eq!(items(Format::Webhook, many.as_bytes()).unwrap().len(), MAX_ITEMS);
}

#[test]
fn an_empty_batch_is_a_success_without_events() {
    for (format, body) in [
        (Format::Webhook, "[]"),
        (Format::Alertmanager, "[]"),
        (Format::Alertmanager, r#"{"alerts":[]}"#),
        (Format::Alertmanager, r#"{"alerts":null}"#),
    ] {
        assert_eq!(items(format, body.as_bytes()).unwrap().len(), 0, "{body}");
    }
}

/// Found by a fuzzer.
#[test]
fn a_refusal_does_not_quote_a_body_at_length() {
    let long = format!(r#"{{"sender":"{}"}}"#, "long words ".repeat(500));
    let headers = [("x-github-event", "push")];
    let asked = Input {
        headers: &headers,
        ..input(long.as_bytes())
    };
    let items = reader(Format::GitHub).parse(asked);
    let refused = items
        .and_then(|mut items| items.next().unwrap().result)
        .unwrap_err();
    assert!(refused.message.len() < 1000, "{refused:?}");
    assert!(
        refused.message.contains("expected an account at line 1"),
        "{refused:?}"
    );
}

#[test]
fn two_sources_do_not_share_problems() {
    const ALERTS: &str = r#"{"alerts":[{"labels":{"alertname":"A"}},{"labels":{"alertname":"A"},"fingerprint":"f"}],"externalURL":"http://am:9093"}"#;
    for (format, body) in [
        (Format::Alertmanager, ALERTS),
        (Format::Alertmanager, r#"[{"labels":{"alertname":"A"}}]"#),
        (Format::Grafana, ALERTS),
        (Format::Falco, r#"{"rule":"R"}"#),
        (Format::Webhook, r#"{"source":"s","message":"m"}"#),
        (Format::PagerDuty, r#"{"event_action":"resolve","dedup_key":"k"}"#),
        (Format::PagerDuty, r#"{"payload":{"summary":"s","source":"h"}}"#),
        (
            Format::CloudEvents,
            r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#,
        ),
        (
            Format::Otlp,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#,
        ),
    ] {
        let of = |source: &'static str| -> Vec<_> {
            let items = reader(format).parse(Input {
                source,
                ..input(body.as_bytes())
            });
            items.unwrap().map(|item| item.result.unwrap()).collect()
        };
        let (europe, america) = (of("eu"), of("us"));
        assert!(!europe.is_empty(), "{format:?}");
        for (one, other) in europe.into_iter().zip(america) {
            assert_ne!(one.fingerprint, other.fingerprint, "{format:?}");
            assert_eq!(one.fingerprint_fields.0[0], "source.name", "{format:?}");
        }
    }
}

#[test]
fn an_item_keeps_its_own_text_for_a_dead_letter() {
    let body = br#"{"alerts":[ {"labels":{"alertname":"A"}} , {"labels": {}} ]}"#;
    let raws = reader(Format::Alertmanager).texts(input(body));
    assert_eq!(raws, [r#"{"labels":{"alertname":"A"}}"#, r#"{"labels": {}}"#]);
}

#[test]
fn binary_data_that_is_no_text_is_its_items_text_all_the_same() {
    let headers = [
        ("content-type", "image/png"),
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-type", "t"),
    ];
    for (body, text) in [(b"\xffPNG".as_slice(), "\u{fffd}PNG"), (b"", "")] {
        let input = Input {
            headers: &headers,
            ..input(body)
        };
        let reader = reader(Format::CloudEvents);
        let mut items = reader.parse(input).unwrap();
        assert!(items.next().unwrap().result.is_err(), "no source");
        assert_eq!(reader.texts(input), [text]);
    }
}

#[test]
fn texts_and_labels_are_cut_to_the_bounds_and_the_cut_is_counted() {
    let long = "ß".repeat(6000);
    let labels: Vec<_> = (0..80).map(|n| format!("\"l{n:02}\":\"v\"")).collect();
    let body = format!(
        r#"{{"source":"{long}","message":"{long}","host":"{long}","labels":{{{},"x":"{long}"}}}}"#,
        labels.join(",")
    );
    let item = only(Format::Webhook, &body);
    let event = item.result.unwrap();
    assert_eq!(event.title.chars().count(), bounds::TITLE_CHARS);
    assert_eq!(event.description.len(), bounds::DESCRIPTION_BYTES);
    assert_eq!(event.host.len(), bounds::LABEL_VALUE_BYTES);
    assert_eq!(event.source.reported.len(), bounds::LABEL_VALUE_BYTES);
    assert_eq!((event.labels.len(), item.labels_cut), (bounds::LABELS, 17));
}

#[test]
fn half_a_letter_costs_no_item() {
    let resolved = r#"{"alerts":[{"status":"resolved","labels":{"alertname":"A"},"annotations":{"summary":"cut \ud83d"}}]}"#;
    let event = only(Format::Alertmanager, resolved).result.unwrap();
    assert_eq!(event.state, EventState::Resolved);
    assert_eq!(event.data.unwrap().get(), r#"{"summary":"cut \ufffd"}"#);
    assert_eq!(
        reader(Format::Alertmanager)
            .texts(input(resolved.as_bytes()))
            .len(),
        1
    );
    let detail = r#"{"source":"a","detail-type":"b","detail":"{\"text\":\"cut \\ud83d\"}"}"#;
    let event = only(Format::EventBridge, detail).result.unwrap();
    assert_eq!(event.data.unwrap().get(), r#"{"text":"cut \ufffd"}"#);
}

#[test]
fn a_backslash_in_what_is_no_json_is_one() {
    let headers = [
        ("content-type", "text/plain"),
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
    ];
    let input = Input {
        headers: &headers,
        ..input(br"\ud83d")
    };
    let event = reader(Format::CloudEvents)
        .parse(input)
        .unwrap()
        .next()
        .unwrap()
        .result
        .unwrap();
    assert_eq!(event.data.unwrap().get(), r#""\\ud83d""#);
}

#[test]
fn data_over_several_lines_becomes_one_line() {
    let body = "{\"source\":\"s\",\"message\":\"m\",\"metadata\":{\n  \"b\": 1,\r\n  \"a\": \"x  y\"\n}}";
    let event = only(Format::Webhook, body).result.unwrap();
    assert_eq!(event.data.unwrap().get(), r#"{"a":"x  y","b":1}"#);
}

#[test]
fn what_fields_leave_over_of_annotations_stays_in_data() {
    let annotations = format!(
        r#"{{"summary":"s","description":"{}","message":"m","runbook_url":"https://a/","runbook":"see the wiki","n":[1]}}"#,
        "d".repeat(2 * bounds::DESCRIPTION_BYTES)
    );
    let body = format!(r#"[{{"labels":{{"alertname":"A"}},"annotations":{annotations}}}]"#);
    let event = only(Format::Alertmanager, &body).result.unwrap();
    assert!(event.description.len() <= bounds::DESCRIPTION_BYTES);
    assert_eq!(event.links.get("runbook"), Some("https://a/"));
    assert_eq!(event.data.unwrap().get(), annotations);
}

#[test]
fn a_name_in_the_body_and_in_its_metadata_keeps_both_values() {
    let body = r#"{"source":"s","message":"m","zone":"a","metadata":{"zone":"b"},"n":1,"n":2}"#;
    let event = only(Format::Webhook, body).result.unwrap();
    assert_eq!(event.data.unwrap().get(), r#"{"/zone":"a","n":2,"zone":"b"}"#);
}

#[test]
fn names_that_crowd_each_other_out_all_stay_and_do_not_grow() {
    let names = || (0..700).map(|slashes| format!("\"{}a\":{slashes}", "/".repeat(slashes)));
    let names = names().collect::<Vec<_>>().join(",");
    let body = format!(r#"{{"source":"s","message":"m",{names},"metadata":{{"/":0,{names}}}}}"#);
    let event = only(Format::Webhook, &body).result.unwrap();
    let data = event.data.unwrap();
    assert!(data.get().len() < body.len());
    let data: serde_json::Value = serde_json::from_str(data.get()).unwrap();
    let numbers = |value: &serde_json::Value| {
        let members = value.as_object().unwrap().values();
        members.filter(|value| value.is_number()).count()
    };
    assert_eq!(numbers(&data) + numbers(&data["//"]), 2 * 700 + 1);
}

#[test]
fn one_name_ten_thousand_times_is_one_member() {
    let again = r#","a":1"#.repeat(10_000);
    let body = format!(r#"{{"source":"s","message":"m","metadata":{{"a":0}}{again}}}"#);
    let event = only(Format::Webhook, &body).result.unwrap();
    assert_eq!(event.data.unwrap().get(), r#"{"/a":1,"a":0}"#);
}

#[test]
fn a_repeat_is_one_occurrence_and_a_new_start_another() {
    let key = |start: &str, status: &str| {
        let body = format!(
            r#"{{"externalURL":"http://am:9093","alerts":[{{"status":"{status}","fingerprint":"f1","startsAt":"{start}","labels":{{"alertname":"A"}}}}]}}"#
        );
        only(Format::Alertmanager, &body).result.unwrap().occurrence_key
    };
    let first = key("2024-12-20T10:00:00Z", "firing");
    assert_eq!(first, key("2024-12-20T11:00:00+01:00", "firing"));
    assert_eq!(first, key("2024-12-20T10:00:00Z", "resolved"));
    assert_ne!(first, key("2024-12-20T10:00:01Z", "firing"));
}

#[test]
fn only_formats_with_a_life_cycle_give_an_occurrence_key() {
    for (format, body, has_life_cycle) in [
        (Format::Webhook, r#"{"source":"s","message":"m"}"#, false),
        (Format::Alertmanager, r#"[{"labels":{"alertname":"A"}}]"#, true),
    ] {
        let event = only(format, body).result.unwrap();
        assert_eq!(!event.occurrence_key.is_absent(), has_life_cycle);
    }
}

#[test]
fn status_decides_and_the_group_and_the_end_only_where_it_is_silent() {
    let state = |group: &str, alert: &str| {
        let body = format!(r#"{{"status":"{group}","alerts":[{{"labels":{{"alertname":"A"}}{alert}}}]}}"#);
        only(Format::Alertmanager, &body).result.unwrap().state
    };
    assert_eq!(state("resolved", r#","status":"firing""#), EventState::Firing);
    assert_eq!(state("firing", r#","status":"RESOLVED""#), EventState::Resolved);
    assert_eq!(state("resolved", ""), EventState::Resolved);
    assert_eq!(
        state("firing", r#","endsAt":"2024-12-20T10:00:00Z""#),
        EventState::Resolved
    );
    assert_eq!(
        state("firing", r#","endsAt":"0001-01-01T00:00:00Z""#),
        EventState::Firing
    );
}

#[test]
fn a_resolve_is_never_older_than_its_start() {
    let body =
        r#"[{"labels":{"alertname":"A"},"startsAt":"2024-12-20T10:20:00Z","endsAt":"2024-12-20T10:10:00Z"}]"#;
    let event = only(Format::Alertmanager, body).result.unwrap();
    assert_eq!(
        (event.state, event.occurred_at.to_string().as_str()),
        (EventState::Resolved, "2024-12-20T10:20:00.000Z")
    );
}

fn label_sets() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::btree_map("[a-z\u{0}]{1,6}", "\\PC{1,12}", 1..8)
        .prop_map(|labels| labels.into_iter().collect())
}

fn posted(labels: &[(String, String)]) -> String {
    let pairs: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("{}:{}", serde_json::json!(name), serde_json::json!(value)))
        .collect();
    format!(r#"[{{"labels":{{"alertname":"A",{}}}}}]"#, pairs.join(","))
}

proptest! {
    #[test]
    fn the_fingerprint_of_labels_does_not_depend_on_their_order(
        labels in label_sets(),
        seed in any::<prop::sample::Index>(),
    ) {
        let mut turned = labels.clone();
        turned.rotate_left(seed.index(labels.len()));
        let (one, other) = (posted(&labels), posted(&turned));
        let one = only(Format::Alertmanager, &one).result.unwrap().fingerprint;
        prop_assert_eq!(one, only(Format::Alertmanager, &other).result.unwrap().fingerprint);
    }

    #[test]
    fn different_labels_have_different_fingerprints(one in label_sets(), other in label_sets()) {
        prop_assume!(one != other);
        let (one, other) = (posted(&one), posted(&other));
        let one = only(Format::Alertmanager, &one).result.unwrap().fingerprint;
        prop_assert_ne!(one, only(Format::Alertmanager, &other).result.unwrap().fingerprint);
    }

    #[test]
    fn an_item_means_the_same_alone_and_in_a_batch(
        message in "\\PC{1,40}",
        host in "[a-z0-9.:-]{0,20}",
        at in 1_000_000_000_u64..4_000_000_000,
    ) {
        let object = serde_json::json!({"source": "s", "message": message, "host": host, "timestamp": at});
        let (alone, batch) = (object.to_string(), format!("[17,{object}]"));
        let alone = only(Format::Webhook, &alone).result.ok();
        prop_assert!(alone.is_some() || message.trim().is_empty());
        prop_assert_eq!(alone, items(Format::Webhook, batch.as_bytes()).unwrap().remove(1).result.ok());
    }
}
