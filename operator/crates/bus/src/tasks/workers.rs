//! A worker: takes tasks from the queue, has them done by whoever knows how, and moves their records.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{AckKind, Message};
use domain::task::{Assignment, Problem, Retry, Start, State, Task};
use domain::time::Time;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::{debug, warn};
use ulid::Ulid;

use super::lanes::Lanes;
use super::{Does, Ended, Run, Undone, Written};
use crate::connect::{Bus, missing_or};
use crate::contract;
use crate::dead::DeadLetter;
use crate::error::{BusError, failed};
use crate::records::Bucket;

/// How often a worker says that it is still at it.
const BEAT: Duration = Duration::from_secs(10);
/// How long a record that a worker runs may stay as it is before another takes it over: three missed beats and a half. By the
/// observer's own monotonic clock.
const HELD_FOR: Duration = Duration::from_secs(35);
/// How soon a message about a task that another worker runs is looked at again.
const HELD_PAUSE: Duration = Duration::from_secs(2);
/// How soon a message is looked at again whose lane is full.
const LANE_PAUSE: Duration = Duration::from_secs(1);
/// How soon a message is looked at again when NATS did not let us.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);
/// The longest a message stays away: clocks may be set meanwhile, and the record is asked again anyway.
const LONGEST_NAK: Duration = Duration::from_secs(5 * 60);
/// Tasks of other workers that are remembered.
const REMEMBERED: usize = 10_000;
/// How long a request for messages waits at the server.
const PULL_FOR: Duration = Duration::from_secs(30);

/// Takes tasks and has them done, so many at once.
pub struct Workers<A: Assignment, D> {
    bus: Bus,
    does: Arc<D>,
    me: Me,
    at_once: usize,
    lanes: Lanes,
    seen: Arc<Mutex<HashMap<String, (u64, Instant)>>>,
    of: std::marker::PhantomData<fn() -> A>,
}

impl<A: Assignment, D> std::fmt::Debug for Workers<A, D> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Workers")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}

impl<A: Assignment, D> Clone for Workers<A, D> {
    fn clone(&self) -> Self {
        Self {
            bus: self.bus.clone(),
            does: self.does.clone(),
            me: self.me.clone(),
            at_once: self.at_once,
            lanes: self.lanes.clone(),
            seen: self.seen.clone(),
            of: std::marker::PhantomData,
        }
    }
}

/// Which worker this is, and in which of its lives: what an earlier life left running runs no more.
#[derive(Clone, Debug)]
struct Me {
    name: String,
    life: String,
}

impl Me {
    fn by(&self) -> String {
        format!("{}/{}", self.name, self.life)
    }

    /// Whether `by` is an earlier life of this worker.
    fn was(&self, by: &str) -> bool {
        by.rsplit_once('/')
            .is_some_and(|(name, life)| name == self.name && life != self.life)
    }
}

impl<A: Assignment, D: Does<A>> Workers<A, D> {
    /// Workers of a process that no other is called like.
    pub fn new(bus: Bus, name: &str, at_once: usize, does: D) -> Self {
        Self {
            bus,
            does: Arc::new(does),
            me: Me {
                name: name.to_owned(),
                life: Ulid::new().to_string(),
            },
            at_once,
            lanes: Lanes::new(at_once),
            seen: Arc::default(),
            of: std::marker::PhantomData,
        }
    }

    /// Works until `stop`, then ends what is under way. `ready` is called once tasks can be taken.
    ///
    /// # Errors
    /// NATS does not answer, or the queue is not there: to be called again.
    pub async fn run(&self, ready: impl FnOnce(), stop: impl Future<Output = ()>) -> Result<(), BusError> {
        let bucket = self.bus.records::<Task<A>>().await?;
        let consumer = self.consumer().await?;
        let slots = Arc::new(Semaphore::new(self.at_once));
        let mut messages = consumer
            .stream()
            .max_messages_per_batch(self.at_once)
            .expires(PULL_FOR)
            .messages()
            .await
            .map_err(failed("take tasks"))?;
        ready();
        let mut running = JoinSet::new();
        tokio::pin!(stop);
        let ended = loop {
            let slot = tokio::select! {
                biased;
                () = &mut stop => break Ok(()),
                Some(_) = running.join_next() => continue,
                slot = slots.clone().acquire_owned() => slot.map_err(failed("take tasks"))?,
            };
            let message = tokio::select! {
                biased;
                () = &mut stop => break Ok(()),
                message = messages.next() => message,
            };
            match message {
                Some(Ok(message)) => {
                    let (workers, bucket) = (self.clone(), bucket.clone());
                    running.spawn(async move { workers.take(message, &bucket, slot).await });
                }
                Some(Err(error)) => break Err(failed("take tasks")(error)),
                None => break Err(failed("take tasks")("the queue's reader ended")),
            }
        };
        while running.join_next().await.is_some() {}
        ended
    }

    async fn consumer(&self) -> Result<PullConsumer, BusError> {
        let stream = self.bus.jetstream().get_stream_no_info(contract::WORK).await;
        let stream = stream.map_err(|error| missing_or(contract::WORK, error))?;
        stream
            .get_consumer::<pull::Config>(A::WORKER.as_str())
            .await
            .map_err(|error| missing_or(contract::WORK, error))
    }

    /// Does what a message asks for, and answers it.
    async fn take(&self, message: Message, bucket: &Bucket<Task<A>>, _slot: OwnedSemaphorePermit) {
        let answer = match contract::task_of_subject(&message.subject) {
            Some(key) => match self.work(key, bucket, &message).await {
                Ok(answer) => answer,
                Err(error) => {
                    warn!(key, %error, "task interrupted, taken again");
                    AckKind::Nak(Some(TROUBLE_PAUSE))
                }
            },
            None => AckKind::Term,
        };
        // Unanswered, the message comes again, and its record says that nothing is left to do.
        if let Err(error) = message.ack_with(answer).await {
            debug!(%error, "answer to the queue lost");
        }
    }

    /// Does all that is wanted of a task by now.
    async fn work(
        &self,
        key: &str,
        bucket: &Bucket<Task<A>>,
        message: &Message,
    ) -> Result<AckKind, BusError> {
        loop {
            let Some((mut task, revision)) = bucket.get_revision(key).await? else {
                // Its incident is gone.
                return Ok(AckKind::Ack);
            };
            let now = wall_clock();
            match task.may_start(self.is_held(key, &task, revision), now) {
                Start::Nothing => return Ok(AckKind::Ack),
                Start::At(at) => return Ok(AckKind::Nak(Some(at.since(now).min(LONGEST_NAK)))),
                Start::Held => return Ok(AckKind::Nak(Some(HELD_PAUSE))),
                Start::Now => {}
            }
            let Some(_place) = self.lanes.enter(self.does.lane(&task)) else {
                return Ok(AckKind::Nak(Some(LANE_PAUSE)));
            };
            if !task.start(&self.me.by(), now) {
                // The letter first: after a crash between the two there may be one too many, never one too few.
                let answer = self.give_up(&task).await?;
                return match bucket.update(&task, revision).await {
                    Ok(_) => Ok(answer),
                    Err(error) => Err(error),
                };
            }
            let revision = match bucket.update(&task, revision).await {
                Ok(revision) => revision,
                Err(BusError::Conflict { .. }) => continue,
                Err(error) => return Err(error),
            };
            if let Some(answer) = self.attempt(task, revision, bucket, message).await? {
                return Ok(answer);
            }
        }
    }

    /// One attempt; `None` when it succeeded and there may be more to do.
    async fn attempt(
        &self,
        task: Task<A>,
        revision: u64,
        bucket: &Bucket<Task<A>>,
        message: &Message,
    ) -> Result<Option<AckKind>, BusError> {
        let version = task.revision;
        let shared = Arc::new(tokio::sync::Mutex::new(Written {
            task: task.clone(),
            revision,
        }));
        let mut run = Run {
            shared: shared.clone(),
            bucket: bucket.clone(),
            task,
        };
        let result = tokio::select! {
            result = self.does.attempt(&mut run) => result,
            lost = beat(&shared, bucket, message) => Err(Undone::Interrupted(lost)),
        };
        let mut written = shared.lock().await;
        let output = run.task.output;
        let failure = match result {
            Ok(()) => {
                let done = |task: &mut Task<A>| {
                    task.output = output.clone();
                    task.done(version, wall_clock());
                };
                written.write(bucket, done).await?;
                self.does.ended(&written.task, &Ended::Done);
                return Ok(None);
            }
            Err(Undone::Interrupted(error)) => return Err(error),
            Err(Undone::PutBack(pause)) => {
                let put_back = |task: &mut Task<A>| {
                    task.output = output.clone();
                    task.put_back(pause, wall_clock());
                };
                written.write(bucket, put_back).await?;
                return Ok(Some(AckKind::Nak(Some(pause))));
            }
            Err(Undone::Failed(failure)) => failure,
        };
        let spread = fastrand::f64();
        let failed = |task: &mut Task<A>| {
            task.output = output.clone();
            if failure.retry == Retry::Never && task.revision > version {
                // What was wanted meanwhile has not been tried.
                task.put_back(Duration::ZERO, wall_clock());
            } else {
                task.failed(failure.problem.clone(), failure.retry, spread, wall_clock());
            }
        };
        let mut foreseen = written.task.clone();
        failed(&mut foreseen);
        let answer = match foreseen.progress.not_before {
            // As above: the letter first.
            None => self.give_up(&foreseen).await?,
            Some(at) => AckKind::Nak(Some(at.since(wall_clock()).min(LONGEST_NAK))),
        };
        written.write(bucket, failed).await?;
        if written.task.progress.state == State::Queued {
            self.does.ended(&written.task, &Ended::Retried(failure.problem));
        }
        Ok(Some(answer))
    }

    /// A task that was given up is a dead letter, and its message is answered.
    async fn give_up(&self, task: &Task<A>) -> Result<AckKind, BusError> {
        let problem = task.progress.problem.clone();
        let problem = problem.unwrap_or_else(|| Problem::new("Unknown", "no reason was noted"));
        let payload = serde_json::to_string(task).map_err(|source| BusError::Decode {
            what: "a task".to_owned(),
            source,
        })?;
        let letter = DeadLetter {
            id: Ulid::new().to_string(),
            at: wall_clock(),
            namespace: task.place.namespace.clone(),
            source: contract::TASKS.to_owned(),
            format: A::WORKER.as_str().to_owned(),
            reason: problem.category.clone(),
            message: problem.message.clone(),
            item: None,
            payload,
        };
        self.bus.dead_letter(&letter).await?;
        self.does.ended(task, &Ended::GivenUp(problem));
        Ok(AckKind::Ack)
    }

    /// Whether the worker that is said to run a task may be at work: its record has changed within [`HELD_FOR`].
    fn is_held(&self, key: &str, task: &Task<A>, revision: u64) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = task.progress.state == State::Running;
        let by = task.progress.by.as_deref().unwrap_or_default();
        if !runs || self.me.was(by) {
            seen.remove(key);
            return false;
        }
        let now = Instant::now();
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        let (known, since) = seen.entry(key.to_owned()).or_insert((revision, now));
        if *known != revision {
            (*known, *since) = (revision, now);
        }
        let is_held = now.duration_since(*since) < HELD_FOR;
        if !is_held {
            seen.remove(key);
        }
        is_held
    }
}

/// Says again and again that the work goes on, to the queue and in the record; ends when it must not.
async fn beat<A: Assignment>(
    shared: &tokio::sync::Mutex<Written<A>>,
    bucket: &Bucket<Task<A>>,
    message: &Message,
) -> BusError {
    loop {
        tokio::time::sleep(BEAT).await;
        if let Err(error) = message.ack_with(AckKind::Progress).await {
            debug!(%error, "word to the queue lost");
        }
        match shared.lock().await.write(bucket, |_| {}).await {
            Ok(()) => {}
            Err(error @ BusError::Conflict { .. }) => return error,
            // Away for now: what is under way cannot be called back, and the record shows that it was begun.
            Err(error) => debug!(%error, "word to the record lost"),
        }
    }
}

/// The wall clock, for what records say.
fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::EPOCH.plus(since)
}
