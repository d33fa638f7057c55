//! Slack. With a bot token: one message an incident, brought up to date in place, and an answer in its thread for each change. With
//! the address of an incoming webhook, which can neither edit nor be asked: a message for each change.

pub(crate) mod api;
mod blocks;
mod pace;

use bus::tasks::{Run, Undone};
use domain::hash::Hash128;
use domain::notify::message::sentence;
use domain::notify::{Notice, Sent, Target, Telling, Word};
use domain::time::Time;
use serde_json::{Value, json};

use self::api::{Api, Mark, Refused, text};
use self::blocks::Shown;
use self::pace::Pace;
use crate::clock::wall_clock;
use crate::outgoing::Outgoing;
use crate::secrets::{Secrets, entry};
use crate::webhook::{Answers, send};

/// The Secret's entry with a bot token.
const TOKEN: &str = "token";
/// The Secret's entry with the address of an incoming webhook.
const URL: &str = "url";
/// What Slack says to who may not look messages up.
const MAY_NOT_READ: [&str; 5] = [
    "missing_scope",
    "no_permission",
    "not_in_channel",
    "channel_not_found",
    "not_allowed_token_type",
];
/// Milliseconds before a post that a search begins: the clocks of Slack and of this machine may differ.
const SEARCH_BEFORE: i64 = 120_000;

/// Tells people by Slack.
pub(crate) struct Slack {
    api: Api,
    outgoing: Outgoing,
    pace: Pace,
}

/// One channel, and who writes there.
struct Writer<'a> {
    slack: &'a Slack,
    token: &'a str,
    /// As the rule names it.
    channel: &'a str,
}

impl Slack {
    pub(crate) fn new(outgoing: Outgoing, url: &str) -> Self {
        Self {
            api: Api::new(outgoing.https(), url),
            outgoing,
            pace: Pace::default(),
        }
    }

    /// Brings the channel of `run` up to date.
    pub(crate) async fn deliver(
        &self,
        run: &mut Run<Notice>,
        secrets: &Secrets,
        (channel, secret): (&str, &str),
    ) -> Result<(), Undone> {
        let entries = secrets.read(&run.task.place.namespace, secret).await?;
        if !entries.contains_key(TOKEN) && entries.contains_key(URL) {
            return self.append(run, entry(&entries, secret, URL)?).await;
        }
        let token = entry(&entries, secret, TOKEN)?;
        let writer = Writer {
            slack: self,
            token,
            channel,
        };
        writer.deliver(run).await
    }

    /// A message for each word, to an incoming webhook.
    async fn append(&self, run: &mut Run<Notice>, url: &str) -> Result<(), Undone> {
        while let Some(word) = next_word(&run.task.input, &run.task.output) {
            let card = &run.task.input.card;
            let mut shown = blocks::incident(card);
            if let (Some(blocks), true) = (shown.blocks.as_array_mut(), word.number > 1) {
                let change = blocks::change(&sentence(&word));
                blocks.extend(change.blocks.as_array().cloned().unwrap_or_default());
            }
            self.pace.wait(url).await?;
            let body = json!({"text": shown.text, "blocks": shown.blocks}).to_string();
            let request = self.outgoing.post(url)?;
            let request = request.header("content-type", "application/json").body(body);
            send("Slack's incoming webhook", request, Answers::Hidden).await?;
            run.task.output.told = word.number;
            run.save().await?;
        }
        Ok(())
    }
}

/// The next word that is not told.
pub(crate) fn next_word(notice: &Notice, sent: &Sent) -> Option<Word> {
    notice.words.iter().find(|word| word.number > sent.told).cloned()
}

impl Writer<'_> {
    async fn deliver(&self, run: &mut Run<Notice>) -> Result<(), Undone> {
        let shown = blocks::incident(&run.task.input.card);
        let hash = Hash128::of([&*shown.text, &*shown.blocks.to_string()]).to_string();
        if run.task.output.message.is_none() {
            if run.task.output.told == 0 && next_word(&run.task.input, &run.task.output).is_none() {
                // The rule wants nothing told of it yet.
                return Ok(());
            }
            self.open(run, &shown, &hash).await?;
        }
        if run.task.output.shows.as_deref() != Some(&hash) {
            self.update(run, &shown, &hash).await?;
        }
        while let Some(word) = next_word(&run.task.input, &run.task.output) {
            self.reply(run, &word).await?;
        }
        Ok(())
    }

    /// Posts the incident's message; the first word is told by it.
    async fn open(&self, run: &mut Run<Notice>, shown: &Shown, hash: &str) -> Result<(), Undone> {
        let first = next_word(&run.task.input, &run.task.output);
        // Where the channel is known by its id only, what was posted before can be looked for.
        let number = first.map_or(run.task.output.told, |word| word.number);
        // What is found was posted by an earlier attempt, which may have shown less.
        let (ts, channel, shows) = if let Some(ts) = self.told_before(run, None).await? {
            (ts, None, None)
        } else {
            let body = json!({
                "channel": self.channel, "text": shown.text, "blocks": shown.blocks,
                "unfurl_links": false, "unfurl_media": false,
            });
            let (ts, channel) = self.post(run, number, body).await?;
            (ts, channel, Some(hash.to_owned()))
        };
        let output = &mut run.task.output;
        output.message = Some(ts);
        output.channel = channel.or_else(|| output.channel.take());
        output.told = output.told.max(number);
        output.shows = shows;
        output.telling = None;
        run.save().await?;
        Ok(())
    }

    async fn update(&self, run: &mut Run<Notice>, shown: &Shown, hash: &str) -> Result<(), Undone> {
        let ts = run.task.output.message.clone().unwrap_or_default();
        let body = json!({
            "channel": self.id_of_channel(&run.task.output), "ts": ts, "text": shown.text, "blocks": shown.blocks,
        });
        self.slack.pace.wait(self.channel).await?;
        match self.slack.api.post(self.token, "chat.update", &body).await {
            Ok(_) => {
                run.task.output.shows = Some(hash.to_owned());
                Ok(())
            }
            // Somebody has deleted it: the incident is told anew.
            Err(Refused::Word(word, _)) if word == "message_not_found" => {
                run.task.output.message = None;
                self.open(run, shown, hash).await
            }
            // Another app's message, or one that is too old to edit: the thread goes on, and says the same.
            Err(Refused::Word(word, _))
                if ["cant_update_message", "edit_window_closed"].contains(&word.as_str()) =>
            {
                run.task.output.shows = Some(hash.to_owned());
                Ok(())
            }
            Err(refused) => Err(refused.failure().into()),
        }
    }

    /// Tells a word in the thread.
    async fn reply(&self, run: &mut Run<Notice>, word: &Word) -> Result<(), Undone> {
        let thread = run.task.output.message.clone().unwrap_or_default();
        if self.told_before(run, Some(&thread)).await?.is_none() {
            let shown = blocks::change(&sentence(word));
            let body = json!({
                "channel": self.id_of_channel(&run.task.output), "thread_ts": thread,
                "text": shown.text, "blocks": shown.blocks,
                "unfurl_links": false, "unfurl_media": false,
            });
            match self.post(run, word.number, body).await {
                Err(Undone::Failed(failure)) if failure.problem.message.contains("thread_not_found") => {
                    // Somebody has deleted it: the next attempt posts it anew, this word included.
                    run.task.output.message = None;
                    return Err(failure.into());
                }
                posted => posted?,
            };
        }
        run.task.output.told = word.number;
        run.task.output.telling = None;
        run.save().await?;
        Ok(())
    }

    /// The id of what an earlier attempt was telling when its end became unknown, if it arrived. Where that cannot be
    /// asked, it is told again, and counted as ambiguous.
    async fn told_before(
        &self,
        run: &mut Run<Notice>,
        thread: Option<&str>,
    ) -> Result<Option<String>, Undone> {
        let Some(telling) = run.task.output.telling else {
            return Ok(None);
        };
        let mark = mark(run, telling.number);
        let oldest = seconds(Time::from_millis(telling.since.millis() - SEARCH_BEFORE));
        let channel = self.id_of_channel(&run.task.output).to_owned();
        let found = if is_id(&channel) {
            self.slack
                .api
                .find(self.token, (&channel, thread), &mark, &oldest)
                .await
        } else {
            Ok(None)
        };
        match found {
            Ok(Some(ts)) => return Ok(Some(ts)),
            Ok(None) if is_id(&channel) => return Ok(None),
            Err(Refused::Word(word, _)) if word == "thread_not_found" => return Ok(None),
            // Without the right to read, nobody can say.
            Ok(None) => {}
            Err(Refused::Word(word, _)) if MAY_NOT_READ.contains(&word.as_str()) => {}
            Err(refused) => return Err(refused.failure().into()),
        }
        run.task.output.ambiguous += 1;
        Ok(None)
    }

    /// Posts, after a note in the record that it is about to; gives the ids of message and channel.
    async fn post(
        &self,
        run: &mut Run<Notice>,
        number: u64,
        mut body: Value,
    ) -> Result<(String, Option<String>), Undone> {
        if let Some(members) = body.as_object_mut() {
            members.insert("metadata".to_owned(), mark(run, number).metadata());
        }
        self.slack.pace.wait(self.channel).await?;
        let since = wall_clock();
        let before = run.task.output.telling;
        run.task.output.telling = Some(Telling { number, since });
        run.save().await?;
        match self.slack.api.post(self.token, "chat.postMessage", &body).await {
            Ok(answer) => Ok((text(&answer, "ts").unwrap_or_default(), text(&answer, "channel"))),
            Err(Refused::Unknown(failure)) => Err(failure.into()),
            Err(refused) => {
                // Nothing was done now; what an earlier attempt did is still not known.
                run.task.output.telling = before;
                Err(refused.failure().into())
            }
        }
    }

    /// Slack's own id of the channel where it is known, else the configured name.
    fn id_of_channel<'o>(&'o self, sent: &'o Sent) -> &'o str {
        sent.channel.as_deref().unwrap_or(self.channel)
    }
}

fn mark(run: &Run<Notice>, number: u64) -> Mark {
    Mark {
        task: run.task.id(),
        number,
    }
}

/// Whether a channel is named by its id (`C0123456789`), as all methods but `chat.postMessage` want it.
fn is_id(channel: &str) -> bool {
    let mut characters = channel.chars();
    matches!(characters.next(), Some('C' | 'G' | 'D'))
        && channel.len() >= 9
        && characters.all(|character| character.is_ascii_uppercase() || character.is_ascii_digit())
}

/// A time as Slack writes it.
fn seconds(at: Time) -> String {
    let millis = at.millis().max(0);
    format!("{}.{:03}000", millis / 1000, millis % 1000)
}

/// Forgets what lies in another channel than the one that is wanted now.
pub(crate) fn follow(target: &Target, sent: &mut Sent) {
    let is_same = |known: &Target| known.is_same_place(target);
    if sent.target.as_ref().is_some_and(is_same) {
        sent.target = Some(target.clone());
    } else {
        *sent = Sent {
            target: Some(target.clone()),
            told: sent.told,
            ambiguous: sent.ambiguous,
            ..Sent::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_from_a_name() {
        for (channel, expected) in [
            ("C0123456789", true),
            ("#shop", false),
            ("CHANNEL", false),
            ("Cshop-alerts", false),
        ] {
            assert_eq!(is_id(channel), expected, "{channel}");
        }
    }

    #[test]
    fn times_are_slacks() {
        assert_eq!(seconds(Time::from_millis(1_700_000_000_042)), "1700000000.042000");
    }

    #[test]
    fn another_target_forgets_the_message_and_not_what_was_told() {
        let target = |channel: &str| Target::Slack {
            channel: channel.to_owned(),
            secret: "slack".to_owned(),
        };
        let mut sent = Sent {
            target: Some(target("a")),
            told: 3,
            message: Some("1.2".to_owned()),
            ..Sent::default()
        };
        follow(&target("a"), &mut sent);
        assert!(sent.message.is_some());
        follow(&target("b"), &mut sent);
        assert_eq!((sent.message, sent.told), (None, 3));
    }
}
