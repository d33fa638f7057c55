//! Slack's Web API, as far as it is used: <https://docs.slack.dev/reference/methods>.

use bus::tasks::Failure;
use domain::task::Retry;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde_json::Value;

use crate::failure::{self, later, never, refused, retry_after, unanswered};

/// How it is called in messages.
const SLACK: &str = "Slack";
/// Pages of a channel's history that are looked through for a message: 1,000 messages.
const PAGES: usize = 5;
/// Bytes of an answer that are read: a page of messages with all their blocks.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;
/// Messages of a page.
const PAGE: &str = "200";

/// Slack.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: Client,
    /// The address before a method's name, without a slash at the end.
    url: String,
}

/// A call that brought nothing.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Slack says no, in this word; nothing was done.
    Word(String, Failure),
    /// Nothing was done.
    NotDone(Failure),
    /// Nobody knows whether it was done.
    Unknown(Failure),
}

impl Refused {
    /// As a failure of the attempt.
    pub(crate) fn failure(self) -> Failure {
        match self {
            Self::Word(_, failure) | Self::NotDone(failure) | Self::Unknown(failure) => failure,
        }
    }
}

/// What a message carries unseen, and is found by: the task, and the number of the word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) task: String,
    pub(crate) number: u64,
}

/// The `event_type` of our metadata.
pub(crate) const EVENT_TYPE: &str = "opsward_incident";

impl Mark {
    /// As Slack's `metadata`.
    pub(crate) fn metadata(&self) -> Value {
        serde_json::json!({"event_type": EVENT_TYPE, "event_payload": {"task": self.task, "number": self.number}})
    }

    fn is_on(&self, message: &Value) -> bool {
        message.get("metadata") == Some(&self.metadata())
    }
}

impl Api {
    pub(crate) fn new(http: Client, url: &str) -> Self {
        Self {
            http,
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    /// Calls a method that writes.
    pub(crate) async fn post(&self, token: &str, method: &str, body: &Value) -> Result<Value, Refused> {
        let request = self.http.post(format!("{}/{method}", self.url));
        // Slack warns of JSON without a character set.
        let request = request
            .header("content-type", "application/json; charset=utf-8")
            .body(body.to_string());
        call(request.bearer_auth(token), method).await
    }

    /// Looks for a marked message among those since `oldest`, in a channel or in a thread of it; gives its id.
    pub(crate) async fn find(
        &self,
        token: &str,
        (channel, thread): (&str, Option<&str>),
        mark: &Mark,
        oldest: &str,
    ) -> Result<Option<String>, Refused> {
        let method = if thread.is_some() {
            "conversations.replies"
        } else {
            "conversations.history"
        };
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let mut url = Url::parse(&format!("{}/{method}", self.url)).map_err(|error| {
                Refused::NotDone(never("Address", &format!("notifier.slack.url: {error}")))
            })?;
            {
                let mut query = url.query_pairs_mut();
                query
                    .append_pair("channel", channel)
                    .append_pair("oldest", oldest)
                    .append_pair("inclusive", "true")
                    .append_pair("include_all_metadata", "true")
                    .append_pair("limit", PAGE);
                if let Some(thread) = thread {
                    query.append_pair("ts", thread);
                }
                if !cursor.is_empty() {
                    query.append_pair("cursor", &cursor);
                }
            }
            let page = call(self.http.get(url).bearer_auth(token), method).await?;
            let messages = page.get("messages").and_then(Value::as_array);
            let found = messages.into_iter().flatten().find(|message| mark.is_on(message));
            if let Some(message) = found {
                return Ok(text(message, "ts"));
            }
            match page
                .pointer("/response_metadata/next_cursor")
                .and_then(Value::as_str)
            {
                Some(next) if !next.is_empty() => next.clone_into(&mut cursor),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// A member that is text.
pub(crate) fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(ToOwned::to_owned)
}

async fn call(request: RequestBuilder, method: &str) -> Result<Value, Refused> {
    let whom = format!("{SLACK} {method}");
    let response = request.send().await.map_err(|error| {
        let failure = unanswered(&whom, &error);
        if error.is_connect() || error.is_builder() {
            Refused::NotDone(failure)
        } else {
            Refused::Unknown(failure)
        }
    })?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = failure::text(response, LONGEST_ANSWER).await;
    let body = body.map_err(|error| Refused::Unknown(unanswered(&whom, &error)))?;
    if !status.is_success() {
        let failure = refused(&whom, status, &headers, &body);
        return Err(if status.is_server_error() {
            Refused::Unknown(failure)
        } else {
            Refused::NotDone(failure)
        });
    }
    let answer: Value = serde_json::from_str(&body)
        .map_err(|_| Refused::Unknown(refused(&whom, StatusCode::BAD_GATEWAY, &headers, &body)))?;
    if answer.get("ok") == Some(&Value::Bool(true)) {
        return Ok(answer);
    }
    let word = text(&answer, "error").unwrap_or_default();
    let more = answer
        .pointer("/response_metadata/messages")
        .map(Value::to_string);
    let more = [
        text(&answer, "needed").map(|scope| format!("needed scope {scope}")),
        more,
    ];
    let more: Vec<String> = more.into_iter().flatten().collect();
    Err(sort(&whom, word, &more.join("; "), retry_after(&headers)))
}

/// What an error word of Slack's means for us.
fn sort(whom: &str, word: String, more: &str, asked: Option<std::time::Duration>) -> Refused {
    let (category, remedy) = match word.as_str() {
        "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired"
        | "org_login_required" => (
            "Unauthorized",
            "put a bot token that is in force into the Secret's entry token",
        ),
        "missing_scope" | "no_permission" | "not_allowed_token_type" => (
            "Unauthorized",
            "give the Slack app the scope and install it again",
        ),
        "channel_not_found" => (
            "NotFound",
            "name the channel by its id, or invite the app when it is private",
        ),
        "not_in_channel" => (
            "NotFound",
            "invite the app into the channel, or give it chat:write.public",
        ),
        "is_archived" => ("NotFound", "the channel is archived; name another in the rule"),
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => {
            ("RateLimited", "it is tried again later")
        }
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" | "" => {
            let failure = later("Unavailable", &format!("{whom}: {word}; it is tried again"));
            return Refused::Unknown(failure);
        }
        "invalid_blocks"
        | "invalid_blocks_format"
        | "invalid_arguments"
        | "invalid_metadata_format"
        | "metadata_too_large"
        | "msg_too_long"
        | "msg_blocks_too_long"
        | "no_text"
        | "invalid_form_data"
        | "invalid_json" => {
            let failure = never(
                "Refused",
                &format!("{whom}: {word} {more}: report it as a bug of Opsward"),
            );
            return Refused::Word(word, failure);
        }
        _ => ("Refused", "see docs.slack.dev for the word"),
    };
    let mut failure = later(
        category,
        &format!(
            "{whom}: {word}: {remedy}{}{more}",
            if more.is_empty() { "" } else { "; " }
        ),
    );
    if let Some(asked) = asked {
        failure.retry = Retry::After(asked);
    }
    Refused::Word(word, failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_says_what_to_do() {
        let said = |word: &str| sort("Slack chat.postMessage", word.to_owned(), "", None).failure();
        let failure = said("not_in_channel");
        assert_eq!(
            failure.problem.message,
            "Slack chat.postMessage: not_in_channel: invite the app into the channel, or give it chat:write.public"
        );
        assert_eq!(failure.retry, Retry::Later);
        assert_eq!(said("invalid_blocks").retry, Retry::Never);
        assert!(matches!(
            sort("", "internal_error".to_owned(), "", None),
            Refused::Unknown(_)
        ));
        assert!(matches!(
            sort("", "invalid_auth".to_owned(), "", None),
            Refused::Word(..)
        ));
    }

    #[test]
    fn a_mark_is_found_in_what_slack_gives_back() {
        let mark = Mark {
            task: "a1".to_owned(),
            number: 2,
        };
        let message = serde_json::json!({"ts": "1.2", "metadata": mark.metadata()});
        assert!(mark.is_on(&message));
        let other = Mark { number: 3, ..mark };
        assert!(!other.is_on(&message));
    }
}
