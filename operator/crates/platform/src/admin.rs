//! The pages for the platform that runs us: `/livez`, `/readyz`, `/metrics`.
//!
//! They are read-only and unauthenticated, and tell neither events nor configuration. Whether a request comes from a
//! kubelet or Prometheus is for the network policy to say.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::health::Health;
use crate::http::{BindError, HttpServer, Limits};
use crate::supervisor::Shutdown;

/// Room for a kubelet, a few Prometheus replicas and people with curl; more can only be a mistake or an attack.
const LIMITS: Limits = Limits {
    max_connections: 64,
    header_timeout: Duration::from_secs(5),
    max_header_bytes: 8 * 1024, // what nginx allows: probes send a few hundred bytes
};

/// <https://prometheus.io/docs/specs/om/open_metrics_spec/#overall-structure>; Prometheus chooses its parser by it.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// The bound admin server.
#[derive(Debug)]
pub struct Admin {
    server: HttpServer,
}

impl Admin {
    /// Binds `address`; port 0 takes a free one. `setting` names, for the error, what the user would change.
    pub async fn bind(address: SocketAddr, setting: &'static str) -> Result<Self, BindError> {
        Ok(Self {
            server: HttpServer::bind(address, setting, LIMITS).await?,
        })
    }

    /// The address it is bound to, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Serves until shutdown; never fails. Register health components and metrics before: `/readyz` of a process
    /// with no component is 200.
    pub async fn serve(
        self,
        health: Health,
        metrics: Registry,
        shutdown: Shutdown,
    ) -> Result<(), Infallible> {
        let metrics = Arc::new(metrics);
        let make = move |_peer| {
            let (health, metrics) = (health.clone(), Arc::clone(&metrics));
            service_fn(move |request: Request<_>| {
                ready(Ok::<_, Infallible>(answer(
                    request.method(),
                    request.uri().path(),
                    &health,
                    &metrics,
                )))
            })
        };
        self.server.serve(make, shutdown).await
    }
}

fn answer(method: &Method, path: &str, health: &Health, metrics: &Registry) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = page(
            StatusCode::METHOD_NOT_ALLOWED,
            PLAIN_TEXT,
            "only GET and HEAD\n".to_owned(),
        );
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        // That this line runs is all there is to say: the runtime still polls tasks.
        "/livez" => page(StatusCode::OK, PLAIN_TEXT, "ok\n".to_owned()),
        "/readyz" => {
            let readiness = health.readiness();
            let status = if readiness.ready {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            page(status, PLAIN_TEXT, readiness.lines)
        }
        "/metrics" => metrics_page(metrics),
        _ => page(
            StatusCode::NOT_FOUND,
            PLAIN_TEXT,
            "there are /livez, /readyz and /metrics\n".to_owned(),
        ),
    }
}

fn metrics_page(metrics: &Registry) -> Response<Full<Bytes>> {
    let mut body = String::new();
    match text::encode(&mut body, metrics) {
        Ok(()) => page(StatusCode::OK, OPEN_METRICS, body),
        Err(error) => page(
            StatusCode::INTERNAL_SERVER_ERROR,
            PLAIN_TEXT,
            format!("cannot encode metrics: {error}\n"),
        ),
    }
}

fn page(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    async fn get(path: &str, health: &Health, metrics: &Registry) -> (StatusCode, String, String) {
        let response = answer(&Method::GET, path, health, metrics);
        let content_type = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, content_type, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_follows_the_components_and_liveness_does_not() {
        let (health, metrics) = (Health::default(), Registry::default());
        let nats = health.component("nats");
        nats.not_ready("no connection to nats://nats:4222");
        let (status, _, body) = get("/readyz", &health, &metrics).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, "[-]nats: no connection to nats://nats:4222\n");
        assert_eq!(get("/livez", &health, &metrics).await.0, StatusCode::OK);
        nats.ready();
        let (status, _, body) = get("/readyz", &health, &metrics).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "[+]nats ok\n"));
    }

    #[tokio::test]
    async fn metrics_are_open_metrics() {
        let mut metrics = Registry::default();
        let events = Counter::<u64>::default();
        metrics.register("opsward_sample_events", "Events", events.clone());
        events.inc_by(412);
        let (status, content_type, body) = get("/metrics", &Health::default(), &metrics).await;
        assert_eq!((status, content_type.as_str()), (StatusCode::OK, OPEN_METRICS));
        assert!(body.contains("opsward_sample_events_total 412\n"), "{body}");
        assert!(body.ends_with("# EOF\n"), "{body}");
    }

    #[tokio::test]
    async fn other_paths_and_methods_are_refused() {
        let (health, metrics) = (Health::default(), Registry::default());
        assert_eq!(get("/debug", &health, &metrics).await.0, StatusCode::NOT_FOUND);
        let posted = answer(&Method::POST, "/livez", &health, &metrics);
        assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(posted.headers()[ALLOW], "GET, HEAD");
    }

    #[tokio::test]
    async fn a_taken_address_is_named_with_what_to_do() {
        let first = Admin::bind(([127, 0, 0, 1], 0).into(), "--admin-address")
            .await
            .unwrap();
        let address = first.local_addr();
        let error = Admin::bind(address, "--admin-address")
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&address.to_string()) && error.contains("--admin-address"),
            "{error}"
        );
    }
}
