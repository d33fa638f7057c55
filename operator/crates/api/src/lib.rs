//! The kinds of `opsward.dev`: their schema, columns and explanations as users meet them, and the conversions
//! between them and `domain`'s plain types. Talks to no API server.
#![allow(
    clippy::doc_markdown,
    reason = "the comments are what `kubectl explain` prints, in the users' own words"
)]

pub mod admission;
pub mod approvers;
pub mod conditions;
pub mod convert;
pub mod definitions;
pub mod duration;
pub mod limits;
pub mod names;
pub mod notify;
pub mod opening_event;
pub mod ops_event;
mod schema;
pub mod story;
pub mod superseded;
pub mod triage_decision;
pub mod trigger_rule;

pub use approvers::Approvers;
pub use conditions::{ConditionType, Reason, Statement, Truth};
pub use convert::rule_from_log;
pub use definitions::{crds, definitions};
pub use duration::{Duration, DurationError};
pub use names::{API_VERSION, CATEGORY, FIELD_MANAGER, GROUP, LABEL_MANAGED_BY, LABEL_RULE, VERSION};
pub use opening_event::{EventDimensions, EventSource, OpeningEvent};
pub use ops_event::{
    Close, CloseReason, Occurrences, OpsEvent, OpsEventSpec, OpsEventStatus, Phase, RuleReference,
};
pub use story::{Awaited, Decision, Moment, Outcome, WaitingOn};
pub use superseded::SupersededBy;
pub use triage_decision::{
    DecisionState, Feedback, Rating, TriageDecision, TriageDecisionSpec, TriageDecisionStatus, answer_command,
};
pub use trigger_rule::{
    LabelRequirement, Match, Resolve, Triage, Trigger, TriggerRule, TriggerRuleSpec, TriggerRuleStatus,
};
