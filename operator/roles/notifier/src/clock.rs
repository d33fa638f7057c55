//! The wall clock, for what records and signatures say.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::time::Time;

/// What time it is.
pub(crate) fn wall_clock() -> Time {
    Time::EPOCH.plus(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}
