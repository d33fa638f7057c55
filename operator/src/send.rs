//! `opsward send`: posts a body to a collector and keeps the accounts.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context;
use formats::Format;
use futures::StreamExt;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Exit;
use crate::cli::{Output, SendArgs};
use crate::normalize::{headers, read_input};
use crate::sign::Signer;

/// The bound of one request: more than the collector's own bounds on reading and appending.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause before a keyed request is sent again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The collector's answer, as far as the accounts need it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    received: u64,
    accepted: u64,
    dead_lettered: u64,
    refused: u64,
}

/// The accounts.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Accounts {
    requests: u64,
    received: u64,
    accepted: u64,
    dead_lettered: u64,
    refused: u64,
    not_taken: u64,
    retries: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// Runs the command.
pub async fn send(args: SendArgs) -> anyhow::Result<Exit> {
    let body: bytes::Bytes = match args.sample {
        Some(format) => bytes::Bytes::from_static(formats::sample(format).body),
        None => read_input(args.file.as_deref())?.into(),
    };
    let (url, headers) = (url(&args), request_headers(&args)?);
    // Signed anew each time: some signatures say when, and which message it is.
    let signer = args.sign.as_ref().map(Signer::ready).transpose()?;
    let token = args.token_file.as_deref().map(|path| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read the token in {}", path.display()))
    });
    let token = token.transpose()?.map(|token| token.trim().to_owned());
    let client = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).build()?;
    let started = Instant::now();
    let tick = args
        .rate
        .filter(|rate| *rate > 0.0)
        .map(|rate| Duration::from_secs_f64(1.0 / rate));
    let posts = futures::stream::iter(0..args.repeat).then(|n| async move {
        if let Some(tick) = tick {
            let due = started + tick.mul_f64(f64::from(u32::try_from(n).unwrap_or(u32::MAX)));
            tokio::time::sleep_until(due.into()).await;
        }
        n
    });
    let one = |n: u64| {
        let mut headers = headers.clone();
        // Of one name the signature's wins.
        for (name, value) in signer.iter().flat_map(|signer| signer.headers(&body)) {
            headers.insert(name, value);
        }
        let mut request = client.post(&url).headers(headers).body(body.clone());
        if let Some(token) = &token {
            request = request.bearer_auth(token);
        }
        let keyed = args.key.as_ref().map(|key| format!("{key}-{n}"));
        if let Some(key) = &keyed {
            request = request.header("idempotency-key", key);
        }
        post(request, keyed.is_some())
    };
    let mut accounts = Accounts::default();
    let mut done = std::pin::pin!(posts.map(one).buffer_unordered(args.concurrency.max(1)));
    while let Some(posted) = done.next().await {
        accounts.add(posted);
    }
    accounts.seconds = started.elapsed().as_secs_f64();
    accounts.print(args.output)
}

/// Where to post.
fn url(args: &SendArgs) -> String {
    let local = |path: &str| format!("http://127.0.0.1:8080/api/v1/{path}");
    match (&args.url, args.sample) {
        (Some(url), _) => url.clone(),
        (None, None | Some(Format::Webhook)) => local("events/webhook"),
        (None, Some(format)) => local(&format!("sources/{}", format.name())),
    }
}

/// The sample's own headers, then those given; of one name the last wins.
fn request_headers(args: &SendArgs) -> anyhow::Result<HeaderMap> {
    let own = args
        .sample
        .map_or(&[][..], |format| formats::sample(format).headers);
    let own = own
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let all = own.chain(headers(&args.headers)?);
    let mut map = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for (name, value) in all {
        let text = || format!("--header {name}: {value}: no header of HTTP");
        map.insert(
            HeaderName::from_bytes(name.as_bytes()).with_context(text)?,
            HeaderValue::from_str(&value).with_context(text)?,
        );
    }
    Ok(map)
}

/// What came of one request: the answer, or why there is none; and how often it was repeated.
type Posted = (Result<Answer, String>, u64);

async fn post(request: reqwest::RequestBuilder, until_taken: bool) -> Posted {
    let mut retries = 0;
    loop {
        let outcome = match request.try_clone() {
            Some(request) => once(request).await,
            None => Err(("the body cannot be sent twice".to_owned(), false)),
        };
        match outcome {
            Ok(answer) => return (Ok(answer), retries),
            Err((_, true)) if until_taken => {
                retries += 1;
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            Err((error, _)) => return (Err(error), retries),
        }
    }
}

/// One attempt; an error says whether another may help.
async fn once(request: reqwest::RequestBuilder) -> Result<Answer, (String, bool)> {
    let response = request
        .send()
        .await
        .map_err(|error| (platform::Chain(&error).to_string(), true))?;
    let status = response.status();
    let text = response
        .text()
        .await
        .map_err(|error| (platform::Chain(&error).to_string(), true))?;
    // A body that cannot be read is answered 400 with the same counts: it was received, and is a dead letter.
    let counts = matches!(status, StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST);
    if let Some(answer) = vendors(status, &text) {
        return Ok(answer);
    }
    match serde_json::from_str::<Answer>(&text) {
        Ok(answer) if status.is_success() || (counts && answer.received > 0) => return Ok(answer),
        Err(error) if status.is_success() => return Err((format!("{status}: {error}: {text}"), false)),
        _ => {}
    }
    Err((
        format!("{status}: {text}"),
        status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
    ))
}

/// The account of an answer in a vendor's form, which says less than ours: `PagerDuty`'s is of one event, OTLP's has only
/// how many records were rejected, and a request without any counts as one that was taken.
fn vendors(status: StatusCode, text: &str) -> Option<Answer> {
    let of = |accepted, dead_lettered| Answer {
        received: accepted + dead_lettered,
        accepted,
        dead_lettered,
        refused: 0,
    };
    let answer: Value = serde_json::from_str(text).ok()?;
    if answer.get("status").and_then(Value::as_str) == Some("success") {
        return Some(of(1, 0));
    }
    if let Some(partial) = answer.get("partialSuccess") {
        let rejected = partial.get("rejectedLogRecords");
        let number = rejected.and_then(|number| number.as_u64().or_else(|| number.as_str()?.parse().ok()));
        let number = number.unwrap_or_default();
        return Some(of(u64::from(number == 0), number));
    }
    let is_empty = answer.as_object().is_some_and(serde_json::Map::is_empty);
    (status == StatusCode::OK && is_empty).then(|| of(1, 0))
}

impl Accounts {
    fn add(&mut self, (outcome, retries): Posted) {
        self.requests += 1;
        self.retries += retries;
        match outcome {
            Ok(answer) => {
                self.received += answer.received;
                self.accepted += answer.accepted;
                self.dead_lettered += answer.dead_lettered;
                self.refused += answer.refused;
            }
            Err(error) => {
                self.not_taken += 1;
                self.last_error = Some(error);
            }
        }
    }

    fn print(&self, output: Output) -> anyhow::Result<Exit> {
        let mut out = std::io::stdout().lock();
        match output {
            Output::Json => {
                serde_json::to_writer(&mut out, self)?;
                writeln!(out)?;
            }
            Output::Text => {
                let Self {
                    requests,
                    received,
                    accepted,
                    dead_lettered,
                    refused,
                    not_taken,
                    retries,
                    seconds,
                    ..
                } = self;
                writeln!(
                    out,
                    "requests={requests} received={received} accepted={accepted} deadLettered={dead_lettered} \
                     refused={refused} notTaken={not_taken} retries={retries} seconds={seconds:.2}"
                )?;
                if let Some(error) = &self.last_error {
                    writeln!(std::io::stderr(), "last error: {error}")?;
                }
            }
        }
        let all_taken = self.not_taken == 0 && self.accepted == self.received;
        Ok(if all_taken { Exit::Ok } else { Exit::Findings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_vendors_forms_are_accounted_for() {
        let account = |status: u16, text: &str| {
            let answer = vendors(StatusCode::from_u16(status).unwrap(), text)?;
            Some((answer.received, answer.accepted, answer.dead_lettered))
        };
        assert_eq!(
            account(202, r#"{"status":"success","dedup_key":"k"}"#),
            Some((1, 1, 0))
        );
        assert_eq!(account(200, "{}"), Some((1, 1, 0)));
        let partial = r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"m"}}"#;
        assert_eq!(account(200, partial), Some((3, 0, 3)));
        assert_eq!(account(202, r#"{"received":1,"accepted":1}"#), None);
        assert_eq!(account(400, r#"{"status":"invalid event"}"#), None);
    }
}
