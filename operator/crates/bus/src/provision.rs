//! Makes the streams, buckets and stores of the contract. The correlator does so at its start; the other
//! roles wait for them.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{kv, object_store, stream};
use domain::task::Worker;
use ulid::Ulid;

use crate::config::BusConfig;
use crate::connect::{Bus, missing_or};
use crate::contract;
use crate::error::{BusError, failed};

/// Bytes that the log may hold unless configured: 1 GiB, about a million events of 1 KiB.
const LOG_BYTES: i64 = 1024 * 1024 * 1024;
/// Bytes that dead letters may take: 256 MiB; the oldest go first.
const DEAD_BYTES: i64 = 256 * 1024 * 1024;
/// Bytes of payloads that were too large for the log: 1 GiB; the oldest go first.
const PAYLOAD_BYTES: i64 = 1024 * 1024 * 1024;
/// The oldest server that knows all that is used here (per-message ttl of markers).
const OLDEST_SERVER: (u32, u32) = (2, 11);

/// How long a worker may be silent about a message before another gets it: three of its beats.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// Messages that all workers of a kind may have in hand, those that wait for another attempt included: all incidents of several
/// namespaces, while a chat service is away.
const MAX_ACK_PENDING: i64 = 100_000;

impl Bus {
    /// Makes or updates everything.
    ///
    /// # Errors
    /// NATS does not answer, is too old, or refuses a change.
    pub async fn provision(&self, config: &BusConfig) -> Result<(), BusError> {
        self.check_server()?;
        let replicas = config.replicas.unwrap_or(1);
        self.make_log(config.log_bytes.unwrap_or(LOG_BYTES), replicas)
            .await?;
        self.make_stream(stream::Config {
            name: contract::DEAD.to_owned(),
            description: Some("What Opsward could not take in, with its reason.".to_owned()),
            subjects: vec![contract::dead_subject("*")],
            max_bytes: DEAD_BYTES,
            max_age: contract::DEAD_AGE,
            discard: stream::DiscardPolicy::Old,
            num_replicas: replicas,
            allow_direct: true,
            ..Default::default()
        })
        .await?;
        for bucket in [
            contract::INCIDENTS,
            contract::RULES,
            contract::SOURCES,
            contract::CHECKPOINTS,
            contract::TASKS,
        ] {
            let config = kv::Config {
                bucket: bucket.to_owned(),
                history: 1,
                num_replicas: replicas,
                limit_markers: Some(contract::REMOVED_MARKER),
                ..Default::default()
            };
            self.jetstream()
                .create_or_update_key_value(config)
                .await
                .map_err(failed("make a bucket"))?;
        }
        self.make_queue(replicas).await?;
        self.make_blobs(contract::CHECKPOINT_BLOBS, |_| {}, replicas)
            .await?;
        let payloads = |store: &mut stream::Config| {
            store.max_bytes = PAYLOAD_BYTES;
            store.max_age = contract::PAYLOAD_AGE;
            // An object store refuses when it is full; then who sends much would keep others from being heard.
            store.discard = stream::DiscardPolicy::Old;
        };
        self.make_blobs(contract::PAYLOADS, payloads, replicas).await
    }

    fn check_server(&self) -> Result<(), BusError> {
        let version = self.jetstream().client().server_info().version;
        let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if found >= OLDEST_SERVER {
            return Ok(());
        }
        let (major, minor) = OLDEST_SERVER;
        Err(BusError::Config {
            setting: "nats.url".to_owned(),
            message: format!("the server is nats-server {version}; use {major}.{minor} or newer"),
        })
    }

    async fn make_log(&self, max_bytes: i64, replicas: usize) -> Result<(), BusError> {
        let mut config = stream::Config {
            name: contract::INGEST.to_owned(),
            description: Some("Opsward's log: events, rule changes, closes, ticks in one order.".to_owned()),
            subjects: vec![
                "ingest.events.*".to_owned(),
                "ingest.control.*".to_owned(),
                contract::TICK.to_owned(),
            ],
            max_bytes,
            discard: stream::DiscardPolicy::New,
            num_replicas: replicas,
            allow_direct: true,
            ..Default::default()
        };
        let existing = self.jetstream().get_stream(contract::INGEST).await.ok();
        let log_id =
            existing.and_then(|log| log.cached_info().config.metadata.get(contract::LOG_ID).cloned());
        config.metadata.insert(
            contract::LOG_ID.to_owned(),
            log_id.unwrap_or_else(|| Ulid::new().to_string()),
        );
        self.make_stream(config).await
    }

    /// The queue of tasks, and what each kind of worker takes from it.
    async fn make_queue(&self, replicas: usize) -> Result<(), BusError> {
        let stream = self.jetstream().create_or_update_stream(stream::Config {
            name: contract::WORK.to_owned(),
            description: Some("Tasks that Opsward's workers are to look at.".to_owned()),
            subjects: vec![contract::work_subject("*.*")],
            retention: stream::RetentionPolicy::WorkQueue,
            // A newer word about a task takes the place of the one that waits.
            max_messages_per_subject: 1,
            discard: stream::DiscardPolicy::Old,
            num_replicas: replicas,
            allow_direct: true,
            ..Default::default()
        });
        stream.await.map_err(failed("make a stream"))?;
        for worker in Worker::ALL {
            let name = worker.as_str();
            let consumer = pull::Config {
                durable_name: Some(name.to_owned()),
                filter_subject: contract::work_subject(&contract::task_key(worker, "*")),
                ack_policy: AckPolicy::Explicit,
                ack_wait: ACK_WAIT,
                // The record counts attempts and gives up; a message never does.
                max_deliver: -1,
                max_ack_pending: MAX_ACK_PENDING,
                num_replicas: replicas,
                ..Default::default()
            };
            let made = self
                .jetstream()
                .create_consumer_on_stream(consumer, contract::WORK)
                .await;
            made.map_err(failed("make a consumer"))?;
        }
        Ok(())
    }

    async fn make_stream(&self, config: stream::Config) -> Result<(), BusError> {
        self.jetstream()
            .create_or_update_stream(config)
            .await
            .map_err(failed("make a stream"))?;
        Ok(())
    }

    /// Makes or updates an object store; `shape` says what its stream is besides.
    async fn make_blobs(
        &self,
        store: &str,
        shape: impl FnOnce(&mut stream::Config),
        replicas: usize,
    ) -> Result<(), BusError> {
        const WHAT: &str = "make an object store";
        let name = contract::object_stream(store);
        let found = self.jetstream().get_stream(&name).await;
        if let Err(BusError::Missing { .. }) = found.map(drop).map_err(|error| missing_or(&name, error)) {
            let config = object_store::Config {
                bucket: store.to_owned(),
                num_replicas: replicas,
                ..Default::default()
            };
            let made = self.jetstream().create_object_store(config).await;
            made.map_err(failed(WHAT))?;
        }
        let stream = self.jetstream().get_stream(&name).await.map_err(failed(WHAT))?;
        let mut config = stream.cached_info().config.clone();
        config.num_replicas = replicas;
        shape(&mut config);
        self.make_stream(config).await
    }
}
