//! The collector's part of the configuration file: where to listen, and which sources there are.
//!
//! What one field alone can say wrong is refused while the file is read, so that the error has its line. What
//! only several fields together can say wrong is refused by [`CollectorConfig::validate`], by path. Reads no files.

mod auth;
mod source;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;

use ipnet::IpNet;
use platform::tls::TlsConfig;
use serde::Deserialize;

pub use auth::{AuthConfig, HmacConfig, HmacScheme, SnsConfig};
pub use source::{NamespaceFrom, RateLimit, SourceConfig};

/// Where ingest listens unless configured: this machine only.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:8080";
/// Most sources of one collector: each is a metric label's value, and a namespace has a task of its own.
const MAX_SOURCES: usize = 1_000;

/// What the collector is told.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct CollectorConfig {
    /// Where and how it listens.
    pub ingest: IngestConfig,
    /// Who may send. Without any: the source `webhook` of format `webhook` into namespace `default`, without a
    /// password, for senders on this machine only.
    pub sources: Vec<SourceConfig>,
}

/// Where and how the collector listens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct IngestConfig {
    /// Address and port. Default `127.0.0.1:8080`; in a pod `0.0.0.0:8080`, which every source then needs `auth` for.
    pub address: SocketAddr,
    /// Open connections; a further one takes the place of the oldest whose sender is not known yet. Default 256:
    /// one that sends half a head costs about 30 KiB, and known senders need few.
    pub max_connections: NonZeroU32,
    /// Speak HTTPS, and perhaps ask senders for certificates. Left out: plain HTTP, for behind an ingress or a mesh.
    pub tls: Option<TlsConfig>,
    /// Networks of the proxies in front. From these alone `X-Forwarded-For` is believed, when `auth.cidrs` asks where a
    /// request comes from.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            max_connections: NonZeroU32::new(256).unwrap_or(NonZeroU32::MIN),
            tls: None,
            trusted_proxies: Vec::new(),
        }
    }
}

/// What is wrong with the configuration, where, and what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ConfigError {
    /// The field's path, such as `sources[2].name`.
    pub field: String,
    /// What is wrong and what to do.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

impl CollectorConfig {
    /// The sources in force: the configured ones, or the one that is there without configuration.
    pub fn effective_sources(&self) -> Vec<SourceConfig> {
        if self.sources.is_empty() {
            vec![SourceConfig::webhook()]
        } else {
            self.sources.clone()
        }
    }

    /// Checks what only several fields together can say wrong.
    ///
    /// # Errors
    /// Two sources of one name, a source that anybody on the network could send to, too many sources, or what
    /// [`SourceConfig`] says of one.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.sources.len() > MAX_SOURCES {
            return Err(ConfigError::new(
                "sources",
                format!("more than {MAX_SOURCES}; run several collectors"),
            ));
        }
        if let Some(tls) = &self.ingest.tls
            && tls.client_certificate_required
            && tls.client_ca_file.is_none()
        {
            let problem = "needs clientCaFile, by which certificates are checked";
            return Err(ConfigError::new("ingest.tls.clientCertificateRequired", problem));
        }
        let mut names = BTreeSet::new();
        for (index, source) in self.sources.iter().enumerate() {
            let at = |field: &str| format!("sources[{index}].{field}");
            if !names.insert(source.name.as_str()) {
                let problem = format!(
                    "{} is there twice; give each source a name of its own",
                    source.name
                );
                return Err(ConfigError::new(at("name"), problem));
            }
            source
                .validate(&self.ingest)
                .map_err(|error| ConfigError::new(at(&error.field), error.problem))?;
            self.refuse_open_door(source, &at("auth"))?;
        }
        if self.sources.is_empty() {
            self.refuse_open_door(&SourceConfig::webhook(), "sources")?;
        }
        Ok(())
    }

    /// A source without auth on an address that others can reach is refused at start rather than by a 401 that
    /// nobody sees: whoever set the address wanted others to send.
    fn refuse_open_door(&self, source: &SourceConfig, field: &str) -> Result<(), ConfigError> {
        let address = self.ingest.address;
        if source.auth.is_some() || address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        let problem = format!(
            "source {} has no auth, and ingest.address {address} can be reached from other machines; \
             give the source auth.bearerTokenFile, or set ingest.address to {DEFAULT_ADDRESS}",
            source.name
        );
        Err(ConfigError::new(field, problem))
    }
}

#[cfg(test)]
mod tests;
