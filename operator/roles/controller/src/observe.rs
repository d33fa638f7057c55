//! What comes in: all watches as one stream of observations. Each begins anew after an error, with pauses, for
//! ever; each says so once it cannot see. Interprets nothing.

use std::time::Duration;

use api::OpsEvent;
use bus::{Bus, Change, Record, SourceRecord};
use domain::incident::IncidentRecord;
use domain::notify::Notification;
use domain::rule::record::RuleRecord;
use futures::channel::mpsc;
use futures::stream::{self, BoxStream};
use futures::{SinkExt, Stream, StreamExt};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff as WatchBackoff;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use platform::{Backoff, Chain};
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tracing::warn;

use crate::key::{WrittenQuestion, WrittenRule, question_resource, rule_resource};

/// How long the API server keeps a watch open. Long, because a settled controller makes no other requests than to
/// open its watches again; kube notices a dead connection 5 s later.
const WATCH_SECONDS: u32 = 290;
/// Bounds of the pauses after an error. Short at the top: 500 incidents are to be right within 10 s of the API
/// server's return.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// How soon what may not be seen is asked for again: an administrator repairs a right by hand.
const HIDDEN_RETRY: Duration = Duration::from_secs(10);
/// Changes of one bucket that may wait; beyond, NATS is read no further.
const CHANGES_WAITING: usize = 64;

const OPS_EVENTS: &str = "opsevents.opsward.dev";
const TRIGGER_RULES: &str = "triggerrules.opsward.dev";
const TRIAGE_DECISIONS: &str = "triagedecisions.opsward.dev";
/// The watch of admission policies.
pub const POLICIES: &str = "validatingadmissionpolicies.admissionregistration.k8s.io";
/// The watch of their bindings.
pub const BINDINGS: &str = "validatingadmissionpolicybindings.admissionregistration.k8s.io";
const NAMESPACES: &str = "namespaces";

/// A change of what one watch shows.
#[derive(Debug)]
pub enum Feed<T, G> {
    /// A list begins.
    Begin,
    /// It is there, as this.
    There(T),
    /// It is gone.
    Gone(G),
    /// The list ended: what it did not name is gone.
    Whole,
}

/// A record with its bucket key.
pub type KeyedFeed<T> = Feed<(String, T), String>;

/// Namespaces, of which metadata is enough.
pub type NamespaceFeed = Feed<Box<PartialObjectMeta<Namespace>>, Box<PartialObjectMeta<Namespace>>>;

/// One thing seen.
#[derive(Debug)]
pub enum Observation {
    /// Of bucket `incidents`.
    Incident(KeyedFeed<IncidentRecord>),
    /// Of bucket `rules`.
    RuleRecord(KeyedFeed<RuleRecord>),
    /// Of bucket `tasks`, of which the notifications are all.
    Notification(Box<KeyedFeed<Notification>>),
    /// Of bucket `sources`.
    Source(KeyedFeed<SourceRecord>),
    /// Of OpsEvents.
    OpsEvent(Feed<Box<OpsEvent>, Box<OpsEvent>>),
    /// Of TriggerRules.
    Rule(Feed<Box<WrittenRule>, Box<WrittenRule>>),
    /// Of TriageDecisions.
    Question(Feed<Box<WrittenQuestion>, Box<WrittenQuestion>>),
    /// Of ValidatingAdmissionPolicies.
    Policy(Feed<Box<ValidatingAdmissionPolicy>, Box<ValidatingAdmissionPolicy>>),
    /// Of what binds them.
    Binding(Feed<Box<ValidatingAdmissionPolicyBinding>, Box<ValidatingAdmissionPolicyBinding>>),
    /// Of Namespaces.
    Namespace(NamespaceFeed),
    /// A watch cannot see now; its name, what is missing and what to do.
    Blind(&'static str, String),
    /// Admission policies may not be seen; the watch's name, what is missing and what to do.
    Hidden(&'static str, String),
}

impl Observation {
    /// The watch that made it.
    pub const fn watch(&self) -> &'static str {
        match self {
            Self::Incident(_) => IncidentRecord::BUCKET,
            Self::RuleRecord(_) => RuleRecord::BUCKET,
            Self::Source(_) => SourceRecord::BUCKET,
            Self::Notification(_) => Notification::BUCKET,
            Self::OpsEvent(_) => OPS_EVENTS,
            Self::Rule(_) => TRIGGER_RULES,
            Self::Question(_) => TRIAGE_DECISIONS,
            Self::Policy(_) => POLICIES,
            Self::Binding(_) => BINDINGS,
            Self::Namespace(_) => NAMESPACES,
            Self::Blind(watch, _) | Self::Hidden(watch, _) => watch,
        }
    }

    /// Whether it proves that its watch sees: the beginning of a list does not, as it is said before it is asked for.
    pub fn sees(&self) -> bool {
        if let Self::Notification(feed) = self {
            return !matches!(**feed, Feed::Begin);
        }
        !matches!(
            self,
            Self::Incident(Feed::Begin)
                | Self::RuleRecord(Feed::Begin)
                | Self::Source(Feed::Begin)
                | Self::OpsEvent(Feed::Begin)
                | Self::Rule(Feed::Begin)
                | Self::Question(Feed::Begin)
                | Self::Policy(Feed::Begin)
                | Self::Binding(Feed::Begin)
                | Self::Namespace(Feed::Begin)
                | Self::Blind(..)
                | Self::Hidden(..)
        )
    }
}

/// All watches.
pub fn all(client: &Client, bus: &Bus) -> impl Stream<Item = Observation> + Send + Unpin + use<> {
    let questions: Api<WrittenQuestion> = Api::all_with(client.clone(), &question_resource());
    let rules: Api<WrittenRule> = Api::all_with(client.clone(), &rule_resource());
    let watches: [BoxStream<'static, Observation>; 10] = [
        records(bus.clone(), Observation::Incident),
        records(bus.clone(), Observation::RuleRecord),
        records(bus.clone(), Observation::Source),
        records(bus.clone(), |feed| Observation::Notification(Box::new(feed))),
        objects(Api::all(client.clone()), OPS_EVENTS, Observation::OpsEvent),
        objects(rules, TRIGGER_RULES, Observation::Rule),
        objects(questions, TRIAGE_DECISIONS, Observation::Question),
        policies(client, POLICIES, Observation::Policy),
        policies(client, BINDINGS, Observation::Binding),
        objects(Api::all(client.clone()), NAMESPACES, Observation::Namespace),
    ];
    stream::select_all(watches)
}

type Of<T> = fn(T) -> Observation;

/// The watch of what says who decides. Where that may not be seen, what needs it must hold, and nothing else; and when it may
/// be seen again it is listed anew, for a watch that is merely taken up again says nothing.
fn policies<K>(
    client: &Client,
    resource: &'static str,
    of: Of<Feed<Box<K>, Box<K>>>,
) -> BoxStream<'static, Observation>
where
    K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let client = client.clone();
    let terms = stream::iter(0_u64..).then(|term| async move {
        if term > 0 {
            sleep(HIDDEN_RETRY).await;
        }
    });
    let watched = terms.flat_map(move |()| {
        let api: Api<K> = Api::all(client.clone());
        until_hidden(objects(api, resource, of))
    });
    watched.boxed()
}

/// A watch up to the word that it may not see, and no further: taken up again it would say nothing.
fn until_hidden(watched: BoxStream<'static, Observation>) -> impl Stream<Item = Observation> + Send {
    stream::unfold(Some(watched), |watched| async move {
        let mut watched = watched?;
        let observation = watched.next().await?;
        let is_hidden = matches!(observation, Observation::Hidden(..));
        Some((observation, (!is_hidden).then_some(watched)))
    })
}

fn objects<K>(
    api: Api<K>,
    resource: &'static str,
    of: Of<Feed<Box<K>, Box<K>>>,
) -> BoxStream<'static, Observation>
where
    K: kube::Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    let observed = watcher(api, config)
        .backoff(Pauses::new())
        .map(move |event| match event {
            Ok(Event::Init) => of(Feed::Begin),
            Ok(Event::InitApply(object) | Event::Apply(object)) => of(Feed::There(Box::new(object))),
            Ok(Event::InitDone) => of(Feed::Whole),
            Ok(Event::Delete(object)) => of(Feed::Gone(Box::new(object))),
            Err(error) if is_hidden(resource, &error) => {
                Observation::Hidden(resource, blind(resource, &error))
            }
            Err(error) => Observation::Blind(resource, blind(resource, &error)),
        });
    observed.boxed()
}

/// Whether it is a refusal to show admission policies.
fn is_hidden(resource: &str, error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(cause) | watcher::Error::WatchStartFailed(cause)) = error else {
        return false;
    };
    let refused = matches!(cause, kube::Error::Api(status) if status.is_forbidden() || status.is_not_found());
    refused && [POLICIES, BINDINGS].contains(&resource)
}

/// What a person reads in `/readyz` while `resource` cannot be watched.
fn blind(resource: &str, error: &watcher::Error) -> String {
    let (watcher::Error::InitialListFailed(cause) | watcher::Error::WatchStartFailed(cause)) = error else {
        return format!("watching {resource}: {}", Chain(error));
    };
    match cause {
        kube::Error::Api(status) if status.is_not_found() && resource.ends_with(".k8s.io") => {
            format!("waiting for {resource}, which Kubernetes 1.30 and newer serve")
        }
        kube::Error::Api(status) if status.is_not_found() => {
            format!("waiting for CRD {resource}: kubectl apply -f crds/")
        }
        kube::Error::Api(status) if status.is_forbidden() => {
            format!(
                "waiting for the right to list and watch {resource}: {}",
                status.message
            )
        }
        other => format!("waiting for the API server to list {resource}: {}", Chain(other)),
    }
}

/// The pauses between attempts to watch, as kube asks for them.
struct Pauses(Backoff);

impl Pauses {
    fn new() -> Self {
        Self(Backoff::new(RETRY_MIN, RETRY_MAX))
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.0.next_pause())
    }
}

impl WatchBackoff for Pauses {
    fn reset(&mut self) {
        self.0.reset();
    }
}

/// A bucket as a stream. The future that follows it runs inside the stream: it is polled with it and ends with it.
fn records<T: Record>(bus: Bus, of: Of<KeyedFeed<T>>) -> BoxStream<'static, Observation> {
    let (changes, received) = mpsc::channel(CHANGES_WAITING);
    let following = stream::once(follow(bus, of, changes)).filter_map(|()| async { None });
    stream::select(received, following).boxed()
}

async fn follow<T: Record>(bus: Bus, of: Of<KeyedFeed<T>>, mut changes: mpsc::Sender<Observation>) {
    let mut backoff = Backoff::new(RETRY_MIN, RETRY_MAX);
    loop {
        let ended = follow_once(&bus, of, &mut changes, &mut backoff).await;
        let Err(error) = ended else { return };
        let reason = format!("waiting for NATS bucket {}: {}", T::BUCKET, Chain(&error));
        if changes.send(Observation::Blind(T::BUCKET, reason)).await.is_err() {
            return;
        }
        sleep(backoff.next_pause()).await;
    }
}

/// Follows a bucket until its watch fails; `Ok` when nobody listens any more.
async fn follow_once<T: Record>(
    bus: &Bus,
    of: Of<KeyedFeed<T>>,
    changes: &mut mpsc::Sender<Observation>,
    backoff: &mut Backoff,
) -> Result<(), bus::BusError> {
    let bucket = bus.records::<T>().await?;
    let mut watch = bucket.watch().await?;
    let mut feed = Some(Feed::Begin);
    loop {
        if let Some(feed) = feed.take()
            && changes.send(of(feed)).await.is_err()
        {
            return Ok(());
        }
        feed = match watch.next().await {
            Some(Ok(Change::Put { key, value })) => Some(Feed::There((key, value))),
            Some(Ok(Change::Removed { key })) => Some(Feed::Gone(key)),
            Some(Ok(Change::Synced)) => {
                backoff.reset();
                Some(Feed::Whole)
            }
            // Written by a newer version, or damaged: the others go on.
            Some(Err(error @ bus::BusError::Decode { .. })) => {
                warn!(bucket = T::BUCKET, error = %Chain(&error), "record skipped");
                None
            }
            Some(Err(error)) => return Err(error),
            None => {
                return Err(bus::BusError::Missing {
                    name: T::BUCKET.to_owned(),
                });
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn refused(code: u16, reason: &str) -> watcher::Error {
        let status = Status {
            code,
            reason: reason.to_owned(),
            message: "no".to_owned(),
            ..Status::default()
        };
        watcher::Error::InitialListFailed(kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn a_missing_crd_is_named_with_its_remedy() {
        let reason = blind("opsevents.opsward.dev", &refused(404, "NotFound"));
        assert_eq!(
            reason,
            "waiting for CRD opsevents.opsward.dev: kubectl apply -f crds/"
        );
    }

    #[tokio::test]
    async fn a_watch_that_may_not_see_is_given_up_at_once() {
        let hidden = Observation::Hidden(POLICIES, "no".to_owned());
        let silent = stream::iter([hidden]).chain(stream::pending()).boxed();
        assert_eq!(until_hidden(silent).count().await, 1);
    }

    #[test]
    fn only_policies_may_be_hidden() {
        assert!(is_hidden(POLICIES, &refused(403, "Forbidden")));
        assert!(!is_hidden(POLICIES, &refused(500, "InternalError")));
        assert!(!is_hidden(NAMESPACES, &refused(403, "Forbidden")));
    }

    #[test]
    fn a_missing_right_is_named() {
        let reason = blind("namespaces", &refused(403, "Forbidden"));
        assert!(
            reason.starts_with("waiting for the right to list and watch namespaces"),
            "{reason}"
        );
    }
}
