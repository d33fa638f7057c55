//! The rig: real etcd, kube-apiserver, kubectl and nats-server for tests, benchmarks, the demo and `make cluster`.
//!
//! It starts, kills, pauses and restarts servers and hands out users and credentials. It does not pretend to be any
//! of them, and it knows nothing of how Opsward works inside.
//!
//! ```no_run
//! # async fn test() -> anyhow::Result<()> {
//! let rig = rig::Rig::shared().await?;
//! rig.install_crds().await?;
//! let namespace = rig.namespace("counts").await?;
//! let seen = rig.kubectl("alice", &["get", "ope", "-n", &namespace]).await?.success()?;
//! # Ok(()) }
//! ```

pub mod attack;
pub mod audit;
pub mod binaries;
pub mod config;
pub mod embedded;
pub mod faults;
mod install;
pub mod kubernetes;
pub mod load;
mod nats_users;
pub mod opsward;
pub mod output;
pub mod pki;
pub mod ports;
pub mod probe;
pub mod proc;
pub mod quiet;
mod rbac;
mod rig;
pub mod seed;
pub mod server;
pub mod servers;
mod spawn;
pub mod standins;
mod sys;
mod users;
pub mod wait;
pub mod workdir;

pub use audit::AuditRequest;
pub use config::{Listen, opsward_yaml};
pub use embedded::Embedded;
pub use faults::{Fault, Faults};
pub use kubernetes::{ControllerManagerUse, Kubernetes};
pub use load::Load;
pub use opsward::Opsward;
pub use output::Output;
pub use ports::Port;
pub use probe::Probe;
pub use rig::{Options, Rig};
pub use seed::Seed;
pub use server::{Server, Spec};
pub use servers::alertmanager::Alertmanager;
pub use servers::nats::{Nats, NatsOptions, Sync};
pub use users::{SRE_GROUP, SYSTEM_NAMESPACE};
pub use wait::{Answer, until};
pub use workdir::Workdir;

/// Makes ring the process's TLS provider; reqwest, kube and async-nats need one before their first connection.
/// Calling it again does nothing.
pub fn install_crypto() {
    // An error means that a provider is already there.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
