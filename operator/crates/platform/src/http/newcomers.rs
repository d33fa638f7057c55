//! Connections that have not sent a whole request yet: when all places are taken, the oldest of them gives way, so that
//! whoever opens connections and says nothing keeps nobody else out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::Request;
use hyper::service::Service;
use tokio::task::AbortHandle;

/// Whether a connection has sent a whole head: the listener's end.
#[derive(Debug)]
pub(super) struct Heard(Arc<AtomicBool>);

/// The connection's end.
#[derive(Debug)]
pub(super) struct Told(Arc<AtomicBool>);

/// Both ends.
pub(super) fn heard() -> (Heard, Told) {
    let flag = Arc::new(AtomicBool::new(false));
    (Heard(Arc::clone(&flag)), Told(flag))
}

impl Told {
    /// The service, which tells when it is first called.
    pub(super) fn by<S>(self, service: S) -> Telling<S> {
        Telling {
            service,
            told: self.0,
        }
    }
}

/// A service that tells when it is called.
#[derive(Debug)]
pub(super) struct Telling<S> {
    service: S,
    told: Arc<AtomicBool>,
}

impl<B, S: Service<Request<B>>> Service<Request<B>> for Telling<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: Request<B>) -> Self::Future {
        // A flag and nothing else hangs on it, so no ordering is needed.
        self.told.store(true, Ordering::Relaxed);
        self.service.call(request)
    }
}

/// As many are remembered before those that have been heard or have ended are looked for among them.
const LOOK_FROM: usize = 64;

/// The connections that may not have been heard yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Newcomers {
    all: VecDeque<(AbortHandle, Heard)>,
    /// When to look through all of them again: at twice as many as were left, so that each is looked at seldom and a
    /// handle, which keeps its task's memory, is not kept for long.
    look_at: usize,
}

impl Newcomers {
    /// One more.
    pub(super) fn add(&mut self, task: AbortHandle, heard: Heard) {
        if self.all.len() >= self.look_at.max(LOOK_FROM) {
            self.all.retain(is_newcomer);
            self.look_at = 2 * self.all.len();
        }
        self.all.push_back((task, heard));
    }

    /// The oldest that is open and has not been heard.
    pub(super) fn oldest(&mut self) -> Option<&AbortHandle> {
        while self.all.front().is_some_and(|first| !is_newcomer(first)) {
            self.all.pop_front();
        }
        self.all.front().map(|(task, _)| task)
    }
}

fn is_newcomer((task, heard): &(AbortHandle, Heard)) -> bool {
    !task.is_finished() && !heard.0.load(Ordering::Relaxed)
}
