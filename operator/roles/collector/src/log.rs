//! What the collector needs of NATS, and no more: so that all of it can be tested without.

use std::sync::{Arc, OnceLock};

use bus::{Bus, BusError, DeadLetter, LogState, SourceRecord};
use bytes::Bytes;

/// The log, the dead letters beside it, and the bucket of sources. Every call ends within a bounded time.
pub trait Log: Send + Sync + 'static {
    /// Whether a call has a chance now.
    fn is_connected(&self) -> bool;

    /// Appends a pack of a namespace's events. An error may mean that it was appended all the same.
    fn publish(&self, namespace: &str, pack: Bytes) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Stores a dead letter.
    fn dead_letter(&self, letter: &DeadLetter) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Stores an event's data under `name`.
    fn payload(&self, name: &str, json: &str) -> impl Future<Output = Result<(), BusError>> + Send;

    /// How full the log is, and how safe.
    fn state(&self) -> impl Future<Output = Result<LogState, BusError>> + Send;

    /// Tells the other roles of a source.
    fn announce(&self, source: &SourceRecord) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Tells them that a source is no more.
    fn forget(&self, source: &str) -> impl Future<Output = Result<(), BusError>> + Send;
}

impl Log for Bus {
    fn is_connected(&self) -> bool {
        Self::is_connected(self)
    }

    async fn publish(&self, namespace: &str, pack: Bytes) -> Result<(), BusError> {
        self.publish_events(namespace, pack).await.map(drop)
    }

    async fn dead_letter(&self, letter: &DeadLetter) -> Result<(), BusError> {
        Self::dead_letter(self, letter).await
    }

    async fn payload(&self, name: &str, json: &str) -> Result<(), BusError> {
        self.put_payload(name, json.as_bytes()).await
    }

    async fn state(&self) -> Result<LogState, BusError> {
        self.log_state().await
    }

    async fn announce(&self, source: &SourceRecord) -> Result<(), BusError> {
        self.records::<SourceRecord>().await?.put(source).await.map(drop)
    }

    async fn forget(&self, source: &str) -> Result<(), BusError> {
        self.records::<SourceRecord>().await?.remove(source).await
    }
}

/// A log that is connected to later. Until then requests are answered 503, as whenever NATS is away, instead of
/// waiting in the kernel for a process that does not accept them yet.
impl<L: Log> Log for Arc<OnceLock<L>> {
    fn is_connected(&self) -> bool {
        self.get().is_some_and(Log::is_connected)
    }

    async fn publish(&self, namespace: &str, pack: Bytes) -> Result<(), BusError> {
        self.get().ok_or_else(not_yet)?.publish(namespace, pack).await
    }

    async fn dead_letter(&self, letter: &DeadLetter) -> Result<(), BusError> {
        self.get().ok_or_else(not_yet)?.dead_letter(letter).await
    }

    async fn payload(&self, name: &str, json: &str) -> Result<(), BusError> {
        self.get().ok_or_else(not_yet)?.payload(name, json).await
    }

    async fn state(&self) -> Result<LogState, BusError> {
        self.get().ok_or_else(not_yet)?.state().await
    }

    async fn announce(&self, source: &SourceRecord) -> Result<(), BusError> {
        self.get().ok_or_else(not_yet)?.announce(source).await
    }

    async fn forget(&self, source: &str) -> Result<(), BusError> {
        self.get().ok_or_else(not_yet)?.forget(source).await
    }
}

fn not_yet() -> BusError {
    BusError::unavailable("connect")("not connected yet".into())
}

#[cfg(test)]
pub(crate) mod memory;
