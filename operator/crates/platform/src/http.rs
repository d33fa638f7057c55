//! The accept loop under every HTTP/1 server of the process: the admin pages and the collector's ingest.
//!
//! It bounds connections, header time and header size, and ends gracefully. It knows no path, reads no body and
//! answers nothing itself: bodies are the service's to bound.
//!
//! This is the ingest hot path. Per request it adds no allocation, log line, span, lock or boxed call of its own;
//! what costs, costs once a connection.

mod connections;
mod newcomers;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::TokioTimer;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing::{debug, warn};

use crate::supervisor::Shutdown;
use crate::tls;
use connections::Connections;
pub use newcomers::Place;

/// How long open requests may take to finish after shutdown was requested: 2 s below the supervisor's deadline, so
/// that a slow sender costs its own connection and not the process's clean exit.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);

/// Pause after the system refused to accept (out of descriptors or memory), unless a connection ends earlier:
/// without it the loop would spin on the same refusal.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What one server allows its peers.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open connections. One more takes the place of the oldest that the service has not said to keep; when all are kept, it
    /// waits in the kernel's accept queue (1024), and beyond that the kernel drops its SYN.
    pub max_connections: usize,
    /// Time for one request's head to arrive whole. hyper starts it as soon as the connection is idle, so it is the
    /// keep-alive time as well.
    pub header_timeout: Duration,
    /// Bytes of request line and headers; more is answered 431.
    pub max_header_bytes: usize,
}

/// Why a server could not listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", advice(.source, .setting))]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// The flag or configuration field that sets it.
    pub setting: &'static str,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// How a connection ended; label `outcome` of `opsward_http_connections_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum ConnectionEnd {
    /// In order, by either side.
    Closed,
    /// No TLS, or not in time.
    HandshakeFailed,
    /// No whole request head in time; an idle keep-alive connection ends so too.
    HeaderTimeout,
    /// Not HTTP/1, or a head beyond its limit; hyper answered 400, 414 or 431.
    Malformed,
    /// Gave its place to another before the service said to keep it.
    GaveWay,
    /// Broken off by the peer, the network or the drain timeout.
    Aborted,
    /// The service failed or panicked.
    ServiceFailed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    outcome: ConnectionEnd,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address, or that of the proxy in between.
    pub address: SocketAddr,
    /// Its certificate, when it showed one that a known authority issued.
    pub certificate: Option<CertificateDer<'static>>,
    /// Its place among the connections, to be kept once its sender is known.
    pub place: Place,
}

/// A bound server that does not serve yet.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    tls: Option<tls::Acceptor>,
    address: SocketAddr,
    limits: Limits,
    ends: Family<EndLabels, Counter>,
}

impl HttpServer {
    /// Binds `address`; port 0 takes a free one. `setting` names, for the error, what the user would change.
    pub async fn bind(address: SocketAddr, setting: &'static str, limits: Limits) -> Result<Self, BindError> {
        let failed = |source| BindError {
            address,
            setting,
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            tls: None,
            address,
            limits,
            ends: Family::default(),
        })
    }

    /// The same server, speaking HTTPS.
    #[must_use]
    pub fn with_tls(mut self, acceptor: tls::Acceptor) -> Self {
        self.tls = Some(acceptor);
        self
    }

    /// The address it is bound to, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Registers `opsward_http_connections_total{outcome}`; for one server a registry.
    pub fn register(&self, registry: &mut Registry) {
        let help = "HTTP connections that ended, by how";
        registry.register("opsward_http_connections", help, self.ends.clone());
    }

    /// Serves until shutdown is requested; then refuses new connections, closes idle ones, lets open requests finish
    /// for [`DRAIN_TIMEOUT`] and closes the rest.
    ///
    /// `make` gives each connection its service, knowing its peer. A service that panics loses its
    /// connection and nothing else. Never fails; the result is for the supervisor.
    pub async fn serve<M, S, B>(self, make: M, shutdown: Shutdown) -> Result<(), Infallible>
    where
        M: Fn(Peer) -> S + Clone + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body<Data: Send> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let Self {
            listener,
            tls,
            limits,
            ends,
            ..
        } = self;
        let http = protocol(&limits);
        let mut open = Connections::new(ends);
        // Accepted, and not started before there is a place.
        let mut waiting = None;
        loop {
            waiting = match waiting {
                Some(accepted) if open.has_place(limits.max_connections) => {
                    open.serve(accepted, &http, tls.clone(), make.clone(), limits.header_timeout);
                    None
                }
                waiting => waiting,
            };
            tokio::select! {
                biased;
                () = shutdown.requested() => break,
                Some(joined) = open.tasks.join_next_with_id() => open.ended(joined),
                accepted = accept(&listener), if waiting.is_none() => waiting = Some(accepted),
            }
        }
        drop(listener);
        open.drain().await;
        Ok(())
    }
}

fn protocol(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(limits.max_header_bytes)
        // A peer that closed its sending half has given up on the answer.
        .half_close(false)
        .keep_alive(true);
    http
}

/// The next connection. Errors of one connection are skipped, errors of the system waited out. Safe to drop.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Without it answers of two writes wait for the peer's delayed ACK (40 ms).
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, %peer, "cannot set TCP_NODELAY");
                }
                return (stream, peer);
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                warn!(%error, "cannot accept HTTP connections; trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether `accept` failed because the peer has gone again (accept(2)).
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

/// What to do about an address that cannot be bound.
fn advice(error: &io::Error, setting: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another process listens there; stop it, or set {setting} to a free port")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("this machine has no such address; set {setting} to one it has, or to 0.0.0.0")
        }
        io::ErrorKind::PermissionDenied => {
            format!("not permitted; set {setting} to a port above 1023, or grant CAP_NET_BIND_SERVICE")
        }
        _ => format!("check {setting}"),
    }
}

#[cfg(test)]
mod tests;
