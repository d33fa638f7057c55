//! What the leading part of a role holds: whether it may act, and until when.
//!
//! It judges by its own clock, so a process that was stopped and goes on does not act on a lease that ran out
//! meanwhile, whatever the task that renews it has noticed.

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// A view of one [`super::Lease`]. Drop all of them when the work has ended: only then is the lease given back.
#[derive(Debug, Clone)]
pub struct Leadership(watch::Receiver<Option<Instant>>);

impl Leadership {
    pub(super) fn new(until: watch::Receiver<Option<Instant>>) -> Self {
        Self(until)
    }

    /// Whether this process leads now; cheap, to be asked before each batch of writes.
    pub fn is_leading(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Waits until this process leads. Never returns once the lease's task has ended: wait for shutdown beside it.
    pub async fn acquired(&mut self) {
        while !self.is_leading() {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until this process does not lead any more; returns at once when it does not.
    pub async fn lost(&mut self) {
        loop {
            let until = match *self.0.borrow_and_update() {
                Some(until) if Instant::now() < until => until,
                _ => return,
            };
            tokio::select! {
                changed = self.0.changed() => if changed.is_err() { return },
                () = sleep_until(until) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LEASE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn leading_runs_out_when_nobody_renews() {
        let (_renewals, until) = watch::channel(Some(Instant::now() + LEASE));
        let mut leadership = Leadership::new(until);
        assert!(leadership.is_leading());
        let started = Instant::now();
        leadership.lost().await;
        assert!(started.elapsed() >= LEASE);
        assert!(!leadership.is_leading());
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_prolongs_leading() {
        let started = Instant::now();
        let (renewals, until) = watch::channel(Some(started + LEASE));
        let mut leadership = Leadership::new(until);
        renewals.send(Some(started + 2 * LEASE)).unwrap();
        leadership.lost().await;
        assert!(started.elapsed() >= 2 * LEASE);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_renewing_task_ends_leading() {
        let started = Instant::now();
        let (renewals, until) = watch::channel(Some(started + LEASE));
        let mut leadership = Leadership::new(until);
        drop(renewals);
        leadership.lost().await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
