//! Opsward's own configuration file for a rig: what `make cluster` writes and tests start from.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::json;

use crate::rig::Rig;
use crate::users::SYSTEM_NAMESPACE;

/// Bytes of the log on a rig: 8 GiB, because a benchmark appends in minutes what the log keeps for an hour.
const LOG_BYTES: i64 = 8 << 30;

/// Where one Opsward process listens.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// Events.
    pub ingest: SocketAddr,
    /// `/livez`, `/readyz`, `/metrics`.
    pub admin: SocketAddr,
}

/// The configuration that lets a process run any of the roles against `rig`, each as its own NATS user; the command
/// line (`opsward dlq`) is `admin`. To Kubernetes the process goes by `KUBECONFIG`.
pub fn opsward_yaml(rig: &Rig, listen: Listen) -> Result<String> {
    let user = |name: &str| -> Result<serde_json::Value> {
        Ok(json!({"user": name, "passwordFile": rig.nats.password_file(name)?}))
    };
    let config = json!({
        "nats": {
            "url": rig.nats_url(),
            "monitoringUrl": rig.nats.monitor_url(),
            "logBytes": LOG_BYTES,
            "user": "admin",
            "passwordFile": rig.nats.password_file("admin")?,
            "users": {
                "collector": user("collector")?,
                "correlator": user("correlator")?,
                "controller": user("controller")?,
                "notifier": user("notifier")?,
            },
        },
        "ingest": {"address": listen.ingest.to_string()},
        "admin": {"address": listen.admin.to_string()},
        "controller": {"lease": {"namespace": SYSTEM_NAMESPACE}},
    });
    Ok(serde_yaml::to_string(&config)?)
}
