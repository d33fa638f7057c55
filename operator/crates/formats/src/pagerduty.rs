//! `pagerduty`: the Events API v2 of `PagerDuty`, as its clients send it: alert events to `/v2/enqueue`, change events
//! to `/v2/change/enqueue`. Schema: PagerDuty/api-schema, `reference/events-v2/openapiv3.json`, and
//! `docs/events-API-v2` of PagerDuty/developer-docs. `PagerDuty`'s own webhooks are another format.
//!
//! * One body is one event. `trigger` fires, `resolve` resolves; `acknowledge` is no event: that somebody is at it
//!   elsewhere neither ends a problem nor opens one. A body without `event_action` that has neither `dedup_key` nor
//!   `payload.severity` is a change event, an Info.
//! * Identity: `dedup_key`; see [`identity`].
//! * Life cycle: a key fires until it is resolved. All triggers of a key in between are repeats, and one after the
//!   resolve is a new occurrence: so its occurrence key is its fingerprint. Of a trigger without a key nobody says that it
//!   is the same as the last: it has no occurrence key, so that each counts.
//! * Time: a trigger happened at `timestamp`, but not after its receipt; a resolve when it was received, since clients
//!   send it without a payload or with the trigger's. So no resolve is older than a trigger that came before it.
//! * `routing_key` is the sender's secret. The collector has checked it; it goes nowhere from here.

mod identity;
mod sent;

use std::borrow::Cow;
use std::net::IpAddr;

use domain::event::bounds::LABEL_NAME_BYTES;
use domain::event::{Event, EventState, Source};
use domain::json::{Labels, RawJson};
use domain::severity::Severity;
use domain::time::Time;
use serde_json::value::RawValue;

use crate::body::{self, Elements};
use crate::field::Field;
use crate::labels::{self, Pair};
use crate::refusal::{Path, Place, Quoted, Refusal};
use crate::{Format, Input, Item, Items, authority, cut, data, links, sent_time};
use identity::Identity;
use sent::{Body, Link, Payload, Secrets};

pub use identity::dedup_key;

/// Links and images of an event that are read: more than people look at.
const LINKS: usize = 20;

/// What stands in a text for a secret; the word that redaction uses.
const REMOVED: &str = "\"[redacted]\"";

/// Makes the event of a body; none of an acknowledgement.
pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    let body: Body<'a> = body::object(text, Place::Body)?;
    let made = match action(&body) {
        Ok(Action::Acknowledge) => match identity::sent_key(&body, Action::Acknowledge) {
            Ok(_) => return Ok(Box::new(std::iter::empty())),
            Err(refusal) => Err(refusal),
        },
        Ok(action) => event(body, action, &input),
        Err(refusal) => Err(refusal),
    };
    Ok(Box::new(std::iter::once(Item::from(made))))
}

/// The body without its secrets, where it is an item.
pub(crate) fn texts(text: &str) -> Vec<Cow<'_, str>> {
    let Ok(body) = body::object::<Body<'_>>(text, Place::Body) else {
        return Vec::new();
    };
    if action(&body).is_ok_and(|action| action == Action::Acknowledge)
        && identity::sent_key(&body, Action::Acknowledge).is_ok()
    {
        return Vec::new();
    }
    vec![without_secrets(text)]
}

/// The text with [`REMOVED`] where its secrets stand. By their places: the same text elsewhere is no secret.
fn without_secrets(text: &str) -> Cow<'_, str> {
    let Secrets(secrets) = serde_json::from_str(text).unwrap_or_default();
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut without = String::with_capacity(text.len());
    let mut behind = 0;
    for secret in secrets {
        // A secret is a part of the text, and they come in their order.
        let start = secret.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        without.push_str(text.get(behind..start).unwrap_or_default());
        without.push_str(REMOVED);
        behind = start + secret.len();
    }
    without.push_str(text.get(behind..).unwrap_or_default());
    Cow::Owned(without)
}

/// What the sender wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Trigger,
    Acknowledge,
    Resolve,
    Change,
}

impl Action {
    const fn state(self) -> EventState {
        match self {
            Self::Resolve => EventState::Resolved,
            Self::Change => EventState::Info,
            Self::Trigger | Self::Acknowledge => EventState::Firing,
        }
    }
}

fn action(body: &Body<'_>) -> Result<Action, Refusal> {
    let at = Place::Body.field("event_action");
    let word = body.event_action.clone().text(&at)?;
    match word.trim_ascii() {
        "" if is_change(body)? => Ok(Action::Change),
        "" => Err(Refusal::missing(&at, "send trigger, acknowledge or resolve")),
        word if word.eq_ignore_ascii_case("trigger") => Ok(Action::Trigger),
        word if word.eq_ignore_ascii_case("acknowledge") => Ok(Action::Acknowledge),
        word if word.eq_ignore_ascii_case("resolve") => Ok(Action::Resolve),
        word => Err(Refusal::invalid(
            &at,
            format_args!("{} is none of trigger, acknowledge and resolve", Quoted(word)),
        )),
    }
}

/// Whether a body without an action is a change event: the address that it was sent to is not known here.
fn is_change(body: &Body<'_>) -> Result<bool, Refusal> {
    Ok(body.has_payload() && is_blank(&body.dedup_key) && is_blank(&body.payload()?.severity))
}

fn is_blank(field: &Field<'_>) -> bool {
    match field {
        Field::Absent => true,
        Field::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// The path of a member of the payload.
const fn at(name: &'static str) -> Path<'static> {
    Place::Body.member("payload", name)
}

fn event<'a>(body: Body<'a>, action: Action, input: &Input<'a>) -> Result<(Event<'a>, usize), Refusal> {
    let payload = body.payload()?;
    let identity = Identity::of(&body, &payload, action, input.source)?;
    let text = |field: &Field<'a>, name| field.clone().text(&at(name));
    let summary = text(&payload.summary, "summary")?;
    let source = text(&payload.source, "source")?;
    require(action, &summary, &source)?;
    let component = text(&payload.component, "component")?;
    let class = text(&payload.class, "class")?;
    let severity = severity(&payload.severity, action)?;
    let title = match &*summary {
        "" => cut::title(Cow::Owned(format!("Resolved: {}", identity.key_text()))),
        _ => cut::title(summary.clone()),
    };
    let (labels, labels_cut) = labels::named([
        ("class", class.clone()),
        ("component", component.clone()),
        ("dedup_key", identity.key.clone().unwrap_or_default()),
        ("group", text(&payload.group, "group")?),
        ("severity", severity.unknown_word),
    ]);
    let is_change = action == Action::Change;
    let event = Event {
        fingerprint: identity.fingerprint,
        fingerprint_fields: identity.fields.iter().copied().collect(),
        occurrence_key: identity.occurrence(input),
        state: action.state(),
        source: Source {
            name: input.source.into(),
            format: Format::PagerDuty.name().into(),
            reported: cut::short(body.client.clone().scalar().unwrap_or_default()),
        },
        kind: cut::short(if is_change { "change".into() } else { class }),
        severity: severity.severity,
        severity_from: severity.from.into(),
        description: cut::description(summary, &title),
        title,
        host: host(&source),
        resource: cut::short(source),
        service: cut::short(component),
        labels,
        links: named_links(&body),
        occurred_at: occurred_at(&payload, action, input.received_at)?,
        received_at: input.received_at,
        data: data_of(body, payload)?,
        template: identity.template,
        ..Event::default()
    };
    Ok((event, labels_cut))
}

/// What `PagerDuty` requires and we cannot do without. It also requires a severity; without one we take the default
/// rather than lose an alert.
fn require(action: Action, summary: &str, source: &str) -> Result<(), Refusal> {
    if summary.is_empty() && action != Action::Resolve {
        return Err(Refusal::missing(&at("summary"), "say in a line what is wrong"));
    }
    if source.is_empty() && action == Action::Trigger {
        return Err(Refusal::missing(
            &at("source"),
            "name the system that has the problem",
        ));
    }
    Ok(())
}

/// How bad, by which field, and the word that nobody agreed on: it is kept as a label, so that a rule can match it.
struct Judged<'a> {
    severity: Severity,
    from: &'static str,
    unknown_word: Cow<'a, str>,
}

fn severity<'a>(field: &Field<'a>, action: Action) -> Result<Judged<'a>, Refusal> {
    let kind = field.kind();
    let word = field.clone().scalar().ok_or_else(|| {
        Refusal::invalid(
            &at("severity"),
            format_args!("{kind}, not a word such as critical or warning"),
        )
    })?;
    Ok(match Severity::from_word(&word) {
        Some(severity) => Judged {
            severity,
            from: "payload.severity",
            unknown_word: Cow::Borrowed(""),
        },
        None => Judged {
            // What only tells of an end or a change makes nothing worse.
            severity: match action {
                Action::Trigger => Severity::default(),
                _ => Severity::Info,
            },
            from: "default",
            unknown_word: word,
        },
    })
}

/// See the module's words on time.
fn occurred_at(payload: &Payload<'_>, action: Action, received_at: Time) -> Result<Time, Refusal> {
    if action == Action::Resolve {
        return Ok(received_at);
    }
    let sent = sent_time::read(&payload.timestamp, &at("timestamp"))?;
    Ok(sent.unwrap_or(received_at).min(received_at))
}

/// The source where it is a host's name or address: often it is the name of a tool, with colons and slashes.
fn host<'a>(source: &Cow<'a, str>) -> Cow<'a, str> {
    let host = authority::host(source.clone());
    let is_name = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if is_name || host.parse::<IpAddr>().is_ok() {
        cut::short(host)
    } else {
        Cow::Borrowed("")
    }
}

/// The links to click on, by their texts: of the client, of `links`, of `images`.
fn named_links<'a>(body: &Body<'a>) -> Labels<'a> {
    let client = (Cow::Borrowed("client"), body.client_url.clone());
    let links = listed(body.links).map(|link| (or(link.text, "link"), link.href));
    let images = listed(body.images).map(|image| {
        let target = if is_blank(&image.href) {
            image.src
        } else {
            image.href
        };
        (or(image.alt, "image"), target)
    });
    let mut found: Vec<Pair<'a>> = Vec::new();
    for (name, target) in std::iter::once(client).chain(links).chain(images) {
        let Field::Text(target) = target else { continue };
        if !links::is_usable(&target) {
            continue;
        }
        let is_taken = found.iter().any(|(known, _)| *known == name);
        let name = if is_taken {
            Cow::Owned(format!("{name} {}", found.len() + 1))
        } else {
            name
        };
        found.push((name, target));
    }
    Labels::new(found)
}

fn or<'a>(name: Field<'a>, default: &'static str) -> Cow<'a, str> {
    let name = cut::title(name.scalar().unwrap_or_default());
    if name.is_empty() {
        Cow::Borrowed(default)
    } else {
        cut::to_bytes(name, LABEL_NAME_BYTES)
    }
}

/// The elements of a list of links; what is no list, or is no object in it, leads nowhere.
fn listed<'a>(list: Option<&'a RawValue>) -> impl Iterator<Item = Link<'a>> {
    let list = list.and_then(|list| serde_json::from_str::<Elements<&'a RawValue>>(list.get()).ok());
    let elements = list.map(|Elements(elements)| elements).unwrap_or_default();
    elements
        .into_iter()
        .take(LINKS)
        .filter_map(|link| serde_json::from_str(link.get()).ok())
}

/// `custom_details`, with what no field takes beside it.
fn data_of<'a>(body: Body<'a>, payload: Payload<'a>) -> Result<Option<RawJson<'a>>, Refusal> {
    let details = payload.custom_details.filter(|details| details.get() != "null");
    let object = details.filter(|details| details.get().starts_with('{'));
    let mut others = body.others;
    others.extend(payload.others);
    if object.is_none() {
        others.extend(details.map(|odd| (Cow::Borrowed("custom_details"), odd)));
    }
    match object {
        None if others.is_empty() => Ok(None),
        Some(object) if others.is_empty() => data::as_sent(object, &at("custom_details")).map(Some),
        _ => data::with_others(object, others, &at("custom_details")).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVED_AT: Time = Time::from_millis(1_734_690_605_000);

    fn items(json: &str) -> Vec<Item<'_>> {
        items_of("pd", json)
    }

    fn items_of<'a>(source: &'a str, json: &'a str) -> Vec<Item<'a>> {
        let input = Input {
            body: json.as_bytes(),
            headers: &[],
            received_at: RECEIVED_AT,
            source,
        };
        parse(json, input).unwrap().collect()
    }

    fn only(json: &str) -> Event<'_> {
        items(json).remove(0).result.unwrap()
    }

    fn refusal(json: &str) -> String {
        items(json).remove(0).result.unwrap_err().message
    }

    const TRIGGER: &str = r#"{"routing_key":"R0","event_action":"trigger","dedup_key":"k","payload":{"summary":"s","source":"web-1","severity":"critical"}}"#;

    #[test]
    fn a_resolve_ends_what_its_trigger_began_and_a_trigger_again_is_a_repeat() {
        let fired = only(TRIGGER);
        let resolved = only(r#"{"routing_key":"R0","event_action":"resolve","dedup_key":"k"}"#);
        assert_eq!(
            (fired.state, resolved.state),
            (EventState::Firing, EventState::Resolved)
        );
        assert_eq!(fired.fingerprint, resolved.fingerprint);
        assert_eq!(fired.occurrence_key, resolved.occurrence_key);
        assert_eq!(fired.occurrence_key, only(TRIGGER).occurrence_key);
        assert!(!fired.occurrence_key.is_absent());
        assert_eq!(resolved.title, "Resolved: k");
    }

    #[test]
    fn no_trigger_is_later_than_a_resolve_that_came_after_it() {
        let at = |action: &str, time: &str| {
            let json = format!(
                r#"{{"event_action":"{action}","dedup_key":"k","payload":{{"summary":"s","source":"h","severity":"info","timestamp":"{time}"}}}}"#
            );
            only(&json).occurred_at
        };
        assert_eq!(at("trigger", "2024-12-20T10:33:00Z"), RECEIVED_AT);
        assert_eq!(
            at("trigger", "2024-12-20T10:00:00.000+0000").to_string(),
            "2024-12-20T10:00:00.000Z"
        );
        assert_eq!(at("resolve", "2024-12-20T10:00:00Z"), RECEIVED_AT);
    }

    #[test]
    fn a_trigger_without_a_key_is_resolved_by_the_key_that_it_gets() {
        let keyless = |summary: &str| {
            format!(
                r#"{{"event_action":"trigger","payload":{{"summary":"{summary}","source":"db-1","severity":"error","component":"disk"}}}}"#
            )
        };
        let (one, other) = (keyless("disk 93% full"), keyless("disk 97% full"));
        let key = dedup_key(one.as_bytes()).unwrap();
        assert_eq!(dedup_key(other.as_bytes()).unwrap(), key);
        assert!(key.starts_with("opsward-") && key.len() == 40, "{key}");
        let fired = only(&one);
        assert_eq!(fired.template, "disk <percent> full");
        assert_eq!(
            fired.fingerprint_fields.0.last().unwrap(),
            "template(payload.summary)"
        );
        assert_eq!(fired.labels.get("dedup_key"), Some(&*key));
        let resolve = format!(r#"{{"event_action":"resolve","dedup_key":"{key}"}}"#);
        assert_eq!(only(&resolve).fingerprint, fired.fingerprint);
        assert_eq!(only(&other).fingerprint, fired.fingerprint);
        assert!(!fired.occurrence_key.is_absent(), "it ends by its resolve alone");
        assert_ne!(
            only(&other).occurrence_key,
            fired.occurrence_key,
            "the next is no repeat: its sender does not say that it is the same"
        );
        assert_eq!(dedup_key(resolve.as_bytes()), Some(key));
        assert_ne!(only(&keyless("disk gone")).fingerprint, fired.fingerprint);
    }

    #[test]
    fn a_key_is_its_sources_own() {
        let of = |source: &str| {
            let event = items_of(source, TRIGGER).remove(0).result.unwrap();
            event.fingerprint
        };
        assert_eq!(of("pd"), only(TRIGGER).fingerprint);
        assert_ne!(of("pd"), of("other"));
    }

    #[test]
    fn an_acknowledgement_is_no_event_and_needs_a_key() {
        let acknowledged = r#"{"event_action":"acknowledge","dedup_key":"k"}"#;
        assert_eq!(items(acknowledged).len(), 0);
        assert!(texts(acknowledged).is_empty());
        assert_eq!(dedup_key(acknowledged.as_bytes()).as_deref(), Some("k"));
        let keyless = r#"{"event_action":"acknowledge"}"#;
        assert_eq!(texts(keyless).len(), items(keyless).len());
        assert_eq!(
            refusal(keyless),
            "dedup_key: missing or empty; name the alert to acknowledge, by the key that its trigger was answered with"
        );
    }

    #[test]
    fn a_change_is_an_info_without_a_life_cycle_or_a_key() {
        let json = r#"{"routing_key":"R0","payload":{"summary":"Build 7 passed","source":"ci"}}"#;
        let change = only(json);
        assert_eq!(
            (change.state, change.severity),
            (EventState::Info, Severity::Info)
        );
        assert_eq!(change.kind, "change");
        assert!(change.occurrence_key.is_absent());
        assert_eq!(dedup_key(json.as_bytes()), None);
        assert_eq!(
            refusal(r#"{"dedup_key":"k","payload":{"summary":"s"}}"#),
            "event_action: missing or empty; send trigger, acknowledge or resolve"
        );
    }

    #[test]
    fn the_routing_key_goes_nowhere() {
        let json = r#"{"routing_key":"e93facc0","service_key":"old1","event_action":"trigger","payload":{"source":"h","severity":"odd"},"more":1}"#;
        assert_eq!(
            refusal(json),
            "payload.summary: missing or empty; say in a line what is wrong"
        );
        let text = texts(json).remove(0);
        assert!(!text.contains("e93facc0") && !text.contains("old1"), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        let with_summary = json.replace(r#""source":"h""#, r#""source":"h","summary":"s""#);
        let event = serde_json::to_string(&only(&with_summary)).unwrap();
        assert!(!event.contains("e93facc0") && !event.contains("old1"), "{event}");
        assert!(
            event.contains(r#""more":1"#) && event.contains(r#""severity":"odd""#),
            "{event}"
        );
    }

    #[test]
    fn secrets_are_cut_where_they_stand_and_nowhere_else() {
        let json = r#"{"routing_key": 123 ,"dedup_key":"k","event_action":"resolve","routing_key":"","n":[91234,123]}"#;
        assert_eq!(
            texts(json),
            [
                r#"{"routing_key": "[redacted]" ,"dedup_key":"k","event_action":"resolve","routing_key":"[redacted]","n":[91234,123]}"#
            ]
        );
        assert!(matches!(without_secrets("{}"), Cow::Borrowed("{}")));
    }

    #[test]
    fn links_are_web_addresses_by_their_texts() {
        let json = r#"{"event_action":"trigger","dedup_key":"k","client":"Probe","client_url":"https://c.example.com/",
            "payload":{"summary":"s","source":"tool:region:cluster/api","severity":"warning"},
            "links":[{"href":"https://a.example.com/","text":"Runbook"},{"href":"javascript:alert(1)"},{"href":"https://b.example.com/","text":"Runbook"},5],
            "images":[{"src":"https://i.example.com/x.png"}]}"#;
        let event = only(json);
        let links: Vec<_> = event.links.iter().collect();
        assert_eq!(
            links,
            [
                ("Runbook", "https://a.example.com/"),
                ("Runbook 3", "https://b.example.com/"),
                ("client", "https://c.example.com/"),
                ("image", "https://i.example.com/x.png"),
            ]
        );
        assert_eq!((&*event.host, &*event.resource), ("", "tool:region:cluster/api"));
        assert_eq!(event.source.reported, "Probe");
    }
}
