//! People are told: real roles on real servers, with stand-ins for the chat services that check what they are sent.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers are tests"
)]
#![allow(clippy::print_stdout, reason = "what was measured")]

mod hostile;
mod kills;
mod life;
mod stage;
mod storm;
mod trouble;
