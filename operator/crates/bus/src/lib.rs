//! NATS for Opsward: the contract (subjects, streams, buckets, payloads as data) and the only code that
//! publishes, reads and stores. Knows no role's business.

pub mod checkpoints;
pub mod config;
pub mod connect;
pub mod contract;
pub mod dead;
pub mod error;
pub mod log;
pub mod provision;
pub mod records;
pub mod tasks;

pub use config::{BusConfig, UserConfig};
pub use connect::{Bus, LogMessage, LogState};
pub use contract::Role;
pub use dead::DeadLetter;
pub use error::BusError;
pub use log::Control;
pub use records::{Bucket, Change, Record, SourceRecord};
