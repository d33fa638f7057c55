//! The way of one request: is it let in, is there room, what is in it, is it stored, what is answered. The steps
//! are in this order because each costs more than the one before.
//!
//! This is the hot path: no log line, no span, no boxed future, no look-up but that of the source's name.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bus::BusError;
use bytes::Bytes;
use domain::redact::Redactor;
use domain::time::Time;
use futures::future::try_join_all;
use http_body_util::Full;
use hyper::body::Body;
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use ulid::Ulid;

use crate::answer::{self, Listing};
use crate::body::{self, GunzipError, MAX_BODY_BYTES};
use crate::headers::{self, Encoding};
use crate::lane::Shared;
use crate::log::Log;
use crate::metrics::OpenItems;
use crate::outcome::Outcome;
use crate::prepare::{self, Delivery, Prepared, Rejection};
use crate::problem::Problem;
use crate::room::{Reservation, Room};
use crate::route::{Door, route};
use crate::source::{Source, Sources};

/// Dead letters or payloads of one request under way at once: enough to hide the round trips, too few to crowd out
/// events.
const WRITES_AT_ONCE: usize = 8;

/// What answers requests.
#[derive(Debug)]
pub(crate) struct Ingest<L> {
    pub(crate) sources: Sources,
    pub(crate) shared: Arc<Shared<L>>,
    pub(crate) room: Arc<Room>,
    pub(crate) redactor: Redactor,
}

impl<L: Log> Ingest<L> {
    /// Answers one request of a peer.
    pub(crate) async fn answer<B>(&self, peer: IpAddr, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let started = Instant::now();
        let response = self
            .take_in(peer, request)
            .await
            .unwrap_or_else(Problem::response);
        let metrics = &self.shared.metrics;
        if response.status() == StatusCode::ACCEPTED {
            metrics.accepted_requests.inc();
            metrics.receive_to_ack.observe(started.elapsed().as_secs_f64());
        } else {
            metrics.answered(response.status().as_u16());
        }
        response
    }

    async fn take_in<B>(&self, peer: IpAddr, request: Request<B>) -> Result<Response<Full<Bytes>>, Problem>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let source = self.admit(peer, &head)?;
        let encoding = headers::encoding(&head.headers)?;
        let mut room = self.reserve(&body)?;
        let body = body::read(body).await?;
        room.settle(body.len());
        self.log_is_ready()?;
        let prepared = self.prepare(source, &head, &body, encoding)?;
        room.settle(body.len() + prepared.bytes());
        self.store(source, &prepared, room).await?;
        let listing = Listing::of_query(head.uri.query());
        Ok(answer::response(
            &prepared,
            self.shared.gate.durability(),
            listing,
        ))
    }

    /// Whether the head alone lets the request in.
    fn admit(&self, peer: IpAddr, head: &Parts) -> Result<&Arc<Source>, Problem> {
        let route = route(&head.method, head.uri.path())?;
        let source = self.sources.get(route.source).ok_or(Problem::NoSuchSource)?;
        if route.door == Door::AlertsApi && source.format != formats::Format::Alertmanager {
            return Err(Problem::NoSuchSource);
        }
        source
            .auth
            .check(peer, &head.headers)
            .map_err(Problem::Unauthorized)?;
        source.take_one().map_err(|wait| Problem::RateLimited { wait })?;
        Ok(source)
    }

    /// Room for a body: for the announced length, or the most that it can be.
    fn reserve(&self, body: &impl Body) -> Result<Reservation, Problem> {
        let bytes = body.size_hint().exact().unwrap_or(MAX_BODY_BYTES as u64);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if bytes > MAX_BODY_BYTES {
            return Err(Problem::TooLarge);
        }
        self.room.reserve(bytes).ok_or(Problem::Overloaded)
    }

    fn log_is_ready(&self) -> Result<(), Problem> {
        self.shared.gate.check()?;
        if self.shared.log.is_connected() {
            Ok(())
        } else {
            Err(Problem::LogUnavailable)
        }
    }

    /// Unpacks and parses. Without an await, so that nothing borrowed from the body lives across one.
    fn prepare(
        &self,
        source: &Source,
        head: &Parts,
        body: &[u8],
        encoding: Encoding,
    ) -> Result<Prepared, Problem> {
        let key = headers::idempotency_key(&head.headers)?;
        // One reading of the clock for both; the rest of the id is random.
        let first_id = Ulid::new();
        let received_at = Time::from_millis(i64::try_from(first_id.timestamp_ms()).unwrap_or(i64::MAX));
        let delivery = |body| Delivery {
            source: source.name.as_str(),
            format: source.format,
            namespace: source.namespace.as_str(),
            received_at,
            first_id,
            key,
            traceparent: headers::traceparent(&head.headers),
            body,
        };
        if encoding == Encoding::Identity {
            return Ok(prepare::prepare(&delivery(body), &self.redactor));
        }
        match body::gunzip(body) {
            Ok(unpacked) => Ok(prepare::prepare(&delivery(&unpacked), &self.redactor)),
            Err(GunzipError::TooLarge) => Err(Problem::TooLarge),
            Err(GunzipError::Corrupt { problem, unpacked }) => {
                let message = format!("the body is not gzip, as its Content-Encoding says: {problem}");
                let why = Rejection {
                    reason: "InvalidGzip",
                    message,
                };
                Ok(prepare::unreadable(&delivery(&unpacked), why, &self.redactor))
            }
        }
    }

    /// Stores dead letters and data, then events: a request of which they cannot be kept is sent again as a whole.
    async fn store(&self, source: &Source, prepared: &Prepared, room: Reservation) -> Result<(), Problem> {
        let metrics = &self.shared.metrics;
        let mut items = OpenItems::receive(&source.counts, prepared.received);
        let log = &self.shared.log;
        if !prepared.rejected.is_empty() {
            self.store_each(&prepared.letters, |letter| log.dead_letter(letter))
                .await?;
            items.end(Outcome::DeadLettered, prepared.count(Outcome::DeadLettered));
            items.end(Outcome::Refused, prepared.count(Outcome::Refused));
            prepared
                .rejected
                .iter()
                .for_each(|item| metrics.rejected(item.reason));
        }
        self.store_each(&prepared.payloads, |payload| {
            log.payload(&payload.name, &payload.json)
        })
        .await?;
        // Not before: a request whose data is not kept comes again, and is counted then.
        metrics.changed(&prepared.changes);
        let events = &prepared.events;
        if events.len() == 0 {
            return Ok(());
        }
        items.hand_over(events.len());
        let ticket = source.lane.add(events, &source.counts, room);
        ticket.confirmed().await.map_err(|_| Problem::NotConfirmed)
    }

    async fn store_each<'t, T, S>(&self, things: &'t [T], store: impl Fn(&'t T) -> S) -> Result<(), Problem>
    where
        S: Future<Output = Result<(), BusError>>,
    {
        for some in things.chunks(WRITES_AT_ONCE) {
            try_join_all(some.iter().map(&store)).await.map_err(|error| {
                // The gate stays open: one sender's bad items must not stop the good ones of all others.
                self.shared.metrics.append_failed(error.category());
                Problem::NotConfirmed
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
