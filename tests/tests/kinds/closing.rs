//! Closing an incident: one field, once, by a person, under the person's own name.

use rig::Rig;

use crate::installed::{INCIDENT, apply, create_incident, kubectl, namespace, patch, refused, without_fill};

const FALSE_ALARM: &str = r#"{"spec":{"close":{"reason":"FalseAlarm"}}}"#;

async fn close(rig: &Rig, namespace: &str) -> String {
    kubectl(
        rig,
        "bob",
        &format!("get ope {INCIDENT} -n {namespace} -o jsonpath={{.spec.close}}"),
    )
    .await
}

#[tokio::test]
async fn the_reason_is_all_that_a_person_types() {
    let (rig, namespace) = namespace("close").await;
    create_incident(rig, &namespace).await;
    kubectl(rig, "alice", &patch(&namespace, FALSE_ALARM)).await;
    assert_eq!(
        close(rig, &namespace).await,
        r#"{"closedBy":"alice","reason":"FalseAlarm"}"#
    );
}

#[tokio::test]
async fn nobody_closes_in_anothers_name() {
    let (rig, namespace) = namespace("name").await;
    create_incident(rig, &namespace).await;
    let as_bob = r#"{"spec":{"close":{"reason":"Fixed","closedBy":"bob"}}}"#;
    kubectl(rig, "alice", &patch(&namespace, as_bob)).await;
    assert_eq!(
        close(rig, &namespace).await,
        r#"{"closedBy":"alice","reason":"Fixed"}"#
    );
}

#[tokio::test]
async fn a_close_is_set_once_and_stays() {
    let (rig, namespace) = namespace("once").await;
    create_incident(rig, &namespace).await;
    kubectl(rig, "alice", &patch(&namespace, FALSE_ALARM)).await;
    for user in ["bob", "alice", "admin"] {
        for change in [
            r#"{"spec":{"close":{"reason":"Fixed"}}}"#,
            r#"{"spec":{"close":{"closedBy":"bob"}}}"#,
            r#"{"spec":{"close":{"closedBy":null}}}"#,
            r#"{"spec":{"close":null}}"#,
        ] {
            let said = refused(rig, user, &patch(&namespace, change)).await;
            assert!(
                said.contains("spec.close is set once: this incident is closed already"),
                "{change}: {said}"
            );
        }
    }
    assert_eq!(
        close(rig, &namespace).await,
        r#"{"closedBy":"alice","reason":"FalseAlarm"}"#
    );
}

#[tokio::test]
async fn a_close_needs_one_of_the_reasons() {
    let (rig, namespace) = namespace("reason").await;
    create_incident(rig, &namespace).await;
    let without = refused(
        rig,
        "alice",
        &patch(&namespace, r#"{"spec":{"close":{"closedBy":"alice"}}}"#),
    )
    .await;
    assert!(without.contains("spec.close.reason: Required value"), "{without}");
    let unknown = refused(
        rig,
        "alice",
        &patch(&namespace, r#"{"spec":{"close":{"reason":"Bored"}}}"#),
    )
    .await;
    let words = r#""FalseAlarm", "Fixed", "Duplicate", "Expected", "Accepted", "Other""#;
    assert!(unknown.contains(words), "{unknown}");
}

#[tokio::test]
async fn opswards_own_account_does_not_close() {
    let (rig, namespace) = namespace("own").await;
    create_incident(rig, &namespace).await;
    let said = refused(rig, "controller", &patch(&namespace, FALSE_ALARM)).await;
    assert!(
        said.contains("Opsward's own accounts do not close incidents; a person does"),
        "{said}"
    );
    // What it does all the time is not in the way.
    let labels = r#"{"metadata":{"labels":{"opsward.dev/rule":"high-cpu"}}}"#;
    kubectl(rig, "controller", &patch(&namespace, labels)).await;
}

#[tokio::test]
async fn an_incident_is_created_open() {
    let (rig, namespace) = namespace("created").await;
    let yaml = format!(
        "{{apiVersion: opsward.dev/v1alpha1, kind: OpsEvent, metadata: {{name: closed, namespace: {namespace}}}, \
         spec: {{rule: {{name: r, uid: u, generation: 1}}, group: {{}}, groupText: '', correlationId: c, title: t, \
         close: {{reason: Fixed, closedBy: admin}}}}}}"
    );
    for user in ["admin", "controller"] {
        let output = apply(rig, user, &yaml).await;
        assert!(
            !output.ok() && output.stderr.contains("an OpsEvent is created open"),
            "{user}: {output:?}"
        );
    }
}

#[tokio::test]
async fn without_the_fill_the_refusal_prints_the_command_that_works() {
    let rig = without_fill().await;
    let namespace = rig.namespace("older").await.expect("a namespace");
    create_incident(&rig, &namespace).await;
    let as_bob = r#"{"spec":{"close":{"reason":"FalseAlarm","closedBy":"bob"}}}"#;
    for attempt in [FALSE_ALARM, as_bob] {
        let said = refused(&rig, "alice", &patch(&namespace, attempt)).await;
        assert!(
            said.contains("spec.close.closedBy must be your own name"),
            "{said}"
        );
        assert!(
            said.contains(&format!(
                "kubectl patch opsevents {INCIDENT} -n {namespace} --type=merge -p '"
            )),
            "{said}"
        );
    }
    let said = refused(&rig, "alice", &patch(&namespace, FALSE_ALARM)).await;
    let printed = said
        .split('\'')
        .find(|part| part.starts_with("{\"spec\""))
        .expect("a patch is printed");
    kubectl(&rig, "alice", &patch(&namespace, printed)).await;
    assert_eq!(
        close(&rig, &namespace).await,
        r#"{"closedBy":"alice","reason":"FalseAlarm"}"#
    );
}
