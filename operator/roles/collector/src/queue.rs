//! Group commit, the decision: which events share a pack, and what is published next. No task, no clock, no lock.
//!
//! It does not bound itself: what waits here belongs to requests whose room is reserved (`room`).

use std::collections::VecDeque;

use bus::log::{PACK_BYTES, Pack, SEPARATOR};
use domain::entry::PACK_EVENTS;

/// Bytes of a pack around its events, generously.
const ENVELOPE_BYTES: usize = 64;

/// Bytes that an event has beside what its item says: ids, hashes, times.
const ADDED_BYTES: usize = 400;

/// Encoded events of one request, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// The events' JSON without anything between.
    pub(crate) json: Vec<u8>,
    /// Where each one ends.
    pub(crate) ends: Vec<usize>,
}

impl Encoded {
    /// How many events.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Makes room for the events of a body of `bytes` bytes. An event says most of its item twice: in its fields and as
    /// its data.
    pub(crate) fn reserve(&mut self, events: usize, bytes: usize) {
        self.ends.reserve(events);
        self.json.reserve(2 * bytes + ADDED_BYTES * events);
    }

    /// Takes the last one back.
    pub(crate) fn pop(&mut self) {
        self.ends.pop();
        self.json.truncate(self.ends.last().copied().unwrap_or_default());
    }

    fn each(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.json.get(start..*end).unwrap_or_default())
    }
}

/// A pack with those who wait for it.
#[derive(Debug)]
pub(crate) struct Batch<W> {
    /// The events.
    pub(crate) pack: Pack,
    /// Who has events in it.
    pub(crate) waiters: Vec<W>,
}

/// Whether somebody has to be told that there is work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// The queue was idle.
    Needed,
    /// Whoever publishes will come back by itself.
    NotNeeded,
}

/// What one namespace has to publish, in order.
#[derive(Debug)]
pub(crate) struct Queue<W> {
    batches: VecDeque<Batch<W>>,
    /// Between a wake and the `take` that finds nothing.
    busy: bool,
}

impl<W> Default for Queue<W> {
    fn default() -> Self {
        Self {
            batches: VecDeque::new(),
            busy: false,
        }
    }
}

impl<W> Queue<W> {
    /// Adds a request's events. They share a pack if any pack can hold them all: with what waits already, else
    /// alone. `waiter` is asked for one waiter a pack, with the number of events that it has in it.
    pub(crate) fn add(&mut self, events: &Encoded, mut waiter: impl FnMut(usize) -> W) -> Wake {
        if self.needs_pack_of_its_own(events) {
            self.open();
        }
        if let Some(batch) = self.batches.back_mut() {
            batch
                .pack
                .reserve(events.json.len() + SEPARATOR.len() * events.len());
        }
        let mut here = 0;
        for event in events.each() {
            if !self
                .batches
                .back()
                .is_some_and(|batch| batch.pack.fits(event.len()))
            {
                self.wait(here, &mut waiter);
                here = 0;
                self.open();
            }
            if let Some(batch) = self.batches.back_mut() {
                batch.pack.push(event);
                here += 1;
            }
        }
        self.wait(here, &mut waiter);
        if std::mem::replace(&mut self.busy, true) {
            Wake::NotNeeded
        } else {
            Wake::Needed
        }
    }

    /// The waiter that `add` asked for last, while it waits.
    pub(crate) fn last_waiter(&mut self) -> Option<&mut W> {
        self.batches.back_mut()?.waiters.last_mut()
    }

    /// The next pack to publish; `None` means that the next `add` wakes.
    pub(crate) fn take(&mut self) -> Option<Batch<W>> {
        let batch = self.batches.pop_front();
        self.busy = batch.is_some();
        batch
    }

    /// All that waits.
    pub(crate) fn take_all(&mut self) -> VecDeque<Batch<W>> {
        std::mem::take(&mut self.batches)
    }

    /// Whether the events fit into one pack, but not into the one that is open.
    fn needs_pack_of_its_own(&self, events: &Encoded) -> bool {
        let within = |events: usize| events <= PACK_EVENTS;
        let joined = events.json.len() + SEPARATOR.len() * events.len().saturating_sub(1);
        if !within(events.len()) || joined > PACK_BYTES - ENVELOPE_BYTES {
            return false;
        }
        let Some(open) = self.batches.back() else {
            return true;
        };
        !within(open.pack.len() + events.len()) || !open.pack.fits(joined)
    }

    fn open(&mut self) {
        self.batches.push_back(Batch {
            pack: Pack::new(),
            waiters: Vec::new(),
        });
    }

    fn wait(&mut self, events: usize, waiter: &mut impl FnMut(usize) -> W) {
        if let Some(batch) = self.batches.back_mut().filter(|_| events > 0) {
            batch.waiters.push(waiter(events));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(number: usize, bytes: usize) -> Encoded {
        let json = format!("\"{}\"", "x".repeat(bytes - 2)).repeat(number);
        Encoded {
            json: json.into_bytes(),
            ends: (1..=number).map(|index| index * bytes).collect(),
        }
    }

    /// Adds requests of (events, bytes an event) and tells of each pack who has how many events in it.
    fn packed(requests: &[(usize, usize)]) -> Vec<Vec<(usize, usize)>> {
        let mut queue = Queue::default();
        for (request, (number, bytes)) in requests.iter().enumerate() {
            queue.add(&events(*number, *bytes), |here| (request, here));
        }
        std::iter::from_fn(|| queue.take()).map(told).collect()
    }

    fn told(batch: Batch<(usize, usize)>) -> Vec<(usize, usize)> {
        assert_eq!(
            batch.pack.len(),
            batch.waiters.iter().map(|(_, here)| here).sum::<usize>()
        );
        let payload = batch.pack.finish();
        assert!(payload.len() <= PACK_BYTES, "{}", payload.len());
        bus_decodes(&payload);
        batch.waiters
    }

    fn bus_decodes(payload: &[u8]) {
        let mut scratch = Vec::new();
        let json = bus::log::open(payload, &mut scratch).unwrap();
        serde_json::from_str::<serde_json::Value>(json).unwrap();
    }

    #[test]
    fn what_arrives_while_a_pack_is_under_way_is_the_next_pack() {
        let mut queue = Queue::default();
        assert_eq!(queue.add(&events(1, 10), |here| here), Wake::Needed);
        let first = queue.take().unwrap();
        assert_eq!(queue.add(&events(2, 10), |here| here), Wake::NotNeeded);
        assert_eq!(queue.add(&events(3, 10), |here| here), Wake::NotNeeded);
        assert_eq!(first.waiters, [1]);
        assert_eq!(queue.take().unwrap().waiters, [2, 3]);
        assert!(queue.take().is_none());
        assert_eq!(queue.add(&events(1, 10), |here| here), Wake::Needed);
    }

    #[test]
    fn a_requests_events_share_a_pack_when_they_fit() {
        assert_eq!(
            packed(&[(200, 10), (100, 10), (100, 10)]),
            [vec![(0, 200)], vec![(1, 100), (2, 100)]]
        );
        assert_eq!(
            packed(&[(2, 100_000), (2, 100_000)]),
            [vec![(0, 2)], vec![(1, 2)]]
        );
        assert_eq!(packed(&[(256, 10), (1, 10)]), [vec![(0, 256)], vec![(1, 1)]]);
    }

    #[test]
    fn more_than_a_pack_fills_the_open_pack_and_goes_on() {
        assert_eq!(
            packed(&[(100, 10), (600, 10)]),
            [vec![(0, 100), (1, 156)], vec![(1, 256)], vec![(1, 188)]]
        );
        assert_eq!(
            packed(&[(5, 100_000)]),
            [vec![(0, 2)], vec![(0, 2)], vec![(0, 1)]]
        );
    }

    #[test]
    fn a_failure_takes_all_that_waits() {
        let mut queue = Queue::default();
        queue.add(&events(300, 10), |here| here);
        assert_eq!(queue.take_all().len(), 2);
        assert!(queue.take().is_none());
    }
}
