//! What the calls bring back, taken in: what is known of the objects, what is counted and told, when to try again.
//! Status and news speak only of what was done.

use api::{DecisionState, OpsEvent, TriageDecision};
use domain::time::Time;
use domain::triage::Verdict;
use kube::Resource;
use platform::Chain;
use tracing::{info, warn};

use super::Leader;
use crate::announce::News;
use crate::class::Class;
use crate::clock::Now;
use crate::error::{Retry, TellLogError, WriteError};
use crate::gate::Turn;
use crate::incidents::question::{Question, ask_of};
use crate::incidents::wanted::{Tell, Work};
use crate::jobs::Done;
use crate::key::{Key, WrittenRule};
use crate::rules::status::{LogAnswer, RuleTell};
use crate::write::{Outcome, Written};

/// The kind of object that a rule is, for metrics.
const RULE: &str = "TriggerRule";

impl Leader<'_> {
    /// Takes in what one call brought back, and looks at its key again.
    pub(super) fn report(&mut self, done: Done, now: Now) {
        let key = match done {
            Done::Incident {
                key,
                kind,
                class,
                tells,
                since,
                result,
            } => {
                self.writing.remove(&key);
                match result {
                    Ok(Written::OpsEvent(outcome)) => {
                        if self.answered(&key, (kind, class), &outcome, now) {
                            self.took(since, now);
                        }
                        self.ops_event_written(&key, &tells, *outcome, now);
                    }
                    Ok(Written::Question(outcome, wanted)) => {
                        self.answered(&key, (kind, class), &outcome, now);
                        self.question_written(&key, &tells, *outcome, &wanted);
                    }
                    Err(error) if kind == Work::QUESTION => self.question_refused(&key, &error, now),
                    Err(error) => self.failed(&key, kind, &error, now),
                }
                key
            }
            Done::Rule {
                key,
                class,
                tell,
                result,
            } => {
                self.writing.remove(&key);
                match *result {
                    Ok(outcome) => {
                        self.answered(&key, (RULE, class), &outcome, now);
                        self.rule_written(&key, tell.as_ref(), outcome, now);
                    }
                    Err(error) => self.failed(&key, RULE, &error, now),
                }
                key
            }
            Done::Task { key, task, result } => {
                self.task_moved(&key, &task, result, now);
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

    fn took(&self, since: Option<Time>, now: Now) {
        if let Some(since) = since {
            self.tools.metrics.record_to_object(now.time.since(since));
        }
    }

    fn ops_event_written(&mut self, key: &Key, tells: &[Tell], outcome: Outcome<OpsEvent>, now: Now) {
        match outcome {
            Outcome::Written(object) => {
                let status = object.status.as_ref();
                let shows = status.is_some_and(|status| !status.notifications.is_empty());
                self.world.ops_event_written(key, object);
                if let Some(memory) = self.incidents.get_mut(key) {
                    memory.differs_since = None;
                    if memory.wrote_notifications && !shows && self.shows_notifications {
                        self.shows_notifications = false;
                        warn!(
                            "the CRD opsevents.opsward.dev is older than this controller: kubectl apply -f crds/"
                        );
                    }
                }
                self.tell(key, tells);
                self.ended(key, tells, now);
            }
            Outcome::Outdated(Some(object)) => self.world.ops_event_written(key, object),
            Outcome::Outdated(None) | Outcome::Deleted => self.world.ops_event_gone(key),
        }
    }

    fn question_written(
        &mut self,
        key: &Key,
        tells: &[Tell],
        outcome: Outcome<TriageDecision>,
        wanted: &TriageDecision,
    ) {
        self.question_pace.clear(key);
        if let Some(memory) = self.incidents.get_mut(key) {
            memory.refused = None;
        }
        match outcome {
            Outcome::Written(question) => {
                self.settled(key, &question);
                self.world.question_written(question);
                self.tell(key, tells);
            }
            Outcome::Outdated(Some(question)) => self.world.question_written(question),
            Outcome::Outdated(None) | Outcome::Deleted => self.world.question_gone(wanted),
        }
    }

    pub(super) fn tell(&self, key: &Key, tells: &[Tell]) {
        let Some(object) = self.world.incident(key).1 else {
            return;
        };
        let name = object.metadata.name.as_deref().unwrap_or_default();
        for &tell in tells {
            let by = match tell {
                Tell::Answered(number, _) => self
                    .world
                    .questions(key)
                    .all()
                    .find(|question| question.ask.number == number),
                _ => None,
            };
            let by = by.and_then(|question| question.object.spec.decided_by.as_deref());
            let news = News::of(tell, (&key.namespace, name), by);
            info!(
                namespace = key.namespace,
                name,
                news = news.reason(),
                "incident changed"
            );
            self.tools.announcer.tell(object.object_ref(&()), news);
        }
    }

    /// Counts what became of a question, and how long people took.
    fn settled(&self, key: &Key, question: &TriageDecision) {
        let (Some(record), Some(status)) = (self.world.incident(key).0, &question.status) else {
            return;
        };
        let (Some(since), Some(ask)) = (status.since, ask_of(question)) else {
            return;
        };
        let by_person = question
            .spec
            .decision
            .filter(|_| status.state != DecisionState::Superseded);
        let asked = Question {
            object: question,
            ask,
        };
        let took = by_person.map(|_| since.since(asked.asked_at(&record.triage)));
        let metrics = &self.tools.metrics;
        metrics.decided(status.state.as_str(), record.severity, took);
        if by_person.is_some_and(|verdict| verdict != Verdict::Escalate) {
            metrics.acknowledged(record.severity, since.since(record.opened_at));
        }
    }

    /// Notes how long an incident took that is told to have ended.
    fn ended(&self, key: &Key, tells: &[Tell], now: Now) {
        if let Some(record) = self.world.incident(key).0
            && tells.iter().any(|tell| matches!(tell, Tell::Resolved(_)))
        {
            let ended_at = record.end.as_ref().map_or(now.time, |end| end.at);
            let took = ended_at.since(record.opened_at);
            self.tools.metrics.resolved(record.severity, took);
        }
    }

    fn rule_written(&mut self, key: &Key, tell: Option<&RuleTell>, outcome: Outcome<WrittenRule>, now: Now) {
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

    /// The API server answered a write; whether it was done.
    fn answered<K>(
        &mut self,
        key: &Key,
        (kind, class): (&'static str, Class),
        outcome: &Outcome<K>,
        now: Now,
    ) -> bool {
        self.served();
        let done = !matches!(outcome, Outcome::Outdated(_));
        if done {
            self.tools.metrics.written(kind, class);
            self.pace.clear(key);
        } else {
            self.tools.metrics.failed(kind, "Outdated");
            self.pace.failed(key, now.instant);
        }
        done
    }

    /// A write of a question was not done. That the API server answers so of questions alone, as a quota or a webhook of
    /// theirs makes it, is this incident's trouble and holds up no other.
    fn question_refused(&mut self, key: &Key, error: &WriteError, now: Now) {
        if !error.is_answer() {
            return self.failed(key, Work::QUESTION, error, now);
        }
        if error.retry() == Retry::Later {
            self.served();
        }
        self.tools.metrics.failed(Work::QUESTION, error.category());
        self.question_pace.failed(key, now.instant);
        let (namespace, id, why) = (&key.namespace, &key.id, Chain(error).to_string());
        warn!(
            namespace,
            id,
            error = why,
            "question not taken, trying again later"
        );
        if let Some(memory) = self.incidents.get_mut(key) {
            // The first word stays: others may differ by a port or a number, and each would be a status of its own.
            memory.refused.get_or_insert(why);
        }
    }

    /// A write was not done: the gate learns whether the API server serves, the pace whether this object is in trouble.
    fn failed(&mut self, key: &Key, kind: &'static str, error: &WriteError, now: Now) {
        self.tools.metrics.failed(kind, error.category());
        match error.retry() {
            Retry::WhenServed => {
                let turn = self.gate.failed(now.instant);
                if turn == Turn::News {
                    warn!(error = %Chain(error), "the API server takes no writes now");
                }
            }
            Retry::Later => {
                self.served();
                self.pace.failed(key, now.instant);
                let (namespace, id) = (&key.namespace, &key.id);
                warn!(namespace, id, error = %Chain(error), "write not taken, trying again later");
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
