//! An alert's annotations: texts and links for people. The names are those of the Prometheus community's rules.

use std::borrow::Cow;
use std::fmt;

use domain::event::bounds::DESCRIPTION_BYTES;
use domain::json::{Labels, Text};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::cut;
use crate::field::Field;
use crate::links::{self, Link};
use crate::refusal::{Place, Reason, Refusal};

/// The annotations that an event has fields for.
#[derive(Default)]
pub(crate) struct Annotations<'a> {
    /// `description`, else `message`.
    pub(crate) description: Cow<'a, str>,
    summary: Cow<'a, str>,
    runbook: Cow<'a, str>,
    dashboard: Cow<'a, str>,
}

impl<'a> Annotations<'a> {
    /// Reads the annotations of an alert.
    pub(crate) fn read(raw: Option<&'a RawValue>, place: Place) -> Result<Self, Refusal> {
        let Some(text) = raw.map(RawValue::get) else {
            return Ok(Self::default());
        };
        let at = place.field("annotations");
        if !text.starts_with('{') {
            return Err(Refusal::invalid(&at, "not an object of names and texts"));
        }
        let sent: Sent<'a> = serde_json::from_str(text).map_err(|error| {
            Refusal::new(Reason::InvalidJson, format!("{at}: {error}, counted from there"))
        })?;
        Ok(Self {
            description: cut::to_bytes(first(sent.description, sent.message), DESCRIPTION_BYTES),
            summary: sent.summary.scalar().unwrap_or_default(),
            runbook: first(sent.runbook_url, sent.runbook),
            dashboard: first(sent.dashboard_url, sent.dashboard),
        })
    }

    /// The summary in one line, else the alert's name.
    pub(crate) fn title(&mut self, alertname: &Cow<'a, str>) -> Cow<'a, str> {
        let title = cut::title(std::mem::take(&mut self.summary));
        if title.is_empty() {
            cut::title(alertname.clone())
        } else {
            title
        }
    }

    /// The links that an alert brings, with those that it has outside of its annotations.
    pub(crate) fn links(&self, generator_url: Cow<'a, str>, others: Vec<Link<'a>>) -> Labels<'a> {
        let known = [
            ("dashboard", self.dashboard.clone()),
            ("generatorURL", generator_url),
            ("runbook", self.runbook.clone()),
        ];
        links::usable(known.into_iter().chain(others))
    }
}

fn first<'a>(preferred: Field<'a>, other: Field<'a>) -> Cow<'a, str> {
    let text = preferred.scalar().unwrap_or_default();
    if text.trim().is_empty() {
        other.scalar().unwrap_or_default()
    } else {
        text
    }
}

/// The annotations as sent; what has no field is skipped, and stays in `data`.
#[derive(Default)]
struct Sent<'a> {
    summary: Field<'a>,
    description: Field<'a>,
    message: Field<'a>,
    runbook_url: Field<'a>,
    runbook: Field<'a>,
    dashboard_url: Field<'a>,
    dashboard: Field<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Sent<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Sent<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("annotations")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut sent = Sent::default();
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "summary" => sent.summary = map.next_value()?,
                        "description" => sent.description = map.next_value()?,
                        "message" => sent.message = map.next_value()?,
                        "runbook_url" => sent.runbook_url = map.next_value()?,
                        "runbook" => sent.runbook = map.next_value()?,
                        "dashboard_url" => sent.dashboard_url = map.next_value()?,
                        "dashboard" => sent.dashboard = map.next_value()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(sent)
            }
        }
        deserializer.deserialize_map(Members)
    }
}
