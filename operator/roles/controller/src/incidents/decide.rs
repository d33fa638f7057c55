//! What is to be done about one incident, from what is seen of it now. Pure and level-triggered: it does not
//! matter which change led here, nor what was done before a crash.

use std::time::Duration;

use api::{OpsEvent, OpsEventStatus};
use domain::incident::step::{CLOSE_RETRY, CloseWish, Effect, Incident, Input, Phase, step};
use domain::incident::{EndReason, IncidentRecord};
use domain::rule::DEFAULT_TTL;
use domain::time::Time;

use super::project;
use crate::class::Class;

/// Whether an object was ever seen of this incident, by this leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Not yet.
    #[default]
    NeverSeen,
    /// It is there, or was when last looked.
    Seen,
    /// It was there and has been deleted.
    Gone,
}

/// Whether a namespace takes new objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceState {
    /// It does.
    Active,
    /// It is being deleted, or is not there; its incidents wait.
    Closed,
}

/// What is seen of one incident.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The newest record.
    pub record: Option<&'a IncidentRecord>,
    /// The newest object.
    pub object: Option<&'a OpsEvent>,
    /// Whether there was one.
    pub presence: Presence,
    /// Its namespace.
    pub namespace: NamespaceState,
    /// How far a wish to close has come.
    pub close: CloseWish,
}

/// A write of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Create the object, then write this status; its `observedGeneration` is the one the creation answers.
    Open(Box<OpsEvent>),
    /// Replace the status, if the object is still in this version.
    Status(Box<OpsEvent>),
    /// Delete the object, if it is still in this version.
    Delete(Box<OpsEvent>),
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
    pub look_again: Option<Time>,
    /// The close to append to the log, when it is time.
    pub append_close: Option<api::Close>,
    /// How far the wish to close has come.
    pub close: CloseWish,
    /// Told at once.
    pub tells: Vec<Tell>,
}

/// Decides about one incident at `now`.
pub fn decide(seen: &Seen<'_>, now: Time) -> Decision {
    match (seen.record, seen.object) {
        (None, None) => Decision::default(),
        // Being deleted: the watch will tell.
        (_, Some(object)) if object.metadata.deletion_timestamp.is_some() => Decision::default(),
        (None, Some(object)) => leftover(object, now),
        (Some(record), None) => absent(seen, record, now),
        (Some(record), Some(object)) => present(seen.close, record, object, now),
    }
}

/// An object whose record is gone. The record outlives the object by an hour, so an object that finished is due;
/// should the bucket have been lost, it still gets the default time. One that shows itself open is left to
/// people: nobody knows what became of the incident, and deleting it now sticks.
fn leftover(object: &OpsEvent, now: Time) -> Decision {
    let ended_at = object.status.as_ref().and_then(|status| status.ended_at);
    ended_at.map_or_else(Decision::default, |ended_at| {
        finished(object, ended_at, DEFAULT_TTL, now)
    })
}

fn finished(object: &OpsEvent, ended_at: Time, ttl: Duration, now: Time) -> Decision {
    let due = ended_at.plus(ttl);
    if now < due {
        return Decision {
            look_again: Some(due),
            ..Decision::default()
        };
    }
    let work = Work::Delete(Box::new(object.clone()));
    let write = Some(Planned {
        work,
        class: Class::Upkeep,
        tells: Vec::new(),
    });
    Decision {
        write,
        ..Decision::default()
    }
}

fn absent(seen: &Seen<'_>, record: &IncidentRecord, now: Time) -> Decision {
    let expired = record
        .end
        .as_ref()
        .is_some_and(|end| now >= end.at.plus(record.ttl));
    if expired || seen.namespace == NamespaceState::Closed {
        return Decision::default();
    }
    let mut tells = Vec::new();
    let incident = if seen.presence == Presence::Gone {
        let (incident, effect) = step(Incident::new(recorded_phase(record)), Input::ObjectGone, now);
        if effect != Some(Effect::BringBack) {
            return Decision::default();
        }
        tells.push(Tell::BroughtBack);
        incident
    } else {
        tells.push(Tell::Opened);
        let (incident, effect) = step(Incident::new(Phase::Open), Input::of(record), now);
        tells.extend(effect.and_then(told));
        incident
    };
    let mut object = project::object(record);
    object.status = Some(project::status(record, incident.phase, None, 1));
    let write = Some(Planned {
        work: Work::Open(Box::new(object)),
        class: Class::Opening,
        tells,
    });
    Decision {
        write,
        ..Decision::default()
    }
}

fn present(close: CloseWish, record: &IncidentRecord, object: &OpsEvent, now: Time) -> Decision {
    let shown = object.status.as_ref();
    if shown.is_some_and(|status| status.occurrences.position > record.occurrences.position) {
        // The record is older than what is shown, as after a bucket was restored: wait for the newer one.
        return Decision {
            close,
            ..Decision::default()
        };
    }
    let (incident, effect) = step(
        Incident {
            phase: shown_phase(shown),
            close,
        },
        Input::of(record),
        now,
    );
    let after_write = effect.and_then(told);
    let (incident, effect) = match object.spec.close {
        Some(_) => step(incident, Input::CloseAsked, now),
        None => (incident, None),
    };
    let generation = object.metadata.generation.unwrap_or(1);
    let status = project::status(record, incident.phase, shown, generation);
    let mut decision = match (project::difference(shown, &status), &record.end) {
        (Some(class), _) => {
            let work = Work::Status(Box::new(OpsEvent {
                status: Some(status),
                ..object.clone()
            }));
            let write = Some(Planned {
                work,
                class,
                tells: after_write.into_iter().collect(),
            });
            Decision {
                write,
                ..Decision::default()
            }
        }
        (None, Some(end)) => finished(object, end.at, record.ttl, now),
        (None, None) => Decision::default(),
    };
    decision.close = incident.close;
    decision.tells.extend(effect.and_then(told));
    if effect == Some(Effect::AppendClose) {
        decision.append_close.clone_from(&object.spec.close);
    }
    if let (Phase::Open, CloseWish::Sent(at)) = (incident.phase, incident.close) {
        decision.look_again = Some(at.plus(CLOSE_RETRY));
    }
    decision
}

fn recorded_phase(record: &IncidentRecord) -> Phase {
    record
        .end
        .as_ref()
        .map_or(Phase::Open, |end| Phase::Resolved(end.reason))
}

fn shown_phase(shown: Option<&OpsEventStatus>) -> Phase {
    shown
        .and_then(|status| status.end_reason)
        .map_or(Phase::Open, Phase::Resolved)
}

const fn told(effect: Effect) -> Option<Tell> {
    match effect {
        Effect::TellResolved(reason) => Some(Tell::Resolved(reason)),
        Effect::TellReopened => Some(Tell::Reopened),
        Effect::TellCloseIgnored => Some(Tell::CloseIgnored),
        Effect::BringBack => Some(Tell::BroughtBack),
        Effect::AppendClose => None,
    }
}

#[cfg(test)]
mod tests;
