//! What is to be done about the questions of an incident. Pure; who may answer, and under which name, is the API server's.

use api::{DecisionState, OpsEvent, SupersededBy};
use domain::incident::IncidentRecord;
use domain::incident::step::{Effect, Incident, Input, step};
use domain::triage::TriageMode;

use super::question::{Question, put};
use super::seen::{Identity, NamespaceState, Seen};
use super::wanted::{Planned, Tell, Work};
use crate::class::Class;
use crate::clock::Moment;

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
    now: Moment,
) -> Acted {
    // What a question says holds also where a crash came before the status that says it.
    let incident = seen.questions.lasting().map_or(incident, |(_, verdict)| {
        step(incident, Input::Answered(verdict), now.steady).0
    });
    match seen.questions.standing() {
        None => ask(seen, incident, record, object, now),
        Some(question) => settle(seen, incident, question, now),
    }
}

/// Puts a question where one is wanted.
fn ask(
    seen: &Seen<'_>,
    incident: Incident,
    record: &IncidentRecord,
    object: &OpsEvent,
    now: Moment,
) -> Acted {
    let wanted = record.triage.mode == TriageMode::Always
        && incident.decided.is_none()
        && seen.identity == Identity::Enforced
        && seen.namespace == NamespaceState::Active;
    let (incident, effect) = if wanted {
        step(incident, Input::Wanted, now.steady)
    } else {
        (incident, None)
    };
    let write = (effect == Some(Effect::Ask)).then(|| {
        let ask = seen.questions.next(record);
        Planned {
            work: Work::Ask(Box::new(put(object, record, ask, now.time))),
            class: Class::Change,
            tells: vec![Tell::Asked(ask.number)],
        }
    });
    Acted { incident, write }
}

/// Writes on the question that stands what has become of it.
fn settle(seen: &Seen<'_>, incident: Incident, question: Question<'_>, now: Moment) -> Acted {
    let number = question.ask.number;
    let (input, state, reason, told) = match question.object.spec.decision {
        Some(_) if matches!(seen.identity, Identity::Missing(_)) => (
            None,
            DecisionState::Superseded,
            Some(SupersededBy::IdentityNotEnforced),
            None,
        ),
        Some(verdict) => (
            Some(Input::Answered(verdict)),
            verdict.into(),
            None,
            Some(Tell::Answered(number, verdict)),
        ),
        None if incident.phase.is_final() => (
            None,
            DecisionState::Superseded,
            Some(SupersededBy::IncidentEnded),
            None,
        ),
        None if seen.time_passed => (
            Some(Input::Expired),
            DecisionState::Expired,
            None,
            Some(Tell::Unanswered(number)),
        ),
        None => {
            let (incident, _) = step(incident, Input::Wanted, now.steady);
            return Acted {
                incident,
                write: None,
            };
        }
    };
    let incident = input.map_or(incident, |input| step(incident, input, now.steady).0);
    let settled = question.settled(state, reason, now.time);
    let write = Planned {
        work: Work::Settle(Box::new(settled)),
        class: Class::Answer,
        tells: told.into_iter().collect(),
    };
    Acted {
        incident,
        write: Some(write),
    }
}

#[cfg(test)]
mod tests;
