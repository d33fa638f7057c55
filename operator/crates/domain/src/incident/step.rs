//! The incident's state machine: what a phase does with what happens. Pure; [`step`] is the only way to another
//! phase. It knows neither objects nor messages: its effects are wishes that the controller carries out.
//!
//! | phase \ input | `Stands` | `Ended` | `CloseAsked` | `ObjectGone` | `Wanted` | `Stood` | `Expired` | `Answered` |
//! |---|---|---|---|---|---|---|---|---|
//! | `Open` | stays | `Resolved`, or `Discharged` when that was the answer; tell | append the close (again every 5 s) | bring back | `AwaitingDecision`, ask | `AwaitingDecision` | write it | Accept: `Acknowledged` |
//! | `AwaitingDecision` | stays | as above | append the close | `Open`, bring back | ask | stays | write it | Accept: `Acknowledged` |
//! | `Acknowledged` | stays | as above | append the close | `Open`, bring back | stays | stays | stays | stays |
//! | `Resolved` | `Acknowledged` if somebody has it, else `Open`; tell | stays, takes a later end's reason | stays; by a close nothing more, else say once that it came too late | stays away | stays | stays | stays | stays |
//! | `Discharged` | as `Resolved` | stays | stays | stays away | stays | stays | stays | stays |
//!
//! Every answer is kept in `decided`, the first that lasts for good; only `ObjectGone` forgets it.

use std::time::Duration;

use super::{EndReason, IncidentRecord};
use crate::time::Time;
use crate::triage::Verdict;

/// How long an appended close may stay without effect before it is appended again. An append is acknowledged by
/// the log, so only a correlator that is away makes this pass; then one entry every 5 s does no harm.
pub const CLOSE_RETRY: Duration = Duration::from_secs(5);

/// Where an incident's process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It goes on, and nobody is asked.
    Open,
    /// It goes on, and a person is asked what it is.
    AwaitingDecision,
    /// It goes on, and a person has it.
    Acknowledged,
    /// It has ended, for this reason.
    Resolved(EndReason),
    /// It has ended because a person said that it is no problem.
    Discharged,
}

impl Phase {
    /// Whether nothing but the record's going on again leads out of it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Resolved(_) | Self::Discharged)
    }
}

/// How far a person's wish to close has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloseWish {
    /// Nobody asked, or nothing was done about it yet.
    #[default]
    Unsent,
    /// Appended to the log at this time.
    Sent(Time),
    /// The incident had ended otherwise, and the person was told.
    TooLate,
}

/// One incident, as far as the machine goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Its phase.
    pub phase: Phase,
    /// The wish to close it: `spec.close`, or that it was discharged.
    pub close: CloseWish,
    /// What a person decided, if it lasts: who escalates leaves it to others.
    pub decided: Option<Verdict>,
}

/// What can happen to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The record says that it goes on, perhaps again.
    Stands,
    /// The record says that it has ended.
    Ended(EndReason),
    /// A person wants it closed; to be given as long as that is so.
    CloseAsked,
    /// Its object was there and is gone, and with it what was asked.
    ObjectGone,
    /// Its rule wants a person to decide, and no question stands.
    Wanted,
    /// A question stands, and nobody has answered it yet.
    Stood,
    /// The question's time has passed, and nobody has answered.
    Expired,
    /// A person has answered the question; to be given until that is settled.
    Answered(Verdict),
}

impl Input {
    /// What a record says.
    pub fn of(record: &IncidentRecord) -> Self {
        record
            .end
            .as_ref()
            .map_or(Self::Stands, |end| Self::Ended(end.reason))
    }
}

/// What is to be done outside, because of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Append a close to the log; the correlator ends the incident, and its record says so.
    AppendClose,
    /// Put the next question.
    Ask,
    /// Write on the question that its time has passed.
    Expire,
    /// Tell that it ended.
    TellResolved(EndReason),
    /// Tell that it came back after it had cleared.
    TellReopened,
    /// Tell that the close came too late and did nothing.
    TellCloseIgnored,
    /// Create the object again and tell how an incident is closed.
    BringBack,
}

impl Incident {
    /// An incident in `phase` of which no wish to close and no decision is known.
    pub const fn new(phase: Phase) -> Self {
        Self {
            phase,
            close: CloseWish::Unsent,
            decided: None,
        }
    }

    const fn moved(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    const fn wished(self, close: CloseWish) -> Self {
        Self { close, ..self }
    }

    const fn ended(self, reason: EndReason) -> Self {
        match (reason, self.decided) {
            (EndReason::Closed, Some(Verdict::Discharge)) => self.moved(Phase::Discharged),
            _ => self.moved(Phase::Resolved(reason)),
        }
    }

    /// A close that is to be appended, unless it was a moment ago.
    fn closing(self, now: Time) -> (Self, Option<Effect>) {
        match self.close {
            CloseWish::Sent(at) if now.since(at) < CLOSE_RETRY => (self, None),
            _ => (self.wished(CloseWish::Sent(now)), Some(Effect::AppendClose)),
        }
    }

    /// An answer; of those that last the first counts. One that came when nothing was open any more is kept, and
    /// changes no phase.
    const fn answered(self, verdict: Verdict) -> (Self, Option<Effect>) {
        let decided = match (self.decided, verdict) {
            (None, Verdict::Accept | Verdict::Discharge) => Some(verdict),
            (decided, _) => decided,
        };
        let phase = match (self.phase, decided) {
            (Phase::Open | Phase::AwaitingDecision, Some(Verdict::Accept)) => Phase::Acknowledged,
            (phase, _) => phase,
        };
        let next = Self {
            phase,
            decided,
            ..self
        };
        (next, None)
    }

    /// What was asked and answered goes with the object.
    const fn without_object(self) -> (Self, Option<Effect>) {
        let forgotten = Self {
            decided: None,
            ..self.moved(Phase::Open)
        };
        (forgotten, Some(Effect::BringBack))
    }

    /// A close that came too late for the last episode holds for this one: `spec.close` can be set only once, and the person
    /// who set it wants no more of this incident. So does it hold that somebody has the incident.
    fn back(self) -> (Self, Option<Effect>) {
        let close = if self.close == CloseWish::TooLate {
            CloseWish::Unsent
        } else {
            self.close
        };
        let phase = if self.decided == Some(Verdict::Accept) {
            Phase::Acknowledged
        } else {
            Phase::Open
        };
        (self.moved(phase).wished(close), Some(Effect::TellReopened))
    }
}

/// One step. The record decides whether an incident has ended, never a person's wish: the correlator must learn of a
/// close by the log, else it would go on counting into an incident that looks closed.
#[must_use]
#[allow(
    clippy::match_same_arms,
    reason = "one arm a cell of the table above, also where two cells agree"
)]
pub fn step(incident: Incident, input: Input, now: Time) -> (Incident, Option<Effect>) {
    let stays = (incident, None);
    let ends = |reason| (incident.ended(reason), Some(Effect::TellResolved(reason)));
    match (incident.phase, input) {
        (Phase::Open, Input::Stands) => stays,
        (Phase::Open, Input::Ended(reason)) => ends(reason),
        (Phase::Open, Input::CloseAsked) => incident.closing(now),
        (Phase::Open, Input::ObjectGone) => incident.without_object(),
        (Phase::Open, Input::Wanted) => (incident.moved(Phase::AwaitingDecision), Some(Effect::Ask)),
        (Phase::Open, Input::Stood) => (incident.moved(Phase::AwaitingDecision), None),
        (Phase::Open, Input::Expired) => (incident, Some(Effect::Expire)),
        (Phase::Open, Input::Answered(verdict)) => incident.answered(verdict),

        (Phase::AwaitingDecision, Input::Stands) => stays,
        (Phase::AwaitingDecision, Input::Ended(reason)) => ends(reason),
        (Phase::AwaitingDecision, Input::CloseAsked) => incident.closing(now),
        (Phase::AwaitingDecision, Input::ObjectGone) => incident.without_object(),
        (Phase::AwaitingDecision, Input::Wanted) => (incident, Some(Effect::Ask)),
        (Phase::AwaitingDecision, Input::Stood) => stays,
        (Phase::AwaitingDecision, Input::Expired) => (incident, Some(Effect::Expire)),
        (Phase::AwaitingDecision, Input::Answered(verdict)) => incident.answered(verdict),

        (Phase::Acknowledged, Input::Stands) => stays,
        (Phase::Acknowledged, Input::Ended(reason)) => ends(reason),
        (Phase::Acknowledged, Input::CloseAsked) => incident.closing(now),
        (Phase::Acknowledged, Input::ObjectGone) => incident.without_object(),
        (Phase::Acknowledged, Input::Wanted) => stays,
        (Phase::Acknowledged, Input::Stood) => stays,
        (Phase::Acknowledged, Input::Expired) => stays,
        (Phase::Acknowledged, Input::Answered(verdict)) => incident.answered(verdict),

        (Phase::Resolved(_), Input::Stands) => incident.back(),
        (Phase::Resolved(_), Input::Ended(reason)) => (incident.moved(Phase::Resolved(reason)), None),
        (Phase::Resolved(EndReason::Closed), Input::CloseAsked) => stays,
        (Phase::Resolved(_), Input::CloseAsked) => match incident.close {
            CloseWish::TooLate => stays,
            CloseWish::Unsent | CloseWish::Sent(_) => (
                incident.wished(CloseWish::TooLate),
                Some(Effect::TellCloseIgnored),
            ),
        },
        (Phase::Resolved(_), Input::ObjectGone) => stays,
        (Phase::Resolved(_), Input::Wanted) => stays,
        (Phase::Resolved(_), Input::Stood) => stays,
        (Phase::Resolved(_), Input::Expired) => stays,
        (Phase::Resolved(_), Input::Answered(verdict)) => incident.answered(verdict),

        (Phase::Discharged, Input::Stands) => incident.back(),
        (Phase::Discharged, Input::Ended(_)) => stays,
        (Phase::Discharged, Input::CloseAsked) => stays,
        (Phase::Discharged, Input::ObjectGone) => stays,
        (Phase::Discharged, Input::Wanted) => stays,
        (Phase::Discharged, Input::Stood) => stays,
        (Phase::Discharged, Input::Expired) => stays,
        (Phase::Discharged, Input::Answered(verdict)) => incident.answered(verdict),
    }
}

#[cfg(test)]
mod tests;
