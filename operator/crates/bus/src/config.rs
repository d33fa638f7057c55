//! How to reach NATS, and as whom: the `nats` part of the configuration file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::contract::Role;
use crate::error::BusError;

/// How to reach NATS.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct BusConfig {
    /// `nats://host:port`; several, separated by commas.
    pub url: String,
    /// The user of every role without an entry in `users`, and of the command line.
    pub user: String,
    /// The file that holds its password.
    pub password_file: Option<PathBuf>,
    /// A user for each role: `collector: {user: …, passwordFile: …}`.
    pub users: BTreeMap<String, UserConfig>,
    /// The server's monitoring address (`http://host:8222`): without it `fsync` is never claimed.
    pub monitoring_url: String,
    /// Replicas of streams and buckets. Default 1.
    pub replicas: Option<usize>,
    /// Bytes that the log may hold. Default 1 GiB.
    pub log_bytes: Option<i64>,
}

/// One role's user.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct UserConfig {
    /// The user.
    pub user: String,
    /// The file that holds its password.
    pub password_file: Option<PathBuf>,
}

impl BusConfig {
    /// The address of a server on this machine, the default.
    pub const LOCAL: &'static str = "nats://127.0.0.1:4222";

    pub(crate) async fn user_and_password(
        &self,
        role: Option<Role>,
    ) -> Result<Option<(String, String)>, BusError> {
        let own = role.and_then(|role| self.users.get(role.name()));
        let (user, file) = match own {
            Some(own) => (&own.user, &own.password_file),
            None => (&self.user, &self.password_file),
        };
        if user.is_empty() {
            return Ok(None);
        }
        let Some(path) = file else {
            return Ok(Some((user.clone(), String::new())));
        };
        let password = tokio::fs::read_to_string(path)
            .await
            .map_err(|error| BusError::Config {
                setting: "nats.passwordFile".to_owned(),
                message: format!("cannot read {}: {error}", path.display()),
            })?;
        Ok(Some((user.clone(), password.trim_end().to_owned())))
    }
}
