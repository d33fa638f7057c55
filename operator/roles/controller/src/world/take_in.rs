//! What each watch shows, taken into its mirror, and which keys that concerns.

use api::{OpsEvent, TriageDecision};
use bus::SourceRecord;
use domain::rule::record::RuleRecord;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::core::TypeMeta;
use tracing::warn;

use super::{KnownRule, QuestionKey, Touched, World, is_newer, question_key};
use crate::clock::Now;
use crate::incidents::seen::NamespaceState;
use crate::key::{Key, Kind, WrittenQuestion, WrittenRule};
use crate::mirror::Mirror;
use crate::observe::{BINDINGS, Feed, KeyedFeed, NamespaceFeed, POLICIES};

impl World {
    pub(super) fn rule_record(&mut self, feed: KeyedFeed<RuleRecord>) -> Touched {
        let before = |key: &Key| self.rule_records.get(key).map(|record| record.refused.is_some());
        let Feed::There((bucket_key, new)) = &feed else {
            return record(&mut self.rule_records, Kind::Rule, feed);
        };
        let Some(key) = Key::of_record(Kind::Rule, bucket_key) else {
            return Touched::Nothing;
        };
        let shadows_otherwise = before(&key) != Some(new.refused.is_some());
        let touched = record(&mut self.rule_records, Kind::Rule, feed);
        if shadows_otherwise {
            Touched::Rules(Some(key.namespace))
        } else {
            touched
        }
    }

    pub(super) fn source(&mut self, feed: KeyedFeed<SourceRecord>) -> Touched {
        match feed {
            Feed::Begin => self.sources.begin(),
            Feed::There((key, source)) => {
                // Collectors write their sources again at each start.
                if self.sources.get(&key) == Some(&source) {
                    self.sources.named(&key);
                    return Touched::Nothing;
                }
                self.sources.put(key, source);
            }
            Feed::Gone(key) => {
                self.sources.remove(&key);
            }
            Feed::Whole => {
                self.sources.finish();
            }
        }
        Touched::Rules(None)
    }

    pub(super) fn ops_event(&mut self, feed: Feed<Box<OpsEvent>, Box<OpsEvent>>) -> Touched {
        match feed {
            Feed::Begin => {
                self.ops_events.begin();
                Touched::Nothing
            }
            Feed::There(mut object) => {
                let Some(key) = Key::of_ops_event(&object) else {
                    return Touched::Nothing;
                };
                object.metadata.managed_fields = None;
                self.ops_events.named(&key);
                self.ops_event_written(&key, *object);
                Touched::Keys(vec![key])
            }
            Feed::Gone(object) => {
                let Some(key) = Key::of_ops_event(&object) else {
                    return Touched::Nothing;
                };
                // What was created since under the same name is newer than this deletion.
                if self
                    .ops_events
                    .get(&key)
                    .is_some_and(|held| is_newer(&object.metadata, &held.metadata))
                {
                    self.ops_events.remove(&key);
                }
                Touched::Keys(vec![key])
            }
            Feed::Whole => {
                self.ops_events.finish();
                Touched::Caught(self.keys(Kind::Incident))
            }
        }
    }

    pub(super) fn rule(&mut self, feed: Feed<Box<WrittenRule>, Box<WrittenRule>>) -> Touched {
        match feed {
            Feed::Begin => {
                self.rules.begin();
                Touched::Nothing
            }
            Feed::There(mut object) => {
                let Some(key) = Key::of_rule(&object) else {
                    return Touched::Nothing;
                };
                object.metadata.managed_fields = None;
                let generation = |rule: &KnownRule| rule.object.metadata.generation;
                let before = self.rules.get(&key);
                let edited = before.map(generation) != Some(object.metadata.generation);
                let channels = before.and_then(|rule| rule.channels.clone());
                self.rules.named(&key);
                self.rule_written(&key, *object);
                let after = self.rules.get(&key).and_then(|rule| rule.channels.as_ref());
                if channels.as_deref().unwrap_or_default() != after.map(Vec::as_slice).unwrap_or_default() {
                    Touched::ChannelsOf(key.namespace)
                } else if edited {
                    Touched::Rules(Some(key.namespace))
                } else {
                    Touched::Keys(vec![key])
                }
            }
            Feed::Gone(object) => {
                let Some(key) = Key::of_rule(&object) else {
                    return Touched::Nothing;
                };
                self.rules.remove(&key);
                // The key itself is looked at through its record.
                Touched::Rules(Some(key.namespace))
            }
            Feed::Whole => {
                self.rules.finish();
                Touched::Rules(None)
            }
        }
    }

    pub(super) fn question(&mut self, feed: Feed<Box<WrittenQuestion>, Box<WrittenQuestion>>) -> Touched {
        match feed {
            Feed::Begin => {
                self.questions.begin();
                Touched::Nothing
            }
            Feed::There(object) => {
                let Some((key, object)) = self.read_question(*object) else {
                    return Touched::Nothing;
                };
                self.questions.named(&key);
                self.question_written(object);
                Touched::Keys(vec![key.0])
            }
            Feed::Gone(object) => {
                let Some((key, object)) = self.read_question(*object) else {
                    return Touched::Nothing;
                };
                if self
                    .questions
                    .get(&key)
                    .is_some_and(|held| is_newer(&object.metadata, &held.metadata))
                {
                    self.question_gone(&object);
                }
                Touched::Keys(vec![key.0])
            }
            Feed::Whole => {
                let gone = self.questions.finish();
                for key in &gone {
                    self.forget_number(key);
                }
                Touched::Keys(gone.into_iter().map(|(incident, _)| incident).collect())
            }
        }
    }

    /// A question in this version's terms. One that cannot be read so keeps its name, and what was known of it is void.
    fn read_question(&mut self, mut object: WrittenQuestion) -> Option<(QuestionKey, TriageDecision)> {
        object.metadata.managed_fields = None;
        object.types = Some(TypeMeta::resource::<TriageDecision>());
        let read = serde_json::to_value(&object).and_then(serde_json::from_value::<TriageDecision>);
        let error = match read {
            Ok(question) => return Some((question_key(&question)?, question)),
            Err(error) => error,
        };
        let (namespace, name) = (
            object.metadata.namespace.as_deref()?,
            object.metadata.name.as_deref()?,
        );
        warn!(namespace, name, %error, "question skipped, it cannot be read");
        let (ops_event, number) = name.rsplit_once("-d")?;
        let key = (Key::of_name(namespace, ops_event)?, number.parse().ok()?);
        self.questions.remove(&key);
        self.forget_number(&key);
        let highest = self.unreadable.entry(key.0).or_default();
        *highest = key.1.max(*highest);
        None
    }

    pub(super) fn policy(
        &mut self,
        feed: Feed<Box<ValidatingAdmissionPolicy>, Box<ValidatingAdmissionPolicy>>,
        now: Now,
    ) -> Touched {
        let policies = &mut self.policies;
        match feed {
            Feed::Begin => policies.seen.begin(),
            Feed::There(policy) => {
                if let Some(name) = policy
                    .metadata
                    .name
                    .clone()
                    .filter(|name| policies.concerns(name))
                {
                    policies.seen.put(name, *policy);
                }
            }
            Feed::Gone(policy) => {
                policies.seen.remove(&policy.metadata.name.unwrap_or_default());
            }
            Feed::Whole => {
                policies.seen.finish();
                policies.shown(POLICIES);
            }
        }
        self.look_at_identity(now)
    }

    pub(super) fn policies_hidden(&mut self, watch: &'static str, why: String, now: Now) -> Touched {
        self.policies.hidden(watch, why);
        self.look_at_identity(now)
    }

    pub(super) fn binding(
        &mut self,
        feed: Feed<Box<ValidatingAdmissionPolicyBinding>, Box<ValidatingAdmissionPolicyBinding>>,
        now: Now,
    ) -> Touched {
        let policies = &mut self.policies;
        match feed {
            Feed::Begin => policies.bindings.begin(),
            Feed::There(binding) => {
                let name = binding.metadata.name.clone().unwrap_or_default();
                let bound = binding.spec.as_ref().and_then(|spec| spec.policy_name.as_deref());
                if bound.is_some_and(|policy| policies.concerns(policy)) {
                    policies.bindings.put(name, *binding);
                } else {
                    // It may have bound one that matters before.
                    policies.bindings.remove(&name);
                }
            }
            Feed::Gone(binding) => {
                policies
                    .bindings
                    .remove(&binding.metadata.name.unwrap_or_default());
            }
            Feed::Whole => {
                policies.bindings.finish();
                policies.shown(BINDINGS);
            }
        }
        self.look_at_identity(now)
    }

    pub(super) fn namespace(&mut self, feed: NamespaceFeed) -> Touched {
        match feed {
            Feed::Begin => self.namespaces.begin(),
            Feed::There(object) => {
                let closing = object.metadata.deletion_timestamp.is_some();
                let state = if closing {
                    NamespaceState::Closed
                } else {
                    NamespaceState::Active
                };
                let Some(name) = object.metadata.name else {
                    return Touched::Nothing;
                };
                let before = self.namespace_state(&name);
                self.namespaces.put(name.clone(), state);
                if before != state {
                    return Touched::IncidentsOf(name);
                }
            }
            Feed::Gone(object) => {
                if let Some(name) = object.metadata.name {
                    self.namespaces.remove(&name);
                }
            }
            Feed::Whole => {
                self.namespaces.finish();
            }
        }
        Touched::Nothing
    }
}

/// A record's feed into its mirror.
pub(super) fn record<T>(mirror: &mut Mirror<Key, T>, kind: Kind, feed: KeyedFeed<T>) -> Touched {
    let key = |bucket_key: String| Key::of_record(kind, &bucket_key);
    match feed {
        Feed::Begin => {
            mirror.begin();
            Touched::Nothing
        }
        Feed::There((bucket_key, value)) => {
            let Some(key) = key(bucket_key) else {
                return Touched::Nothing;
            };
            mirror.put(key.clone(), value);
            Touched::Keys(vec![key])
        }
        Feed::Gone(bucket_key) => {
            let Some(key) = key(bucket_key) else {
                return Touched::Nothing;
            };
            mirror.remove(&key);
            Touched::Keys(vec![key])
        }
        Feed::Whole => Touched::Keys(mirror.finish()),
    }
}
