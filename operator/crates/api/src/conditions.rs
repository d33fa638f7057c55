//! Conditions of the kinds: their types, their reasons, and how one is set so that `lastTransitionTime` moves
//! only when the status does. Every word a user can see in a condition is in this file or is a domain reason
//! (`RuleError::reason`, `EndReason`).

use std::fmt;

use domain::event::clip;
use domain::time::Time;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time as KubeTime};
use k8s_openapi::jiff::Timestamp;

use crate::limits::MESSAGE_BYTES;

/// What a condition speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionType {
    /// TriggerRule: this generation is in force.
    Ready,
    /// TriggerRule: it can match nothing, or something stands before it.
    Ineffective,
    /// TriggerRule: people can be told of its incidents.
    Notifying,
    /// OpsEvent: the problem is still there.
    Firing,
    /// OpsEvent: the incident has ended.
    Resolved,
    /// OpsEvent: its rule has been deleted.
    RuleGone,
    /// OpsEvent: a person has decided, or nobody has to.
    Decided,
    /// OpsEvent: the API server says by whom a question is answered.
    IdentityEnforced,
}

impl ConditionType {
    /// The word as users see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Ineffective => "Ineffective",
            Self::Notifying => "Notifying",
            Self::Firing => "Firing",
            Self::Resolved => "Resolved",
            Self::RuleGone => "RuleGone",
            Self::Decided => "Decided",
            Self::IdentityEnforced => "IdentityEnforced",
        }
    }
}

/// Why a condition stands as it does, where no domain reason says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Ready: the log holds this generation; the message names the position.
    InForce,
    /// Ready: written to the log, or about to be; not yet confirmed.
    Publishing,
    /// Ready: the log cannot be written now; the message says what is waited for.
    LogUnavailable,
    /// Ready: in force, but `spec.suspend` is set, so nothing new is taken.
    Suspended,
    /// Ineffective: nothing stands against it.
    Effective,
    /// Ineffective: a rule with a higher priority takes all that this one could.
    Shadowed,
    /// Ineffective: no configured source matches `match.sources`.
    NoSuchSource,
    /// Ineffective: no collector has said yet which sources there are.
    SourcesUnknown,
    /// Notifying: nothing is known to be in the way.
    NothingInTheWay,
    /// Firing: at least one member fires.
    MembersFiring,
    /// Firing: every member is clear.
    AllClear,
    /// Firing: not known any more, as the incident has ended otherwise than by itself.
    Ended,
    /// Resolved: the incident is open.
    StillOpen,
    /// RuleGone: the rule is there.
    RulePresent,
    /// RuleGone: the rule has been deleted.
    RuleDeleted,
    /// Decided: the rule asks nobody.
    NotAsked,
    /// Decided: a question waits.
    Pending,
    /// Decided: somebody owns the incident.
    Accepted,
    /// Decided: somebody said that it is no problem.
    Discharged,
    /// Decided: the incident ended before anybody answered.
    Unanswered,
    /// IdentityEnforced: the admission policies are in place.
    PoliciesPresent,
    /// IdentityEnforced: an admission policy is missing or does not deny; the message names it.
    PoliciesMissing,
    /// IdentityEnforced: a close came while they were in place.
    CloseProven,
    /// IdentityEnforced: a close came while one was missing.
    CloseUnproven,
}

impl Reason {
    /// The word as users see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "InForce",
            Self::Publishing => "Publishing",
            Self::LogUnavailable => "LogUnavailable",
            Self::Suspended => "Suspended",
            Self::Effective => "Effective",
            Self::Shadowed => "Shadowed",
            Self::NoSuchSource => "NoSuchSource",
            Self::SourcesUnknown => "SourcesUnknown",
            Self::NothingInTheWay => "NothingInTheWay",
            Self::MembersFiring => "MembersFiring",
            Self::AllClear => "AllClear",
            Self::Ended => "Ended",
            Self::StillOpen => "StillOpen",
            Self::RulePresent => "RulePresent",
            Self::RuleDeleted => "RuleDeleted",
            Self::NotAsked => "NotAsked",
            Self::Pending => "Pending",
            Self::Accepted => "Accepted",
            Self::Discharged => "Discharged",
            Self::Unanswered => "Unanswered",
            Self::PoliciesPresent => "PoliciesPresent",
            Self::PoliciesMissing => "PoliciesMissing",
            Self::CloseProven => "CloseProven",
            Self::CloseUnproven => "CloseUnproven",
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Not known now.
    Unknown,
}

impl Truth {
    /// The word as users see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is to be said about one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Of what.
    pub of: ConditionType,
    /// Whether it holds.
    pub truth: Truth,
    /// One CamelCase word: [`Reason::as_str`] or a domain reason.
    pub reason: String,
    /// For people: what, where, and what to do. Cut to [`MESSAGE_BYTES`].
    pub message: String,
}

impl Statement {
    /// A statement.
    pub fn new(of: ConditionType, truth: Truth, reason: &str, message: impl Into<String>) -> Self {
        Self {
            of,
            truth,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    /// Puts the statement into `conditions`, made of `generation` at `now`. The transition time stays when the
    /// truth does, as `kubectl wait` and alerting on "not ready for 10 minutes" expect.
    pub fn put_into(self, conditions: &mut Vec<Condition>, generation: i64, now: Time) {
        let existing = conditions
            .iter_mut()
            .find(|condition| condition.type_ == self.of.as_str());
        let unmoved = existing.as_ref().filter(|old| old.status == self.truth.as_str());
        let since = unmoved.map_or_else(|| kube_time(now), |old| old.last_transition_time.clone());
        let condition = Condition {
            type_: self.of.as_str().to_owned(),
            status: self.truth.as_str().to_owned(),
            reason: self.reason,
            message: clip(&self.message, MESSAGE_BYTES).to_owned(),
            observed_generation: Some(generation),
            last_transition_time: since,
        };
        match existing {
            Some(place) => *place = condition,
            None => conditions.push(condition),
        }
    }
}

/// Whether `conditions` say that `of` holds.
pub fn holds(conditions: &[Condition], of: ConditionType) -> bool {
    conditions
        .iter()
        .any(|condition| condition.type_ == of.as_str() && condition.status == Truth::True.as_str())
}

/// A time as Kubernetes' own types carry it: whole seconds.
pub fn kube_time(at: Time) -> KubeTime {
    KubeTime(Timestamp::from_second(at.millis().div_euclid(1000)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(truth: Truth, reason: Reason) -> Statement {
        Statement::new(ConditionType::Ready, truth, reason.as_str(), "why")
    }

    #[test]
    fn the_transition_time_moves_with_the_status_only() {
        let mut conditions = Vec::new();
        ready(Truth::False, Reason::Publishing).put_into(&mut conditions, 1, Time::from_millis(1_999));
        ready(Truth::False, Reason::LogUnavailable).put_into(&mut conditions, 2, Time::from_millis(5_000));
        assert_eq!(
            conditions[0].last_transition_time,
            kube_time(Time::from_millis(1_000))
        );
        assert_eq!(
            (conditions[0].reason.as_str(), conditions[0].observed_generation),
            ("LogUnavailable", Some(2))
        );
        ready(Truth::True, Reason::InForce).put_into(&mut conditions, 2, Time::from_millis(9_000));
        assert_eq!(
            conditions[0].last_transition_time,
            kube_time(Time::from_millis(9_000))
        );
        assert_eq!(conditions.len(), 1);
        assert!(holds(&conditions, ConditionType::Ready) && !holds(&conditions, ConditionType::Firing));
    }

    #[test]
    fn a_statement_leaves_other_conditions_alone() {
        let mut conditions = Vec::new();
        ready(Truth::True, Reason::InForce).put_into(&mut conditions, 1, Time::EPOCH);
        let other = Statement::new(
            ConditionType::Ineffective,
            Truth::Unknown,
            "SourcesUnknown",
            "m".repeat(5_000),
        );
        other.put_into(&mut conditions, 1, Time::EPOCH);
        assert_eq!(conditions.len(), 2);
        assert_eq!(conditions[1].message.len(), MESSAGE_BYTES);
    }
}
