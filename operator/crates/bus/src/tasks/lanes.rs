//! Shares of a worker's slots: what leads to one receiver takes some of them and never all, so that one that hangs holds up
//! itself and nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The lanes that are in use.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    most: usize,
    used: Arc<Mutex<HashMap<String, usize>>>,
}

/// A place in a lane, given back when dropped.
#[derive(Debug)]
pub(super) struct Taken {
    lane: String,
    used: Arc<Mutex<HashMap<String, usize>>>,
}

impl Lanes {
    /// A quarter of the slots for each lane.
    pub(super) fn new(slots: usize) -> Self {
        Self {
            most: (slots / 4).max(1),
            used: Arc::default(),
        }
    }

    /// A place in `lane`; `None` where all are taken.
    pub(super) fn enter(&self, lane: String) -> Option<Taken> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let places = used.entry(lane.clone()).or_default();
        if *places >= self.most {
            return None;
        }
        *places += 1;
        Some(Taken {
            lane,
            used: self.used.clone(),
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = used.get_mut(&self.lane) {
            *places -= 1;
            if *places == 0 {
                used.remove(&self.lane);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_takes_a_quarter_and_gives_it_back() {
        let lanes = Lanes::new(8);
        let first = lanes.enter("a".to_owned());
        let second = lanes.enter("a".to_owned());
        assert!(first.is_some() && second.is_some() && lanes.enter("a".to_owned()).is_none());
        assert!(lanes.enter("b".to_owned()).is_some());
        drop(first);
        assert!(lanes.enter("a".to_owned()).is_some());
        drop(second);
        assert!(lanes.used.lock().unwrap().is_empty());
    }
}
