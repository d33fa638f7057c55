//! An account for people: what they ask of an incident, in the order in which they ask it.

use std::fmt::{self, Write as _};

use api::{Approvers, Awaited, DecisionState};

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
    questions(out, account)?;
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
        Awaited::Identity => "the admission policies",
    };
    line(out, what, &waits.message)?;
    line(out, "since", waits.since)?;
    let standing = account
        .questions
        .iter()
        .rfind(|question| question.state == DecisionState::Pending);
    if let (Awaited::Decision, Some(question)) = (waits.what, standing) {
        line(
            out,
            "answer",
            format_args!(
                "kubectl patch td {} -n {} --type=merge -p '{{\"spec\":{{\"decision\":\"Accept\"}}}}'",
                question.name, account.namespace
            ),
        )?;
        line(out, "", "or \"Discharge\": it is no problem; or \"Escalate\"")?;
    }
    Ok(())
}

fn questions(out: &mut String, account: &Account) -> fmt::Result {
    writeln!(out, "\nWho decided")?;
    if let Some(decision) = &account.decision {
        let by = decision.by.as_deref().unwrap_or("nobody");
        line(out, &format!("{:?}", decision.outcome), format_args!("by {by}"))?;
    }
    for question in &account.questions {
        let number = question
            .name
            .strip_prefix(&account.name)
            .unwrap_or(&question.name);
        line(out, number.trim_start_matches('-'), became(question))?;
    }
    Ok(())
}

fn became(question: &Question) -> String {
    let asked = people(&question.approvers);
    let since = question
        .since
        .map(|since| format!(" at {since}"))
        .unwrap_or_default();
    let mut text = match (&question.decided_by, question.decision) {
        (Some(by), Some(verdict)) => format!("{by} said {}; {:?}{since}", verdict.as_str(), question.state),
        _ => format!("{:?}{since}", question.state),
    };
    let _never = match (&question.reason, &question.decided_because) {
        (Some(why), _) => write!(text, " ({why:?})"),
        (None, Some(because)) => write!(text, ", because: {because}"),
        (None, None) => Ok(()),
    };
    let _never = write!(text, "; asked {asked} until {}", question.expires_at);
    if let Some(feedback) = &question.feedback {
        let notes = feedback.notes.as_deref().unwrap_or_default();
        let _never = write!(text, "; feedback {:?} {notes}", feedback.rating);
    }
    text
}

fn people(approvers: &Approvers) -> String {
    let users = approvers.users.iter().map(|user| format!("user {user}"));
    let groups = approvers.groups.iter().map(|group| format!("group {group}"));
    let named: Vec<_> = users.chain(groups).collect();
    if named.is_empty() {
        "whoever may approve".to_owned()
    } else {
        named.join(", ")
    }
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
            "escalatesTo": {}, "tier": 0, "unanswered": 0, "expiresAt": format!("2026-11-21T10:4{number}:00.000Z")});
        spec.as_object_mut()
            .unwrap()
            .extend(answer.as_object().unwrap().clone());
        let question = json!({
            "apiVersion": "opsward.dev/v1alpha1", "kind": "TriageDecision",
            "metadata": {"name": format!("high-cpu-k3v9q2mzra-1z4-d{number}"), "namespace": "shop", "ownerReferences": [
                {"apiVersion": "opsward.dev/v1alpha1", "kind": "OpsEvent", "name": "x", "uid": uid}]},
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
            "alice said Escalate; Escalated at 2026-11-21T10:32:00.000Z, because: not ours; asked group sre until",
            "2026-11-21T10:30:00.123Z  Opened by rule/high-cpu",
        ] {
            assert!(text.contains(expected), "{expected}\n\n{text}");
        }
        assert!(!text.contains("-d3"), "{text}");
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
