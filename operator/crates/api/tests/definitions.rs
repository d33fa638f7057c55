//! What users and tools rely on in the definitions: columns, selectable fields, explanations, bounds, list types.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test"
)]

use std::collections::BTreeMap;

use domain::event::Event;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionVersion as Version;
use regex::Regex;
use serde_json::Value;

fn version(plural: &str) -> Version {
    let found = api::definitions()
        .into_iter()
        .find(|definition| definition.spec.names.plural == plural)
        .unwrap();
    found.spec.versions.into_iter().next().unwrap()
}

fn columns(plural: &str, wide: bool) -> Vec<String> {
    let columns = version(plural).additional_printer_columns.unwrap().into_iter();
    columns
        .filter(|column| column.priority.is_some() == wide)
        .map(|column| column.name.to_uppercase())
        .collect()
}

fn selectable(plural: &str) -> Vec<String> {
    version(plural)
        .selectable_fields
        .unwrap()
        .into_iter()
        .map(|field| field.json_path)
        .collect()
}

/// Every schema in a definition, by its path.
fn schemas(plural: &str) -> BTreeMap<String, Value> {
    let schema = version(plural).schema.unwrap().open_api_v3_schema.unwrap();
    let mut found = BTreeMap::new();
    collect("", &serde_json::to_value(schema).unwrap(), &mut found);
    found
}

fn collect(path: &str, schema: &Value, found: &mut BTreeMap<String, Value>) {
    found.insert(path.to_owned(), schema.clone());
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        collect(&format!("{path}.{name}"), part, found);
    }
    for (key, ending) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[key].is_object() {
            collect(&format!("{path}{ending}"), &schema[key], found);
        }
    }
}

fn all_schemas() -> impl Iterator<Item = (String, Value)> {
    let of = |plural: &'static str| {
        schemas(plural)
            .into_iter()
            .map(move |(path, schema)| (format!("{plural}{path}"), schema))
    };
    ["opsevents", "triagedecisions", "triggerrules"]
        .into_iter()
        .flat_map(of)
}

#[test]
fn columns_are_the_promised_ones_in_their_order() {
    assert_eq!(
        columns("triggerrules", false),
        ["READY", "MATCHED", "OPENED", "OPEN", "LAST", "AGE"]
    );
    assert_eq!(columns("triggerrules", true), ["REASON", "PRIORITY"]);
    assert_eq!(
        columns("opsevents", false),
        ["SEVERITY", "PHASE", "FIRING", "COUNT", "LAST", "TITLE", "AGE"]
    );
    assert_eq!(
        columns("opsevents", true),
        ["RULE", "GROUP", "DECISION", "CORRELATION"]
    );
    assert_eq!(
        columns("triagedecisions", false),
        ["STATE", "ASKS", "EXPIRES", "BY", "AGE"]
    );
    assert_eq!(columns("triagedecisions", true), ["OPSEVENT"]);
}

#[test]
fn columns_and_selectable_fields_name_fields_that_exist() {
    for plural in ["opsevents", "triagedecisions", "triggerrules"] {
        let known = schemas(plural);
        let columns = version(plural)
            .additional_printer_columns
            .unwrap()
            .into_iter()
            .map(|column| column.json_path);
        for path in columns.chain(selectable(plural)) {
            let list = path
                .split_once("[?")
                .map(|(list, rest)| (list, rest.rsplit_once(')').unwrap().1));
            let plain = list.map_or(path.clone(), |(list, field)| {
                format!("{list}[]{}", field.trim_start_matches(']'))
            });
            assert!(
                known.contains_key(&plain) || plain == ".metadata.creationTimestamp",
                "{plural}: {plain}"
            );
        }
    }
}

#[test]
fn incidents_can_be_selected_by_phase_severity_rule_and_correlation() {
    let expected = [
        ".status.phase",
        ".status.severity",
        ".spec.rule.name",
        ".spec.correlationId",
    ];
    assert_eq!(selectable("opsevents"), expected);
    assert_eq!(selectable("triagedecisions"), [".status.state", ".spec.opsEvent"]);
    assert_eq!(selectable("triggerrules"), [".spec.suspend"]);
}

#[test]
fn every_field_is_explained_and_begins_with_one_short_sentence() {
    for (path, schema) in all_schemas().filter(|(path, _)| !path.ends_with([']', '}'])) {
        let text = schema["description"]
            .as_str()
            .unwrap_or_else(|| panic!("{path} is not explained"));
        let first = text.split("\n\n").next().unwrap();
        assert!(
            first.ends_with('.') && first.chars().count() <= 130,
            "{path}: {first}"
        );
        for rust in ["Option", "Vec", "struct", "enum", "i64", "None", "serde", "::"] {
            assert!(!text.contains(rust), "{path}: {rust} in {text}");
        }
        // kubectl breaks lines by itself.
        assert!(!text.replace("\n\n", "").contains('\n'), "{path}: {text}");
    }
}

#[test]
fn an_optional_field_of_a_rule_says_what_leaving_it_out_means() {
    let spec = schemas("triggerrules")
        .into_iter()
        .filter(|(path, _)| path.starts_with(".spec."));
    for (path, schema) in spec.filter(|(path, _)| !path.ends_with("[]")) {
        let text = schema["description"].as_str().unwrap();
        let required = [
            ".spec.match",
            ".key",
            ".operator",
            ".values",
            ".name",
            ".slack.channel",
            ".slack.secretRef",
            ".pagerDuty.secretRef",
        ]
        .iter()
        .any(|end| path.ends_with(end));
        assert!(
            required || text.contains("Default ") || text.contains("Left out: "),
            "{path}: {text}"
        );
        if let Some(default) = schema["default"].as_str().map(str::to_owned).or_else(|| {
            Some(schema["default"].to_string())
                .filter(|_| schema["default"].is_number() || schema["default"].is_boolean())
        }) {
            assert!(
                text.contains(&format!("Default {default}")),
                "{path}: its default is {default}"
            );
        }
    }
}

#[test]
fn whatever_a_person_writes_is_bounded() {
    for (path, schema) in all_schemas().filter(|(path, _)| path.contains(".spec")) {
        match schema["type"].as_str() {
            Some("string") => {
                assert!(
                    schema["enum"].is_array()
                        || schema["maxLength"].is_number()
                        || schema["format"] == "date-time",
                    "{path}"
                );
            }
            Some("array") => assert!(schema["maxItems"].is_number(), "{path}"),
            Some("object") if schema["additionalProperties"].is_object() => {
                assert!(schema["maxProperties"].is_number(), "{path}");
            }
            _ => {}
        }
    }
}

#[test]
fn numbers_are_whole_and_signed_and_nothing_is_nullable() {
    for (path, schema) in all_schemas() {
        assert_ne!(schema["type"], "number", "{path}");
        let format = schema["format"].as_str().unwrap_or_default();
        assert!(
            !format.starts_with("uint") && format != "double" && format != "float",
            "{path}"
        );
        assert!(schema["nullable"].is_null(), "{path}");
    }
}

#[test]
fn conditions_are_a_list_by_type() {
    for plural in ["opsevents", "triggerrules"] {
        let conditions = &schemas(plural)[".status.conditions"];
        assert_eq!(conditions["x-kubernetes-list-type"], "map");
        assert_eq!(conditions["x-kubernetes-list-map-keys"][0], "type");
    }
}

/// kubectl and Helm read YAML 1.1, where these are booleans: as a key of a manifest they become `true` or `false`.
#[test]
fn no_name_or_word_is_a_boolean_to_kubectl() {
    const BOOLEANS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let is_boolean = |word: &str| BOOLEANS.contains(&word.to_lowercase().as_str());
    for (path, schema) in all_schemas() {
        let name = path.rsplit('.').next().unwrap();
        assert!(!is_boolean(name), "{path}");
        // A condition's status is written by programs only, as JSON.
        for word in schema["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|_| name != "status")
        {
            assert!(!is_boolean(word.as_str().unwrap()), "{path}: {word}");
        }
    }
}

#[test]
fn fields_to_group_by_are_those_that_events_have() {
    let pattern = schemas("triggerrules")[".spec.groupBy[]"]["pattern"]
        .as_str()
        .unwrap()
        .to_owned();
    let (start, end) = (pattern.strip_prefix("^(").unwrap(), "|labels\\..+)$");
    for field in start.strip_suffix(end).unwrap().split('|').chain(["labels.env"]) {
        assert!(Event::default().field(field).is_some(), "{field}");
    }
    let pattern = Regex::new(&pattern).unwrap();
    for field in ["labels.", "data", "fingerprint", "types", ""] {
        assert!(!pattern.is_match(field), "{field}");
    }
}

/// A POST carries no status; without a default a new question would be in no column and no selection.
#[test]
fn a_new_question_waits_and_nothing_else_has_a_default_status() {
    assert_eq!(
        schemas("triagedecisions")[".status"]["default"],
        serde_json::json!({"state": "Pending"})
    );
    for plural in ["opsevents", "triggerrules"] {
        assert!(schemas(plural)[".status"]["default"].is_null(), "{plural}");
    }
}

#[test]
fn the_text_is_the_same_every_time() {
    assert_eq!(api::crds().unwrap(), api::crds().unwrap());
}
