//! `deployment` and `deployment_status`: a change, and how it went.
//!
//! The problem is an environment whose last deployment (of that task) failed; the next that succeeds ends it. What
//! deploys to the environment does not matter. GitHub marks environments of production: a failure there is High.

use std::borrow::Cow;

use domain::event::EventState;
use domain::severity::Severity;
use serde_json::value::RawValue;

use super::sent::{Deployment, DeploymentStatus};
use super::{Delivery, Fact, Told, first, object, time, word};
use crate::field::Field;
use crate::refusal::Refusal;

/// Makes a fact of a deployment that begins.
pub(super) fn begun<'a>(delivery: &Delivery<'a>, raw: Option<&'a RawValue>) -> Result<Told<'a>, Refusal> {
    let deployment: Deployment<'a> = object(raw, "deployment")?;
    let occurred_at = time(&deployment.created_at, "deployment", "created_at")?;
    let description = word(deployment.description.clone());
    let mut fact = fact(deployment);
    fact.state = EventState::Info;
    fact.severity = (Severity::Info, "default");
    fact.occurred_at = occurred_at;
    fact.description = description;
    fact.title = title(&fact, delivery, "begins");
    Ok(Told::Fact(Box::new(fact)))
}

/// Makes a fact of how a deployment went.
pub(super) fn status<'a>(
    delivery: &Delivery<'a>,
    deployment: Option<&'a RawValue>,
    status: Option<&'a RawValue>,
) -> Result<Told<'a>, Refusal> {
    let status: DeploymentStatus<'a> = object(status, "deployment_status")?;
    let said = word(status.state);
    let (state, verb) = match &*said {
        "error" | "failure" => (EventState::Firing, "failed"),
        "success" => (EventState::Resolved, "succeeded"),
        "in_progress" | "inactive" | "pending" | "queued" | "waiting" => return Ok(Told::Nothing),
        _ => return Ok(Told::Other),
    };
    let deployment: Deployment<'a> = object(deployment, "deployment")?;
    let severity = severity(&deployment.production_environment);
    let why = first([word(status.description), word(deployment.description.clone())]);
    let mut fact = fact(deployment);
    fact.state = state;
    fact.severity = severity;
    fact.has_life_cycle = true;
    fact.occurred_at = time(&status.created_at, "deployment_status", "created_at")?;
    fact.description = why;
    fact.title = title(&fact, delivery, verb);
    fact.labels.push(("state", said));
    fact.links = vec![
        ("environment", word(status.environment_url)),
        ("log", first([word(status.log_url), word(status.target_url)])),
    ];
    Ok(Told::Fact(Box::new(fact)))
}

fn title(fact: &Fact<'_>, delivery: &Delivery<'_>, verb: &str) -> String {
    let target = first([Cow::Borrowed(&*fact.environment), Cow::Borrowed("an environment")]);
    format!(
        "Deployment of {} to {target} in {} {verb}",
        fact.resource, delivery.place.name
    )
}

fn severity(is_production: &Field<'_>) -> (Severity, &'static str) {
    let from = "deployment.production_environment";
    match is_production {
        Field::Bool(true) => (Severity::High, from),
        Field::Bool(false) => (Severity::Low, from),
        _ => (Severity::default(), "default"),
    }
}

/// What a deployment says of itself.
fn fact(deployment: Deployment<'_>) -> Fact<'_> {
    let environment = word(deployment.environment);
    let task = word(deployment.task);
    let (git_ref, sha) = (word(deployment.git_ref), word(deployment.sha));
    let resource = first([git_ref.clone(), sha.clone(), Cow::Borrowed("a commit")]);
    Fact {
        problem: vec![
            ("deployment.environment", environment.clone()),
            ("deployment.task", task.clone()),
        ],
        resource,
        labels: vec![
            ("commit", sha),
            ("environment", environment.clone()),
            ("ref", git_ref),
            ("task", task),
        ],
        environment,
        ..Fact::default()
    }
}
