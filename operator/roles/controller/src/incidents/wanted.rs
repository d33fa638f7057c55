//! What is to be done about one incident: writes, words for the log, news.

use api::{OpsEvent, TriageDecision};
use domain::incident::EndReason;
use domain::incident::step::{CloseWish, Effect};
use domain::triage::Verdict;
use tokio::time::Instant;

use crate::class::Class;

/// A write of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Create the object, then write this status; its `observedGeneration` is the one the creation answers.
    Open(Box<OpsEvent>),
    /// Replace the status, if the object is still in this version.
    Status(Box<OpsEvent>),
    /// Delete the object, if it is still in this version.
    Delete(Box<OpsEvent>),
    /// Put a question, unless it is put already.
    Ask(Box<TriageDecision>),
    /// Write on a question what became of it, if it is still in this version: an answer that came meanwhile wins.
    Settle(Box<TriageDecision>),
}

impl Work {
    /// The kind of a question.
    pub const QUESTION: &str = "TriageDecision";

    /// The kind of object that it writes, for people and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Open(_) | Self::Status(_) | Self::Delete(_) => "OpsEvent",
            Self::Ask(_) | Self::Settle(_) => Self::QUESTION,
        }
    }
}

/// What is told as a Kubernetes Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// The incident opened.
    Opened,
    /// Its object was deleted while it was open.
    BroughtBack,
    /// It came back.
    Reopened,
    /// It ended.
    Resolved(EndReason),
    /// A close came after the end.
    CloseIgnored,
    /// A person is asked, by the question of this number.
    Asked(u32),
    /// Nobody answered it in time.
    Unanswered(u32),
    /// A person answered it.
    Answered(u32, Verdict),
}

/// A close to be told to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Why, in a word.
    pub reason: &'static str,
    /// Who wants it.
    pub by: String,
}

/// A write with its urgency, and what is told once it is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The write.
    pub work: Work,
    /// Its urgency.
    pub class: Class,
    /// Told after the write has succeeded, never before.
    pub tells: Vec<Tell>,
}

/// What to do about one incident.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// The write it needs; `None` when the object is right.
    pub write: Option<Planned>,
    /// When to decide again although nothing was seen to change.
    pub look_again: Option<Instant>,
    /// The close to append to the log, when it is time.
    pub append_close: Option<Closing>,
    /// How far the wish to close has come.
    pub close: CloseWish,
    /// Told at once.
    pub tells: Vec<Tell>,
}

/// What is told of an effect, once what it wants is done.
pub(super) const fn told(effect: Effect) -> Option<Tell> {
    match effect {
        Effect::TellResolved(reason) => Some(Tell::Resolved(reason)),
        Effect::TellReopened => Some(Tell::Reopened),
        Effect::TellCloseIgnored => Some(Tell::CloseIgnored),
        Effect::BringBack => Some(Tell::BroughtBack),
        // Questions are told with their numbers, where they are written.
        Effect::AppendClose | Effect::Ask | Effect::Expire => None,
    }
}
