//! An account for people: what they ask of an incident, in the order in which they ask it.

use std::fmt::{self, Write as _};

use api::{Awaited, OpsEventStatus, Outcome, answer_command};
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
        plain(&account.spec.title)
    )?;
    let Some(status) = &account.status else {
        return writeln!(
            out,
            "It has just been created; Opsward has not written its status yet."
        );
    };
    let (severity, phase) = (status.severity.as_str(), status.phase);
    let firing = account.firing().unwrap_or("firing unknown");
    writeln!(out, "{severity}, {phase:?}; {firing}")?;
    opening(out, account, status)?;
    counts(out, account, status)?;
    waits(out, account, status)?;
    decisions(out, account, status)?;
    timeline(out, status)
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

fn opening(out: &mut String, account: &Account, status: &OpsEventStatus) -> fmt::Result {
    writeln!(out, "\nWhy it is there")?;
    let rule = &account.spec.rule;
    let now = rule_now(&account.rule_now, rule.generation);
    line(
        out,
        "rule",
        format_args!("{}, generation {} ({now})", rule.name, rule.generation),
    )?;
    let group = account
        .spec
        .group
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    line(out, "group", group.collect::<Vec<_>>().join(", "))?;
    if status.overflow {
        line(
            out,
            "overflow",
            "it gathers what the caps keep out: 1000 incidents of one rule or 5000 of the namespace are open",
        )?;
    }
    if let Some(event) = &status.event {
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
    let position = account
        .opened_at_position
        .map(|position| format!(", log position {position}"));
    line(
        out,
        "opened at",
        format_args!("{}{}", status.opened_at, position.unwrap_or_default()),
    )?;
    if let (Some(at), Some(reason)) = (status.ended_at, status.end_reason) {
        line(out, "ended at", format_args!("{at}: {}", reason.as_str()))?;
    }
    if status.reopened > 0 {
        line(
            out,
            "came back",
            format_args!("{} after it had ended by itself", some(status.reopened, "time")),
        )?;
    }
    line(
        out,
        "severity",
        format_args!("{}, the highest of its events", status.severity.as_str()),
    )
}

fn counts(out: &mut String, account: &Account, status: &OpsEventStatus) -> fmt::Result {
    let seen = &status.occurrences;
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
    if let RuleNow::Present { overflow, .. } = account.rule_now {
        why(
            out,
            "overflowed",
            overflow,
            "of the rule, joined its overflow incident at a cap",
        )?;
    }
    line(out, "up to", format_args!("log position {}", seen.position))?;
    if status.resources.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = status
        .resources
        .iter()
        .take(RESOURCES)
        .map(String::as_str)
        .collect();
    let more = status.resources.len() - named.len();
    let more = i64::try_from(more)
        .unwrap_or(i64::MAX)
        .saturating_add(status.resources_omitted);
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

fn waits(out: &mut String, account: &Account, status: &OpsEventStatus) -> fmt::Result {
    let Some(waits) = &status.waiting_on else {
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
    let Some(question) = account.standing().filter(|_| waits.what == Awaited::Decision) else {
        return Ok(());
    };
    let command = answer_command(&question.name, &account.namespace, Verdict::Accept);
    line(out, "answer", command)?;
    let tier = if question.spec.escalates_to.is_empty() {
        String::new()
    } else {
        format!("; or \"Escalate\" to {}", question.spec.escalates_to)
    };
    line(
        out,
        "",
        format_args!("or \"Discharge\", when it is no problem{tier}"),
    )
}

fn decisions(out: &mut String, account: &Account, status: &OpsEventStatus) -> fmt::Result {
    writeln!(out, "\nWho decided")?;
    if let Some(decision) = &status.decision {
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
    if let Some(close) = &account.spec.close {
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
    let (asked, status) = (&question.spec, &question.status);
    let state = status.state.as_str();
    let at = status
        .since
        .map(|since| format!(" at {since}"))
        .unwrap_or_default();
    let mut text = match (&asked.decided_by, status.reason) {
        (_, Some(why)) => format!("{state}{at}: {}", why.as_str()),
        (Some(by), None) => format!("{state} by {by}{at}"),
        (None, None) => format!("{state}{at}"),
    };
    if let (Some(reason), None) = (&asked.reason, status.reason) {
        let _never = write!(text, ", because: {reason}");
    }
    let _never = write!(text, "; asked {} until {}", asked.approvers, asked.expires_at);
    if let Some(feedback) = &asked.feedback {
        let notes = feedback.notes.as_deref().unwrap_or_default();
        let _never = write!(text, "; feedback: {} {notes}", feedback.rating.as_str());
    }
    text
}

fn timeline(out: &mut String, status: &OpsEventStatus) -> fmt::Result {
    writeln!(out, "\nWhat happened")?;
    for moment in &status.timeline {
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
mod tests;
