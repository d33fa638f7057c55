//! What can go wrong in the controller, sorted by what to do about it.

use std::time::Duration;

use kube::core::Status;
use platform::lease::LeaseError;

/// Limit of one call. A call that takes longer may have happened; the next look tells.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the controller cannot go on. Nothing outside causes it: an API server or NATS that is away is waited for.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The configuration of the lease cannot be used.
    #[error("controller.lease: {0}")]
    Lease(#[from] LeaseError),
    /// The admission policies of this build cannot be read: a bug.
    #[error("the admission policies of this build cannot be read")]
    Policies(#[from] serde_yaml::Error),
    /// A write panicked: a bug.
    #[error("a write did not end well")]
    Write(#[from] tokio::task::JoinError),
}

impl ControllerError {
    /// The word for metrics and reasons.
    pub const fn category(&self) -> &'static str {
        match self {
            Self::Lease(_) => "Config",
            Self::Policies(_) | Self::Write(_) => "Bug",
        }
    }

    /// Whether starting again, without a change, can help.
    pub const fn retry(&self) -> bool {
        match self {
            Self::Lease(_) | Self::Policies(_) => false,
            Self::Write(_) => true,
        }
    }
}

/// When a failed write is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// As soon as the API server serves anybody; the pauses are for all writes together.
    WhenServed,
    /// After a pause of this object's own; other objects go on.
    Later,
}

/// Why the API server did not do a write.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It did not answer in time; the write may have happened.
    #[error("no answer in {} s", CALL_TIMEOUT.as_secs())]
    Timeout,
    /// It was not reached, or says that it cannot serve now.
    #[error("not served")]
    Unserved(#[source] Box<kube::Error>),
    /// The namespace is being deleted, or is not there.
    #[error("the namespace takes no new objects: {}", .0.message)]
    NamespaceClosed(Box<Status>),
    /// It refused the write for good: rights, schema, admission.
    #[error("refused")]
    Refused(#[source] Box<kube::Error>),
}

impl WriteError {
    /// The word for metrics.
    pub const fn category(&self) -> &'static str {
        match self {
            Self::Timeout => "Timeout",
            Self::Unserved(_) => "Unserved",
            Self::NamespaceClosed(_) => "NamespaceClosed",
            Self::Refused(_) => "Refused",
        }
    }

    /// Whether it is an answer about this write: one of the API server's own judgement, or of a webhook that it asked.
    pub fn is_answer(&self) -> bool {
        // The words of the API server where an admission webhook could not be called.
        const WEBHOOK: &str = "failed calling webhook";
        match self {
            Self::Timeout => false,
            Self::NamespaceClosed(_) | Self::Refused(_) => true,
            Self::Unserved(error) => {
                matches!(&**error, kube::Error::Api(status) if status.message.contains(WEBHOOK))
            }
        }
    }

    /// When to try again.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Timeout | Self::Unserved(_) => Retry::WhenServed,
            Self::NamespaceClosed(_) | Self::Refused(_) => Retry::Later,
        }
    }
}

/// Why the log was not told something. Each is tried again every 5 s: [`crate::rules::publish`] and
/// `domain::incident::step` say when.
#[derive(Debug, thiserror::Error)]
pub enum TellLogError {
    /// The log could not be written.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// The API server could not say whether the object is gone.
    #[error("cannot confirm that the rule is gone")]
    Confirm(#[source] WriteError),
    /// The spec is no JSON text; never for what an API server sent.
    #[error("the spec cannot be written as JSON")]
    Spec(#[source] serde_json::Error),
}

impl TellLogError {
    /// The word for metrics and conditions.
    pub const fn category(&self) -> &'static str {
        match self {
            Self::Bus(error) => error.category(),
            Self::Confirm(error) => error.category(),
            Self::Spec(_) => "Spec",
        }
    }
}
