//! The delivery keys that a namespace has seen of late: 24 h of log time or a million keys. Kept in segments
//! that never change once they are full, so that a checkpoint writes only what is new.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::hash::{Hash128, HashSet128};
use crate::time::Time;

/// How long a key is remembered at least, in log time: 24 h, longer than any sender we know retries.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
/// Keys remembered per namespace.
const KEYS: usize = 1_000_000;
/// Keys of a full segment: 1 MiB as a blob.
const SEGMENT_KEYS: usize = 65_536;
/// A segment is full after this much log time, whatever it holds, so that slow streams forget too.
const SEGMENT_SPAN: Duration = Duration::from_secs(60 * 60);

/// Consecutive keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The log position of the first key: the segment's name within its namespace.
    pub first: i64,
    oldest: Time,
    newest: Time,
    keys: Vec<Hash128>,
}

/// The remembered keys of one namespace.
#[derive(Debug, Default)]
pub struct Ring {
    full: VecDeque<Arc<Segment>>,
    current: Segment,
    known: HashSet128,
}

impl PartialEq for Ring {
    fn eq(&self, other: &Self) -> bool {
        self.full == other.full && self.current == other.current
    }
}

impl Ring {
    /// Remembers `key`; `false` when it is known already.
    pub fn insert(&mut self, key: Hash128, at: Time, position: i64) -> bool {
        self.forget(at);
        if !self.known.insert(key) {
            return false;
        }
        if self.current.keys.is_empty() {
            (self.current.first, self.current.oldest) = (position, at);
        }
        self.current.keys.push(key);
        self.current.newest = at;
        if self.current.keys.len() >= SEGMENT_KEYS || at.since(self.current.oldest) >= SEGMENT_SPAN {
            self.full.push_back(Arc::new(std::mem::take(&mut self.current)));
        }
        true
    }

    fn forget(&mut self, now: Time) {
        let too_old = |segment: &Segment| now.since(segment.newest) > REMEMBERED;
        while self.known.len() >= KEYS || self.full.front().is_some_and(|segment| too_old(segment)) {
            let Some(segment) = self.full.pop_front() else {
                return;
            };
            for key in &segment.keys {
                self.known.remove(key);
            }
        }
    }

    /// The full segments, oldest first, and the one being filled.
    pub fn parts(&self) -> (impl Iterator<Item = &Arc<Segment>>, &Segment) {
        (self.full.iter(), &self.current)
    }

    /// Puts a ring together again.
    pub fn from_parts(full: Vec<Arc<Segment>>, current: Segment) -> Self {
        let known = full
            .iter()
            .flat_map(|segment| &segment.keys)
            .chain(&current.keys)
            .copied()
            .collect();
        Self {
            full: full.into(),
            current,
            known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> Hash128 {
        Hash128::from(n as u128 + 1)
    }

    #[test]
    fn a_key_is_known_for_a_day_and_forgotten_with_its_segment() {
        let mut ring = Ring::default();
        let hour = |n: i64| Time::from_millis(n * 3_600_000);
        assert!(ring.insert(key(1), hour(0), 1));
        assert!(!ring.insert(key(1), hour(1), 2));
        assert!(ring.insert(key(2), hour(2), 3));
        assert!(!ring.insert(key(1), hour(24), 4));
        assert!(ring.insert(key(3), hour(27), 5));
        assert!(ring.insert(key(1), hour(27), 6));
    }

    #[test]
    fn at_a_million_keys_the_oldest_segment_goes() {
        let mut ring = Ring::default();
        for n in 0..KEYS + 10 {
            assert!(ring.insert(key(n), Time::EPOCH, i64::try_from(n).unwrap()));
        }
        assert!(ring.insert(key(0), Time::EPOCH, 0));
        assert!(!ring.insert(key(KEYS - 1), Time::EPOCH, 0));
        let (full, current) = ring.parts();
        let again = Ring::from_parts(full.cloned().collect(), current.clone());
        assert_eq!(again.known, ring.known);
    }
}
