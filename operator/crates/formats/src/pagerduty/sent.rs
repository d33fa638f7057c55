//! The Events API's JSON as it comes. What it means, the module above knows.

use std::fmt;

use domain::json::Text;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::body;
use crate::data::Member;
use crate::field::Field;
use crate::refusal::{Place, Refusal};

/// The members that name the integration, of this version of the API and of the first. They are secrets: whoever has
/// one can send events.
const SECRETS: [&str; 2] = ["routing_key", "service_key"];

/// The body of a request.
#[derive(Default)]
pub(super) struct Body<'a> {
    pub(super) event_action: Field<'a>,
    pub(super) dedup_key: Field<'a>,
    pub(super) client: Field<'a>,
    pub(super) client_url: Field<'a>,
    pub(super) links: Option<&'a RawValue>,
    pub(super) images: Option<&'a RawValue>,
    /// What no field of an event takes; without the secrets.
    pub(super) others: Vec<Member<'a>>,
    payload: Option<&'a RawValue>,
}

impl<'a> Body<'a> {
    pub(super) fn has_payload(&self) -> bool {
        self.payload.is_some_and(|raw| raw.get() != "null")
    }

    /// The payload, which a resolve may lack.
    pub(super) fn payload(&self) -> Result<Payload<'a>, Refusal> {
        let Some(raw) = self.payload.map(RawValue::get).filter(|raw| *raw != "null") else {
            return Ok(Payload::default());
        };
        let at = Place::Body.field("payload");
        if !raw.starts_with('{') {
            return Err(Refusal::invalid(
                &at,
                format_args!("{}, not an object", body::kind_of(raw)),
            ));
        }
        serde_json::from_str(raw)
            .map_err(|error| Refusal::invalid(&at, format_args!("{error}, counted from there")))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Body<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event of PagerDuty's Events API v2")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut body = Body::default();
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "event_action" => body.event_action = map.next_value()?,
                        "dedup_key" => body.dedup_key = map.next_value()?,
                        "client" => body.client = map.next_value()?,
                        "client_url" => body.client_url = map.next_value()?,
                        "links" => body.links = Some(map.next_value()?),
                        "images" => body.images = Some(map.next_value()?),
                        "payload" => body.payload = Some(map.next_value()?),
                        secret if SECRETS.contains(&secret) => drop(map.next_value::<IgnoredAny>()?),
                        _ => body.others.push((name, map.next_value()?)),
                    }
                }
                Ok(body)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// What an event says of its problem.
#[derive(Default)]
pub(super) struct Payload<'a> {
    pub(super) summary: Field<'a>,
    pub(super) source: Field<'a>,
    pub(super) severity: Field<'a>,
    pub(super) timestamp: Field<'a>,
    pub(super) component: Field<'a>,
    pub(super) group: Field<'a>,
    pub(super) class: Field<'a>,
    pub(super) custom_details: Option<&'a RawValue>,
    pub(super) others: Vec<Member<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Payload<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Payload<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut payload = Payload::default();
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "summary" => payload.summary = map.next_value()?,
                        "source" => payload.source = map.next_value()?,
                        "severity" => payload.severity = map.next_value()?,
                        "timestamp" => payload.timestamp = map.next_value()?,
                        "component" => payload.component = map.next_value()?,
                        "group" => payload.group = map.next_value()?,
                        "class" => payload.class = map.next_value()?,
                        "custom_details" => payload.custom_details = Some(map.next_value()?),
                        _ => payload.others.push((name, map.next_value()?)),
                    }
                }
                Ok(payload)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A link or an image: where it leads, and what people are to read.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Link<'a> {
    pub(super) href: Field<'a>,
    pub(super) text: Field<'a>,
    pub(super) src: Field<'a>,
    pub(super) alt: Field<'a>,
}

/// The secrets as they stand in the body, with their quotes.
#[derive(Default)]
pub(super) struct Secrets<'a>(pub(super) Vec<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for Secrets<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Secrets<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    if SECRETS.contains(&&*name) {
                        found.push(map.next_value::<&'de RawValue>()?.get());
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Secrets(found))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
