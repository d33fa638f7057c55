//! What Falco saw: `output_fields`, an object with names such as `k8s.pod.name` (falco.org, "Supported Fields").
//!
//! Falcosidekick adds its own fields (`customfields`, `templatedfields`) to it. Falco's names have a dot and theirs
//! usually have none, so a name without a dot becomes a label: `environment`, `cluster`, `team`.

use std::borrow::Cow;
use std::fmt;

use domain::json::Text;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::field::Field;
use crate::labels::Pair;
use crate::refusal::{Path, Reason, Refusal};

/// What Falco writes for a value that it does not know, where it does not write null.
const NOT_AVAILABLE: &str = "<NA>";

/// What Falco says for the container of a process that is in none.
const NO_CONTAINER: &str = "host";

/// The fields that say where something happened.
#[derive(Default)]
pub(super) struct OutputFields<'a> {
    namespace: Cow<'a, str>,
    pod: Cow<'a, str>,
    container: Cow<'a, str>,
    image: Cow<'a, str>,
    audited_namespace: Cow<'a, str>,
    audited_resource: Cow<'a, str>,
    audited_name: Cow<'a, str>,
    custom: Vec<Pair<'a>>,
}

impl<'a> OutputFields<'a> {
    /// Reads the fields of an alert.
    pub(super) fn read(raw: Option<&'a RawValue>, at: &Path<'_>) -> Result<Self, Refusal> {
        match raw.map(RawValue::get) {
            None | Some("null") => Ok(Self::default()),
            Some(text) if text.starts_with('{') => serde_json::from_str(text).map_err(|error| {
                Refusal::new(Reason::InvalidJson, format!("{at}: {error}, counted from there"))
            }),
            Some(_) => Err(Refusal::invalid(at, "not an object of names and values")),
        }
    }

    /// The fields that tell one problem from another, with their values.
    pub(super) fn problem<'s>(&'s self, rule: &'s str, hostname: &'s str) -> Vec<(&'static str, &'s str)> {
        let image = ("output_fields.container.image.repository", &*self.image);
        let pod = [
            ("output_fields.k8s.ns.name", &*self.namespace),
            ("output_fields.k8s.pod.name", &*self.pod),
            image,
        ];
        let audited = [
            ("output_fields.ka.target.namespace", &*self.audited_namespace),
            ("output_fields.ka.target.resource", &*self.audited_resource),
            ("output_fields.ka.target.name", &*self.audited_name),
        ];
        let place = if !self.pod.is_empty() || !self.namespace.is_empty() {
            pod
        } else if audited.iter().any(|(_, value)| !value.is_empty()) {
            audited
        } else {
            [("hostname", hostname), image, ("", "")]
        };
        let known = place.into_iter().filter(|(_, value)| !value.is_empty());
        [("rule", rule)].into_iter().chain(known).collect()
    }

    /// The thing concerned: the pod, the audited object, the container, else the host.
    pub(super) fn resource(&self, hostname: &Cow<'a, str>) -> Cow<'a, str> {
        let things = [&self.pod, &self.audited_name, &self.container, hostname];
        let known = things.into_iter().find(|thing| !thing.is_empty());
        known.cloned().unwrap_or_default()
    }

    /// The fields by the names that alerts commonly have, and the custom ones.
    pub(super) fn into_labels(self) -> Vec<Pair<'a>> {
        let namespace = if self.namespace.is_empty() {
            self.audited_namespace
        } else {
            self.namespace
        };
        let known = [
            ("namespace", namespace),
            ("pod", self.pod),
            ("container", self.container),
            ("image", self.image),
        ];
        let known = known
            .into_iter()
            .map(|(name, value)| (Cow::Borrowed(name), value));
        // The known ones come last, because of two labels with one name the later stays.
        let all = self.custom.into_iter().chain(known);
        all.filter(|(_, value)| !value.is_empty()).collect()
    }

    fn take(&mut self, name: Cow<'a, str>, value: Field<'a>) {
        let known = |text: &Cow<str>| !text.is_empty() && text != NOT_AVAILABLE;
        let Some(text) = value.scalar().filter(known) else {
            return;
        };
        match &*name {
            "k8s.ns.name" => self.namespace = text,
            "k8s.pod.name" => self.pod = text,
            // The plugin k8smeta's names for the same; they do not replace Falco's.
            "k8smeta.ns.name" if self.namespace.is_empty() => self.namespace = text,
            "k8smeta.pod.name" if self.pod.is_empty() => self.pod = text,
            "container.name" if text != NO_CONTAINER => self.container = text,
            "container.image.repository" => self.image = text,
            "ka.target.namespace" => self.audited_namespace = text,
            "ka.target.resource" => self.audited_resource = text,
            "ka.target.name" => self.audited_name = text,
            other if !other.contains('.') => self.custom.push((name, text)),
            _ => {}
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for OutputFields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = OutputFields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = OutputFields::default();
                while let Some((Text(name), value)) = map.next_entry()? {
                    fields.take(name, value);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Members)
    }
}
