//! Names that configuration gives and that later stand in subjects, keys, paths and metric labels: checked once,
//! where they are read.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use crate::config::WEBHOOK_SOURCE;

/// A source's name: a DNS label (RFC 1123), so that it needs no escaping anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct SourceName(Arc<str>);

/// A Kubernetes namespace: a DNS label too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Namespace(Arc<str>);

/// A text that is not the name it should be.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no {what}; use lower-case letters, digits and `-`, at most 63")]
pub struct NameError {
    text: String,
    what: &'static str,
}

impl SourceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn webhook() -> Self {
        Self(Arc::from(WEBHOOK_SOURCE))
    }
}

impl Namespace {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn default_namespace() -> Self {
        Self(Arc::from("default"))
    }
}

impl TryFrom<String> for SourceName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        checked(text, "source name").map(Self)
    }
}

impl TryFrom<String> for Namespace {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        checked(text, "namespace").map(Self)
    }
}

/// Both are what the contract allows of user text in a subject; a source's name is a bucket's key, which allows more.
fn checked(text: String, what: &'static str) -> Result<Arc<str>, NameError> {
    if bus::contract::is_namespace(&text) { Ok(text.into()) } else { Err(NameError { text, what }) }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
