//! Objects that were created or deleted in S3, by `EventBridge` or by S3's own notifications. Schemas: Amazon S3
//! User Guide, "`EventBridge` event message structure" and "Event message structure".
//!
//! The identity is bucket, key and version, or the sequencer in a bucket without versions: the same by both ways.
//! In a notification the key is URL-encoded, with `+` for a space. There is no life cycle; a file is not a
//! problem.

use std::borrow::Cow;

use domain::event::Event;
use domain::hash::Hash128;

use super::envelope::{self, Envelope};
use super::object::Object;
use crate::labels;
use crate::refusal::{Place, Refusal};
use crate::{Format, Input, cut, percent, sent_time};

/// What S3 sends when notifications are set up.
pub(super) const TEST_EVENT: &str = "s3:TestEvent";

/// Makes an event of one event of `EventBridge`.
pub(super) fn event<'a>(envelope: &Envelope<'a>, input: &Input<'a>) -> Result<(Event<'a>, usize), Refusal> {
    let detail = &envelope.detail;
    let bucket = detail
        .object("bucket", "detail.bucket")?
        .required("name", NO_BUCKET)?;
    let object = detail.object("object", "detail.object")?;
    let stored = Stored {
        key: object.required("key", NO_KEY)?,
        version: object.first(&["version-id", "sequencer"]),
        fields: [
            "detail.bucket.name",
            "detail.object.key",
            "detail.object.version-id",
        ],
        labels: vec![
            ("reason", detail.scalar("reason")),
            ("requester", detail.scalar("requester")),
            ("deletionType", detail.scalar("deletion-type")),
            ("size", object.scalar("size")),
        ],
        bucket,
    };
    let event = envelope.event(input)?;
    Ok(stored.written(&envelope.detail_type, event))
}

/// Makes an event of one record of a notification.
pub(super) fn record<'a>(
    text: &'a str,
    place: Place,
    input: &Input<'a>,
) -> Result<(Event<'a>, usize), Refusal> {
    let record = Object::of(text, place)?;
    if !record.has("s3") {
        let advice =
            "of the events with Records only S3's notifications are read; send what they wrap by itself";
        return Err(Refusal::missing(&record.at("s3"), advice));
    }
    let s3 = record.object("s3", "s3")?;
    let bucket = s3.object("bucket", "s3.bucket")?.required("name", NO_BUCKET)?;
    let object = s3.object("object", "s3.object")?;
    let name = record.text("eventName")?;
    let stored = Stored {
        key: Cow::Owned(url_decoded(&object.required("key", NO_KEY)?)),
        version: object.first(&["versionId", "sequencer"]),
        fields: ["s3.bucket.name", "s3.object.key", "s3.object.versionId"],
        labels: vec![
            ("reason", name.clone()),
            (
                "requester",
                record.lenient_object("userIdentity").scalar("principalId"),
            ),
            ("size", object.scalar("size")),
        ],
        bucket,
    };
    let occurred_at = record.time("eventTime")?.unwrap_or(input.received_at);
    let sequencer = object.scalar("sequencer");
    let event = Event {
        delivery_key: stored.delivery_key(&name, &sequencer),
        kind: cut::short(name.clone()),
        region: cut::short(record.scalar("awsRegion")),
        occurred_at: sent_time::clamped(occurred_at, input.received_at),
        data: Some(record.as_sent()?),
        ..envelope::blank("aws:s3".into(), input)
    };
    let what = match name.split(':').next().unwrap_or_default() {
        "ObjectCreated" => "Object Created",
        "ObjectRemoved" => "Object Deleted",
        "" => "Object",
        other => other,
    };
    Ok(stored.written(what, event))
}

const NO_BUCKET: &str = "name the bucket";
const NO_KEY: &str = "name the object";

/// An object of a bucket.
struct Stored<'a> {
    bucket: Cow<'a, str>,
    key: Cow<'a, str>,
    version: Cow<'a, str>,
    fields: [&'static str; 3],
    labels: Vec<(&'static str, Cow<'a, str>)>,
}

impl<'a> Stored<'a> {
    /// The event with what is known of the object.
    fn written(self, what: &str, event: Event<'a>) -> (Event<'a>, usize) {
        let path = format!("{}/{}", self.bucket, self.key);
        let pairs = self.labels.into_iter().chain([("bucket", self.bucket.clone())]);
        let (labels, labels_cut) = labels::named(pairs);
        let event = Event {
            fingerprint: Hash128::of([
                Format::EventBridge.name(),
                "aws.s3",
                &self.bucket,
                &self.key,
                &self.version,
            ]),
            fingerprint_fields: self.fields.into_iter().collect(),
            title: cut::title(Cow::Owned(format!("{what}: {path}"))),
            resource: cut::short(Cow::Owned(path)),
            service: "s3".into(),
            labels,
            ..event
        };
        (event, labels_cut)
    }

    /// S3 numbers what happens to a key; it may deliver each of it more than once.
    fn delivery_key(&self, name: &str, sequencer: &str) -> Cow<'a, str> {
        if sequencer.is_empty() {
            return Cow::Borrowed("");
        }
        let key = Hash128::of(["aws.s3", &self.bucket, &self.key, name, sequencer]);
        Cow::Owned(format!("{}:{key}", Format::EventBridge.name()))
    }
}

/// A key as it is, of one in a URL's query.
fn url_decoded(encoded: &str) -> String {
    let bytes = percent::decoded(&encoded.replace('+', " "));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_notification_is_decoded_once() {
        assert_eq!(url_decoded("a+b%20c%2Bd"), "a b c+d");
        assert_eq!(url_decoded("m%C3%BCll/100%25.csv"), "müll/100%.csv");
        assert_eq!(url_decoded("odd%2"), "odd%2");
        assert_eq!(url_decoded("%zz%"), "%zz%");
    }
}
