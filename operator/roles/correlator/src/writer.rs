//! Writes what the fold says is due: records by compare-and-set, where the higher position wins, then the
//! checkpoint that covers them.

use std::collections::{BTreeSet, HashMap};

use bus::checkpoints::{CheckpointStore, Kept, Pointer};
use bus::{Bucket, Bus, BusError, LogState, Record};
use domain::correlate::checkpoint::Checkpoint;
use domain::entry::last_position;
use domain::incident::IncidentRecord;
use domain::rule::record::RuleRecord;
use futures::StreamExt;
use futures::stream;
use tracing::warn;

use crate::fold::Due;
use crate::metrics::Metrics;

/// Record writes under way at once.
const CONCURRENT_WRITES: usize = 32;

/// A record with the log position that it covers.
pub trait Positioned: Record {
    /// The position.
    fn covers(&self) -> i64;
}

impl Positioned for IncidentRecord {
    fn covers(&self) -> i64 {
        self.occurrences.position
    }
}

impl Positioned for RuleRecord {
    fn covers(&self) -> i64 {
        self.counted_to
    }
}

/// Revision and position by key; `i64::MIN` is the position of what any record may replace.
type Written = HashMap<String, (u64, i64)>;

/// One bucket, with what is known to be in it.
struct Known<T> {
    bucket: Bucket<T>,
    written: Written,
}

impl<T: Positioned> Known<T> {
    /// A record that cannot be decoded, and one that covers more than the log holds, is of a version or of an end of
    /// the log that is no more: whatever is written now is newer.
    async fn open(bus: &Bus, log: &LogState) -> Result<Self, BusError> {
        let bucket = bus.records::<T>().await?;
        let held = |record: Result<T, BusError>| match record {
            Ok(record) if record.covers() <= last_position(log.last) => record.covers(),
            Ok(_) => i64::MIN,
            Err(error) => {
                warn!(%error, "a record cannot be decoded; it will be replaced or removed");
                i64::MIN
            }
        };
        let all = bucket.list().await?;
        let written = all
            .into_iter()
            .map(|(key, revision, record)| (key, (revision, held(record))))
            .collect();
        Ok(Self { bucket, written })
    }

    /// Brings the bucket in line with a state that covers the log up to `covered`: a record that it does not know,
    /// and that covers no more, belongs to a log that is no more.
    async fn reconcile(&mut self, records: &[T], covered: i64, metrics: &Metrics) -> Result<(), BusError> {
        let known: BTreeSet<String> = records.iter().map(Record::key).collect();
        for key in strangers(&self.written, &known, covered) {
            self.remove(&key).await?;
        }
        self.write(records, metrics).await
    }

    async fn write(&mut self, records: &[T], metrics: &Metrics) -> Result<(), BusError> {
        let newer = records.iter().filter(|record| {
            let written = self.written.get(&record.key());
            written.is_none_or(|(_, position)| *position < record.covers())
        });
        let writes = newer.map(|record| {
            let revision = self
                .written
                .get(&record.key())
                .map_or(0, |(revision, _)| *revision);
            write_one(&self.bucket, record, revision)
        });
        let done: Vec<_> = stream::iter(writes.collect::<Vec<_>>())
            .buffer_unordered(CONCURRENT_WRITES)
            .collect()
            .await;
        for written in done {
            let (key, revision, position) = written?;
            metrics.records.inc();
            self.written.insert(key, (revision, position));
        }
        Ok(())
    }

    async fn remove(&mut self, key: &str) -> Result<(), BusError> {
        self.bucket.remove(key).await?;
        self.written.remove(key);
        Ok(())
    }
}

/// Keys that a state which covers the log up to `covered` does not know, of records that cover no more.
fn strangers(written: &Written, known: &BTreeSet<String>, covered: i64) -> Vec<String> {
    let strange =
        |(key, (_, position)): &(&String, &(u64, i64))| *position <= covered && !known.contains(*key);
    let strangers = written.iter().filter(strange);
    strangers.map(|(key, _)| key.clone()).collect()
}

/// Writes one record unless a record of a higher position is there.
async fn write_one<T: Positioned>(
    bucket: &Bucket<T>,
    record: &T,
    mut revision: u64,
) -> Result<(String, u64, i64), BusError> {
    let key = record.key();
    loop {
        match bucket.update(record, revision).await {
            Ok(revision) => return Ok((key, revision, record.covers())),
            Err(BusError::Conflict { .. }) => match bucket.get_revision(&key).await {
                Ok(Some((found, at))) if found.covers() >= record.covers() => {
                    return Ok((key, at, found.covers()));
                }
                Ok(Some((_, at))) => revision = at,
                // Gone, or no record: whatever is written now is newer.
                Ok(None) | Err(BusError::Decode { .. }) => revision = bucket.last_revision(&key).await?,
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
}

/// All records of a state.
#[derive(Debug)]
pub struct Records {
    /// The last log entry that they cover.
    pub sequence: u64,
    /// Of incidents.
    pub incidents: Vec<IncidentRecord>,
    /// Of rules.
    pub rules: Vec<RuleRecord>,
}

/// The writing part of the leading correlator.
pub struct Writer {
    incidents: Known<IncidentRecord>,
    rules: Known<RuleRecord>,
    store: CheckpointStore,
    pointer: (Pointer, u64),
    metrics: Metrics,
}

impl Writer {
    /// Reads what the buckets hold.
    ///
    /// # Errors
    /// NATS does not answer.
    pub async fn open(
        bus: &Bus,
        (store, mut pointer): (CheckpointStore, (Pointer, u64)),
        log: &LogState,
        metrics: Metrics,
    ) -> Result<Self, BusError> {
        if pointer.0.log_id != log.log_id {
            // Checkpoints of another log are no bound for trimming this one, nor are their segments ours.
            pointer.0 = Pointer::default();
        }
        Ok(Self {
            incidents: Known::open(bus, log).await?,
            rules: Known::open(bus, log).await?,
            store,
            pointer,
            metrics,
        })
    }

    /// Writes all of it, in the order that a crash in between leaves mendable. Gives the sequence up to which
    /// the log may be trimmed when a checkpoint was written.
    ///
    /// # Errors
    /// NATS does not confirm, or another correlator has written the pointer.
    pub async fn write(&mut self, due: Due, log_id: &str) -> Result<Option<u64>, BusError> {
        self.incidents.write(&due.incidents, &self.metrics).await?;
        self.rules.write(&due.rules, &self.metrics).await?;
        for key in &due.removed {
            self.incidents.remove(key).await?;
        }
        match due.checkpoint {
            None => Ok(None),
            Some(checkpoint) => self.write_checkpoint(checkpoint, log_id).await,
        }
    }

    async fn write_checkpoint(
        &mut self,
        checkpoint: Checkpoint,
        log_id: &str,
    ) -> Result<Option<u64>, BusError> {
        let (pointer, revision) = &self.pointer;
        let kept: Vec<&Kept> = pointer.current.iter().chain(&pointer.previous).collect();
        let stored: BTreeSet<&String> = kept.iter().flat_map(|kept| &kept.segments).collect();
        for (name, segment) in checkpoint
            .segments
            .iter()
            .filter(|(name, _)| !stored.contains(name))
        {
            let bytes = postcard::to_allocvec(&**segment).map_err(|error| encode(error.into()))?;
            self.store.put_blob(name, &bytes.into()).await?;
        }
        let blob = format!("state.{}", ulid::Ulid::new());
        self.store.put_blob(&blob, &checkpoint.state.into()).await?;
        let segments = checkpoint.segments.into_iter().map(|(name, _)| name).collect();
        let next = Pointer {
            log_id: log_id.to_owned(),
            current: Some(Kept {
                sequence: checkpoint.sequence,
                blob,
                segments,
            }),
            previous: pointer.current.clone(),
        };
        let revision = self.store.set_pointer(&next, *revision).await?;
        self.metrics.checkpoints.inc();
        let dropped = std::mem::replace(&mut self.pointer, (next, revision)).0.previous;
        self.drop_blobs(dropped).await?;
        Ok(self.pointer.0.previous.as_ref().map(|previous| previous.sequence))
    }

    async fn drop_blobs(&self, dropped: Option<Kept>) -> Result<(), BusError> {
        let Some(dropped) = dropped else { return Ok(()) };
        let (pointer, _) = &self.pointer;
        let in_use: BTreeSet<&String> = pointer
            .current
            .iter()
            .chain(&pointer.previous)
            .flat_map(|kept| kept.segments.iter().chain([&kept.blob]))
            .collect();
        for name in dropped
            .segments
            .iter()
            .chain([&dropped.blob])
            .filter(|name| !in_use.contains(name))
        {
            self.store.remove_blob(name).await?;
        }
        Ok(())
    }

    /// Brings the buckets in line with a state that has taken in the whole log. Rules that it does not know are
    /// published again by the controller.
    ///
    /// # Errors
    /// NATS does not confirm.
    pub async fn reconcile(&mut self, all: Records) -> Result<(), BusError> {
        let covered = last_position(all.sequence);
        let metrics = &self.metrics;
        self.incidents.reconcile(&all.incidents, covered, metrics).await?;
        self.rules.reconcile(&all.rules, covered, metrics).await
    }
}

fn encode(source: Box<dyn std::error::Error + Send + Sync>) -> BusError {
    BusError::Unavailable {
        what: "encode a checkpoint",
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_unknown_and_no_newer_than_the_state() {
        const COVERED: i64 = 1000;
        let written = [
            ("known", COVERED),
            ("known and newer", COVERED + 1),
            ("of an earlier log", COVERED),
            ("by a later leader", COVERED + 1),
            ("not decodable", i64::MIN),
            ("known and not decodable", i64::MIN),
        ];
        let written = written
            .into_iter()
            .map(|(key, position)| (key.to_owned(), (1, position)))
            .collect();
        let known = ["known", "known and newer", "known and not decodable"].map(str::to_owned);
        let mut strangers = strangers(&written, &BTreeSet::from(known), COVERED);
        strangers.sort();
        assert_eq!(strangers, ["not decodable", "of an earlier log"]);
    }
}
