//! What the controller calls the things it works on, whichever side it hears of them from.

use api::TriggerRuleStatus;
use api::{OpsEvent, TriageDecision, TriggerRule};
use kube::api::ApiResource;
use kube::core::Object;
use serde_json::Value;

/// A TriggerRule with its spec as written: the log carries what the user wrote, fields of a newer version included,
/// and one rule that this version cannot read does not stop the watch of all others.
pub type WrittenRule = Object<Value, TriggerRuleStatus>;

/// The resource of [`WrittenRule`].
pub fn rule_resource() -> ApiResource {
    ApiResource::erase::<TriggerRule>(&())
}

/// A TriageDecision as it is stored: one that this version cannot read does not stop the watch of all others.
pub type WrittenQuestion = Object<Value, Value>;

/// The resource of [`WrittenQuestion`].
pub fn question_resource() -> ApiResource {
    ApiResource::erase::<TriageDecision>(&())
}

/// What a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An incident, by its id.
    Incident,
    /// A rule, by its uid.
    Rule,
}

/// One incident or rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What it names.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// The incident's id or the rule's uid.
    pub id: String,
}

impl Key {
    /// The key of a record, from its bucket key `<namespace>.<id>`; a namespace has no dot.
    pub fn of_record(kind: Kind, bucket_key: &str) -> Option<Self> {
        let (namespace, id) = bucket_key.split_once('.')?;
        Some(Self {
            kind,
            namespace: namespace.to_owned(),
            id: id.to_owned(),
        })
    }

    /// The key of an OpsEvent; `None` when it has no name that Opsward gives.
    pub fn of_ops_event(object: &OpsEvent) -> Option<Self> {
        Self::of_name(
            object.metadata.namespace.as_deref()?,
            object.metadata.name.as_deref()?,
        )
    }

    /// The key of the incident that a question is about; `None` when it names none.
    pub fn of_question(object: &TriageDecision) -> Option<Self> {
        Self::of_name(object.metadata.namespace.as_deref()?, &object.spec.ops_event)
    }

    /// The key of the incident whose OpsEvent has this name.
    pub fn of_name(namespace: &str, name: &str) -> Option<Self> {
        let mut parts = name.rsplitn(3, '-');
        let (position, hash, _rule) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            kind: Kind::Incident,
            namespace: namespace.to_owned(),
            id: format!("{hash}-{position}"),
        })
    }

    /// The key of a TriggerRule.
    pub fn of_rule(object: &WrittenRule) -> Option<Self> {
        let (namespace, id) = (object.metadata.namespace.clone()?, object.metadata.uid.clone()?);
        Some(Self {
            kind: Kind::Rule,
            namespace,
            id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::project;
    use crate::samples::record;

    #[test]
    fn a_record_and_its_object_have_one_key() {
        let record = record();
        let bucket_key = format!("{}.{}", record.namespace, record.id);
        let of_object = Key::of_ops_event(&project::object(&record));
        assert_eq!(Key::of_record(Kind::Incident, &bucket_key), of_object);
        assert_eq!(of_object.unwrap().id, record.id);
    }

    #[test]
    fn a_name_that_opsward_does_not_give_has_no_key() {
        let mut object = project::object(&record());
        object.metadata.name = Some("by-hand".to_owned());
        assert_eq!(Key::of_ops_event(&object), None);
    }
}
