//! Connections whose senders nobody knows yet: when all places are taken, the oldest of them gives way, so that whoever
//! opens connections and has nothing to say keeps nobody else out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::AbortHandle;

/// A connection's place, which it has to give up while nobody has said that it may keep it.
#[derive(Debug, Clone, Default)]
pub struct Place(Arc<AtomicBool>);

impl Place {
    /// The sender is one of ours: the connection keeps its place.
    pub fn keep(&self) {
        // A flag and nothing else hangs on it, so no ordering is needed.
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_kept(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// As many are remembered before those that keep their place or have ended are looked for among them.
const LOOK_FROM: usize = 64;

/// The connections that may have to give way, oldest first.
#[derive(Debug, Default)]
pub(super) struct Newcomers {
    all: VecDeque<(AbortHandle, Place)>,
    /// When to look through all of them again: at twice as many as were left, so that each is looked at seldom and a
    /// handle, which keeps its task's memory, is not kept for long.
    look_at: usize,
}

impl Newcomers {
    /// One more.
    pub(super) fn add(&mut self, task: AbortHandle, place: Place) {
        if self.all.len() >= self.look_at.max(LOOK_FROM) {
            self.all.retain(is_newcomer);
            self.look_at = 2 * self.all.len();
        }
        self.all.push_back((task, place));
    }

    /// The oldest that is open and has no place to keep.
    pub(super) fn oldest(&mut self) -> Option<&AbortHandle> {
        while self.all.front().is_some_and(|first| !is_newcomer(first)) {
            self.all.pop_front();
        }
        self.all.front().map(|(task, _)| task)
    }
}

fn is_newcomer((task, place): &(AbortHandle, Place)) -> bool {
    !task.is_finished() && !place.is_kept()
}
