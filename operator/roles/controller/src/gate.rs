//! Whether the API server takes writes now. While it does not, one write at a time tries, with pauses, instead of
//! every object for itself. Pure but for the jitter of the pauses.

use std::time::Duration;

use platform::Backoff;
use tokio::time::Instant;

/// Bounds of the pauses between tries. Short: 500 incidents are to be right within 10 s of the API server's return,
/// and one request every second or two burdens nobody.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// Whether the gate turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is now otherwise than before.
    News,
    /// It was so already.
    Known,
}

/// The gate before all writes.
#[derive(Debug)]
pub struct Gate {
    closed_until: Option<Instant>,
    backoff: Backoff,
}

impl Gate {
    /// An open gate.
    pub fn new() -> Self {
        Self {
            closed_until: None,
            backoff: Backoff::new(RETRY_MIN, RETRY_MAX),
        }
    }

    /// Whether one more write may start beside `in_flight` others.
    pub fn lets_pass(&self, in_flight: usize, now: Instant) -> bool {
        self.closed_until
            .is_none_or(|until| in_flight == 0 && until <= now)
    }

    /// When [`Gate::lets_pass`] will answer otherwise by time alone.
    pub const fn opens_at(&self) -> Option<Instant> {
        self.closed_until
    }

    /// The API server took or refused a write by its own judgement: it is there. Answers whether that is news.
    pub fn served(&mut self) -> Turn {
        self.backoff.reset();
        if self.closed_until.take().is_some() {
            Turn::News
        } else {
            Turn::Known
        }
    }

    /// The API server was not reached or could not serve. Several writes that fail together are one failure.
    /// Answers whether that is news.
    pub fn failed(&mut self, now: Instant) -> Turn {
        let news = if self.closed_until.is_none() {
            Turn::News
        } else {
            Turn::Known
        };
        if self.closed_until.is_none_or(|until| until <= now) {
            self.closed_until = Some(now + self.backoff.next_pause());
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_closes_the_gate_until_a_pause_has_passed() {
        let now = Instant::now();
        let mut gate = Gate::new();
        assert!(gate.lets_pass(15, now));
        gate.failed(now);
        let opens = gate.opens_at().unwrap();
        assert!(!gate.lets_pass(0, now));
        assert!(gate.lets_pass(0, opens));
        assert!(!gate.lets_pass(1, opens), "one write tries, the others wait");
        assert!(opens <= now + RETRY_MAX);
    }

    #[test]
    fn writes_that_fail_together_close_it_once() {
        let now = Instant::now();
        let mut gate = Gate::new();
        assert_eq!(gate.failed(now), Turn::News);
        let opens = gate.opens_at();
        assert_eq!(gate.failed(now), Turn::Known);
        assert_eq!(gate.opens_at(), opens);
    }

    #[test]
    fn the_first_answer_opens_it() {
        let now = Instant::now();
        let mut gate = Gate::new();
        gate.failed(now);
        assert_eq!((gate.served(), gate.served()), (Turn::News, Turn::Known));
        assert!(gate.lets_pass(15, now));
    }
}
