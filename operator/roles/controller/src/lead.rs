//! The leading part: observes, decides, and starts the calls that the decisions ask for. One task; all thinking is
//! in the pure modules, and what the calls bring back is taken in by [`report`].

mod report;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bus::Bus;
use domain::time::Time;
use futures::StreamExt;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Client, Resource};
use platform::{Component, Leadership};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::announce::{Announcer, News};
use crate::budget::WriteBudget;
use crate::error::ControllerError;
use crate::gate::Gate;
use crate::incidents::IncidentMemory;
use crate::incidents::decide::{Decision, Presence, Seen, Tell, decide};
use crate::jobs::{self, Done};
use crate::key::{Key, Kind};
use crate::metrics::Metrics;
use crate::moment::Moment;
use crate::observe;
use crate::pace::Pace;
use crate::plan::Plan;
use crate::rules::publish::{Publication, Told};
use crate::rules::{self, RuleDecision, RuleMemory, SeenRule};
use crate::world::{Touched, World};

/// Writes under way at once: enough to open 500 incidents in about a second, few enough for a small API server.
const WRITES_IN_FLIGHT: usize = 16;
/// Longest sleep: a wall clock that was set is noticed within an hour. Waking costs no request.
const LONGEST_SLEEP: Duration = Duration::from_hours(1);

/// What the leading part works with.
#[derive(Clone)]
pub struct Tools {
    /// The API server.
    pub client: Client,
    /// The log and the buckets.
    pub bus: Bus,
    /// What is counted.
    pub metrics: Metrics,
    /// Where it says whether it can work.
    pub health: Component,
    /// Where news goes.
    pub announcer: Announcer,
}

/// One term of leading. Dropping it ends all calls under way.
pub struct Leader<'a> {
    tools: Tools,
    budget: &'a mut WriteBudget,
    world: World,
    incidents: HashMap<Key, IncidentMemory>,
    rules: HashMap<Key, RuleMemory>,
    plan: Plan<Key>,
    pace: Pace,
    gate: Gate,
    /// Keys with a write under way.
    writing: HashSet<Key>,
    /// Keys of which the log is being told.
    telling: HashSet<Key>,
    calls: JoinSet<Done>,
    caught_up_at: Instant,
    started: bool,
}

impl<'a> Leader<'a> {
    /// Nothing seen yet. The budget outlives the term.
    pub fn new(tools: Tools, budget: &'a mut WriteBudget) -> Self {
        Self {
            tools,
            budget,
            world: World::new(),
            incidents: HashMap::new(),
            rules: HashMap::new(),
            plan: Plan::new(),
            pace: Pace::default(),
            gate: Gate::new(),
            writing: HashSet::new(),
            telling: HashSet::new(),
            calls: JoinSet::new(),
            caught_up_at: Instant::now(),
            started: false,
        }
    }

    /// Works until leading ends, which it notices by itself before each write.
    pub async fn run(mut self, leadership: Leadership) -> Result<(), ControllerError> {
        let mut observations = observe::all(&self.tools.client, &self.tools.bus);
        loop {
            let now = Moment::now();
            if !leadership.is_leading() {
                return Ok(());
            }
            self.start_calls(now);
            let wake = self.next_wake(now);
            tokio::select! {
                biased;
                Some(done) = self.calls.join_next() => self.report(done?, Moment::now()),
                Some(observation) = observations.next() => {
                    let touched = self.world.observe(observation);
                    self.consider(touched, Moment::now());
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Looks again at what an observation concerns.
    fn consider(&mut self, touched: Touched, now: Moment) {
        if touched == Touched::Blind {
            let reason = self.world.blind();
            // Once the picture is whole, work goes on with what is known; a role that shares the process must not
            // become unready with us.
            if self.started {
                warn!(reason, "cannot watch now");
            } else {
                self.tools.health.not_ready(reason);
            }
            return;
        }
        if !self.world.is_whole() {
            return;
        }
        if !self.started {
            self.start(now);
            return;
        }
        let keys = match touched {
            Touched::Nothing | Touched::Blind => Vec::new(),
            Touched::Keys(keys) => keys,
            Touched::Caught(keys) => {
                self.caught_up_at = now.instant;
                keys
            }
            Touched::Rules(None) => self.world.keys(Kind::Rule),
            Touched::Rules(Some(namespace)) => self.keys_of(Kind::Rule, &namespace),
            Touched::IncidentsOf(namespace) => self.keys_of(Kind::Incident, &namespace),
        };
        for key in keys {
            self.reconcile(&key, now);
        }
    }

    /// The picture is whole for the first time: decide about everything.
    fn start(&mut self, now: Moment) {
        self.started = true;
        self.caught_up_at = now.instant;
        let (incidents, rules) = (self.world.keys(Kind::Incident), self.world.keys(Kind::Rule));
        info!(
            incidents = incidents.len(),
            rules = rules.len(),
            "everything seen, reconciling"
        );
        self.tools.health.ready();
        for key in incidents.iter().chain(&rules) {
            self.reconcile(key, now);
        }
    }

    fn keys_of(&self, kind: Kind, namespace: &str) -> Vec<Key> {
        self.world
            .keys(kind)
            .into_iter()
            .filter(|key| key.namespace == namespace)
            .collect()
    }

    /// Decides about one key and does of it what costs no write; the write itself is planned.
    fn reconcile(&mut self, key: &Key, now: Moment) {
        // What a write under way brings back leads here again.
        if self.writing.contains(key) {
            return;
        }
        let (class, wait) = match key.kind {
            Kind::Incident => self.reconcile_incident(key, now),
            Kind::Rule => self.reconcile_rule(key, now),
        };
        let wait = match class {
            Some(class) => match self.pace.pause(key, now.instant) {
                None => return self.plan.want(key, class),
                paused => paused,
            },
            None => wait,
        };
        match wait {
            Some(until) => self.plan.wait(key, until),
            None => self.plan.forget(key),
        }
    }

    fn reconcile_incident(
        &mut self,
        key: &Key,
        now: Moment,
    ) -> (Option<crate::class::Class>, Option<Instant>) {
        let decision = self.decide_incident(key, now);
        for &tell in &decision.tells {
            self.announce(key, tell);
        }
        if let Some(close) = decision.append_close
            && self.telling.insert(key.clone())
        {
            self.calls
                .spawn(jobs::close(self.tools.bus.clone(), key.clone(), close));
        }
        let memory = self.incidents.entry(key.clone()).or_default();
        memory.close = decision.close;
        let class = decision.write.map(|write| write.class);
        memory.differs_since = class.map(|_| memory.differs_since.unwrap_or(now.instant));
        let class = class.map(|class| memory.urgency(class, self.caught_up_at, now.instant));
        if self.world.incident(key) == (None, None) {
            self.incidents.remove(key);
            self.pace.clear(key);
        }
        (class, decision.look_again.map(|time| now.when(time)))
    }

    fn decide_incident(&mut self, key: &Key, now: Moment) -> Decision {
        let (record, object) = self.world.incident(key);
        let memory = self
            .incidents
            .entry(key.clone())
            .or_insert_with(|| IncidentMemory::first_seen(object));
        memory.presence = match (object, memory.presence) {
            (Some(_), _) => Presence::Seen,
            (None, Presence::NeverSeen) => Presence::NeverSeen,
            (None, Presence::Seen | Presence::Gone) => Presence::Gone,
        };
        let namespace = self.world.namespace_state(&key.namespace);
        let seen = Seen {
            record,
            object,
            presence: memory.presence,
            namespace,
            close: memory.close,
        };
        decide(&seen, now.time)
    }

    fn reconcile_rule(&mut self, key: &Key, now: Moment) -> (Option<crate::class::Class>, Option<Instant>) {
        let decision = self.decide_rule(key, now);
        let not_before = self.tell_log(key, decision.publication, now);
        if matches!(self.world.rule_of(key), (None, None)) {
            self.rules.remove(key);
            self.pace.clear(key);
        }
        let wait = [not_before, decision.write_at].into_iter().flatten().min();
        (decision.write.map(|write| write.class), wait)
    }

    fn decide_rule(&self, key: &Key, now: Moment) -> RuleDecision {
        let (rule, record) = self.world.rule_of(key);
        let seen = SeenRule {
            object: rule.map(|rule| &rule.object),
            record,
            peers: self.world.peers(key),
            sources: self.world.sources(&key.namespace),
            memory: self.rules.get(key).copied().unwrap_or_default(),
        };
        rules::decide(&seen, now)
    }

    /// Starts telling the log what it must know of a rule; returns when to look again.
    fn tell_log(&mut self, key: &Key, publication: Publication, now: Moment) -> Option<Instant> {
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

    /// Starts the writes that budget, gate and concurrency let through.
    fn start_calls(&mut self, now: Moment) {
        while let Some(key) = self.plan.expired(now.instant) {
            self.reconcile(&key, now);
        }
        while self.writing.len() < WRITES_IN_FLIGHT && self.gate.lets_pass(self.writing.len(), now.instant) {
            let Some(key) = self.plan.take(self.budget, now.instant) else {
                break;
            };
            self.start_write(key, now);
        }
        self.tools.metrics.set_waiting(self.plan.ready());
    }

    /// Decides once more, so that the newest record is what is written, and writes.
    fn start_write(&mut self, key: Key, now: Moment) {
        let client = self.tools.client.clone();
        match key.kind {
            Kind::Incident => {
                let Some(mut planned) = self.decide_incident(&key, now).write else {
                    return;
                };
                if let Some(memory) = self.incidents.get(&key) {
                    planned.class = memory.urgency(planned.class, self.caught_up_at, now.instant);
                }
                let since = self.shown_since(&key, &planned.tells);
                self.writing.insert(key.clone());
                self.calls
                    .spawn(jobs::write_incident(client, key, planned, since));
            }
            Kind::Rule => {
                let Some(planned) = self.decide_rule(&key, now).write else {
                    return;
                };
                self.writing.insert(key.clone());
                self.calls.spawn(jobs::write_rule(client, key, planned));
            }
        }
    }

    /// The log's time of what `tells` say, for the stage histogram: what is told was new, not caught up.
    fn shown_since(&self, key: &Key, tells: &[Tell]) -> Option<Time> {
        let record = self.world.incident(key).0?;
        match tells.last()? {
            Tell::Opened => Some(record.opened_at),
            Tell::Resolved(_) => record.end.as_ref().map(|end| end.at),
            Tell::BroughtBack | Tell::Reopened | Tell::CloseIgnored => None,
        }
    }

    /// When something is to be done although nothing is seen to change.
    fn next_wake(&mut self, now: Moment) -> Instant {
        let turn = match self.gate.opens_at() {
            _ if self.writing.len() >= WRITES_IN_FLIGHT => None,
            Some(_) if !self.writing.is_empty() => None,
            opens => self
                .plan
                .next_turn(self.budget, now.instant)
                .map(|turn| opens.map_or(turn, |at| at.max(turn))),
        };
        let latest = now.instant + LONGEST_SLEEP;
        [turn, self.plan.next_expiry()]
            .into_iter()
            .flatten()
            .fold(latest, Instant::min)
    }

    fn announce(&self, key: &Key, tell: Tell) {
        if let Some(object) = self.world.incident(key).1 {
            self.tools
                .announcer
                .tell(object.object_ref(&()), News::from(tell));
        }
    }

    fn rule_reference(&self, key: &Key) -> Option<ObjectReference> {
        let object = &self.world.rule_of(key).0?.object;
        Some(object.object_ref(&crate::key::rule_resource()))
    }
}
