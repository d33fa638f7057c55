//! Log records in both encodings: what they become, what bounds them, and what takes no other along.

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

fn encoded<'a, T: serde::Deserialize<'a> + prost::Message>(raw: &'a RawValue) -> Vec<u8> {
    serde_json::from_str::<T>(raw.get()).unwrap().encode_to_vec()
}

/// A request in JSON as one in protobuf.
fn as_protobuf(text: &str) -> Vec<u8> {
    let request: json::Request<'_> = serde_json::from_str(text).unwrap();
    let scoped = |scoped: json::ScopeLogs<'_>| wire::ScopeLogs {
        scope: scoped.scope.map(encoded::<Scope>),
        log_records: scoped.log_records.map_or(Vec::new(), |Elements(records)| {
            records.into_iter().map(encoded::<LogRecord>).collect()
        }),
    };
    let logs = |logs: json::ResourceLogs<'_>| wire::ResourceLogs {
        resource: logs.resource.map(encoded::<Resource>),
        scope_logs: logs.scope_logs.into_iter().map(scoped).collect(),
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
        ["source.name", "service.name", "scope.name", "template(body)"]
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

/// A request in protobuf of these records alone.
fn request_of(log_records: Vec<Vec<u8>>) -> Vec<u8> {
    let scope_logs = vec![wire::ScopeLogs {
        scope: None,
        log_records,
    }];
    let resource_logs = vec![wire::ResourceLogs {
        resource: None,
        scope_logs,
    }];
    wire::Request { resource_logs }.encode_to_vec()
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
    let body = request_of(log_records);
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

/// A request of resources, each with a scope and so many empty records.
fn request(parts: &[(&[u8], &[u8])], records: usize) -> Vec<u8> {
    let logs = |(resource, scope): &(&[u8], &[u8])| wire::ResourceLogs {
        resource: Some(resource.to_vec()),
        scope_logs: vec![wire::ScopeLogs {
            scope: Some(scope.to_vec()),
            log_records: vec![Vec::new(); records],
        }],
    };
    let resource_logs = parts.iter().map(logs).collect();
    wire::Request { resource_logs }.encode_to_vec()
}

/// What each record says of why it was refused; empty for one that was taken.
fn refusals(body: &[u8], headers: &[(&str, &str)]) -> Vec<String> {
    let refused = |item: Item<'_>| item.result.err().map(|refusal| refusal.message);
    let items = items(body, headers).into_iter();
    items.map(|item| refused(item).unwrap_or_default()).collect()
}

#[test]
fn a_resource_or_scope_that_cannot_be_read_refuses_its_own_records_only() {
    let logs = |resource: &str, scope: &str| {
        format!(
            r#"{{"resource":{resource},"scopeLogs":[{{"scope":{scope},"logRecords":[{{}}]}},{{"logRecords":[{{}}]}}]}}"#
        )
    };
    let bad_scope = logs("{}", r#"{"name":[1]}"#);
    let json = [logs("{}", "{}"), logs(r#"{"attributes":7}"#, "{}"), bad_scope].join(",");
    let json = format!(r#"{{"resourceLogs":[{json}]}}"#);
    let why = refusals(json.as_bytes(), &[]);
    let resource = "its resource cannot be read: invalid type: integer `7`, expected a sequence at line 1 column 15; \
                    mend it where the resource is set";
    assert_eq!(why[2], format!("logRecords[2]: {resource}"));
    assert_eq!(why[3], format!("logRecords[3]: {resource}"));
    assert!(
        why[4].starts_with("logRecords[4]: its scope cannot be read: "),
        "{}",
        why[4]
    );
    assert_eq!([&why[0], &why[1], &why[5]], [""; 3]);
    // A name (field 1) that is not UTF-8.
    let bad = b"\x0a\x01\xff";
    let protobuf = request(&[(b"", b""), (bad, b""), (b"", bad)], 1);
    let why = refusals(&protobuf, &PROTOBUF);
    assert_eq!(why[0], "");
    assert!(
        why[1].starts_with("logRecords[1]: its resource cannot be read: "),
        "{}",
        why[1]
    );
    assert!(
        why[2].starts_with("logRecords[2]: its scope cannot be read: "),
        "{}",
        why[2]
    );
    assert_eq!(texts(input(&protobuf, &PROTOBUF)), ["{}"; 3]);
    let long = format!(
        r#"{{"resourceLogs":[{}]}}"#,
        logs(&format!("{:?}", "x ".repeat(9000)), "{}")
    );
    assert!(refusals(long.as_bytes(), &[]).iter().all(|why| why.len() < 400));
}

#[test]
fn null_stands_for_what_is_not_set() {
    for empty in ["{ }", r#"{"resourceLogs":null}"#, r#"{"resourceLogs":[null]}"#] {
        assert_eq!(refusals(empty.as_bytes(), &[]), [""; 0], "{empty}");
    }
    let record = r#"{"attributes":[null],"body":{"arrayValue":{"values":[null,{"intValue":1}]}}}"#;
    let logs = format!(
        r#"{{"resourceLogs":[null,{{"resource":null,"scopeLogs":[null,{{"scope":null,"logRecords":[null,{record}]}}]}}]}}"#
    );
    assert_eq!(refusals(logs.as_bytes(), &[]), ["", ""]);
    let map = with(
        r#""body":{"kvlistValue":{"values":[null,{"key":"message","value":"m"}]}}"#,
        "",
    );
    assert_eq!(map.title, "m");
}

#[test]
fn a_body_of_zero_stays_in_data() {
    let event = with(r#""severityNumber":0,"body":{"intValue":"0"}"#, "");
    assert_eq!(event.data.unwrap().get(), r#"{"body":0,"scope":{"name":"lib"}}"#);
}

#[test]
fn what_the_records_of_a_request_repeat_is_bounded() {
    let attributes: Vec<_> = (0..60)
        .map(|n| attribute(&format!("a{n}"), &"v".repeat(100)))
        .collect();
    let part = format!(r#"{{"attributes":[{}]}}"#, attributes.join(","));
    let part = RawValue::from_string(part).unwrap();
    let body = request(
        &[(&encoded::<Resource>(&part), &encoded::<Scope>(&part))],
        MAX_ITEMS,
    );
    assert!(body.len() < 30_000);
    let events = items(&body, &PROTOBUF).into_iter().map(|item| {
        let event = item.result.unwrap();
        let labels: usize = event
            .labels
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        (
            labels,
            item.labels_cut,
            event.data.map_or(0, |data| data.get().len()),
        )
    });
    let events: Vec<_> = events.collect();
    let (labels, cut, data) = events[0];
    assert!(labels > 6000 && cut == 0 && data > 12_000, "{:?}", events[0]);
    let (labels, cut, data) = events[MAX_ITEMS - 1];
    assert!(
        labels == 0 && cut == 60 && data < 100,
        "{:?}",
        events[MAX_ITEMS - 1]
    );
    let all: usize = events.iter().map(|(labels, _, data)| labels + data).sum();
    assert!(all < 11 << 20, "{all}");
    let texts = texts(input(&body, &PROTOBUF));
    assert!(texts.iter().map(|text| text.len()).sum::<usize>() < 3 << 20);
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
    let body = request_of(log_records);
    let refusal = items(&body, &PROTOBUF).remove(0).result.unwrap_err();
    assert!(refusal.message.contains("recursion"), "{refusal}");
}

#[test]
fn more_records_than_allowed_are_counted_before_they_are_read() {
    let log_records = vec![Vec::new(); MAX_ITEMS + 1];
    let body = request_of(log_records);
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
