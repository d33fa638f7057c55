//! One source as configured: who sends what into which namespaces.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use domain::event::Event;
use formats::{Format, InsufficientData, MappingSpec, Reader, Settings, SettingsError};
use serde::Deserialize;

use super::{AuthConfig, ConfigError, IngestConfig};
use crate::names::{Namespace, SourceName, WEBHOOK_SOURCE};

/// Most namespaces of one source: each of a shared source's events is written once for each.
const MAX_NAMESPACES: usize = 100;

/// One source: who sends what into which namespaces.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SourceConfig {
    /// Its name: what `match.sources` of a rule tests, and the last part of `/api/v1/sources/<name>`.
    pub name: SourceName,
    /// Its language, such as `webhook` or `alertmanager`.
    pub format: Format,
    /// The namespace that its events belong to. With `namespaceFrom`: the one of events that name none.
    #[serde(default)]
    pub namespace: Option<Namespace>,
    /// Its events belong to each of `allowedNamespaces`.
    #[serde(default)]
    pub shared: bool,
    /// Its events belong to the namespace that the payload names, of `allowedNamespaces`: for trusted senders only.
    #[serde(default)]
    pub namespace_from: Option<NamespaceFrom>,
    /// The namespaces that it may write into, with `shared` or `namespaceFrom`.
    #[serde(default)]
    pub allowed_namespaces: Vec<Namespace>,
    /// How senders show who they are. Left out: anybody on this machine, and nobody else.
    #[serde(default)]
    pub auth: Option<AuthConfig>,
    /// Requests a second.
    #[serde(default)]
    pub rate_limit: RateLimit,
    /// Format `generic`: where each field of an event comes from.
    #[serde(default)]
    pub mapping: Option<MappingSpec>,
    /// Format `sns`: the format of the messages. Default `eventbridge`.
    #[serde(default)]
    pub message: Option<Format>,
    /// Formats `eventbridge` and `sns`: what a `CloudWatch` alarm without data is. Default `Ignore`.
    #[serde(default)]
    pub insufficient_data: InsufficientData,
}

/// Where an event's namespace stands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NamespaceFrom {
    /// A field of the event as in `groupBy`: `account`, `team`, `labels.namespace` …
    pub field: String,
    /// Namespaces by the field's value; a value that is not here is a namespace's name itself.
    #[serde(default)]
    pub values: BTreeMap<String, Namespace>,
}

/// A token bucket: how many requests a source may send. One request holds up to 1 MiB of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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

impl SourceConfig {
    /// The source that is there without configuration.
    pub(super) fn webhook() -> Self {
        Self {
            name: SourceName::webhook(),
            format: Format::Webhook,
            namespace: Some(Namespace::default_namespace()),
            shared: false,
            namespace_from: None,
            allowed_namespaces: Vec::new(),
            auth: None,
            rate_limit: RateLimit::default(),
            mapping: None,
            message: None,
            insufficient_data: InsufficientData::default(),
        }
    }

    /// The reader of its bodies.
    ///
    /// # Errors
    /// A setting that its format lacks or has no use for, or a mapping that is not usable.
    pub fn reader(&self) -> Result<Reader, SettingsError> {
        let settings = Settings {
            mapping: self.mapping.clone(),
            message: self.message,
            insufficient_data: self.insufficient_data,
        };
        Reader::new(self.format, &settings)
    }

    /// Checks what only several of its fields together can say wrong; an error's path begins at the source.
    pub(super) fn validate(&self, ingest: &IngestConfig) -> Result<(), ConfigError> {
        if self.name.as_str() == WEBHOOK_SOURCE && self.format != Format::Webhook {
            let problem = "the source `webhook` serves /api/v1/events/webhook, whose format is webhook; \
                           give this one another name";
            return Err(ConfigError::new("format", problem));
        }
        self.validate_tenancy()?;
        self.reader()
            .map_err(|error| ConfigError::new(error.field, error.problem))?;
        self.auth
            .as_ref()
            .map_or(Ok(()), |auth| auth.validate(self.format, ingest))
    }

    fn validate_tenancy(&self) -> Result<(), ConfigError> {
        let allowed = self.allowed_namespaces.len();
        let several = self.shared || self.namespace_from.is_some();
        let wrong = |field: &str, problem: &str| Err(ConfigError::new(field, problem));
        match (&self.namespace, several) {
            (None, false) => {
                return wrong(
                    "namespace",
                    "missing; name the namespace that the events belong to",
                );
            }
            (_, false) if allowed > 0 => {
                return wrong(
                    "allowedNamespaces",
                    "of use only with shared or namespaceFrom; remove it",
                );
            }
            (_, true) if allowed == 0 => {
                return wrong(
                    "allowedNamespaces",
                    "missing; list the namespaces that the source may write into",
                );
            }
            (_, true) if allowed > MAX_NAMESPACES => {
                return wrong(
                    "allowedNamespaces",
                    "more than 100; give the tenants sources of their own",
                );
            }
            _ => {}
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = self
            .allowed_namespaces
            .iter()
            .find(|name| !names.insert(name.as_str()))
        {
            return wrong(
                "allowedNamespaces",
                &format!("{twice} is there twice; remove one"),
            );
        }
        if self.shared && (self.namespace.is_some() || self.namespace_from.is_some()) {
            let problem = "its events belong to all of allowedNamespaces; remove namespace and namespaceFrom, or shared";
            return wrong("shared", problem);
        }
        self.namespace_from
            .as_ref()
            .map_or(Ok(()), |from| self.validate_namespace_from(from))
    }

    fn validate_namespace_from(&self, from: &NamespaceFrom) -> Result<(), ConfigError> {
        if Event::default().field(&from.field).is_none() {
            let problem = format!(
                "no event has a field {:?}; use account, team, service, environment, region, host or labels.<name>",
                from.field
            );
            return Err(ConfigError::new("namespaceFrom.field", problem));
        }
        let named = from.values.values().chain(&self.namespace);
        match named
            .into_iter()
            .find(|name| !self.allowed_namespaces.contains(name))
        {
            None => Ok(()),
            Some(stray) => {
                let problem = format!("{stray} is not in allowedNamespaces; add it there, or remove it here");
                Err(ConfigError::new("namespaceFrom.values", problem))
            }
        }
    }
}
