//! The policies by which the API server says who decides are taken away while a question stands, and put back.

use std::time::Duration;

use rig::{Opsward, Options, Rig, until};
use serde_json::{Value, json};

/// Admission policies come and go within seconds, and are relied upon 10 s after they appeared.
const WITHIN: Duration = Duration::from_mins(1);

async fn kubectl(rig: &Rig, user: &str, line: &str) -> Result<String, String> {
    let words: Vec<&str> = line.split(' ').collect();
    let output = rig.kubectl(user, &words).await.expect("kubectl runs");
    if output.ok() {
        Ok(output.stdout)
    } else {
        Err(output.stderr)
    }
}

/// The one OpsEvent, once its phase and what it waits for are these.
async fn incident(opsward: &Opsward<'_>, phase: &str, waits: &str) -> Value {
    let is =
        |event: &Value| event["status"]["phase"] == phase && event["status"]["waitingOn"]["what"] == waits;
    let mut events = opsward
        .ops_events_when(&format!("{phase}, {waits}"), |events| {
            events.len() == 1 && is(&events[0])
        })
        .await
        .expect("as it should be");
    events.remove(0)
}

fn condition<'a>(event: &'a Value, name: &str) -> &'a Value {
    let conditions = event["status"]["conditions"].as_array().expect("conditions");
    conditions
        .iter()
        .find(|condition| condition["type"] == name)
        .expect("the condition")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_policies_nothing_counts_and_afterwards_people_are_asked_again() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    let spec = json!({"match": {"types": ["down"]}, "groupBy": ["host"],
                      "triage": {"mode": "Always", "approvers": {"groups": ["sre"]}}});
    opsward.rule("asks", spec).await.expect("a rule");
    let body = json!({"source": "test", "event_type": "down", "severity": "high", "host": "web", "service": "nginx",
                      "message": "it is down"});
    let posted = opsward
        .post("/api/v1/sources/webhook", body.to_string())
        .await
        .expect("posted");
    assert_eq!(posted.0, 202);
    let asked = incident(&opsward, "AwaitingDecision", "Decision").await;
    let name = asked["metadata"]["name"].as_str().expect("a name");
    let namespace = opsward.namespace();
    let patch = |number: u32| {
        format!(
            "patch td {name}-d{number} -n {namespace} --type=merge -p {}",
            r#"{"spec":{"decision":"Accept"}}"#
        )
    };

    let binding = "delete validatingadmissionpolicybinding opsward-decision-check";
    kubectl(&rig, "admin", binding).await.expect("deleted");
    let held = incident(&opsward, "AwaitingDecision", "Identity").await;
    let said = condition(&held, "IdentityEnforced");
    assert_eq!(
        (said["status"].as_str(), said["reason"].as_str()),
        (Some("False"), Some("PoliciesMissing"))
    );
    let message = said["message"].as_str().expect("a message");
    assert!(
        message.starts_with("no ValidatingAdmissionPolicyBinding makes opsward-decision-check deny"),
        "{message}"
    );
    let enforced = opsward.metrics("controller").await.expect("metrics")["opsward_identity_enforced{}"];
    assert!(enforced.abs() < 0.5, "{enforced}");

    // Nobody checks who bob is; so it counts for nothing.
    until("an answer that nobody checks", WITHIN, || async {
        kubectl(&rig, "bob", &patch(1)).await
    })
    .await
    .expect("the policy acts no more");
    let held = incident(&opsward, "AwaitingDecision", "Identity").await;
    assert_eq!(held["status"]["decision"]["outcome"], "Pending");
    rig.install_crds().await.expect("the policies again");
    let state = format!("get td {name}-d1 -n {namespace} -o jsonpath={{.status.state}}/{{.status.reason}}");
    until("the question to be superseded", WITHIN, || async {
        let state = kubectl(&rig, "alice", &state).await?;
        if state == "Superseded/IdentityNotEnforced" {
            Ok(())
        } else {
            Err(state)
        }
    })
    .await
    .expect("superseded");
    let asked = incident(&opsward, "AwaitingDecision", "Decision").await;
    assert_eq!(asked["status"]["decision"]["name"], format!("{name}-d2"));
    assert_eq!(condition(&asked, "IdentityEnforced")["status"], "True");
    let said = kubectl(&rig, "bob", &patch(2))
        .await
        .expect_err("bob is no approver");
    assert!(said.contains("bob may not decide this"), "{said}");
    kubectl(&rig, "alice", &patch(2)).await.expect("alice is one");
    let accepted = incident(&opsward, "Acknowledged", "Clear").await;
    assert_eq!(accepted["status"]["decision"]["by"], "alice");
}
