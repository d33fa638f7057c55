//! Amazon SNS's signature: which topic speaks, whether it is really SNS, and the confirmation of a subscription.
//! Source: "Verifying the signatures of Amazon SNS messages", docs.aws.amazon.com/sns.
//!
//! The certificate's address comes with the message, so it is asked for only at SNS's own hosts. What the message
//! says inside, `formats` knows.

mod certificates;

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::event::clip;
use domain::time::Time;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use tracing::{info, warn};

pub(crate) use certificates::Certificates;

use super::Unauthorized;

/// How old a message may be, in milliseconds: a day. SNS goes on trying to deliver for up to an hour, and a message is
/// known again for a day.
const MAX_AGE_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// How far SNS's clock may be ahead, in milliseconds: five minutes.
const MAX_AHEAD_MILLIS: i64 = 5 * 60 * 1000;

/// How often a person is told of subscriptions that wait: once a minute.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// Bytes of a message that asks to confirm a subscription: 16 KiB; SNS's have 2.
const CONFIRMATION_BYTES: usize = 16 * 1024;
/// Bytes of a topic's name in the log.
const TOPIC_BYTES: usize = 256;
const MESSAGE_TYPE: HeaderName = HeaderName::from_static("x-amz-sns-message-type");

/// The topics of one source.
#[derive(Debug)]
pub(super) struct Topics {
    pub(super) arns: Vec<String>,
}

/// SNS's envelope, as far as its signature covers it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    message_id: Cow<'a, str>,
    #[serde(borrow)]
    topic_arn: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    signature_version: Cow<'a, str>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
    #[serde(borrow, rename = "SigningCertURL")]
    signing_cert_url: Cow<'a, str>,
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "SubscribeURL")]
    subscribe_url: Option<Cow<'a, str>>,
}

impl Envelope<'_> {
    /// Whether a member other than the message has a line end, which SNS's never have: the signed text is lines, and a line
    /// end would let one member pass for two.
    fn has_line_ends(&self) -> bool {
        let optional = [&self.subject, &self.token, &self.subscribe_url];
        let all = [&self.r#type, &self.message_id, &self.topic_arn, &self.timestamp];
        all.into_iter()
            .chain(optional.into_iter().flatten())
            .any(|text| text.contains(['\n', '\r']))
    }
}

/// The hash that a signature is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// `SignatureVersion` 1.
    Sha1,
    /// `SignatureVersion` 2.
    Sha256,
}

impl Topics {
    /// Whether SNS sent this body for one of the topics, and then the message's id; confirms a subscription that it asks
    /// about.
    pub(super) async fn check(
        &self,
        body: &[u8],
        now: Time,
        certificates: &Certificates,
    ) -> Result<String, Unauthorized> {
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(body) else {
            return Err(Unauthorized::NoSnsSignature);
        };
        if envelope.has_line_ends() {
            return Err(Unauthorized::WrongSignature);
        }
        let version = self.admit(&envelope, now)?;
        certificates
            .verify(
                &envelope.signing_cert_url,
                version,
                || signed_text(&envelope),
                &envelope.signature,
                now,
            )
            .await?;
        match (&*envelope.r#type, &envelope.subscribe_url) {
            ("SubscriptionConfirmation", Some(url)) => {
                certificates.confirm(url).await?;
                info!(topic = %envelope.topic_arn, "subscription to an SNS topic confirmed");
            }
            ("UnsubscribeConfirmation", _) => {
                warn!(topic = %envelope.topic_arn, "an SNS topic was unsubscribed; its messages no longer come");
            }
            _ => {}
        }
        Ok(envelope.message_id.into_owned())
    }

    /// What can be said without the certificate.
    fn admit(&self, envelope: &Envelope<'_>, now: Time) -> Result<Version, Unauthorized> {
        if !self.arns.iter().any(|arn| *arn == envelope.topic_arn) {
            return Err(Unauthorized::WrongTopic);
        }
        let age = Time::parse(&envelope.timestamp).map(|sent| now.millis() - sent.millis());
        if !age.is_ok_and(|age| (-MAX_AHEAD_MILLIS..=MAX_AGE_MILLIS).contains(&age)) {
            return Err(Unauthorized::Stale);
        }
        match &*envelope.signature_version {
            "1" => Ok(Version::Sha1),
            "2" => Ok(Version::Sha256),
            _ => Err(Unauthorized::WrongSignature),
        }
    }
}

/// What to do about subscriptions of a source without topics: nobody knows whose may be confirmed, so a person is told.
#[derive(Debug, Default)]
pub(super) struct Unconfirmed {
    told: Mutex<Option<Instant>>,
}

/// A subscription that waits.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Confirmation {
    #[serde(rename = "TopicArn")]
    topic: String,
    #[serde(rename = "SubscribeURL")]
    url: String,
}

impl Unconfirmed {
    /// Tells of one that this message asks to confirm, at most once a minute.
    pub(super) fn look(&self, headers: &HeaderMap, body: &[u8]) {
        let Some(Confirmation { topic, url }) = confirmation(headers, body) else {
            return;
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            *told = Some(Instant::now());
            let topic = clip(&topic, TOPIC_BYTES);
            warn!(%topic, %url, "an SNS subscription waits: open the address to confirm it, or list the topic in auth.sns.topicArns");
        }
    }
}

/// What a message asks to confirm, if by an address of SNS.
fn confirmation(headers: &HeaderMap, body: &[u8]) -> Option<Confirmation> {
    let kind = headers.get(MESSAGE_TYPE).map(HeaderValue::as_bytes);
    let asks = kind == Some(b"SubscriptionConfirmation") && body.len() <= CONFIRMATION_BYTES;
    let asked = asks.then(|| serde_json::from_slice::<Confirmation>(body).ok())??;
    is_confirmation(&asked.url).then_some(asked)
}

/// The signed members by name, each name and value on a line of its own.
fn signed_text(envelope: &Envelope<'_>) -> String {
    let notification = envelope.r#type == "Notification";
    let members = [
        ("Message", Some(&envelope.message)),
        ("MessageId", Some(&envelope.message_id)),
        ("Subject", envelope.subject.as_ref().filter(|_| notification)),
        (
            "SubscribeURL",
            envelope.subscribe_url.as_ref().filter(|_| !notification),
        ),
        ("Timestamp", Some(&envelope.timestamp)),
        ("Token", envelope.token.as_ref().filter(|_| !notification)),
        ("TopicArn", Some(&envelope.topic_arn)),
        ("Type", Some(&envelope.r#type)),
    ];
    let mut text = String::with_capacity(envelope.message.len() + 512);
    for (name, value) in members {
        if let Some(value) = value {
            // Writing to a text does not fail.
            let _ = write!(text, "{name}\n{value}\n");
        }
    }
    text
}

/// The part of an address behind SNS's own host: `https://sns.<region>.amazonaws.com[.cn]/`; `None` for any other host.
fn behind_host(url: &str) -> Option<&str> {
    let (host, path) = url.strip_prefix("https://sns.")?.split_once('/')?;
    let host = host.strip_suffix(".cn").unwrap_or(host);
    is_region(host.strip_suffix(".amazonaws.com")?).then_some(path)
}

/// Whether an address is that of a certificate of SNS, and of nothing else that SNS's hosts give out: their API answers
/// there too, and some of its answers hold what anybody with an account of AWS has stored.
fn is_certificate(url: &str) -> bool {
    let name = behind_host(url).and_then(|path| path.strip_prefix("SimpleNotificationService-"));
    let digits = name.and_then(|name| name.strip_suffix(".pem"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether an address confirms a subscription at SNS.
fn is_confirmation(url: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~=&:%-".contains(&byte);
    let query = behind_host(url).and_then(|path| path.strip_prefix("?Action=ConfirmSubscription&"));
    query.is_some_and(|query| query.bytes().all(plain))
}

/// Whether it is a region's name such as `us-gov-west-1`. Not merely any label: `sns.s3.amazonaws.com` and
/// `sns.s3-us-west-2.amazonaws.com` are a bucket called `sns`, whose files are whoever's.
fn is_region(name: &str) -> bool {
    let mut parts = name.split('-');
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9']);
    let area = parts.next().is_some_and(|part| part.len() == 2 && letters(part));
    area && parts.next_back().is_some_and(is_number) && parts.clone().count() > 0 && parts.all(letters)
}

#[cfg(test)]
mod tests;
