//! One alert as Alertmanager and Grafana send it, as an event: what both have in common. Where a body's alerts are, who
//! sends them and what only one of the two has, their own modules know ([`Dialect`]).

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
use crate::data::Member;
use crate::field::Field;
use crate::labels::{self, Pair, Values, WellKnown};
use crate::refusal::{Place, Quoted, Refusal};
use crate::{Format, Input, Items, SOURCE, authority, cut, data, occurrence, sent_time};
use sent::Alert;
pub(crate) use sent::{Envelope, Extra};

/// Alertmanager's own default of `resolve_timeout`: how long a posted alert without `endsAt` fires.
const RESOLVE_TIMEOUT: Duration = Duration::from_mins(5);

/// One sender's way with these alerts.
pub(crate) trait Dialect {
    /// What its alerts have beyond the common members.
    type Extra<'a>: Extra<'a> + 'a;

    /// The alerts of a body, each as a `T`, and who sends them.
    fn split<'a, T: Deserialize<'a>>(text: &'a str) -> Result<(Elements<T>, Sender<'a>), Refusal>;

    /// The last word on an event.
    fn finish(_: &mut Event<'_>) {}
}

/// Makes events of a body's alerts.
pub(crate) fn parse<'a, D: Dialect>(text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    at_once::<D>(text, input).map_or_else(|| one_by_one::<D>(text, input), Ok)
}

/// Reads all alerts in one go. `None` when anything is out of the ordinary: JSON that cannot be read, or a value that
/// may be nested too deep.
pub(crate) fn at_once<'a, D: Dialect>(text: &'a str, input: Input<'a>) -> Option<Items<'a>> {
    let (alerts, sender) = D::split::<Alert<'a, D::Extra<'a>>>(text).ok()?;
    let plain = alerts.0.iter().all(Alert::is_plain);
    plain.then(|| {
        alerts.items(sender.list(), move |alert, place| {
            event::<D>(alert, place, &sender, &input)
        })
    })
}

/// Looks for the ends of the alerts first, so that each lives and dies alone.
pub(crate) fn one_by_one<'a, D: Dialect>(text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    let (alerts, sender) = D::split::<&'a RawValue>(text)?;
    Ok(alerts.items(sender.list(), move |raw, place| {
        body::object(raw.get(), place).and_then(|alert| event::<D>(alert, place, &sender, &input))
    }))
}

/// The text of each alert.
pub(crate) fn texts<D: Dialect>(text: &str) -> Result<Vec<&str>, Refusal> {
    D::split(text).map(|(alerts, _)| alerts.texts())
}

/// Who speaks, which decides how an alert's identity and state are read.
pub(crate) enum Sender<'a> {
    /// A webhook.
    Webhook {
        /// Whose.
        format: Format,
        /// The Alertmanager or Grafana behind it.
        cluster: Cow<'a, str>,
        /// Grafana's organisation; Alertmanager has none.
        organisation: Cow<'a, str>,
        /// Whether the whole group is resolved.
        resolved: bool,
    },
    /// Prometheus, or anything that posts to Alertmanager's API.
    Api,
}

impl<'a> Sender<'a> {
    /// The sender of a webhook with that envelope.
    pub(crate) fn of<T>(format: Format, envelope: Envelope<'a, T>) -> Self {
        let text_of = |field: Field<'a>| match field {
            Field::Text(text) => text,
            _ => Cow::Borrowed(""),
        };
        Self::Webhook {
            format,
            cluster: authority::cluster(text_of(envelope.external_url)),
            organisation: Cow::Borrowed(""),
            resolved: is(&text_of(envelope.status), "resolved"),
        }
    }

    /// The same within an organisation.
    #[must_use]
    pub(crate) fn within(mut self, id: Cow<'a, str>) -> Self {
        if let Self::Webhook { organisation, .. } = &mut self {
            *organisation = id;
        }
        self
    }

    const fn format(&self) -> Format {
        match self {
            Self::Webhook { format, .. } => *format,
            Self::Api => Format::Alertmanager,
        }
    }

    fn organisation(&self) -> &str {
        match self {
            Self::Webhook { organisation, .. } => organisation,
            Self::Api => "",
        }
    }

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

fn event<'a, D: Dialect>(
    mut alert: Alert<'a, D::Extra<'a>>,
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
        input.source,
    );
    let mut annotations = Annotations::read(alert.annotations, place)?;
    let generator_url = alert.generator_url.text(&place.field("generatorURL"))?;
    let severity = Severity::from_word(&known.severity);
    let (labels, labels_cut) = labels::fit(labels);
    let mut event = Event {
        fingerprint: identity.fingerprint,
        fingerprint_fields: identity.fields,
        occurrence_key: occurrence::key(identity.fingerprint, span.starts_at),
        state: life.state,
        source: Source {
            name: input.source.into(),
            format: sender.format().name().into(),
            reported: cut::short(sender.cluster()),
        },
        severity: severity.unwrap_or_default(),
        severity_from: severity.map_or("default", |_| "labels.severity").into(),
        title: annotations.title(&known.alertname),
        links: annotations.links(generator_url, alert.extra.links()),
        description: annotations.description,
        kind: cut::short(known.alertname.clone()),
        labels,
        data: data_of(alert.annotations, alert.extra.members(), place)?,
        occurred_at: sent_time::clamped(life.occurred_at, input.received_at),
        ends_at: life.ends_at,
        received_at: input.received_at,
        ..Event::default()
    };
    known.write_owner(&mut event);
    known.write_thing(&mut event);
    D::finish(&mut event);
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

fn identity<'a>(fingerprint: &str, labels: &Labels<'_>, sender: &Sender<'_>, source: &str) -> Identity<'a> {
    let (format, cluster, organisation) = (sender.format().name(), sender.cluster(), sender.organisation());
    let own = match sender {
        Sender::Webhook { .. } => fingerprint.trim_ascii(),
        Sender::Api => "",
    };
    let organisation = Some(organisation).filter(|id| !id.is_empty());
    let (fingerprint, field) = match (own, organisation) {
        ("", None) => (labels::identity([format, source, &cluster], labels), "labels"),
        // No cluster's name has this character: it begins a URL's fragment.
        ("", Some(id)) => (
            labels::identity([format, source, &format!("{cluster}#{id}")], labels),
            "labels",
        ),
        (own, id) => (
            Hash128::of([format, source, own, &cluster].into_iter().chain(id)),
            "fingerprint",
        ),
    };
    let fields = [SOURCE, field]
        .into_iter()
        .chain(organisation.map(|_| "orgId"))
        .chain((!cluster.is_empty()).then_some("externalURL"));
    Identity {
        fingerprint,
        fields: fields.collect(),
    }
}

/// The annotations as sent, and beside them what else no field takes.
fn data_of<'a>(
    annotations: Option<&'a RawValue>,
    others: Vec<Member<'a>>,
    place: Place,
) -> Result<Option<RawJson<'a>>, Refusal> {
    let at = place.field("annotations");
    match annotations {
        Some(annotations) if others.is_empty() && annotations.get() != "{}" => {
            data::as_sent(annotations, &at).map(Some)
        }
        _ if others.is_empty() => Ok(None),
        annotations => data::with_others(annotations, others, &at).map(Some),
    }
}
