//! The JSON of Alertmanager and Grafana as it comes. What it means, the module above knows.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use domain::json::Text;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::body::{self, Elements, MAX_DEPTH};
use crate::data::Member;
use crate::field::Field;
use crate::labels::LabelMap;
use crate::links::Link;

/// The webhook's body around its alerts.
pub(crate) struct Envelope<'a, T> {
    pub(crate) alerts: Option<Elements<T>>,
    pub(crate) external_url: Field<'a>,
    pub(crate) status: Field<'a>,
    /// Grafana's organisation.
    pub(crate) org_id: Field<'a>,
    /// Whether it has a member that only Grafana's legacy alerting writes.
    pub(crate) is_legacy: bool,
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
                    org_id: Field::Absent,
                    is_legacy: false,
                };
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "alerts" => envelope.alerts = Some(map.next_value()?),
                        "externalURL" => envelope.external_url = map.next_value()?,
                        "status" => envelope.status = map.next_value()?,
                        "orgId" => envelope.org_id = map.next_value()?,
                        other => {
                            envelope.is_legacy |= matches!(other, "evalMatches" | "ruleUrl");
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// The members of an alert that only one sender's alerts have.
pub(crate) trait Extra<'a>: Default {
    /// Takes a member that no field of [`Alert`] takes.
    fn take(&mut self, name: Cow<'a, str>, value: &'a RawValue);

    /// Whether what was taken may be nested too deep.
    fn may_be_deep(&self) -> bool;

    /// The links among what was taken.
    fn links(&mut self) -> Vec<Link<'a>>;

    /// What of it no field of an event takes, for `data`.
    fn members(self) -> Vec<Member<'a>>;
}

/// One alert as sent.
#[derive(Default)]
pub(crate) struct Alert<'a, E> {
    pub(super) status: Field<'a>,
    pub(super) labels: LabelMap<'a>,
    pub(super) annotations: Option<&'a RawValue>,
    pub(super) starts_at: Field<'a>,
    pub(super) ends_at: Field<'a>,
    pub(super) generator_url: Field<'a>,
    pub(super) fingerprint: Field<'a>,
    pub(super) extra: E,
}

impl<'a, E: Extra<'a>> Alert<'a, E> {
    /// Whether its depth needs no look: nothing is nested in it but labels and annotations, and those are shallow.
    pub(super) fn is_plain(&self) -> bool {
        let fields = [
            &self.status,
            &self.starts_at,
            &self.ends_at,
            &self.generator_url,
            &self.fingerprint,
        ];
        !self.extra.may_be_deep()
            && !self.labels.has_nested_values()
            && !self
                .annotations
                .is_some_and(|raw| body::too_deep(raw.get(), MAX_DEPTH - 1))
            && !fields.into_iter().any(Field::is_nested)
    }
}

impl<'de: 'a, 'a, E: Extra<'a> + 'a> Deserialize<'de> for Alert<'a, E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<'a, E>(PhantomData<&'a E>);
        impl<'de: 'a, 'a, E: Extra<'a> + 'a> Visitor<'de> for Members<'a, E> {
            type Value = Alert<'a, E>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an alert")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut alert = Alert::<'a, E>::default();
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "status" => alert.status = map.next_value()?,
                        "labels" => alert.labels = map.next_value()?,
                        "annotations" => alert.annotations = map.next_value()?,
                        "startsAt" => alert.starts_at = map.next_value()?,
                        "endsAt" => alert.ends_at = map.next_value()?,
                        "generatorURL" => alert.generator_url = map.next_value()?,
                        "fingerprint" => alert.fingerprint = map.next_value()?,
                        _ => alert.extra.take(name, map.next_value()?),
                    }
                }
                Ok(alert)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}
