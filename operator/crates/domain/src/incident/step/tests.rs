//! Each cell of the machine's table, and what holds of every way through it.

use proptest::prelude::*;

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

const AWAITING: Incident = Incident::new(Phase::AwaitingDecision);
const ACKNOWLEDGED: Incident = Incident {
    decided: Some(Verdict::Accept),
    ..Incident::new(Phase::Acknowledged)
};
const DISCHARGED: Incident = Incident {
    decided: Some(Verdict::Discharge),
    close: CloseWish::Sent(NOW),
    phase: Phase::Discharged,
};

#[test]
fn an_incident_whose_rule_wants_a_decision_awaits_one() {
    assert_eq!(step(OPEN, Input::Wanted, NOW), (AWAITING, Some(Effect::Ask)));
    assert_eq!(step(AWAITING, Input::Wanted, NOW), (AWAITING, Some(Effect::Ask)));
    for settled in [ACKNOWLEDGED, CLEARED, DISCHARGED] {
        assert_eq!(step(settled, Input::Wanted, NOW), (settled, None));
    }
}

#[test]
fn what_awaits_a_decision_stays_and_is_brought_back_to_be_asked_anew() {
    assert_eq!(step(AWAITING, Input::Stands, NOW), (AWAITING, None));
    assert_eq!(step(ACKNOWLEDGED, Input::Stands, NOW), (ACKNOWLEDGED, None));
    for incident in [AWAITING, ACKNOWLEDGED] {
        assert_eq!(
            step(incident, Input::ObjectGone, NOW),
            (OPEN, Some(Effect::BringBack))
        );
        let (closing, effect) = step(incident, Input::CloseAsked, NOW);
        assert_eq!(
            (closing.phase, effect),
            (incident.phase, Some(Effect::AppendClose))
        );
    }
}

#[test]
fn an_incident_awaits_a_decision_while_a_question_stands() {
    for incident in [OPEN, AWAITING] {
        assert_eq!(step(incident, Input::Stood, NOW), (AWAITING, None));
    }
    for settled in [ACKNOWLEDGED, CLEARED, DISCHARGED] {
        assert_eq!(step(settled, Input::Stood, NOW), (settled, None));
    }
}

#[test]
fn time_that_passes_answers_nothing() {
    for incident in [OPEN, AWAITING] {
        assert_eq!(
            step(incident, Input::Expired, NOW),
            (incident, Some(Effect::Expire))
        );
    }
    for incident in [ACKNOWLEDGED, CLEARED, DISCHARGED] {
        assert_eq!(step(incident, Input::Expired, NOW), (incident, None));
    }
}

#[test]
fn who_accepts_has_the_incident_until_it_ends_and_when_it_comes_back() {
    for incident in [OPEN, AWAITING] {
        assert_eq!(
            step(incident, Input::Answered(Verdict::Accept), NOW),
            (ACKNOWLEDGED, None)
        );
    }
    let (cleared, effect) = step(ACKNOWLEDGED, Input::Ended(EndReason::Cleared), NOW);
    assert_eq!(effect, Some(Effect::TellResolved(EndReason::Cleared)));
    assert_eq!(cleared.phase, Phase::Resolved(EndReason::Cleared));
    assert_eq!(
        step(cleared, Input::Stands, NOW),
        (ACKNOWLEDGED, Some(Effect::TellReopened))
    );
}

#[test]
fn a_discharge_ends_the_incident_by_the_log() {
    let (discharging, _) = step(AWAITING, Input::Answered(Verdict::Discharge), NOW);
    assert_eq!(discharging.phase, Phase::AwaitingDecision);
    // The answer may come before the object says that it awaits one.
    let (early, _) = step(OPEN, Input::Answered(Verdict::Discharge), NOW);
    let (ended, _) = step(early, Input::Ended(EndReason::Closed), NOW);
    assert_eq!((early.phase, ended.phase), (Phase::Open, Phase::Discharged));
    let (sent, effect) = step(discharging, Input::CloseAsked, NOW);
    assert_eq!(effect, Some(Effect::AppendClose));
    let told = Some(Effect::TellResolved(EndReason::Closed));
    assert_eq!(
        step(sent, Input::Ended(EndReason::Closed), NOW),
        (DISCHARGED, told)
    );
    // It had cleared before the log learned of it.
    let (cleared, _) = step(sent, Input::Ended(EndReason::Cleared), NOW);
    assert_eq!(cleared.phase, Phase::Resolved(EndReason::Cleared));
}

#[test]
fn who_escalates_leaves_it_to_others() {
    for incident in [OPEN, AWAITING] {
        assert_eq!(
            step(incident, Input::Answered(Verdict::Escalate), NOW),
            (incident, None)
        );
    }
}

#[test]
fn an_answer_after_the_end_is_kept_and_changes_no_phase() {
    for incident in [CLEARED, CLOSED, DISCHARGED, ACKNOWLEDGED] {
        for verdict in [Verdict::Accept, Verdict::Discharge, Verdict::Escalate] {
            let (next, effect) = step(incident, Input::Answered(verdict), NOW);
            assert_eq!((next.phase, effect), (incident.phase, None));
            let lasts = (verdict != Verdict::Escalate).then_some(verdict);
            assert_eq!(next.decided, incident.decided.or(lasts));
        }
    }
}

#[test]
fn a_discharged_incident_stays_so() {
    for input in [
        Input::Ended(EndReason::Closed),
        Input::Ended(EndReason::MaxOpen),
        Input::CloseAsked,
        Input::ObjectGone,
    ] {
        assert_eq!(step(DISCHARGED, input, NOW), (DISCHARGED, None));
    }
    let (back, effect) = step(DISCHARGED, Input::Stands, NOW);
    assert_eq!(
        (back.phase, back.decided, effect),
        (Phase::Open, Some(Verdict::Discharge), Some(Effect::TellReopened))
    );
}

fn any_input() -> impl Strategy<Value = Input> {
    let reasons = vec![
        EndReason::Cleared,
        EndReason::Quiet,
        EndReason::MaxOpen,
        EndReason::Closed,
    ];
    let verdicts = vec![Verdict::Accept, Verdict::Discharge, Verdict::Escalate];
    prop_oneof![
        Just(Input::Stands),
        prop::sample::select(reasons).prop_map(Input::Ended),
        Just(Input::CloseAsked),
        Just(Input::ObjectGone),
        Just(Input::Wanted),
        Just(Input::Stood),
        Just(Input::Expired),
        prop::sample::select(verdicts).prop_map(Input::Answered),
    ]
}

proptest! {
    #[test]
    fn of_no_way_through_it_a_decision_gets_lost(inputs in prop::collection::vec(any_input(), 0..40)) {
        let mut incident = OPEN;
        for (second, input) in (1..).zip(inputs) {
            let now = NOW.plus(Duration::from_secs(second));
            let (next, _) = step(incident, input, now);
            if let Input::Answered(verdict) = input {
                prop_assert!(verdict == Verdict::Escalate || next.decided.is_some());
            }
            // The first decision that lasts stays; nobody's silence is one.
            match (incident.decided, next.decided) {
                (Some(before), Some(after)) => prop_assert_eq!(before, after),
                (Some(_), None) => prop_assert_eq!(input, Input::ObjectGone),
                (None, Some(_)) => prop_assert!(matches!(input, Input::Answered(_))),
                (None, None) => {}
            }
            if incident.phase.is_final() && input != Input::Stands {
                prop_assert!(next.phase.is_final());
            }
            if let Input::Ended(_) = input {
                prop_assert!(next.phase.is_final());
            }
            if next.phase == Phase::Acknowledged {
                prop_assert_eq!(next.decided, Some(Verdict::Accept));
            }
            incident = next;
        }
    }
}
