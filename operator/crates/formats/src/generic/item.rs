//! One item as an event: what its mapping answers, brought into an event's bounds.

use std::borrow::Cow;

use domain::event::{Event, EventState, Source, bounds};
use domain::expression::Step;
use domain::hash::Hash128;
use domain::json::{Labels, RawJson, Strings};
use domain::severity::Severity;
use domain::time::Time;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::lens::Lens;
use super::mapping::{BODY, ITEM, Mapped, Mapping};
use super::shapes;
use crate::labels::{self, Pair, WellKnown};
use crate::refusal::{Place, Quoted, Refusal};
use crate::{
    Format, Input, SOURCE, authority, body, cut, data, delivery_key, links, sent_time, state_word, template,
};

/// The word for a state that makes no event.
const IGNORE: &str = "ignore";
/// What the payload says of its sender, within which an id is one too.
const REPORTED: &str = "source";
/// What the fingerprint is of besides when the mapping gives none.
const TEXT_FIELDS: [&str; 4] = ["type", "host", "service", "title"];

/// The event of an item, and how many of its labels were cut; none when its state is [`IGNORE`].
pub(super) fn event<'a>(
    raw: &'a RawValue,
    mapping: &Mapping,
    mut lens: Lens<'_, '_>,
    input: &Input<'a>,
) -> Result<Option<(Event<'a>, usize)>, Refusal> {
    let Some(state) = state(&mut lens, &mapping.state)? else {
        return Ok(None);
    };
    let mut pairs: Vec<Pair<'a>> = lens.pairs(&mapping.labels)?.into_iter().map(owned).collect();
    let mut event = Event {
        state,
        source: Source {
            name: input.source.into(),
            format: Format::Generic.name().into(),
            reported: cut::short(lens.text(&mapping.source)?),
        },
        kind: cut::short(lens.text(&mapping.kind)?),
        received_at: input.received_at,
        ..Event::default()
    };
    (event.severity, event.severity_from) = severity(&mut lens, &mapping.severity, &mut pairs)?;
    write_texts(&mut event, &mut lens, mapping)?;
    write_places(&mut event, &mut lens, mapping, &pairs)?;
    write_lists(&mut event, &mut lens, mapping)?;
    write_times(&mut event, &mut lens, mapping)?;
    write_identity(&mut event, &mut lens, mapping)?;
    event.data = data_of(raw, &mut lens, &mapping.data)?;
    let (labels, labels_cut) = labels::fit(Labels::new(pairs));
    event.labels = labels;
    Ok(Some((event, labels_cut)))
}

fn owned<'a>((name, value): (String, String)) -> Pair<'a> {
    (Cow::Owned(name), Cow::Owned(value))
}

fn state(lens: &mut Lens<'_, '_>, mapped: &Mapped) -> Result<Option<EventState>, Refusal> {
    let word = lens.text(mapped)?;
    if word.eq_ignore_ascii_case(IGNORE) {
        return Ok(None);
    }
    let state = state_word::read(&word).ok_or_else(|| {
        let known = state_word::known();
        let problem = format_args!(
            "{} is no known state; give one of {known}, or {IGNORE}",
            Quoted(&word)
        );
        Refusal::invalid(&lens.at(mapped), problem)
    })?;
    Ok(Some(state))
}

/// The severity and where it came from. A word that nobody agreed on is kept as a label, so that a rule can still match
/// it.
fn severity(
    lens: &mut Lens<'_, '_>,
    mapped: &Mapped,
    pairs: &mut Vec<Pair<'_>>,
) -> Result<(Severity, Cow<'static, str>), Refusal> {
    let word = lens.text(mapped)?;
    if let Some(severity) = Severity::from_word(&word) {
        let from = match mapped.mentioned().as_slice() {
            [one] => one.clone(),
            _ => mapped.path.to_owned(),
        };
        return Ok((severity, Cow::Owned(from)));
    }
    if !word.is_empty() && pairs.iter().all(|(name, _)| name != "severity") {
        pairs.push(("severity".into(), word));
    }
    Ok((Severity::default(), Cow::Borrowed("default")))
}

fn write_texts(event: &mut Event<'_>, lens: &mut Lens<'_, '_>, mapping: &Mapping) -> Result<(), Refusal> {
    let title = cut::title(lens.text(&mapping.title)?);
    event.title = if title.is_empty() {
        cut::title(event.kind.clone())
    } else {
        title
    };
    if event.title.is_empty() {
        let advice = "send it, or map title to what is always there";
        return Err(Refusal::missing(&lens.at(&mapping.title), advice));
    }
    event.description = cut::description(lens.text(&mapping.description)?, &event.title);
    Ok(())
}

/// Where it stands and whose it is; without an expression, as the labels of the agreed names say.
fn write_places(
    event: &mut Event<'_>,
    lens: &mut Lens<'_, '_>,
    mapping: &Mapping,
    pairs: &[Pair<'_>],
) -> Result<(), Refusal> {
    let mut labelled = Event::default();
    let mut known = WellKnown::of(pairs);
    known.write_thing(&mut labelled);
    known.write_owner(&mut labelled);
    let mut text = |mapped: &Mapped, labelled: Cow<'_, str>| -> Result<Cow<'static, str>, Refusal> {
        if mapped.is_given() {
            Ok(cut::short(lens.text(mapped)?))
        } else {
            Ok(Cow::Owned(labelled.into_owned()))
        }
    };
    event.host = authority::host(text(&mapping.host, labelled.host)?);
    event.service = text(&mapping.service, labelled.service)?;
    event.team = text(&mapping.team, labelled.team)?;
    event.environment = text(&mapping.environment, labelled.environment)?;
    event.account = text(&mapping.account, labelled.account)?;
    event.region = text(&mapping.region, labelled.region)?;
    event.resource = text(&mapping.resource, labelled.resource)?;
    if event.resource.is_empty() {
        event.resource = event.host.clone();
    }
    Ok(())
}

fn write_lists(event: &mut Event<'_>, lens: &mut Lens<'_, '_>, mapping: &Mapping) -> Result<(), Refusal> {
    let short = |texts: Vec<Cow<'static, str>>, most: usize| {
        Strings(texts.into_iter().take(most).map(cut::short).collect())
    };
    event.resources = short(lens.texts(&mapping.resources)?, bounds::RESOURCES);
    event.tags = short(lens.texts(&mapping.tags)?, bounds::TAGS);
    let sent = lens.pairs(&mapping.links)?.into_iter();
    let usable = sent
        .filter(|(_, link)| links::is_usable(link))
        .take(bounds::LABELS);
    let bounded = |(name, link)| (cut::to_bytes(name, bounds::LABEL_NAME_BYTES), link);
    event.links = Labels::new(usable.map(owned).map(bounded).collect());
    Ok(())
}

fn write_times(event: &mut Event<'_>, lens: &mut Lens<'_, '_>, mapping: &Mapping) -> Result<(), Refusal> {
    let mut time = |mapped: &Mapped| sent_time::read(&lens.field(mapped)?, &lens.at(mapped));
    let occurred_at = time(&mapping.occurred_at)?.unwrap_or(event.received_at);
    let ends_at = time(&mapping.ends_at)?.filter(|end| *end > event.received_at);
    event.occurred_at = sent_time::clamped(occurred_at, event.received_at);
    if event.state == EventState::Firing {
        event.ends_at = ends_at.unwrap_or(Time::EPOCH);
    }
    Ok(())
}

/// The same problem, the same occurrence of it, the same message.
fn write_identity(event: &mut Event<'_>, lens: &mut Lens<'_, '_>, mapping: &Mapping) -> Result<(), Refusal> {
    let scope = if event.source.reported.is_empty() {
        &event.source.name
    } else {
        &event.source.reported
    };
    let scope = scope.clone().into_owned();
    let source = event.source.name.clone().into_owned();
    let format = Format::Generic.name();
    let reported = (!event.source.reported.is_empty()).then_some(REPORTED);
    let scopes = [SOURCE].into_iter().chain(reported).map(Cow::Borrowed);
    let given = identifying(lens, &mapping.fingerprint)?;
    if given.iter().any(|value| !value.is_empty()) {
        let values = given.iter().map(String::as_str);
        event.fingerprint = Hash128::of([format, &source, &scope].into_iter().chain(values));
        let mut names = mapping.fingerprint.mentioned();
        names.retain(|name| name != REPORTED);
        let names = names.into_iter().map(Cow::Owned);
        event.fingerprint_fields = Strings(scopes.chain(names).collect());
    } else {
        let template = template::of(&event.title).into_owned();
        let parts = [
            format,
            &source,
            &scope,
            &event.kind,
            &event.host,
            &event.service,
            &template,
        ];
        event.fingerprint = Hash128::of(parts);
        let names = TEXT_FIELDS.into_iter().map(Cow::Borrowed);
        event.fingerprint_fields = Strings(scopes.chain(names).collect());
        event.template = Cow::Owned(template);
    }
    let occurrence = lens.text(&mapping.occurrence)?;
    if !occurrence.is_empty() {
        event.occurrence_key = Hash128::of([&*event.fingerprint.to_string(), &*occurrence]);
    }
    let message = lens.text(&mapping.delivery_key)?;
    if !message.is_empty() {
        event.delivery_key = message_key(&scope, &message, &mapping.delivery_key, lens.place);
    }
    Ok(())
}

/// The values that make a problem the same problem.
fn identifying(lens: &mut Lens<'_, '_>, mapped: &Mapped) -> Result<Vec<String>, Refusal> {
    let values = match lens.json(mapped)? {
        Json::Array(values) => values,
        value => vec![value],
    };
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        let kind = shapes::kind(&value);
        let text = shapes::scalar(value).ok_or_else(|| {
            let problem = format_args!("{kind} in it; give a text, a number, or a list of such");
            Refusal::invalid(&lens.at(mapped), problem)
        })?;
        texts.push(text);
    }
    Ok(texts)
}

/// The key of a message, or of an item in it: what says nothing of the item is the same for all of them.
fn message_key(scope: &str, message: &str, mapped: &Mapped, place: Place) -> Cow<'static, str> {
    let id = match place {
        Place::Element(_, index) if !mapped.names(ITEM) => format!("{scope}:{message}:{index}"),
        _ => format!("{scope}:{message}"),
    };
    delivery_key::of(Format::Generic, &id)
}

/// What to keep of the item: as sent where the mapping does not say otherwise, or says so by a path.
fn data_of<'a>(
    raw: &'a RawValue,
    lens: &mut Lens<'_, '_>,
    mapped: &Mapped,
) -> Result<Option<RawJson<'a>>, Refusal> {
    let at = lens.at(mapped);
    let Some(expression) = &mapped.expression else {
        return data::as_sent(raw, &at).map(Some);
    };
    // Else the whole of a long list could be written once for each of its elements.
    if matches!(lens.place, Place::Element(..)) && mapped.names(BODY) {
        let problem = "mentions body, which is a list here; keep parts of item";
        return Err(Refusal::invalid(&at, problem));
    }
    let not_an_object =
        |kind| Refusal::invalid(&at, format_args!("{kind}, not an object; give {{'name': value}}"));
    let is_item = |name: &str| name == ITEM || name == BODY;
    if let Some([Step::Field(name), steps @ ..]) = expression.path()
        && is_item(name)
    {
        let part = steps.iter().try_fold(raw, shapes::member);
        return match part.map_or("null", RawValue::get).as_bytes().first() {
            Some(b'{') => part.map(|part| data::as_sent(part, &at)).transpose(),
            Some(b'n') => Ok(None),
            _ => Err(not_an_object(
                part.map_or("null", |part| body::kind_of(part.get())),
            )),
        };
    }
    match lens.json(mapped)? {
        Json::Null => Ok(None),
        value @ Json::Object(_) => Ok(RawJson::of(&value)),
        other => Err(not_an_object(shapes::kind(&other))),
    }
}
