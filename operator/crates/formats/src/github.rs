//! `github`: a delivery of a GitHub webhook (of a repository, an organisation, an enterprise or an app). Schemas:
//! docs.github.com, "Webhook events and payloads"; examples: octokit/webhooks, `payload-examples`.
//!
//! Header `X-GitHub-Event` names the event; without it (a file, `opsward send`) the body's members tell the events of
//! this table apart.
//!
//! | event | Firing | Resolved | no event |
//! |---|---|---|---|
//! | `workflow_run`, `check_run` | it failed | it succeeded | it goes on, or ended without a verdict |
//! | `deployment_status` | `error`, `failure` | `success` | it goes on, or `inactive` |
//! | `code_scanning_alert`, `dependabot_alert`, `secret_scanning_alert` | opened | closed | |
//! | `ping` | | | always |
//!
//! `deployment` is Info, the record of a change. So is every other event and action: whoever subscribes to it wants to
//! know, and a delivery that is answered with success and forgotten would be lost in silence.
//!
//! A delivery is one item. `data` is the body as sent. The delivery key is `X-GitHub-Delivery`, which a redelivery keeps.

mod alerts;
mod deployments;
mod runs;
mod sent;

use std::borrow::Cow;

use domain::event::{Event, EventState, Source};
use domain::hash::Hash128;
use domain::json::Strings;
use domain::severity::Severity;
use domain::time::Time;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::field::Field;
use crate::labels;
use crate::links::{self, Link};
use crate::refusal::{Place, Reason, Refusal};
use crate::{Format, Input, Item, Items, body, cut, data, delivery_key, occurrence, sent_time};
use sent::{Account, Body};

/// Makes the event of a delivery, if it is one.
pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    if text.starts_with("payload=") {
        let message = "the body is a form; set the webhook's content type to application/json";
        return Err(Refusal::new(Reason::WrongShape, message));
    }
    let body: Body<'a> = body::object(text, Place::Body)?;
    let item = read(text, body, &input).transpose().map(Item::from);
    Ok(Box::new(item.into_iter()))
}

/// The text of a delivery that is an event.
pub(crate) fn texts<'a>(text: &'a str, input: Input<'a>) -> Result<Vec<&'a str>, Refusal> {
    parse(text, input).map(|items| items.map(|_| text).collect())
}

/// What a kind of event makes of a delivery.
enum Told<'a> {
    /// Nothing yet, or nothing that counts.
    Nothing,
    /// Something that it knows.
    Fact(Box<Fact<'a>>),
    /// Something that it does not know.
    Other,
}

/// What a delivery says beyond what all deliveries do.
#[derive(Default)]
struct Fact<'a> {
    state: EventState,
    /// With the field that it was taken from.
    severity: (Severity, &'static str),
    /// What tells its problem from others of this event and repository: fields with their values.
    problem: Vec<(&'static str, Cow<'a, str>)>,
    /// Whether the problem has an end that will be told.
    has_life_cycle: bool,
    /// When the problem began, where the payload of its end tells it too.
    began_at: Option<Time>,
    occurred_at: Option<Time>,
    title: String,
    description: Cow<'a, str>,
    resource: Cow<'a, str>,
    environment: Cow<'a, str>,
    labels: Vec<(&'static str, Cow<'a, str>)>,
    links: Vec<Link<'a>>,
}

/// What all deliveries have.
struct Delivery<'a> {
    event: Cow<'a, str>,
    action: Cow<'a, str>,
    place: Where<'a>,
    repository: Cow<'a, str>,
    repository_url: Cow<'a, str>,
    default_branch: Cow<'a, str>,
    sender: Cow<'a, str>,
}

/// What a delivery is about: a repository, else the organisation or the enterprise.
struct Where<'a> {
    /// The field that names it.
    field: &'static str,
    /// The label that it becomes.
    label: &'static str,
    /// Of a repository, with its owner.
    name: Cow<'a, str>,
}

fn read<'a>(
    text: &'a str,
    mut body: Body<'a>,
    input: &Input<'a>,
) -> Result<Option<(Event<'a>, usize)>, Refusal> {
    let delivery = Delivery::of(&mut body, input)?;
    let told = match &*delivery.event {
        "ping" => Told::Nothing,
        "workflow_run" => runs::workflow(&delivery, body.workflow, body.workflow_run)?,
        "check_run" => runs::check(&delivery, body.check_run)?,
        "deployment" => deployments::begun(&delivery, body.deployment)?,
        "deployment_status" => deployments::status(&delivery, body.deployment, body.deployment_status)?,
        "code_scanning_alert" => alerts::code_scanning(&delivery, body.alert, word(body.git_ref))?,
        "dependabot_alert" => alerts::dependabot(&delivery, body.alert)?,
        "secret_scanning_alert" => alerts::secret_scanning(&delivery, body.alert)?,
        _ => Told::Other,
    };
    match told {
        Told::Nothing => Ok(None),
        Told::Fact(fact) => event(*fact, delivery, text, input).map(Some),
        Told::Other => {
            let fact = other(&delivery);
            event(fact, delivery, text, input).map(Some)
        }
    }
}

impl<'a> Delivery<'a> {
    fn of(body: &mut Body<'a>, input: &Input<'a>) -> Result<Self, Refusal> {
        let header = input
            .header("x-github-event")
            .map(str::trim_ascii)
            .unwrap_or_default();
        let event = if header.is_empty() { guessed(body) } else { header };
        if event.is_empty() {
            let message =
                "no header X-GitHub-Event, and no event that is known without it; send the header on";
            return Err(Refusal::new(Reason::MissingField, message));
        }
        let repository = body.repository.take().unwrap_or_default();
        let name_of = |account: Option<Account<'a>>| {
            let account = account.unwrap_or_default();
            first([word(account.login), word(account.slug)])
        };
        let places = [
            ("repository.full_name", "repository", word(repository.full_name)),
            (
                "organization.login",
                "organization",
                name_of(body.organization.take()),
            ),
            ("enterprise.slug", "enterprise", name_of(body.enterprise.take())),
        ];
        let place = places.into_iter().find(|(_, _, name)| !name.is_empty());
        let (field, label, name) = place.unwrap_or_default();
        Ok(Self {
            event: event.into(),
            action: word(std::mem::take(&mut body.action)),
            place: Where { field, label, name },
            repository: word(repository.name),
            repository_url: word(repository.html_url),
            default_branch: word(repository.default_branch),
            sender: name_of(body.sender.take()),
        })
    }
}

/// The event that a body is of, by its members. A deployment's has the run that deploys, too.
fn guessed(body: &Body<'_>) -> &'static str {
    let alert = body.alert.map(RawValue::get).unwrap_or_default();
    let alert: sent::Alert<'_> = serde_json::from_str(alert).unwrap_or_default();
    let members = [
        (body.deployment_status.is_some(), "deployment_status"),
        (body.deployment.is_some(), "deployment"),
        (body.check_run.is_some(), "check_run"),
        (body.workflow_run.is_some(), "workflow_run"),
        (alert.tool.is_some(), "code_scanning_alert"),
        (alert.dependency.is_some(), "dependabot_alert"),
        (alert.secret_type != Field::Absent, "secret_scanning_alert"),
        (body.zen != Field::Absent, "ping"),
    ];
    let found = members.into_iter().find(|(is_there, _)| *is_there);
    found.map_or("", |(_, event)| event)
}

/// What is known of an event that no module knows: that it happened.
fn other<'a>(delivery: &Delivery<'a>) -> Fact<'a> {
    let mut words = delivery.event.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let place = match &*delivery.place.name {
        "" => String::new(),
        place => format!("in {place}"),
    };
    let title = [words, delivery.action.replace('_', " "), place];
    Fact {
        state: EventState::Info,
        severity: (Severity::Info, "default"),
        problem: vec![("action", delivery.action.clone())],
        title: title.join(" ").split_whitespace().collect::<Vec<_>>().join(" "),
        resource: delivery.place.name.clone(),
        ..Fact::default()
    }
}

fn event<'a>(
    fact: Fact<'a>,
    delivery: Delivery<'a>,
    text: &'a str,
    input: &Input<'a>,
) -> Result<(Event<'a>, usize), Refusal> {
    if fact.has_life_cycle && delivery.place.name.is_empty() {
        let at = Place::Body.member("repository", "full_name");
        return Err(Refusal::missing(
            &at,
            "GitHub names the repository of every run, deployment and alert",
        ));
    }
    let raw: &'a RawValue = serde_json::from_str(text).map_err(|error| body::unreadable(&error))?;
    let (fingerprint, fingerprint_fields) = identity(&fact, &delivery);
    let occurrence_key = if fact.has_life_cycle {
        occurrence::key(fingerprint, fact.began_at)
    } else {
        Hash128::default()
    };
    let title = cut::title(Cow::Owned(fact.title));
    let common = [
        ("action", delivery.action),
        (delivery.place.label, delivery.place.name.clone()),
        ("sender", delivery.sender),
    ];
    let (labels, labels_cut) = labels::named(common.into_iter().chain(fact.labels));
    let links = [("repository", delivery.repository_url)]
        .into_iter()
        .chain(fact.links);
    let occurred_at = fact.occurred_at.unwrap_or(input.received_at);
    let id = input.header("x-github-delivery").unwrap_or_default();
    let event = Event {
        delivery_key: delivery_key::of(Format::GitHub, id.trim_ascii()),
        fingerprint,
        fingerprint_fields,
        occurrence_key,
        state: fact.state,
        source: Source {
            name: input.source.into(),
            format: Format::GitHub.name().into(),
            reported: cut::short(delivery.place.name),
        },
        severity: fact.severity.0,
        severity_from: fact.severity.1.into(),
        kind: cut::short(delivery.event),
        description: cut::description(fact.description, &title),
        title,
        resource: cut::short(fact.resource),
        service: cut::short(delivery.repository),
        environment: cut::short(fact.environment),
        labels,
        links: links::usable(links),
        data: Some(data::as_sent(raw, &Place::Body.field("body"))?),
        occurred_at: sent_time::clamped(occurred_at, input.received_at),
        received_at: input.received_at,
        ..Event::default()
    };
    Ok((event, labels_cut))
}

/// The fingerprint and the names of what it is made of: the event, where, and the fact's own fields.
fn identity<'a>(fact: &Fact<'_>, delivery: &Delivery<'_>) -> (Hash128, Strings<'a>) {
    // The address tells github.com from a GitHub Enterprise Server; organisations and enterprises have none here.
    let place = match &*delivery.repository_url {
        "" => (delivery.place.field, &*delivery.place.name),
        url => ("repository.html_url", url),
    };
    let own = fact.problem.iter().map(|(name, value)| (*name, &**value));
    let all = [("X-GitHub-Event", &*delivery.event), place]
        .into_iter()
        .chain(own);
    let known: Vec<_> = all.filter(|(_, value)| !value.is_empty()).collect();
    let parts = known.iter().flat_map(|(name, value)| [*name, *value]);
    let fingerprint = Hash128::of([Format::GitHub.name()].into_iter().chain(parts));
    (fingerprint, known.into_iter().map(|(name, _)| name).collect())
}

/// The object of an event, which must be there.
fn object<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>, name: &'static str) -> Result<T, Refusal> {
    let at = Place::Body.field(name);
    let Some(raw) = raw else {
        return Err(Refusal::missing(&at, "X-GitHub-Event says that it is there"));
    };
    serde_json::from_str(raw.get()).map_err(|error| {
        Refusal::new(
            Reason::WrongShape,
            format!("{at}: {error}, counted from there; GitHub sends another shape"),
        )
    })
}

/// A moment among the members of an object.
fn time(field: &Field<'_>, object: &'static str, member: &'static str) -> Result<Option<Time>, Refusal> {
    sent_time::read(field, &Place::Body.member(object, member))
}

/// The text of a field that GitHub always writes as a scalar; of anything else, none.
fn word(field: Field<'_>) -> Cow<'_, str> {
    field.scalar().unwrap_or_default()
}

/// The first text that says something.
fn first<const N: usize>(texts: [Cow<'_, str>; N]) -> Cow<'_, str> {
    let found = texts.into_iter().find(|text| !text.trim().is_empty());
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests;
