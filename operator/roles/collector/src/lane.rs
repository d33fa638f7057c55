//! Group commit, the edge: one task a namespace, which publishes one pack at a time. While it is under way,
//! requests only add to the queue; so the busier it is, the fuller the packs.
//!
//! The task, not the request, owns the publish: a sender that hangs up cancels nothing, and what it sent is counted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::BusError;
use platform::Shutdown;
use tokio::sync::{Notify, Semaphore, oneshot};

use crate::gate::Gate;
use crate::log::Log;
use crate::metrics::{Metrics, SourceCounts};
use crate::names::Namespace;
use crate::outcome::Outcome;
use crate::queue::{Batch, Encoded, Queue, Wake};
use crate::room::Reservation;

/// Publishes under way in one collector; the bound of `log.md`. At 256 KiB each they are 8 MiB at NATS.
pub(crate) const PUBLISHES: usize = 32;

/// A pack that was not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotConfirmed;

type Confirmation = Result<(), NotConfirmed>;

/// What all lanes of a collector share.
#[derive(Debug)]
pub(crate) struct Shared<L> {
    pub(crate) log: L,
    pub(crate) gate: Gate,
    pub(crate) metrics: Metrics,
    pub(crate) publishes: Semaphore,
}

/// One namespace's way into the log.
#[derive(Debug)]
pub(crate) struct Lane {
    namespace: Namespace,
    queue: Mutex<Queue<Waiter>>,
    wake: Notify,
}

/// As what a lane counts events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// As the items that they are.
    Items,
    /// As copies of items that another lane counts: those of a shared source.
    Copies,
}

/// A request's part of a pack.
#[derive(Debug)]
struct Waiter {
    events: u64,
    counts: Arc<SourceCounts>,
    counted: Counted,
    confirmation: oneshot::Sender<Confirmation>,
    /// With the last of a request's packs: what they take is given back when the waiter is dropped.
    room: Option<Reservation>,
}

/// What a request waits for: its packs, nearly always one.
#[derive(Debug, Default)]
pub(crate) struct Ticket {
    first: Option<oneshot::Receiver<Confirmation>>,
    more: Vec<oneshot::Receiver<Confirmation>>,
}

impl Ticket {
    /// Waits until all packs are confirmed, or one is not.
    pub(crate) async fn confirmed(self) -> Confirmation {
        for confirmation in self.first.into_iter().chain(self.more) {
            // The sender is gone only when the lane was aborted.
            confirmation.await.unwrap_or(Err(NotConfirmed))?;
        }
        Ok(())
    }

    fn wait(&mut self) -> oneshot::Sender<Confirmation> {
        let (sender, receiver) = oneshot::channel();
        if self.first.is_none() {
            self.first = Some(receiver);
        } else {
            self.more.push(receiver);
        }
        sender
    }
}

impl Waiter {
    fn end(self, confirmation: Confirmation) {
        match (self.counted, confirmation) {
            (Counted::Items, Ok(())) => self.counts.of(Outcome::Accepted).inc_by(self.events),
            (Counted::Items, Err(NotConfirmed)) => self.counts.of(Outcome::Refused).inc_by(self.events),
            (Counted::Copies, Ok(())) => self.counts.copies.inc_by(self.events),
            (Counted::Copies, Err(NotConfirmed)) => 0,
        };
        drop(self.room);
        // A sender that hung up does not wait any longer.
        let _ = self.confirmation.send(confirmation);
    }
}

impl Lane {
    /// A lane with nothing in it.
    pub(crate) fn new(namespace: Namespace) -> Self {
        Self {
            namespace,
            queue: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Whose it is.
    pub(crate) const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Takes over a request's events, which this lane counts from now on.
    pub(crate) fn add(
        &self,
        events: &Encoded,
        counts: &Arc<SourceCounts>,
        counted: Counted,
        room: Reservation,
    ) -> Ticket {
        let mut ticket = Ticket::default();
        let mut queue = self.queue();
        let wake = queue.add(events, |here| Waiter {
            events: here as u64,
            counts: Arc::clone(counts),
            counted,
            confirmation: ticket.wait(),
            room: None,
        });
        if let Some(last) = queue.last_waiter() {
            last.room = Some(room);
        }
        drop(queue);
        if wake == Wake::Needed {
            self.wake.notify_one();
        }
        ticket
    }

    /// Publishes until `closing` is requested and nothing is left.
    pub(crate) async fn run<L: Log>(self: Arc<Self>, shared: Arc<Shared<L>>, closing: Shutdown) {
        loop {
            // Taken before the batch is: what arrives while others publish still gets into it.
            let Ok(permit) = shared.publishes.acquire().await else {
                return;
            };
            let batch = self.queue().take();
            if let Some(batch) = batch {
                self.publish(batch, &shared).await;
                continue;
            }
            drop(permit);
            tokio::select! {
                biased;
                () = self.wake.notified() => {}
                () = closing.requested() => return,
            }
        }
    }

    async fn publish<L: Log>(&self, batch: Batch<Waiter>, shared: &Shared<L>) {
        let published = shared
            .log
            .publish(self.namespace.as_str(), batch.pack.finish())
            .await;
        let confirmation = published.map_err(|error| self.failed(&error, shared));
        if confirmation.is_ok() {
            shared.metrics.packs.inc();
        }
        for waiter in batch.waiters {
            waiter.end(confirmation);
        }
    }

    /// What waits behind a failed pack is not tried: each try could take a time-out, and senders would wait for
    /// the sum of them.
    fn failed<L: Log>(&self, error: &BusError, shared: &Shared<L>) -> NotConfirmed {
        shared.gate.append_failed(error);
        shared.metrics.append_failed(error.category());
        let waiting = self.queue().take_all();
        for waiter in waiting.into_iter().flat_map(|batch| batch.waiters) {
            waiter.end(Err(NotConfirmed));
        }
        NotConfirmed
    }

    /// A panic between lock and unlock leaves at worst a pack without one of its waiters, who is told so.
    fn queue(&self) -> MutexGuard<'_, Queue<Waiter>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
