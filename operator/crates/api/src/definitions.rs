//! The CustomResourceDefinitions as files: what `opsward crds` prints and `crds/` holds.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt;
use serde_json::{Number, Value, json};

use crate::{DecisionState, OpsEvent, TriageDecision, TriggerRule};

/// The first lines of each file.
const HEADER: &str = "# Generated from operator/crates/api by `make crds`; do not edit.\n";

/// A definition could not be written as YAML.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// Into a value.
    #[error("a CustomResourceDefinition does not serialise")]
    Value(#[from] serde_json::Error),
    /// Into text.
    #[error("a CustomResourceDefinition cannot be written as YAML")]
    Yaml(#[from] serde_yaml::Error),
}

/// The definitions of all kinds, in the order of their names.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    let mut definitions = vec![OpsEvent::crd(), TriageDecision::crd(), TriggerRule::crd()];
    for definition in &mut definitions {
        for version in &mut definition.spec.versions {
            if let Some(schema) = version
                .schema
                .as_mut()
                .and_then(|schema| schema.open_api_v3_schema.as_mut())
            {
                tidy(schema);
                wait_by_default(schema);
            }
        }
    }
    definitions
}

/// A status whose `state` may be Pending is so from the start: a POST carries no status, and until the first write
/// a column would be empty and a field selector would find nothing.
fn wait_by_default(schema: &mut JSONSchemaProps) {
    let pending = DecisionState::default().as_str();
    let waits = |status: &JSONSchemaProps| {
        let state = status
            .properties
            .as_ref()
            .and_then(|properties| properties.get("state"))?;
        state
            .enum_
            .as_ref()
            .map(|words| words.contains(&JSON(pending.into())))
    };
    let status = schema
        .properties
        .as_mut()
        .and_then(|properties| properties.get_mut("status"));
    if let Some(status) = status.filter(|status| waits(status) == Some(true)) {
        status.default = Some(JSON(json!({ "state": pending })));
    }
}

/// Each definition as the name and the text of its file. The same build always gives the same text.
///
/// # Errors
/// None that a caller could cause: the definitions are constant.
pub fn crds() -> Result<Vec<(String, String)>, DefinitionError> {
    let file = |definition: CustomResourceDefinition| {
        let mut value = serde_json::to_value(&definition)?;
        whole_numbers(&mut value);
        let name = definition.metadata.name.unwrap_or_default();
        Ok((
            format!("{name}.yaml"),
            format!("{HEADER}{}", serde_yaml::to_string(&value)?),
        ))
    };
    definitions().into_iter().map(file).collect()
}

/// Removes what the derives put in that users should not meet.
///
/// `nullable`: an optional field is absent or has a value; kube marks each as nullable, and then `close: null`
/// would be a third state for every rule of the schema to think of. `title`: the type's name in the source.
/// Line ends within a paragraph: `kubectl explain` breaks lines by itself.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.title = None;
    schema.description = schema.description.as_deref().map(flow);
    schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
        .for_each(tidy);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(items);
    }
}

/// One line for each paragraph.
fn flow(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// Bounds of integers are floats in Kubernetes' types; as text they should read as what they are.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().unwrap_or_default();
            // 2^53: beyond, a float is no exact integer any more; no bound of ours comes near.
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
            if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 {
                *number = Number::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(entries) => entries.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
