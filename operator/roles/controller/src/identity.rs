//! Whether the API server says who decides and who closes: whether the policies that make it do so are in place, as
//! this version has them. Pure; it compares, and changes none.

use std::collections::BTreeMap;
use std::time::Duration;

use api::admission::{RequiredPolicy, remedy};
use domain::hash::Hash128;
use domain::time::Time;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::core::ObjectMeta;
use tokio::time::Instant;

use crate::clock::Now;
use crate::incidents::seen::Identity;
use crate::mirror::Mirror;

/// How long after a policy or its binding appeared it is not relied upon: the API server takes them up within a second or
/// two, each of several for itself, and what it let pass meanwhile nobody checked.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(10);

/// What is said meanwhile.
const FRESH: &str = "the admission policies have just appeared; the API server may not act by them yet";

/// How things stand.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Something lacks, for this reason.
    Missing(String),
    /// All is there, and is relied upon from then on.
    Fresh(Instant),
    /// All is there, with this stamp.
    InPlace(String),
}

/// The policies that must be in place, and those that are.
#[derive(Debug)]
pub struct Policies {
    required: Vec<RequiredPolicy>,
    remedy: String,
    /// Policies of the names that matter.
    pub seen: Mirror<String, ValidatingAdmissionPolicy>,
    /// Bindings of the policies that matter.
    pub bindings: Mirror<String, ValidatingAdmissionPolicyBinding>,
    /// Why what may not be seen may not, by its watch.
    hidden: BTreeMap<&'static str, String>,
    /// `None` until all has been seen.
    state: Option<State>,
}

impl Policies {
    /// None seen yet. Opsward's own accounts live in `namespace`.
    ///
    /// # Errors
    /// The policies of this build cannot be read: a bug.
    pub fn new(namespace: &str) -> Result<Self, serde_yaml::Error> {
        Ok(Self {
            required: api::admission::required(namespace)?,
            remedy: remedy(namespace),
            seen: Mirror::new(),
            bindings: Mirror::new(),
            hidden: BTreeMap::new(),
            state: None,
        })
    }

    /// Whether everything has been seen, or may not be.
    pub fn is_whole(&self) -> bool {
        !self.hidden.is_empty() || (self.seen.is_whole() && self.bindings.is_whole())
    }

    /// A watch may not see, for this reason.
    pub fn hidden(&mut self, watch: &'static str, why: String) {
        self.hidden.insert(watch, why);
    }

    /// A watch has seen all of its own.
    pub fn shown(&mut self, watch: &'static str) {
        self.hidden.remove(watch);
    }

    /// Whether a policy of this name matters.
    pub fn concerns(&self, name: &str) -> bool {
        self.required.iter().any(|required| required.name == name)
    }

    /// Looks again, after something was seen or time has passed; whether that changed the answer.
    pub fn look(&mut self, now: Now) -> bool {
        if !self.is_whole() {
            return false;
        }
        let hidden = self.hidden.values().next().cloned();
        let lacks = hidden.or_else(|| self.required.iter().find_map(|required| self.lacks(required)));
        let stamp = self.stamp();
        let state = match (lacks, &self.state) {
            (Some(why), _) => State::Missing(why),
            (None, Some(State::InPlace(before))) if *before == stamp => State::InPlace(stamp),
            (None, Some(State::Fresh(until))) if *until <= now.instant => State::InPlace(stamp),
            (None, Some(State::Fresh(until))) => State::Fresh(*until),
            (None, Some(State::Missing(_) | State::InPlace(_))) => {
                State::Fresh(now.instant + TAKEN_UP_WITHIN)
            }
            // Seen for the first time: they may have been there for long.
            (None, None) => match TAKEN_UP_WITHIN.checked_sub(now.time.since(self.since())) {
                Some(left) if !left.is_zero() => State::Fresh(now.instant + left),
                _ => State::InPlace(stamp),
            },
        };
        let changed = self.state.as_ref() != Some(&state);
        self.state = Some(state);
        changed
    }

    /// When to look again though nothing is seen.
    pub const fn look_again(&self) -> Option<Instant> {
        match &self.state {
            Some(State::Fresh(until)) => Some(*until),
            _ => None,
        }
    }

    /// When the newest of what must be in place was created, by the API server's clock.
    fn since(&self) -> Time {
        let created = |metadata: &ObjectMeta| {
            let at = metadata.creation_timestamp.as_ref()?.0;
            Some(Time::from_millis(at.as_millisecond()))
        };
        self.all().filter_map(created).max().unwrap_or_default()
    }

    /// What tells these very policies, as they are written, from any before and after: whoever takes one away and puts it
    /// back, or edits it and puts it right again, changes it. Labels and annotations do not.
    fn stamp(&self) -> String {
        let mut all: Vec<String> = self
            .all()
            .map(|metadata| {
                let uid = metadata.uid.as_deref().unwrap_or_default();
                format!("{uid}.{}", metadata.generation.unwrap_or_default())
            })
            .collect();
        all.sort_unstable();
        Hash128::of(all.iter().map(String::as_str)).to_string()
    }

    fn all(&self) -> impl Iterator<Item = &ObjectMeta> {
        let policies = self.seen.iter().map(|(_, policy)| &policy.metadata);
        policies.chain(self.bindings.iter().map(|(_, binding)| &binding.metadata))
    }

    /// The answer.
    pub fn identity(&self) -> Identity<'_> {
        match &self.state {
            Some(State::InPlace(stamp)) => Identity::Enforced { stamp },
            Some(State::Missing(why)) => Identity::Missing(why),
            Some(State::Fresh(_)) => Identity::Missing(FRESH),
            None => Identity::Missing("the admission policies have not been seen yet"),
        }
    }

    fn lacks(&self, required: &RequiredPolicy) -> Option<String> {
        let (name, remedy) = (&required.name, &self.remedy);
        let Some(policy) = self.seen.get(name) else {
            return Some(format!("ValidatingAdmissionPolicy {name} is missing; {remedy}"));
        };
        if !required.is(policy) {
            return Some(format!(
                "ValidatingAdmissionPolicy {name} is not the one of this version; {remedy}"
            ));
        }
        let bound = self
            .bindings
            .iter()
            .any(|(_, binding)| required.is_bound_by(binding));
        (!bound).then(|| format!("no ValidatingAdmissionPolicyBinding makes {name} deny; {remedy}"))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as KubeTime;

    use super::*;
    use crate::clock::now;

    const CHECK: &str = "opsward-decision-check";

    fn kube_time(at: Time) -> KubeTime {
        api::conditions::kube_time(at)
    }

    /// Policies that were created 1,000 s after 1970 and are all in place.
    fn policies() -> Policies {
        let mut policies = Policies::new("opsward-system").unwrap();
        policies.seen.begin();
        policies.bindings.begin();
        for required in policies.required.clone() {
            let metadata = ObjectMeta {
                name: Some(required.name.clone()),
                creation_timestamp: Some(kube_time(Time::from_millis(1_000_000))),
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
        policies.seen.finish();
        policies.bindings.finish();
        policies
    }

    fn later(from: Now, seconds: u64) -> Now {
        Now {
            instant: from.instant + Duration::from_secs(seconds),
            ..from
        }
    }

    #[test]
    fn policies_that_were_there_long_ago_are_relied_upon_at_once() {
        let mut policies = policies();
        assert!(!policies.identity().is_enforced());
        assert!(policies.look(now(Time::from_millis(1_010_000))));
        assert!(policies.identity().is_enforced());
        assert_eq!(policies.look_again(), None);
    }

    #[test]
    fn policies_that_have_just_appeared_are_relied_upon_after_ten_seconds() {
        let mut policies = policies();
        let seen = now(Time::from_millis(1_004_000));
        assert!(policies.look(seen));
        assert!(!policies.identity().is_enforced());
        assert_eq!(policies.look_again(), Some(seen.instant + Duration::from_secs(6)));
        assert!(!policies.look(later(seen, 5)));
        assert!(policies.look(later(seen, 6)));
        assert!(policies.identity().is_enforced());
    }

    #[test]
    fn a_policy_that_comes_back_is_as_good_as_new_whatever_the_wall_clock_says() {
        let mut policies = policies();
        let seen = now(Time::from_millis(9_000_000));
        policies.look(seen);
        let binding = policies.bindings.get(&CHECK.to_owned()).unwrap().clone();
        policies.bindings.remove(&CHECK.to_owned());
        assert!(policies.look(seen));
        assert_eq!(policies.look_again(), None);
        policies.bindings.put(CHECK.to_owned(), binding);
        assert!(policies.look(seen));
        assert!(!policies.identity().is_enforced());
        assert!(policies.look(later(seen, 10)));
        assert!(policies.identity().is_enforced());
    }

    #[test]
    fn a_policy_that_was_edited_and_put_back_has_another_stamp_and_a_labelled_one_has_not() {
        let stamp = |policies: &mut Policies| {
            let seen = now(Time::from_millis(9_000_000));
            policies.look(seen);
            policies.look(later(seen, 10));
            match policies.identity() {
                Identity::Enforced { stamp } => stamp.to_owned(),
                Identity::Missing(why) => panic!("{why}"),
            }
        };
        let before = stamp(&mut policies());
        let mut labelled = policies();
        let mut policy = labelled.seen.get(&CHECK.to_owned()).unwrap().clone();
        policy.metadata.labels = Some([("team".to_owned(), "sre".to_owned())].into());
        labelled.seen.put(CHECK.to_owned(), policy.clone());
        assert_eq!(stamp(&mut labelled), before);
        let mut edited = policies();
        edited.look(now(Time::from_millis(9_000_000)));
        policy.metadata.generation = Some(3);
        edited.seen.put(CHECK.to_owned(), policy);
        assert_ne!(stamp(&mut edited), before);
    }

    #[test]
    fn what_may_not_be_seen_holds_until_it_is_seen() {
        let mut policies = policies();
        let seen = now(Time::from_millis(9_000_000));
        policies.look(seen);
        policies.hidden("policies", "no right to list policies".to_owned());
        assert!(policies.look(seen));
        assert_eq!(
            policies.identity(),
            Identity::Missing("no right to list policies")
        );
        policies.shown("policies");
        assert!(policies.look(seen));
        assert!(policies.look(later(seen, 10)));
        assert!(policies.identity().is_enforced());
    }

    #[test]
    fn what_is_missing_is_named_with_the_remedy() {
        let name = CHECK.to_owned();
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
            assert!(policies.look(now(Time::from_millis(9_000_000))));
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
