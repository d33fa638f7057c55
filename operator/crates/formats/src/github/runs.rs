//! `workflow_run` and `check_run`: continuous integration that is red or green.
//!
//! The problem is a workflow (a check) on a branch: the next run there that succeeds ends it, whatever started it. The
//! payload of that success does not tell when the red began, so the occurrence has no start: failures in a row are one
//! occurrence. A fork's branch is not the repository's of the same name. Where GitHub tells no branch (a check of a
//! fork), the commit takes its place: then only another run of that commit ends the problem.
//!
//! GitHub gives no severity. A failure on the default branch is High, since it stops everybody; elsewhere it is Low.

use std::borrow::Cow;

use domain::event::EventState;
use domain::severity::Severity;
use serde_json::value::RawValue;

use super::sent::{CheckRun, Workflow, WorkflowRun};
use super::{Delivery, Fact, Told, first, object, time, word};
use crate::refusal::{Place, Refusal};

/// What a conclusion means, with the words of a title.
enum Verdict {
    Told(EventState, &'static str),
    /// It was stopped, skipped or waits for a person: the branch is as red or green as before.
    None,
    /// A conclusion that GitHub did not have when this was written.
    Unknown,
}

fn verdict(conclusion: &str) -> Verdict {
    match conclusion {
        "failure" => Verdict::Told(EventState::Firing, "failed"),
        "timed_out" => Verdict::Told(EventState::Firing, "timed out"),
        "startup_failure" => Verdict::Told(EventState::Firing, "could not start"),
        "success" => Verdict::Told(EventState::Resolved, "succeeded"),
        "" | "action_required" | "cancelled" | "neutral" | "skipped" | "stale" => Verdict::None,
        _ => Verdict::Unknown,
    }
}

/// Makes a fact of a workflow's run.
pub(super) fn workflow<'a>(
    delivery: &Delivery<'a>,
    workflow: Option<Workflow<'a>>,
    raw: Option<&'a RawValue>,
) -> Result<Told<'a>, Refusal> {
    match &*delivery.action {
        "completed" => {}
        "requested" | "in_progress" => return Ok(Told::Nothing),
        _ => return Ok(Told::Other),
    }
    let run: WorkflowRun<'a> = object(raw, "workflow_run")?;
    let conclusion = word(run.conclusion);
    let (state, verb) = match verdict(&conclusion) {
        Verdict::Told(state, verb) => (state, verb),
        Verdict::None => return Ok(Told::Nothing),
        Verdict::Unknown => return Ok(Told::Other),
    };
    let id = word(run.workflow_id);
    if id.is_empty() {
        let at = Place::Body.member("workflow_run", "workflow_id");
        return Err(Refusal::missing(
            &at,
            "it tells one workflow of a repository from another",
        ));
    }
    let workflow = workflow.unwrap_or_default();
    let name = first([
        word(run.name),
        word(workflow.name),
        word(workflow.path),
        id.clone(),
    ]);
    let fork = word(run.head_repository.unwrap_or_default().full_name);
    let (branch, sha) = (word(run.head_branch), word(run.head_sha));
    let place = where_it_ran("workflow_run.head_branch", &branch, "workflow_run.head_sha", &sha);
    Ok(Told::Fact(Box::new(Fact {
        state,
        severity: severity(delivery, &branch, fork == delivery.place.name),
        problem: vec![
            ("workflow_run.workflow_id", id),
            ("workflow_run.head_repository.full_name", fork),
            place.clone(),
        ],
        has_life_cycle: true,
        occurred_at: time(&run.updated_at, "workflow_run", "updated_at")?,
        title: format!("Workflow {name} {verb} on {} in {}", place.1, delivery.place.name),
        description: word(run.display_title),
        resource: name.clone(),
        labels: vec![
            ("branch", branch),
            ("commit", sha),
            ("conclusion", conclusion),
            ("trigger", word(run.event)),
            ("workflow", name),
        ],
        links: vec![("github", word(run.html_url))],
        ..Fact::default()
    })))
}

/// Makes a fact of a check's run.
pub(super) fn check<'a>(delivery: &Delivery<'a>, raw: Option<&'a RawValue>) -> Result<Told<'a>, Refusal> {
    match &*delivery.action {
        // An app may create a run that has ended already.
        "completed" | "created" => {}
        // Its conclusion is the one of the run before.
        "rerequested" => return Ok(Told::Nothing),
        _ => return Ok(Told::Other),
    }
    let run: CheckRun<'a> = object(raw, "check_run")?;
    let conclusion = word(run.conclusion);
    let (state, verb) = match verdict(&conclusion) {
        Verdict::Told(state, verb) => (state, verb),
        Verdict::None => return Ok(Told::Nothing),
        Verdict::Unknown => return Ok(Told::Other),
    };
    let name = word(run.name);
    if name.is_empty() {
        let at = Place::Body.member("check_run", "name");
        return Err(Refusal::missing(
            &at,
            "it tells one check of a repository from another",
        ));
    }
    let app = run.app.unwrap_or_default();
    let branch = word(run.check_suite.unwrap_or_default().head_branch);
    let sha = word(run.head_sha);
    let place = where_it_ran(
        "check_run.check_suite.head_branch",
        &branch,
        "check_run.head_sha",
        &sha,
    );
    let output = run.output.unwrap_or_default();
    Ok(Told::Fact(Box::new(Fact {
        state,
        severity: severity(delivery, &branch, true),
        problem: vec![
            ("check_run.name", name.clone()),
            ("check_run.app.id", word(app.id)),
            place.clone(),
        ],
        has_life_cycle: true,
        occurred_at: time(&run.completed_at, "check_run", "completed_at")?,
        title: format!("Check {name} {verb} on {} in {}", place.1, delivery.place.name),
        description: first([word(output.summary), word(output.title)]),
        resource: name.clone(),
        labels: vec![
            ("app", word(app.slug)),
            ("branch", branch),
            ("check", name),
            ("commit", sha),
            ("conclusion", conclusion),
        ],
        links: vec![("details", word(run.details_url)), ("github", word(run.html_url))],
        ..Fact::default()
    })))
}

/// The branch, else the commit, with the name of its field.
fn where_it_ran<'a>(
    branch_field: &'static str,
    branch: &Cow<'a, str>,
    sha_field: &'static str,
    sha: &Cow<'a, str>,
) -> (&'static str, Cow<'a, str>) {
    match &**branch {
        "" => (sha_field, sha.clone()),
        _ => (branch_field, branch.clone()),
    }
}

fn severity(delivery: &Delivery<'_>, branch: &str, is_own: bool) -> (Severity, &'static str) {
    let from = "repository.default_branch";
    match &*delivery.default_branch {
        "" => (Severity::default(), "default"),
        default if default == branch && is_own => (Severity::High, from),
        _ => (Severity::Low, from),
    }
}
