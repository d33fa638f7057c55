//! Takes up the state where the last leader left it: the newest checkpoint that can be read and that the log
//! still meets.

use std::collections::BTreeMap;
use std::sync::Arc;

use bus::checkpoints::{CheckpointStore, Kept, Pointer};
use bus::{BusError, LogState};
use domain::correlate::Correlator;
use domain::correlate::checkpoint::CheckpointError;
use tracing::{error, info, warn};

use crate::metrics::Metrics;

/// Why no state can be taken up.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// NATS does not answer.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The state was written by another version of Opsward: going on would lose it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Loads the state for `log`.
///
/// # Errors
/// NATS does not answer; or the newest checkpoint was written by a version that this binary does not read.
pub async fn recover(
    store: &CheckpointStore,
    pointer: &Pointer,
    log: &LogState,
    metrics: &Metrics,
) -> Result<Correlator, RecoverError> {
    if pointer.current.is_some() && pointer.log_id != log.log_id {
        error!(checkpoint = %pointer.log_id, log = %log.log_id, "LogGap: the log is another one; counting starts anew");
        metrics.log_gaps.inc();
        return Ok(Correlator::new(&log.log_id));
    }
    for kept in pointer.current.iter().chain(&pointer.previous) {
        match load(store, kept).await {
            Ok(state) if state.log_id() != log.log_id => {
                warn!(sequence = kept.sequence, "a checkpoint of another log");
            }
            Ok(state) if state.sequence() > log.last => {
                warn!(
                    sequence = kept.sequence,
                    last = log.last,
                    "a checkpoint ahead of the log: the log has lost its end"
                );
            }
            Ok(state) => return Ok(taken_up(state, log, metrics)),
            Err(error @ RecoverError::Bus(BusError::Unavailable { .. })) => return Err(error),
            Err(RecoverError::Checkpoint(error @ CheckpointError::Version { .. })) => {
                return Err(error.into());
            }
            Err(error) => {
                warn!(%error, sequence = kept.sequence, "a checkpoint cannot be used; trying the one before");
            }
        }
    }
    if log.first > 1 || pointer.current.is_some() {
        error!(
            first = log.first,
            last = log.last,
            "LogGap: no usable checkpoint; counting starts with what the log holds"
        );
        metrics.log_gaps.inc();
    }
    Ok(Correlator::new(&log.log_id))
}

fn taken_up(state: Correlator, log: &LogState, metrics: &Metrics) -> Correlator {
    let sequence = state.sequence();
    if log.first > sequence + 1 {
        error!(
            checkpoint = sequence,
            first = log.first,
            "LogGap: entries between checkpoint and log are gone"
        );
        metrics.log_gaps.inc();
    }
    info!(
        sequence,
        behind = log.last.saturating_sub(sequence),
        "checkpoint taken up"
    );
    state
}

async fn load(store: &CheckpointStore, kept: &Kept) -> Result<Correlator, RecoverError> {
    let state = store.blob(&kept.blob).await?;
    let mut segments = BTreeMap::new();
    for name in &kept.segments {
        let segment = postcard::from_bytes(&store.blob(name).await?).map_err(CheckpointError::from)?;
        segments.insert(name.clone(), Arc::new(segment));
    }
    Ok(Correlator::restore(&state, &segments)?)
}
