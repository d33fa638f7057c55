//! Chance that can be had again: `OPSWARD_SEED` repeats a run.

use std::time::{SystemTime, UNIX_EPOCH};

/// A sequence of numbers (xorshift), the same for the same seed.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// From `OPSWARD_SEED`, else from the clock; says which.
    #[allow(clippy::print_stdout, reason = "what is needed to repeat a run")]
    pub fn of_run() -> Self {
        let given = std::env::var("OPSWARD_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let clock = || {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(1, |since| since.as_secs())
        };
        let seed = given.unwrap_or_else(clock);
        println!("OPSWARD_SEED={seed}");
        Self::new(seed)
    }

    /// This one; 0 would only ever give 0.
    pub const fn new(seed: u64) -> Self {
        Self(if seed == 0 { 1 } else { seed })
    }

    /// A number below `end`.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// Puts `items` into another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = usize::try_from(self.below(at as u64 + 1)).unwrap_or(0);
            items.swap(at, other);
        }
    }
}
