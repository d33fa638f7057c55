//! Rules as teams write them.

use rig::{Output, Rig, binaries};

use crate::installed::{apply, feed, kubectl, namespace, patch_status, table};

fn rule(namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: opsward.dev/v1alpha1, kind: TriggerRule, metadata: {{name: {name}, namespace: {namespace}}}, spec: {spec}}}"
    )
}

async fn create(rig: &Rig, yaml: &str) -> Output {
    feed(rig, "alice", "create --validate=strict -f -", yaml).await
}

#[tokio::test]
async fn every_sample_applies_strictly_as_an_editor() {
    let (rig, namespace) = namespace("samples").await;
    let samples = binaries::repository().join("config/samples");
    let samples = samples.to_str().expect("a path in UTF-8");
    let applied = kubectl(
        rig,
        "alice",
        &format!("apply --validate=strict -n {namespace} -f {samples}"),
    )
    .await;
    assert!(applied.lines().count() >= 3, "{applied}");
    assert!(
        applied.lines().all(|line| line.ends_with(" created")),
        "{applied}"
    );
    let again = kubectl(
        rig,
        "alice",
        &format!("apply --validate=strict -n {namespace} -f {samples}"),
    )
    .await;
    assert!(again.lines().all(|line| line.ends_with(" unchanged")), "{again}");
}

#[tokio::test]
async fn what_is_left_out_shows_with_its_default_and_causes_no_drift() {
    let (rig, namespace) = namespace("defaults").await;
    let yaml = rule(&namespace, "plain", "{match: {}}");
    assert!(apply(rig, "alice", &yaml).await.ok());
    let spec = format!("get trule plain -n {namespace} -o jsonpath={{.spec}}");
    let expected: serde_json::Value = serde_json::json!({
        "match": {"minSeverity": "Info"}, "priority": 0, "continue": false, "suspend": false,
        "trigger": {"count": 1, "within": "5m"},
        "resolve": {"when": "AllClear", "after": "30m", "reopenWithin": "15m", "maxOpen": "7d"},
        "triage": {"mode": "Never", "expireAfter": "15m"},
        "ttlSecondsAfterFinished": 86400
    });
    let shown: serde_json::Value =
        serde_json::from_str(&kubectl(rig, "bob", &spec).await).expect("the spec is JSON");
    assert_eq!(shown, expected);
    assert!(apply(rig, "alice", &yaml).await.ok());
    let generation = format!("get trule plain -n {namespace} -o jsonpath={{.metadata.generation}}");
    assert_eq!(kubectl(rig, "bob", &generation).await, "1");
}

#[tokio::test]
async fn columns_show_how_a_rule_does() {
    let (rig, namespace) = namespace("columns").await;
    assert!(
        apply(
            rig,
            "alice",
            &rule(&namespace, "seen", "{match: {}, priority: 7}")
        )
        .await
        .ok()
    );
    let status = r#"{"status": {"observedGeneration": 1, "position": 512, "matched": 412, "opened": 3, "open": 2,
        "belowThreshold": 0, "overflow": 0, "conditionErrors": 0, "lastTriggeredAt": "2024-12-20T10:35:00.123Z",
        "conditions": [{"type": "Ready", "status": "True", "reason": "InForce", "message": "in force at position 512",
                        "observedGeneration": 1, "lastTransitionTime": "2024-12-20T10:30:00Z"}]}}"#;
    patch_status(rig, &namespace, ("trule", "seen"), status).await;
    let plain = kubectl(rig, "bob", &format!("get trule -n {namespace}")).await;
    let plain = table(&plain);
    assert_eq!(
        plain[0],
        ["NAME", "READY", "MATCHED", "OPENED", "OPEN", "LAST", "AGE"]
    );
    assert_eq!(plain[1][..5], ["seen", "True", "412", "3", "2"]);
    // A time with milliseconds is still a time to kubectl.
    assert!(plain[1][5].ends_with(['d', 'y', 'h']), "{plain:?}");
    let wide = kubectl(rig, "bob", &format!("get trule -n {namespace} -o wide")).await;
    let wide = table(&wide);
    assert_eq!(wide[0][7..], ["REASON", "PRIORITY"]);
    assert_eq!(wide[1][7..], ["InForce", "7"]);
    kubectl(
        rig,
        "bob",
        &format!("wait --for=condition=Ready trule/seen -n {namespace} --timeout=5s"),
    )
    .await;
}

#[tokio::test]
async fn suspended_rules_can_be_selected() {
    let (rig, namespace) = namespace("suspended").await;
    assert!(
        apply(rig, "alice", &rule(&namespace, "runs", "{match: {}}"))
            .await
            .ok()
    );
    assert!(
        apply(
            rig,
            "alice",
            &rule(&namespace, "rests", "{match: {}, suspend: true}")
        )
        .await
        .ok()
    );
    let line = format!("get trule -n {namespace} --field-selector spec.suspend=true -o name");
    assert_eq!(
        kubectl(rig, "bob", &line).await.trim(),
        "triggerrule.opsward.dev/rests"
    );
}

#[tokio::test]
async fn a_rule_that_cannot_work_is_refused_with_what_is_wrong() {
    let (rig, namespace) = namespace("refused").await;
    let cases = [
        ("{}", "spec.match: Required value"),
        ("{match: {colour: red}}", r#"unknown field "spec.match.colour""#),
        (
            "{match: {minSeverity: Huge}}",
            r#"supported values: "Info", "Low", "Medium", "High", "Critical""#,
        ),
        (
            "{match: {labels: [{key: env, operator: In}]}}",
            "the operators In, NotIn and Regex need at least one value",
        ),
        (
            "{match: {labels: [{key: env, operator: Exists, values: [a]}]}}",
            "Exists and DoesNotExist take no values",
        ),
        (
            "{match: {labels: [{key: '', operator: Exists}]}}",
            "spec.match.labels[0].key",
        ),
        (
            "{match: {}, groupBy: [colour]}",
            "should match '^(type|title|resource|service|host|team|",
        ),
        ("{match: {}, groupBy: [host, host]}", "Duplicate value: \"host\""),
        (
            "{match: {}, trigger: {count: 0}}",
            "should be greater than or equal to 1",
        ),
        (
            "{match: {}, trigger: {count: 10001}}",
            "should be less than or equal to 10000",
        ),
        ("{match: {}, trigger: {within: 25h}}", "within: from 1s to 1d"),
        ("{match: {}, trigger: {within: 5}}", "must be of type string"),
        (
            "{match: {}, trigger: {within: 5 minutes}}",
            "spec.trigger.within in body should match",
        ),
        (
            "{match: {}, resolve: {after: ''}}",
            "spec.resolve.after in body should be at least 2 chars long",
        ),
        (
            "{match: {}, resolve: {maxOpen: 20m}}",
            "after is 30m, but maxOpen, 20m, ends the incident in any case",
        ),
        (
            "{match: {}, resolve: {maxOpen: 400d}}",
            "maxOpen: from 1s to 365d",
        ),
        (
            "{match: {}, resolve: {when: Sometimes}}",
            r#"supported values: "AllClear", "Never""#,
        ),
        (
            "{match: {}, triage: {mode: Sometimes}}",
            r#"supported values: "Always", "Never""#,
        ),
        (
            "{match: {}, triage: {mode: Always, expireAfter: 8d}}",
            "expireAfter: from 1s to 7d",
        ),
        (
            "{match: {}, triage: {approvers: {groups: [sre]}}}",
            "nobody is asked with mode Never; set mode: Always, or leave them out",
        ),
        (
            "{match: {}, triage: {mode: Always, approvers: {groups: ['']}}}",
            "spec.triage.approvers.groups[0] in body should be at least 1 chars long",
        ),
        (
            "{match: {}, ttlSecondsAfterFinished: -1}",
            "should be greater than or equal to 0",
        ),
        (
            "{match: {}, priority: 1000001}",
            "should be less than or equal to 1000000",
        ),
    ];
    for (spec, said) in cases {
        let output = create(rig, &rule(&namespace, "bad", spec)).await;
        assert!(!output.ok() && output.stderr.contains(said), "{spec}: {output:?}");
    }
    let condition = format!("{{match: {{condition: '{}'}}}}", "x".repeat(1025));
    let output = create(rig, &rule(&namespace, "bad", &condition)).await;
    assert!(
        output
            .stderr
            .contains("spec.match.condition: Too long: may not be more than 1024"),
        "{output:?}"
    );
    let output = create(rig, &rule(&namespace, &"r".repeat(64), "{match: {}}")).await;
    assert!(
        output.stderr.contains("metadata.name: at most 63 characters"),
        "{output:?}"
    );
}

#[tokio::test]
async fn explain_teaches_each_field() {
    let (rig, _) = namespace("explain").await;
    for (path, said) in [
        ("trule", "A TriggerRule says which events become incidents."),
        ("trule.spec.match", "All parts must agree"),
        ("trule.spec.match.condition", "event.data.cpu_usage > 90"),
        ("trule.spec.match.labels.operator", "DoesNotExist"),
        ("trule.spec.groupBy", "[host, service]"),
        ("trule.spec.trigger.within", "Default 5m. From 1s to 1d."),
        ("trule.spec.resolve.reopenWithin", "Default 15m."),
        ("trule.status.belowThreshold", "left the trigger's window"),
        ("ope", "kubectl patch ope NAME"),
        ("ope.spec.close.reason", "FalseAlarm: nothing was wrong."),
        ("ope.status.occurrences.repeats", "sent again"),
    ] {
        let text = kubectl(rig, "bob", &format!("explain {path}")).await;
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(said), "{path}: {text}");
    }
}
