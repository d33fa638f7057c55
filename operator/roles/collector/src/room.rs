//! A bound on the memory of all requests under way together, from before their bodies are read until their events
//! are stored. It counts the bytes of bodies, and of encoded events once they are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes under way: 64 MiB. Packs hold them once more, and so does NATS's client while it sends, with which a
/// collector stays below 256 MiB in the worst case.
const ROOM_BYTES: usize = 64 * 1024 * 1024;
/// Bytes that a request takes beside its body: its task, its head, and what an event adds to a tiny item.
const REQUEST_BYTES: usize = 512;

/// Of these, what requests may take together whose senders are not known before the body is there: half, so that they
/// keep no known sender out.
const STRANGERS_BYTES: usize = ROOM_BYTES / 2;
/// A large body of a stranger finds room only up to here: 8 MiB, so that a few of them keep no small one out.
const STRANGERS_LARGE_BYTES: usize = 8 * 1024 * 1024;
/// From here on a body is large: 128 KiB. A webhook's seldom is, packed and unpacked.
const LARGE_FROM: usize = 128 * 1024;

/// The room of one collector.
#[derive(Debug, Default)]
pub(crate) struct Room {
    used: AtomicUsize,
    by_strangers: AtomicUsize,
}

/// A part of the room, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    room: Arc<Room>,
    bytes: usize,
    is_stranger: bool,
}

/// There is no room left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many bodies are under way")]
pub(crate) struct NoRoom;

impl Room {
    /// Takes room for a body of `bytes`, of a stranger as long as its sender is not known.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize, is_stranger: bool) -> Result<Reservation, NoRoom> {
        let mut reservation = Reservation {
            room: Arc::clone(self),
            bytes: 0,
            is_stranger,
        };
        reservation.grow_to(bytes)?;
        Ok(reservation)
    }
}

/// Adds to a counter, on which nothing else hangs, so that no ordering is needed; gives what it is then.
fn add(counter: &AtomicUsize, bytes: usize) -> usize {
    counter.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes)
}

impl Reservation {
    /// Takes more, for `bytes` in all; an error when there is no room left.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let wanted = bytes.saturating_add(REQUEST_BYTES);
        let more = wanted.saturating_sub(self.bytes);
        self.bytes += more;
        let mut fits = add(&self.room.used, more) <= ROOM_BYTES;
        if self.is_stranger {
            let most = if self.bytes > LARGE_FROM {
                STRANGERS_LARGE_BYTES
            } else {
                STRANGERS_BYTES
            };
            fits &= add(&self.room.by_strangers, more) <= most;
        }
        if fits { Ok(()) } else { Err(NoRoom) }
    }

    /// The sender is known now: what it took counts no more among the strangers'.
    pub(crate) fn is_known(&mut self) {
        if self.is_stranger {
            self.is_stranger = false;
            self.room.by_strangers.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }

    /// Gives a part of a known sender's away, to be given back by itself.
    pub(crate) fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self {
            room: Arc::clone(&self.room),
            bytes,
            is_stranger: false,
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.is_known();
        self.room.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_whatever_happens() {
        let room = Arc::new(Room::default());
        let mut held = room.reserve(ROOM_BYTES - REQUEST_BYTES, false).unwrap();
        assert!(room.reserve(0, false).is_err());
        assert!(held.grow_to(ROOM_BYTES).is_err());
        let part = held.split(4);
        assert_eq!((part.bytes, held.bytes), (4, ROOM_BYTES + REQUEST_BYTES - 4));
        drop(part);
        drop(held);
        assert_eq!(room.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn strangers_with_large_bodies_keep_neither_known_senders_nor_small_bodies_out() {
        let room = Arc::new(Room::default());
        let large = STRANGERS_LARGE_BYTES / 8;
        let mut strangers: Vec<_> = (0..7).map(|_| room.reserve(large, true).unwrap()).collect();
        assert!(room.reserve(large, true).is_err());
        let small = || room.reserve(LARGE_FROM - REQUEST_BYTES, true).ok();
        let small: Vec<_> = std::iter::from_fn(small).collect();
        assert_eq!(
            small.len(),
            (STRANGERS_BYTES - 7 * (large + REQUEST_BYTES)) / LARGE_FROM
        );
        assert!(room.reserve(STRANGERS_BYTES - LARGE_FROM, false).is_ok());
        drop(small);
        strangers.iter_mut().for_each(Reservation::is_known);
        assert!(room.reserve(large, true).is_ok());
        drop(strangers);
        let left = [&room.used, &room.by_strangers].map(|counter| counter.load(Ordering::Relaxed));
        assert_eq!(left, [0, 0]);
    }
}
