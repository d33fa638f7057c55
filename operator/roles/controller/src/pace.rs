//! How often one object may be tried that does not take a write although the API server serves others. Pure.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::key::Key;

/// A first refusal or two cost no pause: a write that lost against another is decided anew from what was read.
const FREE_STRIKES: u32 = 2;
/// The first pause after that; each strike doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause: a person who repairs a right or a quota sees the effect within minutes.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

#[derive(Debug)]
struct Strikes {
    count: u32,
    retry_at: Instant,
}

/// The objects in trouble.
#[derive(Debug, Default)]
pub struct Pace {
    strikes: HashMap<Key, Strikes>,
}

impl Pace {
    /// A write of `key` failed for a reason of its own.
    pub fn failed(&mut self, key: &Key, now: Instant) {
        let strikes = self.strikes.entry(key.clone()).or_insert(Strikes {
            count: 0,
            retry_at: now,
        });
        strikes.count = strikes.count.saturating_add(1);
        let pause = match strikes.count.checked_sub(FREE_STRIKES + 1) {
            None => Duration::ZERO,
            Some(doublings) => FIRST_PAUSE
                .saturating_mul(2_u32.saturating_pow(doublings))
                .min(LONGEST_PAUSE),
        };
        strikes.retry_at = now + pause;
    }

    /// A write of `key` was done, or nothing is known of it any more.
    pub fn clear(&mut self, key: &Key) {
        self.strikes.remove(key);
    }

    /// Until when `key` must not be tried.
    pub fn pause(&self, key: &Key, now: Instant) -> Option<Instant> {
        self.strikes
            .get(key)
            .map(|strikes| strikes.retry_at)
            .filter(|retry_at| *retry_at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Kind;

    #[test]
    fn two_failures_are_free_and_then_pauses_double_up_to_five_minutes() {
        let now = Instant::now();
        let key = Key {
            kind: Kind::Incident,
            namespace: "shop".to_owned(),
            id: "a".to_owned(),
        };
        let mut pace = Pace::default();
        let mut pauses = (0..12).map(|_| {
            pace.failed(&key, now);
            pace.pause(&key, now).map_or(0, |until| (until - now).as_secs())
        });
        assert_eq!(pauses.by_ref().take(6).collect::<Vec<_>>(), [0, 0, 1, 2, 4, 8]);
        assert_eq!(pauses.last(), Some(300));
        pace.clear(&key);
        assert_eq!(pace.pause(&key, now), None);
    }
}
