//! The driver against a function that stores one Lease with compare-and-set, in paused time.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response};
use kube::client::Body;
use tokio::task::JoinHandle;
use tower::{BoxError, service_fn};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Stored {
    lease: Option<LeaseObject>,
    version: u64,
    requests: u32,
    fault: Option<Fault>,
}

#[derive(Clone, Copy)]
enum Fault {
    Refuses,
    Hangs,
}

#[derive(Clone, Default)]
struct ApiServer(Arc<Mutex<Stored>>);

impl ApiServer {
    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.0.lock().unwrap()
    }

    fn set_fault(&self, fault: Option<Fault>) {
        self.stored().fault = fault;
    }

    fn holder(&self) -> Option<String> {
        self.stored().lease.clone()?.spec?.holder_identity
    }

    fn client(&self) -> Client {
        let server = self.clone();
        let serve = move |request: Request<Body>| {
            let server = server.clone();
            async move { server.serve(request).await }
        };
        Client::new(service_fn(serve), "opsward")
    }

    async fn serve(self, request: Request<Body>) -> Result<Response<Full<Bytes>>, BoxError> {
        let fault = self.stored().fault;
        match fault {
            Some(Fault::Refuses) => return Err("connection refused".into()),
            Some(Fault::Hangs) => std::future::pending().await,
            None => {}
        }
        let (head, body) = request.into_parts();
        let body = body.collect_bytes().await?;
        let mut stored = self.stored();
        stored.requests += 1;
        let (code, answer) = match (head.method, stored.lease.clone()) {
            (Method::GET | Method::PUT, None) => failure(404, "NotFound"),
            (Method::GET, Some(lease)) => (200, serde_json::to_value(lease)?),
            (Method::POST, Some(_)) => failure(409, "AlreadyExists"),
            (Method::POST, None) => stored.store(serde_json::from_slice(&body)?)?,
            (Method::PUT, Some(current)) => {
                let wanted: LeaseObject = serde_json::from_slice(&body)?;
                if wanted.metadata.resource_version == current.metadata.resource_version {
                    stored.store(wanted)?
                } else {
                    failure(409, "Conflict")
                }
            }
            (method, _) => panic!("{method} is not expected"),
        };
        Ok(Response::builder()
            .status(code)
            .body(Full::from(serde_json::to_vec(&answer)?))?)
    }
}

impl Stored {
    fn store(&mut self, mut lease: LeaseObject) -> Result<(u16, serde_json::Value), serde_json::Error> {
        self.version += 1;
        lease.metadata.resource_version = Some(self.version.to_string());
        self.lease = Some(lease.clone());
        Ok((200, serde_json::to_value(lease)?))
    }
}

fn failure(code: u16, reason: &str) -> (u16, serde_json::Value) {
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "reason": reason, "code": code,
    });
    (code, status)
}

struct Candidate {
    leadership: Leadership,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), LeaseError>>,
}

fn candidate(server: &ApiServer, identity: &str) -> Candidate {
    let lease = Lease::new(
        server.client(),
        LeaseConfig::new("opsward", "controller", identity),
    )
    .unwrap();
    let shutdown = Shutdown::new();
    Candidate {
        leadership: lease.leadership(),
        task: tokio::spawn(lease.run(shutdown.clone())),
        shutdown,
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_leads_and_keeps_leading_with_one_request_a_renewal() {
    let server = ApiServer::default();
    let mut first = candidate(&server, "a");
    first.leadership.acquired().await;
    let before = server.stored().requests;
    let lost = timeout(62 * SECOND, first.leadership.lost()).await;
    assert!(lost.is_err(), "led for a minute");
    assert_eq!(server.stored().requests - before, 12);
}

#[tokio::test(start_paused = true)]
async fn a_standby_takes_over_once_a_dead_leader_has_been_silent() {
    let server = ApiServer::default();
    let mut first = candidate(&server, "a");
    first.leadership.acquired().await;
    let mut second = candidate(&server, "b");
    let early = timeout(30 * SECOND, second.leadership.acquired()).await;
    assert!(
        early.is_err() && first.leadership.is_leading(),
        "one leader while the first renews"
    );
    let died = Instant::now();
    first.task.abort();
    second.leadership.acquired().await;
    let waited = died.elapsed();
    assert!(
        waited + DEFAULT_RENEW_EVERY >= DEFAULT_DURATION && waited <= 21 * SECOND,
        "{waited:?}"
    );
    assert_eq!(server.holder().as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn a_graceful_end_hands_over_once_the_leading_part_has_ended() {
    let server = ApiServer::default();
    let mut first = candidate(&server, "a");
    first.leadership.acquired().await;
    first.shutdown.request();
    first.leadership.lost().await;
    assert_eq!(
        server.holder().as_deref(),
        Some("a"),
        "kept while the leading part ends"
    );
    drop(first.leadership);
    first.task.await.unwrap().unwrap();
    assert_eq!(server.holder(), None);
    let mut second = candidate(&server, "b");
    timeout(SECOND, second.leadership.acquired())
        .await
        .expect("no wait for a lease given back");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_ends_leading_and_its_return_brings_it_back() {
    for fault in [Fault::Refuses, Fault::Hangs] {
        let server = ApiServer::default();
        let mut first = candidate(&server, "a");
        first.leadership.acquired().await;
        server.set_fault(Some(fault));
        let away = Instant::now();
        first.leadership.lost().await;
        assert!(away.elapsed() <= 11 * SECOND, "{:?}", away.elapsed());
        sleep(60 * SECOND).await;
        assert!(!first.task.is_finished() && !first.leadership.is_leading());
        server.set_fault(None);
        // At worst a hanging turn has just begun, and a pause follows it.
        let back = timeout(TURN_TIMEOUT + RETRY_MAX, first.leadership.acquired()).await;
        back.expect("leads again soon");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_taken_away_ends_leading() {
    let server = ApiServer::default();
    let mut first = candidate(&server, "a");
    first.leadership.acquired().await;
    {
        let mut stored = server.stored();
        let config = LeaseConfig::new("opsward", "controller", "someone else");
        let taken = election::claimed(stored.lease.clone(), &config, Timestamp::now());
        stored.store(taken).unwrap();
    }
    let taken = Instant::now();
    first.leadership.lost().await;
    assert!(taken.elapsed() <= 7 * SECOND, "{:?}", taken.elapsed());
    assert_eq!(server.holder().as_deref(), Some("someone else"));
}

#[tokio::test]
async fn senseless_configurations_are_refused() {
    let server = ApiServer::default();
    let sound = LeaseConfig::new("opsward", "controller", "a");
    for wrong in [
        LeaseConfig {
            identity: String::new(),
            ..sound.clone()
        },
        LeaseConfig {
            duration: Duration::from_millis(1500),
            ..sound.clone()
        },
        LeaseConfig {
            renew_every: 6 * SECOND,
            ..sound.clone()
        },
    ] {
        assert!(matches!(
            Lease::new(server.client(), wrong),
            Err(LeaseError::Config { .. })
        ));
    }
}
