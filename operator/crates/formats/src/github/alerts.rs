//! `code_scanning_alert`, `dependabot_alert`, `secret_scanning_alert`: findings in a repository.
//!
//! The problem is the alert, by its number; it began when it was created, so an alert that is opened again is the same
//! occurrence once more. Actions that neither open nor close it (somebody was assigned, a secret was validated) are
//! events of their own. So is what code scanning finds or misses on any branch but the default one: a pull request
//! that mends an alert has not mended it yet.

use std::borrow::Cow;

use domain::event::EventState;
use domain::severity::Severity;
use domain::time::Time;
use serde_json::value::RawValue;

use super::sent::{Alert, Rule};
use super::{Delivery, Fact, Told, first, object, time, word};
use crate::field::Field;
use crate::refusal::{Place, Refusal};

/// Makes a fact of a code scanning alert; `git_ref` is where it was found.
pub(super) fn code_scanning<'a>(
    delivery: &Delivery<'a>,
    raw: Option<&'a RawValue>,
    git_ref: Cow<'a, str>,
) -> Result<Told<'a>, Refusal> {
    let mut alert: Alert<'a> = object(raw, "alert")?;
    let mut instance = alert.most_recent_instance.take().unwrap_or_default();
    let found_in = word(std::mem::take(&mut instance.git_ref));
    let elsewhere = |git_ref: &str| is_elsewhere(git_ref, &delivery.default_branch);
    let state = match &*delivery.action {
        _ if elsewhere(&git_ref) => return Ok(Told::Other),
        // What a person did to an alert names no ref; nothing on the default branch would end it again.
        "reopened_by_user" if elsewhere(&found_in) => return Ok(Told::Other),
        "created" | "reopened" | "reopened_by_user" => EventState::Firing,
        "appeared_in_branch" if is_open(&alert) => EventState::Firing,
        "fixed" | "closed_by_user" => EventState::Resolved,
        _ => return Ok(Told::Other),
    };
    let mut rule = alert.rule.take().unwrap_or_default();
    let severity = severity([
        (
            "alert.rule.security_severity_level",
            rule.security_severity_level.clone(),
        ),
        ("alert.rule.severity", rule.severity.clone()),
    ]);
    let description = word(std::mem::take(&mut rule.full_description));
    let id = word(rule.id.clone());
    let path = word(instance.location.unwrap_or_default().path);
    let tool = word(alert.tool.take().unwrap_or_default().name);
    let title = format!("Code scanning: {} in {}", title_of(rule), delivery.place.name);
    let mut fact = fact(delivery, alert, state)?;
    fact.severity = severity;
    fact.title = title;
    fact.description = description;
    fact.resource = path;
    fact.labels
        .extend([("ref", git_ref), ("rule", id), ("tool", tool)]);
    Ok(Told::Fact(Box::new(fact)))
}

/// Makes a fact of a Dependabot alert.
pub(super) fn dependabot<'a>(
    delivery: &Delivery<'a>,
    raw: Option<&'a RawValue>,
) -> Result<Told<'a>, Refusal> {
    let mut alert: Alert<'a> = object(raw, "alert")?;
    let state = match &*delivery.action {
        "created" | "reopened" | "auto_reopened" | "reintroduced" => EventState::Firing,
        "fixed" | "dismissed" | "auto_dismissed" => EventState::Resolved,
        _ => return Ok(Told::Other),
    };
    let advisory = alert.security_advisory.take().unwrap_or_default();
    let vulnerability = alert.security_vulnerability.take().unwrap_or_default();
    let dependency = alert.dependency.take().unwrap_or_default();
    let package = dependency.package.unwrap_or_default();
    let name = word(package.name);
    let what = first([word(advisory.summary), name.clone(), "an alert".into()]);
    let mut fact = fact(delivery, alert, state)?;
    fact.severity = severity([
        ("alert.security_advisory.severity", advisory.severity),
        ("alert.security_vulnerability.severity", vulnerability.severity),
    ]);
    fact.title = format!("Dependabot: {what} in {}", delivery.place.name);
    fact.description = word(advisory.description);
    fact.resource.clone_from(&name);
    fact.labels.extend([
        ("advisory", word(advisory.ghsa_id)),
        ("cve", word(advisory.cve_id)),
        ("ecosystem", word(package.ecosystem)),
        ("manifest", word(dependency.manifest_path)),
        ("package", name),
        ("scope", word(dependency.scope)),
    ]);
    Ok(Told::Fact(Box::new(fact)))
}

/// Makes a fact of a secret scanning alert.
pub(super) fn secret_scanning<'a>(
    delivery: &Delivery<'a>,
    raw: Option<&'a RawValue>,
) -> Result<Told<'a>, Refusal> {
    let mut alert: Alert<'a> = object(raw, "alert")?;
    let state = match &*delivery.action {
        "created" | "reopened" => EventState::Firing,
        "publicly_leaked" if is_open(&alert) => EventState::Firing,
        "resolved" | "revoked" => EventState::Resolved,
        _ => return Ok(Told::Other),
    };
    let severity = match alert.publicly_leaked {
        Field::Bool(true) => (Severity::Critical, "alert.publicly_leaked"),
        // GitHub gives none; a secret in a repository is known to everybody who can read it.
        _ => (Severity::High, "default"),
    };
    let kind = word(std::mem::take(&mut alert.secret_type));
    let display = word(std::mem::take(&mut alert.secret_type_display_name));
    let what = first([display, kind.clone(), "a secret".into()]);
    let mut fact = fact(delivery, alert, state)?;
    fact.severity = severity;
    fact.title = format!("Secret scanning: {what} in {}", delivery.place.name);
    fact.resource = what;
    fact.labels.push(("secret_type", kind));
    Ok(Told::Fact(Box::new(fact)))
}

/// Whether a ref is of another branch than the default one.
fn is_elsewhere(git_ref: &str, default_branch: &str) -> bool {
    let branch = git_ref.strip_prefix("refs/heads/").unwrap_or(git_ref);
    !branch.is_empty() && !default_branch.is_empty() && branch != default_branch
}

/// Whether an alert waits to be closed. What is found anew of it is told of a closed one too.
fn is_open(alert: &Alert<'_>) -> bool {
    matches!(&*word(alert.state.clone()), "" | "open")
}

/// What alerts of all kinds have.
fn fact<'a>(delivery: &Delivery<'_>, alert: Alert<'a>, state: EventState) -> Result<Fact<'a>, Refusal> {
    let (began_at, occurred_at) = times(delivery, &alert, state)?;
    let number = word(alert.number);
    if number.is_empty() {
        let at = Place::Body.member("alert", "number");
        return Err(Refusal::missing(
            &at,
            "it tells one alert of a repository from another",
        ));
    }
    Ok(Fact {
        state,
        problem: vec![("alert.number", number.clone())],
        has_life_cycle: true,
        began_at,
        occurred_at,
        labels: vec![("alert", number), ("state", word(alert.state))],
        links: vec![("github", word(alert.html_url))],
        ..Fact::default()
    })
}

/// When the alert began, and when this happened to it, where it says so.
fn times(
    delivery: &Delivery<'_>,
    alert: &Alert<'_>,
    state: EventState,
) -> Result<(Option<Time>, Option<Time>), Refusal> {
    let created_at = time(&alert.created_at, "alert", "created_at")?;
    // Not every kind of alert has it, and one that equals the creation tells nothing of a later action.
    let updated_at = time(&alert.updated_at, "alert", "updated_at")?.filter(|at| Some(*at) > created_at);
    let closed_at = [
        time(&alert.fixed_at, "alert", "fixed_at")?,
        time(&alert.dismissed_at, "alert", "dismissed_at")?,
        time(&alert.auto_dismissed_at, "alert", "auto_dismissed_at")?,
        time(&alert.resolved_at, "alert", "resolved_at")?,
    ];
    let occurred_at = match (state, &*delivery.action) {
        (EventState::Resolved, _) => closed_at.into_iter().max().flatten().or(updated_at),
        (_, "created") => created_at,
        // Later than the creation: else it would look older than the close before it.
        _ => updated_at,
    };
    Ok((created_at, occurred_at))
}

/// The first word that is known, with its field.
fn severity(words: [(&'static str, Field<'_>); 2]) -> (Severity, &'static str) {
    let known = |word: &str| match word {
        // The lowest level of a SARIF result, which code scanning passes on.
        "note" => Some(Severity::Low),
        word => Severity::from_word(word),
    };
    words
        .into_iter()
        .find_map(|(field, said)| known(&word(said)).map(|severity| (severity, field)))
        .unwrap_or((Severity::default(), "default"))
}

/// What a rule says that it finds.
fn title_of(rule: Rule<'_>) -> Cow<'_, str> {
    first([
        word(rule.description),
        word(rule.name),
        word(rule.id),
        "an alert".into(),
    ])
}
