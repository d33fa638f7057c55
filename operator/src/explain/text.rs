//! An account for people: what they ask of an incident, in the order in which they ask it.

use std::fmt::{self, Write as _};

use api::{Awaited, DecisionState, Outcome, answer_command};
use domain::triage::Verdict;

use super::account::{Account, Question, RuleNow};

/// Resources that are named.
const RESOURCES: usize = 10;

/// The account as text.
pub fn render(account: &Account) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _never = write(&mut text, account);
    text
}

fn write(out: &mut String, account: &Account) -> fmt::Result {
    writeln!(
        out,
        "{}/{}: {}",
        account.namespace,
        account.name,
        plain(&account.title)
    )?;
    let Some(phase) = account.phase else {
        return writeln!(
            out,
            "It has just been created; Opsward has not written its status yet."
        );
    };
    let severity = account.severity.map_or("", |severity| severity.as_str());
    let firing = account
        .firing
        .as_ref()
        .map_or("firing unknown", |firing| firing.message.as_str());
    writeln!(out, "{severity}, {phase:?}; {firing}")?;
    opening(out, account)?;
    counts(out, account)?;
    waits(out, account)?;
    decisions(out, account)?;
    timeline(out, account)
}

/// What has become of the rule by which an incident of `generation` goes.
fn rule_now(now: &RuleNow, generation: i64) -> String {
    match now {
        RuleNow::Present {
            generation: newest,
            position,
            ..
        } if *newest == generation => format!("in force since log position {position}"),
        RuleNow::Present {
            generation, position, ..
        } => format!(
            "changed since: generation {generation} from log position {position} on; this incident goes by its own"
        ),
        RuleNow::Deleted => "deleted since; this incident goes by its own terms".to_owned(),
        RuleNow::Hidden => "you may not read it".to_owned(),
    }
}

fn opening(out: &mut String, account: &Account) -> fmt::Result {
    writeln!(out, "\nWhy it is there")?;
    let (rule, generation) = (&account.rule, account.rule.generation);
    let now = rule_now(&rule.now, generation);
    line(
        out,
        "rule",
        format_args!("{}, generation {generation} ({now})", rule.name),
    )?;
    let group = account
        .group
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    line(out, "group", group.collect::<Vec<_>>().join(", "))?;
    if account.overflow {
        line(
            out,
            "overflow",
            "it gathers what the caps keep out: 1000 incidents of one rule or 5000 of the namespace are open",
        )?;
    }
    if let Some(event) = &account.event {
        let source = &event.source;
        line(
            out,
            "opened by",
            format_args!(
                "event {} from source {} ({}): {} {} {}",
                event.id,
                source.name,
                source.format,
                event.severity.as_str(),
                event.kind,
                event.resource
            ),
        )?;
    }
    if let (Some(at), Some(position)) = (account.opened_at, account.opened_at_position) {
        line(out, "opened at", format_args!("{at}, log position {position}"))?;
    }
    if let (Some(at), Some(reason)) = (account.ended_at, account.end_reason) {
        line(out, "ended at", format_args!("{at}: {}", reason.as_str()))?;
    }
    if account.reopened > 0 {
        line(
            out,
            "came back",
            format_args!("{} after it had ended by itself", some(account.reopened, "time")),
        )?;
    }
    let severity = account.severity.map_or("", |severity| severity.as_str());
    line(
        out,
        "severity",
        format_args!("{severity}, the highest of its events"),
    )
}

fn counts(out: &mut String, account: &Account) -> fmt::Result {
    let Some(seen) = &account.occurrences else {
        return Ok(());
    };
    writeln!(out, "\nWhat came")?;
    let (occurrences, problems) = (some(seen.count, "occurrence"), some(seen.members, "problem"));
    line(
        out,
        "counted",
        format_args!(
            "{occurrences} of {problems}, {} to {}",
            seen.first_seen, seen.last_seen
        ),
    )?;
    why(
        out,
        "repeated",
        seen.repeats,
        "an occurrence that was counted already, sent again",
    )?;
    why(out, "duplicates", seen.duplicates, "the very same message again")?;
    why(
        out,
        "muted",
        seen.muted,
        "came after a person had ended the incident",
    )?;
    if seen.members_overflow > 0 {
        let untracked = "of problems beyond the 1000 that are tracked; no clear ends the incident now";
        why(out, "untracked", seen.members_overflow, untracked)?;
    }
    if let RuleNow::Present { overflow, .. } = account.rule.now {
        why(
            out,
            "overflowed",
            overflow,
            "of the rule, joined its overflow incident at a cap",
        )?;
    }
    line(out, "up to", format_args!("log position {}", seen.position))?;
    if account.resources.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = account
        .resources
        .iter()
        .take(RESOURCES)
        .map(String::as_str)
        .collect();
    let more = account.resources.len() - named.len();
    let more = i64::try_from(more)
        .unwrap_or(i64::MAX)
        .saturating_add(account.resources_omitted);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    line(out, "resources", format_args!("{}{more}", named.join(", ")))
}

/// A number with its reason; none where there is nothing to give a reason for.
fn why(out: &mut String, name: &str, number: i64, reason: &str) -> fmt::Result {
    if number == 0 {
        return line(out, name, number);
    }
    line(out, name, format_args!("{number}: {reason}"))
}

/// So many of something.
fn some(number: i64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn waits(out: &mut String, account: &Account) -> fmt::Result {
    let Some(waits) = &account.waiting_on else {
        return Ok(());
    };
    writeln!(out, "\nWhat it waits for")?;
    let what = match waits.what {
        Awaited::Clear => "its clear",
        Awaited::Decision => "a decision",
        Awaited::Log => "the log",
        Awaited::Identity => "policies",
    };
    line(out, what, &waits.message)?;
    line(out, "since", waits.since)?;
    let standing = account
        .questions
        .iter()
        .rfind(|question| question.state == DecisionState::Pending);
    let Some(question) = standing.filter(|_| waits.what == Awaited::Decision) else {
        return Ok(());
    };
    let command = answer_command(&question.name, &account.namespace, Verdict::Accept);
    line(out, "answer", command)?;
    let tier = if question.escalates_to.is_empty() {
        String::new()
    } else {
        format!("; or \"Escalate\" to {}", question.escalates_to)
    };
    line(
        out,
        "",
        format_args!("or \"Discharge\", when it is no problem{tier}"),
    )
}

fn decisions(out: &mut String, account: &Account) -> fmt::Result {
    writeln!(out, "\nWho decided")?;
    if let Some(decision) = &account.decision {
        let by = decision.by.as_deref();
        let text = match (decision.outcome, by) {
            (Outcome::NotAsked, by) => format!("nobody is asked, by {}", by.unwrap_or("its rule")),
            (Outcome::Pending, _) => "nobody yet".to_owned(),
            (Outcome::Unanswered, _) => "nobody, before it ended".to_owned(),
            (Outcome::Accepted, by) => format!("Accepted by {}", by.unwrap_or("somebody")),
            (Outcome::Discharged, by) => format!("Discharged by {}", by.unwrap_or("somebody")),
        };
        line(out, "decision", text)?;
    }
    for question in &account.questions {
        let number = question.number.map(|number| format!("question {number}"));
        line(out, &number.unwrap_or_default(), became(question))?;
    }
    if let Some(close) = &account.close {
        let by = close.closed_by.as_deref().unwrap_or("somebody");
        line(
            out,
            "spec.close",
            format_args!("{} by {by}", close.reason.as_str()),
        )?;
    }
    Ok(())
}

/// What became of a question. Of an answer that nobody checked, nobody knows whose it was.
fn became(question: &Question) -> String {
    let state = question.state.as_str();
    let at = question
        .since
        .map(|since| format!(" at {since}"))
        .unwrap_or_default();
    let mut text = match (&question.decided_by, question.superseded_by) {
        (_, Some(why)) => format!("{state}{at}: {}", why.as_str()),
        (Some(by), None) => format!("{state} by {by}{at}"),
        (None, None) => format!("{state}{at}"),
    };
    if let (Some(reason), None) = (&question.reason, question.superseded_by) {
        let _never = write!(text, ", because: {reason}");
    }
    let _never = write!(
        text,
        "; asked {} until {}",
        question.approvers, question.expires_at
    );
    if let Some(feedback) = &question.feedback {
        let notes = feedback.notes.as_deref().unwrap_or_default();
        let _never = write!(text, "; feedback: {} {notes}", feedback.rating.as_str());
    }
    text
}

fn timeline(out: &mut String, account: &Account) -> fmt::Result {
    writeln!(out, "\nWhat happened")?;
    for moment in &account.timeline {
        let by = moment
            .by
            .as_deref()
            .map(|by| format!(" by {by}"))
            .unwrap_or_default();
        let note = moment
            .note
            .as_deref()
            .map(|note| format!(": {note}"))
            .unwrap_or_default();
        writeln!(
            out,
            "  {}  {}",
            moment.at,
            plain(format_args!("{}{by}{note}", moment.what))
        )?;
    }
    Ok(())
}

/// On one line, without what would move a terminal's cursor or fake a line: the text is other people's.
fn plain(value: impl fmt::Display) -> String {
    let text = value.to_string().replace(char::is_control, " ");
    text.trim_end().to_owned()
}

fn line(out: &mut String, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(out, "  {name:11} {}", plain(value))
}

#[cfg(test)]
mod tests {
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
            ("/phase", json!("AwaitingDecision")),
            ("/rule/now/state", json!("Present")),
            ("/openedAtPosition", json!(2560)),
            ("/occurrences/count", json!(412)),
            ("/waitingOn/what", json!("Decision")),
            ("/questions/0/number", json!(1)),
            ("/questions/0/approvers/groups/0", json!("sre")),
            ("/timeline/0/what", json!("Opened")),
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
}
