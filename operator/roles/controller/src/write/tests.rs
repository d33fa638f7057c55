//! The calls against a script of answers. What a real API server answers is for the tests on the rig.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

use super::*;
use crate::incidents::project;
use crate::samples::{record, shown};

/// Answers in order, and what was asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            ..Self::default()
        }
    }

    fn client(&self) -> Client {
        let script = self.clone();
        let serve = move |request: Request<Body>| {
            let script = script.clone();
            async move { script.serve(request).await }
        };
        Client::new(service_fn(serve), "shop")
    }

    async fn serve(self, request: Request<Body>) -> Result<Response<Full<Bytes>>, BoxError> {
        let (head, body) = request.into_parts();
        let body = body.collect_bytes().await?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        self.asked
            .lock()
            .unwrap()
            .push((format!("{} {}", head.method, head.uri), body));
        let answer = self.answers.lock().unwrap().pop_front();
        let Some((code, answer)) = answer else {
            return std::future::pending().await;
        };
        let answer = Full::new(Bytes::from(serde_json::to_vec(&answer)?));
        Ok(Response::builder().status(code).body(answer)?)
    }

    fn asked(&self) -> Vec<String> {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .map(|(request, _)| request.clone())
            .collect()
    }

    fn body(&self, index: usize) -> Value {
        self.asked.lock().unwrap()[index].1.clone()
    }
}

const OBJECTS: &str = "/apis/opsward.dev/v1alpha1/namespaces/shop/opsevents";

fn wanted() -> OpsEvent {
    let mut object = project::object(&record());
    object.metadata.resource_version = Some("7".to_owned());
    object.metadata.uid = Some("u".to_owned());
    object.status = shown(&record()).status;
    object
}

/// Writes an OpsEvent.
async fn incident(client: Client, work: Work) -> Result<Outcome<OpsEvent>, WriteError> {
    match super::incident(client, work).await? {
        Written::OpsEvent(outcome) => Ok(*outcome),
        other @ Written::Question(..) => panic!("{other:?}"),
    }
}

fn stored(version: &str) -> Value {
    let mut object = project::object(&record());
    object.metadata.resource_version = Some(version.to_owned());
    object.metadata.generation = Some(3);
    serde_json::to_value(object).unwrap()
}

fn failure(code: u16, reason: &str, details: &Value) -> (u16, Value) {
    (
        code,
        json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "details": details}),
    )
}

#[tokio::test]
async fn an_opening_creates_the_object_and_then_writes_the_status_of_what_was_created() {
    let script = Script::new([(201, stored("8")), (200, stored("9"))]);
    let outcome = incident(script.client(), Work::Open(Box::new(wanted())))
        .await
        .unwrap();
    assert!(
        matches!(outcome, Outcome::Written(object) if object.metadata.resource_version.as_deref() == Some("9"))
    );
    let status = format!("PUT {OBJECTS}/high-cpu-k3v9q2mzra-1z4/status?&fieldManager=opsward");
    assert_eq!(
        script.asked(),
        [format!("POST {OBJECTS}?&fieldManager=opsward"), status]
    );
    let written = script.body(1);
    assert_eq!(written["metadata"]["resourceVersion"], "8");
    assert_eq!(written["status"]["observedGeneration"], 3);
    assert_eq!(written["status"]["occurrences"]["count"], 412);
}

#[tokio::test]
async fn an_object_that_exists_already_is_read_instead_of_created() {
    let script = Script::new([failure(409, "AlreadyExists", &json!({})), (200, stored("5"))]);
    let outcome = incident(script.client(), Work::Open(Box::new(wanted())))
        .await
        .unwrap();
    assert!(
        matches!(outcome, Outcome::Outdated(Some(object)) if object.metadata.resource_version.as_deref() == Some("5"))
    );
}

#[tokio::test]
async fn a_status_carries_its_version_and_a_lost_race_reads_the_object_again() {
    let script = Script::new([failure(409, "Conflict", &json!({})), (200, stored("9"))]);
    let outcome = incident(script.client(), Work::Status(Box::new(wanted())))
        .await
        .unwrap();
    assert!(matches!(outcome, Outcome::Outdated(Some(_))));
    assert_eq!(script.body(0)["metadata"]["resourceVersion"], "7");
}

#[tokio::test]
async fn an_object_that_went_meanwhile_is_outdated_by_nothing() {
    let script = Script::new([
        failure(404, "NotFound", &json!({})),
        failure(404, "NotFound", &json!({})),
    ]);
    let outcome = incident(script.client(), Work::Status(Box::new(wanted())))
        .await
        .unwrap();
    assert!(matches!(outcome, Outcome::Outdated(None)));
}

#[tokio::test]
async fn a_deletion_is_of_exactly_the_version_that_was_decided_on() {
    let script = Script::new([(200, json!({"kind": "Status", "status": "Success", "code": 200}))]);
    let outcome = incident(script.client(), Work::Delete(Box::new(wanted())))
        .await
        .unwrap();
    assert!(matches!(outcome, Outcome::Deleted));
    assert_eq!(
        script.body(0)["preconditions"],
        json!({"resourceVersion": "7", "uid": "u"})
    );
}

#[tokio::test]
async fn a_terminating_or_missing_namespace_is_told_from_other_refusals() {
    let terminating = failure(
        403,
        "Forbidden",
        &json!({"causes": [{"reason": "NamespaceTerminating"}]}),
    );
    let missing = failure(404, "NotFound", &json!({"kind": "namespaces", "name": "shop"}));
    let forbidden = failure(403, "Forbidden", &json!({}));
    for (answer, category) in [
        (terminating, "NamespaceClosed"),
        (missing, "NamespaceClosed"),
        (forbidden, "Refused"),
    ] {
        let error = incident(Script::new([answer]).client(), Work::Open(Box::new(wanted())))
            .await
            .unwrap_err();
        assert_eq!(error.category(), category);
    }
}

#[tokio::test]
async fn an_api_server_that_cannot_serve_is_told_from_one_that_refuses() {
    for (code, category) in [
        (429, "Unserved"),
        (500, "Unserved"),
        (503, "Unserved"),
        (422, "Refused"),
    ] {
        let script = Script::new([failure(code, "Whatever", &json!({}))]);
        let error = incident(script.client(), Work::Status(Box::new(wanted())))
            .await
            .unwrap_err();
        assert_eq!(error.category(), category, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_answer_ends_after_five_seconds() {
    let started = tokio::time::Instant::now();
    let error = incident(Script::default().client(), Work::Status(Box::new(wanted())))
        .await
        .unwrap_err();
    assert_eq!((error.category(), started.elapsed()), ("Timeout", CALL_TIMEOUT));
}

#[tokio::test]
async fn a_rules_status_is_written_with_its_type_and_version() {
    let rule: WrittenRule = serde_json::from_value(json!({
        "metadata": {"name": "high-cpu", "namespace": "shop", "uid": "9a1", "resourceVersion": "4"},
        "spec": {"match": {}},
    }))
    .unwrap();
    let script = Script::new([(200, serde_json::to_value(&rule).unwrap())]);
    assert!(matches!(
        super::rule(script.client(), rule).await.unwrap(),
        Outcome::Written(_)
    ));
    let body = script.body(0);
    assert_eq!(
        (&body["kind"], &body["metadata"]["resourceVersion"]),
        (&json!("TriggerRule"), &json!("4"))
    );
}

#[tokio::test]
async fn a_rule_is_gone_only_when_a_list_from_storage_does_not_name_its_uid() {
    let list = |items: Value| (200, json!({"metadata": {}, "items": items}));
    let here = json!([{"metadata": {"name": "high-cpu", "uid": "9a1"}}]);
    let another = json!([{"metadata": {"name": "high-cpu", "uid": "other"}}]);
    for (items, gone) in [(here, false), (another, true), (json!([]), true)] {
        let script = Script::new([list(items)]);
        assert_eq!(
            is_gone(script.client(), "shop", "high-cpu", "9a1").await.unwrap(),
            gone
        );
        assert!(
            !script.asked()[0].contains("resourceVersion"),
            "{:?}",
            script.asked()
        );
    }
    let not_served = Script::new([failure(404, "NotFound", &json!({}))]);
    assert!(
        !is_gone(not_served.client(), "shop", "high-cpu", "9a1")
            .await
            .unwrap()
    );
}
