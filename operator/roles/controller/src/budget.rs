//! How many writes the API server gets: a bound over every minute, and a burst for what cannot wait. Pure: time
//! comes in as an argument, nothing waits here.
//!
//! Kubernetes Events have a bucket of their own (`announce`), Leases none.

use std::time::Duration;

use tokio::time::Instant;

use crate::class::{Class, WRITES_PER_OPENING};

/// Incidents that may open at once, or catch up after an API outage, before the steady rate holds.
const BURST_OPENINGS: u32 = 500;
/// Writes a second in the long run. One below the promised 20, so that any 60 s stay below 20 × 60 although up to
/// `STEADY_CAPACITY` saved writes come on top: 19 × 60 + 20 = 1,160.
const WRITES_PER_SECOND: f64 = 19.0;
/// Writes that counts may save up: about one second's worth.
const STEADY_CAPACITY: f64 = 20.0;

/// A bucket that fills with time. Holds fractions, so that any rate works.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    capacity: f64,
    per_second: f64,
    tokens: f64,
    filled_at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(capacity: f64, per_second: f64, now: Instant) -> Self {
        Self {
            capacity,
            per_second,
            tokens: capacity,
            filled_at: now,
        }
    }

    /// Takes one token, if there is one at `now`.
    pub fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }

    /// Fills up to `now`; returns what did not fit.
    fn fill(&mut self, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(self.filled_at).as_secs_f64() * self.per_second;
        self.filled_at = self.filled_at.max(now);
        let full = self.tokens + gained;
        self.tokens = full.min(self.capacity);
        full - self.tokens
    }
}

/// The budget of all writes of objects. It outlives a lost lease: leading again does not bring a second burst.
///
/// Two bucket levels, one inflow: what the steady bucket cannot hold fills the reserve. Counts may use the steady
/// bucket only, everything urgent both. So the long run is bounded by the inflow whatever the mix is, and counts
/// never spend what openings and ends will need.
#[derive(Debug, Clone)]
pub struct WriteBudget {
    steady: TokenBucket,
    reserve: f64,
    reserve_capacity: f64,
}

impl WriteBudget {
    /// A full budget.
    pub fn new(now: Instant) -> Self {
        let reserve_capacity = f64::from(BURST_OPENINGS * WRITES_PER_OPENING);
        let steady = TokenBucket::new(STEADY_CAPACITY, WRITES_PER_SECOND, now);
        Self {
            steady,
            reserve: reserve_capacity,
            reserve_capacity,
        }
    }

    /// Takes what a write of `class` costs, all or nothing.
    pub fn take(&mut self, class: Class, now: Instant) -> bool {
        let missing = self.missing(class, now);
        if missing > 0.0 {
            return false;
        }
        let cost = f64::from(class.writes());
        let saved = if class.is_urgent() {
            self.reserve.min(cost)
        } else {
            0.0
        };
        self.reserve -= saved;
        self.steady.tokens -= cost - saved;
        true
    }

    /// When a write of `class` will be affordable; `now` if it is.
    pub fn affordable_at(&mut self, class: Class, now: Instant) -> Instant {
        let missing = self.missing(class, now);
        // Rounded up by a millisecond, so that whoever wakes then does not find a token short by a hair.
        let hair = Duration::from_millis(1);
        if missing > 0.0 {
            now + Duration::from_secs_f64(missing / WRITES_PER_SECOND) + hair
        } else {
            now
        }
    }

    fn missing(&mut self, class: Class, now: Instant) -> f64 {
        self.reserve = (self.reserve + self.steady.fill(now)).min(self.reserve_capacity);
        let available = if class.is_urgent() {
            self.steady.tokens + self.reserve
        } else {
            self.steady.tokens
        };
        f64::from(class.writes()) - available
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spend(budget: &mut WriteBudget, class: Class, now: Instant) -> u32 {
        let mut writes = 0;
        while budget.take(class, now) {
            writes += class.writes();
        }
        writes
    }

    #[test]
    fn five_hundred_incidents_open_at_once() {
        let now = Instant::now();
        let mut budget = WriteBudget::new(now);
        assert!((0..500).all(|_| budget.take(Class::Opening, now)));
    }

    #[test]
    fn counts_never_spend_the_reserve() {
        let now = Instant::now();
        let mut budget = WriteBudget::new(now);
        assert_eq!(spend(&mut budget, Class::Counts, now), 20);
        assert_eq!(spend(&mut budget, Class::Change, now), 1_000);
    }

    #[test]
    fn no_minute_after_the_burst_has_more_than_twenty_writes_a_second() {
        let start = Instant::now();
        let mut budget = WriteBudget::new(start);
        spend(&mut budget, Class::Change, start);
        // 180 s in steps of 100 ms, with all classes always wanting.
        let written: Vec<u32> = (1..=1_800_u32)
            .map(|step| {
                let now = start + Duration::from_millis(100) * step;
                let class = if step % 3 == 0 {
                    Class::Change
                } else {
                    Class::Counts
                };
                spend(&mut budget, class, now)
            })
            .collect();
        let worst = written
            .windows(600)
            .map(|minute| minute.iter().sum::<u32>())
            .max()
            .unwrap();
        assert!((1_100..=1_200).contains(&worst), "{worst}");
    }

    #[test]
    fn what_counts_leave_fills_the_reserve_again() {
        let start = Instant::now();
        let mut budget = WriteBudget::new(start);
        spend(&mut budget, Class::Change, start);
        let later = start + Duration::from_secs(31);
        let reserve = 31 * 19 - 20;
        assert_eq!(spend(&mut budget, Class::Counts, later), 20);
        assert_eq!(spend(&mut budget, Class::Change, later), reserve);
    }

    #[test]
    fn an_unaffordable_write_says_when_it_will_be() {
        let start = Instant::now();
        let mut budget = WriteBudget::new(start);
        spend(&mut budget, Class::Change, start);
        spend(&mut budget, Class::Counts, start);
        let at = budget.affordable_at(Class::Opening, start);
        assert!(at > start && at < start + Duration::from_millis(200));
        assert!(!budget.take(Class::Opening, start));
        assert!(budget.take(Class::Opening, at));
    }

    #[test]
    fn a_bucket_refills_to_its_capacity_and_no_further() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(2.0, 1.0, start);
        let later = start + Duration::from_mins(1);
        assert!(bucket.take(later) && bucket.take(later) && !bucket.take(later));
    }
}
