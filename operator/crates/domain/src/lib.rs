//! The shared vocabulary of Opsward and its decisions, as pure functions: events, rules, correlation,
//! incidents. No I/O, no clock, no randomness, no async: what is known comes in, what to do goes out.

pub mod correlate;
mod decode;
pub mod dimensions;
mod encode;
pub mod entry;
pub mod event;
pub mod expression;
pub mod hash;
pub mod hex;
pub mod incident;
pub mod json;
mod names;
pub mod notify;
pub mod redact;
pub mod rule;
pub mod severity;
pub mod task;
pub mod time;
pub mod triage;
