//! `PagerDuty`, Events API v2: an alert for each incident, by its key: <https://developer.pagerduty.com/docs/events-api-v2-overview>.

mod event;

use bus::tasks::{Run, Undone};
use domain::notify::Notice;

use crate::failure::never;
use crate::outgoing::Outgoing;
use crate::secrets::{Secrets, entry};
use crate::slack::next_word;
use crate::webhook::{Answers, send};

/// The Secret's entry with the integration key.
const KEY: &str = "routingKey";
/// How it is called in messages.
const WHOM: &str = "PagerDuty";

/// Tells who is on call.
pub(crate) struct PagerDuty {
    outgoing: Outgoing,
    url: String,
}

impl PagerDuty {
    pub(crate) fn new(outgoing: Outgoing, url: &str) -> Self {
        Self {
            outgoing,
            url: format!("{}/v2/enqueue", url.trim_end_matches('/')),
        }
    }

    /// Sends what is not told yet. A repetition does no harm: the alert's key is the same.
    pub(crate) async fn deliver(
        &self,
        run: &mut Run<Notice>,
        secrets: &Secrets,
        secret: &str,
    ) -> Result<(), Undone> {
        while let Some(word) = next_word(&run.task.input, &run.task.output) {
            let entries = secrets.read(&run.task.place.namespace, secret).await?;
            let key = entry(&entries, secret, KEY)?;
            let body = event::event(key, &run.task.id(), &run.task.input.card, &word).to_string();
            let request = self.outgoing.https().post(&self.url);
            let request = request.header("content-type", "application/json").body(body);
            send(WHOM, request, Answers::Shown).await.map_err(|mut failure| {
                // 400: it does not know the key, or the event is none; neither gets better by itself.
                if failure.problem.message.contains("answered 400") {
                    let said = format!("{}; check the Secret's entry {KEY}", failure.problem.message);
                    failure = never("Refused", &said);
                }
                failure
            })?;
            run.task.output.told = word.number;
            run.save().await?;
        }
        Ok(())
    }
}
