//! What an OpsEvent tells of people: what was decided, what is waited for, what happened when. Pure.

use api::conditions::{ConditionType, Reason, Statement, Truth};
use api::{Awaited, Decision, DecisionState, Moment, OpsEventStatus, Outcome, WaitingOn};
use domain::incident::{EndReason, IncidentRecord};
use domain::time::Time;
use domain::triage::{TriageMode, Verdict};

use super::question::Question;
use super::seen::{Identity, Seen};

/// Moments that are kept: the opening and the newest.
const MOMENTS: usize = api::limits::TIMELINE as usize;

/// What is said where the API server says who decides.
const ENFORCED: &str = "the API server says who decides";
/// What is said where it did not of a close.
const UNPROVEN: &str = "spec.close was set while the admission policies were missing; it counts as nobody's";

/// The part of a status that tells of people.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// What was decided, or is asked.
    pub decision: Decision,
    /// What the incident waits for; `None` once it has ended.
    pub waiting_on: Option<WaitingOn>,
    /// What happened.
    pub timeline: Vec<Moment>,
    /// What is said of the decision, and since when.
    pub conditions: Vec<(Statement, Time)>,
}

/// Tells the story of an incident whose status is `old` up to now.
pub fn tell(seen: &Seen<'_>, record: &IncidentRecord, old: Option<&OpsEventStatus>, now: Time) -> Story {
    let decision = decision(seen, record);
    let waiting_on = waiting_on(seen, record, &decision).map(|(what, message)| {
        let before = old.and_then(|old| old.waiting_on.as_ref());
        let since = before
            .filter(|before| before.what == what)
            .map_or(now, |before| before.since);
        WaitingOn { what, since, message }
    });
    let known = old.map(|old| old.timeline.as_slice()).unwrap_or_default();
    let mut conditions = vec![(decided(&decision), decision.at.unwrap_or(record.opened_at))];
    conditions.extend(identity(seen, record, old).map(|statement| (statement, now)));
    Story {
        timeline: timeline(known, moments(seen, record, old)),
        decision,
        waiting_on,
        conditions,
    }
}

fn decision(seen: &Seen<'_>, record: &IncidentRecord) -> Decision {
    if let Some((question, verdict)) = seen.questions.lasting() {
        let outcome = if verdict == Verdict::Discharge {
            Outcome::Discharged
        } else {
            Outcome::Accepted
        };
        return of_question(question, outcome);
    }
    match (seen.questions.last(), &record.end) {
        (Some(question), None) => of_question(question, Outcome::Pending),
        (Some(question), Some(_)) => of_question(question, Outcome::Unanswered),
        (None, _) => nobody(record),
    }
}

fn of_question(question: Question<'_>, outcome: Outcome) -> Decision {
    let spec = &question.object.spec;
    let decided = Decision {
        outcome,
        name: question.object.metadata.name.clone(),
        by: None,
        reason: None,
        at: None,
    };
    match outcome {
        Outcome::Accepted | Outcome::Discharged => Decision {
            by: spec.decided_by.clone(),
            reason: spec.reason.clone(),
            at: question.settled_at(),
            ..decided
        },
        Outcome::NotAsked | Outcome::Pending | Outcome::Unanswered => decided,
    }
}

/// Without a question: by the rule's author beforehand, or not yet.
fn nobody(record: &IncidentRecord) -> Decision {
    let (outcome, by, at) = match (record.triage.mode, &record.end) {
        (TriageMode::Never, _) => {
            let by = format!("rule/{}", record.rule.name);
            (Outcome::NotAsked, Some(by), Some(record.opened_at))
        }
        (TriageMode::Always, None) => (Outcome::Pending, None, None),
        (TriageMode::Always, Some(_)) => (Outcome::Unanswered, None, None),
    };
    Decision {
        outcome,
        name: None,
        by,
        reason: None,
        at,
    }
}

fn decided(decision: &Decision) -> Statement {
    let by = decision.by.as_deref().unwrap_or("somebody");
    let (truth, reason, message) = match decision.outcome {
        Outcome::NotAsked => (Truth::True, Reason::NotAsked, format!("{by} asks nobody")),
        Outcome::Accepted => (Truth::True, Reason::Accepted, format!("{by} has it")),
        Outcome::Discharged => (Truth::True, Reason::Discharged, format!("{by}: it is no problem")),
        Outcome::Pending => (Truth::False, Reason::Pending, "a person is to decide".to_owned()),
        Outcome::Unanswered => (
            Truth::False,
            Reason::Unanswered,
            "the incident ended before anybody decided".to_owned(),
        ),
    };
    Statement::new(ConditionType::Decided, truth, reason.as_str(), message)
}

/// Whether whoever decides is known, where that matters: where somebody is asked, has decided, or wants to close. A close
/// that came while nobody checked by whom stays unproven.
fn identity(seen: &Seen<'_>, record: &IncidentRecord, old: Option<&OpsEventStatus>) -> Option<Statement> {
    let say = |truth, reason: Reason, message: &str| {
        Some(Statement::new(
            ConditionType::IdentityEnforced,
            truth,
            reason.as_str(),
            message,
        ))
    };
    let is_open = record.end.is_none();
    let closes = is_open && seen.object.is_some_and(|object| object.spec.close.is_some());
    let (decided, unproven) = (seen.questions.lasting().is_some(), is_unproven(old));
    match seen.identity {
        _ if unproven && !is_open => None,
        Identity::Missing(_) if closes => say(Truth::False, Reason::CloseUnproven, UNPROVEN),
        Identity::Enforced if closes && unproven => say(Truth::False, Reason::CloseUnproven, UNPROVEN),
        // A decision is for good only where it was checked.
        _ if decided => say(Truth::True, Reason::PoliciesPresent, ENFORCED),
        Identity::Enforced if closes => say(Truth::True, Reason::PoliciesPresent, ENFORCED),
        _ if !is_open || record.triage.mode == TriageMode::Never => None,
        Identity::Enforced => say(Truth::True, Reason::PoliciesPresent, ENFORCED),
        Identity::Missing(why) => say(Truth::False, Reason::PoliciesMissing, why),
    }
}

/// Whether a close was seen while nobody checked by whom.
pub fn is_unproven(status: Option<&OpsEventStatus>) -> bool {
    let conditions = status
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    conditions
        .iter()
        .any(|condition| condition.reason == Reason::CloseUnproven.as_str())
}

/// What an open incident waits for, and a word on it.
fn waiting_on(seen: &Seen<'_>, record: &IncidentRecord, decision: &Decision) -> Option<(Awaited, String)> {
    if record.end.is_some() {
        return None;
    }
    let is_closing = decision.outcome == Outcome::Discharged
        || seen.object.is_some_and(|object| object.spec.close.is_some());
    let wants_person = is_closing || decision.outcome == Outcome::Pending;
    Some(match (seen.identity, decision.outcome) {
        (Identity::Missing(why), _) if wants_person => (Awaited::Identity, why.to_owned()),
        _ if is_closing => (Awaited::Log, "that the log takes in the close".to_owned()),
        (_, Outcome::Pending) => (Awaited::Decision, people(seen)),
        (_, Outcome::Accepted) => {
            let owner = decision.by.as_deref().unwrap_or("somebody");
            (
                Awaited::Clear,
                format!("{owner} has it; until everything in it clears"),
            )
        }
        _ => (
            Awaited::Clear,
            "until everything in it clears, or a person closes it".to_owned(),
        ),
    })
}

/// Who is asked until when, and how often nobody answered.
fn people(seen: &Seen<'_>) -> String {
    let Some(question) = seen.questions.standing() else {
        return "a question is about to be put".to_owned();
    };
    let expired = seen
        .questions
        .all()
        .filter(|question| question.state() == DecisionState::Expired);
    let before = match expired.count() {
        0 => String::new(),
        1 => "; nobody decided the question before".to_owned(),
        expired => format!("; nobody decided the {expired} questions before"),
    };
    let asked = question.asked();
    let until = question.object.spec.expires_at;
    let message = format!("{asked}, until {until}{before}");
    domain::event::clip(&message, api::limits::MESSAGE_CHARS as usize).to_owned()
}

/// The timeline with what is new: nothing twice, the oldest but for the opening left out.
fn timeline(old: &[Moment], new: Vec<Moment>) -> Vec<Moment> {
    let mut all = old.to_vec();
    // What was left out before is not new.
    let kept_from = match old {
        [_, second, ..] if old.len() >= MOMENTS => second.at,
        _ => Time::EPOCH,
    };
    for moment in new {
        if !all.contains(&moment) && moment.at >= kept_from {
            all.push(moment);
        }
    }
    all.sort_by_key(|moment| moment.at);
    let surplus = all.len().saturating_sub(MOMENTS);
    if surplus > 0 {
        all.drain(1..=surplus);
    }
    all
}

/// What is known to have happened, each moment once.
fn moments(seen: &Seen<'_>, record: &IncidentRecord, old: Option<&OpsEventStatus>) -> Vec<Moment> {
    let mut all = vec![moment(
        record.opened_at,
        "Opened",
        Some(format!("rule/{}", record.rule.name)),
    )];
    if let Some(old) = old.filter(|old| old.severity < record.severity) {
        let note = format!("{} → {}", old.severity.as_str(), record.severity.as_str());
        all.push(Moment {
            note: Some(note),
            ..moment(record.occurrences.last_seen, "SeverityRaised", None)
        });
    }
    if old.is_some_and(|old| old.ended_at.is_some()) && record.end.is_none() {
        all.push(moment(record.occurrences.last_seen, "Reopened", None));
    }
    all.extend(seen.questions.all().flat_map(|question| of_one(question, record)));
    all.extend(end(seen, record, old));
    all
}

/// A question put and what became of it.
fn of_one(question: Question<'_>, record: &IncidentRecord) -> impl Iterator<Item = Moment> {
    let spec = &question.object.spec;
    let asked = Moment {
        note: Some(domain::event::clip(&question.asked(), api::limits::MESSAGE_CHARS as usize).to_owned()),
        ..moment(question.asked_at(&record.triage), "Asked", None)
    };
    let what = match question.state() {
        DecisionState::Pending => None,
        DecisionState::Accepted => Some("Accepted"),
        DecisionState::Discharged => Some("Discharged"),
        DecisionState::Escalated => Some("Escalated"),
        DecisionState::Expired => Some("Expired"),
        DecisionState::Superseded => Some("Superseded"),
    };
    let became = what.zip(question.settled_at()).map(|(what, at)| Moment {
        note: spec.reason.clone(),
        ..moment(at, what, spec.decided_by.clone())
    });
    [asked].into_iter().chain(became)
}

fn end(seen: &Seen<'_>, record: &IncidentRecord, old: Option<&OpsEventStatus>) -> Option<Moment> {
    let end = record.end.as_ref()?;
    let close = seen.object.and_then(|object| object.spec.close.as_ref());
    let note = |note: &str| Some(note.to_owned());
    Some(match (end.reason, seen.questions.discharged(), close) {
        (EndReason::Closed, Some(_), _) => Moment {
            note: note("Discharged"),
            ..moment(end.at, "Resolved", None)
        },
        (EndReason::Closed, None, Some(close)) => Moment {
            note: note(close.reason.as_str()),
            ..moment(
                end.at,
                "Closed",
                close.closed_by.clone().filter(|_| !is_unproven(old)),
            )
        },
        (reason, ..) => Moment {
            note: note(reason.as_str()),
            ..moment(end.at, "Resolved", None)
        },
    })
}

fn moment(at: Time, what: &str, by: Option<String>) -> Moment {
    Moment {
        at,
        what: what.to_owned(),
        by,
        note: None,
    }
}
