//! What is to be done about one incident, from what is seen of it now. Pure and level-triggered: it does not
//! matter which change led here, nor what was done before a crash.

use api::{OpsEvent, OpsEventStatus, Outcome};
use domain::incident::IncidentRecord;
use domain::incident::step::{CLOSE_RETRY, CloseWish, Effect, Incident, Input, Phase, step};

use super::project;
use super::seen::{NamespaceState, Presence, Seen};
use super::story;
use super::triage::act;
use super::wanted::{Closing, Decision, Planned, Tell, Work, told};
use crate::class::Class;
use crate::clock::Now;

/// The reason of a close by a decision.
const DISCHARGED: &str = "Discharged";

/// Decides about one incident at `now`.
pub fn decide(seen: &Seen<'_>, now: Now) -> Decision {
    match (seen.record, seen.object) {
        (None, None) => Decision::default(),
        // Being deleted: the watch will tell.
        (_, Some(object)) if object.metadata.deletion_timestamp.is_some() => Decision::default(),
        (None, Some(object)) => leftover(seen, object),
        (Some(record), None) => absent(seen, record, now),
        (Some(record), Some(object)) => present(seen, record, object, now),
    }
}

/// An object whose record is gone. One that shows itself open is left to people: nobody knows what became of the
/// incident, and deleting it now sticks.
fn leftover(seen: &Seen<'_>, object: &OpsEvent) -> Decision {
    let ended = object.status.as_ref().and_then(|status| status.ended_at);
    ended.map_or_else(Decision::default, |_| finished(seen, object))
}

/// An object whose incident has ended goes when its time has come.
fn finished(seen: &Seen<'_>, object: &OpsEvent) -> Decision {
    let write = seen.time_passed.then(|| Planned {
        work: Work::Delete(Box::new(object.clone())),
        class: Class::Upkeep,
        tells: Vec::new(),
    });
    Decision {
        write,
        ..Decision::default()
    }
}

fn absent(seen: &Seen<'_>, record: &IncidentRecord, now: Now) -> Decision {
    let expired = record
        .end
        .as_ref()
        .is_some_and(|end| now.time >= end.at.plus(record.ttl));
    if expired || seen.namespace == NamespaceState::Closed {
        return Decision::default();
    }
    let mut tells = Vec::new();
    let incident = if seen.presence == Presence::Gone {
        let incident = Incident::new(recorded_phase(record));
        let (incident, effect) = step(incident, Input::ObjectGone, now.steady);
        if effect != Some(Effect::BringBack) {
            return Decision::default();
        }
        tells.push(Tell::BroughtBack);
        incident
    } else {
        tells.push(Tell::Opened);
        let (incident, effect) = step(Incident::new(Phase::Open), Input::of(record), now.steady);
        tells.extend(effect.and_then(told));
        incident
    };
    let mut object = project::object(record);
    object.status = Some(project::status(seen, record, incident.phase, now.time));
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

fn present(seen: &Seen<'_>, record: &IncidentRecord, object: &OpsEvent, now: Now) -> Decision {
    let shown = object.status.as_ref();
    if shown.is_some_and(|status| status.occurrences.position > record.occurrences.position) {
        // The record is older than what is shown, as after a bucket was restored: wait for the newer one.
        return Decision {
            close: seen.close,
            ..Decision::default()
        };
    }
    let incident = Incident {
        phase: shown_phase(shown),
        close: seen.close,
        decided: story::for_good(&seen.questions, shown).and_then(|decision| story::verdict(&decision)),
    };
    let (incident, effect) = step(incident, Input::of(record), now.steady);
    let after_write = effect.and_then(told);
    let acted = act(seen, incident, record, object, now);
    // Nothing is shown of a question before it is written what became of it.
    let phase = acted.write.as_ref().map(|_| incident.phase);
    let incident = acted.incident;
    let write = acted.write.filter(|_| !seen.is_paused);
    let closing = closing(seen, object);
    let (incident, effect) = match closing {
        Some(_) => step(incident, Input::CloseAsked, now.steady),
        None => (incident, None),
    };
    let status = project::status(seen, record, phase.unwrap_or(incident.phase), now.time);
    let mut decision = match (write, project::difference(shown, &status), &record.end) {
        // What became of a question before the status that tells of it; unless the API server refuses that.
        (Some(write), ..) if seen.refused.is_none() => Decision {
            write: Some(write),
            ..Decision::default()
        },
        (_, Some(class), _) => show(object, status, class, after_write),
        (_, None, Some(_)) if seen.time_passed => finished(seen, object),
        (Some(write), None, _) => Decision {
            write: Some(write),
            ..Decision::default()
        },
        (None, None, _) => Decision::default(),
    };
    decision.close = incident.close;
    decision.tells.extend(effect.and_then(told));
    if effect == Some(Effect::AppendClose) {
        decision.append_close = closing;
    }
    if let (false, CloseWish::Sent(at)) = (incident.phase.is_final(), incident.close) {
        decision.look_again = Some(now.when_steady(at.plus(CLOSE_RETRY)));
    }
    decision
}

/// Writes `status`, and tells of it.
fn show(object: &OpsEvent, status: OpsEventStatus, class: Class, tell: Option<Tell>) -> Decision {
    let object = OpsEvent {
        status: Some(status),
        ..object.clone()
    };
    let write = Some(Planned {
        work: Work::Status(Box::new(object)),
        class,
        tells: tell.into_iter().collect(),
    });
    Decision {
        write,
        ..Decision::default()
    }
}

/// The close that a person wants, by `spec.close` or by discharging, and that may be passed on.
fn closing(seen: &Seen<'_>, object: &OpsEvent) -> Option<Closing> {
    let decided = story::for_good(&seen.questions, object.status.as_ref());
    if let Some(discharged) = decided.filter(|decision| decision.outcome == Outcome::Discharged) {
        return Some(Closing {
            reason: DISCHARGED,
            by: discharged.by.unwrap_or_default(),
        });
    }
    let close = object.spec.close.as_ref()?;
    if !seen.identity.is_enforced() {
        return None;
    }
    let by = close.closed_by.clone();
    let proven = by.filter(|_| !story::is_unproven(object.status.as_ref()));
    Some(Closing {
        reason: close.reason.as_str(),
        by: proven.unwrap_or_default(),
    })
}

fn recorded_phase(record: &IncidentRecord) -> Phase {
    record
        .end
        .as_ref()
        .map_or(Phase::Open, |end| Phase::Resolved(end.reason))
}

fn shown_phase(shown: Option<&OpsEventStatus>) -> Phase {
    let Some(status) = shown else { return Phase::Open };
    match (status.phase, status.end_reason) {
        (api::Phase::Discharged, _) => Phase::Discharged,
        (_, Some(reason)) => Phase::Resolved(reason),
        (api::Phase::AwaitingDecision, None) => Phase::AwaitingDecision,
        (api::Phase::Acknowledged, None) if status.decision.as_ref().and_then(story::verdict).is_some() => {
            Phase::Acknowledged
        }
        (api::Phase::Open | api::Phase::Acknowledged | api::Phase::Resolved, None) => Phase::Open,
    }
}

#[cfg(test)]
mod tests;
