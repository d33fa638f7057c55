//! `eventbridge`: events as Amazon `EventBridge` delivers them, one or a list of them, told apart by `source` and
//! `detail-type`: AWS Health, Security Hub, `CloudWatch` alarms, S3, and any other, which is for the record.
//! Schemas: docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure, and those that the modules name.
//!
//! Through SNS the same things come without `EventBridge`: an alarm's own notification and S3's `Records`. They
//! are read here too, so that a topic which carries both needs one source.
//!
//! Not read: what a client gives to `PutEvents` (`DetailType`, `Detail`), AWS Health Aware's own shape, SNS's
//! envelope, and the events of Lambda that wrap one of these. A refusal says which it was.

mod cloudwatch;
mod envelope;
mod health;
mod object;
mod other;
mod s3;
mod security_hub;
mod strangers;

use std::rc::Rc;

use domain::event::Event;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::body::{self, Elements, MAX_DEPTH};
use crate::refusal::{Place, Reason, Refusal};
use crate::{Input, Item, Items, owned, surrogates};
use cloudwatch::Alarm;
use envelope::Envelope;
use object::Object;
pub(crate) use strangers::knows;

/// What a `CloudWatch` alarm in state `INSUFFICIENT_DATA` becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum InsufficientData {
    /// No event: the alarm stays what it was.
    #[default]
    Ignore,
    /// A problem, as ALARM.
    Firing,
    /// The end of one, as OK.
    Resolved,
}

/// Makes events of one event or a list of them.
pub(crate) fn parse<'a>(
    text: &'a str,
    input: Input<'a>,
    insufficient_data: InsufficientData,
) -> Result<Items<'a>, Refusal> {
    let mut things = Vec::new();
    for thing in split(text)? {
        if thing.is_no_item(insufficient_data) {
            continue;
        }
        match thing.kind {
            Kind::Unpacked(event) => {
                let Thing { text, within, .. } = thing;
                let items = unpacked(&event, &input, insufficient_data)?.into_iter();
                things.extend(items.map(|item| Thing {
                    text,
                    within,
                    kind: Kind::Made(Box::new(item)),
                }));
                body::bounded(&things)?;
            }
            kind => things.push(Thing { kind, ..thing }),
        }
    }
    let items = things.into_iter();
    Ok(Box::new(
        items.map(move |thing| thing.item(&input, insufficient_data)),
    ))
}

/// The text of each item.
pub(crate) fn texts(text: &str, insufficient_data: InsufficientData) -> Result<Vec<&str>, Refusal> {
    let mut texts = Vec::new();
    let is_item = |thing: &&Thing<'_>| !thing.is_no_item(insufficient_data);
    for thing in split(text)? {
        let items = match &thing.kind {
            Kind::Unpacked(event) => match split(event) {
                Ok(things) => things.iter().filter(is_item).count(),
                Err(refusal) if refusal.reason == Reason::TooManyItems => return Err(refusal),
                Err(_) => 1,
            },
            _ => usize::from(is_item(&&thing)),
        };
        texts.extend(std::iter::repeat_n(thing.text, items));
        body::bounded(&texts)?;
    }
    Ok(texts)
}

/// What becomes one item.
struct Thing<'a> {
    /// Its own text in the body.
    text: &'a str,
    /// The event of the body that it is in, when it is not one itself and the body is a list.
    within: Option<Place>,
    kind: Kind<'a>,
}

/// Which of the shapes it has.
enum Kind<'a> {
    Refused(Refusal),
    /// An event whose detail was a text, put together anew: none, one or several things.
    Unpacked(String),
    /// An item of an unpacked event.
    Made(Box<Item<'a>>),
    Health(Envelope<'a>),
    Finding(Rc<security_hub::Batch<'a>>, security_hub::Sent<'a>),
    Insight(Envelope<'a>),
    Alarm(Box<Alarm<'a>>),
    StoredObject(Envelope<'a>),
    StoredObjectRecord(Place),
    Other(Envelope<'a>),
}

impl<'a> Thing<'a> {
    fn item(self, input: &Input<'a>, insufficient_data: InsufficientData) -> Item<'a> {
        let item = match self.kind {
            Kind::Made(item) => *item,
            kind => kind.event(self.text, input, insufficient_data).into(),
        };
        Item {
            result: item.result.map_err(|refusal| inside(self.within, refusal)),
            ..item
        }
    }

    /// Whether it is an alarm whose state is nothing to this source.
    fn is_no_item(&self, insufficient_data: InsufficientData) -> bool {
        matches!(&self.kind, Kind::Alarm(alarm) if alarm.event_state(insufficient_data).is_none())
    }
}

impl<'a> Kind<'a> {
    fn event(
        self,
        text: &'a str,
        input: &Input<'a>,
        insufficient_data: InsufficientData,
    ) -> Result<(Event<'a>, usize), Refusal> {
        match self {
            Self::Refused(refusal) => Err(refusal),
            Self::Health(envelope) => health::event(&envelope, input),
            Self::Finding(batch, sent) => security_hub::event(&batch, &sent, input),
            Self::Insight(envelope) => security_hub::insight(&envelope, input),
            Self::Alarm(alarm) => Ok(alarm.event(input, insufficient_data)),
            Self::StoredObject(envelope) => s3::event(&envelope, input),
            Self::StoredObjectRecord(place) => s3::record(text, place, input),
            Self::Other(envelope) => other::event(&envelope, input),
            // Both are items already when items are made.
            Self::Unpacked(_) | Self::Made(_) => {
                Err(Refusal::new(Reason::WrongShape, "detail: not an object"))
            }
        }
    }
}

/// A refusal with the place of the event around it.
fn inside(within: Option<Place>, refusal: Refusal) -> Refusal {
    match within {
        Some(place) => Refusal::new(refusal.reason, format!("{place}.{}", refusal.message)),
        None => refusal,
    }
}

/// The things in a body.
fn split(text: &str) -> Result<Vec<Thing<'_>>, Refusal> {
    let mut things = Vec::new();
    match text.as_bytes().first() {
        Some(b'[') => {
            let Elements(elements) = Elements::<&RawValue>::of_body(text)?;
            for (index, raw) in elements.into_iter().enumerate() {
                match Object::of(raw.get(), Place::Element("", index)) {
                    Ok(sent) => of_event(raw.get(), sent, &mut things),
                    Err(refusal) => things.push(Thing::of(raw.get(), Kind::Refused(refusal))),
                }
            }
        }
        Some(b'{') => match Object::of(text, Place::Body) {
            // In a body of one object, what cannot be read is the body.
            Err(refusal) if matches!(refusal.reason, Reason::InvalidJson | Reason::TooDeep) => {
                return Err(refusal);
            }
            Err(refusal) => things.push(Thing::of(text, Kind::Refused(refusal))),
            Ok(sent) => of_event(text, sent, &mut things),
        },
        // Not JSON, or JSON of another kind: the parser says which.
        _ => {
            let kind = body::kind_of(text);
            return match Elements::<IgnoredAny>::of_body(text) {
                Err(refusal) if refusal.reason == Reason::InvalidJson => Err(refusal),
                _ => Err(Refusal::new(
                    Reason::WrongShape,
                    format!("the body is {kind}; send an event of EventBridge, or a list of them"),
                )),
            };
        }
    }
    body::bounded(&things)?;
    Ok(things)
}

/// The items of an event that was put together anew. An event of too many is as good as a body of too many.
fn unpacked<'a>(
    event: &str,
    input: &Input<'_>,
    insufficient_data: InsufficientData,
) -> Result<Vec<Item<'a>>, Refusal> {
    let inner = Input {
        body: event.as_bytes(),
        ..*input
    };
    match parse(event, inner, insufficient_data) {
        Ok(items) => Ok(owned::items(items).collect()),
        Err(refusal) if refusal.reason == Reason::TooManyItems => Err(refusal),
        Err(refusal) => Ok(vec![Err(refusal).into()]),
    }
}

impl<'a> Thing<'a> {
    const fn of(text: &'a str, kind: Kind<'a>) -> Self {
        Self {
            text,
            within: None,
            kind,
        }
    }
}

/// Adds what one object of the body is, or holds.
fn of_event<'a>(text: &'a str, sent: Object<'a>, things: &mut Vec<Thing<'a>>) {
    let added = things.len();
    let within = match sent.place() {
        Place::Body => None,
        place @ Place::Element(..) => Some(place),
    };
    if let Err(refusal) = add(text, sent, within, things) {
        things.truncate(added);
        things.push(Thing::of(text, Kind::Refused(refusal)));
    }
}

fn add<'a>(
    text: &'a str,
    sent: Object<'a>,
    within: Option<Place>,
    things: &mut Vec<Thing<'a>>,
) -> Result<(), Refusal> {
    if sent.has("Records") {
        let records = list(&sent, "Records")?.into_iter().enumerate();
        things.extend(records.map(|(index, raw)| Thing {
            text: raw.get(),
            within,
            kind: Kind::StoredObjectRecord(Place::Element("Records", index)),
        }));
        return Ok(());
    }
    if sent.scalar("Event") == s3::TEST_EVENT {
        return Ok(());
    }
    let kind = if sent.has("AlarmName") && sent.has("NewStateValue") {
        Kind::Alarm(Box::new(Alarm::of_notification(&sent)?))
    } else if sent.has("alarmData") {
        Kind::Alarm(Box::new(Alarm::of_invocation(&sent)?))
    } else {
        strangers::refuse(&sent)?;
        match with_detail_unpacked(&sent)? {
            Some(event) => Kind::Unpacked(event),
            None => return add_delivered(text, Envelope::read(sent)?, within, things),
        }
    };
    // What has no envelope knows its place by itself; what is put together anew does not.
    let within = within.filter(|_| matches!(kind, Kind::Unpacked(_)));
    things.push(Thing { text, within, kind });
    Ok(())
}

/// Adds what an event with its envelope is.
fn add_delivered<'a>(
    text: &'a str,
    envelope: Envelope<'a>,
    within: Option<Place>,
    things: &mut Vec<Thing<'a>>,
) -> Result<(), Refusal> {
    let kind = match (&*envelope.source, &*envelope.detail_type) {
        ("aws.health", "AWS Health Event" | health::ABUSE) => Kind::Health(envelope),
        (
            "aws.securityhub",
            "Security Hub Findings - Imported"
            | "Security Hub Findings - Custom Action"
            | security_hub::FINDINGS_V2,
        ) => {
            let findings = list(&envelope.detail, "findings")?;
            let batch = Rc::new(security_hub::Batch::of(envelope));
            things.extend(security_hub::split(&findings).map(|sent| Thing {
                text: sent.text(),
                within,
                kind: Kind::Finding(Rc::clone(&batch), sent),
            }));
            return Ok(());
        }
        ("aws.securityhub", "Security Hub Insight Results") => Kind::Insight(envelope),
        ("aws.cloudwatch", "CloudWatch Alarm State Change" | "CloudWatch Alarm Contributor State Change") => {
            Kind::Alarm(Box::new(Alarm::of_event(&envelope)?))
        }
        // A changed threshold is nobody's incident.
        ("aws.cloudwatch", "CloudWatch Alarm Configuration Change") => return Ok(()),
        ("aws.s3", "Object Created" | "Object Deleted") => Kind::StoredObject(envelope),
        _ => Kind::Other(envelope),
    };
    things.push(Thing::of(text, kind));
    Ok(())
}

/// A list that has to be there.
fn list<'a>(sent: &Object<'a>, name: &'static str) -> Result<Vec<&'a RawValue>, Refusal> {
    let at = sent.at(name);
    let Some(raw) = sent.raw(name) else {
        return Err(Refusal::missing(&at, "send the event as AWS made it"));
    };
    if !raw.get().starts_with('[') {
        return Err(Refusal::invalid(
            &at,
            format_args!("{}, not a list", body::kind_of(raw.get())),
        ));
    }
    let Elements(elements) = serde_json::from_str(raw.get())
        .map_err(|error| Refusal::invalid(&at, format_args!("not readable: {error}")))?;
    Ok(elements)
}

/// The event with its detail as an object, when that came as a text.
fn with_detail_unpacked(sent: &Object<'_>) -> Result<Option<String>, Refusal> {
    let Some(detail) = sent.raw("detail").filter(|detail| detail.get().starts_with('"')) else {
        return Ok(None);
    };
    let text = serde_json::from_str::<String>(detail.get()).unwrap_or_default();
    let text = surrogates::mended(text.as_bytes());
    let text = str::from_utf8(&text).unwrap_or_default().trim();
    if body::too_deep(text, MAX_DEPTH - 1) {
        let message = format!(
            "{}: nested deeper than {MAX_DEPTH} levels; send less of it",
            sent.at("detail")
        );
        return Err(Refusal::new(Reason::TooDeep, message));
    }
    if !text.starts_with('{') || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Err(Refusal::invalid(
            &sent.at("detail"),
            "a text that is not the JSON of an object",
        ));
    }
    let mut event = String::from("{\"detail\":");
    event.push_str(text);
    for (name, value) in sent.members().filter(|(name, _)| name != "detail") {
        event.push(',');
        event.push_str(&serde_json::Value::from(&**name).to_string());
        event.push(':');
        event.push_str(value.get());
    }
    event.push('}');
    Ok(Some(event))
}

#[cfg(test)]
mod tests;
