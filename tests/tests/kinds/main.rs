//! The kinds on a real API server, through kubectl and as real users: what people see, what is refused with which
//! words, and who may do what. Nothing of Opsward runs here; the controller is played by its service account.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers are tests: they may fail by panicking"
)]

mod closing;
mod deciding;
mod incidents;
mod installed;
mod rights;
mod rules;
