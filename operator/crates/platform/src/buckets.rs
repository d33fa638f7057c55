//! Histogram buckets that every role shares, so that stages can be compared and added up in one query.
//!
//! Only bounds live here; the histograms belong to the roles that observe into them.

/// Upper bounds, in seconds, of `opsward_stage_duration_seconds`.
///
/// From 0.5 ms (a group commit on a fast disk) to 60 s (an API server that was away), in steps of about 2 to
/// 2.5: a quantile read from them is off by less than that factor, and one series costs 17 buckets.
pub const STAGE_SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

#[cfg(test)]
mod tests {
    use super::STAGE_SECONDS;

    #[test]
    fn bounds_rise_strictly() {
        assert!(STAGE_SECONDS.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
