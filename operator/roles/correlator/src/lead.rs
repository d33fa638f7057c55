//! Leading: reads the log, folds it on a thread of its own, writes what is due, ticks when the log is quiet
//! and something waits for time to pass, trims what is covered. Ends with the first error; the caller starts
//! over from the checkpoint.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bus::checkpoints::CheckpointStore;
use bus::{Bus, BusError, LogMessage};
use domain::correlate::checkpoint::CheckpointError;
use domain::time::Time;
use futures::StreamExt;
use platform::Shutdown;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::dead::letters;
use crate::fold::{Due, Fold};
use crate::metrics::Metrics;
use crate::recover::{RecoverError, recover};
use crate::writer::{Records, Writer};

/// Messages read ahead of the fold; bounds the memory to 16 MiB of packs.
const READ_AHEAD: usize = 64;
/// Batches of records on their way to the writer.
const WRITE_AHEAD: usize = 4;
/// Messages folded before the schedule is looked at again.
const FOLD_BATCH: usize = 64;
/// Stack of the fold's thread: cel recurses on nested expressions; 32 MiB took every condition that the
/// static bounds let through, with a wide margin. Only touched pages are memory.
const FOLD_STACK: usize = 32 * 1024 * 1024;
/// At most one tick a second.
const TICK_EVERY: Duration = Duration::from_secs(1);
/// How much of the log stays whatever is covered: `log.keepFor`, 1 h.
const KEEP_FOR: Duration = Duration::from_secs(60 * 60);
/// The log is trimmed at most this often.
const TRIM_EVERY: Duration = Duration::from_secs(60);

/// Why leading ended.
#[derive(Debug, thiserror::Error)]
pub enum LeadError {
    /// NATS.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// No state to start from.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The state cannot be encoded.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The fold's thread is gone.
    #[error("the fold's thread ended: {0}")]
    Fold(String),
}

/// Where the fold stands.
#[derive(Clone, Debug, Default)]
struct Progress {
    sequence: u64,
    next_due: Option<Time>,
}

/// What goes to the writer.
enum Write {
    Due(Box<Due>),
    /// The state has taken in the log as it was at the start: all records, to bring the buckets in line.
    CaughtUp(Box<Records>),
}

/// Leads until an error, or until `shutdown`, at which everything is written first.
///
/// # Errors
/// Whatever ended it.
pub async fn lead(
    bus: &Bus,
    store: &CheckpointStore,
    metrics: &Metrics,
    shutdown: &Shutdown,
) -> Result<(), LeadError> {
    let log = bus.log_state().await?;
    let pointer = store.pointer().await?;
    let correlator = recover(store, &pointer.0, &log, metrics).await?;
    let first = correlator.sequence() + 1;
    let log_id: Arc<str> = correlator.log_id().into();
    let writer = Writer::open(bus, (store.clone(), pointer), &log, metrics.clone()).await?;

    let (message_in, messages) = mpsc::channel(READ_AHEAD);
    let (write_in, writes) = mpsc::channel(WRITE_AHEAD);
    let (progress_in, progress) = watch::channel(Progress::default());
    let thread = FoldThread {
        fold: Fold::new(correlator, 0),
        caught_up_at: log.last,
        bus: bus.clone(),
        metrics: metrics.clone(),
        messages,
        writes: write_in,
        progress: progress_in,
    };
    let folded = spawn_fold(thread)?;

    let read = read(bus, first, message_in, shutdown);
    let tick = tick(bus, progress);
    let write = write(bus, writer, writes, &log_id);
    let finish = async {
        // The reader ends first; the fold then hands over everything and ends; the writer ends with it.
        let (read, written, folded) = tokio::join!(read, write, folded);
        folded.map_err(|_| LeadError::Fold("it panicked".to_owned()))??;
        written?;
        read
    };
    tokio::select! {
        done = finish => done,
        never = tick => match never {},
    }
}

async fn write(
    bus: &Bus,
    mut writer: Writer,
    mut writes: mpsc::Receiver<Write>,
    log_id: &str,
) -> Result<(), LeadError> {
    let mut trimmed = Instant::now();
    while let Some(next) = writes.recv().await {
        match next {
            Write::CaughtUp(records) => writer.reconcile(*records).await?,
            Write::Due(due) => {
                let covered = writer.write(*due, log_id).await?;
                if let Some(covered) = covered.filter(|_| trimmed.elapsed() >= TRIM_EVERY) {
                    trim(bus, covered).await?;
                    trimmed = Instant::now();
                }
            }
        }
    }
    Ok(())
}

async fn read(
    bus: &Bus,
    first: u64,
    out: mpsc::Sender<LogMessage>,
    shutdown: &Shutdown,
) -> Result<(), LeadError> {
    let mut messages = bus.read_log(first).await?;
    loop {
        let message = tokio::select! {
            () = shutdown.requested() => return Ok(()),
            () = out.closed() => return Ok(()),
            message = messages.next() => message,
        };
        let Some(message) = message else {
            return Err(BusError::Unavailable {
                what: "read the log",
                source: "the stream of entries ended".into(),
            }
            .into());
        };
        if out.send(message?).await.is_err() {
            return Ok(());
        }
    }
}

struct FoldThread {
    fold: Fold,
    caught_up_at: u64,
    bus: Bus,
    metrics: Metrics,
    messages: mpsc::Receiver<LogMessage>,
    writes: mpsc::Sender<Write>,
    progress: watch::Sender<Progress>,
}

fn spawn_fold(thread: FoldThread) -> Result<oneshot::Receiver<Result<(), LeadError>>, LeadError> {
    let (done, folded) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("fold".to_owned())
        .stack_size(FOLD_STACK)
        .spawn(move || {
            // The receiver is gone only when leading has been given up.
            let _given_up = done.send(runtime.block_on(thread.run()));
        })
        .map_err(|error| LeadError::Fold(error.to_string()))?;
    Ok(folded)
}

impl FoldThread {
    async fn run(mut self) -> Result<(), LeadError> {
        let start = Instant::now();
        let now = || u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut caught_up = false;
        self.show(None);
        loop {
            if !caught_up && self.fold.correlator().sequence() >= self.caught_up_at {
                caught_up = true;
                self.tell_all().await?;
            }
            let received = tokio::time::timeout(self.fold.next_due(now()), self.messages.recv()).await;
            let mut lag = None;
            match received {
                Ok(None) => break,
                Err(_) => {}
                Ok(Some(message)) => {
                    lag = Some(self.take(message, now()).await?);
                    for _ in 1..FOLD_BATCH {
                        let Ok(message) = self.messages.try_recv() else {
                            break;
                        };
                        lag = Some(self.take(message, now()).await?);
                    }
                }
            }
            self.show(lag);
            let due = self.fold.take_due(now())?;
            if !due.is_empty() && self.writes.send(Write::Due(Box::new(due))).await.is_err() {
                return Ok(());
            }
        }
        let rest = self.fold.take_all(now())?;
        // The writer is gone only after an error of its own, which is the one to tell.
        let _gone = self.writes.send(Write::Due(Box::new(rest))).await;
        Ok(())
    }

    async fn take(&mut self, message: LogMessage, now: u64) -> Result<u64, LeadError> {
        match self.fold.take(&message, now) {
            Ok(Some(received)) => {
                let waited = wall_clock().since(received);
                self.metrics.correlated_after(waited.as_secs_f64());
            }
            Ok(None) => {}
            Err(skipped) => {
                self.metrics.undecodable.inc();
                warn!(sequence = message.sequence, subject = %message.subject, error = %skipped, "dead-lettered");
                for letter in letters(&message, &skipped) {
                    self.bus.dead_letter(&letter).await?;
                }
            }
        }
        Ok(message.pending)
    }

    async fn tell_all(&self) -> Result<(), LeadError> {
        let correlator = self.fold.correlator();
        info!(
            sequence = correlator.sequence(),
            open = correlator.open_incidents(),
            "caught up with the log"
        );
        let all = Records {
            sequence: correlator.sequence(),
            incidents: correlator.incident_records().collect(),
            rules: correlator.rule_records().collect(),
        };
        // The writer is gone only after an error of its own, which is the one to tell.
        let _gone = self.writes.send(Write::CaughtUp(Box::new(all))).await;
        Ok(())
    }

    fn show(&self, lag: Option<u64>) {
        let correlator = self.fold.correlator();
        self.progress.send_replace(Progress {
            sequence: correlator.sequence(),
            next_due: correlator.next_due(),
        });
        if let Some(lag) = lag {
            self.metrics
                .show(correlator.totals(), correlator.open_incidents(), lag);
        }
        self.metrics.clock_behind(self.fold.clock_behind());
    }
}

/// Appends a tick when a timer is due by the wall clock and no entry has fired it.
async fn tick(bus: &Bus, mut progress: watch::Receiver<Progress>) -> Infallible {
    let mut ticked_at = 0;
    loop {
        let seen = progress.borrow_and_update().clone();
        let wait = seen.next_due.map(|due| due.since(wall_clock()));
        match wait {
            Some(Duration::ZERO) if ticked_at <= seen.sequence => {
                match bus.append_tick().await {
                    Ok(sequence) => ticked_at = sequence,
                    // A full log takes no tick either; leading must go on, for it is what trims.
                    Err(error) => warn!(%error, "no tick"),
                }
                tokio::time::sleep(TICK_EVERY).await;
            }
            // A tick is on its way, or the due time is the log's own: the fold will tell.
            Some(Duration::ZERO) => tokio::time::sleep(TICK_EVERY).await,
            Some(wait) => {
                let changed = tokio::time::timeout(wait, progress.changed()).await;
                if matches!(changed, Ok(Err(_))) {
                    // The fold has ended; its own end says why.
                    std::future::pending::<()>().await;
                }
            }
            None => {
                if progress.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

async fn trim(bus: &Bus, covered: u64) -> Result<(), BusError> {
    let kept = Time::from_millis(wall_clock().millis() - i64::try_from(KEEP_FOR.as_millis()).unwrap_or(0));
    let young = bus.first_since(kept).await?.unwrap_or(u64::MAX);
    let below = (covered + 1).min(young);
    bus.trim_log(below).await
}

/// The wall clock, for ticks and metrics only; the fold never sees it.
fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
