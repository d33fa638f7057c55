//! What the leader does about one rule.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use tokio::time::Instant;

use super::Leader;
use crate::class::Class;
use crate::clock::Now;
use crate::jobs;
use crate::key::Key;
use crate::rules::publish::{Publication, Told};
use crate::rules::{self, RuleDecision, SeenRule};

impl Leader<'_> {
    pub(super) fn reconcile_rule(&mut self, key: &Key, now: Now) -> (Option<Class>, Option<Instant>) {
        let decision = self.decide_rule(key, now);
        let not_before = self.tell_log(key, decision.publication, now);
        if matches!(self.world.rule_of(key), (None, None)) {
            self.rules.remove(key);
            self.pace.clear(key);
        }
        let wait = [not_before, decision.write_at].into_iter().flatten().min();
        (decision.write.map(|write| write.class), wait)
    }

    pub(super) fn decide_rule(&self, key: &Key, now: Now) -> RuleDecision {
        let (rule, record) = self.world.rule_of(key);
        let seen = SeenRule {
            object: rule.map(|rule| &rule.object),
            record,
            peers: self.world.peers(key),
            sources: self.world.sources(&key.namespace),
            notifies: self.world.notifies(key),
            memory: self.rules.get(key).copied().unwrap_or_default(),
        };
        rules::decide(&seen, now)
    }

    /// Starts telling the log what it must know of a rule; returns when to look again.
    fn tell_log(&mut self, key: &Key, publication: Publication, now: Now) -> Option<Instant> {
        let (rule, record) = self.world.rule_of(key);
        let (bus, client) = (self.tools.bus.clone(), self.tools.client.clone());
        let told = match (publication, rule, record) {
            (Publication::NotBefore(due), _, _) => return Some(due),
            (Publication::Generation(generation), Some(rule), _) if self.telling.insert(key.clone()) => {
                self.calls
                    .spawn(jobs::publish(bus, key.clone(), rule.object.clone()));
                Told::Generation(generation, now.instant)
            }
            (Publication::Gone, _, Some(record)) if self.telling.insert(key.clone()) => {
                self.calls
                    .spawn(jobs::publish_gone(client, bus, key.clone(), record.clone()));
                Told::Gone(now.instant)
            }
            _ => return None,
        };
        self.rules.entry(key.clone()).or_default().told = told;
        None
    }

    pub(super) fn rule_reference(&self, key: &Key) -> Option<ObjectReference> {
        let object = &self.world.rule_of(key).0?.object;
        Some(object.object_ref(&crate::key::rule_resource()))
    }
}
