//! A task: work outside that a worker does for an incident, and how far it has come. The controller says what is wanted, in
//! versions; the worker moves the rest. Pure: the record is moved by compare-and-set elsewhere.
//!
//! ```text
//!            start              done, and no newer version is wanted
//!  Queued ──────────► Running ──────────────────────────────────────► Done
//!    ▲                   │ │                                           │
//!    └───── failed ──────┘ └──────── failed for good ──► Failed        │
//!    └───────────────────────── wanted again ◄──────────────┴──────────┘
//! ```

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::hash::Hash128;
use crate::time::Time;

/// The first pause after a failure; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two attempts: 5 min.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// How long a version is tried before it is given up: 24 h, so that a night shift may repair a token in the morning.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// How often workers may end while they do one version of a task, before it is taken for what ends them.
pub const CRASHES: u32 = 5;
/// Characters of a failure's text that are kept.
const MESSAGE_CHARS: usize = 512;

/// Who does a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Worker {
    /// Tells people.
    Notifier,
}

impl Worker {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Notifier];

    /// Its name, in subjects and keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notifier => "notifier",
        }
    }
}

/// What a task is about: its input, and with it who does it and what comes of it.
pub trait Assignment:
    std::fmt::Debug + Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// What the worker keeps between attempts and versions.
    type Output: std::fmt::Debug
        + Clone
        + Default
        + PartialEq
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static;
    /// Who does it.
    const WORKER: Worker;
}

/// For which incident a task is, and which of its tasks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The tenant.
    pub namespace: String,
    /// The incident's id.
    pub incident: String,
    /// Which of the incident's tasks of this worker: of a notification, the name of its channel.
    pub slot: String,
}

impl Place {
    /// The task's id: a hash of whom it is for.
    pub fn id(&self, worker: Worker) -> String {
        Hash128::of([worker.as_str(), &*self.namespace, &*self.incident, &*self.slot]).to_string()
    }
}

/// A task as its record has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound = "")]
pub struct Task<A: Assignment> {
    /// Whose it is.
    #[serde(flatten)]
    pub place: Place,
    /// The version that is wanted; from 1.
    pub revision: u64,
    /// What is wanted, in that version.
    pub input: A,
    /// How far it has come.
    pub progress: Progress,
    /// What the worker keeps.
    #[serde(default)]
    pub output: A::Output,
}

/// How far a task has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub since: Time,
    /// The last version that was done; 0 when none was.
    pub done: u64,
    /// Which worker runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Attempts since something was done last.
    pub attempts: u32,
    /// Attempts in a row of which nobody knows the end.
    #[serde(skip_serializing_if = "is_zero")]
    pub crashes: u32,
    /// The first of these attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tried_since: Option<Time>,
    /// The next attempt comes no sooner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// It waits for a worker, or for its next attempt.
    #[default]
    Queued,
    /// A worker does it.
    Running,
    /// The wanted version is done.
    Done,
    /// The wanted version was given up.
    Failed,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// One CamelCase word.
    pub category: String,
    /// What, where, what to do.
    pub message: String,
}

impl Problem {
    /// A problem; of a longer message the first 512 characters are kept.
    pub fn new(category: &str, message: &str) -> Self {
        Self {
            category: category.to_owned(),
            message: message.chars().take(MESSAGE_CHARS).collect(),
        }
    }
}

/// When a failed task is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// After a pause that grows.
    Later,
    /// After this time, which the other side asks for; never sooner than the growing pause would be.
    After(Duration),
    /// Not at all: it would fail the same way.
    Never,
}

/// Whether a worker may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Yes.
    Now,
    /// Nothing is wanted, or it was given up.
    Nothing,
    /// Not before this time.
    At(Time),
    /// Another runs it.
    Held,
}

impl<A: Assignment> Task<A> {
    /// Wanted for the first time.
    pub fn new(place: Place, input: A, now: Time) -> Self {
        let progress = Progress {
            since: now,
            ..Progress::default()
        };
        Self {
            place,
            revision: 1,
            input,
            progress,
            output: A::Output::default(),
        }
    }

    /// Its id.
    pub fn id(&self) -> String {
        self.place.id(A::WORKER)
    }

    /// Another version is wanted. What runs goes on, and then does this one; what is in trouble keeps its pauses, for it is
    /// the same other side.
    pub fn want(&mut self, input: A, now: Time) {
        self.revision += 1;
        self.input = input;
        let progress = &mut self.progress;
        match progress.state {
            State::Queued | State::Running => {}
            State::Done | State::Failed => {
                *progress = Progress {
                    since: now,
                    done: progress.done,
                    ..Progress::default()
                };
            }
        }
    }

    /// Whether a worker may begin; `is_held` says whether the one that is said to run it is at work.
    pub fn may_start(&self, is_held: bool, now: Time) -> Start {
        // A clock that was set back holds nothing up.
        let not_before = self.progress.not_before.filter(|_| now >= self.progress.since);
        match (self.progress.state, not_before) {
            (State::Done | State::Failed, _) => Start::Nothing,
            (State::Running, _) if is_held => Start::Held,
            (State::Queued, Some(at)) if now < at => Start::At(at),
            (State::Queued | State::Running, _) => Start::Now,
        }
    }

    /// `by` begins. A task that is found running was left by a worker that ended; the fifth time it fails for good, and
    /// this gives false.
    pub fn start(&mut self, by: &str, now: Time) -> bool {
        let progress = &mut self.progress;
        if progress.state == State::Running {
            progress.crashes += 1;
            if progress.crashes >= CRASHES {
                let message = format!(
                    "{CRASHES} workers ended while they did this; see their logs, and report it as a bug"
                );
                self.fail(Problem::new("WorkerEnded", &message), now);
                return false;
            }
        }
        progress.state = State::Running;
        progress.since = now;
        progress.by = Some(by.to_owned());
        progress.attempts += 1;
        progress.tried_since = progress.tried_since.or(Some(now));
        progress.not_before = None;
        true
    }

    /// Version `revision` is done. A newer one that was wanted meanwhile is queued.
    pub fn done(&mut self, revision: u64, now: Time) {
        let state = if revision < self.revision {
            State::Queued
        } else {
            State::Done
        };
        self.progress = Progress {
            state,
            since: now,
            done: revision,
            ..Progress::default()
        };
    }

    /// It is not its turn yet: it is put back, and that was no attempt.
    pub fn put_back(&mut self, pause: Duration, now: Time) {
        let progress = &mut self.progress;
        progress.state = State::Queued;
        progress.since = now;
        progress.by = None;
        progress.crashes = 0;
        progress.attempts = progress.attempts.saturating_sub(1);
        if progress.attempts == 0 {
            progress.tried_since = None;
        }
        progress.not_before = Some(now.plus(pause));
    }

    /// The attempt failed. `spread`, from 0 to 1, says where in its bounds the pause lies. Gives the pause, or `None` where
    /// the task is given up.
    pub fn failed(&mut self, problem: Problem, retry: Retry, spread: f64, now: Time) -> Option<Duration> {
        let progress = &mut self.progress;
        let pause = pause(progress.attempts, spread);
        let pause = match retry {
            Retry::Never => None,
            Retry::Later => Some(pause),
            Retry::After(asked) => Some(pause.max(asked.min(GIVE_UP_AFTER))),
        };
        let given_up = progress.tried_since.unwrap_or(now).plus(GIVE_UP_AFTER);
        let Some(pause) = pause.filter(|pause| now.plus(*pause) < given_up) else {
            self.fail(problem, now);
            return None;
        };
        progress.state = State::Queued;
        progress.since = now;
        progress.by = None;
        progress.crashes = 0;
        progress.not_before = Some(now.plus(pause));
        progress.problem = Some(problem);
        Some(pause)
    }

    fn fail(&mut self, problem: Problem, now: Time) {
        self.progress = Progress {
            state: State::Failed,
            since: now,
            done: self.progress.done,
            attempts: self.progress.attempts,
            tried_since: self.progress.tried_since,
            problem: Some(problem),
            ..Progress::default()
        };
    }

    /// Takes over what the controller wants by now from the newest record, unless this run is no longer the one that counts:
    /// then false.
    pub fn adopt(&mut self, newest: &Self) -> bool {
        let same = |progress: &Progress| (progress.state, progress.by.clone(), progress.attempts);
        if same(&newest.progress) != same(&self.progress) {
            return false;
        }
        self.revision = newest.revision;
        self.input = newest.input.clone();
        true
    }
}

/// The pause after so many attempts: twice as long each time, drawn from the upper half, so that replicas do not return in step.
fn pause(attempts: u32, spread: f64) -> Duration {
    let doubled =
        FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    let longest = doubled.min(LONGEST_PAUSE);
    longest / 2 + (longest / 2).mul_f64(spread.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Errand(u32);

    impl Assignment for Errand {
        type Output = u32;
        const WORKER: Worker = Worker::Notifier;
    }

    const fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    fn task() -> Task<Errand> {
        let place = Place {
            namespace: "shop".to_owned(),
            incident: "k3v9q2mzra-1z4".to_owned(),
            slot: "pager".to_owned(),
        };
        Task::new(place, Errand(1), at(0))
    }

    fn problem() -> Problem {
        Problem::new("Unavailable", "no answer")
    }

    #[test]
    fn a_version_that_came_while_another_ran_is_done_next() {
        let mut task = task();
        assert!(task.start("a", at(1)));
        task.want(Errand(2), at(2));
        assert_eq!(task.progress.state, State::Running);
        task.done(1, at(3));
        assert_eq!((task.progress.state, task.progress.done), (State::Queued, 1));
        assert_eq!(task.may_start(false, at(3)), Start::Now);
        assert!(task.start("a", at(3)));
        task.done(2, at(4));
        assert_eq!(task.may_start(false, at(5)), Start::Nothing);
        task.want(Errand(3), at(6));
        assert_eq!((task.progress.state, task.progress.done), (State::Queued, 2));
    }

    #[test]
    fn pauses_double_up_to_five_minutes_and_heed_the_other_side() {
        let mut task = task();
        let mut pauses = Vec::new();
        for attempt in 0..12 {
            assert!(task.start("a", at(attempt * 1000)));
            let pause = task.failed(problem(), Retry::Later, 1.0, at(attempt * 1000));
            pauses.push(pause.unwrap().as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert!(task.start("a", at(20_000)));
        let asked = Duration::from_secs(900);
        assert_eq!(
            task.failed(problem(), Retry::After(asked), 0.0, at(20_000)),
            Some(asked)
        );
        assert_eq!(task.may_start(false, at(20_899)), Start::At(at(20_900)));
        assert_eq!(task.may_start(false, at(20_900)), Start::Now);
    }

    #[test]
    fn a_day_of_failures_is_given_up_and_a_new_version_begins_anew() {
        let mut task = task();
        assert!(task.start("a", at(0)));
        assert!(task.failed(problem(), Retry::Later, 0.5, at(0)).is_some());
        assert!(task.start("a", at(86_400)));
        assert_eq!(task.failed(problem(), Retry::Later, 0.5, at(86_400)), None);
        assert_eq!(
            (task.progress.state, task.progress.problem.is_some()),
            (State::Failed, true)
        );
        assert_eq!(task.may_start(false, at(90_000)), Start::Nothing);
        task.want(Errand(2), at(90_000));
        assert_eq!(task.may_start(false, at(90_000)), Start::Now);
        assert!(task.start("a", at(90_000)));
        assert_eq!(task.failed(problem(), Retry::Never, 0.5, at(90_000)), None);
    }

    #[test]
    fn waiting_for_ones_turn_is_no_attempt_and_a_clock_set_back_holds_nothing_up() {
        let mut task = task();
        assert!(task.start("a", at(100)));
        task.put_back(Duration::from_secs(9), at(100));
        assert_eq!((task.progress.attempts, task.progress.tried_since), (0, None));
        assert_eq!(task.may_start(false, at(101)), Start::At(at(109)));
        assert_eq!(task.may_start(false, at(50)), Start::Now);
    }

    #[test]
    fn a_task_that_ends_its_workers_is_given_up() {
        let mut task = task();
        for attempt in 0..5 {
            assert!(task.start("a", at(attempt)), "{attempt}");
        }
        assert!(!task.start("a", at(9)));
        assert_eq!(task.progress.state, State::Failed);
        assert_eq!(task.progress.problem.unwrap().category, "WorkerEnded");
    }

    #[test]
    fn a_run_that_another_took_over_adopts_nothing() {
        let mut mine = task();
        assert!(mine.start("a", at(1)));
        let mut wanted = mine.clone();
        wanted.want(Errand(7), at(2));
        assert!(mine.adopt(&wanted));
        assert_eq!((mine.revision, &mine.input), (2, &Errand(7)));
        assert!(wanted.start("b", at(60)));
        assert!(!mine.adopt(&wanted));
    }

    #[test]
    fn a_record_reads_back_and_an_id_depends_on_every_part() {
        let mut task = task();
        assert!(task.start("a", at(1)));
        let json = serde_json::to_string(&task).unwrap();
        assert!(json.starts_with(r#"{"namespace":"shop","incident":"#), "{json}");
        assert_eq!(serde_json::from_str::<Task<Errand>>(&json).unwrap(), task);
        let mut other = task.place.clone();
        other.slot = "chat".to_owned();
        assert_ne!(other.id(Worker::Notifier), task.id());
    }

    proptest! {
        /// Whatever happens in whatever order: the wanted version is never forgotten, and none is done that was not wanted.
        #[test]
        fn no_order_of_events_loses_the_wanted_version(steps in proptest::collection::vec(0_u8..5, 1..40)) {
            let mut task = task();
            let mut running = None;
            for (step, seconds) in steps.into_iter().zip((0_i64..).step_by(400)) {
                let now = at(seconds);
                match step {
                    0 => task.want(Errand(9), now),
                    1 if task.may_start(false, now) == Start::Now => {
                        running = task.start("a", now).then_some(task.revision);
                    }
                    2 => if let Some(revision) = running.take() { task.done(revision, now) },
                    3 if running.take().is_some() => { task.failed(problem(), Retry::Later, 0.5, now); }
                    _ => {}
                }
                prop_assert!(task.progress.done <= task.revision);
                let settled = matches!(task.progress.state, State::Done);
                prop_assert_eq!(settled, task.progress.done == task.revision && settled);
                if !settled && task.progress.state != State::Failed {
                    prop_assert_ne!(task.may_start(false, at(1_000_000)), Start::Nothing);
                }
            }
        }
    }
}
