//! The servers of the rig, one module each: command line, configuration and readiness. How a process is started,
//! killed and watched is [`crate::server`]'s.

pub mod alertmanager;
pub mod controller_manager;
pub mod etcd;
pub mod kube_apiserver;
pub mod nats;
