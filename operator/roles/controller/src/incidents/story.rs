//! What an OpsEvent tells of people: what was decided, what is waited for, what happened when. Pure.

use api::conditions::{ConditionType, Reason, Statement, Truth};
use api::{Awaited, Decision, DecisionState, Moment, OpsEventStatus, Outcome, WaitingOn};
use domain::incident::{EndReason, IncidentRecord};
use domain::time::Time;
use domain::triage::{TriageMode, Verdict};

use super::question::{Question, Questions};
use super::seen::{Identity, Seen};

/// Bytes that a refusal leaves to what else a message says.
const MESSAGE_TAIL: usize = 600;
/// The first moment.
const OPENED: &str = "Opened";
/// Bytes of a moment's note; the question has the whole text.
const NOTE_BYTES: usize = 256;
/// Moments that are kept: the opening and the newest.
const MOMENTS: usize = api::limits::TIMELINE as usize;

/// What is said where the API server says who decides.
const ENFORCED: &str = "the API server says who decides";
/// What is said of a decision for good, whatever became of the policies since.
const CHECKED: &str = "the API server said who decided";
/// What is said of a close that was checked.
const PROVEN: &str = "the API server said who closes";
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
    pub decided: (Statement, Time),
    /// What is said of the names of those who decide; `None` where that matters no more.
    pub identity: Option<(Statement, Time)>,
}

/// Tells the story of an incident whose status is `old` up to now.
pub fn tell(seen: &Seen<'_>, record: &IncidentRecord, old: Option<&OpsEventStatus>, now: Time) -> Story {
    let decision = decision(seen, record, old);
    let waiting_on = waiting_on(seen, record, &decision).map(|(what, message)| {
        let before = old.and_then(|old| old.waiting_on.as_ref());
        let since = before
            .filter(|before| before.what == what)
            .map_or(now, |before| before.since);
        WaitingOn { what, since, message }
    });
    let known = old.map(|old| old.timeline.as_slice()).unwrap_or_default();
    Story {
        waiting_on,
        timeline: timeline(known, moments(seen, record, old)),
        decided: (decided(&decision), decision.at.unwrap_or(record.opened_at)),
        identity: identity(seen, record, old).map(|statement| (statement, now)),
        decision,
    }
}

fn decision(seen: &Seen<'_>, record: &IncidentRecord, old: Option<&OpsEventStatus>) -> Decision {
    if let Some(decided) = for_good(&seen.questions, old) {
        return decided;
    }
    match (seen.questions.last(), &record.end) {
        (Some(question), None) => of_question(question, Outcome::Pending),
        (Some(question), Some(_)) => of_question(question, Outcome::Unanswered),
        (None, _) => nobody(record),
    }
}

/// What a person decided for good: by a question, or as the status has it where somebody has deleted that since.
pub fn for_good(questions: &Questions<'_>, status: Option<&OpsEventStatus>) -> Option<Decision> {
    let by_question = questions.lasting().map(|(question, verdict)| {
        let outcome = if verdict == Verdict::Discharge {
            Outcome::Discharged
        } else {
            Outcome::Accepted
        };
        of_question(question, outcome)
    });
    by_question.or_else(|| {
        let shown = status?.decision.as_ref()?;
        verdict(shown).map(|_| shown.clone())
    })
}

/// What was decided for good, in a word.
pub const fn verdict(decision: &Decision) -> Option<Verdict> {
    match decision.outcome {
        Outcome::Accepted => Some(Verdict::Accept),
        Outcome::Discharged => Some(Verdict::Discharge),
        Outcome::NotAsked | Outcome::Pending | Outcome::Unanswered => None,
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

/// Whether whoever decides is known, where that matters: where somebody is asked, has decided, or wants to close. What is said
/// of a close when it is first seen stays: it cannot be set again.
fn identity(seen: &Seen<'_>, record: &IncidentRecord, old: Option<&OpsEventStatus>) -> Option<Statement> {
    let say = |truth, reason: Reason, message: &str| {
        Some(Statement::new(
            ConditionType::IdentityEnforced,
            truth,
            reason.as_str(),
            message,
        ))
    };
    let enforced = seen.identity.is_enforced();
    if seen.object.is_some_and(|object| object.spec.close.is_some()) {
        return if is_unproven(old) || !(enforced || said(old, Reason::CloseProven)) {
            say(Truth::False, Reason::CloseUnproven, UNPROVEN)
        } else {
            say(Truth::True, Reason::CloseProven, PROVEN)
        };
    }
    // A decision is for good only where it was checked.
    if for_good(&seen.questions, old).is_some() {
        return say(Truth::True, Reason::PoliciesPresent, CHECKED);
    }
    if record.end.is_some() || record.triage.mode == TriageMode::Never {
        return None;
    }
    match seen.identity {
        Identity::Enforced { .. } => say(Truth::True, Reason::PoliciesPresent, ENFORCED),
        Identity::Missing(why) => say(Truth::False, Reason::PoliciesMissing, why),
    }
}

/// Whether a close was seen while nobody checked by whom.
pub fn is_unproven(status: Option<&OpsEventStatus>) -> bool {
    said(status, Reason::CloseUnproven)
}

/// Whether a condition has this reason.
fn said(status: Option<&OpsEventStatus>, reason: Reason) -> bool {
    let conditions = status
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    conditions
        .iter()
        .any(|condition| condition.reason == reason.as_str())
}

/// What an open incident waits for, and a word on it.
fn waiting_on(seen: &Seen<'_>, record: &IncidentRecord, decision: &Decision) -> Option<(Awaited, String)> {
    if record.end.is_some() {
        return None;
    }
    let is_discharged = decision.outcome == Outcome::Discharged;
    let is_closing = seen.object.is_some_and(|object| object.spec.close.is_some());
    // Who has discharged it was checked; who closes it is to be.
    let wants_person = !is_discharged && (is_closing || decision.outcome == Outcome::Pending);
    Some(match (seen.identity, decision.outcome) {
        (Identity::Missing(why), _) if wants_person => (Awaited::Identity, why.to_owned()),
        _ if is_discharged || is_closing => (Awaited::Log, "that the log takes in the close".to_owned()),
        (_, Outcome::Pending) => (Awaited::Decision, people(seen)),
        (_, Outcome::Accepted) => {
            let owner = decision.by.as_deref().unwrap_or("somebody");
            let until = " has it; until everything in it clears";
            (Awaited::Clear, format!("{}{until}", clip(owner, until.len())))
        }
        _ => (
            Awaited::Clear,
            "until everything in it clears, or a person closes it".to_owned(),
        ),
    })
}

/// Who is asked until when, and how often nobody answered.
fn people(seen: &Seen<'_>) -> String {
    let refused = seen.refused.map(|why| format!("; it is refused: {why}"));
    let refused = refused.unwrap_or_default();
    let Some(question) = seen.questions.standing() else {
        return clip(&format!("a question is about to be put{refused}"), 0).to_owned();
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
    let until = format!(
        ", until {}{before}{}",
        question.object.spec.expires_at,
        clip(&refused, MESSAGE_TAIL)
    );
    format!(
        "{}{until}",
        clip(&question.object.spec.approvers.to_string(), until.len())
    )
}

/// What of `text` fits into a message beside a tail of `reserved` bytes.
fn clip(text: &str, reserved: usize) -> &str {
    let room = (api::limits::MESSAGE_CHARS as usize).saturating_sub(reserved);
    domain::event::clip(text, room)
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
        if !all.contains(&moment) && moment.at > kept_from {
            all.push(moment);
        }
    }
    // The opening is the first whatever the clocks say: ours may be behind the log's.
    all.sort_by_key(|moment| (moment.what != OPENED, moment.at));
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
        OPENED,
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
        note: Some(short(&spec.approvers.to_string())),
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
    // Of an answer that nobody checked, nobody knows whose it was.
    let is_checked = question.state() != DecisionState::Superseded;
    let by = spec.decided_by.clone().filter(|_| is_checked);
    let why = question.superseded_by().map(|why| why.as_str().to_owned());
    let became = what.zip(question.settled_at()).map(|(what, at)| Moment {
        note: why.or_else(|| spec.reason.as_deref().map(short)),
        ..moment(at, what, by)
    });
    [asked].into_iter().chain(became)
}

fn end(seen: &Seen<'_>, record: &IncidentRecord, old: Option<&OpsEventStatus>) -> Option<Moment> {
    let end = record.end.as_ref()?;
    let close = seen.object.and_then(|object| object.spec.close.as_ref());
    let note = |note: &str| Some(note.to_owned());
    let decided = for_good(&seen.questions, old).and_then(|decision| verdict(&decision));
    Some(match (end.reason, decided, close) {
        (EndReason::Closed, Some(Verdict::Discharge), _) => Moment {
            note: note("Discharged"),
            ..moment(end.at, "Resolved", None)
        },
        (EndReason::Closed, _, Some(close)) => Moment {
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

fn short(note: &str) -> String {
    domain::event::clip(note, NOTE_BYTES).to_owned()
}

fn moment(at: Time, what: &str, by: Option<String>) -> Moment {
    Moment {
        at,
        what: what.to_owned(),
        by,
        note: None,
    }
}
