//! Owns every task of the process: none is detached, none ends unnoticed, all end within a deadline.
//!
//! It restarts nothing. A task that can recover does so inside itself; one that ended has no plan left, and a
//! fresh process is the one restart that is always tested.

use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::chain::Chain;

/// How long tasks may take to end: well below Kubernetes' default grace period of 30 s, after which comes SIGKILL.
pub const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(10);

/// An error of any task.
pub type TaskError = Box<dyn Error + Send + Sync>;

/// The wish that work ends soon and in order. Clones are the same wish.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// A wish not uttered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Utters it, for all clones and children; may be repeated.
    pub fn request(&self) {
        self.0.cancel();
    }

    /// Whether it was uttered.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is uttered. Safe to drop and call again.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// A wish for a part of the work: uttered with this one, or alone without touching this one, as for a leading
    /// part that ends when the lease is lost.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }
}

/// Why the process did not end well. The first problem is returned; later ones are logged.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The signal handlers could not be set.
    #[error("cannot listen for SIGTERM and SIGINT")]
    Signals(#[source] std::io::Error),
    /// A task returned an error.
    #[error("task {task} failed")]
    Failed {
        /// The task's name.
        task: Cow<'static, str>,
        /// What it returned.
        #[source]
        source: TaskError,
    },
    /// A task returned although nobody wished it to end.
    #[error("task {task} ended before shutdown")]
    Ended {
        /// The task's name.
        task: Cow<'static, str>,
    },
    /// A task panicked.
    #[error("task {task} panicked: {message}")]
    Panicked {
        /// The task's name.
        task: Cow<'static, str>,
        /// The panic's message.
        message: String,
    },
    /// Tasks were still running at the deadline, or at a second signal, and were aborted.
    #[error("aborted tasks that did not end in time: {}", tasks.join(", "))]
    Aborted {
        /// Their names, sorted.
        tasks: Vec<Cow<'static, str>>,
    },
}

/// The tasks of one process. Dropping it aborts them.
#[derive(Debug)]
pub struct Supervisor {
    tasks: JoinSet<Result<(), TaskError>>,
    names: HashMap<Id, Cow<'static, str>>,
    shutdown: Shutdown,
}

type Joined = Result<(Id, Result<(), TaskError>), JoinError>;

impl Supervisor {
    /// A supervisor of nothing yet.
    pub fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            names: HashMap::new(),
            shutdown: Shutdown::new(),
        }
    }

    /// The wish to end that this supervisor utters, for its tasks to wait on.
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Starts a task. It is to run until [`Shutdown::requested`] and then to return `Ok` within
    /// [`SHUTDOWN_DEADLINE`]; whatever else it does ends the process under `name`.
    ///
    /// Must be called within a tokio runtime.
    pub fn spawn<F, E>(&mut self, name: impl Into<Cow<'static, str>>, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<TaskError>,
    {
        let handle = self.tasks.spawn(async move { task.await.map_err(Into::into) });
        self.names.insert(handle.id(), name.into());
    }

    /// Runs until SIGTERM, SIGINT, a call of [`Shutdown::request`] or the end of any task, then ends all tasks.
    /// A second signal aborts what still runs.
    pub async fn run(self) -> Result<(), SupervisorError> {
        let terminate = signal(SignalKind::terminate()).map_err(SupervisorError::Signals)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(SupervisorError::Signals)?;
        let named = |name, source| {
            stream::unfold(
                source,
                move |mut source: tokio::signal::unix::Signal| async move {
                    source.recv().await.map(|()| (name, source))
                },
            )
        };
        let signals = stream::select(named("SIGTERM", terminate), named("SIGINT", interrupt));
        self.run_with(Box::pin(signals)).await
    }

    /// `run` with the signals given, as names.
    async fn run_with(
        mut self,
        mut signals: impl Stream<Item = &'static str> + Unpin,
    ) -> Result<(), SupervisorError> {
        let cause = self.until_shutdown(&mut signals).await;
        self.shutdown.request();
        let afterwards = self.wind_down(&mut signals).await;
        match cause.or(afterwards) {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }

    /// Waits for the reason to end; a problem is one that came from a task.
    async fn until_shutdown(
        &mut self,
        signals: &mut (impl Stream<Item = &'static str> + Unpin),
    ) -> Option<SupervisorError> {
        tokio::select! {
            biased;
            Some(signal) = signals.next() => {
                info!(signal, "shutting down");
                None
            }
            () = self.shutdown.requested() => None,
            joined = self.tasks.join_next_with_id() => {
                let problem = match self.outcome(joined?) {
                    Ok(task) => SupervisorError::Ended { task },
                    Err(problem) => problem,
                };
                error!(error = %Chain(&problem), "shutting down because of a task");
                Some(problem)
            }
        }
    }

    /// Waits for all tasks up to the deadline; returns the first problem.
    async fn wind_down(
        &mut self,
        signals: &mut (impl Stream<Item = &'static str> + Unpin),
    ) -> Option<SupervisorError> {
        let deadline = Instant::now() + SHUTDOWN_DEADLINE;
        let mut first = None;
        loop {
            tokio::select! {
                biased;
                joined = self.tasks.join_next_with_id() => {
                    let Some(joined) = joined else { return first };
                    if let Err(problem) = self.outcome(joined) {
                        error!(error = %Chain(&problem), "task did not end well");
                        first.get_or_insert(problem);
                    }
                }
                Some(signal) = signals.next() => {
                    warn!(signal, "second signal: not waiting any longer");
                    break;
                }
                () = sleep_until(deadline) => break,
            }
        }
        // Not joined again: a task that never yields cannot be aborted, and would hold us here for ever.
        self.tasks.abort_all();
        let mut tasks: Vec<_> = self.names.drain().map(|(_, name)| name).collect();
        tasks.sort_unstable();
        let problem = SupervisorError::Aborted { tasks };
        error!(error = %problem, "shutdown was not graceful");
        first.or(Some(problem))
    }

    /// The name of a task that returned `Ok`, or what went wrong with it.
    fn outcome(&mut self, joined: Joined) -> Result<Cow<'static, str>, SupervisorError> {
        let id = match &joined {
            Ok((id, _)) => *id,
            Err(failed) => failed.id(),
        };
        let task = self.names.remove(&id).unwrap_or(Cow::Borrowed("unnamed"));
        match joined {
            Ok((_, Ok(()))) => Ok(task),
            Ok((_, Err(source))) => Err(SupervisorError::Failed { task, source }),
            Err(failed) => Err(SupervisorError::Panicked {
                task,
                message: panic_message(failed),
            }),
        }
    }
}

impl Default for Supervisor {
    fn default() -> Self {
        Self::new()
    }
}

fn panic_message(failed: JoinError) -> String {
    let payload: Box<dyn Any + Send> = match failed.try_into_panic() {
        Ok(payload) => payload,
        Err(failed) => return failed.to_string(),
    };
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload
            .downcast_ref::<&str>()
            .copied()
            .unwrap_or("no message")
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::io;

    use super::*;

    type Outcome = Result<(), io::Error>;

    async fn until(shutdown: Shutdown) -> Outcome {
        shutdown.requested().await;
        Ok(())
    }

    fn no_signals() -> impl Stream<Item = &'static str> + Unpin {
        stream::pending()
    }

    fn one_signal() -> impl Stream<Item = &'static str> + Unpin {
        stream::iter(["SIGTERM"]).chain(stream::pending())
    }

    #[tokio::test]
    async fn a_signal_ends_all_tasks_gracefully() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("one", until(supervisor.shutdown()));
        supervisor.spawn("two", until(supervisor.shutdown()));
        supervisor.run_with(one_signal()).await.unwrap();
    }

    #[tokio::test]
    async fn a_failed_task_ends_the_others_and_is_named() {
        let mut supervisor = Supervisor::new();
        let shutdown = supervisor.shutdown();
        supervisor.spawn("steady", until(supervisor.shutdown()));
        supervisor.spawn("correlator", async { Outcome::Err(io::Error::other("no log")) });
        let error = supervisor.run_with(no_signals()).await.unwrap_err();
        assert_eq!(Chain(&error).to_string(), "task correlator failed: no log");
        assert!(shutdown.is_requested());
    }

    #[tokio::test]
    async fn a_task_that_returns_early_ends_the_process() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("steady", until(supervisor.shutdown()));
        supervisor.spawn("admin", async { Outcome::Ok(()) });
        let error = supervisor.run_with(no_signals()).await.unwrap_err();
        assert_eq!(error.to_string(), "task admin ended before shutdown");
    }

    #[tokio::test]
    async fn a_panicking_task_ends_the_process_with_its_message() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("steady", until(supervisor.shutdown()));
        supervisor.spawn("lake", async {
            if true {
                panic!("row {}", 7)
            } else {
                Outcome::Ok(())
            }
        });
        let error = supervisor.run_with(no_signals()).await.unwrap_err();
        assert_eq!(error.to_string(), "task lake panicked: row 7");
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_outlast_the_deadline_are_aborted_and_named() {
        let started = Instant::now();
        let mut supervisor = Supervisor::new();
        supervisor.spawn("polite", until(supervisor.shutdown()));
        supervisor.spawn("stuck b", pending::<Outcome>());
        supervisor.spawn("stuck a", pending::<Outcome>());
        let error = supervisor.run_with(one_signal()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "aborted tasks that did not end in time: stuck a, stuck b"
        );
        assert!(started.elapsed() >= SHUTDOWN_DEADLINE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_does_not_wait_for_the_deadline() {
        let started = Instant::now();
        let mut supervisor = Supervisor::new();
        supervisor.spawn("stuck", pending::<Outcome>());
        let signals = stream::iter(["SIGINT", "SIGINT"]).chain(stream::pending());
        let error = supervisor.run_with(signals).await.unwrap_err();
        assert!(matches!(error, SupervisorError::Aborted { .. }), "{error}");
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn an_error_while_shutting_down_is_returned() {
        let mut supervisor = Supervisor::new();
        let shutdown = supervisor.shutdown();
        supervisor.spawn("lake", async move {
            shutdown.requested().await;
            Outcome::Err(io::Error::other("last file not written"))
        });
        let error = supervisor.run_with(one_signal()).await.unwrap_err();
        assert_eq!(
            Chain(&error).to_string(),
            "task lake failed: last file not written"
        );
    }

    #[tokio::test]
    async fn a_child_ends_with_its_parent_but_not_the_reverse() {
        let parent = Shutdown::new();
        let (lost, kept) = (parent.child(), parent.child());
        lost.request();
        assert!(lost.is_requested() && !kept.is_requested() && !parent.is_requested());
        parent.request();
        kept.requested().await;
    }
}
