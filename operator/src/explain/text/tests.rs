//! Accounts as people read them.

use api::{OpsEvent, TriageDecision};
use serde_json::{Value, json};

use super::*;

fn event(title: &str) -> OpsEvent {
    let event = json!({
        "apiVersion": "opsward.dev/v1alpha1", "kind": "OpsEvent",
        "metadata": {"name": "high-cpu-k3v9q2mzra-1z4", "namespace": "shop", "uid": "u1"},
        "spec": {"rule": {"name": "high-cpu", "uid": "9a1c", "generation": 2}, "group": {"host": "web-1"},
                 "groupText": "host=web-1", "correlationId": "01JD", "title": title},
        "status": {
            "observedGeneration": 1, "phase": "AwaitingDecision", "severity": "Critical", "reopened": 0,
            "openedAt": "2026-11-21T10:30:00.123Z",
            "occurrences": {"count": 412, "repeats": 8, "duplicates": 31, "muted": 0, "members": 3, "membersOverflow": 0,
                            "position": 90211, "firstSeen": "2026-11-21T10:30:00.123Z",
                            "lastSeen": "2026-11-21T10:35:00.123Z"},
            "resources": ["web-1", "web-2"], "resourcesOmitted": 3,
            "waitingOn": {"what": "Decision", "since": "2026-11-21T10:30:01.000Z", "message": "group sre-leads, until then"},
            "decision": {"outcome": "Pending", "name": "high-cpu-k3v9q2mzra-1z4-d2"},
            "timeline": [{"at": "2026-11-21T10:30:00.123Z", "what": "Opened", "by": "rule/high-cpu"}],
            "conditions": [{"type": "Firing", "status": "True", "reason": "MembersFiring",
                            "message": "at least one member fires", "lastTransitionTime": "2026-11-21T10:30:00Z"}],
        },
    });
    serde_json::from_value(event).unwrap()
}

fn question(number: u32, uid: &str, answer: &Value, status: &Value) -> TriageDecision {
    let mut spec = json!({"opsEvent": "high-cpu-k3v9q2mzra-1z4", "asks": "CPU", "approvers": {"groups": ["sre"]},
        "opsEventUid": uid, "policies": "p", "escalatesTo": {}, "tier": 0, "unanswered": 0, "expiresAt": format!("2026-11-21T10:4{number}:00.000Z")});
    spec.as_object_mut()
        .unwrap()
        .extend(answer.as_object().unwrap().clone());
    let question = json!({
        "apiVersion": "opsward.dev/v1alpha1", "kind": "TriageDecision",
        "metadata": {"name": format!("high-cpu-k3v9q2mzra-1z4-d{number}"), "namespace": "shop"},
        "spec": spec, "status": status,
    });
    serde_json::from_value(question).unwrap()
}

fn present(generation: i64) -> RuleNow {
    RuleNow::Present {
        generation,
        position: 512,
        overflow: 0,
    }
}

#[test]
fn a_person_reads_which_rule_what_came_what_it_waits_for_and_who_decided() {
    let escalated = question(
        1,
        "u1",
        &json!({"decision": "Escalate", "decidedBy": "alice", "reason": "not ours"}),
        &json!({"state": "Escalated", "since": "2026-11-21T10:32:00.000Z"}),
    );
    let other = question(3, "u0", &json!({}), &json!({"state": "Expired"}));
    let waits = question(2, "u1", &json!({}), &json!({"state": "Pending"}));
    let account = Account::of(event("CPU 97%"), vec![other, waits, escalated], present(3));
    let text = render(&account);
    for expected in [
        "shop/high-cpu-k3v9q2mzra-1z4: CPU 97%\nCritical, AwaitingDecision; at least one member fires\n",
        "rule        high-cpu, generation 2 (changed since: generation 3 from log position 512 on; this incident goes by its own)",
        "group       host=web-1",
        "opened at   2026-11-21T10:30:00.123Z, log position 2560",
        "counted     412 occurrences of 3 problems",
        "repeated    8:",
        "resources   web-1, web-2 and 3 more",
        "a decision  group sre-leads, until then",
        "answer      kubectl patch td high-cpu-k3v9q2mzra-1z4-d2 -n shop --type=merge -p '{\"spec\":{\"decision\":\"Accept\"}}'",
        "question 1  Escalated by alice at 2026-11-21T10:32:00.000Z, because: not ours; asked group sre until",
        "2026-11-21T10:30:00.123Z  Opened by rule/high-cpu",
    ] {
        assert!(text.contains(expected), "{expected}\n\n{text}");
    }
    assert!(!text.contains("-d3"), "{text}");
}

#[test]
fn an_answer_that_nobody_checked_is_nobodys_and_questions_stand_in_their_order() {
    let forged = question(
        6,
        "u1",
        &json!({"decision": "Accept", "decidedBy": "alice", "reason": "forged"}),
        &json!({"state": "Superseded", "since": "2026-11-21T10:32:00.000Z", "reason": "IdentityNotEnforced"}),
    );
    let mut later = question(7, "u1", &json!({}), &json!({"state": "Pending"}));
    later.spec.expires_at = domain::time::Time::EPOCH;
    later.spec.escalates_to.groups = vec!["leads".to_owned()];
    let text = render(&Account::of(event("CPU"), vec![later, forged], present(2)));
    assert!(
        text.contains("question 6  Superseded at 2026-11-21T10:32:00.000Z: IdentityNotEnforced; asked"),
        "{text}"
    );
    assert!(!text.contains("forged") && !text.contains("alice"), "{text}");
    assert!(text.find("question 6") < text.find("question 7"), "{text}");
    assert!(text.contains("or \"Escalate\" to group leads"), "{text}");
}

#[test]
fn an_end_a_close_an_overflow_and_feedback_are_told() {
    let mut event = event("CPU");
    event.spec.close = Some(api::Close {
        reason: api::CloseReason::Fixed,
        closed_by: Some("carol".to_owned()),
    });
    let status = event.status.as_mut().unwrap();
    status.overflow = true;
    status.reopened = 1;
    status.ended_at = Some(domain::time::Time::EPOCH);
    status.end_reason = Some(domain::incident::EndReason::Closed);
    status.waiting_on = None;
    let answered = question(
        1,
        "u1",
        &json!({"decision": "Accept", "decidedBy": "alice", "feedback": {"rating": "NotHelpful", "notes": "noise"}}),
        &json!({"state": "Accepted", "since": "2026-11-21T10:32:00.000Z"}),
    );
    let text = render(&Account::of(event, vec![answered], present(2)));
    for expected in [
        "overflow    it gathers what the caps keep out",
        "ended at    1970-01-01T00:00:00.000Z: Closed",
        "came back   1 time after it had ended by itself",
        "spec.close  Fixed by carol",
        "feedback: NotHelpful noise",
    ] {
        assert!(text.contains(expected), "{expected}\n\n{text}");
    }
    assert!(!text.contains("What it waits for"), "{text}");
}

#[test]
fn the_json_has_each_fact_under_the_kinds_own_names() {
    let asked = question(1, "u1", &json!({}), &json!({"state": "Pending"}));
    let account = serde_json::to_value(Account::of(event("CPU"), vec![asked], present(2))).unwrap();
    for (pointer, expected) in [
        ("/status/phase", json!("AwaitingDecision")),
        ("/ruleNow/state", json!("Present")),
        ("/openedAtPosition", json!(2560)),
        ("/status/occurrences/count", json!(412)),
        ("/status/waitingOn/what", json!("Decision")),
        ("/questions/0/number", json!(1)),
        ("/questions/0/spec/approvers/groups/0", json!("sre")),
        ("/status/timeline/0/what", json!("Opened")),
    ] {
        assert_eq!(account.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[test]
fn what_became_of_the_rule_is_said() {
    for (now, expected) in [
        (present(2), "in force since log position 512"),
        (RuleNow::Deleted, "deleted since"),
        (RuleNow::Hidden, "you may not read it"),
    ] {
        let text = render(&Account::of(event("CPU"), Vec::new(), now));
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn text_of_others_moves_no_cursor_and_fakes_no_line() {
    let text = render(&Account::of(
        event("\u{1b}[2Jgone\nWho decided\n  Accepted"),
        Vec::new(),
        present(2),
    ));
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert_eq!(
        text.lines().filter(|line| *line == "Who decided").count(),
        1,
        "{text}"
    );
}

#[test]
fn an_object_without_status_says_so() {
    let mut event = event("CPU");
    event.status = None;
    let text = render(&Account::of(event, Vec::new(), present(2)));
    assert!(text.contains("has not written its status yet"), "{text}");
}
