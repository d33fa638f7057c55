//! Alertmanager's JSON as it comes. What it means, the module above knows.

use std::fmt;
use std::marker::PhantomData;

use domain::json::Text;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::body::{self, Elements, MAX_DEPTH};
use crate::data;
use crate::field::Field;
use crate::labels::LabelMap;

/// The webhook's body around its alerts.
pub(super) struct Envelope<'a, T> {
    pub(super) alerts: Option<Elements<T>>,
    pub(super) external_url: Field<'a>,
    pub(super) status: Field<'a>,
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Envelope<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Envelope<'de, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("Alertmanager's webhook object, or a list of alerts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope {
                    alerts: None,
                    external_url: Field::Absent,
                    status: Field::Absent,
                };
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "alerts" => envelope.alerts = Some(map.next_value()?),
                        "externalURL" => envelope.external_url = map.next_value()?,
                        "status" => envelope.status = map.next_value()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// One alert as sent.
#[derive(Default)]
pub(super) struct Alert<'a> {
    pub(super) status: Field<'a>,
    pub(super) labels: LabelMap<'a>,
    pub(super) annotations: Option<&'a RawValue>,
    pub(super) starts_at: Field<'a>,
    pub(super) ends_at: Field<'a>,
    pub(super) generator_url: Field<'a>,
    pub(super) fingerprint: Field<'a>,
    /// Whether a member that no field of an event takes is a list or an object.
    has_nested_others: bool,
}

impl Alert<'_> {
    /// Whether its depth needs no look: nothing is nested in it but labels and annotations, and those are shallow.
    pub(super) fn is_plain(&self) -> bool {
        let fields = [
            &self.status,
            &self.starts_at,
            &self.ends_at,
            &self.generator_url,
            &self.fingerprint,
        ];
        !self.has_nested_others
            && !self.labels.has_nested_values()
            && !self
                .annotations
                .is_some_and(|raw| body::too_deep(raw.get(), MAX_DEPTH - 1))
            && !fields.into_iter().any(Field::is_nested)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Alert<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Alert<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an alert")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut alert = Alert::default();
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "status" => alert.status = map.next_value()?,
                        "labels" => alert.labels = map.next_value()?,
                        "annotations" => alert.annotations = map.next_value()?,
                        "startsAt" => alert.starts_at = map.next_value()?,
                        "endsAt" => alert.ends_at = map.next_value()?,
                        "generatorURL" => alert.generator_url = map.next_value()?,
                        "fingerprint" => alert.fingerprint = map.next_value()?,
                        _ => alert.has_nested_others |= data::is_nested(map.next_value()?),
                    }
                }
                Ok(alert)
            }
        }
        deserializer.deserialize_map(Members)
    }
}
