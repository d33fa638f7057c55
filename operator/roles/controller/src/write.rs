//! The calls on the API server: each with its time limit, each bearing that somebody else wrote first. Decides
//! nothing; what the answer means for the next step is the caller's.
//!
//! Statuses are replaced (PUT with `resourceVersion`), not applied server-side: they have one writer, an older leader
//! at most besides, and that one must fail instead of being merged. "Never lowers a position" rests on it.

use api::{FIELD_MANAGER, OpsEvent, TriageDecision, TriggerRule};
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};
use kube::core::{PartialObjectMeta, Status, TypeMeta};
use kube::{Api, Client};
use tokio::time::timeout;

use crate::error::{CALL_TIMEOUT, WriteError};
use crate::incidents::wanted::Work;
use crate::key::{WrittenRule, rule_resource};

/// What became of a write.
#[derive(Debug)]
pub enum Outcome<K> {
    /// It is done; the object is now this.
    Written(K),
    /// The object is deleted.
    Deleted,
    /// It was decided from an outdated look; the object is now this, or is not there.
    Outdated(Option<K>),
}

impl<K> Outcome<K> {
    /// A write that is found to have been done: its answer got lost, and the next try met the result.
    fn done_where(self, is_done: impl Fn(&K) -> bool) -> Self {
        match self {
            Self::Outdated(Some(found)) if is_done(&found) => Self::Written(found),
            other => other,
        }
    }
}

/// Why a call gave no result.
enum Failure {
    /// The object is not as it was thought to be: read it again.
    Outdated,
    /// Something else.
    Error(WriteError),
}

/// An object of an incident: its own, or a question about it.
#[derive(Debug)]
pub enum Written {
    /// Its own.
    OpsEvent(Box<Outcome<OpsEvent>>),
    /// A question, and what was to be written.
    Question(Box<Outcome<TriageDecision>>, Box<TriageDecision>),
}

/// Writes an object of an incident.
pub async fn incident(client: Client, work: Work) -> Result<Written, WriteError> {
    match work {
        Work::Open(object) => {
            let api = ops_events(client, &object);
            let done = open(&api, &object).await.map(Outcome::Written);
            let outcome = settle(&api, name(&object.metadata), done).await?;
            Ok(Written::OpsEvent(Box::new(outcome)))
        }
        Work::Status(object) => {
            let api = ops_events(client, &object);
            let done = replace_status(&api, &object).await.map(Outcome::Written);
            let outcome = settle(&api, name(&object.metadata), done).await?;
            let is_done = |found: &OpsEvent| found.status == object.status;
            Ok(Written::OpsEvent(Box::new(outcome.done_where(is_done))))
        }
        Work::Delete(object) => {
            let api = ops_events(client, &object);
            let done = delete(&api, &object).await.map(|()| Outcome::Deleted);
            let outcome = settle(&api, name(&object.metadata), done).await?;
            Ok(Written::OpsEvent(Box::new(outcome)))
        }
        Work::Ask(question) => {
            let api: Api<TriageDecision> = Api::namespaced(client, namespace(&question.metadata));
            let done = call(api.create(&put_params(), &question)).await;
            let outcome = settle(&api, name(&question.metadata), done.map(Outcome::Written)).await?;
            let uid = question.spec.ops_event_uid.as_str();
            let outcome = outcome.done_where(|found: &TriageDecision| found.is_about(Some(uid)));
            Ok(Written::Question(Box::new(outcome), question))
        }
        Work::Settle(question) => {
            let api: Api<TriageDecision> = Api::namespaced(client, namespace(&question.metadata));
            let name = name(&question.metadata);
            let done = call(api.replace_status(name, &put_params(), &question)).await;
            let outcome = settle(&api, name, done.map(Outcome::Written)).await?;
            let became = |question: &TriageDecision| {
                question
                    .status
                    .as_ref()
                    .map(|status| (status.state, status.reason))
            };
            let outcome = outcome.done_where(|found| became(found) == became(&question));
            Ok(Written::Question(Box::new(outcome), question))
        }
    }
}

fn ops_events(client: Client, object: &OpsEvent) -> Api<OpsEvent> {
    Api::namespaced(client, namespace(&object.metadata))
}

/// Writes a rule's status.
pub async fn rule(client: Client, mut object: WrittenRule) -> Result<Outcome<WrittenRule>, WriteError> {
    let api: Api<WrittenRule> = Api::namespaced_with(client, namespace(&object.metadata), &rule_resource());
    // Items of a list come without their type, and a PUT is refused without it.
    object.types = Some(TypeMeta::resource::<TriggerRule>());
    let written = call(api.replace_status(name(&object.metadata), &put_params(), &object)).await;
    settle(&api, name(&object.metadata), written.map(Outcome::Written)).await
}

/// Whether no object of this uid is there, by a read that the API server answers from its storage, not from a
/// cache. A list, because an answer with no items proves that the kind is served; a 404 could also mean that it is
/// not served yet.
pub async fn is_gone(client: Client, namespace: &str, name: &str, uid: &str) -> Result<bool, WriteError> {
    let api: Api<PartialObjectMeta<TriggerRule>> = Api::namespaced(client, namespace);
    let named = ListParams::default().fields(&format!("metadata.name={name}"));
    match call(api.list(&named)).await {
        Ok(list) => Ok(!list
            .items
            .iter()
            .any(|object| object.metadata.uid.as_deref() == Some(uid))),
        Err(Failure::Error(error)) => Err(error),
        Err(Failure::Outdated) => Ok(false),
    }
}

/// Creates the object and gives it its status at once: until then it is an incident without a phase.
async fn open(api: &Api<OpsEvent>, object: &OpsEvent) -> Result<OpsEvent, Failure> {
    let created = call(api.create(&put_params(), object)).await?;
    let mut status = object.status.clone();
    if let (Some(status), Some(generation)) = (&mut status, created.metadata.generation) {
        status.observed_generation = generation;
    }
    replace_status(api, &OpsEvent { status, ..created }).await
}

async fn replace_status(api: &Api<OpsEvent>, object: &OpsEvent) -> Result<OpsEvent, Failure> {
    call(api.replace_status(name(&object.metadata), &put_params(), object)).await
}

async fn delete(api: &Api<OpsEvent>, object: &OpsEvent) -> Result<(), Failure> {
    let exactly = Preconditions {
        resource_version: object.metadata.resource_version.clone(),
        uid: object.metadata.uid.clone(),
    };
    let params = DeleteParams::default().preconditions(exactly);
    call(api.delete(name(&object.metadata), &params))
        .await
        .map(|_| ())
}

/// Reads the object when a write found it other than thought.
async fn settle<K>(
    api: &Api<K>,
    name: &str,
    done: Result<Outcome<K>, Failure>,
) -> Result<Outcome<K>, WriteError>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    match done {
        Ok(outcome) => Ok(outcome),
        Err(Failure::Error(error)) => Err(error),
        Err(Failure::Outdated) => match call(api.get_opt(name)).await {
            Ok(object) => Ok(Outcome::Outdated(object)),
            Err(Failure::Error(error)) => Err(error),
            Err(Failure::Outdated) => Ok(Outcome::Outdated(None)),
        },
    }
}

async fn call<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
    match timeout(CALL_TIMEOUT, request).await {
        Err(_elapsed) => Err(Failure::Error(WriteError::Timeout)),
        Ok(answer) => answer.map_err(sort),
    }
}

fn sort(error: kube::Error) -> Failure {
    const TOO_MANY_REQUESTS: u16 = 429;
    const FIRST_SERVER_ERROR: u16 = 500;
    let kube::Error::Api(status) = error else {
        return Failure::Error(match error {
            kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
                WriteError::Unserved(Box::new(error))
            }
            other => WriteError::Refused(Box::new(other)),
        });
    };
    Failure::Error(if is_namespace_closed(&status) {
        WriteError::NamespaceClosed(status)
    } else if status.is_conflict() || status.is_already_exists() || status.is_not_found() {
        return Failure::Outdated;
    } else if status.code == TOO_MANY_REQUESTS || status.code >= FIRST_SERVER_ERROR {
        WriteError::Unserved(Box::new(kube::Error::Api(status)))
    } else {
        WriteError::Refused(Box::new(kube::Error::Api(status)))
    })
}

/// The words of the admission plugin `NamespaceLifecycle`: a terminating namespace forbids with this cause, a missing
/// one is itself what was not found.
fn is_namespace_closed(status: &Status) -> bool {
    let Some(details) = &status.details else {
        return false;
    };
    let terminating = details
        .causes
        .iter()
        .any(|cause| cause.reason == "NamespaceTerminating");
    (status.is_forbidden() && terminating) || (status.is_not_found() && details.kind == "namespaces")
}

fn put_params() -> PostParams {
    PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    }
}

fn namespace(metadata: &kube::core::ObjectMeta) -> &str {
    metadata.namespace.as_deref().unwrap_or_default()
}

fn name(metadata: &kube::core::ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests;
