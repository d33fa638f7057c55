//! Mappings over small bodies: identity, life cycle, the shapes that answers may have, and what is refused.

use domain::event::{Event, EventState};
use domain::severity::Severity;
use domain::time::Time;
use proptest::prelude::*;

use super::*;
use crate::{Format, Reader, Settings, SettingsError};

const RECEIVED_AT: Time = Time::from_millis(1_734_690_605_000);

fn spec(fields: &[(&str, &str)]) -> MappingSpec {
    let json: serde_json::Map<_, _> = fields
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).into()))
        .collect();
    serde_json::from_value(json.into()).unwrap()
}

fn reader(fields: &[(&str, &str)]) -> Result<Reader, SettingsError> {
    let settings = Settings {
        mapping: Some(spec(fields)),
        ..Settings::default()
    };
    Reader::new(Format::Generic, &settings)
}

/// What an item becomes, and its text.
type Outcome = (Result<Event<'static>, String>, String);

/// What the items of a body become.
fn read(fields: &[(&str, &str)], headers: &[(&str, &str)], body: &str) -> Result<Vec<Outcome>, String> {
    let reader = reader(fields).unwrap();
    let input = Input {
        body: body.as_bytes(),
        headers,
        received_at: RECEIVED_AT,
        source: "src",
    };
    let items = reader.parse(input).map_err(|refusal| refusal.message)?;
    let texts = reader.texts(input);
    assert_eq!(items.len(), texts.len());
    let results = items.map(|item| {
        item.result
            .map(Event::into_owned)
            .map_err(|refusal| refusal.message)
    });
    Ok(results.zip(texts.into_iter().map(Cow::into_owned)).collect())
}

fn one(fields: &[(&str, &str)], body: &str) -> Result<Event<'static>, String> {
    read(fields, &[], body).unwrap().pop().unwrap().0
}

#[test]
fn a_body_is_one_item_and_a_list_is_a_batch() {
    let fields = [("title", "item.t")];
    let titles = |fields: &[(&str, &str)], body: &str| -> Vec<String> {
        let made = read(fields, &[], body).unwrap().into_iter();
        made.map(|(result, _)| result.map_or_else(|why| why, |event| event.title.into_owned()))
            .collect()
    };
    assert_eq!(titles(&fields, r#"{"t":"a"}"#), ["a"]);
    assert_eq!(titles(&fields, r#"[{"t":"a"},{"t":"b"}]"#), ["a", "b"]);
    assert_eq!(titles(&fields, "[]"), [""; 0]);
    assert_eq!(titles(&[("title", "body.t + item.t")], r#"{"t":"a"}"#), ["aa"]);
    let nested = r#"{"x":{"list":[{"t":"a"},5]},"all":"z"}"#;
    let fields = [("items", "body.x.list"), ("title", "item.t + body.all")];
    assert_eq!(
        titles(&fields, nested),
        ["az", "items[1]: a number, not an object"]
    );
    let computed = [
        ("items", "body.x.list.filter(x, type(x) == map) + [{'t': 'b'}]"),
        ("title", "item.t"),
    ];
    assert_eq!(titles(&computed, nested), ["a", "b"]);
}

#[test]
fn a_list_at_a_path_may_be_longer_than_what_expressions_see() {
    let list = vec![r#"{"t":"a"}"#; 1500].join(",");
    let body = format!(r#"{{"list":[{list}]}}"#);
    assert_eq!(
        read(&[("items", "body.list"), ("title", "item.t")], &[], &body)
            .unwrap()
            .len(),
        1500
    );
    let why = read(&[("items", "body.list + []"), ("title", "item.t")], &[], &body).unwrap_err();
    assert!(why.contains("name the list by a path alone"), "{why}");
}

#[test]
fn a_body_without_its_items_is_refused() {
    let refused = |body: &str| read(&[("items", "body.list"), ("title", "item.t")], &[], body).unwrap_err();
    assert!(refused("{}").starts_with("items: the body has nothing at the path"));
    let why = refused(r#"{"list":{}}"#);
    assert!(
        why.starts_with("items: an object is what mapping.items gives, not a list"),
        "{why}"
    );
    let computed = [("items", "{'a': body}"), ("title", "item.t")];
    assert_eq!(read(&computed, &[], "{}").unwrap_err(), why);
    let computed = [("items", "body.list.filter(x, true)"), ("title", "item.t")];
    let why = read(&computed, &[], "{}").unwrap_err();
    assert!(
        why.starts_with("mapping.items: No such key: list; mend the expression"),
        "{why}"
    );
    assert!(
        read(
            &[("items", "body.list"), ("title", "item.t")],
            &[],
            r#"{"list":null}"#
        )
        .unwrap()
        .is_empty()
    );
}

#[test]
fn one_deep_item_does_not_take_its_batch_along() {
    let deep = format!(r#"{{"t":"x","d":{}{}}}"#, "[".repeat(70), "]".repeat(70));
    let body = format!(r#"{{"list":[{{"t":"a"}},{deep}]}}"#);
    let made = read(&[("items", "body.list"), ("title", "item.t")], &[], &body).unwrap();
    assert!(made[0].0.is_ok());
    assert!(
        made[1]
            .0
            .as_ref()
            .unwrap_err()
            .starts_with("items[1]: nested deeper than")
    );
    assert!(
        read(&[("title", "body.t")], &[], &deep)
            .unwrap_err()
            .contains("nested deeper than")
    );
}

#[test]
fn a_path_that_leads_nowhere_is_absent_and_a_computation_is_refused() {
    let event = one(
        &[
            ("title", "body.t"),
            ("service", "body.a.b[3].c"),
            ("type", "body['x-y']"),
        ],
        r#"{"t":"t","a":"text"}"#,
    );
    let event = event.unwrap();
    assert_eq!((&*event.service, &*event.kind), ("", ""));
    let why = one(
        &[("title", "body.t"), ("service", "body.a + 'x'")],
        r#"{"t":"t"}"#,
    )
    .unwrap_err();
    assert_eq!(
        why,
        "mapping.service: No such key: a; mend the expression, with has(…) or .?…orValue(…) for what may be absent"
    );
    let optional = one(
        &[("title", "body.t"), ("service", "body.?a.?b")],
        r#"{"t":"t","a":{"b":"s"}}"#,
    );
    assert_eq!(optional.unwrap().service, "s");
}

#[test]
fn an_item_needs_a_title_or_a_type() {
    let fields = [("title", "body.t"), ("type", "body.y")];
    assert_eq!(one(&fields, r#"{"t":" ","y":"Disk"}"#).unwrap().title, "Disk");
    let why = one(&fields, "{}").unwrap_err();
    assert!(
        why.starts_with("mapping.title: missing or empty; send it"),
        "{why}"
    );
    assert_eq!(reader(&[("state", "body.s")]).unwrap_err().field, "mapping.title");
}

#[test]
fn a_mapping_that_is_not_usable_is_refused_by_its_field() {
    for (field, text, said) in [
        ("title", "body.", "line 1, column"),
        (
            "labels",
            "event.labels",
            "unknown name \"event\"; an expression here sees body, item, headers",
        ),
        (
            "items",
            "item.list",
            "unknown name \"item\"; an expression here sees body, headers",
        ),
        ("tags", "body.t.matches(body.x)", "in quotes"),
    ] {
        let error = reader(&[("type", "body.t"), (field, text)]).unwrap_err();
        assert_eq!(error.field, format!("mapping.{field}"));
        assert!(error.problem.contains(said), "{error}");
    }
    // That a function is unknown is known when it is called.
    let why = one(&[("type", "body.t"), ("endsAt", "now()")], r#"{"t":"t"}"#).unwrap_err();
    assert!(why.starts_with("mapping.endsAt: "), "{why}");
    let unknown: Result<MappingSpec, _> = serde_json::from_str(r#"{"titel":"body.t"}"#);
    assert!(unknown.unwrap_err().to_string().contains("titel"));
}

#[test]
fn a_state_is_a_word_and_an_ignored_item_is_no_item() {
    let fields = [("title", "'t'"), ("state", "item.s")];
    let made = read(
        &fields,
        &[],
        r#"[{"s":"OK"},{"s":"Ignore"},{},{"s":"info"},{"s":"odd"}]"#,
    )
    .unwrap();
    let states: Vec<_> = made
        .iter()
        .map(|(result, _)| result.as_ref().ok().map(|event| event.state))
        .collect();
    assert_eq!(
        states,
        [
            Some(EventState::Resolved),
            Some(EventState::Firing),
            Some(EventState::Info),
            None
        ]
    );
    let (why, text) = made.last().unwrap();
    let why = why.as_ref().unwrap_err();
    assert!(
        why.starts_with(r#"[4].mapping.state: "odd" is no known state; give one of firing, "#),
        "{why}"
    );
    assert!(why.ends_with(", or ignore"), "{why}");
    assert_eq!(text, r#"{"s":"odd"}"#);
}

#[test]
fn severity_is_a_word_or_a_number_and_says_where_it_came_from() {
    let severity = |text: &str, body: &str| {
        let event = one(&[("title", "'t'"), ("severity", text)], body).unwrap();
        let label = event.labels.get("severity").map(ToOwned::to_owned);
        (event.severity, event.severity_from.into_owned(), label)
    };
    assert_eq!(
        severity("body.a.p", r#"{"a":{"p":"P1"}}"#),
        (Severity::Critical, "a.p".to_owned(), None)
    );
    let by_number = "{'1': 'critical', '2': 'high'}[?string(body.n)]";
    assert_eq!(
        severity(by_number, r#"{"n":2}"#),
        (Severity::High, "n".to_owned(), None)
    );
    assert_eq!(
        severity(by_number, r#"{"n":9}"#),
        (Severity::Medium, "default".to_owned(), None)
    );
    assert_eq!(
        severity("body.p", r#"{"p":"purple"}"#),
        (Severity::Medium, "default".to_owned(), Some("purple".to_owned()))
    );
    assert_eq!(
        severity("'low'", "{}"),
        (Severity::Low, "mapping.severity".to_owned(), None)
    );
}

#[test]
fn the_fingerprint_is_of_the_given_values_within_what_the_source_says() {
    let print = |fingerprint: &str, source: &str, body: &str| {
        let event = one(
            &[
                ("title", "body.t"),
                ("fingerprint", fingerprint),
                ("source", source),
            ],
            body,
        )
        .unwrap();
        (event.fingerprint, event.fingerprint_fields.0.join(","))
    };
    let (a, names) = print("[body.id, body.?x]", "'v'", r#"{"t":"t","id":1}"#);
    assert_eq!(names, "source.name,source,id,x");
    assert_eq!(
        a,
        print("[body.id, body.?x]", "'v'", r#"{"t":"other","id":"1","x":null}"#).0
    );
    assert_ne!(a, print("[body.id, body.?x]", "'w'", r#"{"t":"t","id":1}"#).0);
    assert_ne!(
        a,
        print("[body.id, body.?x]", "'v'", r#"{"t":"t","id":1,"x":2}"#).0
    );
    let why = one(
        &[("title", "body.t"), ("fingerprint", "body.t2")],
        r#"{"t":"t","t2":[{}]}"#,
    )
    .unwrap_err();
    assert!(why.starts_with("mapping.fingerprint: an object in it"), "{why}");
}

#[test]
fn without_an_id_the_fingerprint_is_of_the_text() {
    for fields in [
        &[("title", "body.t")][..],
        &[("title", "body.t"), ("fingerprint", "body.id")][..],
    ] {
        let event = one(fields, r#"{"t":"disk 93% full"}"#).unwrap();
        assert_eq!(
            event.fingerprint_fields.0.join(","),
            "source.name,type,host,service,title"
        );
        assert_eq!(event.template, "disk <percent> full");
        let again = one(fields, r#"{"t":"disk 97% full"}"#).unwrap();
        assert_eq!(event.fingerprint, again.fingerprint);
        assert_ne!(
            event.fingerprint,
            one(fields, r#"{"t":"disk gone"}"#).unwrap().fingerprint
        );
    }
}

#[test]
fn a_life_cycle_is_there_where_the_mapping_gives_an_occurrence() {
    let fields = [
        ("title", "'t'"),
        ("fingerprint", "body.id"),
        ("occurrence", "body.start"),
        ("state", "body.s"),
    ];
    let key = |body: &str| one(&fields, body).unwrap().occurrence_key;
    let firing = key(r#"{"id":1,"start":5}"#);
    assert_eq!(firing, key(r#"{"id":1,"start":"5","s":"resolved"}"#));
    assert_ne!(firing, key(r#"{"id":1,"start":6}"#));
    assert_ne!(firing, key(r#"{"id":2,"start":5}"#));
    assert!(key(r#"{"id":1}"#).is_absent());
}

#[test]
fn a_delivery_key_tells_items_of_one_message_apart() {
    let keys = |key: &str, body: &str| -> Vec<String> {
        let fields = [
            ("items", "body.list"),
            ("title", "'t'"),
            ("deliveryKey", key),
            ("source", "'v'"),
        ];
        let made = read(&fields, &[], body).unwrap().into_iter();
        made.map(|(result, _)| result.unwrap().delivery_key.into_owned())
            .collect()
    };
    let body = r#"{"id":7,"list":[{"id":"a"},{"id":"b"}]}"#;
    assert_eq!(keys("item.id", body), ["generic:v:a", "generic:v:b"]);
    assert_eq!(keys("body.id", body), ["generic:v:7:0", "generic:v:7:1"]);
    assert_eq!(keys("body.absent", body), ["", ""]);
    let long = one(
        &[("title", "'t'"), ("deliveryKey", "body.id")],
        &format!(r#"{{"id":"{}"}}"#, "x".repeat(300)),
    );
    assert_eq!(long.unwrap().delivery_key.len(), "generic:".len() + 32);
}

#[test]
fn a_long_text_of_the_body_is_not_copied_for_any_number_of_items() {
    let fields = [
        ("items", "body.list"),
        ("title", "item.t"),
        ("description", "body.long"),
    ];
    let list = vec![r#"{"t":"t"}"#; 300].join(",");
    let body = format!(r#"{{"long":"{}","list":[{list}]}}"#, "x".repeat(1 << 19));
    let made = read(&fields, &[], &body).unwrap();
    let (taken, refused): (Vec<_>, Vec<_>) = made.into_iter().map(|(made, _)| made).partition(Result::is_ok);
    assert_eq!((taken.len(), refused.len()), (127, 173));
    for (index, refused) in (127..).zip(refused) {
        assert_eq!(
            refused.unwrap_err(),
            format!(
                "items[{index}].mapping.description: the answers for the items of this body are too long together; select \
                 less of it"
            )
        );
    }
}

#[test]
fn labels_come_in_any_shape_that_vendors_have() {
    let labels = |json: &str| {
        let body = format!(r#"{{"l":{json}}}"#);
        one(&[("title", "'t'"), ("labels", "body.l")], &body)
            .map(|event| serde_json::to_string(&event.labels).unwrap())
    };
    let expected = Ok(r#"{"env":"prod","n":"1"}"#.to_owned());
    for json in [
        r#"{"env":"prod","n":1,"none":null,"empty":""}"#,
        r#"[["env","prod"],["n",1]]"#,
        r#"[{"tag":"env","value":"prod"},{"key":"n","value":1},{"name":"x","value":""}]"#,
        r#"["env:prod","n=1","monitor"]"#,
        r#""env:prod, n:1 ,monitor""#,
        r#""{\"env\":\"prod\",\"n\":1}""#,
        r#""[{\"tag\":\"env\",\"value\":\"prod\"},{\"tag\":\"n\",\"value\":\"1\"}]""#,
    ] {
        assert_eq!(labels(json), expected, "{json}");
    }
    assert_eq!(labels("null"), Ok("{}".to_owned()));
    assert_eq!(
        labels(r#"{"a":["b","c"],"d":{"e":1}}"#),
        Ok(r#"{"a":"b,c","d":"{\"e\":1}"}"#.to_owned())
    );
    assert!(
        labels("5")
            .unwrap_err()
            .starts_with("mapping.labels: a number, not names with values")
    );
}

#[test]
fn agreed_labels_fill_what_has_no_expression() {
    let body = r#"{"l":{"env":"prod","team":"web","service":"shop","instance":"web-1:9100"},"e":""}"#;
    let fields = [("title", "'t'"), ("labels", "body.l")];
    let event = one(&fields, body).unwrap();
    assert_eq!(
        [&event.environment, &event.team, &event.service],
        ["prod", "web", "shop"]
    );
    assert_eq!((&*event.host, &*event.resource), ("web-1", "web-1:9100"));
    let event = one(
        &[
            fields[0],
            fields[1],
            ("environment", "body.e"),
            ("host", "'db:5432'"),
        ],
        body,
    )
    .unwrap();
    assert_eq!((&*event.environment, &*event.host), ("", "db"));
}

#[test]
fn tags_links_and_resources_are_brought_into_bounds() {
    let body = serde_json::json!({
        "tags": (0..60).map(|n| n.to_string()).collect::<Vec<_>>(),
        "hosts": (0..300).collect::<Vec<_>>(),
        "bad": "javascript:alert(1)",
    });
    let links = "{'ok': 'https://example.com/?a=1,2', 'bad': body.bad}";
    let fields = [
        ("title", "'t'"),
        ("tags", "body.tags"),
        ("resources", "body.hosts"),
        ("links", links),
    ];
    let event = one(&fields, &body.to_string()).unwrap();
    assert_eq!((event.tags.0.len(), event.resources.0.len()), (50, 200));
    assert_eq!(
        serde_json::to_string(&event.links).unwrap(),
        r#"{"ok":"https://example.com/?a=1,2"}"#
    );
    let why = one(&[("title", "'t'"), ("resources", "[{'id': 1}]")], "{}").unwrap_err();
    assert!(
        why.starts_with("mapping.resources: an object, not a list of texts"),
        "{why}"
    );
}

#[test]
fn times_are_read_in_any_notation_and_an_end_only_while_firing() {
    let fields = [
        ("title", "'t'"),
        ("occurredAt", "body.at"),
        ("endsAt", "body.end"),
        ("state", "body.s"),
    ];
    let times =
        |body: &str| one(&fields, body).map(|event| (event.occurred_at.millis(), event.ends_at.millis()));
    assert_eq!(
        times(r#"{"at":"1734690600000","end":"2024-12-20T10:40:00Z"}"#),
        Ok((1_734_690_600_000, 1_734_691_200_000))
    );
    assert_eq!(
        times(r#"{"end":1734691200,"s":"ok"}"#),
        Ok((RECEIVED_AT.millis(), 0))
    );
    assert_eq!(
        times(r#"{"at":1734690600.5,"end":1}"#),
        Ok((1_734_690_600_500, 0))
    );
    assert!(
        times(r#"{"at":"soon"}"#)
            .unwrap_err()
            .starts_with("mapping.occurredAt: \"soon\" is no time")
    );
}

#[test]
fn data_is_the_item_or_what_the_mapping_keeps_of_it() {
    let data = |text: &str, body: &str| {
        let event = one(&[("title", "'t'"), ("data", text)], body)?;
        Ok::<_, String>(event.data.map(|data| data.get().to_owned()))
    };
    let body = r#"{"d":{"n":12345678901234567890},"t":"x"}"#;
    assert_eq!(one(&[("title", "'t'")], body).unwrap().data.unwrap().get(), body);
    // As sent: a number beyond 64 bits would not survive an expression.
    assert_eq!(
        data("body.d", body),
        Ok(Some(r#"{"n":12345678901234567890}"#.to_owned()))
    );
    assert_eq!(data("{'t': body.t}", body), Ok(Some(r#"{"t":"x"}"#.to_owned())));
    assert_eq!(data("body.none", body), Ok(None));
    assert_eq!(
        data("body.t", body),
        Err("mapping.data: a text, not an object; give {'name': value}".to_owned())
    );
}

#[test]
fn data_never_takes_the_body_of_several_items() {
    for text in ["body", "body.d", "{'all': body}"] {
        let why = reader(&[("title", "'t'"), ("items", "body.list"), ("data", text)]).unwrap_err();
        assert_eq!(
            why.to_string(),
            "mapping.data: mentions body beside mapping.items, which would write it once for each item; keep parts of item"
        );
    }
    let fields = [("title", "'t'"), ("data", "{'all': body}")];
    let list = read(&fields, &[], "[{},{}]").unwrap();
    assert_eq!(
        list[1].0.as_ref().unwrap_err(),
        "[1].mapping.data: mentions body, which is a list here; keep parts of item"
    );
    assert!(one(&fields, "{}").is_ok());
}

#[test]
fn a_links_name_is_cut() {
    let name = "n".repeat(100_000);
    let body = serde_json::json!({"links": {name: "https://a.example/"}}).to_string();
    let event = one(&[("title", "'t'"), ("links", "body.links")], &body).unwrap();
    let names: Vec<_> = event.links.iter().map(|(name, _)| name.len()).collect();
    assert_eq!(names, [63]);
}

#[test]
fn headers_are_seen_but_for_what_lets_somebody_in() {
    let headers = [
        ("x-kind", "first"),
        ("x-kind", "second"),
        ("authorization", "Bearer secret"),
        ("cookie", "secret"),
        ("proxy-authorization", "secret"),
        ("sentry-hook-signature", "secret"),
        ("x-api-key", "secret"),
        ("x-gitlab-token", "secret"),
    ];
    let made = read(
        &[("title", "headers['x-kind']"), ("labels", "headers")],
        &headers,
        "{}",
    )
    .unwrap();
    let event = made[0].0.as_ref().unwrap();
    assert_eq!(
        serde_json::to_string(&event.labels).unwrap(),
        r#"{"x-kind":"first"}"#
    );
    assert_eq!(event.title, "first");
}

#[test]
fn an_answer_of_the_wrong_kind_says_what_to_do() {
    let why = one(&[("title", "body.t")], r#"{"t":{"a":1}}"#).unwrap_err();
    assert_eq!(
        why,
        "mapping.title: an object, not a text; select one value of it, or join them"
    );
    assert_eq!(one(&[("title", "body.t")], r#"{"t":["a"]}"#).unwrap().title, "a");
    assert_eq!(one(&[("title", "body.t")], r#"{"t":5}"#).unwrap().title, "5");
    assert!(
        one(&[("title", "body.t")], r#"{"t":["a","b"]}"#)
            .unwrap_err()
            .contains("a list, not a text")
    );
}

#[test]
fn cels_words_do_not_carry_the_payload_into_a_message() {
    let body = serde_json::json!({"t": "t", "x": format!("{}secret", "word ".repeat(100))}).to_string();
    let why = one(&[("title", "body.t + (body.x - 1)")], &body).unwrap_err();
    assert!(why.len() < 400 && !why.contains("secret"), "{why}");
}

proptest! {
    #[test]
    fn an_item_means_the_same_alone_in_a_list_and_at_a_path(
        title in "\\PC{1,30}",
        id in any::<i64>(),
        tags in prop::collection::vec("[a-z]{1,5}:[a-z]{0,5}", 0..4),
    ) {
        let item = serde_json::json!({"t": title, "id": id, "tags": tags});
        let fields = [("title", "item.t"), ("fingerprint", "item.id"), ("labels", "item.tags"), ("tags", "item.tags")];
        let alone = read(&fields, &[], &item.to_string()).unwrap().pop().unwrap().0.ok();
        prop_assert!(alone.is_some() || title.trim().is_empty());
        let list = read(&fields, &[], &format!("[0,{item}]")).unwrap().pop().unwrap().0.ok();
        prop_assert_eq!(&alone, &list);
        for items in ["body.a.list", "body.a.list.filter(x, true)"] {
            let fields: Vec<_> = fields.into_iter().chain([("items", items)]).collect();
            let within = read(&fields, &[], &format!(r#"{{"a":{{"list":[{item}]}}}}"#)).unwrap().pop().unwrap().0.ok();
            prop_assert_eq!(&alone, &within);
        }
    }
}
