//! Where log records come from: what their resource and scope say, read once for all records of a scope.

use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::value::{object, without_empty};
use super::wire::{KeyValue, Resource, Scope};
use crate::body::{self, MAX_DEPTH};

/// Bytes of JSON of a resource, and of a scope, that the `data` of each record repeats. Those of a pod with all its
/// conventions have two thousand; one of half a megabyte, repeated for thousands of records, would be gigabytes.
const REPEATED_BYTES: usize = 8 * 1024;

/// A resource and a scope.
pub(super) struct Origin {
    resource: Rc<Described>,
    scope_name: String,
    scope: Value,
}

/// A resource, as it is and as `data` has it.
pub(super) struct Described {
    attributes: Vec<KeyValue>,
    json: Value,
}

impl Described {
    pub(super) fn new(resource: Option<Resource>) -> Rc<Self> {
        let attributes = resource.unwrap_or_default().attributes;
        let json = bounded(Value::Object(object(&attributes)));
        Rc::new(Self { attributes, json })
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
            scope_name: scope.name,
            scope: bounded(Value::Object(members)),
        })
    }

    /// The resource's attributes.
    pub(super) fn attributes(&self) -> &[KeyValue] {
        &self.resource.attributes
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
