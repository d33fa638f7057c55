//! Deciding: one field, once, by a person who may, under the person's own name.

use rig::Rig;

use crate::installed::{
    INCIDENT, create_incident, create_question, feed, kubectl, namespace, patch_status, question, refused,
    run, table, without_fill,
};

const ACCEPT: &str = r#"{"spec":{"decision":"Accept"}}"#;

/// The command that patches the question.
fn patch(namespace: &str, patch: &str) -> String {
    format!("patch td {INCIDENT}-d1 -n {namespace} --type=merge -p {patch}")
}

/// A namespace with the question in it.
async fn asked(prefix: &str) -> (&'static Rig, String) {
    let (rig, namespace) = namespace(prefix).await;
    create_question(rig, &namespace, INCIDENT).await;
    (rig, namespace)
}

/// What was decided, by whom, and why.
async fn decided(rig: &Rig, namespace: &str) -> String {
    let path = "{.spec.decision}/{.spec.decidedBy}/{.spec.reason}";
    let line = format!("get td {INCIDENT}-d1 -n {namespace} -o jsonpath={path}");
    kubectl(rig, "bob", &line).await
}

async fn settle(rig: &Rig, namespace: &str, state: &str) {
    let status = format!(r#"{{"status":{{"state":"{state}","since":"2024-12-20T10:46:00.000Z"}}}}"#);
    let name = format!("{INCIDENT}-d1");
    patch_status(rig, namespace, ("td", &name), &status).await;
}

#[tokio::test]
async fn a_question_waits_from_the_start_in_columns_and_selections() {
    let (rig, namespace) = asked("waits").await;
    let waiting = format!("get td -n {namespace} --field-selector status.state=Pending");
    let printed = kubectl(rig, "alice", &waiting).await;
    let rows = table(&printed);
    assert_eq!(rows[0], ["NAME", "STATE", "ASKS", "EXPIRES", "BY", "AGE"]);
    let name = format!("{INCIDENT}-d1");
    assert_eq!(
        rows[1][..4],
        [
            name.as_str(),
            "Pending",
            "CPU usage exceeded 95%",
            "2024-12-20T10:45:00.123Z"
        ]
    );
}

#[tokio::test]
async fn the_decision_is_all_that_a_person_types() {
    let (rig, namespace) = asked("types").await;
    kubectl(rig, "alice", &patch(&namespace, ACCEPT)).await;
    assert_eq!(decided(rig, &namespace).await, "Accept/alice/");
}

#[tokio::test]
async fn who_is_no_approver_is_refused_and_told_what_is_missing() {
    let (rig, namespace) = asked("bob").await;
    let said = refused(rig, "bob", &patch(&namespace, ACCEPT)).await;
    let grant = format!(
        "bob may not decide this. It asks group sre, and whoever may approve. An administrator grants that with: \
         kubectl create rolebinding opsward-approver-bob -n {namespace} --clusterrole=opsward-approver --user='bob'"
    );
    assert!(said.contains(&grant), "{said}");
    // In alice's name neither.
    let as_alice = r#"{"spec":{"decision":"Accept","decidedBy":"alice"}}"#;
    let said = refused(rig, "bob", &patch(&namespace, as_alice)).await;
    assert!(said.contains("bob may not decide this"), "{said}");
    // The printed command works; a shell takes off the quotes.
    let command = grant.split_once("with: kubectl ").expect("a command").1;
    kubectl(rig, "admin", &command.replace('\'', "")).await;
    let allowed = rig::until(
        "the role to count",
        std::time::Duration::from_secs(30),
        || async {
            let output = run(rig, "bob", &patch(&namespace, ACCEPT)).await;
            if output.ok() { Ok(()) } else { Err(output.stderr) }
        },
    );
    allowed.await.expect("whoever may approve decides");
    assert_eq!(decided(rig, &namespace).await, "Accept/bob/");
}

#[tokio::test]
async fn whatever_name_is_sent_the_callers_is_stored() {
    let (rig, namespace) = asked("name").await;
    let as_bob = r#"{"spec":{"decision":"Discharge","decidedBy":"bob","reason":"planned"}}"#;
    kubectl(rig, "alice", &patch(&namespace, as_bob)).await;
    assert_eq!(decided(rig, &namespace).await, "Discharge/alice/planned");
}

#[tokio::test]
async fn opswards_own_account_does_not_decide() {
    let (rig, namespace) = asked("own").await;
    // It has no right to; and given one, it is refused all the same.
    let said = refused(rig, "controller", &patch(&namespace, ACCEPT)).await;
    assert!(said.contains("cannot patch resource"), "{said}");
    let bind = format!(
        "create rolebinding own -n {namespace} --clusterrole=edit --serviceaccount=opsward-system:opsward-controller"
    );
    kubectl(rig, "admin", &bind).await;
    let refused_by_policy = rig::until(
        "the policy's refusal",
        std::time::Duration::from_secs(30),
        || async {
            let said = refused(rig, "controller", &patch(&namespace, ACCEPT)).await;
            if said.contains("Opsward's own accounts do not decide; a person does") {
                Ok(())
            } else {
                Err(said)
            }
        },
    );
    refused_by_policy.await.expect("the policy refuses");
}

#[tokio::test]
async fn a_decision_is_given_once_and_the_other_sees_who_was_first() {
    let (rig, namespace) = asked("once").await;
    kubectl(rig, "alice", &patch(&namespace, ACCEPT)).await;
    for (user, change) in [
        ("alice", r#"{"spec":{"decision":"Discharge"}}"#),
        ("alice", r#"{"spec":{"decision":null}}"#),
        ("alice", r#"{"spec":{"decision":"Accept","reason":"later"}}"#),
        ("admin", r#"{"spec":{"decision":"Discharge"}}"#),
        ("admin", r#"{"spec":{"decidedBy":"admin"}}"#),
        ("bob", ACCEPT),
    ] {
        let said = refused(rig, user, &patch(&namespace, change)).await;
        assert!(
            said.contains("alice has decided: Accept; a decision is given once"),
            "{user} {change}: {said}"
        );
    }
    // Saying it again oneself is no harm, nor is a label, nor what rewrites all objects.
    kubectl(rig, "admin", &patch(&namespace, ACCEPT)).await;
    kubectl(rig, "alice", &patch(&namespace, ACCEPT)).await;
    kubectl(
        rig,
        "bob",
        &patch(&namespace, r#"{"metadata":{"labels":{"seen":"yes"}}}"#),
    )
    .await;
    assert_eq!(decided(rig, &namespace).await, "Accept/alice/");
}

#[tokio::test]
async fn of_two_people_at_once_exactly_one_decides() {
    for round in 0..5 {
        let (rig, namespace) = asked("both").await;
        let (accept, discharge) = (
            patch(&namespace, ACCEPT),
            patch(&namespace, r#"{"spec":{"decision":"Discharge"}}"#),
        );
        let (alice, admin) = tokio::join!(run(rig, "alice", &accept), run(rig, "admin", &discharge));
        let (loser, first) = match (alice.ok(), admin.ok()) {
            (true, false) => (admin, "alice has decided: Accept"),
            (false, true) => (alice, "admin has decided: Discharge"),
            _ => panic!("round {round}: {alice:?} {admin:?}"),
        };
        assert!(loser.stderr.contains(first), "{loser:?}");
    }
}

#[tokio::test]
async fn the_question_itself_stays_as_it_was_put() {
    let (rig, namespace) = asked("frozen").await;
    for change in [
        r#"{"spec":{"approvers":{"users":["bob"]}}}"#,
        r#"{"spec":{"escalatesTo":{"groups":["sre"]}}}"#,
        r#"{"spec":{"expiresAt":"2030-01-01T00:00:00.000Z"}}"#,
        r#"{"spec":{"opsEvent":"another"}}"#,
        r#"{"spec":{"opsEventUid":"another"}}"#,
        r#"{"spec":{"policies":"another"}}"#,
        r#"{"spec":{"asks":"nothing"}}"#,
        r#"{"spec":{"tier":1}}"#,
    ] {
        for user in ["alice", "admin"] {
            let said = refused(rig, user, &patch(&namespace, change)).await;
            assert!(
                said.contains(
                    "Opsward's question is written once; only decision, reason and feedback may be set"
                ),
                "{change}: {said}"
            );
        }
    }
}

#[tokio::test]
async fn a_name_or_a_reason_without_a_decision_is_refused() {
    let (rig, namespace) = asked("alone").await;
    for change in [
        r#"{"spec":{"decidedBy":"alice"}}"#,
        r#"{"spec":{"reason":"why"}}"#,
    ] {
        let said = refused(rig, "alice", &patch(&namespace, change)).await;
        assert!(
            said.contains("spec.decidedBy and spec.reason go with spec.decision: set that too"),
            "{said}"
        );
    }
    let unknown = refused(
        rig,
        "alice",
        &patch(&namespace, r#"{"spec":{"decision":"Approve"}}"#),
    )
    .await;
    assert!(
        unknown.contains(r#"supported values: "Accept", "Discharge", "Escalate""#),
        "{unknown}"
    );
}

#[tokio::test]
async fn nothing_is_decided_in_a_final_state_but_feedback_is_taken_once() {
    for state in ["Expired", "Superseded"] {
        let (rig, namespace) = asked("final").await;
        let feedback = r#"{"spec":{"feedback":{"rating":"NotHelpful","notes":"noise"}}}"#;
        let early = refused(rig, "alice", &patch(&namespace, feedback)).await;
        assert!(
            early.contains("spec.feedback: comes once the question is settled"),
            "{early}"
        );
        settle(rig, &namespace, state).await;
        let said = refused(rig, "alice", &patch(&namespace, ACCEPT)).await;
        let expected = format!("this question is {state}: no decision is taken any more");
        assert!(said.contains(&expected), "{said}");
        kubectl(rig, "alice", &patch(&namespace, feedback)).await;
        let again = r#"{"spec":{"feedback":{"rating":"Helpful"}}}"#;
        let said = refused(rig, "alice", &patch(&namespace, again)).await;
        assert!(said.contains("spec.feedback is given once"), "{said}");
    }
}

#[tokio::test]
async fn without_a_further_tier_nobody_escalates() {
    let (rig, namespace) = namespace("tier").await;
    let last = question(&namespace, INCIDENT, "").replace("[sre-leads]", "[]");
    let created = feed(rig, "controller", "create -f -", &last).await;
    assert!(created.ok(), "{created:?}");
    let escalate = r#"{"spec":{"decision":"Escalate"}}"#;
    let said = refused(rig, "alice", &patch(&namespace, escalate)).await;
    assert!(
        said.contains("everybody is asked already, there is no further tier; Accept or Discharge"),
        "{said}"
    );
}

#[tokio::test]
async fn a_decision_cannot_be_replayed_on_a_recreated_question() {
    let (rig, namespace) = asked("replay").await;
    kubectl(rig, "alice", &patch(&namespace, ACCEPT)).await;
    let name = format!("{INCIDENT}-d1");
    kubectl(rig, "admin", &format!("delete td {name} -n {namespace}")).await;
    let decided = question(&namespace, INCIDENT, "decision: Accept\n  decidedBy: alice");
    for user in ["admin", "controller"] {
        let created = feed(rig, user, "create -f -", &decided).await;
        let expected = "a TriageDecision is created undecided; set spec.decision afterwards";
        assert!(
            !created.ok() && created.stderr.contains(expected),
            "{user}: {created:?}"
        );
    }
    // Who may do everything to questions but `ask` puts none.
    let grant = format!(
        "create role questions -n {namespace} --verb=create,get,delete --resource=triagedecisions.opsward.dev"
    );
    kubectl(rig, "admin", &grant).await;
    kubectl(
        rig,
        "admin",
        &format!("create rolebinding questions -n {namespace} --role=questions --user=bob"),
    )
    .await;
    let undecided = question(&namespace, INCIDENT, "");
    let refused_by_policy = rig::until(
        "the policy's refusal",
        std::time::Duration::from_secs(30),
        || async {
            let created = feed(rig, "bob", "create -f -", &undecided).await;
            if created.stderr.contains("only Opsward puts questions") {
                Ok(())
            } else {
                Err(format!("{created:?}"))
            }
        },
    );
    refused_by_policy.await.expect("the policy refuses");
}

#[tokio::test]
async fn a_question_stays_tied_to_its_incident() {
    let (rig, namespace) = asked("owner").await;
    create_incident(rig, &namespace).await;
    let owner =
        r#"{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"none","uid":"0"}]}}"#;
    for user in ["alice", "bob"] {
        let said = refused(rig, user, &patch(&namespace, owner)).await;
        assert!(said.contains("only who may delete it may change that"), "{said}");
        let said = refused(rig, user, &crate::installed::patch(&namespace, owner)).await;
        assert!(
            said.contains("only who may delete an OpsEvent may change"),
            "{said}"
        );
    }
    kubectl(rig, "admin", &patch(&namespace, owner)).await;
}

#[tokio::test]
async fn tenants_neither_create_nor_delete_questions_nor_write_what_became_of_them() {
    let (rig, namespace) = asked("tenants").await;
    let created = feed(
        rig,
        "alice",
        "create -f -",
        &question(&namespace, "another-0-1", ""),
    )
    .await;
    assert!(
        !created.ok() && created.stderr.contains("cannot create resource"),
        "{created:?}"
    );
    let deleted = refused(rig, "alice", &format!("delete td {INCIDENT}-d1 -n {namespace}")).await;
    assert!(deleted.contains("cannot delete resource"), "{deleted}");
    let status = r#"{"status":{"state":"Accepted"}}"#;
    let line = format!("{} --subresource=status", patch(&namespace, status));
    let said = refused(rig, "alice", &line).await;
    assert!(
        said.contains("cannot get resource \"triagedecisions/status\""),
        "{said}"
    );
    kubectl(rig, "alice", &patch(&namespace, status)).await;
    let state = format!("get td {INCIDENT}-d1 -n {namespace} -o jsonpath={{.status.state}}");
    assert_eq!(kubectl(rig, "alice", &state).await, "Pending");
}

#[tokio::test]
async fn without_the_fill_the_refusal_prints_the_command_that_works() {
    let rig = without_fill().await;
    let namespace = rig.namespace("older").await.expect("a namespace");
    create_question(&rig, &namespace, INCIDENT).await;
    let as_bob = r#"{"spec":{"decision":"Accept","decidedBy":"bob"}}"#;
    for attempt in [ACCEPT, as_bob] {
        let said = refused(&rig, "alice", &patch(&namespace, attempt)).await;
        assert!(
            said.contains("spec.decidedBy must be your own name. This works: kubectl patch triagedecisions "),
            "{said}"
        );
    }
    let said = refused(&rig, "alice", &patch(&namespace, ACCEPT)).await;
    let with_reason = r#"{"spec":{"decision":"Accept","reason":"mine"}}"#;
    let reminded = refused(&rig, "alice", &patch(&namespace, with_reason)).await;
    assert!(
        reminded.contains(r#""decidedBy":"alice","reason":"WHY"}}"#),
        "{reminded}"
    );
    let printed = said
        .split('\'')
        .find(|part| part.starts_with("{\"spec\""))
        .expect("a patch is printed");
    kubectl(&rig, "alice", &patch(&namespace, printed)).await;
    assert_eq!(decided(&rig, &namespace).await, "Accept/alice/");
}
