//! The clocks: one reading of all of them, so that a decision sees one now. The only reader of the wall clock in this
//! crate; pauses and budgets may take the monotonic one where they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::time::Time;
use tokio::time::Instant;

/// Where the time is read. Clones read the same.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    /// How far the wall clock is put ahead, in milliseconds.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's clocks.
    pub fn system() -> Self {
        Self {
            started: Instant::now(),
            ahead: Arc::default(),
        }
    }

    /// Puts the wall clock of all clones ahead of the machine's by this many milliseconds, or back: what a person or a
    /// time server does to a machine, for tests. The monotonic clock goes on.
    pub fn put_ahead(&self, millis: i64) {
        self.ahead.store(millis, Ordering::Relaxed);
    }

    /// Reads all clocks.
    pub fn now(&self) -> Now {
        let instant = Instant::now();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = Time::EPOCH.plus(since_epoch).millis() + self.ahead.load(Ordering::Relaxed);
        Now {
            instant,
            time: Time::from_millis(millis),
            steady: Time::EPOCH.plus(instant.saturating_duration_since(self.started)),
        }
    }
}

/// One reading of the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// By the monotonic clock, for pauses, budgets and deadlines.
    pub instant: Instant,
    /// By the wall clock, for what records and objects say. May jump both ways.
    pub time: Time,
    /// By the monotonic clock since the process started, for what only compares it with itself.
    pub steady: Time,
}

impl Now {
    /// When the steady clock will show `time`.
    pub fn when_steady(self, time: Time) -> Instant {
        self.instant + time.since(self.steady)
    }
}

/// A reading that tests start from, at this wall-clock time.
#[cfg(test)]
pub fn now(time: Time) -> Now {
    Now {
        instant: Instant::now(),
        time,
        steady: Time::EPOCH,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wall_clock_that_is_set_moves_nothing_else() {
        let clock = Clock::system();
        let before = clock.now();
        clock.clone().put_ahead(600_000);
        let after = clock.now();
        assert!(after.time.since(before.time) >= Duration::from_mins(10));
        assert!(after.steady.since(before.steady) < Duration::from_mins(1));
    }
}
