//! From a body to what has to be stored: parsed, redacted, given ids and keys, encoded. Pure: the time and the first
//! id are given.

use std::borrow::Cow;
use std::cell::OnceCell;

use bus::DeadLetter;
use bus::contract::{DEAD_PAYLOAD_BYTES, payload_ref};
use domain::dimensions::Dimensions;
use domain::event::{Event, bounds};
use domain::redact::Redactor;
use domain::time::Time;
use formats::{Input, Item, Items, Reader};
use ulid::Ulid;

use crate::names::Namespace;
use crate::outcome::Outcome;
use crate::queue::Encoded;
use crate::redaction::Redaction;
use crate::rejection::Rejection;
use crate::tenants::Tenants;

/// Dead letters that one request may cause: a hundred show what is wrong with a batch. Each is a write to NATS of
/// its own; without a bound a megabyte of `{},{},…` would cost five thousand.
pub(crate) const MAX_DEAD_LETTERS: usize = 100;

/// Bytes of the events that one request may make: 32 MiB, thirty times the largest body. A few bytes can be an item, each
/// of which is an event in every namespace of a shared source.
const MAX_MADE_BYTES: usize = 32 * 1024 * 1024;

/// A request would make more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch;

/// A delivery: a body, and what is known of it besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'a> {
    /// The configured source.
    pub(crate) source: &'a str,
    /// How its bodies are read.
    pub(crate) reader: &'a Reader,
    /// The source's namespaces.
    pub(crate) tenants: &'a Tenants,
    /// The request's headers that are text.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// When it was received.
    pub(crate) received_at: Time,
    /// The id of the first item; the others count up from it.
    pub(crate) first_id: Ulid,
    /// The message's name by a signature that covers it.
    pub(crate) signed_name: Option<&'a str>,
    /// The sender's `Idempotency-Key`.
    pub(crate) key: Option<&'a str>,
    /// The sender's trace context; empty without.
    pub(crate) traceparent: &'a str,
    /// The body, unpacked.
    pub(crate) body: &'a [u8],
}

impl<'a> Delivery<'a> {
    fn input(&self) -> Input<'a> {
        Input {
            body: self.body,
            headers: self.headers,
            received_at: self.received_at,
            source: self.source,
        }
    }

    fn redaction<'r>(&self, redactor: &'r Redactor) -> Redaction<'r> {
        if self.reader.format().hides_texts() {
            Redaction::always(redactor)
        } else {
            Redaction::of_body(redactor, self.body)
        }
    }
}

/// Whether the body could be taken apart into items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readable {
    /// It could; there may be none in it.
    Yes,
    /// It could not, and counts as one item.
    No,
}

/// An item that is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// Which of the request.
    pub(crate) index: usize,
    /// Dead-lettered or refused.
    pub(crate) outcome: Outcome,
    /// One word.
    pub(crate) reason: &'static str,
    /// What, where, what to do; redacted.
    pub(crate) message: String,
}

/// What was changed on events before they were encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Labels left out or shortened.
    pub(crate) labels_cut: usize,
    /// Secrets masked in events.
    pub(crate) redactions: usize,
    /// Events whose data is stored apart because of its size.
    pub(crate) data_apart: usize,
}

/// A delivery, ready to be stored.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Whether there are items.
    pub(crate) readable: Readable,
    /// How many.
    pub(crate) received: usize,
    /// The id of the first.
    pub(crate) first_id: Ulid,
    /// How many are good.
    pub(crate) accepted: usize,
    /// The events of the good ones, for the log: those of each of the source's namespaces, in their order.
    pub(crate) events: Vec<Encoded>,
    /// Data that the log has no room for.
    pub(crate) payloads: Vec<Payload>,
    /// The others, in their order.
    pub(crate) rejected: Vec<Rejected>,
    /// The dead letters of those that have one.
    pub(crate) letters: Vec<DeadLetter>,
    /// What was changed.
    pub(crate) changes: Changes,
}

/// An event's data, to be stored apart.
#[derive(Debug)]
pub(crate) struct Payload {
    /// Its name in the object store: the event's id.
    pub(crate) name: String,
    /// JSON.
    pub(crate) json: String,
}

impl Prepared {
    /// How many items have this end, provided that everything is stored.
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        match outcome {
            Outcome::Accepted => self.accepted,
            _ => self
                .rejected
                .iter()
                .filter(|item| item.outcome == outcome)
                .count(),
        }
    }

    /// Bytes that wait to be stored.
    pub(crate) fn bytes(&self) -> usize {
        let payloads: usize = self.payloads.iter().map(|payload| payload.json.len()).sum();
        let letters: usize = self.letters.iter().map(|letter| letter.payload.len()).sum();
        self.event_bytes() + payloads + letters
    }

    fn event_bytes(&self) -> usize {
        self.events.iter().map(|events| events.json.len()).sum()
    }

    fn new(delivery: &Delivery<'_>, readable: Readable, received: usize) -> Self {
        Self {
            readable,
            received,
            first_id: delivery.first_id,
            accepted: 0,
            events: delivery
                .tenants
                .namespaces()
                .iter()
                .map(|_| Encoded::default())
                .collect(),
            payloads: Vec::new(),
            rejected: Vec::new(),
            letters: Vec::new(),
            changes: Changes::default(),
        }
    }
}

/// The id of an item. Counted up rather than drawn, so that the ids of a batch sort as its items do.
pub(crate) const fn item_id(first: Ulid, index: usize) -> Ulid {
    Ulid(first.0.wrapping_add(index as u128))
}

/// Makes events and dead letters of a delivery.
///
/// # Errors
/// They would be too much for one request.
pub(crate) fn prepare(delivery: &Delivery<'_>, redactor: &Redactor) -> Result<Prepared, TooMuch> {
    match delivery.reader.parse(delivery.input()) {
        Ok(items) => prepare_items(delivery, items, redactor),
        Err(refusal) => Ok(unreadable(delivery, refusal.into(), redactor)),
    }
}

/// What becomes of a body that cannot be taken apart.
pub(crate) fn unreadable(delivery: &Delivery<'_>, why: Rejection, redactor: &Redactor) -> Prepared {
    let mut making = Making {
        prepared: Prepared::new(delivery, Readable::No, 1),
        delivery,
        redaction: delivery.redaction(redactor),
    };
    making.reject(0, why, delivery.tenants.first(), delivery.body);
    // The letter is about the whole.
    making
        .prepared
        .letters
        .iter_mut()
        .for_each(|letter| letter.item = None);
    making.prepared
}

fn prepare_items(
    delivery: &Delivery<'_>,
    items: Items<'_>,
    redactor: &Redactor,
) -> Result<Prepared, TooMuch> {
    let mut making = Making {
        prepared: Prepared::new(delivery, Readable::Yes, items.len()),
        delivery,
        redaction: delivery.redaction(redactor),
    };
    if let [events] = making.prepared.events.as_mut_slice() {
        events.reserve(items.len(), delivery.body.len());
    }
    let ids = ids(delivery.first_id, items.len());
    let texts = OnceCell::new();
    for ((index, item), id) in items.enumerate().zip(ids.as_bytes().chunks_exact(ulid::ULID_LEN)) {
        // The same item, now allowed to borrow from `ids` too.
        let mut item: Item<'_> = item;
        making.prepared.changes.labels_cut += item.labels_cut;
        let taken = match &mut item.result {
            Ok(event) => {
                event.id = Cow::Borrowed(std::str::from_utf8(id).unwrap_or_default());
                making.accept(index, event)
            }
            Err(refusal) => Err(refusal.clone().into()),
        };
        if let Err(why) = taken {
            let texts = texts.get_or_init(|| delivery.reader.texts(delivery.input()));
            let text = texts.get(index).map_or("", |text| text);
            let known = item.result.as_ref().map_or("", |event| event.namespace.as_ref());
            let namespace = if known.is_empty() || delivery.tenants.are_all() {
                delivery.tenants.first()
            } else {
                known
            };
            making.reject(index, why, namespace, text.as_bytes());
        }
        if making.prepared.event_bytes() > MAX_MADE_BYTES {
            return Err(TooMuch);
        }
    }
    Ok(making.prepared)
}

/// The ids of a request's items, one behind the other.
fn ids(first: Ulid, items: usize) -> String {
    let mut text = String::with_capacity(items * ulid::ULID_LEN);
    for index in 0..items {
        text.push_str(item_id(first, index).array_to_str(&mut [0; ulid::ULID_LEN]));
    }
    text
}

/// A delivery half-way.
struct Making<'d> {
    prepared: Prepared,
    delivery: &'d Delivery<'d>,
    redaction: Redaction<'d>,
}

impl<'d> Making<'d> {
    fn accept<'e>(&mut self, index: usize, event: &mut Event<'e>) -> Result<(), Rejection>
    where
        'd: 'e,
    {
        self.prepared.changes.redactions += self.redaction.event(event);
        // Behind redaction: a secret that reads like a host or an account is no fact.
        event.dimensions = Dimensions::of(event);
        let delivery = self.delivery;
        if event.traceparent.is_empty() {
            event.traceparent = Cow::Borrowed(delivery.traceparent);
        }
        // What a signature covers nobody else can have written; a key was chosen for this very request.
        if let Some(key) = delivery.signed_name.or(delivery.key) {
            event.delivery_key = Cow::Owned(format!("{key}#{index}"));
        }
        let tenants = delivery.tenants;
        let all = tenants.of_event(event)?;
        let first = all.start;
        for at in all {
            let namespace = tenants.namespaces().get(at).map(Namespace::as_str);
            event.namespace = Cow::Borrowed(namespace.unwrap_or_default());
            if let Err(why) = self.encode(event, at) {
                // Namespaces differ in length, so that one copy may be too large where another is not.
                for taken in first..at {
                    self.prepared.events.get_mut(taken).map(Encoded::pop);
                }
                return Err(why);
            }
        }
        self.prepared.accepted += 1;
        Ok(())
    }

    /// Encodes `event` behind the others of a namespace, its data apart where that is too much; after an error they are
    /// as before.
    fn encode(&mut self, event: &mut Event<'_>, at: usize) -> Result<(), Rejection> {
        let Some(events) = self.prepared.events.get_mut(at) else {
            return Ok(());
        };
        let start = events.json.len();
        event.write_json(&mut events.json);
        if events.json.len() - start > bounds::ENCODED_BYTES {
            events.json.truncate(start);
            let data = event.data.take();
            event.data_ref = data
                .as_ref()
                .map(|_| payload_ref(&event.id).into())
                .unwrap_or_default();
            event.write_json(&mut events.json);
            if events.json.len() - start > bounds::ENCODED_BYTES {
                events.json.truncate(start);
                return Err(too_large());
            }
            self.prepared.changes.data_apart += usize::from(data.is_some());
            self.prepared.payloads.extend(data.map(|data| Payload {
                name: event.id.clone().into_owned(),
                json: data.get().to_owned(),
            }));
        }
        events.ends.push(events.json.len());
        Ok(())
    }

    fn reject(&mut self, index: usize, why: Rejection, namespace: &str, raw: &[u8]) {
        let message = self.redaction.text(why.message);
        let outcome = if self.prepared.letters.len() < MAX_DEAD_LETTERS {
            Outcome::DeadLettered
        } else {
            Outcome::Refused
        };
        if outcome == Outcome::DeadLettered {
            let letter = DeadLetter {
                id: item_id(self.delivery.first_id, index).to_string(),
                at: self.delivery.received_at,
                namespace: namespace.to_owned(),
                source: self.delivery.source.to_owned(),
                format: self.delivery.reader.format().name().to_owned(),
                reason: why.reason.to_owned(),
                message: message.clone(),
                item: Some(index),
                payload: self.redaction.payload(raw, DEAD_PAYLOAD_BYTES),
            };
            self.prepared.letters.push(letter);
        }
        self.prepared.rejected.push(Rejected {
            index,
            outcome,
            reason: why.reason,
            message,
        });
    }
}

fn too_large() -> Rejection {
    let message = format!(
        "the event has more than {} bytes even without its data; shorten its labels and its description",
        bounds::ENCODED_BYTES
    );
    Rejection {
        reason: "EventTooLarge",
        message,
    }
}

#[cfg(test)]
mod tests;
