//! Opsward's own configuration file for a rig: what `make cluster` writes and tests start from.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::json;

use crate::rig::Rig;

/// Where one Opsward process listens.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// Events.
    pub ingest: SocketAddr,
    /// `/livez`, `/readyz`, `/metrics`.
    pub admin: SocketAddr,
}

/// The configuration that lets a process run any of the roles against `rig`, each as its own user.
pub fn opsward_yaml(rig: &Rig, listen: Listen) -> Result<String> {
    let user = |role: &str| -> Result<_> { Ok(json!({"user": role, "password": rig.nats_password(role)?})) };
    let config = json!({
        "nats": {
            "url": rig.nats_url(),
            "users": {
                "collector": user("collector")?,
                "correlator": user("correlator")?,
                "controller": user("controller")?,
            },
        },
        "kubernetes": {"kubeconfig": rig.kubeconfig("controller")},
        "ingest": {"listen": listen.ingest.to_string()},
        "admin": {"listen": listen.admin.to_string()},
    });
    Ok(serde_yaml::to_string(&config)?)
}
