//! Faults between a client and a real API server, at chosen requests: the client is killed, told a conflict, told to wait,
//! not answered, or left behind by its watches. The server itself is left alone and sees only what is let through.
//!
//! A fault is planned for the n-th mutating request about one incident; an incident is known by the `host` of its group.
//! Kubernetes Events and Leases are no such requests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::{BoxFuture, pending, ready};
use futures::{FutureExt, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tower::{BoxError, Layer, Service};

/// Mutating requests that are let through before a watch that was held is seen again.
const HELD_FOR_REQUESTS: usize = 1;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client is killed before the request leaves.
    KillBefore,
    /// The client is killed when the answer has come.
    KillAfter,
    /// Not sent; answered with this status.
    Answer(u16),
    /// Done, but the answer never comes.
    AnswerLost,
    /// Never arrives, and is never answered.
    RequestLost,
    /// Done; but all watches see nothing more until the client begins a second mutating request after it, about whichever
    /// incident.
    WatchesHeld,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::KillBefore,
        Self::KillAfter,
        Self::Answer(409),
        Self::Answer(429),
        Self::Answer(500),
        Self::AnswerLost,
        Self::RequestLost,
        Self::WatchesHeld,
    ];
}

/// A mutating request about an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The incident's host.
    pub host: String,
    /// `POST opsevents`, `PUT triagedecisions/status` …
    pub what: String,
    /// What happened to it.
    pub fault: Option<Fault>,
}

#[derive(Debug, Default)]
struct State {
    plans: HashMap<String, (usize, Fault)>,
    hosts: BTreeMap<String, String>,
    made: Vec<Made>,
    /// How many requests were made when watches began to be held.
    held_at: Option<usize>,
}

/// The plan, and what became of it. Clones share it.
#[derive(Clone, Debug)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    kills: mpsc::UnboundedSender<()>,
    held: watch::Sender<bool>,
}

impl Faults {
    /// No faults yet; the receiver hears each time that the client is to be killed.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<()>) {
        let (kills, killed) = mpsc::unbounded_channel();
        let faults = Self {
            state: Arc::default(),
            kills,
            held: watch::Sender::new(false),
        };
        (faults, killed)
    }

    /// Plans a fault for the `nth` mutating request, from 1, about the incident of `host`.
    pub fn plan(&self, host: &str, nth: usize, fault: Fault) {
        self.with(|state| state.plans.insert(host.to_owned(), (nth, fault)));
    }

    /// All mutating requests so far, in their order.
    pub fn made(&self) -> Vec<Made> {
        self.with(|state| state.made.clone())
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes a mutating request; what is to happen to it.
    fn note(&self, method: &str, path: &str, body: &[u8]) -> Option<Fault> {
        let place = Place::of(path)?;
        let object: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let name = place.name.or_else(|| text("/metadata/name"))?;
        let (fault, released) = self.with(|state| {
            if let Some(host) = text("/spec/group/host") {
                state.hosts.insert(name.clone(), host);
            }
            let ops_event = text("/spec/opsEvent").unwrap_or(name);
            let host = state.hosts.get(&ops_event)?.clone();
            let made = state.made.iter().filter(|made| made.host == host).count();
            let planned = state.plans.get(&host).copied();
            let fault = planned
                .filter(|(nth, _)| *nth == made + 1)
                .map(|(_, fault)| fault);
            let what = format!("{method} {}", place.what);
            state.made.push(Made { host, what, fault });
            let all = state.made.len();
            if fault == Some(Fault::WatchesHeld) {
                state.held_at = Some(all);
            }
            let released = state
                .held_at
                .is_some_and(|held_at| all > held_at + HELD_FOR_REQUESTS);
            Some((fault, released))
        })?;
        match fault {
            Some(Fault::WatchesHeld) => {
                self.held.send_replace(true);
            }
            _ if released => self.release(),
            _ => {}
        }
        fault
    }

    /// Lets watches see again.
    pub fn release(&self) {
        self.with(|state| state.held_at = None);
        self.held.send_replace(false);
    }
}

/// Where a request goes.
struct Place {
    what: String,
    name: Option<String>,
}

impl Place {
    /// Of a path below `opsward.dev`, of the kinds that are about one incident.
    fn of(path: &str) -> Option<Self> {
        let mut parts = path.split('/').skip_while(|part| *part != "namespaces").skip(2);
        let (kind, name, sub) = (parts.next()?, parts.next(), parts.next());
        if !path.contains("opsward.dev") || !["opsevents", "triagedecisions"].contains(&kind) {
            return None;
        }
        let sub = sub.map(|sub| format!("/{sub}")).unwrap_or_default();
        Some(Self {
            what: format!("{kind}{sub}"),
            name: name.map(str::to_owned),
        })
    }
}

impl<S> Layer<S> for Faults {
    type Service = Faulty<S>;

    fn layer(&self, inner: S) -> Faulty<S> {
        Faulty {
            inner,
            faults: self.clone(),
        }
    }
}

/// A service with faults.
#[derive(Clone, Debug)]
pub struct Faulty<S> {
    inner: S,
    faults: Faults,
}

type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

impl<S, B> Service<Request<Body>> for Faulty<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Answer;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Answer, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.method() == hyper::Method::GET {
            let is_watch = request
                .uri()
                .query()
                .is_some_and(|query| query.contains("watch=true"));
            let (answer, faults) = (self.inner.call(request), self.faults.clone());
            return async move {
                let answer = answer.await?;
                Ok(if is_watch {
                    held(answer, &faults)
                } else {
                    plain(answer)
                })
            }
            .boxed();
        }
        let (head, body) = request.into_parts();
        // kube's requests carry their bodies whole.
        let Some(Ok(body)) = body.collect_bytes().now_or_never() else {
            return ready(Err("a request whose body is not there at once".into())).boxed();
        };
        let fault = self.faults.note(head.method.as_str(), head.uri.path(), &body);
        let request = Request::from_parts(head, Body::from(body));
        let kills = self.faults.kills.clone();
        match fault {
            None | Some(Fault::WatchesHeld) => {
                let answer = self.inner.call(request);
                async move { Ok(plain(answer.await?)) }.boxed()
            }
            Some(Fault::KillBefore) => {
                let _gone = kills.send(());
                pending().boxed()
            }
            Some(Fault::KillAfter) => {
                let answer = self.inner.call(request);
                async move {
                    drop(answer.await?);
                    let _gone = kills.send(());
                    pending().await
                }
                .boxed()
            }
            Some(Fault::AnswerLost) => {
                let answer = self.inner.call(request);
                async move {
                    drop(answer.await?);
                    pending().await
                }
                .boxed()
            }
            Some(Fault::RequestLost) => pending().boxed(),
            Some(Fault::Answer(code)) => ready(refusal(code)).boxed(),
        }
    }
}

fn plain<B>(answer: Response<B>) -> Answer
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    answer.map(|body| body.map_err(Into::into).boxed_unsync())
}

/// A watch that is seen only while watches are not held.
fn held<B>(answer: Response<B>, faults: &Faults) -> Answer
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let held = faults.held.subscribe();
    answer.map(|body| {
        let frames = BodyStream::new(body.map_err(Into::into)).then(move |frame| {
            let mut held = held.clone();
            async move {
                // An error means that nobody holds it any more.
                let _released = held.wait_for(|held| !held).await;
                frame
            }
        });
        StreamBody::new(frames).boxed_unsync()
    })
}

/// An answer as the API server gives it.
fn refusal(code: u16) -> Result<Answer, BoxError> {
    let reason = match code {
        409 => "Conflict",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": format!("planned by the test: {reason}"),
    });
    let body = Full::new(Bytes::from(status.to_string()))
        .map_err(|never| match never {})
        .boxed_unsync();
    Ok(Response::builder()
        .status(code)
        .header("content-type", "application/json")
        .body(body)?)
}
