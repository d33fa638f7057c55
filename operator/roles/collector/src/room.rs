//! A bound on the memory of all requests under way together, from before their bodies are read until their events
//! are stored. It counts the bytes of bodies, and of encoded events once they are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes under way: 64 MiB. Packs hold them once more, and so does NATS's client while it sends, with which a
/// collector stays below 256 MiB in the worst case.
const ROOM_BYTES: usize = 64 * 1024 * 1024;
/// Bytes that a request takes beside its body: its task, its head, and what an event adds to a tiny item.
const REQUEST_BYTES: usize = 512;

/// The room of one collector.
#[derive(Debug, Default)]
pub(crate) struct Room {
    used: AtomicUsize,
}

/// A part of the room, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    room: Arc<Room>,
    bytes: usize,
}

/// There is no room left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many bodies are under way")]
pub(crate) struct NoRoom;

impl Room {
    /// Takes room for a body of `bytes`; `None` when there is none left.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let bytes = bytes.saturating_add(REQUEST_BYTES);
        // A counter and nothing else hangs on it, so no ordering is needed.
        let used = self.used.fetch_add(bytes, Ordering::Relaxed);
        let reservation = Reservation {
            room: Arc::clone(self),
            bytes,
        };
        (used.saturating_add(bytes) <= ROOM_BYTES).then_some(reservation)
    }
}

impl Reservation {
    /// Corrects the reservation once more is known. Growing is not refused: the bytes are there.
    pub(crate) fn settle(&mut self, bytes: usize) {
        let bytes = bytes.saturating_add(REQUEST_BYTES);
        self.room.used.fetch_add(bytes, Ordering::Relaxed);
        self.room.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Reservation {
    /// Takes more, for `bytes` in all; an error when there is no room left.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let wanted = bytes.saturating_add(REQUEST_BYTES);
        let more = wanted.saturating_sub(self.bytes);
        let used = self.room.used.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
        if used.saturating_add(more) <= ROOM_BYTES {
            Ok(())
        } else {
            Err(NoRoom)
        }
    }

    /// Gives a part of it away, to be given back by itself.
    pub(crate) fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self {
            room: Arc::clone(&self.room),
            bytes,
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_whatever_happens() {
        let room = Arc::new(Room::default());
        let mut held = room.reserve(ROOM_BYTES - REQUEST_BYTES).unwrap();
        assert!(room.reserve(0).is_none());
        held.settle(10);
        assert!(room.reserve(1000).is_some());
        let part = held.split(4);
        assert_eq!((part.bytes, held.bytes), (4, 10 + REQUEST_BYTES - 4));
        drop(part);
        drop(held);
        assert_eq!(room.used.load(Ordering::Relaxed), 0);
    }
}
