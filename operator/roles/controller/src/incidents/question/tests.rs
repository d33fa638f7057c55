//! Which question stands, and which follows.

use std::sync::Arc;

use domain::triage::{Triage, TriageMode};

use super::*;
use crate::incidents::project;
use crate::samples::{at, record};

fn asked() -> IncidentRecord {
    let group = |name: &str| domain::triage::Approvers {
        users: Vec::new(),
        groups: vec![name.to_owned()],
    };
    IncidentRecord {
        triage: Arc::new(Triage {
            mode: TriageMode::Always,
            approvers: group("sre"),
            escalate_to: group("sre-leads"),
            ..Triage::default()
        }),
        ..record()
    }
}

fn object(uid: &str) -> OpsEvent {
    let mut object = project::object(&asked());
    object.metadata.uid = Some(uid.to_owned());
    object
}

fn settled(decision: &TriageDecision, state: DecisionState, reason: Option<SupersededBy>) -> TriageDecision {
    let question = Question {
        object: decision,
        ask: ask_of(decision).unwrap(),
    };
    question.settled(state, reason, at(100))
}

#[test]
fn a_question_names_people_time_and_incident() {
    let object = object("1");
    let first = put(&object, &asked(), Ask::FIRST, "p", at(60));
    assert_eq!(first.metadata.name.as_deref(), Some("high-cpu-k3v9q2mzra-1z4-d1"));
    assert_eq!(first.metadata.namespace.as_deref(), Some("shop"));
    assert_eq!(first.spec.approvers.groups, ["sre"]);
    assert_eq!(first.spec.escalates_to.groups, ["sre-leads"]);
    assert_eq!(first.spec.expires_at, at(60 + 15 * 60));
    assert_eq!(ask_of(&first), Some(Ask::FIRST));
    let second = put(
        &object,
        &asked(),
        Ask::FIRST.next(Follows::Expired, &asked().triage),
        "p",
        at(60),
    );
    assert_eq!(second.spec.approvers.groups, ["sre", "sre-leads"]);
    assert_eq!(second.spec.escalates_to, Approvers::default());
}

#[test]
fn what_became_of_the_last_question_says_which_follows() {
    let object = object("1");
    let first = put(&object, &asked(), Ask::FIRST, "p", at(60));
    for (state, reason, (tier, unanswered)) in [
        (DecisionState::Expired, None, (1, 0)),
        (DecisionState::Escalated, None, (1, 0)),
        (
            DecisionState::Superseded,
            Some(SupersededBy::IdentityNotEnforced),
            (0, 0),
        ),
        (
            DecisionState::Superseded,
            Some(SupersededBy::IncidentEnded),
            (0, 0),
        ),
    ] {
        let done = settled(&first, state, reason);
        let questions = Questions::about(&object, [&done], 0);
        assert!(questions.standing().is_none());
        let next = questions.next(&asked());
        assert_eq!(
            (next.number, next.tier, next.unanswered),
            (2, tier, unanswered),
            "{state:?}"
        );
    }
    let questions = Questions::about(&object, [&first], 0);
    assert_eq!(questions.standing().unwrap().ask, Ask::FIRST);
}

#[test]
fn a_question_about_an_object_that_is_gone_says_nothing_and_keeps_its_name() {
    let (old, new) = (object("1"), object("2"));
    let accepted = settled(
        &put(&old, &asked(), Ask::FIRST, "p", at(60)),
        DecisionState::Accepted,
        None,
    );
    let questions = Questions::about(&new, [&accepted], 0);
    assert!(questions.lasting().is_none());
    assert_eq!(questions.next(&asked()).number, 2);
}

#[test]
fn who_accepted_has_it_whatever_was_asked_before() {
    let object = object("1");
    let expired = settled(
        &put(&object, &asked(), Ask::FIRST, "p", at(60)),
        DecisionState::Expired,
        None,
    );
    let second = Ask::FIRST.next(Follows::Expired, &asked().triage);
    let accepted = settled(
        &put(&object, &asked(), second, "p", at(70)),
        DecisionState::Accepted,
        None,
    );
    let questions = Questions::about(&object, [&accepted, &expired], 0);
    let (question, verdict) = questions.lasting().unwrap();
    assert_eq!((question.ask.number, verdict), (2, Verdict::Accept));
}
