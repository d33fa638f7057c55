//! The questions of one incident: which stands, what became of the others, which is next. Pure; what is done about them
//! is decided in [`super::triage`].

use api::{Approvers, DecisionState, OpsEvent, SupersededBy, TriageDecision, TriageDecisionSpec};
use domain::incident::IncidentRecord;
use domain::time::Time;
use domain::triage::ask::{Ask, Follows};
use domain::triage::{Triage, Verdict};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;

/// One question as it is seen.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The object.
    pub object: &'a TriageDecision,
    /// Which it is.
    pub ask: Ask,
}

/// All questions that were put about one object, in their order.
#[derive(Clone, Debug, Default)]
pub struct Questions<'a> {
    of_object: Vec<Question<'a>>,
    /// The highest number, also of questions about an object that is gone: a name is never used again.
    highest: u32,
}

/// The name of a question.
pub fn name(ops_event: &str, number: u32) -> String {
    format!("{ops_event}-d{number}")
}

impl<'a> Questions<'a> {
    /// Those about `object` among all of its name; numbers up to `taken` are not free.
    pub fn about(object: &OpsEvent, all: impl IntoIterator<Item = &'a TriageDecision>, taken: u32) -> Self {
        let mut questions = Self {
            highest: taken,
            ..Self::default()
        };
        for decision in all {
            let Some(ask) = ask_of(decision) else { continue };
            questions.highest = questions.highest.max(ask.number);
            if decision.is_about(object.metadata.uid.as_deref()) {
                questions.of_object.push(Question {
                    object: decision,
                    ask,
                });
            }
        }
        questions.of_object.sort_by_key(|question| question.ask.number);
        questions
    }

    /// All about the object.
    pub fn all(&self) -> impl Iterator<Item = Question<'a>> {
        self.of_object.iter().copied()
    }

    /// The last one.
    pub fn last(&self) -> Option<Question<'a>> {
        self.of_object.last().copied()
    }

    /// The one that nothing has become of yet. None is put before the one before is settled, so it is the last.
    pub fn standing(&self) -> Option<Question<'a>> {
        self.last()
            .filter(|question| question.state() == DecisionState::Pending)
    }

    /// What a person decided for good, and in which question: the first that was so answered, as nobody is asked after it.
    pub fn lasting(&self) -> Option<(Question<'a>, Verdict)> {
        let verdict = |question: &Question<'a>| match question.state() {
            DecisionState::Accepted => Some(Verdict::Accept),
            DecisionState::Discharged => Some(Verdict::Discharge),
            _ => None,
        };
        self.of_object
            .iter()
            .find_map(|question| Some((*question, verdict(question)?)))
    }

    /// The next question, once none stands.
    pub fn next(&self, record: &IncidentRecord) -> Ask {
        let next = self
            .last()
            .map_or(Ask::FIRST, |last| last.ask.next(last.follows(), &record.triage));
        Ask {
            number: next.number.max(self.highest.saturating_add(1)),
            ..next
        }
    }
}

impl Question<'_> {
    /// What became of it.
    pub fn state(&self) -> DecisionState {
        self.object
            .status
            .as_ref()
            .map(|status| status.state)
            .unwrap_or_default()
    }

    /// When it was put, by the clock of whoever put it.
    pub fn asked_at(&self, triage: &Triage) -> Time {
        let stands_for = i64::try_from(self.ask.stands_for(triage).as_millis()).unwrap_or(i64::MAX);
        Time::from_millis(self.object.spec.expires_at.millis().saturating_sub(stands_for))
    }

    /// Why it counts no more.
    pub fn superseded_by(&self) -> Option<SupersededBy> {
        self.object.status.as_ref().and_then(|status| status.reason)
    }

    /// When something became of it.
    pub fn settled_at(&self) -> Option<Time> {
        self.object.status.as_ref().and_then(|status| status.since)
    }

    fn follows(&self) -> Follows {
        match (self.state(), self.superseded_by()) {
            (DecisionState::Expired, _) => Follows::Expired,
            (DecisionState::Escalated, _) => Follows::Escalated,
            (DecisionState::Superseded, Some(SupersededBy::IncidentEnded)) => Follows::Reopened,
            _ => Follows::Void,
        }
    }

    /// The same with what became of it.
    pub fn settled(&self, state: DecisionState, reason: Option<SupersededBy>, now: Time) -> TriageDecision {
        let mut object = self.object.clone();
        object.status = Some(api::TriageDecisionStatus {
            state,
            since: Some(now),
            reason,
        });
        object
    }
}

/// Which question it is; `None` when it has no name that Opsward gives.
pub fn ask_of(decision: &TriageDecision) -> Option<Ask> {
    Some(Ask {
        number: decision.number()?,
        tier: u32::try_from(decision.spec.tier).ok()?,
        unanswered: u32::try_from(decision.spec.unanswered).ok()?,
    })
}

/// A question to be put.
pub fn put(object: &OpsEvent, record: &IncidentRecord, ask: Ask, stamp: &str, now: Time) -> TriageDecision {
    let triage = &*record.triage;
    let ops_event = object.metadata.name.clone().unwrap_or_default();
    let escalates_to = if ask.tier < triage.last_tier() {
        Approvers::from(triage.escalate_to.clone())
    } else {
        Approvers::default()
    };
    let spec = TriageDecisionSpec {
        asks: object.spec.title.clone(),
        policies: stamp.to_owned(),
        approvers: Approvers::from(ask.approvers(triage)),
        escalates_to,
        tier: ask.tier.into(),
        unanswered: ask.unanswered.into(),
        expires_at: now.plus(ask.stands_for(triage)),
        decision: None,
        decided_by: None,
        reason: None,
        feedback: None,
        ops_event: ops_event.clone(),
        ops_event_uid: object.metadata.uid.clone().unwrap_or_default(),
    };
    let mut decision = TriageDecision::new(&name(&ops_event, ask.number), spec);
    decision.metadata.namespace.clone_from(&object.metadata.namespace);
    decision.metadata.labels.clone_from(&object.metadata.labels);
    decision.metadata.owner_references = Some(vec![OwnerReference {
        controller: Some(true),
        ..object.owner_ref(&()).unwrap_or_default()
    }]);
    decision
}

#[cfg(test)]
mod tests;
