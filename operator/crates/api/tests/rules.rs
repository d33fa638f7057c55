//! The CEL rules of the schemas, evaluated without a cluster: which objects they refuse, and with which words.
//!
//! Evaluates `x-kubernetes-validations` and nothing else of the schema; patterns, bounds and required fields are the
//! API server's, and `tests/tests/kinds.rs` asks it. kube's own client-side validation would bring a second,
//! older cel into the tree.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "all of this file is a test"
)]

use std::sync::Arc;

use cel::extractors::This;
use cel::{Context, Program, Value as Cel};
use regex::Regex;
use serde_json::{Map, Value, json};

/// Kubernetes' additions to CEL that the rules use.
fn kubernetes() -> Context<'static, 'static> {
    fn matches(text: &str, pattern: &str) -> Vec<Cel> {
        let pattern = Regex::new(pattern).unwrap();
        pattern
            .find_iter(text)
            .map(|found| Cel::String(Arc::new(found.as_str().to_owned())))
            .collect()
    }
    fn add(sum: i64, item: &Cel) -> i64 {
        match item {
            Cel::Int(number) => sum + number,
            other => panic!("sum of {other:?}"),
        }
    }
    let mut context = Context::default();
    let find_all =
        |This(text): This<Arc<String>>, pattern: Arc<String>| Cel::List(Arc::new(matches(&text, &pattern)));
    let find = |This(text): This<Arc<String>>, pattern: Arc<String>| {
        matches(&text, &pattern)
            .into_iter()
            .next()
            .unwrap_or(Cel::String(Arc::default()))
    };
    let sum = |This(items): This<Arc<Vec<Cel>>>| items.iter().fold(0, add);
    context.add_function("findAll", find_all).unwrap();
    context.add_function("find", find).unwrap();
    context.add_function("sum", sum).unwrap();
    context
}

fn evaluate(text: &str, own: &Value, old: Option<&Value>) -> Cel {
    let mut context = kubernetes();
    context.add_variable("self", own).unwrap();
    if let Some(old) = old {
        context.add_variable("oldSelf", old).unwrap();
    }
    Program::compile(text)
        .unwrap()
        .execute(&context)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What `schema` and its parts refuse about `own`, as the API server would say it.
fn collect(schema: &Value, own: &Value, old: Option<&Value>, refusals: &mut Vec<String>) {
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let text = rule["rule"].as_str().unwrap();
        let is_transition = text.contains("oldSelf");
        if (is_transition && old.is_none()) || evaluate(text, own, old) == Cel::Bool(true) {
            continue;
        }
        refusals.push(
            match (rule["message"].as_str(), rule["messageExpression"].as_str()) {
                (Some(message), None) => message.to_owned(),
                (None, Some(expression)) => match evaluate(expression, own, old) {
                    Cel::String(message) => message.to_string(),
                    other => panic!("a message is {other:?}"),
                },
                other => panic!("{other:?}"),
            },
        );
    }
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = own.get(name) {
            collect(part, value, old.and_then(|old| old.get(name)), refusals);
        }
    }
    for item in own.as_array().into_iter().flatten() {
        collect(&schema["items"], item, None, refusals);
    }
}

/// Fills in the schema's defaults, as the API server does before it asks the rules.
fn fill(schema: &Value, own: &mut Map<String, Value>) {
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(default) = part.get("default") {
            own.entry(name).or_insert_with(|| default.clone());
        }
        if let Some(inner) = own.get_mut(name).and_then(Value::as_object_mut) {
            fill(part, inner);
        }
    }
}

fn refusals(plural: &str, mut own: Value, old: Option<&Value>) -> Vec<String> {
    let definitions: Vec<Value> = api::definitions()
        .iter()
        .map(|definition| serde_json::to_value(definition).unwrap())
        .collect();
    let definition = definitions
        .iter()
        .find(|definition| definition["spec"]["names"]["plural"] == plural)
        .unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    fill(schema, own.as_object_mut().unwrap());
    let mut refusals = Vec::new();
    collect(schema, &own, old, &mut refusals);
    refusals
}

fn of_rule(spec: Value) -> Vec<String> {
    refusals(
        "triggerrules",
        json!({"metadata": {"name": "r"}, "spec": spec}),
        None,
    )
}

fn ops_event(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = json!({"metadata": {"name": "e"}, "spec": {
        "rule": {"name": "r", "uid": "u", "generation": 1}, "group": {"host": "web-1"},
        "groupText": "host=web-1", "correlationId": "01J", "title": "t"
    }});
    change(&mut object["spec"]);
    object
}

fn of_update(old: &Value, new: Value) -> Vec<String> {
    refusals("opsevents", new, Some(old))
}

const WRITTEN_ONCE: &str = "spec is written once by Opsward; only spec.close may be set";
const CLOSED_ALREADY: &str = "spec.close is set once: this incident is closed already";

#[test]
fn a_plain_rule_is_taken() {
    assert_eq!(of_rule(json!({"match": {}})), Vec::<String>::new());
    let full = json!({
        "match": {"labels": [{"key": "env", "operator": "In", "values": ["prod"]}, {"key": "x", "operator": "Exists"}]},
        "trigger": {"count": 3, "within": "1d"},
        "resolve": {"after": "1h30m", "reopenWithin": "0s", "maxOpen": "365d"}
    });
    assert_eq!(of_rule(full), Vec::<String>::new());
}

#[test]
fn a_label_requirement_has_values_exactly_when_its_operator_takes_them() {
    let of = |requirement: Value| of_rule(json!({"match": {"labels": [requirement]}}));
    for operator in ["In", "NotIn", "Regex"] {
        let without = of(json!({"key": "env", "operator": operator}));
        assert_eq!(
            without,
            ["values: the operators In, NotIn and Regex need at least one value"]
        );
        assert_eq!(
            of(json!({"key": "env", "operator": operator, "values": []})),
            without
        );
        assert!(of(json!({"key": "env", "operator": operator, "values": ["a"]})).is_empty());
    }
    for operator in ["Exists", "DoesNotExist"] {
        let with = of(json!({"key": "env", "operator": operator, "values": ["a"]}));
        assert_eq!(
            with,
            ["values: the operators Exists and DoesNotExist take no values"]
        );
        assert!(of(json!({"key": "env", "operator": operator, "values": []})).is_empty());
    }
}

#[test]
fn durations_have_bounds_in_every_unit() {
    for (within, taken) in [
        ("1s", true),
        ("86400s", true),
        ("1440m", true),
        ("24h", true),
        ("1d", true),
        ("23h59m60s", true),
        ("0s", false),
        ("86401s", false),
        ("1d1s", false),
        ("24h1m", false),
    ] {
        let refused = of_rule(json!({"match": {}, "trigger": {"within": within}}));
        assert_eq!(refused.is_empty(), taken, "{within}: {refused:?}");
    }
    let resolve =
        of_rule(json!({"match": {}, "resolve": {"after": "31d", "reopenWithin": "8d", "maxOpen": "366d"}}));
    assert_eq!(
        resolve,
        [
            "after: from 1s to 30d",
            "maxOpen: from 1s to 365d",
            "reopenWithin: from 0s to 7d"
        ]
    );
}

#[test]
fn what_would_never_act_within_max_open_is_refused_with_both_values() {
    let after = of_rule(json!({"match": {}, "resolve": {"maxOpen": "20m"}}));
    let said = "after is 30m, but maxOpen, 20m, ends the incident in any case: set after to at most 20m";
    assert_eq!(after, [said]);
    let reopen = of_rule(json!({"match": {}, "resolve": {"after": "1m", "maxOpen": "5m"}}));
    let said =
        "reopenWithin is 15m, but maxOpen, 5m, ends the incident in any case: set reopenWithin to at most 5m";
    assert_eq!(reopen, [said]);
    let equal = json!({"match": {}, "resolve": {"after": "5m", "reopenWithin": "300s", "maxOpen": "5m"}});
    assert!(of_rule(equal).is_empty());
}

#[test]
fn a_rules_name_fits_a_label() {
    let named = |length: usize| json!({"metadata": {"name": "r".repeat(length)}, "spec": {"match": {}}});
    assert!(refusals("triggerrules", named(63), None).is_empty());
    assert!(refusals("triggerrules", named(64), None)[0].contains("at most 63 characters"));
}

#[test]
fn every_field_of_an_ops_events_spec_but_close_is_written_once() {
    let old = ops_event(|_| {});
    assert!(of_update(&old, ops_event(|_| {})).is_empty());
    let fields = old["spec"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect::<Vec<_>>();
    assert_eq!(fields.len(), 5);
    for field in fields {
        let changed = ops_event(|spec| {
            spec[&field] = match &spec[&field] {
                Value::String(_) => json!("another"),
                Value::Object(_) if field == "rule" => json!({"name": "r", "uid": "u", "generation": 2}),
                _ => json!({"host": "web-2"}),
            };
        });
        assert_eq!(of_update(&old, changed), [WRITTEN_ONCE], "{field}");
    }
}

#[test]
fn close_is_set_once_and_freezes_whole() {
    let open = ops_event(|_| {});
    let closed = |close: Value| ops_event(|spec| spec["close"] = close);
    let by_alice = closed(json!({"reason": "Fixed", "closedBy": "alice"}));
    assert!(of_update(&open, by_alice.clone()).is_empty());
    assert!(of_update(&by_alice, by_alice.clone()).is_empty());
    for changed in [
        open,
        closed(json!({"reason": "Fixed"})),
        closed(json!({"reason": "Fixed", "closedBy": "bob"})),
        closed(json!({"reason": "Other", "closedBy": "alice"})),
    ] {
        assert_eq!(of_update(&by_alice, changed), [CLOSED_ALREADY]);
    }
}

#[test]
fn close_does_not_open_the_rest() {
    let open = ops_event(|_| {});
    let both = ops_event(|spec| {
        spec["close"] = json!({"reason": "Fixed"});
        spec["title"] = json!("another");
    });
    assert_eq!(of_update(&open, both), [WRITTEN_ONCE]);
}
