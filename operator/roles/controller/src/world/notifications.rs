//! How far the channels of incidents are, and where rules tell people.

use bus::Record as _;
use domain::notify::{Notification, Terms};

use super::{Touched, World};
use crate::key::{Key, Kind};
use crate::observe::{Feed, KeyedFeed};

impl World {
    pub(super) fn notification(&mut self, feed: KeyedFeed<Notification>) -> Touched {
        match feed {
            Feed::Begin => {
                self.notifications.begin();
                Touched::Nothing
            }
            Feed::There((_, task)) => {
                let incident = incident_of(&task);
                self.notification_written(task);
                Touched::Keys(vec![incident])
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
        self.notifications.put(name, task);
    }

    /// A notification is gone.
    pub fn notification_gone(&mut self, name: &str) -> Option<Key> {
        let name = name.to_owned();
        let incident = incident_of(self.notifications.get(&name)?);
        self.notifications.remove(&name);
        self.forget_channel(&incident, &name);
        Some(incident)
    }

    fn forget_channel(&mut self, incident: &Key, name: &str) {
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
