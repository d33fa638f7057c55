//! How far the channels of incidents are, and where rules tell people.

use bus::Record as _;
use domain::notify::{Notification, Terms};
use domain::task::State;

use super::{Touched, World};
use crate::key::{Key, Kind};
use crate::observe::{Feed, KeyedFeed};
use crate::rules::status::Notifies;

impl World {
    pub(super) fn notification(&mut self, feed: KeyedFeed<Notification>) -> Touched {
        match feed {
            Feed::Begin => {
                self.notifications.begin();
                Touched::Nothing
            }
            Feed::There((name, task)) => {
                let incident = incident_of(&task);
                let before = self.in_trouble.contains(&name);
                self.notification_written(task);
                let mut keys = vec![incident.clone()];
                if before != self.in_trouble.contains(&name) {
                    keys.extend(self.rule_of_incident(&incident));
                }
                Touched::Keys(keys)
            }
            Feed::Gone(name) => Touched::Keys(self.notification_gone(&name).into_iter().collect()),
            Feed::Whole => {
                let before: Vec<(String, Key)> = self
                    .notifications
                    .iter()
                    .map(|(name, task)| (name.clone(), incident_of(task)))
                    .collect();
                let gone = self.notifications.finish();
                let gone = before.into_iter().filter(|(name, _)| gone.contains(name));
                let gone: Vec<(String, Key)> = gone.collect();
                for (name, incident) in &gone {
                    self.forget_channel(incident, name);
                }
                Touched::Keys(gone.into_iter().map(|(_, incident)| incident).collect())
            }
        }
    }

    /// The channels of the rule with this uid; `None` when it is gone or cannot be read.
    pub fn channels(&self, namespace: &str, rule: &str) -> Option<&[Terms]> {
        let key = Key {
            kind: Kind::Rule,
            namespace: namespace.to_owned(),
            id: rule.to_owned(),
        };
        self.rules.get(&key)?.channels.as_deref()
    }

    /// How far channels are with an incident, by the channel's name.
    pub fn notifications(&self, incident: &Key) -> Vec<&Notification> {
        let names = self.channels.get(incident).into_iter().flatten();
        let mut all: Vec<_> = names.filter_map(|name| self.notifications.get(name)).collect();
        all.sort_unstable_by(|one, other| one.place.slot.cmp(&other.place.slot));
        all
    }

    /// A notification as the bucket has it; an older version of what is wanted than the known one is no news.
    pub fn notification_written(&mut self, task: Notification) {
        let name = task.key();
        let held = self.notifications.get(&name);
        if held.is_some_and(|held| held.revision > task.revision) {
            self.notifications.named(&name);
            return;
        }
        let names = self.channels.entry(incident_of(&task)).or_default();
        if !names.contains(&name) {
            names.push(name.clone());
        }
        if is_in_trouble(&task) {
            self.in_trouble.insert(name.clone());
        } else {
            self.in_trouble.remove(&name);
        }
        self.notifications.put(name, task);
    }

    /// A notification as it was just wanted; what the bucket has shown of that version since is newer.
    pub fn notification_wanted(&mut self, task: Notification) {
        let held = self.notifications.get(&task.key());
        if held.is_none_or(|held| held.revision < task.revision) {
            self.notification_written(task);
        }
    }

    /// A notification is gone.
    pub fn notification_gone(&mut self, name: &str) -> Option<Key> {
        let name = name.to_owned();
        let incident = incident_of(self.notifications.get(&name)?);
        self.notifications.remove(&name);
        self.forget_channel(&incident, &name);
        Some(incident)
    }

    /// The rule of an incident.
    fn rule_of_incident(&self, incident: &Key) -> Option<Key> {
        let record = self.incidents.get(incident)?;
        Some(Key {
            kind: Kind::Rule,
            namespace: incident.namespace.clone(),
            id: record.rule.uid.clone(),
        })
    }

    /// Whether people can be told of a rule's incidents.
    pub fn notifies(&self, rule: &Key) -> Notifies<'_> {
        let channels = self.channels(&rule.namespace, &rule.id).unwrap_or_default();
        if channels.is_empty() {
            return Notifies::Nobody;
        }
        let mut in_trouble = self
            .in_trouble
            .iter()
            .filter_map(|name| self.notifications.get(name));
        let found = in_trouble.find(|task| {
            let is_named = channels.iter().any(|terms| terms.name == task.place.slot);
            is_named && self.rule_of_incident(&incident_of(task)).as_ref() == Some(rule)
        });
        found.map_or(Notifies::Well, Notifies::InTrouble)
    }

    fn forget_channel(&mut self, incident: &Key, name: &str) {
        self.in_trouble.remove(name);
        if let Some(names) = self.channels.get_mut(incident) {
            names.retain(|known| known != name);
            if names.is_empty() {
                self.channels.remove(incident);
            }
        }
    }
}

/// The incident that a notification is about.
fn incident_of(task: &Notification) -> Key {
    Key {
        kind: Kind::Incident,
        namespace: task.place.namespace.clone(),
        id: task.place.incident.clone(),
    }
}

/// Attempts after which a channel counts as in trouble: a service that stumbles is none.
const STUMBLES: u32 = 3;

fn is_in_trouble(task: &Notification) -> bool {
    let progress = &task.progress;
    progress.problem.is_some() && (progress.attempts >= STUMBLES || progress.state == State::Failed)
}
