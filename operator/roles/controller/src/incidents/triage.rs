//! What is to be done about the questions of an incident. Pure; who may answer, and under which name, is the API server's.

use api::{DecisionState, OpsEvent, SupersededBy};
use domain::incident::IncidentRecord;
use domain::incident::step::{Effect, Incident, Input, step};
use domain::triage::TriageMode;

use super::question::{Question, put};
use super::seen::{Identity, NamespaceState, Seen};
use super::wanted::{Planned, Tell, Work};
use crate::class::Class;
use crate::clock::Now;

/// What is to be done about the questions now.
#[derive(Debug)]
pub struct Acted {
    /// The incident, with what its questions say of it.
    pub incident: Incident,
    /// The write that comes first.
    pub write: Option<Planned>,
}

/// Decides about the questions of an incident that has an object.
pub fn act(
    seen: &Seen<'_>,
    incident: Incident,
    record: &IncidentRecord,
    object: &OpsEvent,
    now: Now,
) -> Acted {
    // What a question says holds also where a crash came before the status that says it.
    let incident = incident.decided.map_or(incident, |verdict| {
        step(incident, Input::Answered(verdict), now.steady).0
    });
    match seen.questions.standing() {
        None => ask(seen, incident, record, object, now),
        Some(question) => settle(seen, incident, question, now),
    }
}

/// Puts a question where one is wanted.
fn ask(seen: &Seen<'_>, incident: Incident, record: &IncidentRecord, object: &OpsEvent, now: Now) -> Acted {
    let Identity::Enforced { stamp } = seen.identity else {
        return Acted {
            incident,
            write: None,
        };
    };
    let wanted = record.triage.mode == TriageMode::Always
        && incident.decided.is_none()
        && seen.namespace == NamespaceState::Active;
    let (incident, effect) = if wanted {
        step(incident, Input::Wanted, now.steady)
    } else {
        (incident, None)
    };
    let write = (effect == Some(Effect::Ask)).then(|| {
        let ask = seen.questions.next(record);
        Planned {
            work: Work::Ask(Box::new(put(object, record, ask, stamp, now.time))),
            class: Class::Change,
            tells: vec![Tell::Asked(ask.number)],
        }
    });
    Acted { incident, write }
}

/// Writes on the question that stands what has become of it, if something has.
fn settle(seen: &Seen<'_>, incident: Incident, question: Question<'_>, now: Now) -> Acted {
    let number = question.ask.number;
    let (is_checked, unchecked) = (seen.is_checked(question), Some(SupersededBy::IdentityNotEnforced));
    let waits = |incident| Acted {
        incident,
        write: None,
    };
    let (incident, state, reason, tell) = match question.object.spec.decision {
        None if incident.phase.is_final() => {
            let reason = Some(SupersededBy::IncidentEnded);
            (incident, DecisionState::Superseded, reason, None)
        }
        // Whoever answers it, and whoever did, the policies of today say nothing of.
        _ if is_checked == Some(false) => (incident, DecisionState::Superseded, unchecked, None),
        // Nobody knows yet whether the answer was checked.
        Some(_) if is_checked.is_none() => return waits(incident),
        Some(verdict) => {
            let (incident, _) = step(incident, Input::Answered(verdict), now.steady);
            let tell = Tell::Answered(number, verdict);
            (incident, verdict.into(), None, Some(tell))
        }
        None => {
            let input = if seen.time_passed {
                Input::Expired
            } else {
                Input::Stood
            };
            let (incident, effect) = step(incident, input, now.steady);
            if effect != Some(Effect::Expire) {
                return waits(incident);
            }
            let tell = Tell::Unanswered(number);
            (incident, DecisionState::Expired, None, Some(tell))
        }
    };
    let settled = question.settled(state, reason, now.time);
    let write = Planned {
        work: Work::Settle(Box::new(settled)),
        // Somebody looks whether a decision was heard; nobody does for the rest.
        class: if question.object.spec.decision.is_some() {
            Class::Answer
        } else {
            Class::Change
        },
        tells: tell.into_iter().collect(),
    };
    Acted {
        incident,
        write: Some(write),
    }
}

#[cfg(test)]
mod tests;
