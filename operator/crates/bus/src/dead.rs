//! Dead letters: what could not be taken in, with its reason and its redacted bytes.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::{HeaderMap, HeaderValue};
use domain::hash::Hash128;
use domain::time::Time;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::connect::Bus;
use crate::contract;
use crate::error::{BusError, failed};

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// ULID.
    pub id: String,
    /// When it was refused.
    pub at: Time,
    /// The tenant.
    pub namespace: String,
    /// The configured source, or `log` for an entry of the log itself.
    pub source: String,
    /// The format.
    pub format: String,
    /// One CamelCase word.
    pub reason: String,
    /// What, where, what to do.
    pub message: String,
    /// Which item of its request; absent for a whole request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    /// The bytes as text, redacted, at most 64 KiB.
    pub payload: String,
}

impl DeadLetter {
    /// What it is by its content: the same refusal twice within NATS's window is stored once.
    fn message_id(&self) -> String {
        Hash128::of([
            &*self.namespace,
            &*self.source,
            &*self.reason,
            &*self.message,
            &*self.payload,
        ])
        .to_string()
    }
}

/// How long a listing waits for the next letter before it takes what it has: 2 s.
const LIST_PATIENCE: Duration = Duration::from_secs(2);

impl Bus {
    /// Stores a dead letter; returns once it is stored.
    ///
    /// # Errors
    /// NATS does not confirm.
    pub async fn dead_letter(&self, letter: &DeadLetter) -> Result<(), BusError> {
        let payload = serde_json::to_vec(letter).map_err(|source| BusError::Decode {
            what: "a dead letter".to_owned(),
            source,
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(
            async_nats::header::NATS_MESSAGE_ID,
            HeaderValue::from(letter.message_id()),
        );
        let subject = contract::dead_subject(&letter.namespace);
        let sent = self
            .jetstream()
            .publish_with_headers(subject, headers, payload.into())
            .await;
        sent.map_err(failed("store a dead letter"))?
            .await
            .map_err(failed("store a dead letter"))?;
        Ok(())
    }

    /// The newest `most` dead letters, oldest first.
    ///
    /// # Errors
    /// NATS does not answer, or the stream is not there.
    pub async fn dead_letters(&self, most: u64) -> Result<Vec<DeadLetter>, BusError> {
        let stream = self
            .jetstream()
            .get_stream(contract::DEAD)
            .await
            .map_err(failed("open DEAD"))?;
        let state = &stream.cached_info().state;
        if state.messages == 0 {
            return Ok(Vec::new());
        }
        let start_sequence = state
            .last_sequence
            .saturating_sub(most.saturating_sub(1))
            .max(state.first_sequence);
        let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence };
        let config = pull::OrderedConfig {
            deliver_policy,
            ..Default::default()
        };
        let consumer = stream
            .create_consumer(config)
            .await
            .map_err(failed("read DEAD"))?;
        let mut messages = consumer.messages().await.map_err(failed("read DEAD"))?;
        let mut letters = Vec::new();
        while let Ok(Some(message)) = tokio::time::timeout(LIST_PATIENCE, messages.next()).await {
            let message = message.map_err(failed("read DEAD"))?;
            let letter = serde_json::from_slice(&message.payload).map_err(|source| BusError::Decode {
                what: "a dead letter".to_owned(),
                source,
            })?;
            letters.push(letter);
            if message.info().map_err(failed("read DEAD"))?.pending == 0 {
                break;
            }
        }
        Ok(letters)
    }
}
