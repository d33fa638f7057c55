//! AWS Health: issues, scheduled changes, account notifications and abuse reports, for one account or in
//! organizational view. Schema: docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html.
//!
//! * Identity: `eventArn` and the affected account: one ARN is sent for every account that the event concerns,
//!   and in organizational view all of them to one account. The envelope's `account` and `region` are those of
//!   the delivery.
//! * Life: `open` and `upcoming` fire, `closed` ends. The occurrence is that of `startTime`, so updates, further
//!   pages and the copy for the backup region are repeats. Messages are ordered by `lastUpdatedTime`.
//! * Pages: beyond 256 KB the affected entities come in several messages, in any order. Each is an event with its
//!   own entities, and its own delivery key.
//! * Delivery: `communicationId` is one for all pages and for the copy of the backup region, so page and account
//!   are in the key. So is the status: an end must never be taken for the beginning again.

use std::borrow::Cow;
use std::time::Duration;

use domain::event::{Event, EventState};
use domain::hash::Hash128;
use domain::json::Labels;
use domain::severity::Severity;
use domain::time::Time;

use super::envelope::{self, Envelope};
use super::object::Object;
use crate::labels;
use crate::refusal::Refusal;
use crate::{Format, Input, cut, delivery_key, occurrence, sent_time};

/// The detail-type of an abuse report.
pub(super) const ABUSE: &str = "AWS Health Abuse Event";

/// A change that starts this soon may have only a weekend before it.
const SOON: Duration = Duration::from_hours(72);

/// The members of the detail that people match rules on.
const LABELS: [&str; 6] = [
    "backupEvent",
    "eventScopeCode",
    "eventTypeCategory",
    "page",
    "statusCode",
    "totalPages",
];

/// Makes an event of one message.
pub(super) fn event<'a>(envelope: &Envelope<'a>, input: &Input<'a>) -> Result<(Event<'a>, usize), Refusal> {
    let detail = &envelope.detail;
    let arn = detail.required("eventArn", "an event of AWS Health has an ARN")?;
    let code = detail.required(
        "eventTypeCode",
        "name the type, such as AWS_EC2_OPERATIONAL_ISSUE",
    )?;
    let account = match detail.text("affectedAccount")? {
        account if account.is_empty() => envelope.account.clone(),
        account => account,
    };
    let region = region(detail, &arn);
    let starts_at = detail.time("startTime")?;
    let state = state(detail)?;
    let fingerprint = Hash128::of([Format::EventBridge.name(), "aws.health", &arn, &account]);
    let entities = detail
        .objects("affectedEntities")
        .map(|entity| entity.scalar("entityValue"));
    let resources = envelope::resources(entities.chain(envelope.sent.texts("resources")));
    let (severity, severity_from) = severity(envelope, starts_at, input.received_at);
    let (labels, labels_cut) = labels(envelope, &account, &region);
    let service = detail.scalar("service");
    let event = Event {
        delivery_key: message_key(envelope, &account),
        fingerprint,
        fingerprint_fields: ["detail.eventArn", "detail.affectedAccount"]
            .into_iter()
            .collect(),
        occurrence_key: occurrence::key(fingerprint, starts_at),
        state,
        severity,
        severity_from: severity_from.into(),
        title: title(&code, &service, &region),
        description: cut::description(description(detail), ""),
        resource: resources.0.first().cloned().unwrap_or_default(),
        resources,
        service: cut::short(service),
        account: cut::short(account),
        region: cut::short(region),
        labels,
        kind: cut::short(code),
        occurred_at: sent_time::clamped(
            occurred_at(envelope, state, starts_at, input.received_at)?,
            input.received_at,
        ),
        ..envelope.event(input)?
    };
    Ok((event, labels_cut))
}

/// What the event says of its life. An unknown word is better told than lost.
fn state(detail: &Object<'_>) -> Result<EventState, Refusal> {
    let status = detail.text("statusCode")?;
    if status.trim().eq_ignore_ascii_case("closed") {
        Ok(EventState::Resolved)
    } else {
        Ok(EventState::Firing)
    }
}

/// When the message was true. The start alone would make an event that AWS opens again older than its end.
fn occurred_at(
    envelope: &Envelope<'_>,
    state: EventState,
    starts_at: Option<Time>,
    received_at: Time,
) -> Result<Time, Refusal> {
    let updated_at = envelope
        .detail
        .first_time(&["lastUpdatedTime", "lastupdatedTime"])?;
    if let Some(updated_at) = updated_at {
        return Ok(updated_at);
    }
    let sent_at = envelope.time.unwrap_or(received_at);
    match state {
        EventState::Resolved => Ok(sent_at.max(starts_at.unwrap_or(sent_at))),
        // Not before it was said: a change may start in a month.
        EventState::Firing | EventState::Info => Ok(starts_at.unwrap_or(sent_at).min(sent_at)),
    }
}

fn severity(envelope: &Envelope<'_>, starts_at: Option<Time>, received_at: Time) -> (Severity, &'static str) {
    if envelope.detail_type == ABUSE {
        return (Severity::High, "detail-type");
    }
    let category = envelope.detail.scalar("eventTypeCategory");
    // AWS's own samples write `accountnotification`.
    let is = |known: &str| category.trim().eq_ignore_ascii_case(known);
    let is_public = envelope
        .detail
        .scalar("eventScopeCode")
        .eq_ignore_ascii_case("PUBLIC");
    let is_soon = starts_at.is_some_and(|start| start <= received_at.plus(SOON));
    let severity = if is("issue") {
        if is_public {
            Severity::Medium
        } else {
            Severity::High
        }
    } else if is("scheduledChange") {
        if is_soon { Severity::High } else { Severity::Medium }
    } else if is("investigation") {
        Severity::Medium
    } else if is("accountNotification") {
        Severity::Info
    } else {
        return (Severity::default(), "default");
    };
    (severity, "detail.eventTypeCategory")
}

/// The affected region; that of the ARN where the detail names none, as in AWS's mock events.
fn region<'a>(detail: &Object<'a>, arn: &str) -> Cow<'a, str> {
    match detail.scalar("eventRegion") {
        region if region.is_empty() => Cow::Owned(arn.split(':').nth(3).unwrap_or_default().to_owned()),
        region => region,
    }
}

/// `AWS_EBS_VOLUME_LOST` of service EBS in eu-west-1 as "EBS volume lost (eu-west-1)".
fn title<'a>(code: &str, service: &str, region: &str) -> Cow<'a, str> {
    let sent = code.trim();
    let code = sent.strip_prefix("AWS_").unwrap_or(sent);
    let (name, words) = match code.split_at_checked(service.len()) {
        Some((name, words)) if name == service && words.starts_with('_') => (name, words),
        _ => ("", code),
    };
    let words = words.replace('_', " ").to_ascii_lowercase();
    let mut letters = words.trim().chars();
    let words = match letters.next() {
        Some(first) if name.is_empty() => format!("{}{}", first.to_ascii_uppercase(), letters.as_str()),
        // A code without words.
        None if name.is_empty() => sent.to_owned(),
        _ => format!("{name} {}", words.trim()),
    };
    let place = if region.is_empty() {
        String::new()
    } else {
        format!(" ({region})")
    };
    cut::title(Cow::Owned(words.trim_end().to_owned() + &place))
}

/// The English text, else the first.
fn description<'a>(detail: &Object<'a>) -> Cow<'a, str> {
    let mut first = None;
    for text in detail.objects("eventDescription") {
        let description = text.scalar("latestDescription");
        if text.scalar("language").starts_with("en") {
            return description;
        }
        first.get_or_insert(description);
    }
    first.unwrap_or_default()
}

fn labels<'a>(envelope: &Envelope<'a>, account: &str, region: &str) -> (Labels<'a>, usize) {
    let own = LABELS.map(|name| (name, envelope.detail.scalar(name)));
    let delivery = [
        ("deliveredToAccount", &envelope.account, account),
        ("deliveredToRegion", &envelope.region, region),
    ];
    let delivery = delivery
        .into_iter()
        .filter(|(_, delivered, affected)| **delivered != *affected)
        .map(|(name, delivered, _)| (name, delivered.clone()));
    labels::named(own.into_iter().chain(delivery))
}

/// One key for a message and its copies. AWS ends a `communicationId` in `-<page>`, but not in its mock events.
fn message_key<'a>(envelope: &Envelope<'a>, account: &str) -> Cow<'a, str> {
    let detail = &envelope.detail;
    let communication = detail.scalar("communicationId");
    if communication.trim().is_empty() {
        return envelope.delivery_key();
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (message, suffix) = match communication.rsplit_once('-') {
        Some((message, page)) if is_number(page) => (message, page),
        _ => (&*communication, "1"),
    };
    let page = detail.scalar("page");
    let page = if page.trim().is_empty() {
        suffix
    } else {
        page.trim()
    };
    let status = match detail.scalar("statusCode").trim() {
        "" => "open".to_owned(),
        status => status.to_ascii_lowercase(),
    };
    let id = format!("{message}/{page}/{account}/{status}");
    delivery_key::of(Format::EventBridge, &id)
}
