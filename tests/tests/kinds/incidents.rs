//! Incidents as people look at them, and what of them is written once.

use crate::installed::{INCIDENT, create_incident, kubectl, namespace, patch, refused, table};

#[tokio::test]
async fn columns_answer_what_is_wrong_now() {
    let (rig, namespace) = namespace("columns").await;
    create_incident(rig, &namespace).await;
    let plain = kubectl(rig, "bob", &format!("get opsevents -n {namespace}")).await;
    let plain = table(&plain);
    assert_eq!(
        plain[0],
        [
            "NAME", "SEVERITY", "PHASE", "FIRING", "COUNT", "LAST", "TITLE", "AGE"
        ]
    );
    assert_eq!(plain[1][..5], [INCIDENT, "Critical", "Open", "True", "412"]);
    assert!(plain[1][5].ends_with(['d', 'y', 'h']), "{plain:?}");
    assert_eq!(plain[1][6], "CPU usage exceeded 95%");
    let wide = kubectl(rig, "bob", &format!("get ope -n {namespace} -o wide")).await;
    let wide = table(&wide);
    assert_eq!(wide[0][8..], ["RULE", "GROUP", "DECISION", "CORRELATION"]);
    assert_eq!(
        wide[1][8..],
        [
            "high-cpu",
            "host=web-server-01, service=nginx",
            "01JD0000000000000000000000"
        ]
    );
}

#[tokio::test]
async fn incidents_are_found_by_field_label_and_category() {
    let (rig, namespace) = namespace("selected").await;
    create_incident(rig, &namespace).await;
    let by = |option: &'static str, selector: &'static str| {
        let line = format!("get ope -n {namespace} {option} {selector} -o name");
        async move { kubectl(rig, "bob", &line).await }
    };
    let found = format!("opsevent.opsward.dev/{INCIDENT}\n");
    for selector in [
        "status.phase=Open",
        "status.severity=Critical",
        "spec.rule.name=high-cpu",
        "spec.correlationId=01JD0000000000000000000000",
        "status.phase=Open,status.severity!=Info",
    ] {
        assert_eq!(by("--field-selector", selector).await, found, "{selector}");
    }
    assert_eq!(by("--field-selector", "status.phase=Resolved").await, "");
    assert_eq!(by("-l", "opsward.dev/rule=high-cpu").await, found);
    let category = kubectl(rig, "bob", &format!("get opsward -n {namespace} -o name")).await;
    assert_eq!(category, found);
}

#[tokio::test]
async fn what_opsward_wrote_once_nobody_changes() {
    let (rig, namespace) = namespace("once").await;
    create_incident(rig, &namespace).await;
    for user in ["alice", "controller", "admin"] {
        for change in [
            r#"{"spec":{"title":"x"}}"#,
            r#"{"spec":{"rule":{"generation":3}}}"#,
            r#"{"spec":{"group":{"host":"web-server-02"}}}"#,
            r#"{"spec":{"group":{"region":"eu"}}}"#,
            r#"{"spec":{"groupText":"x"}}"#,
            r#"{"spec":{"correlationId":"x"}}"#,
        ] {
            let said = refused(rig, user, &patch(&namespace, change)).await;
            assert!(
                said.contains("spec is written once by Opsward; only spec.close may be set"),
                "{change}: {said}"
            );
        }
    }
}
