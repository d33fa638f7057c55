//! The collector's part of the configuration file: where to listen, and which sources there are.
//!
//! What one field alone can say wrong is refused while the file is read, so that the error has its line. What
//! only several fields together can say wrong is refused by [`CollectorConfig::validate`], by path. Reads no files.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use formats::Format;
use serde::Deserialize;

use crate::names::{Namespace, SourceName};

/// The source that is there without configuration, and the only one that `/api/v1/events/webhook` feeds.
pub const WEBHOOK_SOURCE: &str = "webhook";
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
    /// Open connections; further ones wait in the kernel. Default 1024: a connection costs two buffers of 8 KiB
    /// and a descriptor, of which most systems give a process 1024 at least softly.
    pub max_connections: NonZeroU32,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            max_connections: NonZeroU32::new(1024).unwrap_or(NonZeroU32::MIN),
        }
    }
}

/// One source: who sends what into which namespace.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SourceConfig {
    /// Its name: what `match.sources` of a rule tests, and the last part of `/api/v1/sources/<name>`.
    pub name: SourceName,
    /// Its language: `webhook` or `alertmanager`.
    #[serde(deserialize_with = "format_by_name")]
    pub format: Format,
    /// The namespace that its events belong to; never taken from the payload.
    pub namespace: Namespace,
    /// How senders show who they are. Left out: anybody on this machine, and nobody else.
    #[serde(default)]
    pub auth: Option<AuthConfig>,
    /// Requests a second.
    #[serde(default)]
    pub rate_limit: RateLimit,
}

impl SourceConfig {
    /// The source that is there without configuration.
    fn webhook() -> Self {
        Self {
            name: SourceName::webhook(),
            format: Format::Webhook,
            namespace: Namespace::default_namespace(),
            auth: None,
            rate_limit: RateLimit::default(),
        }
    }
}

/// Bearer tokens (RFC 6750), each alone in a file. Files are read again every 30 s, so a changed Secret needs no restart.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct AuthConfig {
    /// The file that holds the token.
    pub bearer_token_file: Option<PathBuf>,
    /// Several files, each with a token that is taken: for the time in which senders change from one to the other.
    pub bearer_token_files: Vec<PathBuf>,
}

impl AuthConfig {
    /// All files, of both fields.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.bearer_token_file.iter().chain(&self.bearer_token_files)
    }
}

/// A token bucket: how many requests a source may send. One request holds up to 1 MiB of items.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct RateLimit {
    /// Requests a second in the long run. Default 10,000: above what one sender reaches that means well, below what
    /// one core can answer.
    pub per_second: NonZeroU32,
    /// Requests at once after a quiet time. Default 20,000.
    pub burst: NonZeroU32,
}

impl Default for RateLimit {
    fn default() -> Self {
        let or_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            per_second: or_one(10_000),
            burst: or_one(20_000),
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
    /// Two sources of one name, a source that anybody on the network could send to, a `webhook` source of another
    /// format, `auth` without a file, or too many sources.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.sources.len() > MAX_SOURCES {
            return Err(ConfigError::new(
                "sources",
                format!("more than {MAX_SOURCES}; run several collectors"),
            ));
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
            if source.name.as_str() == WEBHOOK_SOURCE && source.format != Format::Webhook {
                let problem = "the source `webhook` serves /api/v1/events/webhook, whose format is webhook; \
                               give this one another name";
                return Err(ConfigError::new(at("format"), problem));
            }
            if source
                .auth
                .as_ref()
                .is_some_and(|auth| auth.files().next().is_none())
            {
                return Err(ConfigError::new(at("auth"), "names no file; set bearerTokenFile"));
            }
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

fn format_by_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Format, D::Error> {
    struct Name;
    impl serde::de::Visitor<'_> for Name {
        type Value = Format;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a format: ")?;
            f.write_str(&Format::ALL.map(Format::name).join(" or "))
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Format, E> {
            Format::from_name(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
        }
    }
    deserializer.deserialize_str(Name)
}

#[cfg(test)]
mod tests;
