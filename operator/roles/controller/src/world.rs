//! All that the leader sees, by key, and which keys an observation concerns. Decides nothing.

mod notifications;
mod take_in;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use api::{OpsEvent, TriageDecision, TriggerRuleSpec};
use bus::SourceRecord;
use domain::incident::IncidentRecord;
use domain::notify::{Notification, Terms};
use domain::rule::record::RuleRecord;

use tokio::time::Instant;
use tracing::trace;

use crate::clock::Now;
use crate::identity::Policies;
use crate::incidents::question::{Questions, ask_of};
use crate::incidents::seen::{Identity, NamespaceState};
use crate::key::{Key, Kind, WrittenRule};
use crate::mirror::Mirror;
use crate::observe::Observation;
use crate::rules::ineffective::{Knowledge, Peer, Sources};
use crate::rules::read_spec;

/// A rule's object, read once.
#[derive(Debug)]
pub struct KnownRule {
    /// As written.
    pub object: WrittenRule,
    /// In this version's terms, if it can be read so.
    pub spec: Option<TriggerRuleSpec>,
    /// Where it tells people; `None` when that cannot be read.
    pub channels: Option<Vec<Terms>>,
}

/// Which keys are to be looked at again.
#[derive(Debug, PartialEq, Eq)]
pub enum Touched {
    /// None.
    Nothing,
    /// These.
    Keys(Vec<Key>),
    /// These; and what differs now has differed since before a full list.
    Caught(Vec<Key>),
    /// Every rule of this namespace; of all when `None`.
    Rules(Option<String>),
    /// Where the rules of a namespace tell people: its rules and incidents.
    ChannelsOf(String),
    /// Every incident of this namespace.
    IncidentsOf(String),
    /// Every incident: whether the API server says who decides is otherwise than before.
    Identity,
    /// None; but a watch cannot see, since now or for another reason than before.
    Blind,
}

/// The mirrors of all watches.
#[derive(Debug)]
pub struct World {
    incidents: Mirror<Key, IncidentRecord>,
    ops_events: Mirror<Key, OpsEvent>,
    /// By incident and number.
    questions: Mirror<QuestionKey, TriageDecision>,
    /// The highest number of a question about an incident that cannot be read, and so keeps its name.
    unreadable: HashMap<Key, u32>,
    /// The numbers of the questions about an incident: those of an incident are looked up with every look at it.
    numbers: HashMap<Key, Vec<u32>>,
    policies: Policies,
    rule_records: Mirror<Key, RuleRecord>,
    rules: Mirror<Key, KnownRule>,
    notifications: Mirror<String, Notification>,
    /// The keys of those of an incident.
    channels: HashMap<Key, Vec<String>>,
    /// The keys of those that have been in trouble for a while, in order.
    in_trouble: BTreeSet<String>,
    sources: Mirror<String, SourceRecord>,
    namespaces: Mirror<String, NamespaceState>,
    /// Why watches cannot see, by their names.
    blind: BTreeMap<&'static str, String>,
}

impl World {
    /// Nothing seen yet.
    pub fn new(policies: Policies) -> Self {
        Self {
            incidents: Mirror::new(),
            ops_events: Mirror::new(),
            questions: Mirror::new(),
            unreadable: HashMap::new(),
            numbers: HashMap::new(),
            policies,
            rule_records: Mirror::new(),
            rules: Mirror::new(),
            notifications: Mirror::new(),
            channels: HashMap::new(),
            in_trouble: BTreeSet::new(),
            sources: Mirror::new(),
            namespaces: Mirror::new(),
            blind: BTreeMap::new(),
        }
    }

    /// Whether every watch has shown all that was there. Before, a thing not seen may well exist, and nothing may be
    /// decided.
    pub fn is_whole(&self) -> bool {
        self.incidents.is_whole()
            && self.ops_events.is_whole()
            && self.questions.is_whole()
            && self.policies.is_whole()
            && self.rule_records.is_whole()
            && self.rules.is_whole()
            && self.notifications.is_whole()
            && self.sources.is_whole()
            && self.namespaces.is_whole()
    }

    /// What cannot be seen now, and why, in a stable order.
    pub fn blind(&self) -> String {
        self.blind
            .values()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// Takes in one observation.
    pub fn observe(&mut self, observation: Observation, now: Now) -> Touched {
        let watch = observation.watch();
        if observation.sees() {
            self.blind.remove(watch);
        }
        trace!(watch, ?observation, "observed");
        match observation {
            Observation::Incident(feed) => take_in::record(&mut self.incidents, Kind::Incident, feed),
            Observation::RuleRecord(feed) => self.rule_record(feed),
            Observation::Source(feed) => self.source(feed),
            Observation::Notification(feed) => self.notification(*feed),
            Observation::OpsEvent(feed) => self.ops_event(feed),
            Observation::Rule(feed) => self.rule(feed),
            Observation::Question(feed) => self.question(feed),
            Observation::Policy(feed) => self.policy(feed, now),
            Observation::Binding(feed) => self.binding(feed, now),
            Observation::Namespace(feed) => self.namespace(feed),
            Observation::Hidden(watch, reason) => self.policies_hidden(watch, reason, now),
            Observation::Blind(watch, reason) => {
                let before = self.blind.insert(watch, reason);
                if before.as_ref() == self.blind.get(watch) {
                    Touched::Nothing
                } else {
                    Touched::Blind
                }
            }
        }
    }

    /// The answer to a write: the object is now this.
    pub fn ops_event_written(&mut self, key: &Key, object: OpsEvent) {
        if self
            .ops_events
            .get(key)
            .is_none_or(|held| is_newer(&object.metadata, &held.metadata))
        {
            self.ops_events.put(key.clone(), object);
        }
    }

    /// The answer to a write: the object is not there.
    pub fn ops_event_gone(&mut self, key: &Key) {
        self.ops_events.remove(key);
    }

    /// The answer to a write of a question.
    pub fn question_written(&mut self, object: TriageDecision) {
        let Some(key) = question_key(&object) else { return };
        let newer = |held: &TriageDecision| is_newer(&object.metadata, &held.metadata);
        if self.questions.get(&key).is_none_or(newer) {
            let numbers = self.numbers.entry(key.0.clone()).or_default();
            if let Err(place) = numbers.binary_search(&key.1) {
                numbers.insert(place, key.1);
            }
            self.questions.put(key, object);
        }
    }

    /// The answer to a write: the question is not there.
    pub fn question_gone(&mut self, object: &TriageDecision) {
        if let Some(key) = question_key(object) {
            self.questions.remove(&key);
            self.forget_number(&key);
        }
    }

    fn forget_number(&mut self, (incident, number): &QuestionKey) {
        if let Some(numbers) = self.numbers.get_mut(incident) {
            numbers.retain(|known| known != number);
            if numbers.is_empty() {
                self.numbers.remove(incident);
            }
        }
    }

    /// What was asked about an incident's object.
    pub fn questions(&self, incident: &Key) -> Questions<'_> {
        let Some(object) = self.ops_events.get(incident) else {
            return Questions::default();
        };
        let numbers = self.numbers.get(incident).map(Vec::as_slice).unwrap_or_default();
        let all = numbers
            .iter()
            .filter_map(|number| self.questions.get(&(incident.clone(), *number)));
        let taken = self.unreadable.get(incident).copied().unwrap_or_default();
        Questions::about(object, all, taken)
    }

    /// Whether the API server says who decides and who closes.
    pub fn identity(&self) -> Identity<'_> {
        self.policies.identity()
    }

    /// Looks at that again, as time has passed.
    pub fn look_at_identity(&mut self, now: Now) -> Touched {
        if self.policies.look(now) {
            Touched::Identity
        } else {
            Touched::Nothing
        }
    }

    /// When to do so.
    pub const fn identity_changes_at(&self) -> Option<Instant> {
        self.policies.look_again()
    }

    /// The answer to a write of a rule's status.
    pub fn rule_written(&mut self, key: &Key, object: WrittenRule) {
        // Another uid under the name is another rule; the watch tells of both.
        let same = object.metadata.uid.as_deref() == Some(key.id.as_str());
        let newer = |held: &KnownRule| is_newer(&object.metadata, &held.object.metadata);
        if same && self.rules.get(key).is_none_or(newer) {
            let spec = read_spec(&object);
            let channels = spec.as_ref().and_then(|spec| spec.channels().ok());
            let known = KnownRule {
                object,
                spec,
                channels,
            };
            self.rules.put(key.clone(), known);
        }
    }

    /// The answer to a write: the rule is not there, or is another.
    pub fn rule_gone(&mut self, key: &Key) {
        self.rules.remove(key);
    }

    /// The record and the object of an incident.
    pub fn incident(&self, key: &Key) -> (Option<&IncidentRecord>, Option<&OpsEvent>) {
        (self.incidents.get(key), self.ops_events.get(key))
    }

    /// The object of a rule and the log's word on it.
    pub fn rule_of(&self, key: &Key) -> (Option<&KnownRule>, Option<&RuleRecord>) {
        (self.rules.get(key), self.rule_records.get(key))
    }

    /// Whether a namespace takes objects.
    pub fn namespace_state(&self, namespace: &str) -> NamespaceState {
        self.namespaces
            .get(&namespace.to_owned())
            .copied()
            .unwrap_or(NamespaceState::Closed)
    }

    /// The other rules of `key`'s namespace that can be read and are not refused.
    pub fn peers(&self, key: &Key) -> Vec<Peer<'_>> {
        let refused = |key: &Key| {
            self.rule_records
                .get(key)
                .is_some_and(|record| record.refused.is_some())
        };
        let others = self
            .rules
            .iter()
            .filter(|(other, _)| other.namespace == key.namespace && *other != key);
        others
            .filter(|(other, _)| !refused(other))
            .filter_map(|(_, rule)| {
                Some(Peer {
                    name: rule.object.metadata.name.as_deref()?,
                    spec: rule.spec.as_ref()?,
                })
            })
            .collect()
    }

    /// The sources that can send into `namespace`.
    pub fn sources(&self, namespace: &str) -> Sources<'_> {
        let mut sources = Sources::default();
        for (_, source) in self.sources.iter() {
            sources.any_known = Knowledge::Something;
            if source.namespaces.iter().any(|tenant| tenant == namespace) {
                sources.names.push(&source.name);
            }
        }
        sources
    }

    /// Every key of `kind` that something is known of.
    pub fn keys(&self, kind: Kind) -> Vec<Key> {
        let mut keys: Vec<Key> = match kind {
            Kind::Incident => self
                .incidents
                .keys()
                .chain(self.ops_events.keys())
                .chain(self.channels.keys())
                .cloned()
                .collect(),
            Kind::Rule => self
                .rule_records
                .keys()
                .chain(self.rules.keys())
                .cloned()
                .collect(),
        };
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// A question by its incident and number.
type QuestionKey = (Key, u32);

fn question_key(object: &TriageDecision) -> Option<QuestionKey> {
    Some((Key::of_question(object)?, ask_of(object)?.number))
}

/// Whether `new` is at least as new as `held`. Resource versions of one resource are ordered numbers, of all uids
/// and deletions together (<https://kep.k8s.io/5504>); should one be none, the newcomer is believed.
fn is_newer(new: &kube::core::ObjectMeta, held: &kube::core::ObjectMeta) -> bool {
    let number =
        |metadata: &kube::core::ObjectMeta| metadata.resource_version.as_deref()?.parse::<u128>().ok();
    match (number(new), number(held)) {
        (Some(new), Some(held)) => new >= held,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
