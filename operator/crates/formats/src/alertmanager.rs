//! `alertmanager`: the webhook of Alertmanager (version 4, an object with `alerts`) and the list that
//! Prometheus posts to Alertmanager's API (`/api/v2/alerts`). Schemas: prometheus.io/docs/alerting/latest/
//! configuration (`webhook_config`) and `api/v2/openapi.yaml` of prometheus/alertmanager.
//!
//! * Identity: an alert of the webhook is its `fingerprint` and the Alertmanager it came through; versions
//!   before 0.19 send none, and the labels take its place. A posted alert is its labels. The two are not one
//!   problem: who sends both ways gets both, and should not.
//! * An alert needs `labels.alertname`. Alertmanager itself takes any one label, but an event without a type or
//!   a title helps nobody; every rule of Prometheus has one.
//! * Occurrence: fingerprint and `startsAt`. A repeat of a firing alert is the same occurrence.
//! * A posted alert says by `endsAt` whether it fires, as Alertmanager reads it, and without one fires for
//!   [`RESOLVE_TIMEOUT`]. In the webhook `status` decides, else the group's, else `endsAt`.
//! * `data` is the annotations object. What the envelope has beyond `status` and `externalURL` (group key, common
//!   labels, receiver) describes Alertmanager's own grouping and is not kept.

mod sent;

use std::borrow::Cow;
use std::time::Duration;

use domain::event::{Event, EventState, Source};
use domain::hash::Hash128;
use domain::json::{Labels, RawJson, Strings};
use domain::severity::Severity;
use domain::time::Time;
use serde::de::Deserialize;
use serde_json::value::RawValue;

use crate::annotations::Annotations;
use crate::body::{self, Elements};
use crate::field::Field;
use crate::labels::{self, Pair, Values, WellKnown};
use crate::refusal::{Place, Quoted, Reason, Refusal};
use crate::{Format, Input, Items, authority, cut, data, occurrence, sent_time};
use sent::{Alert, Envelope};

/// Alertmanager's own default of `resolve_timeout`: how long a posted alert without `endsAt` fires.
const RESOLVE_TIMEOUT: Duration = Duration::from_mins(5);

/// Makes events of a webhook's alerts or of posted alerts.
pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    at_once(text, input).map_or_else(|| one_by_one(text, input), Ok)
}

/// Reads all alerts in one go. `None` when anything is out of the ordinary: JSON that cannot be read, or a value that
/// may be nested too deep.
fn at_once<'a>(text: &'a str, input: Input<'a>) -> Option<Items<'a>> {
    let (alerts, sender) = split::<Alert<'a>>(text).ok()?;
    let plain = alerts.0.iter().all(Alert::is_plain);
    plain.then(|| {
        alerts.items(sender.list(), move |alert, place| {
            event(alert, place, &sender, &input)
        })
    })
}

/// Looks for the ends of the alerts first, so that each lives and dies alone.
fn one_by_one<'a>(text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    let (alerts, sender) = split::<&'a RawValue>(text)?;
    Ok(alerts.items(sender.list(), move |raw, place| {
        body::object(raw.get(), place).and_then(|alert| event(alert, place, &sender, &input))
    }))
}

/// The text of each alert.
pub(crate) fn texts(text: &str) -> Result<Vec<&str>, Refusal> {
    split(text).map(|(alerts, _)| alerts.texts())
}

/// The alerts of a body, each as a `T`, and who sends them.
fn split<'a, T: Deserialize<'a>>(text: &'a str) -> Result<(Elements<T>, Sender<'a>), Refusal> {
    if text.starts_with('[') {
        return Ok((Elements::of_body(text)?, Sender::Api));
    }
    let envelope: Envelope<'a, T> = serde_json::from_str(text).map_err(|error| body::unreadable(&error))?;
    let Some(alerts) = envelope.alerts.map(Elements::bounded).transpose()? else {
        let message = "no list `alerts`; send Alertmanager's webhook (version 4), or a list of alerts";
        return Err(Refusal::new(Reason::WrongShape, message));
    };
    let text_of = |field| match field {
        Field::Text(text) => text,
        _ => Cow::Borrowed(""),
    };
    let cluster = authority::cluster(text_of(envelope.external_url));
    let resolved = is(&text_of(envelope.status), "resolved");
    Ok((alerts, Sender::Webhook { cluster, resolved }))
}

/// Who speaks, which decides how an alert's identity and state are read.
enum Sender<'a> {
    /// Alertmanager: its cluster, and whether the whole group is resolved.
    Webhook { cluster: Cow<'a, str>, resolved: bool },
    /// Prometheus, or anything that posts to Alertmanager's API.
    Api,
}

impl<'a> Sender<'a> {
    /// The name of the list that holds the alerts; none when that is the body.
    const fn list(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "alerts",
            Self::Api => "",
        }
    }

    fn cluster(&self) -> Cow<'a, str> {
        match self {
            Self::Webhook { cluster, .. } => cluster.clone(),
            Self::Api => Cow::Borrowed(""),
        }
    }
}

fn event<'a>(
    alert: Alert<'a>,
    place: Place,
    sender: &Sender<'a>,
    input: &Input<'a>,
) -> Result<(Event<'a>, usize), Refusal> {
    let pairs = alert.labels.pairs(place, Values::Texts)?;
    let mut known = WellKnown::of(&pairs);
    require_alertname(&known, &pairs, place)?;
    let span = Span {
        starts_at: sent_time::read(&alert.starts_at, &place.field("startsAt"))?,
        ends_at: sent_time::read(&alert.ends_at, &place.field("endsAt"))?,
    };
    let life = life(
        &span,
        status(alert.status, place, sender)?,
        sender,
        input.received_at,
    );
    let labels = Labels::new(pairs);
    let identity = identity(
        &alert.fingerprint.text(&place.field("fingerprint"))?,
        &labels,
        sender,
    );
    let mut annotations = Annotations::read(alert.annotations, place)?;
    let generator_url = alert.generator_url.text(&place.field("generatorURL"))?;
    let severity = Severity::from_word(&known.severity);
    let (labels, labels_cut) = labels::fit(labels);
    let mut event = Event {
        fingerprint: identity.fingerprint,
        fingerprint_fields: identity.fields,
        occurrence_key: occurrence::of(identity.fingerprint, span.starts_at),
        state: life.state,
        source: Source {
            name: input.source.into(),
            format: Format::Alertmanager.name().into(),
            reported: cut::short(sender.cluster()),
        },
        severity: severity.unwrap_or_default(),
        severity_from: severity.map_or("default", |_| "labels.severity").into(),
        title: annotations.title(&known.alertname),
        links: annotations.links(generator_url),
        description: annotations.description,
        kind: cut::short(known.alertname.clone()),
        labels,
        data: alert.annotations.map_or(Ok(None), |raw| data_of(raw, place))?,
        occurred_at: sent_time::clamped(life.occurred_at, input.received_at),
        ends_at: life.ends_at,
        received_at: input.received_at,
        ..Event::default()
    };
    known.write_owner(&mut event);
    known.write_thing(&mut event);
    Ok((event, labels_cut))
}

fn require_alertname(known: &WellKnown<'_>, labels: &[Pair<'_>], place: Place) -> Result<(), Refusal> {
    match labels {
        [] => Err(Refusal::missing(
            &place.field("labels"),
            "an alert needs labels, among them alertname",
        )),
        _ if known.alertname.trim().is_empty() => Err(Refusal::missing(
            &place.member("labels", "alertname"),
            "name the alert",
        )),
        _ => Ok(()),
    }
}

/// When an alert began and ends, as far as it says.
struct Span {
    starts_at: Option<Time>,
    ends_at: Option<Time>,
}

/// What `status` says, if it says anything.
fn status(field: Field<'_>, place: Place, sender: &Sender<'_>) -> Result<Option<EventState>, Refusal> {
    // Alerts read back from the API carry an object here; it tells of silences, not of the problem.
    if matches!((&field, sender), (Field::Object, Sender::Api)) {
        return Ok(None);
    }
    let at = place.field("status");
    match field.text(&at)?.trim_ascii() {
        "" => Ok(None),
        word if is(word, "firing") => Ok(Some(EventState::Firing)),
        word if is(word, "resolved") => Ok(Some(EventState::Resolved)),
        word => Err(Refusal::invalid(
            &at,
            format_args!("{} is neither firing nor resolved", Quoted(word)),
        )),
    }
}

fn is(word: &str, known: &str) -> bool {
    word.eq_ignore_ascii_case(known)
}

/// Whether an alert fires, since when, and until when at most.
struct Life {
    state: EventState,
    occurred_at: Time,
    ends_at: Time,
}

fn life(span: &Span, status: Option<EventState>, sender: &Sender<'_>, received_at: Time) -> Life {
    let over = span.ends_at.is_some_and(|end| end <= received_at);
    let group_resolved = matches!(sender, Sender::Webhook { resolved: true, .. });
    let state = match status {
        Some(state) => state,
        None if group_resolved || over => EventState::Resolved,
        None => EventState::Firing,
    };
    if state == EventState::Resolved {
        // Never before its start: the correlator would take the clear for one of an earlier occurrence.
        let end = span
            .ends_at
            .unwrap_or(received_at)
            .max(span.starts_at.unwrap_or(Time::EPOCH));
        return Life {
            state,
            occurred_at: end,
            ends_at: Time::EPOCH,
        };
    }
    let ends_at = match (span.ends_at, sender) {
        (Some(end), _) if end > received_at => end,
        (None, Sender::Api) => received_at.plus(RESOLVE_TIMEOUT),
        _ => Time::EPOCH,
    };
    Life {
        state,
        occurred_at: span.starts_at.unwrap_or(received_at),
        ends_at,
    }
}

/// Which problem an alert tells of, and by which of its fields.
struct Identity<'a> {
    fingerprint: Hash128,
    fields: Strings<'a>,
}

fn identity<'a>(fingerprint: &str, labels: &Labels<'_>, sender: &Sender<'_>) -> Identity<'a> {
    let cluster = sender.cluster();
    let own = match sender {
        Sender::Webhook { .. } => fingerprint.trim_ascii(),
        Sender::Api => "",
    };
    let (fingerprint, field) = match own {
        "" => (
            labels::identity([Format::Alertmanager.name(), &cluster], labels),
            "labels",
        ),
        own => (
            Hash128::of([Format::Alertmanager.name(), own, &cluster]),
            "fingerprint",
        ),
    };
    let fields = [field]
        .into_iter()
        .chain((!cluster.is_empty()).then_some("externalURL"));
    Identity {
        fingerprint,
        fields: fields.collect(),
    }
}

fn data_of(annotations: &RawValue, place: Place) -> Result<Option<RawJson<'_>>, Refusal> {
    match annotations.get() {
        "{}" => Ok(None),
        _ => data::as_sent(annotations, &place.field("annotations")).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shard() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            r#""labels":{"alertname":"A","b":"c"}"#,
            r#""labels":{"alertname":"A","b":1}"#,
            r#""labels":[]"#,
            r#""status":"firing""#,
            r#""status":{"state":"active"}"#,
            r#""status":"x""#,
            r#""startsAt":"2024-12-20T10:00:00Z""#,
            r#""endsAt":5"#,
            r#""annotations":null"#,
            r#""annotations":{"summary":"s","value":"1"}"#,
            r#""annotations":{"summary":["s"],"more":[[1]]}"#,
            r#""annotations":"none""#,
            r#""more":[[[1]]]"#,
            r#""more":1e999"#,
            r#""more":"\ud800""#,
            r#""generatorURL":"http://p/""#,
            r#""fingerprint":"f1""#,
        ])
    }

    proptest! {
        #[test]
        fn alerts_mean_the_same_at_once_and_one_by_one(
            alerts in prop::collection::vec(prop::collection::vec(shard(), 0..5), 1..4),
            is_posted in any::<bool>(),
        ) {
            let alerts: Vec<_> = alerts.iter().map(|members| format!("{{{}}}", members.join(","))).collect();
            let list = format!("[{}]", alerts.join(" , "));
            let body = if is_posted { list } else { format!(r#"{{"alerts":{list},"externalURL":"http://am/"}}"#) };
            let input = Input { body: body.as_bytes(), headers: &[], received_at: Time::from_millis(1_734_690_605_000), source: "s" };
            prop_assert_eq!(&texts(&body).unwrap(), &alerts);
            let one_by_one: Vec<_> = one_by_one(&body, input).unwrap().collect();
            if let Some(at_once) = at_once(&body, input) {
                prop_assert_eq!(at_once.collect::<Vec<_>>(), one_by_one);
            } else {
                let is_odd = |alert: &String| ["[", r#"{"state""#].iter().any(|odd| alert.contains(odd));
                prop_assert!(alerts.iter().any(is_odd));
            }
        }
    }
}
