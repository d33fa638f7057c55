//! Whole lives of incidents whose rule asks, with the controller killed, refused, unanswered or left behind at each of its
//! mutating requests: the end is the same as undisturbed, and so is what was created.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers are tests"
)]
#![allow(clippy::print_stdout, reason = "what was tried")]

mod clocks;
mod crashes;
mod identity;
mod life;
