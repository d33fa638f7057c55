//! `sns`: what Amazon SNS posts to an HTTP(S) endpoint: its envelope around a message, or, by raw delivery, the
//! message itself. Schema: Amazon SNS Developer Guide, "Parsing Amazon SNS message formats".
//!
//! The message is read as the format that the source's configuration names, by default `eventbridge`, whose
//! reader also knows the notifications that `CloudWatch` and S3 give to SNS. Some senders give SNS plain text, or
//! JSON of their own (budgets, cost anomalies, Auto Scaling): with the default format such a message is a notice,
//! for the record.
//!
//! Not here: the signature, its certificate, the topic and the confirmation of a subscription. The collector has
//! seen to them before a body is read, so the envelope is trusted.

use std::borrow::Cow;

use domain::event::{Event, EventState, Source};
use domain::hash::Hash128;
use domain::json::RawJson;
use domain::severity::Severity;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::field::Field;
use crate::refusal::{Place, Quoted, Refusal};
use crate::{
    Format, Input, Item, Items, Reader, body, cut, data, delivery_key, eventbridge, owned, sent_time,
    template,
};

/// How raw delivery says so, and the message's id in it.
const RAW_DELIVERY: &str = "x-amz-sns-rawdelivery";
const MESSAGE_ID: &str = "x-amz-sns-message-id";
const TOPIC_ARN: &str = "x-amz-sns-topic-arn";

/// Makes events of a message.
pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>, message: &'a Reader) -> Result<Items<'a>, Refusal> {
    match Delivery::of(text, &input)? {
        Delivery::Handshake => Ok(Box::new(std::iter::empty())),
        Delivery::Raw => {
            let sent = Message::of_headers(text, &input);
            if sent.is_notice(message) {
                return Ok(notice(&sent, &input));
            }
            let key = delivery_key::of(Format::Sns, &sent.id);
            let items = message.parse(input)?;
            let several = items.len() > 1;
            let numbered = items.enumerate();
            Ok(Box::new(numbered.map(move |(index, item)| {
                with_key(item, &key, several.then_some(index))
            })))
        }
        Delivery::Notification(envelope) => {
            let sent = Message::of_envelope(envelope)?;
            if sent.is_notice(message) {
                return Ok(notice(&sent, &input));
            }
            let inner = Input {
                body: sent.text.as_bytes(),
                ..input
            };
            let items = owned::items(message.parse(inner).map_err(in_message)?);
            let several = items.len() > 1;
            let key = delivery_key::of(Format::Sns, &sent.id);
            let numbered = items.enumerate();
            Ok(Box::new(numbered.map(move |(index, item)| {
                let item = Item {
                    result: item.result.map_err(in_message),
                    ..item
                };
                with_key(item, &key, several.then_some(index))
            })))
        }
    }
}

/// The text of each item: of a message the parts that its own format knows.
pub(crate) fn texts<'a>(text: &'a str, input: Input<'a>, message: &'a Reader) -> Vec<Cow<'a, str>> {
    match Delivery::of(text, &input) {
        Err(_) | Ok(Delivery::Handshake) => Vec::new(),
        Ok(Delivery::Raw) if Message::of_headers(text, &input).is_notice(message) => vec![text.into()],
        Ok(Delivery::Raw) => message.texts(input),
        Ok(Delivery::Notification(envelope)) => {
            let Ok(sent) = Message::of_envelope(envelope) else {
                return Vec::new();
            };
            if sent.is_notice(message) {
                return vec![text.into()];
            }
            let inner = Input {
                body: sent.text.as_bytes(),
                ..input
            };
            let texts = message.texts(inner).into_iter();
            texts.map(|text| Cow::Owned(text.into_owned())).collect()
        }
    }
}

/// SNS's envelope as sent.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Envelope<'a> {
    #[serde(borrow)]
    r#type: Field<'a>,
    #[serde(borrow)]
    message_id: Field<'a>,
    #[serde(borrow)]
    topic_arn: Field<'a>,
    #[serde(borrow)]
    subject: Field<'a>,
    #[serde(borrow)]
    message: Field<'a>,
    #[serde(borrow)]
    timestamp: Field<'a>,
    #[serde(borrow)]
    message_attributes: Option<&'a RawValue>,
}

/// What SNS posted.
enum Delivery<'a> {
    /// A message in its envelope.
    Notification(Envelope<'a>),
    /// A message without one.
    Raw,
    /// About the subscription itself; there is no message.
    Handshake,
}

impl<'a> Delivery<'a> {
    fn of(text: &'a str, input: &Input<'a>) -> Result<Self, Refusal> {
        let is_raw = input
            .header(RAW_DELIVERY)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if is_raw || !text.starts_with('{') {
            return Ok(Self::Raw);
        }
        let envelope: Envelope<'a> = body::object(text, Place::Body)?;
        if envelope.r#type == Field::Absent || envelope.topic_arn == Field::Absent {
            return Ok(Self::Raw);
        }
        let at = Place::Body.field("Type");
        match &*envelope.r#type.clone().text(&at)? {
            "Notification" => Ok(Self::Notification(envelope)),
            "SubscriptionConfirmation" | "UnsubscribeConfirmation" => Ok(Self::Handshake),
            other => Err(Refusal::invalid(
                &at,
                format_args!(
                    "{} is none of Notification, SubscriptionConfirmation, UnsubscribeConfirmation",
                    Quoted(other)
                ),
            )),
        }
    }
}

/// A message, with what is known of its delivery.
struct Message<'a> {
    id: Cow<'a, str>,
    topic: Cow<'a, str>,
    subject: Cow<'a, str>,
    text: Cow<'a, str>,
    timestamp: Field<'a>,
    attributes: Option<&'a RawValue>,
    /// Whether SNS brought it; else nothing but the body says what it is.
    is_from_sns: bool,
}

impl<'a> Message<'a> {
    fn of_envelope(envelope: Envelope<'a>) -> Result<Self, Refusal> {
        let field = |name| Place::Body.field(name);
        let text = envelope.message.text(&field("Message"))?;
        if text.is_empty() {
            return Err(Refusal::missing(
                &field("Message"),
                "a notification has a message",
            ));
        }
        Ok(Self {
            id: envelope.message_id.text(&field("MessageId"))?,
            topic: envelope.topic_arn.text(&field("TopicArn"))?,
            subject: envelope.subject.scalar().unwrap_or_default(),
            text,
            timestamp: envelope.timestamp,
            attributes: envelope
                .message_attributes
                .filter(|raw| raw.get().starts_with('{')),
            is_from_sns: true,
        })
    }

    fn of_headers(text: &'a str, input: &Input<'a>) -> Self {
        let header = |name| Cow::Borrowed(input.header(name).unwrap_or_default());
        Self {
            id: header(MESSAGE_ID),
            topic: header(TOPIC_ARN),
            subject: Cow::Borrowed(""),
            text: text.into(),
            timestamp: Field::Absent,
            attributes: None,
            is_from_sns: input.header(RAW_DELIVERY).is_some() || input.header(MESSAGE_ID).is_some(),
        }
    }

    /// Whether it is nothing that the default format reads, so that it is told as it is. A source that names
    /// another format gets that format's refusal instead.
    fn is_notice(&self, message: &Reader) -> bool {
        let text = self.text.trim();
        message.format() == Format::EventBridge
            && self.is_from_sns
            && !(is_json(text) && eventbridge::knows(text))
    }

    /// What tells one kind of message of a topic from another: its subject, else its first line, without what varies.
    fn template(&self) -> (Cow<'_, str>, &'static str) {
        let text = self.text.trim();
        match self.subject.trim() {
            "" if is_json(text) => (Cow::Borrowed(""), ""),
            "" => (
                template::of(text.lines().next().unwrap_or_default()),
                "template(Message)",
            ),
            subject => (template::of(subject), "template(Subject)"),
        }
    }
}

/// Whether a message is for machines: an object or a list. People begin with a bracket too ("[ALARM] disk full").
fn is_json(text: &str) -> bool {
    text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A message for people as one item.
fn notice<'a>(sent: &Message<'_>, input: &Input<'a>) -> Items<'a> {
    let item: Item<'_> = notice_event(sent, input).map(|event| (event, 0)).into();
    owned::items(Box::new(std::iter::once(item)))
}

fn notice_event<'m>(sent: &Message<'m>, input: &Input<'m>) -> Result<Event<'m>, Refusal> {
    let text = sent.text.trim();
    let occurred_at = sent_time::read(&sent.timestamp, &Place::Body.field("Timestamp"))?;
    let is_json = is_json(text);
    let title = match sent.subject.trim() {
        "" if is_json => "SNS notification",
        "" => text,
        subject => subject,
    };
    let title = cut::title(Cow::Owned(title.to_owned()));
    let part_of_arn = |index| Cow::Owned(sent.topic.split(':').nth(index).unwrap_or_default().to_owned());
    let (template, field) = sent.template();
    Ok(Event {
        delivery_key: delivery_key::of(Format::Sns, &sent.id),
        fingerprint: Hash128::of([Format::Sns.name(), &sent.topic, &template]),
        fingerprint_fields: ["TopicArn", field]
            .into_iter()
            .filter(|field| !field.is_empty())
            .collect(),
        template: Cow::Owned(template.into_owned()),
        state: EventState::Info,
        severity: Severity::Info,
        severity_from: "default".into(),
        source: Source {
            name: input.source.into(),
            format: Format::Sns.name().into(),
            reported: cut::short(sent.topic.clone()),
        },
        // JSON is in the data already.
        description: cut::description(Cow::Owned(if is_json { "" } else { text }.to_owned()), &title),
        title,
        region: cut::short(part_of_arn(3)),
        account: cut::short(part_of_arn(4)),
        data: notice_data(sent)?,
        occurred_at: sent_time::clamped(occurred_at.unwrap_or(input.received_at), input.received_at),
        received_at: input.received_at,
        ..Event::default()
    })
}

/// A message that is JSON, and the attributes that the sender gave it.
fn notice_data<'m>(sent: &Message<'m>) -> Result<Option<RawJson<'m>>, Refusal> {
    let at = Place::Body.field("Message");
    let message: Option<&RawValue> = serde_json::from_str(sent.text.trim())
        .ok()
        .filter(|message: &&RawValue| data::is_nested(message));
    let members = [("Message", message), ("MessageAttributes", sent.attributes)];
    let members: Vec<_> = members
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (Cow::Borrowed(name), value)))
        .collect();
    if members.is_empty() {
        return Ok(None);
    }
    data::with_others(None, members, &at).map(|data| Some(data.into_owned()))
}

/// A refusal of the message, said of the body.
fn in_message(mut refusal: Refusal) -> Refusal {
    refusal.message.insert_str(0, "Message: ");
    refusal
}

/// The item with the message's key, where its own format has none.
fn with_key<'a>(mut item: Item<'a>, message: &str, index: Option<usize>) -> Item<'a> {
    if let Ok(event) = &mut item.result
        && event.delivery_key.is_empty()
    {
        event.delivery_key = match index {
            Some(index) => delivery_key::of_item(message, index),
            None => Cow::Owned(message.to_owned()),
        };
    }
    item
}

#[cfg(test)]
mod tests;
