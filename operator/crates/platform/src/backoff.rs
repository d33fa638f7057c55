//! Pauses between attempts: exponential, jittered, bounded.
//!
//! It computes durations and never sleeps; the waiting loop does, so that it can also wait for shutdown.

use std::time::Duration;

/// Shortest pause of [`Backoff::default`]: a server that restarts is back in about a second.
const DEFAULT_MIN: Duration = Duration::from_secs(1);
/// Longest pause of [`Backoff::default`]: what a person who watches the logs is ready to wait for.
const DEFAULT_MAX: Duration = Duration::from_secs(30);

/// The pauses of one waiting loop.
///
/// Each pause is drawn from the upper half of a window that starts at twice `min` and doubles up to `max`
/// ("equal jitter"): replicas that lost the same server do not come back to it in step.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    window: Duration,
}

impl Backoff {
    /// Pauses of at least `min` and at most `max`; a `max` below `min` counts as `min`.
    pub fn new(min: Duration, max: Duration) -> Self {
        let max = max.max(min);
        Self {
            min,
            max,
            window: first_window(min, max),
        }
    }

    /// The next pause; each call widens the window for the one after.
    pub fn next_pause(&mut self) -> Duration {
        let low = (self.window / 2).max(self.min);
        let pause = low + self.window.saturating_sub(low).mul_f64(fastrand::f64());
        self.window = self.window.saturating_mul(2).min(self.max);
        pause
    }

    /// Starts over; to be called after a success.
    pub fn reset(&mut self) {
        self.window = first_window(self.min, self.max);
    }
}

impl Default for Backoff {
    /// 1 s to 30 s.
    fn default() -> Self {
        Self::new(DEFAULT_MIN, DEFAULT_MAX)
    }
}

/// Twice `min`, so that already the first pause, drawn from `min..2*min`, is jittered.
fn first_window(min: Duration, max: Duration) -> Duration {
    min.saturating_mul(2).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_secs(1);
    const MAX: Duration = Duration::from_secs(10);

    #[test]
    fn pauses_grow_and_stay_within_bounds() {
        let mut backoff = Backoff::new(MIN, MAX);
        let pauses: Vec<_> = (0..20).map(|_| backoff.next_pause()).collect();
        assert!(
            pauses.iter().all(|pause| (MIN..=MAX).contains(pause)),
            "{pauses:?}"
        );
        assert!(pauses[0] <= 2 * MIN);
        assert!(pauses[1] >= 2 * MIN && pauses[1] <= 4 * MIN);
        assert!(pauses[19] >= MAX / 2);
    }

    #[test]
    fn two_loops_do_not_pause_in_step() {
        let (mut one, mut two) = (Backoff::new(MIN, MAX), Backoff::new(MIN, MAX));
        assert!((0..20).any(|_| one.next_pause() != two.next_pause()));
    }

    #[test]
    fn reset_starts_over() {
        let mut backoff = Backoff::new(MIN, MAX);
        for _ in 0..5 {
            backoff.next_pause();
        }
        backoff.reset();
        assert!(backoff.next_pause() <= 2 * MIN);
    }

    #[test]
    fn a_max_below_min_counts_as_min() {
        assert_eq!(Backoff::new(MAX, MIN).next_pause(), MAX);
    }
}
