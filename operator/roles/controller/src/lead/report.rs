//! What the calls bring back, taken in: what is known of the objects, what is counted and told, when to try again.
//! Status and news speak only of what was done.

use api::OpsEvent;
use domain::time::Time;
use platform::Chain;
use tracing::{info, warn};

use super::Leader;
use crate::announce::News;
use crate::error::{Retry, TellLogError, WriteError};
use crate::gate::Turn;
use crate::incidents::decide::Tell;
use crate::jobs::Done;
use crate::key::{Key, WrittenRule};
use crate::moment::Moment;
use crate::rules::status::{LogAnswer, RuleTell};
use crate::write::Outcome;

impl Leader<'_> {
    /// Takes in what one call brought back, and looks at its key again.
    pub(super) fn report(&mut self, done: Done, now: Moment) {
        let key = match done {
            Done::Incident {
                key,
                class,
                tells,
                since,
                result,
            } => {
                self.writing.remove(&key);
                if matches!(result, Ok(Outcome::Written(_) | Outcome::Deleted)) {
                    self.tools.metrics.written(key.kind, class);
                    self.took(since, now);
                }
                self.incident_written(&key, &tells, result, now);
                key
            }
            Done::Rule {
                key,
                class,
                tell,
                result,
            } => {
                self.writing.remove(&key);
                if let Ok(Outcome::Written(_)) = result {
                    self.tools.metrics.written(key.kind, class);
                }
                self.rule_written(&key, tell.as_ref(), result, now);
                key
            }
            Done::Told { key, result } => {
                self.telling.remove(&key);
                self.told(&key, &result);
                key
            }
        };
        self.reconcile(&key, now);
    }

    fn took(&self, since: Option<Time>, now: Moment) {
        if let Some(since) = since {
            self.tools.metrics.record_to_object(now.time.since(since));
        }
    }

    fn incident_written(
        &mut self,
        key: &Key,
        tells: &[Tell],
        result: Result<Outcome<OpsEvent>, WriteError>,
        now: Moment,
    ) {
        let Some(outcome) = self.answered(key, result, now) else {
            return;
        };
        match outcome {
            Outcome::Written(object) => {
                let name = object.metadata.name.clone().unwrap_or_default();
                self.world.ops_event_written(key, object);
                if let Some(memory) = self.incidents.get_mut(key) {
                    memory.differs_since = None;
                }
                for &tell in tells {
                    info!(
                        namespace = key.namespace,
                        name,
                        news = News::from(tell).reason(),
                        "incident changed"
                    );
                    self.announce(key, tell);
                }
            }
            Outcome::Outdated(Some(object)) => self.world.ops_event_written(key, object),
            Outcome::Outdated(None) | Outcome::Deleted => self.world.ops_event_gone(key),
        }
    }

    fn rule_written(
        &mut self,
        key: &Key,
        tell: Option<&RuleTell>,
        result: Result<Outcome<WrittenRule>, WriteError>,
        now: Moment,
    ) {
        let Some(outcome) = self.answered(key, result, now) else {
            return;
        };
        match outcome {
            Outcome::Written(object) => {
                self.world.rule_written(key, object);
                self.rules.entry(key.clone()).or_default().written_at = Some(now.instant);
                if let (Some(tell), Some(regarding)) = (tell, self.rule_reference(key)) {
                    self.tools.announcer.tell(regarding, News::from(tell));
                }
            }
            Outcome::Outdated(Some(object)) if object.metadata.uid.as_deref() == Some(&key.id) => {
                self.world.rule_written(key, object);
            }
            Outcome::Outdated(_) | Outcome::Deleted => self.world.rule_gone(key),
        }
    }

    /// Sorts an answer: to the gate whether the API server serves, to the pace whether this object is in trouble.
    fn answered<K>(
        &mut self,
        key: &Key,
        result: Result<Outcome<K>, WriteError>,
        now: Moment,
    ) -> Option<Outcome<K>> {
        match result {
            Ok(outcome) => {
                self.served();
                if matches!(outcome, Outcome::Outdated(_)) {
                    self.tools.metrics.failed(key.kind, "Outdated");
                    self.pace.failed(key, now.instant);
                } else {
                    self.pace.clear(key);
                }
                Some(outcome)
            }
            Err(error) => {
                self.tools.metrics.failed(key.kind, error.category());
                match error.retry() {
                    Retry::WhenServed => {
                        let turn = self.gate.failed(now.instant);
                        if turn == Turn::News {
                            warn!(error = %Chain(&error), "the API server takes no writes now");
                        }
                    }
                    Retry::Later => {
                        self.served();
                        self.pace.failed(key, now.instant);
                        let (namespace, id) = (&key.namespace, &key.id);
                        warn!(namespace, id, error = %Chain(&error), "write not taken, trying again later");
                    }
                }
                None
            }
        }
    }

    fn served(&mut self) {
        if self.gate.served() == Turn::News {
            info!("the API server takes writes again");
        }
    }

    fn told(&mut self, key: &Key, result: &Result<(), TellLogError>) {
        let answer = match result {
            Ok(()) => LogAnswer::Taken,
            Err(error) => {
                let (namespace, id) = (&key.namespace, &key.id);
                warn!(namespace, id, error = %Chain(error), "the log was not told, trying again in 5 s");
                LogAnswer::Failed(error.category())
            }
        };
        if let Some(memory) = self.rules.get_mut(key) {
            memory.answer = answer;
        }
    }
}
