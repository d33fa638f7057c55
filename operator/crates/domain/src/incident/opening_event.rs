//! The event that opened an incident, as its record keeps it: what people ask of it, without the payload, within
//! bounds. Which event opens one is `correlate`'s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dimensions::Dimensions;
use crate::event::{Event, clip};
use crate::json::{Labels, Strings};
use crate::severity::Severity;
use crate::time::Time;

/// Bytes of the description, [`MARK`] included: a screen of text. The whole stays in the log.
const DESCRIPTION_BYTES: usize = 1024;
/// What a description that was cut ends with.
const MARK: &str = "…";
/// Bytes of any other text. Parsers cut most to 256; delivery keys and templates are longer.
const TEXT_BYTES: usize = 512;
/// Bytes of labels, links and tags together. With the other texts the whole comes to 24 KiB at most, and to about
/// 1 KiB for an alert: 20,000 incidents that a namespace may have are held in memory and in each checkpoint.
const LISTS_BYTES: usize = 16 * 1024;

/// The event that opened an incident. Names are [`Event`]'s; what is empty is absent in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OpeningEvent {
    /// As in [`Event`].
    pub id: String,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub delivery_key: String,
    /// As in [`Event`].
    pub source: OpeningSource,
    /// As in [`Event`].
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// As in [`Event`].
    pub severity: Severity,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub severity_from: String,
    /// As in [`Event`].
    pub occurred_at: Time,
    /// As in [`Event`], cut to 1 KiB.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// As in [`Event`]. Its list of resources is among the incident's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub team: String,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub environment: String,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, String>,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Labels, links and tags that are left out because all of them come to more than 16 KiB.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: i64,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<Box<Dimensions>>,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub traceparent: String,
    /// As in [`Event`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub data_ref: String,
}

/// [`crate::event::Source`] that borrows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningSource {
    /// As in [`crate::event::Source`].
    pub name: String,
    /// As in [`crate::event::Source`].
    pub format: String,
    /// As in [`crate::event::Source`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reported: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl OpeningEvent {
    /// What is kept of `event`. Labels come before links, and links before tags, when there is not room for all.
    pub fn of(event: &Event<'_>) -> Self {
        let text = |text: &str| clip(text, TEXT_BYTES).to_owned();
        let mut room = Room {
            bytes: LISTS_BYTES,
            omitted: 0,
        };
        Self {
            id: text(&event.id),
            delivery_key: text(&event.delivery_key),
            source: OpeningSource {
                name: text(&event.source.name),
                format: text(&event.source.format),
                reported: text(&event.source.reported),
            },
            kind: text(&event.kind),
            severity: event.severity,
            severity_from: text(&event.severity_from),
            occurred_at: event.occurred_at,
            description: description(&event.description),
            resource: text(&event.resource),
            service: text(&event.service),
            host: text(&event.host),
            team: text(&event.team),
            environment: text(&event.environment),
            account: text(&event.account),
            region: text(&event.region),
            // The fields of a struct expression are evaluated as they stand.
            labels: room.pairs(&event.labels),
            links: room.pairs(&event.links),
            tags: room.texts(&event.tags),
            omitted: room.omitted,
            template: text(&event.template),
            dimensions: event.dimensions.clone(),
            traceparent: text(&event.traceparent),
            data_ref: text(&event.data_ref),
        }
    }
}

fn description(text: &str) -> String {
    if text.len() <= DESCRIPTION_BYTES {
        return text.to_owned();
    }
    format!("{}{MARK}", clip(text, DESCRIPTION_BYTES - MARK.len()))
}

/// How many bytes of lists still fit, and how many items did not.
struct Room {
    bytes: usize,
    omitted: i64,
}

impl Room {
    fn takes(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(self.bytes);
        self.omitted += i64::from(left.is_none());
        left.is_some()
    }

    fn pairs(&mut self, pairs: &Labels<'_>) -> BTreeMap<String, String> {
        let fitting = pairs
            .iter()
            .filter(|(name, value)| self.takes(name.len() + value.len()));
        fitting
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn texts(&mut self, texts: &Strings<'_>) -> Vec<String> {
        let fitting = texts.0.iter().filter(|text| self.takes(text.len()));
        fitting.map(|text| text.clone().into_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(count: usize, bytes: usize) -> Labels<'static> {
        let label = |n: usize| (format!("l{n:02}").into(), "v".repeat(bytes).into());
        Labels::new((0..count).map(label).collect())
    }

    #[test]
    fn an_ordinary_event_is_kept_with_its_own_names_and_without_data() {
        let json = r#"{"id":"01J","deliveryKey":"s#1","fingerprint":"0123456789abcdef0123456789abcdef","state":"Firing",
            "severity":"High","occurredAt":"2024-12-20T10:30:00.000Z","receivedAt":"2024-12-20T10:30:01.000Z",
            "resources":["a"],"source":{"name":"n","format":"cloudevents","reported":"r"},"type":"t","title":"T",
            "description":"d","resource":"a","labels":{"partitionkey":"7"},"tags":["x"],"links":{"runbook":"https://r"},
            "dimensions":{"urgency":"Soon"},"data":{"a":1},"dataRef":"payloads/1","traceparent":"00-1"}"#;
        let event: Event<'_> = serde_json::from_str(json).unwrap();
        let kept = serde_json::to_value(OpeningEvent::of(&event)).unwrap();
        let mut expected: serde_json::Value = serde_json::from_str(json).unwrap();
        for elsewhere in ["fingerprint", "state", "receivedAt", "resources", "title", "data"] {
            expected.as_object_mut().unwrap().remove(elsewhere);
        }
        assert_eq!(kept, expected);
        assert_eq!(
            serde_json::from_value::<OpeningEvent>(kept).unwrap(),
            OpeningEvent::of(&event)
        );
    }

    #[test]
    fn a_long_description_is_cut_with_a_mark() {
        let event = Event {
            description: "ü".repeat(4000).into(),
            ..Event::default()
        };
        let kept = OpeningEvent::of(&event).description;
        assert!(kept.len() <= DESCRIPTION_BYTES && kept.ends_with("üü…"), "{kept}");
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_counted_links_and_tags_first() {
        let event = Event {
            labels: labels(64, 256),
            links: labels(3, 2048),
            tags: Strings(vec!["t".into(), "u".repeat(300).into()]),
            ..Event::default()
        };
        let kept = OpeningEvent::of(&event);
        assert_eq!((kept.labels.len(), kept.links.len(), kept.tags.len()), (63, 0, 1));
        assert_eq!(kept.omitted, 1 + 3 + 1);
    }

    #[test]
    fn the_largest_event_stays_below_24_kib() {
        let long = || "x".repeat(9000).into();
        let event = Event {
            id: long(),
            delivery_key: long(),
            kind: long(),
            severity_from: long(),
            description: long(),
            resource: long(),
            service: long(),
            host: long(),
            team: long(),
            template: long(),
            traceparent: long(),
            labels: labels(64, 256),
            links: labels(9, 2048),
            ..Event::default()
        };
        let bytes = serde_json::to_vec(&OpeningEvent::of(&event)).unwrap().len();
        assert!(bytes <= 24 * 1024, "{bytes}");
    }
}
