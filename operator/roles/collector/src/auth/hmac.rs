//! Signatures over a body as it came: HMAC-SHA256 in the vendors' header forms.
//!
//! | scheme | header | over |
//! |---|---|---|
//! | `github` | `X-Hub-Signature-256: sha256=<hex>` | body |
//! | `pagerduty` | `X-PagerDuty-Signature: v1=<hex>[,v1=<hex>]` | body |
//! | `slack` | `X-Slack-Signature: v0=<hex>` | `v0:<X-Slack-Request-Timestamp>:<body>` |
//! | `standard-webhooks` | `webhook-signature: v1,<base64> …` | `<webhook-id>.<webhook-timestamp>.<body>` |
//! | `hex` | configured: `<hex>` or `sha256=<hex>` | body, or `<time>:<body>` |
//!
//! Of forms with a time, one that is off by more than five minutes is refused. What is sent again within them, and at
//! any time in the forms of GitHub and `PagerDuty`, bears the same name and is counted once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::hash::Hash128;
use domain::hex;
use hyper::HeaderMap;
use hyper::header::HeaderName;
use ring::hmac::{Context, HMAC_SHA256, Key};
use subtle::ConstantTimeEq;

use super::Unauthorized;
use super::secret::{SecretError, Secrets};
use crate::config::{HmacConfig, HmacScheme};

/// How far a signature's time may be off, in seconds: five minutes, what Slack and Standard Webhooks ask for.
const TOLERANCE_SECONDS: u64 = 5 * 60;
/// Signatures of one header that are looked at: senders that change their secret send two.
const MAX_SIGNATURES: usize = 8;
/// Bytes of an HMAC-SHA256.
const SIGNATURE_BYTES: usize = 32;

const GITHUB: HeaderName = HeaderName::from_static("x-hub-signature-256");
const PAGERDUTY: HeaderName = HeaderName::from_static("x-pagerduty-signature");
const SLACK: HeaderName = HeaderName::from_static("x-slack-signature");
const SLACK_TIME: HeaderName = HeaderName::from_static("x-slack-request-timestamp");
const STANDARD_ID: HeaderName = HeaderName::from_static("webhook-id");
const STANDARD_TIME: HeaderName = HeaderName::from_static("webhook-timestamp");
const STANDARD_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// One source's way of checking signatures.
#[derive(Debug)]
pub(super) struct Hmac {
    scheme: HmacScheme,
    header: Option<HeaderName>,
    timestamp_header: Option<HeaderName>,
    pub(super) keys: Secrets<Key>,
}

/// What a request's head says of its signature.
#[derive(Debug)]
struct Signed<'h> {
    signatures: Vec<[u8; SIGNATURE_BYTES]>,
    /// What stands before the body in the signed text.
    before: [&'h [u8]; 4],
}

impl Hmac {
    pub(super) async fn load(config: &HmacConfig) -> Result<Self, SecretError> {
        let make = match config.scheme {
            HmacScheme::StandardWebhooks => standard_key,
            _ => |secret: &[u8]| Ok(Key::new(HMAC_SHA256, secret)),
        };
        Ok(Self {
            scheme: config.scheme,
            header: config.header.clone(),
            timestamp_header: config.timestamp_header.clone(),
            keys: Secrets::load(config.files(), make).await?,
        })
    }

    /// What can be said from the head alone: there is a signature, and its time is not off. `now` is in seconds.
    pub(super) fn check_head(&self, headers: &HeaderMap, now: u64) -> Result<(), Unauthorized> {
        self.signed(headers, now).map(drop)
    }

    /// Whether one of the signatures is one of our keys' over this body; then what names this message, if no other
    /// can have it and the signature covers it. What is sent again has the same name.
    pub(super) fn check_body(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: u64,
    ) -> Result<Option<String>, Unauthorized> {
        let signed = self.signed(headers, now)?;
        let signature = self.keys.find(|key| {
            let mut context = Context::with_key(key);
            for part in signed.before {
                context.update(part);
            }
            context.update(body);
            let tag = context.sign();
            // In constant time, each of them whichever fits.
            let equal = |signature: &[u8; SIGNATURE_BYTES]| bool::from(tag.as_ref().ct_eq(&signature[..]));
            let fits = signed
                .signatures
                .iter()
                .fold(false, |any, signature| equal(signature) | any);
            fits.then(|| tag.as_ref().to_vec())
        });
        let signature = signature.ok_or(Unauthorized::WrongSignature)?;
        Ok(match self.scheme {
            // The same in every attempt, unlike the signature, which covers the time of the attempt.
            HmacScheme::StandardWebhooks => signed.before.first().map(|id| name(id)),
            // Bodies of some senders are equal without being one message.
            HmacScheme::Hex if self.timestamp_header.is_none() => None,
            _ => Some(name(&signature)),
        })
    }

    fn signed<'h>(&self, headers: &'h HeaderMap, now: u64) -> Result<Signed<'h>, Unauthorized> {
        let get = |name: &HeaderName| headers.get(name).map(|value| value.as_bytes().trim_ascii());
        let timely = |name: &HeaderName| {
            let text = get(name).ok_or(Unauthorized::NoSignature)?;
            let at = seconds(text).ok_or(Unauthorized::Stale)?;
            if at.abs_diff(now) <= TOLERANCE_SECONDS {
                Ok(text)
            } else {
                Err(Unauthorized::Stale)
            }
        };
        let none = [&b""[..]; 4];
        let (header, before) = match self.scheme {
            HmacScheme::GitHub => (&GITHUB, none),
            HmacScheme::PagerDuty => (&PAGERDUTY, none),
            HmacScheme::Slack => (&SLACK, [b"v0:", timely(&SLACK_TIME)?, b":", b""]),
            HmacScheme::StandardWebhooks => {
                let id = get(&STANDARD_ID).ok_or(Unauthorized::NoSignature)?;
                (&STANDARD_SIGNATURE, [id, b".", timely(&STANDARD_TIME)?, b"."])
            }
            HmacScheme::Hex => {
                let header = self.header.as_ref().ok_or(Unauthorized::NoSignature)?;
                match &self.timestamp_header {
                    Some(time) => (header, [timely(time)?, b":", b"", b""]),
                    None => (header, none),
                }
            }
        };
        let text = get(header).ok_or(Unauthorized::NoSignature)?;
        let signatures = self.signatures(std::str::from_utf8(text).unwrap_or_default());
        if signatures.is_empty() {
            return Err(Unauthorized::NoSignature);
        }
        Ok(Signed { signatures, before })
    }

    fn signatures(&self, text: &str) -> Vec<[u8; SIGNATURE_BYTES]> {
        let hex_behind = |prefix: &'static str| move |part: &str| from_hex(part.trim().strip_prefix(prefix)?);
        match self.scheme {
            HmacScheme::GitHub => hex_behind("sha256=")(text).into_iter().collect(),
            HmacScheme::Slack => hex_behind("v0=")(text).into_iter().collect(),
            HmacScheme::PagerDuty => text
                .split(',')
                .take(MAX_SIGNATURES)
                .filter_map(hex_behind("v1="))
                .collect(),
            HmacScheme::Hex => from_hex(text.strip_prefix("sha256=").unwrap_or(text))
                .into_iter()
                .collect(),
            HmacScheme::StandardWebhooks => text
                .split(' ')
                .take(MAX_SIGNATURES)
                .filter_map(|part| STANDARD.decode(part.strip_prefix("v1,")?).ok()?.try_into().ok())
                .collect(),
        }
    }
}

/// The name of a message whose signature or id this is. A hash: events keep the name, and whoever reads them must not be
/// able to sign; and a sender's id has any length.
fn name(of: &[u8]) -> String {
    Hash128::of([STANDARD.encode(of).as_str()]).to_string()
}

/// `whsec_` and base64, as Standard Webhooks writes keys.
fn standard_key(secret: &[u8]) -> Result<Key, &'static str> {
    const PROBLEM: &str = "Standard Webhooks writes one as whsec_ and base64 of 24 to 64 bytes";
    let text = secret.strip_prefix(b"whsec_").unwrap_or(secret);
    let bytes = STANDARD.decode(text).map_err(|_| PROBLEM)?;
    if (24..=64).contains(&bytes.len()) {
        Ok(Key::new(HMAC_SHA256, &bytes))
    } else {
        Err(PROBLEM)
    }
}

fn seconds(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn from_hex(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let bytes: Option<Vec<u8>> = pairs.iter().map(|pair| hex::byte(*pair)).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests;
