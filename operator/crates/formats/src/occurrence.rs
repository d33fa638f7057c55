//! The key of one occurrence of a problem, for formats with a life cycle.

use domain::hash::Hash128;
use domain::time::Time;

/// One occurrence of a problem: since when it fires. Without a start every report is of the same one.
pub(crate) fn key(fingerprint: Hash128, starts_at: Option<Time>) -> Hash128 {
    /// Odd, so that no two starts of one problem meet; its bits are those of the golden ratio, so that the starts
    /// of two problems meet no likelier than two random keys. A second hash would add a tenth to an alert's cost.
    const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let start = starts_at.map_or(0, Time::millis).unsigned_abs();
    Hash128::from(
        fingerprint
            .bits()
            .wrapping_add(SPREAD.wrapping_mul(u128::from(start) + 1)),
    )
}
