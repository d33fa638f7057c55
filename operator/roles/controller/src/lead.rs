//! The leading part: observes, decides, and starts the calls that the decisions ask for. One task; all thinking is
//! in the pure modules, and what the calls bring back is taken in by [`report`].

mod incident;
mod notify;
mod report;
mod rule;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bus::Bus;
use futures::StreamExt;
use kube::Client;
use platform::{Component, Leadership};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use crate::announce::Announcer;
use crate::budget::WriteBudget;
use crate::clock::{Clock, Now};
use crate::error::ControllerError;
use crate::gate::Gate;
use crate::identity::Policies;
use crate::incidents::IncidentMemory;
use crate::incidents::deadline::Deadline;
use crate::incidents::seen::Identity;
use crate::incidents::wanted::Work;
use crate::jobs::{self, Done};
use crate::key::{Key, Kind};
use crate::metrics::Metrics;
use crate::observe;
use crate::pace::Pace;
use crate::plan::Plan;
use crate::rules::RuleMemory;
use crate::world::{Touched, World};

/// Writes under way at once: enough to open 500 incidents in about a second, few enough for a small API server.
const WRITES_IN_FLIGHT: usize = 16;
/// Longest sleep, where nothing is due. Waking costs no request.
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
    /// What time it is.
    pub clock: Clock,
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
    /// Of questions, which may be refused while everything else is taken.
    question_pace: Pace,
    gate: Gate,
    /// Keys with a write under way.
    writing: HashSet<Key>,
    /// What is being said of tasks to NATS, and of those in trouble, and of which nothing is heard.
    moving: HashSet<String>,
    shows_notifications: bool,
    task_pace: Pace,
    silences: HashMap<String, notify::Silence>,
    /// Keys of which the log is being told.
    telling: HashSet<Key>,
    calls: JoinSet<Done>,
    caught_up_at: Instant,
    started: bool,
}

impl<'a> Leader<'a> {
    /// Nothing seen yet. The budget outlives the term.
    pub fn new(tools: Tools, policies: Policies, budget: &'a mut WriteBudget) -> Self {
        Self {
            tools,
            budget,
            world: World::new(policies),
            incidents: HashMap::new(),
            rules: HashMap::new(),
            plan: Plan::new(),
            pace: Pace::default(),
            question_pace: Pace::default(),
            gate: Gate::new(),
            writing: HashSet::new(),
            moving: HashSet::new(),
            shows_notifications: true,
            task_pace: Pace::default(),
            silences: HashMap::new(),
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
            let now = self.tools.clock.now();
            if !leadership.is_leading() {
                return Ok(());
            }
            self.start_calls(now);
            let wake = self.next_wake(now);
            tokio::select! {
                biased;
                Some(done) = self.calls.join_next() => self.report(done?, self.tools.clock.now()),
                Some(observation) = observations.next() => {
                    let now = self.tools.clock.now();
                    let touched = self.world.observe(observation, now);
                    self.consider(touched, now);
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Looks again at what an observation concerns.
    fn consider(&mut self, touched: Touched, now: Now) {
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
        if !self.started {
            if self.world.is_whole() {
                self.start(now);
            }
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
            Touched::ChannelsOf(namespace) => {
                let mut keys = self.keys_of(Kind::Rule, &namespace);
                keys.extend(self.keys_of(Kind::Incident, &namespace));
                keys
            }
            Touched::IncidentsOf(namespace) => self.keys_of(Kind::Incident, &namespace),
            Touched::Identity => {
                self.show_identity();
                self.world.keys(Kind::Incident)
            }
        };
        for key in keys {
            self.reconcile(&key, now);
        }
    }

    /// The picture is whole for the first time: decide about everything.
    fn start(&mut self, now: Now) {
        self.started = true;
        self.caught_up_at = now.instant;
        let (incidents, rules) = (self.world.keys(Kind::Incident), self.world.keys(Kind::Rule));
        info!(
            incidents = incidents.len(),
            rules = rules.len(),
            "everything seen, reconciling"
        );
        self.tools.health.ready();
        self.show_identity();
        for key in incidents.iter().chain(&rules) {
            self.reconcile(key, now);
        }
    }

    /// Says whether the API server says who decides.
    fn show_identity(&self) {
        let identity = self.world.identity();
        self.tools
            .metrics
            .set_identity_enforced(u64::from(identity.is_enforced()));
        match identity {
            Identity::Enforced { .. } => info!("the API server says who decides"),
            Identity::Missing(why) => error!(why, "the API server does not say who decides"),
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
    fn reconcile(&mut self, key: &Key, now: Now) {
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

    /// Starts the writes that budget, gate and concurrency let through.
    fn start_calls(&mut self, now: Now) {
        if self
            .world
            .identity_changes_at()
            .is_some_and(|at| at <= now.instant)
        {
            let touched = self.world.look_at_identity(now);
            self.consider(touched, now);
        }
        // Each once, whatever it wants next: nothing may hold up this loop.
        let due: Vec<Key> = std::iter::from_fn(|| self.plan.expired(now.instant)).collect();
        for key in due {
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
    fn start_write(&mut self, key: Key, now: Now) {
        let client = self.tools.client.clone();
        match key.kind {
            Kind::Incident => {
                let Some(mut planned) = self.decide_incident(&key, now).write else {
                    return;
                };
                if let Some(memory) = self.incidents.get_mut(&key) {
                    if let Work::Open(object) | Work::Status(object) = &planned.work {
                        let status = object.status.as_ref();
                        memory.wrote_notifications =
                            status.is_some_and(|status| !status.notifications.is_empty());
                    }
                    planned.class = memory.urgency(planned.class, self.caught_up_at, now.instant);
                    if let (Work::Ask(question), Some(record)) = (&planned.work, self.world.incident(&key).0)
                        && let Some(deadline) = Deadline::of_question(question, record)
                    {
                        memory.timer.expect(deadline, now);
                    }
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

    /// When something is to be done although nothing is seen to change.
    fn next_wake(&mut self, now: Now) -> Instant {
        let turn = match self.gate.opens_at() {
            _ if self.writing.len() >= WRITES_IN_FLIGHT => None,
            Some(_) if !self.writing.is_empty() => None,
            opens => self
                .plan
                .next_turn(self.budget, now.instant)
                .map(|turn| opens.map_or(turn, |at| at.max(turn))),
        };
        let latest = now.instant + LONGEST_SLEEP;
        [turn, self.plan.next_expiry(), self.world.identity_changes_at()]
            .into_iter()
            .flatten()
            .fold(latest, Instant::min)
    }
}
