//! Structured mode: an event as one JSON object.

use std::borrow::Cow;
use std::fmt;

use domain::json::{RawJson, Text};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Attributes, Paths, Sent, payload};
use crate::data::{self, Member};
use crate::field::Field;
use crate::labels::Pair;
use crate::refusal::{Place, Refusal};

/// An event as sent.
#[derive(Default)]
pub(super) struct Body<'a> {
    attributes: Attributes<'a>,
    data: Option<&'a RawValue>,
    data_base64: Field<'a>,
    extensions: Vec<Member<'a>>,
}

impl<'a> Body<'a> {
    /// The event's data, whichever way it is sent. An explicit null is none.
    pub(super) fn data(&self, place: Place) -> Result<Option<RawJson<'a>>, Refusal> {
        let data = self.data.filter(|data| data.get() != "null");
        let at = place.field("data_base64");
        match (data, self.data_base64.clone().text(&at)?) {
            (Some(_), encoded) if !encoded.is_empty() => {
                Err(Refusal::invalid(&at, "stands beside data; send one of them"))
            }
            (Some(data), _) => data::as_sent(data, &place.field("data")).map(Some),
            (None, encoded) if encoded.is_empty() => Ok(None),
            (None, encoded) => {
                let media_type = self.attributes.datacontenttype.clone().scalar();
                Ok(payload::of_base64(&encoded, &media_type.unwrap_or_default()))
            }
        }
    }

    /// The attributes and the extensions.
    pub(super) fn sent(self, place: Place) -> Sent<'a> {
        Sent {
            attributes: self.attributes,
            extensions: self.extensions.into_iter().filter_map(text_of).collect(),
            paths: Paths::Body(place),
        }
    }
}

/// An extension as text. One that is a list or an object, which the specification does not know, is its JSON.
fn text_of<'a>((name, value): Member<'a>) -> Option<Pair<'a>> {
    let field: Field<'a> = serde_json::from_str(value.get()).ok()?;
    Some((name, field.scalar().unwrap_or(Cow::Borrowed(value.get()))))
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Body<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a CloudEvent")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut body = Body::default();
                let known = &mut body.attributes;
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "specversion" => known.specversion = map.next_value()?,
                        "id" => known.id = map.next_value()?,
                        "source" => known.source = map.next_value()?,
                        "type" => known.kind = map.next_value()?,
                        "subject" => known.subject = map.next_value()?,
                        "time" => known.time = map.next_value()?,
                        "dataschema" => known.dataschema = map.next_value()?,
                        "datacontenttype" => known.datacontenttype = map.next_value()?,
                        "data" => body.data = Some(map.next_value()?),
                        "data_base64" => body.data_base64 = map.next_value()?,
                        _ => body.extensions.push((name, map.next_value()?)),
                    }
                }
                Ok(body)
            }
        }
        deserializer.deserialize_map(Members)
    }
}
