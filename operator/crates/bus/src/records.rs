//! Typed buckets: one record a key, compare-and-set, watched from the present on.

use std::marker::PhantomData;
use std::time::Duration;

use async_nats::jetstream::kv::{self, Operation};
use bytes::Bytes;
use domain::incident::IncidentRecord;
use domain::rule::record::RuleRecord;
use futures::{Stream, StreamExt, stream};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::contract;
use crate::error::{BusError, failed};

/// The filter of all keys. The client's own `watch_all` leaves out what is already there.
const EVERY_KEY: &str = ">";

/// How long a listing waits for the next record that is known to be there: 5 s.
const LIST_PATIENCE: Duration = Duration::from_secs(5);

/// What a bucket holds.
pub trait Record: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The bucket.
    const BUCKET: &'static str;
    /// The record's key.
    fn key(&self) -> String;
}

impl Record for IncidentRecord {
    const BUCKET: &'static str = contract::INCIDENTS;
    fn key(&self) -> String {
        format!("{}.{}", self.namespace, self.id)
    }
}

impl Record for RuleRecord {
    const BUCKET: &'static str = contract::RULES;
    fn key(&self) -> String {
        format!("{}.{}", self.namespace, self.uid)
    }
}

/// A configured source, as rules may name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Its name.
    pub name: String,
    /// The tenants that its events may belong to.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Its format.
    pub format: String,
}

impl Record for SourceRecord {
    const BUCKET: &'static str = contract::SOURCES;
    fn key(&self) -> String {
        self.name.clone()
    }
}

/// What a watcher sees.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<T> {
    /// A record is there, or changed.
    Put {
        /// Its key.
        key: String,
        /// What it says.
        value: T,
    },
    /// A record is gone.
    Removed {
        /// Its key.
        key: String,
    },
    /// Everything that was there when the watch began has been told.
    Synced,
}

/// One bucket.
#[derive(Clone, Debug)]
pub struct Bucket<T> {
    store: kv::Store,
    of: PhantomData<fn() -> T>,
}

impl<T: Record> Bucket<T> {
    pub(crate) fn new(store: kv::Store) -> Self {
        Self {
            store,
            of: PhantomData,
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// NATS does not answer, or the bytes are no such record.
    pub async fn get(&self, key: &str) -> Result<Option<T>, BusError> {
        Ok(self.get_revision(key).await?.map(|(value, _)| value))
    }

    /// Reads a record with its revision, for compare-and-set.
    ///
    /// # Errors
    /// As [`Bucket::get`].
    pub async fn get_revision(&self, key: &str) -> Result<Option<(T, u64)>, BusError> {
        let entry = self.store.entry(key).await.map_err(failed("read a record"))?;
        let live = entry.filter(|entry| entry.operation == Operation::Put);
        live.map(|entry| Ok((decode(key, &entry.value)?, entry.revision)))
            .transpose()
    }

    /// The revision of a key's last write, be it a removal; 0 when there was none.
    ///
    /// # Errors
    /// NATS does not answer.
    pub async fn last_revision(&self, key: &str) -> Result<u64, BusError> {
        let entry = self.store.entry(key).await.map_err(failed("read a record"))?;
        Ok(entry.map_or(0, |entry| entry.revision))
    }

    /// Writes a record, whatever was there.
    ///
    /// # Errors
    /// NATS does not confirm.
    pub async fn put(&self, value: &T) -> Result<u64, BusError> {
        self.store
            .put(value.key(), encode(value)?)
            .await
            .map_err(failed("write a record"))
    }

    /// Writes a record over `revision`; 0 means that there must be none.
    ///
    /// # Errors
    /// [`BusError::Conflict`] when another wrote first; NATS does not confirm.
    pub async fn update(&self, value: &T, revision: u64) -> Result<u64, BusError> {
        update(&self.store, &value.key(), encode(value)?, revision).await
    }

    /// Removes a record.
    ///
    /// # Errors
    /// NATS does not confirm.
    pub async fn remove(&self, key: &str) -> Result<(), BusError> {
        self.store
            .purge_with_ttl(key, contract::REMOVED_MARKER)
            .await
            .map_err(failed("remove a record"))
    }

    /// Follows the bucket: what is there, [`Change::Synced`], then every change. A record that cannot be
    /// decoded is an item of its own; the stream goes on.
    ///
    /// # Errors
    /// NATS does not answer.
    pub async fn watch(
        &self,
    ) -> Result<impl Stream<Item = Result<Change<T>, BusError>> + Send + Unpin, BusError> {
        let status = self.store.status().await.map_err(failed("look at a bucket"))?;
        let watch = self
            .store
            .watch_with_history(EVERY_KEY)
            .await
            .map_err(failed("watch a bucket"))?;
        let empty = status.values() == 0;
        let mut synced = empty;
        let changes = watch.flat_map(move |entry| {
            let mut out = Vec::with_capacity(2);
            match entry {
                Err(error) => out.push(Err(failed("watch a bucket")(error))),
                Ok(entry) => {
                    out.push(match entry.operation {
                        Operation::Put => decode(&entry.key, &entry.value).map(|value| Change::Put {
                            key: entry.key,
                            value,
                        }),
                        Operation::Delete | Operation::Purge => Ok(Change::Removed { key: entry.key }),
                    });
                    if entry.delta == 0 && !synced {
                        synced = true;
                        out.push(Ok(Change::Synced));
                    }
                }
            }
            stream::iter(out)
        });
        let at_once = empty.then(|| Ok(Change::Synced));
        Ok(stream::iter(at_once).chain(changes))
    }

    /// Every key with its revision, and its record or why that cannot be decoded.
    ///
    /// # Errors
    /// NATS does not answer.
    pub async fn list(&self) -> Result<Vec<(String, u64, Result<T, BusError>)>, BusError> {
        const WHAT: &str = "list a bucket";
        let mut all = Vec::new();
        if self.store.status().await.map_err(failed(WHAT))?.values() == 0 {
            return Ok(all);
        }
        let watch = self.store.watch_with_history(EVERY_KEY).await;
        let mut watch = watch.map_err(failed(WHAT))?;
        loop {
            let next = tokio::time::timeout(LIST_PATIENCE, watch.next()).await;
            let entry = next
                .map_err(failed(WHAT))?
                .ok_or_else(|| failed(WHAT)("its entries ended too early"))?
                .map_err(failed(WHAT))?;
            if entry.operation == Operation::Put {
                let record = decode(&entry.key, &entry.value);
                all.push((entry.key, entry.revision, record));
            }
            if entry.delta == 0 {
                return Ok(all);
            }
        }
    }
}

/// Compare-and-set of raw bytes.
pub(crate) async fn update(
    store: &kv::Store,
    key: &str,
    value: Bytes,
    revision: u64,
) -> Result<u64, BusError> {
    const WHAT: &str = "write a record";
    store.update(key, value, revision).await.map_err(|error| {
        if error.kind() == kv::UpdateErrorKind::WrongLastRevision {
            BusError::Conflict { what: WHAT }
        } else {
            failed(WHAT)(error)
        }
    })
}

fn encode<T: Record>(value: &T) -> Result<Bytes, BusError> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|source| BusError::Decode {
            what: format!("{}/{}", T::BUCKET, value.key()),
            source,
        })
}

fn decode<T: Record>(key: &str, bytes: &[u8]) -> Result<T, BusError> {
    serde_json::from_slice(bytes).map_err(|source| BusError::Decode {
        what: format!("{}/{key}", T::BUCKET),
        source,
    })
}
