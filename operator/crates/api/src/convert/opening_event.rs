//! The event that opened an incident, from its record to what users read, cut to the schema's bounds: an API server
//! refuses a status that is beyond one of them.

use std::collections::BTreeMap;

use domain::dimensions::{Amount, Dimensions};
use domain::incident::opening_event as kept;

use super::cut;
use crate::limits;
use crate::opening_event::{EventDimensions, EventSource, OpeningEvent};

impl From<&kept::OpeningEvent> for OpeningEvent {
    fn from(event: &kept::OpeningEvent) -> Self {
        Self {
            id: cut(&event.id, limits::ID_CHARS),
            delivery_key: text(&event.delivery_key),
            source: EventSource {
                name: text(&event.source.name),
                format: text(&event.source.format),
                reported: text(&event.source.reported),
            },
            kind: text(&event.kind),
            severity: event.severity,
            severity_from: text(&event.severity_from),
            occurred_at: event.occurred_at,
            description: cut(&event.description, limits::DESCRIPTION_CHARS),
            resource: text(&event.resource),
            service: text(&event.service),
            host: text(&event.host),
            team: text(&event.team),
            environment: text(&event.environment),
            account: text(&event.account),
            region: text(&event.region),
            labels: pairs(&event.labels, limits::EVENT_LABELS, limits::LABEL_VALUE_CHARS),
            links: pairs(&event.links, limits::EVENT_LINKS, limits::LINK_CHARS),
            tags: list(&event.tags, limits::EVENT_TAGS, limits::LABEL_VALUE_CHARS),
            omitted: (event.omitted > 0).then_some(event.omitted),
            template: text(&event.template),
            dimensions: event.dimensions.as_deref().map(EventDimensions::from),
            traceparent: text(&event.traceparent),
            data_ref: text(&event.data_ref),
        }
    }
}

impl From<&Dimensions> for EventDimensions {
    fn from(stated: &Dimensions) -> Self {
        let amounts: Vec<_> = stated.amounts.iter().map(amount).collect();
        Self {
            urgency: stated.urgency,
            dates: stated
                .dates
                .iter()
                .copied()
                .take(limits::FACTS as usize)
                .collect(),
            accounts: list(&stated.accounts, limits::FACTS, limits::EVENT_TEXT_CHARS),
            hosts: list(&stated.hosts, limits::FACTS, limits::EVENT_TEXT_CHARS),
            amounts: list(&amounts, limits::FACTS, limits::EVENT_TEXT_CHARS),
        }
    }
}

/// As one text: a schema of whole numbers has no place for 12.5.
fn amount(amount: &Amount) -> String {
    format!("{} {}", amount.value, amount.unit)
}

fn text(text: &str) -> String {
    cut(text, limits::EVENT_TEXT_CHARS)
}

/// The first `most` of `texts`, each cut to `characters`.
pub(super) fn list(texts: &[String], most: u32, characters: u32) -> Vec<String> {
    let texts = texts.iter().take(most as usize);
    texts.map(|text| cut(text, characters)).collect()
}

fn pairs(pairs: &BTreeMap<String, String>, most: u32, characters: u32) -> BTreeMap<String, String> {
    let pairs = pairs.iter().take(most as usize);
    pairs
        .map(|(name, value)| (name.clone(), cut(value, characters)))
        .collect()
}
