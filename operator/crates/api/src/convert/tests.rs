//! What is refused, with which words, and that nothing written is lost.

use std::sync::Arc;

use super::*;
use crate::OpeningEvent;
use domain::dimensions::{Amount, Dimensions, Urgency};
use domain::incident::opening_event as kept;
use domain::rule::{ResolveOn, Rule, RuleIdentity};
use domain::severity::Severity;
use proptest::prelude::*;

fn refused(spec: &str) -> String {
    let error = rule_from_log(API_VERSION, spec).unwrap_err();
    assert_eq!(error.reason(), "InvalidSpec");
    error.to_string()
}

#[test]
fn an_empty_match_is_the_domains_default_but_for_the_severity() {
    let mut expected = RuleSpec::default();
    expected.matches.min_severity = Severity::Info;
    assert_eq!(
        rule_from_log(API_VERSION, r#"{"match":{}}"#),
        Ok(expected.clone())
    );
    assert_eq!(TriggerRuleSpec::default().to_rule_spec(), Ok(expected));
}

#[test]
fn every_field_arrives() {
    let spec = r#"{"match":{"sources":["p-*"],"reportedSources":["z"],"types":["t"],"minSeverity":"High",
        "labels":[{"key":"env","operator":"In","values":["prod"]}],"condition":"event.data.x > 1"},
        "priority":7,"continue":true,"groupBy":["host"],"trigger":{"count":3,"within":"1h"},
        "resolve":{"when":"Never","after":"2m","reopenWithin":"1m","maxOpen":"1d"},
        "ttlSecondsAfterFinished":60,"suspend":true}"#;
    let rule = rule_from_log(API_VERSION, spec).unwrap();
    let seconds = std::time::Duration::from_secs;
    assert_eq!(
        (rule.matches.sources, rule.matches.reported_sources),
        (vec!["p-*".into()], vec!["z".into()])
    );
    assert_eq!(
        (rule.matches.types, rule.matches.min_severity),
        (vec!["t".into()], Severity::High)
    );
    assert_eq!(
        (rule.matches.labels.len(), rule.matches.condition.as_str()),
        (1, "event.data.x > 1")
    );
    assert_eq!((rule.priority, rule.continues, rule.suspend), (7, true, true));
    assert_eq!((rule.group_by, rule.ttl), (vec!["host".to_owned()], seconds(60)));
    assert_eq!((rule.trigger.count, rule.trigger.within), (3, seconds(3600)));
    let resolve = rule.resolve;
    assert_eq!((resolve.on, resolve.after), (ResolveOn::Never, seconds(120)));
    assert_eq!(
        (resolve.reopen_within, resolve.max_open),
        (seconds(60), seconds(86_400))
    );
}

#[test]
fn another_version_is_refused_by_name() {
    let error = rule_from_log("opsward.dev/v2", r#"{"match":{}}"#).unwrap_err();
    assert_eq!(error.reason(), "InvalidSpec");
    assert!(error.to_string().contains("opsward.dev/v2"), "{error}");
}

#[test]
fn a_field_that_this_version_does_not_know_is_refused_by_name() {
    assert!(refused(r#"{"match":{},"effect":"Suppress"}"#).starts_with("spec.effect:"));
    let nested = r#"{"match":{"labels":[{"key":"a","operator":"Exists","fold":1}]}}"#;
    assert!(refused(nested).starts_with("spec.match.labels[0].fold:"));
    let empty = r#"{"match":{"sources":[],"condition":""},"groupBy":[]}"#;
    assert!(rule_from_log(API_VERSION, empty).is_ok());
}

#[test]
fn what_is_out_of_bounds_is_refused_with_its_field() {
    for (spec, field) in [
        (r"{}", "spec: missing field `match`"),
        (
            r#"{"match":{"minSeverity":"Huge"}}"#,
            "spec: unknown variant `Huge`",
        ),
        (
            r#"{"match":{},"trigger":{"count":0}}"#,
            "spec.trigger.count: 0; from 1 to 10000",
        ),
        (
            r#"{"match":{},"trigger":{"within":"2d"}}"#,
            "spec.trigger.within: from 1s to 1d",
        ),
        (
            r#"{"match":{},"trigger":{"within":"soon"}}"#,
            "spec.trigger.within: \"soon\" is no duration",
        ),
        (
            r#"{"match":{},"resolve":{"maxOpen":"0s"}}"#,
            "spec.resolve.maxOpen: from 1s",
        ),
        (
            r#"{"match":{},"resolve":{"maxOpen":"20m"}}"#,
            "spec.resolve: after is 30m, but maxOpen, 20m,",
        ),
        (
            r#"{"match":{},"triage":{"mode":"Always","expireAfter":"0s"}}"#,
            "spec.triage.expireAfter: from 1s to 7d",
        ),
        (
            r#"{"match":{},"triage":{"approvers":{"groups":["sre"]}}}"#,
            "spec.triage: approvers and escalateTo: nobody is asked with mode Never",
        ),
        (
            r#"{"match":{},"ttlSecondsAfterFinished":-1}"#,
            "spec.ttlSecondsAfterFinished: -1;",
        ),
    ] {
        let said = refused(spec);
        assert!(said.starts_with(field), "{said}");
    }
    let people = serde_json::json!({"match": {}, "triage": {"mode": "Always",
        "approvers": {"users": vec!["a"; 20]}, "escalateTo": {"users": vec!["b"; 13]}}});
    assert_eq!(
        refused(&people.to_string()),
        "spec.triage: approvers and escalateTo: at most 32 users together"
    );
    let many = serde_json::json!({"match": {"types": vec!["t"; 65]}}).to_string();
    assert_eq!(
        refused(&many),
        "spec.match.types: 65 items; at most 64 are allowed"
    );
}

#[test]
fn a_spec_survives_being_written_and_read() {
    let spec = TriggerRuleSpec {
        group_by: vec!["host".into()],
        ..TriggerRuleSpec::default()
    };
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<TriggerRuleSpec>(&json).unwrap(), spec);
    assert_eq!(rule_from_log(API_VERSION, &json), spec.to_rule_spec());
}

#[test]
fn the_samples_are_rules_that_compile() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/samples");
    let mut rules = 0;
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    // Those of sources are in a folder of their own, and read by the tests of `formats`.
    for file in entries.filter(|path| path.is_file()) {
        let text = std::fs::read_to_string(file).unwrap();
        let object: Value = serde_yaml::from_str(&text).unwrap();
        let spec = rule_from_log(
            object["apiVersion"].as_str().unwrap(),
            &object["spec"].to_string(),
        )
        .unwrap();
        let identity = RuleIdentity {
            uid: "u".into(),
            name: "n".into(),
            generation: 1,
        };
        Rule::compile(identity, spec).unwrap();
        rules += 1;
    }
    assert!(rules >= 3);
}

/// A record whose texts and lists are all too long, `event` apart.
fn large_record(event: kept::OpeningEvent) -> IncidentRecord {
    IncidentRecord {
        id: "i-1".into(),
        namespace: "shop".into(),
        rule: RuleIdentity {
            uid: "u".into(),
            name: "r".into(),
            generation: 3,
        },
        group: [("title".to_owned(), "ü".repeat(900))].into(),
        group_text: "g".repeat(5_000),
        overflow: false,
        correlation_id: "01J".into(),
        title: "t".repeat(900),
        event: Some(Arc::new(event)),
        resources: vec!["r".repeat(300); 300],
        resources_omitted: 0,
        triage: Arc::default(),
        severity: Severity::High,
        firing: 1,
        occurrences: domain::incident::Occurrences::default(),
        muted: 0,
        opened_at: domain::time::Time::EPOCH,
        reopened: 0,
        end: None,
        rule_gone: false,
        ttl: std::time::Duration::ZERO,
    }
}

#[test]
fn a_new_ops_events_spec_keeps_within_the_schemas_bounds() {
    let record = large_record(kept::OpeningEvent::default());
    let spec = OpsEventSpec::from(&record);
    assert_eq!(
        spec.group["title"].chars().count(),
        limits::GROUP_VALUE_CHARS as usize
    );
    assert_eq!(spec.group_text.len(), limits::GROUP_TEXT_CHARS as usize);
    assert_eq!(spec.title.len(), limits::TITLE_CHARS as usize);
    assert_eq!((spec.rule.generation, spec.close), (3, None));
}

#[test]
fn what_an_ops_event_shows_keeps_within_the_schemas_bounds() {
    let text = || "ü".repeat(9000);
    let pairs = || (0..99).map(|n| (format!("l{n:02}"), text())).collect();
    let dimensions = Dimensions {
        urgency: Some(Urgency::Soon),
        amounts: vec![
            Amount {
                value: serde_json::Number::from_f64(12.5).unwrap(),
                unit: "USD".into(),
            };
            20
        ],
        hosts: vec![text(); 20],
        ..Dimensions::default()
    };
    let record = large_record(kept::OpeningEvent {
        id: text(),
        description: text(),
        labels: pairs(),
        links: pairs(),
        tags: vec![text(); 99],
        dimensions: Some(Box::new(dimensions)),
        ..kept::OpeningEvent::default()
    });
    let resources = resources(&record);
    assert_eq!((resources.len(), resources[0].len()), (200, 256));
    let event = OpeningEvent::from(record.event.as_deref().unwrap());
    let characters = |text: &str| text.chars().count();
    assert_eq!(
        (characters(&event.id), characters(&event.description)),
        (64, 1024)
    );
    assert_eq!((event.labels.len(), characters(&event.labels["l00"])), (64, 512));
    assert_eq!((event.links.len(), characters(&event.links["l00"])), (64, 2048));
    assert_eq!((event.tags.len(), characters(&event.tags[0])), (50, 512));
    let facts = event.dimensions.unwrap();
    assert_eq!((facts.hosts.len(), characters(&facts.hosts[0])), (16, 512));
    assert_eq!((facts.amounts.len(), facts.amounts[0].as_str()), (16, "12.5 USD"));
}

#[test]
fn an_opening_event_that_is_nearly_empty_shows_no_empty_fields() {
    let shown = OpeningEvent::from(&kept::OpeningEvent::default());
    let json = serde_json::to_value(shown).unwrap();
    let names: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["id", "occurredAt", "severity", "source"]);
}

proptest! {
    #[test]
    fn no_text_in_the_log_stops_the_reader(text in ".{0,200}") {
        let _ = rule_from_log(API_VERSION, &text);
        let _ = rule_from_log(API_VERSION, &format!(r#"{{"match":{{}},"resolve":{{"after":{text:?}}}}}"#));
    }
}
