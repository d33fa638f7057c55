//! Stand-ins for services that cannot run here: each checks what it is sent as strictly as the real one documents, keeps it, and can
//! be in trouble when asked. They know nothing of Opsward.

pub mod hook;
pub mod pagerduty;
pub mod slack;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The query's pairs, decoded.
    pub query: BTreeMap<String, String>,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
}

/// What is answered: status, headers, body.
pub type Answer = (u16, Vec<(&'static str, String)>, String);

/// A service's own behaviour.
pub trait Service: Send + Sync + 'static {
    /// Takes a request in and answers it.
    fn answer(&self, request: &Request) -> Answer;
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// It is refused with 429 and a `Retry-After` of a second; nothing was done.
    TooMany,
    /// It is refused with 500; nothing was done.
    Broken,
    /// It is done, and never answered.
    Unanswered,
    /// It is done, and answered that late.
    Slow(Duration),
}

type Plan = dyn Fn(usize) -> Trouble + Send + Sync;

/// A service that listens on a free port of this machine.
pub struct Standin<S> {
    address: SocketAddr,
    /// The service.
    pub service: Arc<S>,
    plan: Arc<Mutex<Arc<Plan>>>,
    serving: JoinHandle<()>,
}

impl<S> std::fmt::Debug for Standin<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Standin")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl<S: Service> Standin<S> {
    /// Starts it.
    pub async fn start(service: S) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let service = Arc::new(service);
        let plan: Arc<Mutex<Arc<Plan>>> = Arc::new(Mutex::new(Arc::new(|_| Trouble::None)));
        let serving = tokio::spawn(serve(listener, service.clone(), plan.clone()));
        Ok(Self {
            address,
            service,
            plan,
            serving,
        })
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, the request of each number, counted from 0 over its whole life, meets this.
    pub fn trouble(&self, plan: impl Fn(usize) -> Trouble + Send + Sync + 'static) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }
}

impl<S> Drop for Standin<S> {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve<S: Service>(listener: TcpListener, service: Arc<S>, plan: Arc<Mutex<Arc<Plan>>>) {
    let number = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (service, plan, number) = (service.clone(), plan.clone(), number.clone());
        let serve_one = service_fn(move |request| {
            let (service, plan) = (service.clone(), plan.clone());
            let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move {
                let plan = plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Ok::<_, Infallible>(answer(&*service, plan(number), request).await)
            }
        });
        connections.spawn(async move {
            // A connection that breaks is the other side's matter.
            let _ended = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), serve_one)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer<S: Service>(
    service: &S,
    trouble: Trouble,
    request: hyper::Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    });
    let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return respond((400, Vec::new(), "the body broke off".to_owned()));
    };
    let request = Request {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: query(parts.uri.query().unwrap_or_default()),
        headers: headers.collect(),
        body,
    };
    match trouble {
        Trouble::None => respond(service.answer(&request)),
        Trouble::TooMany => respond((
            429,
            vec![("retry-after", "1".to_owned())],
            "{\"ok\":false,\"error\":\"ratelimited\"}".to_owned(),
        )),
        Trouble::Broken => respond((500, Vec::new(), "broken".to_owned())),
        Trouble::Unanswered => {
            service.answer(&request);
            std::future::pending().await
        }
        Trouble::Slow(late) => {
            let answer = service.answer(&request);
            tokio::time::sleep(late).await;
            respond(answer)
        }
    }
}

fn respond((status, headers, body): Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn query(text: &str) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://x/?{text}"));
    let pairs = url.map(|url| url.query_pairs().into_owned().collect());
    pairs.unwrap_or_default()
}

/// A JSON answer.
fn json(status: u16, value: &Value) -> Answer {
    let kind = ("content-type", "application/json; charset=utf-8".to_owned());
    (status, vec![kind], value.to_string())
}
