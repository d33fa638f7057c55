//! An incident whose rule asks, from the opening to the end: what is written, in which order, and what the object tells.

use std::sync::Arc;
use std::time::Duration;

use api::{Awaited, OpsEventStatus, Outcome, TriageDecision};
use domain::incident::step::CloseWish;
use domain::incident::{End, EndReason};
use domain::time::Time;
use domain::triage::{Approvers, Triage, Verdict};

use proptest::prelude::*;

use super::*;
use crate::clock::now;
use crate::incidents::deadline::{Deadline, Due};
use crate::incidents::decide::decide;
use crate::incidents::question::Questions;
use crate::incidents::seen::Identity;
use crate::incidents::wanted::Closing;
use crate::samples::{at, record, seen, shown};

const ENFORCED: Identity<'static> = Identity::Enforced { stamp: "p" };

fn people(group: &str) -> Approvers {
    Approvers {
        users: Vec::new(),
        groups: vec![group.to_owned()],
    }
}

fn asks() -> IncidentRecord {
    IncidentRecord {
        triage: Arc::new(Triage {
            mode: TriageMode::Always,
            approvers: people("sre"),
            escalate_to: people("sre-leads"),
            ..Triage::default()
        }),
        ..record()
    }
}

/// One incident as the API server has it, with everything written that is wanted.
struct Life {
    record: IncidentRecord,
    object: OpsEvent,
    questions: Vec<TriageDecision>,
    identity: Identity<'static>,
    time_passed: bool,
    close: CloseWish,
    now: Time,
}

impl Life {
    /// An incident that has just opened, with nothing asked yet.
    fn new() -> Self {
        let record = asks();
        Self {
            object: shown(&record),
            record,
            questions: Vec::new(),
            identity: ENFORCED,
            time_passed: false,
            close: CloseWish::Unsent,
            now: at(61),
        }
    }

    /// The same, asked and shown to be so.
    fn asked() -> Self {
        let mut life = Self::new();
        assert_eq!(life.settle(), ["Ask", "Status"]);
        life
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            close: self.close,
            questions: Questions::about(&self.object, &self.questions, 0),
            time_passed: self.time_passed,
            identity: self.identity,
            ..seen(Some(&self.record), Some(&self.object))
        }
    }

    /// Decides and writes until nothing more is wanted; what was written.
    fn settle(&mut self) -> Vec<&'static str> {
        let mut written = Vec::new();
        while written.len() < 10 {
            let decision = decide(&self.seen(), now(self.now));
            self.close = decision.close;
            let Some(write) = decision.write else { break };
            match write.work {
                Work::Ask(question) => {
                    written.push("Ask");
                    self.questions.push(*question);
                }
                Work::Settle(question) => {
                    written.push("Settle");
                    self.time_passed = false;
                    *self.questions.last_mut().unwrap() = *question;
                }
                Work::Status(object) => {
                    written.push("Status");
                    self.object = *object;
                }
                other => panic!("{other:?}"),
            }
        }
        written
    }

    fn answer(&mut self, verdict: Verdict, by: &str) {
        let spec = &mut self.questions.last_mut().unwrap().spec;
        (spec.decision, spec.decided_by) = (Some(verdict), Some(by.to_owned()));
    }

    fn end(&mut self, reason: EndReason) {
        self.record.end = Some(End { at: self.now, reason });
        self.record.firing = 0;
        self.time_passed = false;
    }

    fn status(&self) -> &OpsEventStatus {
        self.object.status.as_ref().unwrap()
    }

    fn outcome(&self) -> (api::Phase, Outcome, Option<Awaited>) {
        let status = self.status();
        let waits = status.waiting_on.as_ref().map(|waits| waits.what);
        (status.phase, status.decision.as_ref().unwrap().outcome, waits)
    }

    fn states(&self) -> Vec<DecisionState> {
        let state = |question: &TriageDecision| question.status.as_ref().map(|status| status.state);
        self.questions
            .iter()
            .map(|question| state(question).unwrap_or_default())
            .collect()
    }

    fn timeline(&self) -> Vec<&str> {
        let timeline = &self.status().timeline;
        timeline.iter().map(|moment| moment.what.as_str()).collect()
    }

    fn closing(&self) -> Option<Closing> {
        decide(&self.seen(), now(self.now)).append_close
    }
}

#[test]
fn a_rule_that_asks_nobody_is_decided_by_its_author() {
    let record = record();
    let status = shown(&record).status.unwrap();
    let decision = status.decision.unwrap();
    assert_eq!(
        (decision.outcome, decision.by.as_deref(), decision.at),
        (Outcome::NotAsked, Some("rule/high-cpu"), Some(at(60)))
    );
    assert_eq!(status.waiting_on.unwrap().what, Awaited::Clear);
}

#[test]
fn a_question_is_put_and_then_the_object_says_for_whom_it_waits() {
    let life = Life::asked();
    assert_eq!(
        life.outcome(),
        (
            api::Phase::AwaitingDecision,
            Outcome::Pending,
            Some(Awaited::Decision)
        )
    );
    let waits = life.status().waiting_on.as_ref().unwrap();
    assert_eq!(waits.message, "group sre, until 1970-01-01T00:16:01.000Z");
    assert_eq!(
        life.status().decision.as_ref().unwrap().name.as_deref(),
        Some("high-cpu-k3v9q2mzra-1z4-d1")
    );
    assert_eq!(life.timeline(), ["Opened", "Asked"]);
    let due = Deadline::of(&life.seen()).unwrap();
    assert_eq!(
        (due.due, due.at, due.term),
        (Due::Question(1), at(61 + 900), Duration::from_mins(15))
    );
}

#[test]
fn who_accepts_has_the_incident_until_it_clears() {
    let mut life = Life::asked();
    life.now = at(90);
    life.answer(Verdict::Accept, "alice");
    assert_eq!(life.settle(), ["Settle", "Status"]);
    assert_eq!(
        life.outcome(),
        (api::Phase::Acknowledged, Outcome::Accepted, Some(Awaited::Clear))
    );
    let decision = life.status().decision.clone().unwrap();
    assert_eq!(
        (decision.by.as_deref(), decision.at),
        (Some("alice"), Some(at(90)))
    );
    life.end(EndReason::Cleared);
    assert_eq!(life.settle(), ["Status"]);
    assert_eq!(life.outcome(), (api::Phase::Resolved, Outcome::Accepted, None));
    assert_eq!(life.timeline(), ["Opened", "Asked", "Accepted", "Resolved"]);
}

#[test]
fn a_discharge_is_told_to_the_log_under_the_persons_name_and_shown_when_it_took_it_in() {
    let mut life = Life::asked();
    life.answer(Verdict::Discharge, "alice");
    let written = life.settle();
    assert_eq!(written, ["Settle", "Status"]);
    assert_eq!(
        life.outcome(),
        (
            api::Phase::AwaitingDecision,
            Outcome::Discharged,
            Some(Awaited::Log)
        )
    );
    life.close = CloseWish::Unsent;
    let expected = Closing {
        reason: "Discharged",
        by: "alice".to_owned(),
    };
    assert_eq!(life.closing(), Some(expected));
    life.end(EndReason::Closed);
    assert_eq!(life.settle(), ["Status"]);
    assert_eq!(
        life.outcome(),
        (api::Phase::Discharged, Outcome::Discharged, None)
    );
    assert_eq!(life.closing(), None);
}

#[test]
fn who_escalates_leaves_it_to_the_next_tier() {
    let mut life = Life::asked();
    life.answer(Verdict::Escalate, "alice");
    assert_eq!(life.settle(), ["Settle", "Ask", "Status"]);
    assert_eq!(life.states(), [DecisionState::Escalated, DecisionState::Pending]);
    assert_eq!(life.questions[1].spec.approvers.groups, ["sre", "sre-leads"]);
    assert_eq!(
        life.outcome(),
        (
            api::Phase::AwaitingDecision,
            Outcome::Pending,
            Some(Awaited::Decision)
        )
    );
}

#[test]
fn nobodys_silence_is_an_answer_and_each_question_that_expires_is_followed_by_another() {
    let mut life = Life::asked();
    let mut asked = Vec::new();
    for round in 1..5 {
        life.now = at(1_000 * round);
        life.time_passed = true;
        assert_eq!(life.settle(), ["Settle", "Ask", "Status"]);
        let last = &life.questions.last().unwrap().spec;
        asked.push((
            last.tier,
            last.unanswered,
            last.expires_at.since(life.now).as_secs() / 60,
        ));
    }
    assert_eq!(asked, [(1, 0, 15), (1, 1, 30), (1, 2, 60), (1, 3, 120)]);
    assert_eq!(
        life.outcome(),
        (
            api::Phase::AwaitingDecision,
            Outcome::Pending,
            Some(Awaited::Decision)
        )
    );
    let waits = &life.status().waiting_on.as_ref().unwrap().message;
    assert!(
        waits.ends_with("nobody decided the 4 questions before"),
        "{waits}"
    );
    life.end(EndReason::MaxOpen);
    assert_eq!(life.settle(), ["Settle", "Status"]);
    assert_eq!(life.outcome(), (api::Phase::Resolved, Outcome::Unanswered, None));
    assert_eq!(life.states().last(), Some(&DecisionState::Superseded));
}

#[test]
fn an_answer_stored_before_the_question_was_called_expired_wins() {
    let mut life = Life::asked();
    life.time_passed = true;
    life.answer(Verdict::Accept, "alice");
    life.settle();
    assert_eq!(life.states(), [DecisionState::Accepted]);
}

#[test]
fn an_answer_stored_before_the_question_was_superseded_is_kept() {
    let mut life = Life::asked();
    life.answer(Verdict::Accept, "alice");
    life.end(EndReason::Cleared);
    assert_eq!(life.settle(), ["Settle", "Status"]);
    assert_eq!(life.states(), [DecisionState::Accepted]);
    assert_eq!(life.outcome(), (api::Phase::Resolved, Outcome::Accepted, None));
}

#[test]
fn an_end_supersedes_the_question_and_a_return_asks_anew() {
    let mut life = Life::asked();
    life.end(EndReason::Cleared);
    assert_eq!(life.settle(), ["Settle", "Status"]);
    assert_eq!(life.states(), [DecisionState::Superseded]);
    let reason = life.questions[0].status.as_ref().unwrap().reason;
    assert_eq!(reason, Some(SupersededBy::IncidentEnded));
    life.record.end = None;
    life.record.reopened = 1;
    life.record.firing = 1;
    life.record.occurrences.position += 256;
    assert_eq!(life.settle(), ["Ask", "Status"]);
    assert_eq!(life.states(), [DecisionState::Superseded, DecisionState::Pending]);
    assert!(life.timeline().contains(&"Reopened"), "{:?}", life.timeline());
}

#[test]
fn without_policies_nobody_is_asked_and_the_object_says_why() {
    let mut life = Life::new();
    life.identity = Identity::Missing("the policy is missing");
    assert_eq!(life.settle(), ["Status"]);
    assert_eq!(
        life.outcome(),
        (api::Phase::Open, Outcome::Pending, Some(Awaited::Identity))
    );
    let conditions = &life.status().conditions;
    let said = conditions
        .iter()
        .find(|condition| condition.type_ == "IdentityEnforced")
        .unwrap();
    assert_eq!(
        (said.status.as_str(), said.message.as_str()),
        ("False", "the policy is missing")
    );
    life.identity = ENFORCED;
    assert_eq!(life.settle(), ["Ask", "Status"]);
}

#[test]
fn an_answer_that_nobody_checked_counts_for_nothing_and_is_asked_for_again() {
    let mut life = Life::asked();
    life.identity = Identity::Missing("the policy is missing");
    life.settle();
    life.answer(Verdict::Accept, "alice");
    assert_eq!(life.settle(), [""; 0], "nobody knows yet");
    life.identity = Identity::Enforced { stamp: "others" };
    assert_eq!(life.settle(), ["Settle", "Ask", "Status"]);
    let reason = life.questions[0].status.as_ref().unwrap().reason;
    assert_eq!(reason, Some(SupersededBy::IdentityNotEnforced));
    assert_eq!(life.questions[1].spec.approvers.groups, ["sre"]);
    assert_eq!(
        life.outcome(),
        (
            api::Phase::AwaitingDecision,
            Outcome::Pending,
            Some(Awaited::Decision)
        )
    );
}

#[test]
fn an_answer_that_was_checked_counts_although_the_policies_were_out_of_sight_meanwhile() {
    let mut life = Life::asked();
    life.answer(Verdict::Accept, "alice");
    life.identity = Identity::Missing("no right to see them");
    life.settle();
    life.identity = ENFORCED;
    life.settle();
    assert_eq!(life.states(), [DecisionState::Accepted]);
}

#[test]
fn no_question_expires_while_nobody_could_answer_it() {
    let mut life = Life::asked();
    life.identity = Identity::Missing("the policy is missing");
    assert_eq!(Deadline::of(&life.seen()), None);
}

#[test]
fn a_close_that_nobody_checked_is_held_and_then_counts_as_nobodys() {
    let mut life = Life::asked();
    life.identity = Identity::Missing("the policy is missing");
    life.object.spec.close = Some(api::Close {
        reason: api::CloseReason::Fixed,
        closed_by: Some("mallory".to_owned()),
    });
    life.settle();
    assert_eq!(life.outcome().2, Some(Awaited::Identity));
    assert_eq!(life.closing(), None);
    life.identity = ENFORCED;
    let unproven = Closing {
        reason: "Fixed",
        by: String::new(),
    };
    assert_eq!(life.closing(), Some(unproven));
    life.settle();
    life.end(EndReason::Closed);
    life.settle();
    let closed = life.status().timeline.last().unwrap();
    assert_eq!((closed.what.as_str(), closed.by.as_deref()), ("Closed", None));
}

#[test]
fn in_a_namespace_that_is_going_away_nobody_is_asked() {
    let life = Life::new();
    let seen = Seen {
        namespace: NamespaceState::Closed,
        ..life.seen()
    };
    let write = decide(&seen, now(life.now)).write;
    assert!(
        !matches!(
            write,
            Some(Planned {
                work: Work::Ask(_),
                ..
            })
        ),
        "{write:?}"
    );
}

#[test]
fn everything_that_was_written_is_what_is_wanted_the_next_time() {
    for verdict in [None, Some(Verdict::Accept), Some(Verdict::Escalate)] {
        let mut life = Life::asked();
        if let Some(verdict) = verdict {
            life.answer(verdict, "alice");
            life.settle();
        }
        life.now = life.now.plus(Duration::from_mins(1));
        assert_eq!(life.settle(), [""; 0], "{verdict:?}");
    }
}

#[test]
fn a_question_that_was_put_under_other_policies_is_put_again_answered_or_not() {
    for answer in [None, Some(Verdict::Accept)] {
        let mut life = Life::asked();
        if let Some(verdict) = answer {
            life.answer(verdict, "mallory");
        }
        life.identity = Identity::Enforced { stamp: "others" };
        assert_eq!(life.settle(), ["Settle", "Ask", "Status"], "{answer:?}");
        let reason = life.questions[0].status.as_ref().unwrap().reason;
        assert_eq!(reason, Some(SupersededBy::IdentityNotEnforced));
        assert_eq!(life.outcome().1, Outcome::Pending);
        // Nobody said whose word it was.
        let superseded = life
            .status()
            .timeline
            .iter()
            .find(|moment| moment.what == "Superseded");
        assert_eq!(superseded.unwrap().by, None);
    }
}

/// What may happen between two looks.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Answer(Verdict),
    TimePasses,
    PoliciesGo,
    PoliciesComeBack,
    OthersCome,
    Ends(EndReason),
    ComesBack,
    Close,
}

fn happens() -> impl Strategy<Value = Happens> {
    let verdicts = vec![Verdict::Accept, Verdict::Discharge, Verdict::Escalate];
    let reasons = vec![
        EndReason::Cleared,
        EndReason::Quiet,
        EndReason::MaxOpen,
        EndReason::Closed,
    ];
    prop_oneof![
        prop::sample::select(verdicts).prop_map(Happens::Answer),
        Just(Happens::TimePasses),
        Just(Happens::PoliciesGo),
        Just(Happens::PoliciesComeBack),
        Just(Happens::OthersCome),
        prop::sample::select(reasons).prop_map(Happens::Ends),
        Just(Happens::ComesBack),
        Just(Happens::Close),
    ]
}

impl Life {
    fn happens(&mut self, what: Happens) {
        let stands = self.states().last() == Some(&DecisionState::Pending);
        match what {
            Happens::Answer(verdict) if stands => self.answer(verdict, "alice"),
            // Once it has ended, time deletes the object.
            Happens::TimePasses => self.time_passed = stands && self.record.end.is_none(),
            Happens::PoliciesGo => self.identity = Identity::Missing("a policy is missing"),
            Happens::PoliciesComeBack => self.identity = ENFORCED,
            Happens::OthersCome => self.identity = Identity::Enforced { stamp: "others" },
            Happens::Ends(reason) if self.record.end.is_none() => self.end(reason),
            Happens::ComesBack if self.record.end.is_some() => {
                self.record.end = None;
                self.record.reopened += 1;
            }
            Happens::Close => {
                self.object.spec.close = Some(api::Close {
                    reason: api::CloseReason::Fixed,
                    closed_by: Some("alice".to_owned()),
                });
            }
            Happens::Answer(_) | Happens::Ends(_) | Happens::ComesBack => {}
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_writing_comes_to_an_end_and_it_says_what_it_waits_for(
        all in prop::collection::vec(happens(), 0..30)
    ) {
        let mut life = Life::new();
        life.settle();
        for (second, what) in (1..).zip(all) {
            life.now = at(100 + second);
            life.record.occurrences.position += 256;
            life.happens(what);
            prop_assert!(life.settle().len() < 6, "{what:?}");
            let status = life.status();
            prop_assert_eq!(status.waiting_on.is_some(), life.record.end.is_none());
            let is_final = matches!(status.phase, api::Phase::Resolved | api::Phase::Discharged);
            prop_assert_eq!(is_final, life.record.end.is_some());
            let standing = life.states().iter().filter(|state| **state == DecisionState::Pending).count();
            prop_assert!(standing <= 1);
            prop_assert!(status.timeline.len() <= 32 && status.timeline[0].what == "Opened");
        }
    }
}

#[test]
fn a_decision_outlives_its_question() {
    for (verdict, outcome) in [
        (Verdict::Accept, Outcome::Accepted),
        (Verdict::Discharge, Outcome::Discharged),
    ] {
        let mut life = Life::asked();
        life.answer(verdict, "alice");
        life.settle();
        // Somebody who may has deleted it.
        life.questions.clear();
        life.close = CloseWish::Unsent;
        assert_eq!(life.settle(), [""; 0]);
        let decision = life.status().decision.clone().unwrap();
        assert_eq!(
            (decision.outcome, decision.by.as_deref()),
            (outcome, Some("alice"))
        );
        life.close = CloseWish::Unsent;
        let closes = life.closing().map(|closing| closing.by);
        assert_eq!(
            closes.as_deref(),
            (verdict == Verdict::Discharge).then_some("alice")
        );
        life.end(EndReason::Closed);
        life.settle();
        let end = life.status().timeline.last().unwrap().note.clone();
        assert_eq!(
            end.as_deref() == Some("Discharged"),
            verdict == Verdict::Discharge,
            "{end:?}"
        );
    }
}

#[test]
fn a_question_that_is_refused_holds_up_neither_the_status_nor_the_end() {
    let mut life = Life::new();
    let refused = Seen {
        refused: Some("exceeded quota"),
        ..life.seen()
    };
    let write = decide(&refused, now(life.now)).write.unwrap();
    let Work::Status(object) = write.work else {
        panic!("{:?}", write.work)
    };
    let waits = object.status.as_ref().unwrap().waiting_on.clone().unwrap();
    assert_eq!(
        waits.message,
        "a question is about to be put; it is refused: exceeded quota"
    );
    // Once that is shown, the question is tried again.
    life.object = *object;
    let refused = Seen {
        refused: Some("exceeded quota"),
        ..life.seen()
    };
    let write = decide(&refused, now(life.now)).write.unwrap();
    assert!(matches!(write.work, Work::Ask(_)), "{:?}", write.work);
}

#[test]
fn a_close_of_an_ended_incident_that_nobody_checked_stays_unproven_when_it_comes_back() {
    let mut life = Life::asked();
    life.end(EndReason::Cleared);
    life.settle();
    life.identity = Identity::Missing("a policy is missing");
    life.object.spec.close = Some(api::Close {
        reason: api::CloseReason::Fixed,
        closed_by: Some("mallory".to_owned()),
    });
    life.settle();
    life.identity = ENFORCED;
    life.record.end = None;
    life.record.reopened = 1;
    life.record.occurrences.position += 256;
    let closing = life.closing().unwrap();
    assert_eq!(closing.by, "");
    life.settle();
    let reasons: Vec<_> = life
        .status()
        .conditions
        .iter()
        .map(|condition| &condition.reason)
        .collect();
    assert!(reasons.contains(&&"CloseUnproven".to_owned()), "{reasons:?}");
}

#[test]
fn a_close_that_was_checked_stays_so_when_the_policies_go() {
    let mut life = Life::asked();
    life.object.spec.close = Some(api::Close {
        reason: api::CloseReason::Fixed,
        closed_by: Some("alice".to_owned()),
    });
    life.settle();
    life.identity = Identity::Missing("a policy is missing");
    life.end(EndReason::Closed);
    life.settle();
    let closed = life.status().timeline.last().unwrap();
    assert_eq!(
        (closed.what.as_str(), closed.by.as_deref()),
        ("Closed", Some("alice"))
    );
}
