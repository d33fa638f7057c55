//! What can go wrong on NATS, sorted by what to do about it.

use std::error::Error;

/// Any error of a NATS client call.
pub type Source = Box<dyn Error + Send + Sync>;

/// A failed call on the bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// No connection, a time-out, or an answer that does not say whether it happened.
    #[error("NATS: {what}: {source}")]
    Unavailable {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: Source,
    },
    /// The server does not answer, or refuses the user.
    #[error("NATS at {url} (nats.url): {source}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        source: Source,
    },
    /// Somebody else wrote first; read again.
    #[error("NATS: {what}: written by another meanwhile")]
    Conflict {
        /// What was tried.
        what: &'static str,
    },
    /// A stream or bucket is not there (yet).
    #[error("NATS: {name} is not there; the correlator makes it at its start")]
    Missing {
        /// Its name.
        name: String,
    },
    /// Stored bytes are not what the contract says.
    #[error("NATS: {what} cannot be decoded: {source}")]
    Decode {
        /// What was read.
        what: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// The configuration cannot be used.
    #[error("{setting}: {message}")]
    Config {
        /// The setting.
        setting: String,
        /// What is wrong and what to do.
        message: String,
    },
}

impl BusError {
    /// The word for metrics and reasons.
    pub const fn category(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "Unavailable",
            Self::Unreachable { .. } => "Unreachable",
            Self::Conflict { .. } => "Conflict",
            Self::Missing { .. } => "Missing",
            Self::Decode { .. } => "Decode",
            Self::Config { .. } => "Config",
        }
    }

    /// Whether trying again can help.
    pub const fn retry(&self) -> bool {
        match self {
            Self::Unavailable { .. }
            | Self::Unreachable { .. }
            | Self::Conflict { .. }
            | Self::Missing { .. } => true,
            Self::Decode { .. } | Self::Config { .. } => false,
        }
    }

    /// Wraps a client's error about `what`.
    pub fn unavailable(what: &'static str) -> impl Fn(Source) -> Self {
        move |source| Self::Unavailable { what, source }
    }
}

/// Wraps whatever error a client call gave.
pub(crate) fn failed<E: Into<Source>>(what: &'static str) -> impl Fn(E) -> BusError {
    move |source| BusError::Unavailable {
        what,
        source: source.into(),
    }
}
