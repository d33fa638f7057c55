//! Whether the API server says who decides and who closes: whether the policies that make it do so are in place, as
//! this version has them. Pure; it compares, and changes none.

use std::time::Duration;

use api::admission::RequiredPolicy;
use domain::time::Time;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};

use kube::core::ObjectMeta;

use crate::incidents::seen::Identity;
use crate::mirror::Mirror;

/// What to do about a policy that is not in place.
/// How long after a policy or its binding appeared it is not relied upon: the API server takes them up within a second or
/// two, each of several for itself, and what it let pass meanwhile nobody checked.
pub const TAKEN_UP_WITHIN: Duration = Duration::from_secs(10);
/// What is said meanwhile.
pub const FRESH: &str =
    "the admission policies have just appeared; for 10 s the API server may not act by them yet";
const REMEDY: &str = "nobody is asked and nothing counts until then: kubectl apply -f config/admission/";

/// The policies that must be in place, and those that are.
#[derive(Debug)]
pub struct Policies {
    required: Vec<RequiredPolicy>,
    /// Policies of the names that matter.
    pub seen: Mirror<String, ValidatingAdmissionPolicy>,
    /// Bindings of the policies that matter.
    pub bindings: Mirror<String, ValidatingAdmissionPolicyBinding>,
    missing: Option<String>,
}

impl Policies {
    /// None seen yet.
    pub fn new(required: Vec<RequiredPolicy>) -> Self {
        let mut policies = Self {
            required,
            seen: Mirror::new(),
            bindings: Mirror::new(),
            missing: None,
        };
        policies.look();
        policies
    }

    /// Whether everything has been seen.
    pub const fn is_whole(&self) -> bool {
        self.seen.is_whole() && self.bindings.is_whole()
    }

    /// Whether a policy of this name matters.
    pub fn concerns(&self, name: &str) -> bool {
        self.required.iter().any(|required| required.name == name)
    }

    /// Looks again after something was seen; whether that changed the answer.
    pub fn look(&mut self) -> bool {
        let missing = self.required.iter().find_map(|required| self.lacks(required));
        let changed = missing != self.missing;
        self.missing = missing;
        changed
    }

    /// When the newest of what must be in place was created, by the API server's clock.
    pub fn newest(&self) -> Option<Time> {
        let policies = self.seen.iter().map(|(_, policy)| &policy.metadata);
        let bindings = self.bindings.iter().map(|(_, binding)| &binding.metadata);
        let created = |metadata: &ObjectMeta| {
            let at = metadata.creation_timestamp.as_ref()?.0;
            Some(Time::from_millis(at.as_millisecond()))
        };
        policies.chain(bindings).filter_map(created).max()
    }

    /// The answer.
    pub fn identity(&self) -> Identity<'_> {
        self.missing
            .as_deref()
            .map_or(Identity::Enforced, Identity::Missing)
    }

    fn lacks(&self, required: &RequiredPolicy) -> Option<String> {
        let name = &required.name;
        let Some(policy) = self.seen.get(name) else {
            return Some(format!("ValidatingAdmissionPolicy {name} is missing; {REMEDY}"));
        };
        if !required.is(policy) {
            return Some(format!(
                "ValidatingAdmissionPolicy {name} is not the one of this version; {REMEDY}"
            ));
        }
        let bound = self
            .bindings
            .iter()
            .any(|(_, binding)| required.is_bound_by(binding));
        (!bound).then(|| format!("no ValidatingAdmissionPolicyBinding makes {name} deny; {REMEDY}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies() -> Policies {
        let mut policies = Policies::new(api::admission::required("opsward-system").unwrap());
        for required in policies.required.clone() {
            let metadata = ObjectMeta {
                name: Some(required.name.clone()),
                ..ObjectMeta::default()
            };
            let policy = ValidatingAdmissionPolicy {
                metadata: metadata.clone(),
                spec: Some(required.policy),
                ..ValidatingAdmissionPolicy::default()
            };
            let binding = ValidatingAdmissionPolicyBinding {
                metadata,
                spec: Some(required.binding),
            };
            policies.seen.put(required.name.clone(), policy);
            policies.bindings.put(required.name, binding);
        }
        policies.look();
        policies
    }

    #[test]
    fn policies_in_place_say_who_decides() {
        assert_eq!(policies().identity(), Identity::Enforced);
    }

    #[test]
    fn what_is_missing_is_named_with_the_remedy() {
        let name = "opsward-decision-check".to_owned();
        let mut gone = policies();
        gone.seen.remove(&name);
        let mut unbound = policies();
        unbound.bindings.remove(&name);
        let mut other = policies();
        let mut policy = other.seen.get(&name).unwrap().clone();
        policy.spec.as_mut().unwrap().validations = None;
        other.seen.put(name, policy);
        for (mut policies, expected) in [
            (
                gone,
                "ValidatingAdmissionPolicy opsward-decision-check is missing",
            ),
            (
                unbound,
                "no ValidatingAdmissionPolicyBinding makes opsward-decision-check deny",
            ),
            (
                other,
                "ValidatingAdmissionPolicy opsward-decision-check is not the one of this version",
            ),
        ] {
            assert!(policies.look());
            let Identity::Missing(why) = policies.identity() else {
                panic!("{expected}")
            };
            assert!(
                why.starts_with(expected) && why.contains("kubectl apply -f config/admission/"),
                "{why}"
            );
        }
    }
}
