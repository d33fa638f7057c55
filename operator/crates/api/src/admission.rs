//! What `config/admission/` holds, as types: the policies by which the API server says who decides and who closes. Not
//! those that fill in a name, which save typing only.

use k8s_openapi::api::admissionregistration::v1::{
    MatchResources, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpec, ValidatingAdmissionPolicySpec,
};
use serde::Deserialize;

/// The files. Their names and their namespace are the chart's to render.
const FILES: [&str; 2] = [
    include_str!("../../../../config/admission/close-check.yaml"),
    include_str!("../../../../config/admission/decision-check.yaml"),
];
/// The namespace of Opsward's own accounts in the files.
const NAMESPACE: &str = "opsward-system";

/// The action of a binding that refuses.
const DENY: &str = "Deny";

/// A policy that must be in place, and the binding that makes it deny.
#[derive(Clone, Debug, PartialEq)]
pub struct RequiredPolicy {
    /// The policy's name.
    pub name: String,
    /// What it says.
    pub policy: ValidatingAdmissionPolicySpec,
    /// What binds it.
    pub binding: ValidatingAdmissionPolicyBindingSpec,
}

/// All policies that must be in place, where Opsward's own accounts live in `namespace`.
///
/// # Errors
/// None that a caller could cause: the files are part of the build.
pub fn required(namespace: &str) -> Result<Vec<RequiredPolicy>, serde_yaml::Error> {
    FILES
        .iter()
        .map(|file| read(&file.replace(NAMESPACE, namespace)))
        .collect()
}

/// What to do where one is not in place.
pub fn remedy(namespace: &str) -> String {
    let apply = if namespace == NAMESPACE {
        "kubectl apply -f config/admission/".to_owned()
    } else {
        format!("sed 's/{NAMESPACE}/{namespace}/' config/admission/*.yaml | kubectl apply -f -")
    };
    format!("nobody is asked and nothing counts until then: {apply}")
}

fn read(file: &str) -> Result<RequiredPolicy, serde_yaml::Error> {
    let (mut policy, mut binding) = (
        ValidatingAdmissionPolicy::default(),
        ValidatingAdmissionPolicyBinding::default(),
    );
    for document in serde_yaml::Deserializer::from_str(file) {
        let value = serde_yaml::Value::deserialize(document)?;
        let kind = value.get("kind").and_then(serde_yaml::Value::as_str);
        if kind == Some("ValidatingAdmissionPolicy") {
            policy = serde_yaml::from_value(value)?;
        } else {
            binding = serde_yaml::from_value(value)?;
        }
    }
    Ok(RequiredPolicy {
        name: policy.metadata.name.unwrap_or_default(),
        policy: with_defaults(policy.spec.unwrap_or_default()),
        binding: binding.spec.unwrap_or_default(),
    })
}

impl RequiredPolicy {
    /// Whether `policy` says the same.
    pub fn is(&self, policy: &ValidatingAdmissionPolicy) -> bool {
        policy.spec.clone().map(with_defaults).as_ref() == Some(&self.policy)
    }

    /// Whether `binding` makes it deny, everywhere.
    pub fn is_bound_by(&self, binding: &ValidatingAdmissionPolicyBinding) -> bool {
        let denies = |spec: &ValidatingAdmissionPolicyBindingSpec| {
            let actions = spec.validation_actions.iter().flatten();
            actions.into_iter().any(|action| action == DENY)
        };
        let as_ours = |spec: &ValidatingAdmissionPolicyBindingSpec| ValidatingAdmissionPolicyBindingSpec {
            validation_actions: self.binding.validation_actions.clone(),
            ..spec.clone()
        };
        let spec = binding.spec.as_ref();
        spec.is_some_and(|spec| denies(spec) && as_ours(spec) == self.binding)
    }
}

/// With what the API server fills in where it is left out.
fn with_defaults(mut spec: ValidatingAdmissionPolicySpec) -> ValidatingAdmissionPolicySpec {
    if let Some(MatchResources {
        match_policy,
        namespace_selector,
        object_selector,
        resource_rules,
        ..
    }) = &mut spec.match_constraints
    {
        match_policy.get_or_insert_with(|| "Equivalent".to_owned());
        namespace_selector.get_or_insert_default();
        object_selector.get_or_insert_default();
        for rule in resource_rules.iter_mut().flatten() {
            rule.scope.get_or_insert_with(|| "*".to_owned());
        }
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_policy_and_a_binding_that_denies() {
        for required in required("elsewhere").unwrap() {
            assert!(required.name.starts_with("opsward-"), "{}", required.name);
            assert_eq!(required.binding.policy_name.as_ref(), Some(&required.name));
            assert_eq!(
                required.binding.validation_actions.as_deref(),
                Some(&["Deny".to_owned()][..])
            );
            let text = serde_json::to_string(&required.policy).unwrap();
            assert!(text.contains("system:serviceaccounts:elsewhere"), "{text}");
        }
    }

    #[test]
    fn a_binding_may_do_more_than_deny_but_not_less() {
        let required = required(NAMESPACE).unwrap().remove(0);
        for (actions, is_bound) in [
            (vec!["Deny"], true),
            (vec!["Deny", "Audit"], true),
            (vec!["Audit"], false),
        ] {
            let mut spec = required.binding.clone();
            spec.validation_actions = Some(actions.iter().map(ToString::to_string).collect());
            let binding = ValidatingAdmissionPolicyBinding {
                spec: Some(spec),
                ..ValidatingAdmissionPolicyBinding::default()
            };
            assert_eq!(required.is_bound_by(&binding), is_bound, "{actions:?}");
        }
    }

    #[test]
    fn what_the_api_server_fills_in_makes_no_difference_and_anything_else_does() {
        let required = required(NAMESPACE).unwrap().remove(1);
        let mut served = ValidatingAdmissionPolicy {
            spec: Some(required.policy.clone()),
            ..ValidatingAdmissionPolicy::default()
        };
        assert!(required.is(&served));
        let spec = served.spec.as_mut().unwrap();
        spec.match_constraints.as_mut().unwrap().match_policy = None;
        assert!(required.is(&served));
        served.spec.as_mut().unwrap().failure_policy = Some("Ignore".to_owned());
        assert!(!required.is(&served));
    }
}
