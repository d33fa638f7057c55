//! A TriggerRule as the correlator uses it: its written form in plain types ([`RuleSpec`]), and compiled
//! ([`Rule`]) with globs, expressions and conditions checked. Says what is wrong with a rule, and where.

pub mod condition;
pub mod glob;
pub mod index;
pub mod labels;
pub mod record;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Event, EventState};
use crate::hash::Hash128;
use crate::severity::Severity;
use crate::triage::Triage;
use condition::Condition;
use glob::Globs;
use labels::{LabelMatcher, LabelRequirement};

/// Most globs, label requirements or group fields that one list of a rule may hold.
pub const LIST_ITEMS: usize = 64;

/// Which object, in which version, a rule was written as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleIdentity {
    /// metadata.uid: a rule deleted and created again under its name is another rule.
    pub uid: String,
    /// metadata.name.
    pub name: String,
    /// metadata.generation.
    pub generation: i64,
}

/// What a rule takes. Empty lists ask nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// Globs over the configured source's name.
    pub sources: Vec<String>,
    /// Globs over what the payload says of its source.
    pub reported_sources: Vec<String>,
    /// Globs over the event's type.
    pub types: Vec<String>,
    /// The lowest severity taken.
    pub min_severity: Severity,
    /// Every one must hold.
    pub labels: Vec<LabelRequirement>,
    /// CEL over `event`; empty asks nothing.
    pub condition: String,
}

/// When a group of occurrences becomes an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Occurrences needed, at least 1.
    pub count: u32,
    /// Within this sliding window of log time.
    pub within: Duration,
}

impl Default for Trigger {
    fn default() -> Self {
        Self {
            count: 1,
            within: Duration::from_secs(5 * 60),
        }
    }
}

/// What ends an incident by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResolveOn {
    /// No member fires any more.
    #[default]
    AllClear,
    /// Only a person or `maxOpen`.
    Never,
}

/// How an incident ends and comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    /// What ends it by itself.
    pub on: ResolveOn,
    /// Silence after which a member without a life cycle counts as clear.
    pub after: Duration,
    /// A new occurrence this soon after the end continues the same incident.
    pub reopen_within: Duration,
    /// The end that always comes.
    pub max_open: Duration,
}

impl Default for Resolve {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        Self {
            on: ResolveOn::AllClear,
            after: Duration::from_secs(30 * MINUTE),
            reopen_within: Duration::from_secs(15 * MINUTE),
            max_open: Duration::from_secs(7 * 24 * 60 * MINUTE),
        }
    }
}

/// How long a finished incident's object stays by default: 24 h.
pub const DEFAULT_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// A rule as written, in plain types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSpec {
    /// What it takes.
    pub matches: Match,
    /// Higher is asked first; ties by name.
    pub priority: i32,
    /// Later rules see the event too.
    pub continues: bool,
    /// Event fields whose values make the group; empty means the fingerprint.
    pub group_by: Vec<String>,
    /// When a group becomes an incident.
    pub trigger: Trigger,
    /// How the incident ends and comes back.
    pub resolve: Resolve,
    /// Whether a person decides about each incident. Behind the others in a checkpoint.
    #[serde(skip)]
    pub triage: Arc<Triage>,
    /// How long the finished object stays.
    pub ttl: Duration,
    /// Takes nothing new; what is open goes on.
    pub suspend: bool,
}

impl Default for RuleSpec {
    fn default() -> Self {
        Self {
            matches: Match::default(),
            priority: 0,
            continues: false,
            group_by: Vec::new(),
            trigger: Trigger::default(),
            resolve: Resolve::default(),
            triage: Arc::default(),
            ttl: DEFAULT_TTL,
            suspend: false,
        }
    }
}

/// What is wrong with a rule as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The condition is no CEL, or beyond the static bounds.
    #[error("spec.match.condition: {0}")]
    InvalidExpression(#[from] condition::ConditionError),
    /// A label requirement is not usable.
    #[error("spec.match.labels[{index}]: {message}")]
    InvalidLabels {
        /// Which requirement.
        index: usize,
        /// What is wrong and what to do.
        message: String,
    },
    /// A group field that no event has.
    #[error(
        "spec.groupBy: no event has a field {field:?}; use type, title, resource, service, host, team, environment, \
         account, region, source, reportedSource, severity or labels.<name>"
    )]
    UnknownGroupField {
        /// The field as written.
        field: String,
    },
    /// The spec is not of a form this version reads.
    #[error("{0}")]
    InvalidSpec(String),
}

impl RuleError {
    /// The reason of the rule's `Ready` condition.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::InvalidExpression(_) => "InvalidExpression",
            Self::InvalidLabels { .. } => "InvalidLabels",
            Self::UnknownGroupField { .. } => "UnknownGroupField",
            Self::InvalidSpec(_) => "InvalidSpec",
        }
    }
}

/// A rule ready to be asked.
#[derive(Debug)]
pub struct Rule {
    /// Which object in which version.
    pub identity: RuleIdentity,
    /// As written.
    pub spec: RuleSpec,
    sources: Globs,
    reported_sources: Globs,
    types: Globs,
    labels: Vec<LabelMatcher>,
    condition: Option<Condition>,
}

/// What a rule says of an event that its indexed parts let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The rule takes the event.
    Takes,
    /// It does not.
    Passes,
    /// Its condition could not be evaluated on this event; counts as not taken.
    Fails(String),
}

impl Rule {
    /// Checks and compiles a rule.
    ///
    /// # Errors
    /// The first part that is not usable.
    pub fn compile(identity: RuleIdentity, spec: RuleSpec) -> Result<Self, RuleError> {
        let probe = Event::default();
        if let Some(field) = spec.group_by.iter().find(|field| probe.field(field).is_none()) {
            return Err(RuleError::UnknownGroupField { field: field.clone() });
        }
        let labels = spec
            .matches
            .labels
            .iter()
            .enumerate()
            .map(|(index, requirement)| {
                LabelMatcher::compile(requirement)
                    .map_err(|message| RuleError::InvalidLabels { index, message })
            })
            .collect::<Result<_, _>>()?;
        let condition = Some(spec.matches.condition.trim()).filter(|text| !text.is_empty());
        Ok(Self {
            sources: Globs::new(&spec.matches.sources),
            reported_sources: Globs::new(&spec.matches.reported_sources),
            types: Globs::new(&spec.matches.types),
            labels,
            condition: condition.map(Condition::compile).transpose()?,
            identity,
            spec,
        })
    }

    /// Asks the parts that no index covers: labels, then the condition.
    pub fn verdict(&self, event: &Event<'_>) -> Verdict {
        if !self.labels.iter().all(|matcher| matcher.accepts(&event.labels)) {
            return Verdict::Passes;
        }
        match self.condition.as_ref().map(|condition| condition.holds(event)) {
            None | Some(Ok(true)) => Verdict::Takes,
            Some(Ok(false)) => Verdict::Passes,
            Some(Err(message)) => Verdict::Fails(message),
        }
    }

    /// The group of `event` under this rule: a hash of the fields and their values.
    pub fn group(&self, event: &Event<'_>) -> Hash128 {
        if self.spec.group_by.is_empty() {
            return event.fingerprint;
        }
        let parts = self
            .spec
            .group_by
            .iter()
            .flat_map(|name| [name.as_str(), event.field(name).unwrap_or_default()]);
        Hash128::of(parts)
    }

    /// The group's fields with their values, as people see them.
    pub fn group_fields(&self, event: &Event<'_>) -> Vec<(String, String)> {
        if self.spec.group_by.is_empty() {
            return vec![("fingerprint".to_owned(), event.fingerprint.to_string())];
        }
        let value = |name: &String| event.field(name).unwrap_or_default().to_owned();
        self.spec
            .group_by
            .iter()
            .map(|name| (name.clone(), value(name)))
            .collect()
    }
}

/// Whether an event of this state can be an occurrence that rules are asked about.
pub const fn is_occurrence(state: EventState) -> bool {
    matches!(state, EventState::Firing | EventState::Info)
}
