//! The way of one request: is it let in, is there room, what is in it, is it stored, what is answered. The steps
//! are in this order because each costs more than the one before.
//!
//! This is the hot path: no log line, no span, no boxed future, no look-up but that of the source's name.

use std::borrow::Cow;
use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};
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
use crate::auth::Connected;
use crate::body::{self, GunzipError, MAX_BODY_BYTES};
use crate::headers::{self, Encoding};
use crate::lane::{Counted, Shared, Ticket};
use crate::log::Log;
use crate::metrics::OpenItems;
use crate::outcome::Outcome;
use crate::prepare::{self, Delivery, Prepared};
use crate::problem::Problem;
use crate::rejection::Rejection;
use crate::room::{Reservation, Room};
use crate::route::route;
use crate::source::{Source, Sources};

/// Dead letters or payloads of one request under way at once: enough to hide the round trips, too few to crowd out
/// events.
const WRITES_AT_ONCE: usize = 8;

/// Room that is taken before a body's first byte: 16 KiB, more than most bodies have.
const FIRST_BYTES: usize = 16 * 1024;

/// What answers requests.
#[derive(Debug)]
pub(crate) struct Ingest<L> {
    pub(crate) sources: RwLock<Arc<Sources>>,
    pub(crate) shared: Arc<Shared<L>>,
    pub(crate) room: Arc<Room>,
    pub(crate) redactor: Redactor,
}

/// A body as the format sees it.
enum Unpacked<'b> {
    Whole(Cow<'b, [u8]>),
    /// Not gzip, though its header says so; what came out, and what is wrong.
    Corrupt(Vec<u8>, String),
}

impl<L: Log> Ingest<L> {
    /// Answers one request that came over a connection.
    pub(crate) async fn answer<B>(&self, connected: &Connected, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let started = Instant::now();
        let response = self.take_in(connected, request).await.unwrap_or_else(|problem| {
            self.shared.metrics.refused(problem.reason());
            problem.response()
        });
        let metrics = &self.shared.metrics;
        if response.status() == StatusCode::ACCEPTED {
            metrics.accepted_requests.inc();
        } else {
            metrics.answered(response.status().as_u16());
        }
        if response.status().is_success() {
            metrics.receive_to_ack.observe(started.elapsed().as_secs_f64());
        }
        response
    }

    /// The sources in force.
    pub(crate) fn sources(&self) -> Arc<Sources> {
        Arc::clone(&self.sources.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts others in force; requests under way end with those that they began with.
    pub(crate) fn replace_sources(&self, sources: Arc<Sources>) {
        *self.sources.write().unwrap_or_else(PoisonError::into_inner) = sources;
    }

    async fn take_in<B>(
        &self,
        connected: &Connected,
        request: Request<B>,
    ) -> Result<Response<Full<Bytes>>, Problem>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        // One reading of the clock for everything; the rest of the id is random.
        let first_id = Ulid::new();
        let now = Time::from_millis(i64::try_from(first_id.timestamp_ms()).unwrap_or(i64::MAX));
        let source = self.admit(connected, &head, now)?;
        let encoding = headers::encoding(&head.headers)?;
        let mut room = self.reserve(&body, source.auth.needs_body())?;
        let body = body::read(body, &mut room).await?;
        let by_hmac = source.auth.check_raw(&head.headers, &body, now)?;
        if !source.auth.needs_unpacked() {
            room.is_known();
        }
        let unpacked = unpack(&body, encoding, &mut room).await?;
        let (bytes, problem) = match &unpacked {
            Unpacked::Whole(body) => (&**body, None),
            Unpacked::Corrupt(body, problem) => (body.as_slice(), Some(problem)),
        };
        let copied = match &unpacked {
            Unpacked::Whole(Cow::Borrowed(_)) => 0,
            Unpacked::Whole(Cow::Owned(_)) | Unpacked::Corrupt(..) => bytes.len(),
        };
        let by_body = source.auth.check_body(&head.headers, bytes, now).await?;
        room.is_known();
        connected.is_known();
        if source.auth.needs_body() {
            source.take_one()?;
        }
        self.log_is_ready()?;
        let is_signed = source.auth.is_signed();
        let headers = headers::texts(&head.headers, is_signed);
        let signed_name = by_hmac.or(by_body);
        let key = headers::idempotency_key(&head.headers)?;
        let delivery = Delivery {
            source: source.name.as_str(),
            reader: &source.reader,
            tenants: &source.tenants,
            headers: &headers,
            received_at: now,
            first_id,
            signed_name: signed_name.as_deref(),
            // No signature covers it.
            key: key.filter(|_| !is_signed),
            traceparent: headers::traceparent(&head.headers),
            body: bytes,
        };
        let prepared = match problem {
            None => prepare::prepare(&delivery, &self.redactor)?,
            Some(problem) => self.corrupt(&delivery, problem),
        };
        room.grow_to(body.len() + copied + prepared.bytes())
            .map_err(|_| Problem::Overloaded)?;
        self.store(&source, &prepared, room).await?;
        let listing = Listing::of_query(head.uri.query());
        let durability = self.shared.gate.durability();
        Ok(answer::to(&delivery, &prepared, durability, listing))
    }

    /// Whether the head alone lets the request in.
    fn admit(&self, connected: &Connected, head: &Parts, now: Time) -> Result<Arc<Source>, Problem> {
        let route = route(&head.method, head.uri.path())?;
        let sources = self.sources();
        let source = sources.get(route.source).ok_or(Problem::NoSuchSource)?;
        if !route.appended.is_empty() && !source.format().paths().contains(&route.appended) {
            return Err(Problem::NoSuchSource);
        }
        let caller = connected.caller(&head.headers, &sources.proxies);
        source.auth.check_head(&caller, &head.headers, now)?;
        // A stranger's guess must not use up what the source's own senders may send.
        if !source.auth.needs_body() {
            connected.is_known();
            source.take_one()?;
        }
        Ok(Arc::clone(source))
    }

    /// Room for the beginning of a body; more is taken as it arrives, so that an announcement costs nobody anything.
    fn reserve(&self, body: &impl Body, is_stranger: bool) -> Result<Reservation, Problem> {
        let bytes = body.size_hint().exact().unwrap_or(FIRST_BYTES as u64);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if bytes > MAX_BODY_BYTES {
            return Err(Problem::TooLarge);
        }
        self.room
            .reserve(bytes.min(FIRST_BYTES), is_stranger)
            .map_err(|_| Problem::Overloaded)
    }

    fn log_is_ready(&self) -> Result<(), Problem> {
        self.shared.gate.check()?;
        if self.shared.log.is_connected() {
            Ok(())
        } else {
            Err(Problem::LogUnavailable)
        }
    }

    fn corrupt(&self, delivery: &Delivery<'_>, problem: &str) -> Prepared {
        let why = Rejection {
            reason: "InvalidGzip",
            message: format!("the body is not gzip, as its Content-Encoding says: {problem}"),
        };
        prepare::unreadable(delivery, why, &self.redactor)
    }

    /// Stores dead letters and data, then events: a request of which they cannot be kept is sent again as a whole. The room
    /// that no lane takes over is the body's, and is given back at the end.
    async fn store(
        &self,
        source: &Source,
        prepared: &Prepared,
        mut room: Reservation,
    ) -> Result<(), Problem> {
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
        items.hand_over(prepared.accepted);
        for ticket in append(source, prepared, &mut room) {
            ticket.confirmed().await.map_err(|_| Problem::NotConfirmed)?;
        }
        Ok(())
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

/// Hands a request's events to the lanes of their namespaces, nearly always one.
fn append(source: &Source, prepared: &Prepared, room: &mut Reservation) -> Vec<Ticket> {
    let lanes = source.lanes.iter().zip(&prepared.events);
    let mut counted = Counted::Items;
    let mut tickets = Vec::with_capacity(1);
    for (lane, events) in lanes.filter(|(_, events)| events.len() > 0) {
        let room = room.split(events.json.len());
        tickets.push(lane.add(events, &source.counts, counted, room));
        if source.tenants.are_all() {
            counted = Counted::Copies;
        }
    }
    tickets
}

async fn unpack<'b>(
    body: &'b [u8],
    encoding: Encoding,
    room: &mut Reservation,
) -> Result<Unpacked<'b>, Problem> {
    if encoding == Encoding::Identity {
        return Ok(Unpacked::Whole(Cow::Borrowed(body)));
    }
    match body::gunzip(body, room).await {
        Ok(unpacked) => Ok(Unpacked::Whole(Cow::Owned(unpacked))),
        Err(GunzipError::TooLarge) => Err(Problem::TooLarge),
        Err(GunzipError::NoRoom(_)) => Err(Problem::Overloaded),
        Err(GunzipError::Corrupt { problem, unpacked }) => Ok(Unpacked::Corrupt(unpacked, problem)),
    }
}

#[cfg(test)]
mod tests;
