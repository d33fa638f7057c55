//! Where log records come from: what their resource and scope say, read once for all records of a scope.

use std::cell::Cell;
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

/// Bytes of JSON that the `data` of all records of a request repeat together, twice as many as a body may have: five
/// thousand empty records would repeat the former five thousand times.
const REPEATED_BYTES_IN_ALL: usize = 2 * 1024 * 1024;

/// Bytes of labels of their resources that all records of a request have together: 1.6 KiB for each of five thousand.
const LABEL_BYTES_IN_ALL: usize = 8 * 1024 * 1024;

/// Bytes up to which a resource or scope costs nothing: to say that it was left out takes as many.
const FREE_BYTES: usize = 24;

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

/// How many bytes the records of one request may still repeat.
pub(super) struct Budget {
    json: Cell<usize>,
    labels: Cell<usize>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            json: Cell::new(REPEATED_BYTES_IN_ALL),
            labels: Cell::new(LABEL_BYTES_IN_ALL),
        }
    }
}

/// Takes so many bytes, if there are as many left.
fn spend(left: &Cell<usize>, bytes: usize) -> bool {
    let rest = left.get().checked_sub(bytes);
    if let Some(rest) = rest {
        left.set(rest);
    }
    rest.is_some()
}

/// A resource or a scope as `data` has it.
struct Repeated {
    /// None for one that is too large or too deep.
    json: Option<Value>,
    bytes: usize,
}

impl Repeated {
    fn new(value: Value) -> Self {
        let text = value.to_string();
        // It stands one level down in `data`.
        let is_bounded = text.len() <= REPEATED_BYTES && !body::too_deep(&text, MAX_DEPTH - 1);
        Self {
            json: is_bounded.then_some(value),
            bytes: text.len(),
        }
    }

    /// The value, or how large it was.
    fn within(&self, budget: &Budget) -> Value {
        match &self.json {
            Some(json) if self.bytes <= FREE_BYTES || spend(&budget.json, self.bytes) => json.clone(),
            _ => json!({ "leftOutBytes": self.bytes }),
        }
    }
}

/// A resource and a scope.
pub(super) struct Origin {
    resource: Rc<Described>,
    scope_name: String,
    scope: Repeated,
}

/// What records take of their resource. All of it is bounded: thousands of records repeat it.
pub(super) struct Described {
    /// Its attributes of [`WELL_KNOWN`] names, as short fields.
    known: Vec<(&'static str, String)>,
    /// Its attributes that are labels, within the bounds, and how many of them were cut.
    labels: Labels<'static>,
    labels_cut: usize,
    label_bytes: usize,
    json: Repeated,
    budget: Rc<Budget>,
}

impl Described {
    pub(super) fn new(resource: &Resource, budget: &Rc<Budget>) -> Rc<Self> {
        let attributes = &resource.attributes;
        let names = WELL_KNOWN.into_iter().flatten();
        let known = names
            .filter_map(|name| Some((*name, cut::short(first(attributes, &[name])?.into()).into_owned())));
        let (labels, labels_cut) = labels::fit(Labels::new(label_pairs(attributes)));
        Rc::new(Self {
            known: known.collect(),
            label_bytes: labels.iter().map(|(name, value)| name.len() + value.len()).sum(),
            labels,
            labels_cut,
            json: Repeated::new(Value::Object(object(attributes))),
            budget: Rc::clone(budget),
        })
    }
}

impl Origin {
    pub(super) fn new(resource: &Rc<Described>, scope: Scope) -> Rc<Self> {
        let members = without_empty([
            ("name", json!(scope.name)),
            ("version", json!(scope.version)),
            ("attributes", Value::Object(object(&scope.attributes))),
        ]);
        Rc::new(Self {
            resource: Rc::clone(resource),
            scope_name: cut::short(scope.name.into()).into_owned(),
            scope: Repeated::new(Value::Object(members)),
        })
    }

    /// The text of the first of these well-known attributes of the resource that has one.
    pub(super) fn known(&self, names: &[&str]) -> Option<&str> {
        let of = |name: &&str| self.resource.known.iter().find(|(known, _)| known == name);
        names.iter().find_map(of).map(|(_, text)| text.as_str())
    }

    /// The resource's labels, at most [`domain::event::bounds::LABELS`], and how many more were cut: all of them, where
    /// the records of the request have repeated too many.
    pub(super) fn labels(&self) -> (impl Iterator<Item = Pair<'static>>, usize) {
        let resource = &self.resource;
        let is_within = spend(&resource.budget.labels, resource.label_bytes);
        let taken = if is_within { resource.labels.len() } else { 0 };
        let labels = resource.labels.iter().take(taken);
        let owned = labels.map(|(name, value)| (name.to_owned().into(), value.to_owned().into()));
        (owned, resource.labels_cut + resource.labels.len() - taken)
    }

    pub(super) fn scope_name(&self) -> &str {
        &self.scope_name
    }

    /// Adds both to the `data` of a record.
    pub(super) fn write(&self, data: &mut Map<String, Value>) {
        let budget = &self.resource.budget;
        let both = [
            ("resource", self.resource.json.within(budget)),
            ("scope", self.scope.within(budget)),
        ];
        data.extend(without_empty(both));
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
        Origin::new(&Described::new(&resource, &Rc::default()), Scope::default())
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
