//! People are told: real roles on real servers, with stand-ins for the chat services that check what they are sent.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers are tests"
)]

mod life;
mod stage;
