//! The rig's servers are real: they answer people by name, refuse what is not allowed and record who did what. All
//! tests share one rig; those that kill servers are in `rig_faults.rs`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helpers are tests: they may fail by panicking"
)]

use std::time::Duration;

use async_nats::jetstream;
use async_nats::{Event, ServerError};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PostParams;
use kube::{Api, Client};
use rig::{Rig, until};
use serde_json::json;
use tokio::sync::mpsc;

/// For facts that are true at once on an idle machine.
const SOON: Duration = Duration::from_secs(20);

async fn shared() -> &'static Rig {
    Rig::shared().await.expect("the shared rig starts")
}

fn config_map(name: &str) -> ConfigMap {
    let value = json!({"metadata": {"name": name}, "data": {"kept": "yes"}});
    serde_json::from_value(value).expect("a ConfigMap")
}

#[tokio::test]
async fn apiserver_answers_people_by_their_own_names() {
    let rig = shared().await;
    for user in ["admin", "alice", "bob"] {
        let said = rig
            .kubectl(
                user,
                &["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"],
            )
            .await;
        assert_eq!(said.expect("kubectl runs").success().expect("answered"), user);
    }
    let groups = ["auth", "whoami", "-o", "jsonpath={.status.userInfo.groups}"];
    let alice = rig
        .kubectl("alice", &groups)
        .await
        .expect("runs")
        .success()
        .expect("answered");
    assert!(alice.contains("\"sre\""), "{alice}");
    let controller = rig
        .kubectl("controller", &groups)
        .await
        .expect("runs")
        .success()
        .expect("answered");
    assert!(
        controller.contains("system:serviceaccounts:opsward-system"),
        "{controller}"
    );
}

#[tokio::test]
async fn editors_may_edit_their_namespace_and_nothing_above_it() {
    let rig = shared().await;
    let namespace = rig.namespace("edit").await.expect("a namespace");
    for user in ["alice", "bob"] {
        let maps: Api<ConfigMap> = Api::namespaced(rig.client(user).await.expect("client"), &namespace);
        maps.create(&PostParams::default(), &config_map(user))
            .await
            .expect("an editor creates a ConfigMap");
        let asked = rig
            .kubectl(user, &["auth", "can-i", "create", "customresourcedefinitions"])
            .await
            .expect("runs");
        assert_eq!((asked.stdout.trim(), asked.ok()), ("no", false), "{asked:?}");
    }
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b.c}\n\
               spec: {group: b.c, scope: Namespaced, names: {kind: A, plural: a}, versions: []}\n";
    let refused = rig
        .kubernetes
        .kubectl_stdin("alice", &["create", "--validate=false", "-f", "-"], crd)
        .await;
    let refused = refused.expect("runs");
    assert!(
        !refused.ok() && refused.stderr.contains("Forbidden"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn namespaces_are_fresh() {
    let rig = shared().await;
    let first = rig.namespace("same").await.expect("first");
    let second = rig.namespace("same").await.expect("second");
    assert_ne!(first, second);
}

#[tokio::test]
async fn an_applied_crd_can_be_used_at_once() {
    let crd = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: knocks.rig.test}
spec:
  group: rig.test
  scope: Namespaced
  names: {kind: Knock, plural: knocks, singular: knock}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: rig.test/v1
kind: Knock
metadata: {name: who, namespace: default}
";
    let rig = shared().await;
    assert_eq!(rig.kubernetes.apply(crd).await.expect("applied"), 2);
    let seen = rig
        .kubectl("admin", &["get", "knocks", "-n", "default", "-o", "name"])
        .await
        .expect("runs");
    assert_eq!(seen.success().expect("listed").trim(), "knock.rig.test/who");
}

#[tokio::test]
async fn audit_log_says_who_wrote_what() {
    let rig = shared().await;
    let namespace = rig.namespace("audit").await.expect("a namespace");
    let maps: Api<ConfigMap> = Api::namespaced(rig.client("bob").await.expect("client"), &namespace);
    maps.create(&PostParams::default(), &config_map("noted"))
        .await
        .expect("created");
    let find = || async {
        let requests = rig.audit_requests().map_err(|error| format!("{error:#}"))?;
        let writes = requests
            .into_iter()
            .filter(|request| request.is_write() && request.namespace == namespace);
        writes
            .filter(|request| request.user == "bob")
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|other| format!("{other:?}"))
    };
    let [write]: [rig::AuditRequest; 1] = until("bob's one write in the audit log", SOON, find)
        .await
        .expect("logged");
    assert_eq!(
        (write.verb.as_str(), write.resource.as_str(), write.code),
        ("create", "configmaps", 201)
    );
    assert!(write.done && write.received <= write.completed);
}

#[tokio::test]
async fn a_role_cannot_publish_on_another_roles_subject() {
    let rig = shared().await;
    let (events, mut heard) = mpsc::channel(8);
    let options = rig
        .nats
        .connect_options("collector")
        .expect("a user")
        .event_callback(move |event| {
            let events = events.clone();
            async move {
                events.send(event).await.expect("the test listens");
            }
        });
    let client = options.connect(rig.nats_url()).await.expect("connected");
    client
        .publish("ingest.control.x", "not mine".into())
        .await
        .expect("sent");
    client.flush().await.expect("flushed");
    let refusal = tokio::time::timeout(SOON, async {
        loop {
            if let Some(Event::ServerError(ServerError::Other(text))) = heard.recv().await {
                return text;
            }
        }
    });
    let text = refusal.await.expect("the server refuses").to_lowercase();
    assert!(
        text.contains("permissions violation") && text.contains("ingest.control.x"),
        "{text}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let rig = shared().await;
    let options = async_nats::ConnectOptions::with_user_and_password("admin".into(), "guess".into());
    assert!(options.connect(rig.nats_url()).await.is_err());
    assert!(rig.nats_password("nobody").is_err());
}

#[tokio::test]
async fn a_client_belongs_to_its_own_test() {
    let client: Client = shared().await.client("admin").await.expect("client");
    let version = client.apiserver_version().await.expect("answered");
    assert_eq!(version.git_version, "v1.36.3");
}

#[tokio::test]
async fn each_role_connects_and_is_answered_on_its_own_inbox() {
    let rig = shared().await;
    for user in rig.nats.users() {
        let client = rig.nats.connect(user).await.expect("connected");
        client.flush().await.expect("flushed");
        let file = rig.nats.password_file(user).expect("a file");
        assert_eq!(
            std::fs::read_to_string(file).expect("read"),
            rig.nats_password(user).expect("a password")
        );
    }
    let context = jetstream::new(rig.nats.connect("collector").await.expect("connected"));
    // The stream is not there; what counts is that an answer comes back at all.
    let error = context
        .get_stream("INGEST")
        .await
        .expect_err("no stream in this rig");
    assert!(
        matches!(error.kind(), jetstream::context::GetStreamErrorKind::JetStream(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn opswards_own_kinds_and_roles_can_be_installed() {
    let rig = shared().await;
    rig.install_crds().await.expect("installed");
    let seen = rig
        .kubectl("alice", &["get", "opsevents,triggerrules", "-n", "default"])
        .await
        .expect("runs");
    assert!(seen.ok(), "{seen:?}");
    for (user, verb, resource, answer) in [
        ("bob", "create", "triggerrules", "yes"),
        ("bob", "patch", "opsevents", "yes"),
        ("bob", "patch", "opsevents/status", "no"),
        ("controller", "patch", "opsevents/status", "yes"),
        ("controller", "create", "triggerrules", "no"),
        ("collector", "get", "opsevents", "no"),
    ] {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let sub = format!("--subresource={subresource}");
        let asked = rig
            .kubectl(user, &["auth", "can-i", verb, resource, &sub, "-n", "default"])
            .await
            .expect("runs");
        assert_eq!(
            asked.stdout.trim(),
            answer,
            "{user} {verb} {resource} {subresource}: {asked:?}"
        );
    }
}
