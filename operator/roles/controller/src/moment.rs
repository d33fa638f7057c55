//! One reading of both clocks, so that a decision sees one now.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::time::Time;
use tokio::time::Instant;

/// Now: by the monotonic clock for pauses and budgets, by the wall clock for what records and objects say.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Monotonic.
    pub instant: Instant,
    /// Wall clock.
    pub time: Time,
}

impl Moment {
    /// Reads the clocks. The only place of this crate that does.
    pub fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            instant: Instant::now(),
            time: Time::EPOCH.plus(since_epoch),
        }
    }

    /// When the wall clock will show `time`, if nobody sets it.
    pub fn when(self, time: Time) -> Instant {
        self.instant + time.since(self.time)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wall_time_is_as_far_away_as_the_wall_clock_says() {
        let now = Moment {
            instant: Instant::now(),
            time: Time::from_millis(5_000),
        };
        assert_eq!(
            now.when(Time::from_millis(7_500)),
            now.instant + Duration::from_millis(2_500)
        );
        assert_eq!(now.when(Time::from_millis(1_000)), now.instant);
    }
}
