//! Names that configuration gives and that later stand in subjects, keys, paths and metric labels: checked once,
//! where they are read.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// The source that is there without configuration, and the only one that `/api/v1/events/webhook` feeds.
pub const WEBHOOK_SOURCE: &str = "webhook";

/// A source's name: a DNS label (RFC 1123), so that it needs no escaping anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceName(Arc<str>);

/// A Kubernetes namespace: a DNS label too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Namespace(Arc<str>);

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

impl<'de> Deserialize<'de> for SourceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(Label {
                what: "a source's name",
            })
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for Namespace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(Label { what: "a namespace" })
            .map(Self)
    }
}

/// Reads a DNS label. A visitor of its own, because only from inside one does `serde_yaml` add the field's own line.
struct Label {
    what: &'static str,
}

impl Visitor<'_> for Label {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of lower-case letters, digits and `-`, at most 63",
            self.what
        )
    }

    /// What the contract allows of user text in a subject; as a bucket's key more would be allowed.
    fn visit_str<E: Error>(self, text: &str) -> Result<Arc<str>, E> {
        if bus::contract::is_namespace(text) {
            Ok(text.into())
        } else {
            Err(E::invalid_value(Unexpected::Str(text), &self))
        }
    }
}
