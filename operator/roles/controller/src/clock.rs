//! The clocks: one reading of all of them, so that a decision sees one now. The only place of this crate that reads one.

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
    pub fn now(&self) -> Moment {
        let instant = Instant::now();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = Time::EPOCH.plus(since_epoch).millis() + self.ahead.load(Ordering::Relaxed);
        Moment {
            instant,
            time: Time::from_millis(millis),
            steady: Time::EPOCH.plus(instant.saturating_duration_since(self.started)),
        }
    }
}

/// Now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the monotonic clock, for pauses, budgets and deadlines.
    pub instant: Instant,
    /// By the wall clock, for what records and objects say. May jump both ways.
    pub time: Time,
    /// By the monotonic clock since the process started, for what only compares it with itself.
    pub steady: Time,
}

impl Moment {
    /// When the wall clock will show `time`, if nobody sets it.
    pub fn when(self, time: Time) -> Instant {
        self.instant + time.since(self.time)
    }

    /// When the steady clock will show `time`.
    pub fn when_steady(self, time: Time) -> Instant {
        self.instant + time.since(self.steady)
    }
}

/// A moment that tests start from, at this wall-clock time.
#[cfg(test)]
pub fn moment(time: Time) -> Moment {
    Moment {
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
    fn a_wall_time_is_as_far_away_as_the_wall_clock_says() {
        let now = moment(Time::from_millis(5_000));
        assert_eq!(
            now.when(Time::from_millis(7_500)),
            now.instant + Duration::from_millis(2_500)
        );
        assert_eq!(now.when(Time::from_millis(1_000)), now.instant);
    }

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
