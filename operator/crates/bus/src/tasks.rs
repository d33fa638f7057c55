//! Tasks on NATS: a record each in the bucket `tasks`, and a message in the queue `WORK` that hands it to whichever worker is
//! free. The record is the truth; a message only says where to look, so one too many does no harm and one too few is sent again
//! by the controller. At most one message waits for each task: a newer one takes its place.

mod lanes;
mod workers;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::task::{Assignment, Problem, Retry, Task};

use crate::connect::Bus;
use crate::contract;
use crate::error::{BusError, failed};
use crate::records::{Bucket, Record};

pub use workers::Workers;

/// How often a record is read again because another wrote it meanwhile; two write it.
const CONFLICTS: usize = 8;

impl<A: Assignment> Record for Task<A> {
    const BUCKET: &'static str = contract::TASKS;
    fn key(&self) -> String {
        contract::task_key(A::WORKER, &self.id())
    }
}

impl Bus {
    /// Sends a task to its workers; [`Record::key`] of the task is its `key`. Its record must be written before.
    ///
    /// # Errors
    /// NATS does not confirm in time.
    pub async fn queue_task(&self, key: &str) -> Result<(), BusError> {
        const WHAT: &str = "queue a task";
        let sent = self
            .jetstream()
            .publish(contract::work_subject(key), bytes::Bytes::new())
            .await;
        sent.map_err(failed(WHAT))?.await.map_err(failed(WHAT))?;
        Ok(())
    }
}

/// Why an attempt failed, and when to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub problem: Problem,
    /// When to try again.
    pub retry: Retry,
}

/// An attempt that did not succeed.
#[derive(Debug)]
pub enum Undone {
    /// It failed.
    Failed(Failure),
    /// It is not its turn yet: put back for so long, which is no attempt.
    PutBack(Duration),
    /// The record could not be moved: NATS is away, or another worker has taken over.
    Interrupted(BusError),
}

impl From<BusError> for Undone {
    fn from(error: BusError) -> Self {
        Self::Interrupted(error)
    }
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What became of one version of a task, for metrics and logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is done.
    Done,
    /// It is tried again, after this problem.
    Retried(Problem),
    /// It was given up, for this problem; it is a dead letter.
    GivenUp(Problem),
}

/// Who does tasks.
pub trait Does<A: Assignment>: Send + Sync + 'static {
    /// Does the wanted version. What it has brought about it [`Run::save`]s at once: another may have to go on from there.
    fn attempt(&self, run: &mut Run<A>) -> impl Future<Output = Result<(), Undone>> + Send;
    /// Where a task leads: what leads to one place takes a quarter of the worker's slots at most.
    fn lane(&self, task: &Task<A>) -> String;
    /// Learns what became of it.
    fn ended(&self, task: &Task<A>, ended: &Ended);
}

/// A task that is being done by this worker and no other.
#[derive(Debug)]
pub struct Run<A: Assignment> {
    shared: Arc<tokio::sync::Mutex<Written<A>>>,
    bucket: Bucket<Task<A>>,
    /// What is wanted, and what is kept; [`Run::save`] writes the latter.
    pub task: Task<A>,
}

/// A record as it is written.
#[derive(Debug)]
struct Written<A: Assignment> {
    task: Task<A>,
    revision: u64,
}

impl<A: Assignment> Run<A> {
    /// Writes what is kept, before or after something that cannot be undone.
    ///
    /// # Errors
    /// [`BusError::Conflict`] when another worker has taken over; NATS does not confirm.
    pub async fn save(&mut self) -> Result<(), BusError> {
        let output = self.task.output.clone();
        let mut written = self.shared.lock().await;
        written
            .write(&self.bucket, |task| task.output = output.clone())
            .await
    }
}

impl<A: Assignment> Written<A> {
    /// Changes the record by compare-and-set; what the controller wrote meanwhile stays.
    async fn write(
        &mut self,
        bucket: &Bucket<Task<A>>,
        change: impl Fn(&mut Task<A>),
    ) -> Result<(), BusError> {
        const WHAT: &str = "move a task";
        for _ in 0..CONFLICTS {
            let mut wanted = self.task.clone();
            change(&mut wanted);
            match bucket.update(&wanted, self.revision).await {
                Ok(revision) => {
                    (self.task, self.revision) = (wanted, revision);
                    return Ok(());
                }
                Err(BusError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
            let Some((newest, revision)) = bucket.get_revision(&self.task.key()).await? else {
                return Err(BusError::Conflict { what: WHAT });
            };
            if !self.task.adopt(&newest) {
                return Err(BusError::Conflict { what: WHAT });
            }
            self.revision = revision;
        }
        Err(BusError::Conflict { what: WHAT })
    }
}
