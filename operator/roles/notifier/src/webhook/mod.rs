//! Webhooks: a `CloudEvent` for each word, signed as Standard Webhooks has it. A receiver knows a repetition by its `webhook-id`.

mod event;
mod sign;

use bus::tasks::{Failure, Run, Undone};
use domain::notify::Notice;
use reqwest::RequestBuilder;

use crate::clock::wall_clock;
use crate::failure::{self, later, refused, unanswered};
use crate::outgoing::Outgoing;
use crate::secrets::{Secrets, entry};
use crate::slack::next_word;

/// The Secret's entry with the address, where the rule has none.
const URL: &str = "url";
/// The Secret's entry with the key that signs.
const SECRET: &str = "secret";
/// The Secret's entry with the key that signs too, while receivers change over.
const PREVIOUS: &str = "previousSecret";
/// How the receiver is called in messages: its address may hold a secret.
const WHOM: &str = "the webhook's receiver";

/// Tells people's own systems.
pub(crate) struct Webhook {
    outgoing: Outgoing,
}

impl Webhook {
    pub(crate) const fn new(outgoing: Outgoing) -> Self {
        Self { outgoing }
    }

    /// Sends what is not told yet, one word after the other.
    pub(crate) async fn deliver(
        &self,
        run: &mut Run<Notice>,
        secrets: &Secrets,
        (url, secret): (Option<&str>, Option<&str>),
    ) -> Result<(), Undone> {
        while let Some(word) = next_word(&run.task.input, &run.task.output) {
            let entries = match secret {
                Some(name) => secrets.read(&run.task.place.namespace, name).await?,
                None => std::collections::BTreeMap::new(),
            };
            let name = secret.unwrap_or_default();
            let (url, answers) = match url {
                Some(url) => (url, Answers::Shown),
                None => (entry(&entries, name, URL)?, Answers::Hidden),
            };
            let id = format!("{}-{}", run.task.id(), word.number);
            let body = event::cloud_event(&run.task.place, &run.task.input.card, &word, &id);
            let mut request = self.outgoing.post(url)?;
            request = request
                .header("content-type", "application/cloudevents+json; charset=utf-8")
                .header("webhook-id", &id);
            // A Secret that only holds the address signs nothing.
            if entries.contains_key(SECRET) {
                let at = wall_clock().millis() / 1000;
                let keys = [
                    Some(entry(&entries, name, SECRET)?),
                    entries.get(PREVIOUS).map(String::as_str),
                ];
                let keys = keys.into_iter().flatten().filter(|key| !key.is_empty());
                let signature = sign::signature(keys, (&id, at), &body)
                    .map_err(|error| later("SecretInvalid", &format!("Secret {name}: {error}")))?;
                request = request
                    .header("webhook-timestamp", at)
                    .header("webhook-signature", signature);
            }
            send(WHOM, request.body(body), answers).await?;
            run.task.output.told = word.number;
            run.save().await?;
        }
        Ok(())
    }
}

/// Bytes of a refusal that are read.
const LONGEST_REFUSAL: usize = 4096;

/// Whether what a receiver answers may be shown: it may repeat the address, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// It may.
    Shown,
    /// Its address is in a Secret.
    Hidden,
}

/// Sends a request whose every success will do.
pub(crate) async fn send(whom: &str, request: RequestBuilder, answers: Answers) -> Result<(), Failure> {
    let response = request.send().await.map_err(|error| unanswered(whom, &error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    if status.is_success() {
        return Ok(());
    }
    let body = match answers {
        Answers::Shown => failure::text(response, LONGEST_REFUSAL).await.unwrap_or_default(),
        Answers::Hidden => String::new(),
    };
    Err(refused(whom, status, &headers, &body))
}
