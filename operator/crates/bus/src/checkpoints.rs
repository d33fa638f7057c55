//! Where the correlator keeps its state: blobs in the object store, one pointer to the two newest, and the
//! lease that says which correlator leads.

use async_nats::jetstream::kv::{self, Operation};
use async_nats::jetstream::object_store::ObjectStore;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

use crate::connect::{Bus, missing_or};
use crate::contract;
use crate::error::{BusError, failed};
use crate::records;

const POINTER: &str = "pointer";
const LEASE: &str = "lease";

/// One kept checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The last log entry that it covers.
    pub sequence: u64,
    /// The blob with the state.
    pub blob: String,
    /// Blobs of the ring segments that the state names.
    pub segments: Vec<String>,
}

/// The two newest checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// The log that they belong to.
    pub log_id: String,
    /// The newest.
    pub current: Option<Kept>,
    /// The one before; what trimming leaves room for.
    pub previous: Option<Kept>,
}

/// Who leads. Observers judge by how long the revision has not changed, on their own clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process; empty when it has stepped down.
    pub id: String,
}

/// The correlator's store.
#[derive(Clone)]
pub struct CheckpointStore {
    bucket: kv::Store,
    blobs: ObjectStore,
}

impl std::fmt::Debug for CheckpointStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointStore").finish_non_exhaustive()
    }
}

impl Bus {
    /// Opens the correlator's store.
    ///
    /// # Errors
    /// NATS does not answer, or the store is not there.
    pub async fn checkpoints(&self) -> Result<CheckpointStore, BusError> {
        let bucket = self.jetstream().get_key_value(contract::CHECKPOINTS).await;
        let bucket = bucket.map_err(|error| missing_or(contract::CHECKPOINTS, error))?;
        let blobs = self
            .jetstream()
            .get_object_store(contract::CHECKPOINT_BLOBS)
            .await;
        let blobs = blobs.map_err(|error| missing_or(contract::CHECKPOINT_BLOBS, error))?;
        Ok(CheckpointStore { bucket, blobs })
    }
}

impl CheckpointStore {
    /// The pointer with its revision; revision 0 when there is none.
    ///
    /// # Errors
    /// NATS does not answer, or the pointer cannot be decoded.
    pub async fn pointer(&self) -> Result<(Pointer, u64), BusError> {
        self.read(POINTER).await
    }

    /// Sets the pointer over `revision`.
    ///
    /// # Errors
    /// [`BusError::Conflict`] when another correlator wrote meanwhile; NATS does not confirm.
    pub async fn set_pointer(&self, pointer: &Pointer, revision: u64) -> Result<u64, BusError> {
        self.write(POINTER, pointer, revision).await
    }

    /// Who leads, with the revision.
    ///
    /// # Errors
    /// NATS does not answer.
    pub async fn holder(&self) -> Result<(Holder, u64), BusError> {
        self.read(LEASE).await
    }

    /// Takes or renews the lease over `revision`.
    ///
    /// # Errors
    /// [`BusError::Conflict`] when another did; NATS does not confirm.
    pub async fn set_holder(&self, holder: &Holder, revision: u64) -> Result<u64, BusError> {
        self.write(LEASE, holder, revision).await
    }

    async fn read<T: DeserializeOwned + Default>(&self, key: &str) -> Result<(T, u64), BusError> {
        let Some(entry) = self
            .bucket
            .entry(key)
            .await
            .map_err(failed("read a checkpoint"))?
        else {
            return Ok((T::default(), 0));
        };
        if entry.operation != Operation::Put {
            return Ok((T::default(), entry.revision));
        }
        let value = serde_json::from_slice(&entry.value).map_err(|source| BusError::Decode {
            what: format!("checkpoints/{key}"),
            source,
        })?;
        Ok((value, entry.revision))
    }

    async fn write<T: Serialize>(&self, key: &str, value: &T, revision: u64) -> Result<u64, BusError> {
        let bytes = serde_json::to_vec(value).map_err(|source| BusError::Decode {
            what: format!("checkpoints/{key}"),
            source,
        })?;
        records::update(&self.bucket, key, bytes.into(), revision).await
    }

    /// Stores a blob; the same name again replaces it.
    ///
    /// # Errors
    /// NATS does not confirm.
    pub async fn put_blob(&self, name: &str, bytes: &Bytes) -> Result<(), BusError> {
        self.blobs
            .put(name, &mut bytes.as_ref())
            .await
            .map_err(failed("store a checkpoint"))?;
        Ok(())
    }

    /// Reads a blob.
    ///
    /// # Errors
    /// NATS does not answer, or there is none of that name.
    pub async fn blob(&self, name: &str) -> Result<Vec<u8>, BusError> {
        let mut object = self.blobs.get(name).await.map_err(|error| {
            if error.kind() == async_nats::jetstream::object_store::GetErrorKind::NotFound {
                BusError::Missing {
                    name: name.to_owned(),
                }
            } else {
                failed("read a checkpoint")(error)
            }
        })?;
        let mut bytes = Vec::with_capacity(object.info().size);
        object
            .read_to_end(&mut bytes)
            .await
            .map_err(failed("read a checkpoint"))?;
        Ok(bytes)
    }

    /// Removes a blob; one that is not there is no error.
    ///
    /// # Errors
    /// NATS does not confirm.
    pub async fn remove_blob(&self, name: &str) -> Result<(), BusError> {
        match self.blobs.delete(name).await {
            Err(error) if error.kind() == async_nats::jetstream::object_store::DeleteErrorKind::NotFound => {
                Ok(())
            }
            removed => removed.map_err(failed("remove a checkpoint")),
        }
    }
}
