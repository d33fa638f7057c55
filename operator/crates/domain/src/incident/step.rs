//! The incident's state machine: what a phase does with what happens. Pure; [`step`] is the only way to another
//! phase. It knows neither objects nor messages: its effects are wishes that the controller carries out.
//!
//! | phase \ input | `Stands` | `Ended` | `CloseAsked` | `ObjectGone` |
//! |---|---|---|---|---|
//! | `Open` | stays | `Resolved`, tell | stays, append the close (again every 5 s) | stays, bring back |
//! | `Resolved` | `Open`, tell | stays, takes a later end's reason | stays, say once that it came too late | stays away |

use std::time::Duration;

use super::{EndReason, IncidentRecord};
use crate::time::Time;

/// How long an appended close may stay without effect before it is appended again. An append is acknowledged by
/// the log, so only a correlator that is away makes this pass; then one entry every 5 s does no harm.
pub const CLOSE_RETRY: Duration = Duration::from_secs(5);

/// Where an incident's process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It goes on.
    Open,
    /// It has ended, for this reason.
    Resolved(EndReason),
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
    /// The wish to close it.
    pub close: CloseWish,
}

/// What can happen to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The record says that it goes on, perhaps again.
    Stands,
    /// The record says that it has ended.
    Ended(EndReason),
    /// A person has set `spec.close`; to be given as long as it is set.
    CloseAsked,
    /// Its object was there and is gone.
    ObjectGone,
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
    /// An incident in `phase` of which no wish to close is known.
    pub const fn new(phase: Phase) -> Self {
        Self {
            phase,
            close: CloseWish::Unsent,
        }
    }

    const fn moved(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    const fn wished(self, close: CloseWish) -> Self {
        Self { close, ..self }
    }
}

/// One step. The record decides the phase, never a person's wish: the correlator must learn of a close by the log,
/// else it would go on counting into an incident that looks closed.
#[must_use]
#[allow(
    clippy::match_same_arms,
    reason = "one arm a cell of the table above, also where two cells agree"
)]
pub fn step(incident: Incident, input: Input, now: Time) -> (Incident, Option<Effect>) {
    match (incident.phase, input) {
        (Phase::Open, Input::Stands) => (incident, None),
        (Phase::Open, Input::Ended(reason)) => (
            incident.moved(Phase::Resolved(reason)),
            Some(Effect::TellResolved(reason)),
        ),
        (Phase::Open, Input::CloseAsked) => match incident.close {
            CloseWish::Sent(at) if now.since(at) < CLOSE_RETRY => (incident, None),
            _ => (incident.wished(CloseWish::Sent(now)), Some(Effect::AppendClose)),
        },
        (Phase::Open, Input::ObjectGone) => (incident, Some(Effect::BringBack)),
        // A close that came too late for the last episode holds for this one: `spec.close` can be set only once,
        // and the person who set it wants no more of this incident.
        (Phase::Resolved(_), Input::Stands) => {
            let close = if incident.close == CloseWish::TooLate {
                CloseWish::Unsent
            } else {
                incident.close
            };
            (
                incident.moved(Phase::Open).wished(close),
                Some(Effect::TellReopened),
            )
        }
        (Phase::Resolved(_), Input::Ended(reason)) => (incident.moved(Phase::Resolved(reason)), None),
        (Phase::Resolved(EndReason::Closed), Input::CloseAsked) => (incident, None),
        (Phase::Resolved(_), Input::CloseAsked) => match incident.close {
            CloseWish::TooLate => (incident, None),
            CloseWish::Unsent | CloseWish::Sent(_) => (
                incident.wished(CloseWish::TooLate),
                Some(Effect::TellCloseIgnored),
            ),
        },
        (Phase::Resolved(_), Input::ObjectGone) => (incident, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_000_000);
    const OPEN: Incident = Incident::new(Phase::Open);
    const CLEARED: Incident = Incident::new(Phase::Resolved(EndReason::Cleared));
    const CLOSED: Incident = Incident::new(Phase::Resolved(EndReason::Closed));

    #[test]
    fn an_open_incident_whose_record_goes_on_stays_open() {
        assert_eq!(step(OPEN, Input::Stands, NOW), (OPEN, None));
    }

    #[test]
    fn an_open_incident_whose_record_ends_is_resolved_for_that_reason() {
        for reason in [
            EndReason::Cleared,
            EndReason::Quiet,
            EndReason::MaxOpen,
            EndReason::Closed,
        ] {
            let expected = (
                Incident::new(Phase::Resolved(reason)),
                Some(Effect::TellResolved(reason)),
            );
            assert_eq!(step(OPEN, Input::Ended(reason), NOW), expected);
        }
    }

    #[test]
    fn a_close_of_an_open_incident_goes_to_the_log_and_leaves_it_open() {
        let (incident, effect) = step(OPEN, Input::CloseAsked, NOW);
        assert_eq!(effect, Some(Effect::AppendClose));
        assert_eq!(incident, OPEN.wished(CloseWish::Sent(NOW)));
    }

    #[test]
    fn a_close_is_appended_again_only_after_five_seconds() {
        let sent = OPEN.wished(CloseWish::Sent(NOW));
        let early = NOW.plus(CLOSE_RETRY.saturating_sub(Duration::from_millis(1)));
        assert_eq!(step(sent, Input::CloseAsked, early), (sent, None));
        let due = NOW.plus(CLOSE_RETRY);
        assert_eq!(step(sent, Input::CloseAsked, due).1, Some(Effect::AppendClose));
    }

    #[test]
    fn the_object_of_an_open_incident_is_brought_back() {
        assert_eq!(
            step(OPEN, Input::ObjectGone, NOW),
            (OPEN, Some(Effect::BringBack))
        );
    }

    #[test]
    fn a_resolved_incident_whose_record_goes_on_again_is_reopened() {
        assert_eq!(
            step(CLEARED, Input::Stands, NOW),
            (OPEN, Some(Effect::TellReopened))
        );
    }

    #[test]
    fn a_close_that_came_too_late_holds_for_the_next_episode() {
        let told = CLEARED.wished(CloseWish::TooLate);
        let (reopened, _) = step(told, Input::Stands, NOW);
        assert_eq!(
            step(reopened, Input::CloseAsked, NOW).1,
            Some(Effect::AppendClose)
        );
    }

    #[test]
    fn a_close_sent_before_a_reopening_keeps_its_pause() {
        let sent = CLEARED.wished(CloseWish::Sent(NOW));
        assert_eq!(step(sent, Input::Stands, NOW).0.close, CloseWish::Sent(NOW));
    }

    #[test]
    fn a_resolved_incident_takes_a_later_end_without_telling_again() {
        let quiet = Incident::new(Phase::Resolved(EndReason::Quiet));
        assert_eq!(step(CLEARED, Input::Ended(EndReason::Quiet), NOW), (quiet, None));
    }

    #[test]
    fn a_close_that_had_its_effect_needs_nothing_more() {
        assert_eq!(step(CLOSED, Input::CloseAsked, NOW), (CLOSED, None));
    }

    #[test]
    fn a_close_of_an_ended_incident_is_told_once_and_not_appended() {
        let (told, effect) = step(CLEARED, Input::CloseAsked, NOW);
        assert_eq!(effect, Some(Effect::TellCloseIgnored));
        assert_eq!(told.phase, CLEARED.phase);
        assert_eq!(
            step(told, Input::CloseAsked, NOW.plus(CLOSE_RETRY * 2)),
            (told, None)
        );
    }

    #[test]
    fn the_object_of_a_resolved_incident_stays_away() {
        assert_eq!(step(CLEARED, Input::ObjectGone, NOW), (CLEARED, None));
    }
}
