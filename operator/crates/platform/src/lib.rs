//! Process plumbing shared by every role: tasks and their graceful end, logs, health and metrics pages, an
//! HTTP/1 accept loop, leader election, retry pauses.
//!
//! It knows no event, no rule, no subject and no other crate of Opsward: what would differ between two roles
//! does not belong here. It reads no configuration either; `main` hands it values.

pub mod admin;
pub mod backoff;
pub mod buckets;
pub mod chain;
pub mod health;
pub mod http;
pub mod lease;
pub mod outgoing;
pub mod stages;
pub mod supervisor;
pub mod telemetry;
pub mod tls;

pub use admin::Admin;
pub use backoff::Backoff;
pub use chain::Chain;
pub use health::{Component, Health};
pub use lease::{Leadership, Lease, LeaseConfig};
pub use stages::Stages;
pub use supervisor::{Shutdown, Supervisor, SupervisorError};
