//! What each watch shows, taken into its mirror, and which keys that concerns.

use api::OpsEvent;
use bus::SourceRecord;
use domain::rule::record::RuleRecord;

use super::{KnownRule, Touched, World, is_newer};
use crate::incidents::decide::NamespaceState;
use crate::key::{Key, Kind, WrittenRule};
use crate::mirror::Mirror;
use crate::observe::{Feed, KeyedFeed, NamespaceFeed};

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
                let edited = self.rules.get(&key).map(generation) != Some(object.metadata.generation);
                self.rules.named(&key);
                self.rule_written(&key, *object);
                if edited {
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
