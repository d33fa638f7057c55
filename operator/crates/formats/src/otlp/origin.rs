//! Where log records come from: what their resource and scope say, read once for all records of a scope.

use std::rc::Rc;

use domain::json::Labels;
use serde_json::{Map, Value, json};

use super::value::{first, label_pairs, object, without_empty};
use super::wire::{Resource, Scope};
use crate::body::{self, MAX_DEPTH};
use crate::cut;
use crate::labels::{self, Pair};

/// Bytes of JSON of a resource, and of a scope, that the `data` of each record repeats. Those of a pod with all its
/// conventions have two thousand; one of half a megabyte, repeated for thousands of records, would be gigabytes.
const REPEATED_BYTES: usize = 8 * 1024;

/// The attributes that name the thing concerned, the most specific first; its host; its environment by the newer and
/// the older convention; whose it is.
pub(super) const THING: [&str; 5] = [
    "k8s.pod.name",
    "container.name",
    "host.name",
    "k8s.node.name",
    "cloud.resource_id",
];
pub(super) const HOST: [&str; 2] = ["host.name", "k8s.node.name"];
pub(super) const ENVIRONMENT: [&str; 2] = ["deployment.environment.name", "deployment.environment"];
pub(super) const SERVICE: [&str; 1] = ["service.name"];
pub(super) const NAMESPACE: [&str; 1] = ["service.namespace"];
pub(super) const TEAM: [&str; 2] = ["team", "owner"];
pub(super) const ACCOUNT: [&str; 1] = ["cloud.account.id"];
pub(super) const REGION: [&str; 1] = ["cloud.region"];

/// All of them: what is read of a resource once, and not for each record.
const WELL_KNOWN: [&[&str]; 8] = [
    &THING,
    &HOST,
    &ENVIRONMENT,
    &SERVICE,
    &NAMESPACE,
    &TEAM,
    &ACCOUNT,
    &REGION,
];

/// A resource and a scope.
pub(super) struct Origin {
    resource: Rc<Described>,
    scope_name: String,
    scope: Value,
}

/// What records take of their resource. All of it is bounded: thousands of records repeat it.
pub(super) struct Described {
    /// Its attributes of [`WELL_KNOWN`] names, as short fields.
    known: Vec<(&'static str, String)>,
    /// Its attributes that are labels, within the bounds, and how many of them were cut.
    labels: Labels<'static>,
    labels_cut: usize,
    /// As `data` has it.
    json: Value,
}

impl Described {
    pub(super) fn new(resource: Option<Resource>) -> Rc<Self> {
        let attributes = resource.unwrap_or_default().attributes;
        let names = WELL_KNOWN.into_iter().flatten();
        let known = names.filter_map(|name| {
            Some((
                *name,
                cut::short(first(&attributes, &[name])?.into()).into_owned(),
            ))
        });
        let (labels, labels_cut) = labels::fit(Labels::new(label_pairs(&attributes)));
        Rc::new(Self {
            known: known.collect(),
            labels,
            labels_cut,
            json: bounded(Value::Object(object(&attributes))),
        })
    }
}

impl Origin {
    pub(super) fn new(resource: &Rc<Described>, scope: Option<Scope>) -> Rc<Self> {
        let scope = scope.unwrap_or_default();
        let members = without_empty([
            ("name", json!(scope.name)),
            ("version", json!(scope.version)),
            ("attributes", Value::Object(object(&scope.attributes))),
        ]);
        Rc::new(Self {
            resource: Rc::clone(resource),
            scope_name: cut::short(scope.name.into()).into_owned(),
            scope: bounded(Value::Object(members)),
        })
    }

    /// The text of the first of these well-known attributes of the resource that has one.
    pub(super) fn known(&self, names: &[&str]) -> Option<&str> {
        let of = |name: &&str| self.resource.known.iter().find(|(known, _)| known == name);
        names.iter().find_map(of).map(|(_, text)| text.as_str())
    }

    /// The resource's labels, at most [`domain::event::bounds::LABELS`], and how many more were cut.
    pub(super) fn labels(&self) -> (impl Iterator<Item = Pair<'static>>, usize) {
        let labels = self.resource.labels.iter();
        let owned = labels.map(|(name, value)| (name.to_owned().into(), value.to_owned().into()));
        (owned, self.resource.labels_cut)
    }

    pub(super) fn scope_name(&self) -> &str {
        &self.scope_name
    }

    /// Adds both to the `data` of a record.
    pub(super) fn write(&self, data: &mut Map<String, Value>) {
        let both = [
            ("resource", self.resource.json.clone()),
            ("scope", self.scope.clone()),
        ];
        data.extend(without_empty(both));
    }
}

/// The value, or how large it was. It stands one level down in `data`.
fn bounded(value: Value) -> Value {
    let text = value.to_string();
    if text.len() > REPEATED_BYTES || body::too_deep(&text, MAX_DEPTH - 1) {
        json!({ "leftOutBytes": text.len() })
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::event::bounds::{LABEL_VALUE_BYTES, LABELS};

    use super::super::wire::{AnyValue, KeyValue, Kind};
    use super::*;

    fn origin(attributes: impl Iterator<Item = (String, String)>) -> Rc<Origin> {
        let attributes = attributes.map(|(key, text)| KeyValue {
            key,
            value: Some(AnyValue {
                kind: Some(Kind::Text(text)),
            }),
        });
        let resource = Resource {
            attributes: attributes.collect(),
        };
        Origin::new(&Described::new(Some(resource)), None)
    }

    #[test]
    fn what_records_repeat_of_a_resource_is_bounded() {
        let many = (0..24_000).map(|n| (format!("a{n:05}"), "v".repeat(300)));
        let service = [
            ("service.name", "shop"),
            ("host.name", ""),
            ("k8s.node.name", "n1"),
        ];
        let service = service.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let origin = origin(many.chain(service));
        let (labels, cut) = origin.labels();
        let labels: Vec<_> = labels.collect();
        assert_eq!((labels.len(), cut), (LABELS, 24_002));
        assert!(labels.iter().all(|(_, value)| value.len() == LABEL_VALUE_BYTES));
        assert_eq!(origin.known(&SERVICE), Some("shop"));
        assert_eq!(origin.known(&HOST), Some("n1"));
        assert_eq!(origin.known(&REGION), None);
        let known = origin.resource.known.iter().map(|(name, _)| *name);
        assert_eq!(
            known.collect::<BTreeSet<_>>(),
            ["k8s.node.name", "service.name"].into()
        );
    }

    #[test]
    fn a_well_known_attribute_is_no_longer_than_a_field() {
        let origin = origin([("service.name".to_owned(), "s".repeat(300_000))].into_iter());
        assert_eq!(origin.known(&SERVICE).map(str::len), Some(LABEL_VALUE_BYTES));
    }
}
