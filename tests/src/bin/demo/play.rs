//! What the demo shows, act by act, and what each act promises: asserted on the objects, not on the text shown.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api::OpsEvent;
use rig::until;
use serde_json::{Value, json};

use crate::bodies::{PODS, SERVICES};
use crate::shell::{FOLDER, PERSON, STRANGER};
use crate::stage::Stage;
use crate::terminal::{heading, printed, remark, typed};

/// How often the monitor shouts.
const SHOUTS: u64 = 412;
/// Shouts a second: slow enough that one sees the count grow, fast enough not to bore.
const SHOUTS_A_SECOND: u64 = 60;
/// What the second act sends: the alerts firing, then resolved.
const ALERTS: u64 = 2 * PODS.len() as u64;
/// Rules of `config/samples/` that the acts are about.
const HIGH_CPU: &str = "high-cpu";
const CRITICAL_ALERTS: &str = "alertmanager-critical";
const SERVICE_DOWN: &str = "service-down";
/// The API server takes a second or two to enforce new admission policies, more on a busy machine.
const POLICIES_WITHIN: Duration = Duration::from_secs(20);

/// Plays everything.
///
/// # Errors
/// Something is not as promised.
pub async fn all(stage: &Stage) -> Result<()> {
    rules(stage).await?;
    shouts(stage).await?;
    alerts(stage).await?;
    close(stage).await?;
    decide(stage).await?;
    accounts(stage).await
}

async fn rules(stage: &Stage) -> Result<()> {
    heading("A team writes its rules");
    stage.shell.run("kubectl apply -f config/samples/").await?;
    stage
        .shell
        .run("kubectl wait --for=condition=Ready triggerrules --all --timeout=30s")
        .await?;
    remark("Ready means: in force at a position of the log, nothing less");
    stage.shell.run("kubectl get triggerrules").await?;
    Ok(())
}

async fn shouts(stage: &Stage) -> Result<()> {
    heading(&format!(
        "A monitor shouts {SHOUTS} times that a CPU is busy; a person sees one incident"
    ));
    let line = format!("opsward send {FOLDER}/webhook.json --repeat {SHOUTS} --rate {SHOUTS_A_SECOND}");
    typed(&format!("{line} &"));
    let watch = "kubectl get opsevents --watch";
    let (said, watched) = tokio::join!(
        stage.shell.quietly(PERSON, &line),
        stage.shell.follow(watch, shows_all)
    );
    watched?;
    remark("and the sender's own account:");
    printed(&said?);
    let event = stage.ops_event(HIGH_CPU).await?;
    promised("the count", &field(&event, "/occurrences/count")?, &json!(SHOUTS))?;
    promised("the severity", &field(&event, "/severity")?, &json!("Critical"))?;
    promised(
        "the group",
        &json!(event.spec.group),
        &json!({"host": "web-server-01", "service": "nginx"}),
    )
}

/// Whether a line of the watch shows every shout.
fn shows_all(line: &str) -> bool {
    line.split_whitespace().any(|column| column == SHOUTS.to_string())
}

async fn alerts(stage: &Stage) -> Result<()> {
    heading(&format!(
        "Alertmanager reports {} crashing pods: one incident with {0} members",
        PODS.len()
    ));
    let send = |status: &str| format!("opsward send {FOLDER}/alerts-{status}.json --url $ALERTS_URL");
    stage.shell.run(&send("firing")).await?;
    let appeared = until("the incident of the alerts", POLICIES_WITHIN, || {
        stage.ops_event(CRITICAL_ALERTS)
    });
    let event = appeared.await?;
    let name = name(&event)?;
    stage.shell.run("kubectl get opsevents").await?;

    remark("The pods recover: Alertmanager says so, and the incident ends by itself.");
    stage.shell.run(&send("resolved")).await?;
    stage
        .shell
        .run(&format!(
            "kubectl wait --for=condition=Resolved opsevent/{name} --timeout=30s"
        ))
        .await?;
    stage.shell.run("kubectl get opsevents").await?;
    let event = stage.ops_event(CRITICAL_ALERTS).await?;
    promised(
        "the count",
        &field(&event, "/occurrences/count")?,
        &json!(PODS.len()),
    )?;
    promised(
        "the members",
        &field(&event, "/occurrences/members")?,
        &json!(PODS.len()),
    )?;
    promised("the end", &field(&event, "/endReason")?, &json!("Cleared"))
}

async fn close(stage: &Stage) -> Result<()> {
    heading(&format!("The busy CPU was a test: {PERSON} closes that incident"));
    let name = name(&stage.ops_event(HIGH_CPU).await?)?;
    let patch = r#"{"spec":{"close":{"reason":"Expected"}}}"#;
    let line = format!("kubectl patch opsevent {name} --type=merge -p '{patch}'");
    typed(&line);
    let patched = until("the admission policies in force", POLICIES_WITHIN, || {
        stage.shell.quietly(PERSON, &line)
    });
    printed(&patched.await?);
    stage
        .shell
        .run(&format!(
            "kubectl wait --for=condition=Resolved opsevent/{name} --timeout=30s"
        ))
        .await?;
    remark("Who it was is the API server's own word:");
    stage
        .shell
        .run(&format!(
            "kubectl get opsevent {name} -o jsonpath='{{.spec.close}}{{\"\\n\"}}'"
        ))
        .await?;
    let event = stage.ops_event(HIGH_CPU).await?;
    promised("the end", &field(&event, "/endReason")?, &json!("Closed"))?;
    promised(
        "who closed it",
        &json!(event.spec.close.and_then(|close| close.closed_by)),
        &json!(PERSON),
    )?;

    remark("The monitor has not noticed. What still shouts stays quiet, and is counted:");
    stage
        .shell
        .run(&format!("opsward send {FOLDER}/webhook.json"))
        .await?;
    Ok(())
}

async fn decide(stage: &Stage) -> Result<()> {
    let [checkout, search] = SERVICES;
    ask(stage).await?;
    let down = name(&of_service(stage, checkout, "Pending").await?)?;
    let planned = name(&of_service(stage, search, "Pending").await?)?;
    answer(stage, &down, &planned).await?;

    heading("Both stories, as anybody may read them who may see the incident");
    for event in [&down, &planned] {
        let story = stage
            .shell
            .run(&format!("opsward explain opsevent/{event}"))
            .await?;
        ensure!(
            story.contains(&format!("by {PERSON}")),
            "{PERSON} is not in the story"
        );
    }
    for (service, outcome, phase) in [
        (checkout, "Accepted", "Acknowledged"),
        (search, "Discharged", "Discharged"),
    ] {
        let event = of_service(stage, service, outcome).await?;
        promised("the phase", &field(&event, "/phase")?, &json!(phase))?;
        promised("who decided", &field(&event, "/decision/by")?, &json!(PERSON))?;
    }
    Ok(())
}

async fn ask(stage: &Stage) -> Result<()> {
    heading(&format!(
        "{} services do not answer: their rule asks a person before anything else",
        SERVICES.len()
    ));
    stage
        .shell
        .run(&format!("opsward send {FOLDER}/outages.json"))
        .await?;
    for service in SERVICES {
        let asked = until("the question", POLICIES_WITHIN, || {
            of_service(stage, service, "Pending")
        });
        asked.await?;
    }
    stage
        .shell
        .run("kubectl get opsevents --field-selector status.phase=AwaitingDecision")
        .await?;
    stage.shell.run("kubectl get triagedecisions").await?;
    Ok(())
}

async fn answer(stage: &Stage, down: &str, planned: &str) -> Result<()> {
    let [checkout, search] = SERVICES;
    let patch = |event: &str, spec: &str| {
        format!("kubectl patch td {event}-d1 --type=merge -p '{{\"spec\":{spec}}}'")
    };
    remark(&format!("{STRANGER} may edit all of this, but is no approver:"));
    let accept = patch(down, r#"{"decision":"Accept"}"#);
    let refused = stage.shell.refused_as(STRANGER, &accept).await?;
    ensure!(
        refused.contains(&format!("{STRANGER} may not decide this")),
        "{refused}"
    );
    remark(&format!(
        "{PERSON} is in the group sre. {checkout} is really down: {PERSON} has it."
    ));
    stage.shell.run(&accept).await?;
    remark(&format!("{search} is down as planned, and is no problem:"));
    let discharge = patch(
        planned,
        r#"{"decision":"Discharge","reason":"planned maintenance"}"#,
    );
    stage.shell.run(&discharge).await?;
    for (event, condition) in [(down, "Decided"), (planned, "Resolved")] {
        let wait = format!("kubectl wait --for=condition={condition} opsevent/{event} --timeout=30s");
        stage.shell.run(&wait).await?;
    }
    Ok(())
}

/// The OpsEvent of a service, once its decision is `outcome`.
async fn of_service(stage: &Stage, service: &str, outcome: &str) -> Result<OpsEvent> {
    let all = stage.ops_events(SERVICE_DOWN).await?;
    let event = all
        .into_iter()
        .find(|event| {
            event
                .spec
                .group
                .get("service")
                .is_some_and(|group| group == service)
        })
        .with_context(|| format!("no OpsEvent of {service}"))?;
    let found = field(&event, "/decision/outcome")?;
    let waits = outcome != "Pending" || field(&event, "/phase")? == json!("AwaitingDecision");
    ensure!(
        found == json!(outcome) && waits,
        "the decision about {service} is {found}"
    );
    Ok(event)
}

async fn accounts(stage: &Stage) -> Result<()> {
    let outages = SERVICES.len() as u64;
    let accepted = SHOUTS + ALERTS + 1 + outages;
    heading(&format!("Nothing is lost: what became of all {accepted} events"));
    let outcomes = stage.accounted(accepted).await?;
    remark(&format!("opsward_correlate_events_total at {}:", stage.metrics()));
    for (outcome, count) in &outcomes {
        printed(&format!("{{outcome=\"{outcome}\"}} {count}"));
    }
    let fired = PODS.len() as u64;
    promised(
        "the accounts",
        &json!(outcomes),
        &json!({"counted": SHOUTS + fired + outages, "cleared": fired, "muted": 1}),
    )?;
    remark(&format!(
        "{SHOUTS} shouts, {fired} alerts and {outages} outages were counted, {fired} clears taken in, 1 shout muted"
    ));
    stage.shell.run("kubectl get opsevents").await?;
    stage.shell.run("kubectl events").await?;
    Ok(())
}

fn name(event: &OpsEvent) -> Result<String> {
    event.metadata.name.clone().context("an object without a name")
}

/// A field of the status, by its JSON pointer.
fn field(event: &OpsEvent, pointer: &str) -> Result<Value> {
    let status = serde_json::to_value(&event.status)?;
    Ok(status.pointer(pointer).cloned().unwrap_or_default())
}

fn promised(what: &str, found: &Value, expected: &Value) -> Result<()> {
    ensure!(found == expected, "{what} is {found}, promised is {expected}");
    Ok(())
}
