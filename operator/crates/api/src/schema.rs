//! Schemas of `domain`'s types, which know nothing of schemas. The words are taken from the types themselves.

use domain::dimensions::Urgency;
use domain::incident::EndReason;
use domain::notify::On;
use domain::rule::ResolveOn;
use domain::rule::labels::LabelOperator;
use domain::severity::Severity;
use domain::triage::{TriageMode, Verdict};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::limits;
use crate::notify::Told;
use crate::superseded::SupersededBy;

/// A string out of the words that `values` serialise to.
fn words<T: Serialize>(values: impl IntoIterator<Item = T>) -> Schema {
    let words: Vec<serde_json::Value> = values
        .into_iter()
        .filter_map(|value| serde_json::to_value(value).ok())
        .collect();
    json_schema!({ "type": "string", "enum": words })
}

pub(crate) fn severity(_: &mut SchemaGenerator) -> Schema {
    words(Severity::ALL)
}

pub(crate) fn label_operator(_: &mut SchemaGenerator) -> Schema {
    use LabelOperator::{DoesNotExist, Exists, In, NotIn, Regex};
    words([In, NotIn, Exists, DoesNotExist, Regex])
}

pub(crate) fn resolve_on(_: &mut SchemaGenerator) -> Schema {
    words([ResolveOn::AllClear, ResolveOn::Never])
}

pub(crate) fn end_reason(_: &mut SchemaGenerator) -> Schema {
    words([
        EndReason::Cleared,
        EndReason::Quiet,
        EndReason::MaxOpen,
        EndReason::Closed,
    ])
}

pub(crate) fn verdict(_: &mut SchemaGenerator) -> Schema {
    words([Verdict::Accept, Verdict::Discharge, Verdict::Escalate])
}

pub(crate) fn superseded_by(_: &mut SchemaGenerator) -> Schema {
    use SupersededBy::{IdentityNotEnforced, IncidentEnded};
    words([IncidentEnded, IdentityNotEnforced])
}

pub(crate) fn triage_mode(_: &mut SchemaGenerator) -> Schema {
    words([TriageMode::Always, TriageMode::Never])
}

/// What a channel tells, each at most once.
pub(crate) fn told_when(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": On::ALL.len(),
        "minItems": 1,
        "x-kubernetes-list-type": "set",
        "default": On::ALL,
        "items": words(On::ALL)
    })
}

pub(crate) fn told_state(_: &mut SchemaGenerator) -> Schema {
    words([Told::Queued, Told::Sent, Told::Retrying, Told::Failed])
}

pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

pub(crate) fn times(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": limits::FACTS,
        "items": { "type": "string", "format": "date-time" }
    })
}

pub(crate) fn urgency(_: &mut SchemaGenerator) -> Schema {
    words([Urgency::Routine, Urgency::Soon, Urgency::Immediate])
}

/// At most `most` names, each with a text of at most `characters`.
fn texts_by_name(most: u32, characters: u32) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": most,
        "additionalProperties": { "type": "string", "maxLength": characters }
    })
}

/// Names with values, as a group has them.
pub(crate) fn group(_: &mut SchemaGenerator) -> Schema {
    texts_by_name(limits::LIST_ITEMS, limits::GROUP_VALUE_CHARS)
}

/// Names with values, as events have them.
pub(crate) fn event_labels(_: &mut SchemaGenerator) -> Schema {
    texts_by_name(limits::EVENT_LABELS, limits::LABEL_VALUE_CHARS)
}

/// Names with links, as events have them.
pub(crate) fn event_links(_: &mut SchemaGenerator) -> Schema {
    texts_by_name(limits::EVENT_LINKS, limits::LINK_CHARS)
}

/// Kubernetes' own conditions as a list by type, with the bounds that Kubernetes gives them in its Go types.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": limits::CONDITIONS,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "One condition.",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": {
                    "type": "string", "maxLength": 316,
                    "description": "What the condition speaks of."
                },
                "status": {
                    "type": "string", "enum": ["True", "False", "Unknown"],
                    "description": "Whether it holds: True, False or Unknown."
                },
                "reason": {
                    "type": "string", "minLength": 1, "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                    "description": "Why, in one word for programs."
                },
                "message": {
                    "type": "string", "maxLength": 32768,
                    "description": "Why, for people, and what to do."
                },
                "observedGeneration": {
                    "type": "integer", "format": "int64", "minimum": 0,
                    "description": "The generation of the object that the condition speaks of."
                },
                "lastTransitionTime": {
                    "type": "string", "format": "date-time",
                    "description": "When `status` last changed."
                }
            }
        }
    })
}
