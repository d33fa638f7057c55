//! The open connections of one server: their places, their ends, and how they are let go at shutdown.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::Response;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;
use tracing::{debug, error, warn};

use super::newcomers::{Newcomers, Place};
use super::{ConnectionEnd, DRAIN_TIMEOUT, EndLabels, Peer};
use crate::chain::Chain;
use crate::tls;

/// How often it is told that nobody has to give way: once a minute.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The open connections of one server. Dropping it aborts them.
pub(super) struct Connections {
    pub(super) tasks: JoinSet<ConnectionEnd>,
    /// Dropping an entry asks that connection to end. One channel each, because polling a shared notification on every
    /// wake would take its lock for every request on every core; a oneshot is polled by one atomic load.
    stops: HashMap<Id, oneshot::Sender<()>>,
    newcomers: Newcomers,
    /// When it was last told that nobody has to give way.
    told: Option<Instant>,
    ends: Family<EndLabels, Counter>,
}

impl Connections {
    /// None, which will count how each ends.
    pub(super) fn new(ends: Family<EndLabels, Counter>) -> Self {
        Self {
            tasks: JoinSet::new(),
            stops: HashMap::new(),
            newcomers: Newcomers::default(),
            told: None,
            ends,
        }
    }

    fn start<F>(&mut self, place: Place, task: impl FnOnce(oneshot::Receiver<()>) -> F)
    where
        F: Future<Output = ConnectionEnd> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let handle = self.tasks.spawn(task(stopped));
        self.stops.insert(handle.id(), stop);
        self.newcomers.add(handle, place);
    }

    /// Whether there is a place for one more. If not, the oldest newcomer is asked to go, which leaves one soon.
    pub(super) fn has_place(&mut self, most: usize) -> bool {
        if self.tasks.len() < most {
            return true;
        }
        if let Some(oldest) = self.newcomers.oldest() {
            oldest.abort();
        } else if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            warn!(
                most,
                "known senders hold all HTTP connections; others wait until one ends: raise their number"
            );
        }
        false
    }

    /// Serves a connection, after the handshake where TLS is spoken.
    pub(super) fn serve<M, S, B>(
        &mut self,
        (stream, address): (TcpStream, SocketAddr),
        http: &http1::Builder,
        tls: Option<tls::Acceptor>,
        make: M,
        patience: Duration,
    ) where
        M: Fn(Peer) -> S + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body<Data: Send> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let place = Place::default();
        let kept = place.clone();
        let peer = move |certificate| Peer {
            address,
            certificate,
            place: kept,
        };
        let Some(tls) = tls else {
            let service = make(peer(None));
            let connection = http.serve_connection(TokioIo::new(stream), service);
            return self.start(place, |stop| drive(connection, stop));
        };
        let http = http.clone();
        self.start(place, move |stop| async move {
            let Ok(Ok(stream)) = timeout(patience, tls.accept(stream)).await else {
                debug!(%address, "no TLS handshake");
                return ConnectionEnd::HandshakeFailed;
            };
            let shown = stream.get_ref().1.peer_certificates();
            let certificate = shown
                .and_then(|chain| chain.first())
                .map(|first| first.clone().into_owned());
            let service = make(peer(certificate));
            drive(http.serve_connection(TokioIo::new(stream), service), stop).await
        });
    }

    pub(super) fn ended(&mut self, joined: Result<(Id, ConnectionEnd), JoinError>) {
        let (id, outcome) = match joined {
            Ok(ended) => ended,
            Err(cancelled) if cancelled.is_cancelled() => (cancelled.id(), ConnectionEnd::GaveWay),
            Err(failed) => {
                error!(error = %failed, "a bug: an HTTP service panicked; its connection is closed");
                (failed.id(), ConnectionEnd::ServiceFailed)
            }
        };
        self.stops.remove(&id);
        self.ends.get_or_create(&EndLabels { outcome }).inc();
    }

    pub(super) async fn drain(mut self) {
        self.stops.clear();
        let all_ended = async {
            while let Some(joined) = self.tasks.join_next_with_id().await {
                self.ended(joined);
            }
        };
        if timeout(DRAIN_TIMEOUT, all_ended).await.is_err() {
            let open = self.tasks.len();
            warn!(
                open,
                "closing HTTP connections whose requests did not finish in time"
            );
            let outcome = ConnectionEnd::Aborted;
            self.ends
                .get_or_create(&EndLabels { outcome })
                .inc_by(open as u64);
        }
    }
}

/// Drives one connection to its end, gracefully once `stop` fires.
async fn drive<I, S, B>(
    connection: http1::Connection<TokioIo<I>, S>,
    stop: oneshot::Receiver<()>,
) -> ConnectionEnd
where
    I: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => Some(ended),
        _ = stop => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    ended.map_or_else(|error| end_of(&error), |()| ConnectionEnd::Closed)
}

fn end_of(error: &hyper::Error) -> ConnectionEnd {
    debug!(error = %Chain(error), "HTTP connection broke");
    if error.is_timeout() {
        ConnectionEnd::HeaderTimeout
    } else if error.is_parse() {
        ConnectionEnd::Malformed
    } else if error.is_user() {
        ConnectionEnd::ServiceFailed
    } else {
        ConnectionEnd::Aborted
    }
}
