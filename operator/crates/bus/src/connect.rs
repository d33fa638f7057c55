//! One connection per role, under the role's own user, and the log's two ends.

use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy, pull};
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::{self, stream};
use bytes::Bytes;
use domain::time::Time;
use futures::{Stream, StreamExt};
use tracing::{debug, error, info, warn};

use crate::config::BusConfig;
use crate::contract::{self, LogSubject, Role};
use crate::error::{BusError, failed};
use crate::log::{self, Control};
use crate::records::{Bucket, Record};

/// The bound of every JetStream call: 5 s, the patience of an HTTP sender.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest pause between attempts to connect again: 1 s, so that ingest is back at once.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// Messages fetched ahead of the correlator: at most 64 packs, 16 MiB.
const READ_AHEAD: i64 = 64;

/// One role's connection.
#[derive(Clone, Debug)]
pub struct Bus {
    jetstream: jetstream::Context,
}

/// How full the log is, and how safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogState {
    /// Bytes held.
    pub bytes: u64,
    /// Bytes that it may hold.
    pub max_bytes: u64,
    /// Copies of each entry.
    pub replicas: usize,
    /// The first sequence still there.
    pub first: u64,
    /// The last sequence.
    pub last: u64,
    /// The log's id.
    pub log_id: String,
}

/// An entry as read.
#[derive(Debug)]
pub struct LogMessage {
    /// Its place in the one order.
    pub sequence: u64,
    /// The stream's timestamp.
    pub at: Time,
    /// Its subject.
    pub subject: String,
    /// How many entries the log holds beyond it.
    pub pending: u64,
    /// Its payload; [`crate::log::decode`] reads it.
    pub payload: Bytes,
}

impl Bus {
    /// Connects as `role`, or as the configured user for the command line. After that, connects again by itself
    /// for ever.
    ///
    /// # Errors
    /// The configuration cannot be used, or the server does not answer or refuses the user.
    pub async fn connect(config: &BusConfig, role: Option<Role>) -> Result<Self, BusError> {
        Self::open(config, role, |options| options).await
    }

    /// Connects as `role` whenever the server is there; until then calls fail, and the log names what is
    /// waited for.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub async fn connect_when_there(config: &BusConfig, role: Role) -> Result<Self, BusError> {
        Self::open(config, Some(role), ConnectOptions::retry_on_initial_connect).await
    }

    async fn open(
        config: &BusConfig,
        role: Option<Role>,
        manner: impl FnOnce(ConnectOptions) -> ConnectOptions,
    ) -> Result<Self, BusError> {
        let inbox = role.map_or_else(|| "_INBOX".to_owned(), Role::inbox);
        let name = format!("opsward-{}", role.map_or("cli", Role::name));
        let url = if config.url.is_empty() {
            BusConfig::LOCAL
        } else {
            &config.url
        };
        let told = (name.clone(), url.to_owned());
        let mut options = manner(ConnectOptions::new())
            .name(name)
            .event_callback(move |event| {
                tell(&told, &event);
                std::future::ready(())
            })
            .custom_inbox_prefix(inbox)
            .max_reconnects(None)
            .reconnect_delay_callback(|attempt| {
                RECONNECT_PAUSE.min(Duration::from_millis(50 * attempt as u64))
            })
            .connection_timeout(CALL_TIMEOUT);
        if let Some((user, password)) = config.user_and_password(role).await? {
            options = options.user_and_password(user, password);
        }
        let addresses: Vec<&str> = url.split(',').map(str::trim).collect();
        let client = options
            .connect(addresses)
            .await
            .map_err(|error| BusError::Unreachable {
                url: url.to_owned(),
                source: error.into(),
            })?;
        let jetstream = ContextBuilder::new()
            .timeout(CALL_TIMEOUT)
            .ack_timeout(CALL_TIMEOUT)
            .build(client);
        Ok(Self { jetstream })
    }

    pub(crate) const fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    /// Whether the connection stands now.
    pub fn is_connected(&self) -> bool {
        self.jetstream.client().connection_state() == async_nats::connection::State::Connected
    }

    /// Appends a pack of events. An error may mean that it was appended all the same.
    ///
    /// # Errors
    /// NATS does not confirm in time.
    pub async fn publish_events(&self, namespace: &str, pack: Bytes) -> Result<u64, BusError> {
        self.append(LogSubject::Events(namespace).subject(), pack).await
    }

    /// Appends a control entry.
    ///
    /// # Errors
    /// NATS does not confirm in time.
    pub async fn append_control(&self, namespace: &str, control: &Control) -> Result<u64, BusError> {
        let payload = log::encode_control(control).map_err(|source| BusError::Decode {
            what: "a control entry".to_owned(),
            source,
        })?;
        self.append(LogSubject::Control(namespace).subject(), payload)
            .await
    }

    /// Appends a tick.
    ///
    /// # Errors
    /// NATS does not confirm in time.
    pub async fn append_tick(&self) -> Result<u64, BusError> {
        self.append(LogSubject::Tick.subject(), log::encode_tick()).await
    }

    async fn append(&self, subject: String, payload: Bytes) -> Result<u64, BusError> {
        let sent = self
            .jetstream
            .publish(subject, payload)
            .await
            .map_err(failed("append to the log"))?;
        Ok(sent.await.map_err(failed("append to the log"))?.sequence)
    }

    /// How full the log is.
    ///
    /// # Errors
    /// NATS does not answer, or the log is not there.
    pub async fn log_state(&self) -> Result<LogState, BusError> {
        let stream = self.log().await?;
        let info = stream.cached_info();
        Ok(LogState {
            bytes: info.state.bytes,
            max_bytes: u64::try_from(info.config.max_bytes).unwrap_or(u64::MAX),
            replicas: info.config.num_replicas,
            first: info.state.first_sequence,
            last: info.state.last_sequence,
            log_id: info
                .config
                .metadata
                .get(contract::LOG_ID)
                .cloned()
                .unwrap_or_default(),
        })
    }

    async fn log(&self) -> Result<stream::Stream, BusError> {
        self.jetstream
            .get_stream(contract::INGEST)
            .await
            .map_err(|error| missing_or(contract::INGEST, error))
    }

    /// Reads the log from `sequence` on, for ever. After an error the stream is over: read again from the
    /// entry after the last one seen.
    ///
    /// # Errors
    /// NATS does not answer, or the log is not there.
    pub async fn read_log(
        &self,
        sequence: u64,
    ) -> Result<impl Stream<Item = Result<LogMessage, BusError>> + Send + Unpin + use<>, BusError> {
        let from = DeliverPolicy::ByStartSequence {
            start_sequence: sequence.max(1),
        };
        let reader = self.log_reader(from).await?;
        let messages = reader.messages().await.map_err(failed("read the log"))?;
        Ok(messages.map(|message| {
            let message = message.map_err(failed("read the log"))?;
            let info = message.info().map_err(failed("read the log"))?;
            let nanos = info.published.unix_timestamp_nanos();
            let at = Time::from_millis(i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX));
            let (sequence, pending) = (info.stream_sequence, info.pending);
            let subject = message.subject.to_string();
            Ok(LogMessage {
                sequence,
                at,
                subject,
                pending,
                payload: message.message.payload,
            })
        }))
    }

    /// A reader of the log in order; it makes itself anew where a connection was lost.
    async fn log_reader(&self, from: DeliverPolicy) -> Result<Consumer<pull::OrderedConfig>, BusError> {
        let config = pull::OrderedConfig {
            deliver_policy: from,
            max_batch: READ_AHEAD,
            ..Default::default()
        };
        let log = self.log().await?;
        log.create_consumer(config).await.map_err(failed("read the log"))
    }

    /// Drops the log's entries below `sequence`.
    ///
    /// # Errors
    /// NATS does not confirm.
    pub async fn trim_log(&self, sequence: u64) -> Result<(), BusError> {
        self.log()
            .await?
            .purge()
            .sequence(sequence)
            .await
            .map_err(failed("trim the log"))?;
        Ok(())
    }

    /// The first entry not older than `at`; `None` when all are older.
    ///
    /// # Errors
    /// NATS does not answer.
    pub async fn first_since(&self, at: Time) -> Result<Option<u64>, BusError> {
        let start_time = time_of(at)?;
        let reader = self.log_reader(DeliverPolicy::ByStartTime { start_time }).await?;
        if reader.cached_info().num_pending == 0 {
            return Ok(None);
        }
        let mut messages = reader.messages().await.map_err(failed("read the log"))?;
        let first = tokio::time::timeout(FIRST_PATIENCE, messages.next())
            .await
            .map_err(failed("read the log"))?;
        let message = first
            .ok_or_else(|| failed("read the log")("its reader ended"))?
            .map_err(failed("read the log"))?;
        Ok(Some(
            message.info().map_err(failed("read the log"))?.stream_sequence,
        ))
    }

    /// The bucket of a kind of record.
    ///
    /// # Errors
    /// NATS does not answer, or the bucket is not there.
    pub async fn records<T: Record>(&self) -> Result<Bucket<T>, BusError> {
        let store = self.jetstream.get_key_value(T::BUCKET).await;
        store
            .map(Bucket::new)
            .map_err(|error| missing_or(T::BUCKET, error))
    }

    /// Stores data that is too large for the log; [`contract::payload_ref`] is what an event says of it.
    ///
    /// # Errors
    /// NATS does not confirm.
    pub async fn put_payload(&self, name: &str, mut json: &[u8]) -> Result<(), BusError> {
        const WHAT: &str = "store a payload";
        let put = async {
            let store = self.jetstream.get_object_store(contract::PAYLOADS).await;
            let store = store.map_err(|error| missing_or(contract::PAYLOADS, error))?;
            store.put(name, &mut json).await.map_err(failed(WHAT)).map(drop)
        };
        // Several calls, and one patience for all of them.
        tokio::time::timeout(CALL_TIMEOUT, put)
            .await
            .map_err(failed(WHAT))?
    }
}

/// How long to wait for an entry that is known to be there: 5 s.
const FIRST_PATIENCE: Duration = Duration::from_secs(5);

/// What happens to a connection: its loss and return are facts of operation, a refusal needs a person. Failed
/// attempts to connect again are not told one by one: readiness says what is waited for.
fn tell((connection, url): &(String, String), event: &async_nats::Event) {
    use async_nats::Event;
    match event {
        Event::Connected => info!(connection, url, "NATS connected"),
        Event::Disconnected => warn!(connection, url, "NATS connection lost; connecting again"),
        Event::ServerError(error) => error!(connection, url, %error, "NATS refuses"),
        Event::Closed => debug!(connection, "NATS connection closed"),
        other => debug!(connection, url, event = %other, "NATS"),
    }
}

fn time_of(at: Time) -> Result<time::OffsetDateTime, BusError> {
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.millis()) * 1_000_000)
        .map_err(failed("a time beyond the calendar"))
}

/// Tells a missing stream from a server that does not answer: the client's errors say it in words only.
pub(crate) fn missing_or<E: Into<crate::error::Source>>(name: &str, error: E) -> BusError {
    let source = error.into();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*source);
    while let Some(error) = cause {
        let text = error.to_string();
        if text.contains("stream not found") || text.contains("10059") {
            return BusError::Missing {
                name: name.to_owned(),
            };
        }
        cause = error.source();
    }
    BusError::Unavailable {
        what: "open a stream",
        source,
    }
}
