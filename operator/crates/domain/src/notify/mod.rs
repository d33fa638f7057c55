//! What people are told of an incident, in which channel and when. Pure: an incident as it is now and what was said before
//! come in, what is to be said goes out. How a channel writes it is the notifier's.

pub mod card;
pub mod message;
pub mod next;
pub mod text;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::incident::EndReason;
use crate::severity::Severity;
use crate::task::{Assignment, Task, Worker};
use crate::time::Time;
use crate::triage::Verdict;
use card::Card;

/// What a rule may want to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum On {
    /// It opened.
    Opened,
    /// Its severity rose.
    SeverityRaised,
    /// A person is asked.
    AwaitingDecision,
    /// A person has decided.
    Decided,
    /// It ended.
    Resolved,
    /// It came back.
    Reopened,
}

impl On {
    /// All of it, which is what a rule wants that says nothing.
    pub const ALL: [Self; 6] = [
        Self::Opened,
        Self::SeverityRaised,
        Self::AwaitingDecision,
        Self::Decided,
        Self::Resolved,
        Self::Reopened,
    ];
}

/// A rule's terms for one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The channel's name in the rule.
    pub name: String,
    /// Where it leads.
    pub target: Target,
    /// What is told there.
    pub on: Vec<On>,
    /// How long after the last word an incident that nobody has is told again; never when absent.
    pub repeat: Option<Duration>,
}

/// Where a channel leads. Secrets are named, never held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// Slack: one message an incident, brought up to date, with a thread.
    Slack {
        /// The channel's id, or its name after `#`.
        channel: String,
        /// The Secret in the rule's namespace.
        secret: String,
    },
    /// `PagerDuty`: an alert an incident.
    PagerDuty {
        /// The Secret in the rule's namespace.
        secret: String,
    },
    /// An event in the form of `CloudEvents` for each word, signed.
    Webhook {
        /// The address; absent where the Secret has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// The Secret in the rule's namespace; absent where nothing is signed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<String>,
    },
}

impl Target {
    /// The word for metrics and messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "slack",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Webhook { .. } => "webhook",
        }
    }

    /// Whether both lead to the same place; a Secret by another name may hold the same token.
    pub fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Slack { channel, .. }, Self::Slack { channel: other, .. }) => channel == other,
            (Self::Webhook { url: Some(url), .. }, Self::Webhook { url: Some(other), .. }) => url == other,
            _ => self == other,
        }
    }

    /// Whether what was sent can be brought up to date.
    pub const fn edits(&self) -> bool {
        match self {
            Self::Slack { .. } => true,
            Self::PagerDuty { .. } | Self::Webhook { .. } => false,
        }
    }
}

/// Something that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "reason")]
pub enum News {
    /// It opened.
    #[serde(rename = "opened")]
    Opened,
    /// Its severity rose.
    #[serde(rename = "severityRaised")]
    SeverityRaised {
        /// To this.
        to: Severity,
    },
    /// A person is asked.
    #[serde(rename = "awaitingDecision", rename_all = "camelCase")]
    AwaitingDecision {
        /// The number of the question.
        number: u32,
        /// Who is asked.
        approvers: String,
        /// Until when.
        until: Time,
    },
    /// A person has decided.
    #[serde(rename = "decided")]
    Decided {
        /// What.
        verdict: Verdict,
        /// Who.
        by: String,
        /// Why, in that person's words.
        why: String,
    },
    /// It ended.
    #[serde(rename = "resolved")]
    Resolved {
        /// Why; `end` because `reason` says that it is this news.
        end: EndReason,
    },
    /// It came back.
    #[serde(rename = "reopened")]
    Reopened,
    /// It is still there, and nobody has it.
    #[serde(rename = "repeat")]
    Repeat,
}

impl News {
    /// The wish under which it is told; a repeat has its own.
    const fn on(&self) -> Option<On> {
        match self {
            Self::Opened => Some(On::Opened),
            Self::SeverityRaised { .. } => Some(On::SeverityRaised),
            Self::AwaitingDecision { .. } => Some(On::AwaitingDecision),
            Self::Decided { .. } => Some(On::Decided),
            Self::Resolved { .. } => Some(On::Resolved),
            Self::Reopened => Some(On::Reopened),
            Self::Repeat => None,
        }
    }
}

/// One thing told, in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// From 1, in order; never used twice in one channel of an incident.
    pub number: u64,
    /// When it happened.
    pub at: Time,
    /// What.
    pub news: News,
}

/// What was said, so that it is not said again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Said {
    /// The number of the last word.
    pub last: u64,
    /// When it was wanted.
    pub last_at: Time,
    /// The severity that is known there.
    pub severity: Severity,
    /// The question that is known there; 0 when none.
    pub asked: u32,
    /// Whether the decision is known there.
    pub decided: bool,
    /// Whether the end is known there.
    pub ended: bool,
    /// How often it came back by what is known there.
    pub reopened: i64,
    /// When the counts were brought up to date last.
    pub shown_at: Time,
    /// How often they were, since something else happened.
    pub refreshed: u32,
}

/// What a channel is to have of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Where.
    pub target: Target,
    /// The incident as it is.
    pub card: Card,
    /// What is still to be told, oldest first.
    pub words: Vec<Word>,
    /// What was said, these words included.
    pub said: Said,
    /// What the rule wants told, for when it is gone.
    #[serde(default = "everything")]
    pub on: Vec<On>,
    /// Whether the rule names the channel no more: then nothing is told there, also when the rule goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dropped: bool,
}

fn everything() -> Vec<On> {
    On::ALL.to_vec()
}

/// What the notifier keeps of a channel of an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sent {
    /// Where the message lies: where the target is another now, it is told anew there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The number of the last word that is known to have been told.
    pub told: u64,
    /// The channel's own id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The channel's own id of itself, where it differs from the configured name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// A hash of what the message shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shows: Option<String>,
    /// The word that is being told: after a crash nobody knows whether it arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telling: Option<Telling>,
    /// Words that may have arrived twice, because nobody knew whether they had and the channel cannot be asked.
    #[serde(skip_serializing_if = "is_zero")]
    pub ambiguous: u64,
}

/// A word under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// Its number.
    pub number: u64,
    /// Since when.
    pub since: Time,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Assignment for Notice {
    type Output = Sent;
    const WORKER: Worker = Worker::Notifier;
}

/// A channel of an incident.
pub type Notification = Task<Notice>;
