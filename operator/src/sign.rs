//! Signs a body as a vendor would, to try a source that wants signatures.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderName, HeaderValue};
use ring::hmac::{HMAC_SHA256, Key, sign};

/// `<scheme>:<secret file>`, or `hex:<header>:[<time header>:]<secret file>`.
#[derive(Clone, Debug)]
pub struct Signer {
    scheme: Scheme,
    file: PathBuf,
}

#[derive(Clone, Debug)]
enum Scheme {
    GitHub,
    PagerDuty,
    Slack,
    StandardWebhooks,
    Hex {
        header: HeaderName,
        time: Option<HeaderName>,
    },
}

impl FromStr for Signer {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = text
            .split_once(':')
            .ok_or_else(|| anyhow!("write it as <scheme>:<secret file>, such as github:/path/secret"))?;
        let (scheme, file) = match scheme {
            "github" => (Scheme::GitHub, rest),
            "pagerduty" => (Scheme::PagerDuty, rest),
            "slack" => (Scheme::Slack, rest),
            "standard-webhooks" => (Scheme::StandardWebhooks, rest),
            "hex" => {
                let (header, rest) = rest
                    .split_once(':')
                    .ok_or_else(|| anyhow!("write it as hex:<header>:[<time header>:]<secret file>"))?;
                let header = header
                    .parse()
                    .with_context(|| format!("hex:{header}: no header of HTTP"))?;
                // A path with a slash before the colon names no header.
                let timed = rest
                    .split_once(':')
                    .and_then(|(time, file)| Some((time.parse().ok()?, file)));
                match timed {
                    Some((time, file)) => (
                        Scheme::Hex {
                            header,
                            time: Some(time),
                        },
                        file,
                    ),
                    None => (Scheme::Hex { header, time: None }, rest),
                }
            }
            other => bail!("no scheme {other:?}; use github, pagerduty, slack, standard-webhooks or hex"),
        };
        Ok(Self {
            scheme,
            file: file.into(),
        })
    }
}

impl Signer {
    /// Reads the secret.
    ///
    /// # Errors
    /// It cannot be read, or is no key of the scheme.
    pub fn ready(&self) -> anyhow::Result<Ready<'_>> {
        let file = self.file.display();
        let secret =
            std::fs::read(&self.file).with_context(|| format!("cannot read the secret in {file}"))?;
        let secret = secret.trim_ascii();
        let key = match self.scheme {
            Scheme::StandardWebhooks => STANDARD
                .decode(secret.strip_prefix(b"whsec_").unwrap_or(secret))
                .with_context(|| format!("{file} holds no key of Standard Webhooks: whsec_ and base64"))?,
            _ => secret.to_vec(),
        };
        Ok(Ready {
            scheme: &self.scheme,
            key: Key::new(HMAC_SHA256, &key),
        })
    }
}

/// A signer with its secret.
#[derive(Debug)]
pub struct Ready<'s> {
    scheme: &'s Scheme,
    key: Key,
}

impl Ready<'_> {
    /// The headers that sign `body` now.
    pub fn headers(&self, body: &[u8]) -> Vec<(HeaderName, HeaderValue)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = now.as_secs().to_string();
        let over = |before: &str| sign(&self.key, &[before.as_bytes(), body].concat());
        let hex = |before: &str| -> String {
            let tag = over(before);
            let digits = tag.as_ref().iter().flat_map(|byte| domain::hex::digits(*byte));
            digits.map(char::from).collect()
        };
        let fixed = HeaderName::from_static;
        let headers = match self.scheme {
            Scheme::GitHub => vec![(fixed("x-hub-signature-256"), format!("sha256={}", hex("")))],
            Scheme::PagerDuty => vec![(fixed("x-pagerduty-signature"), format!("v1={}", hex("")))],
            Scheme::Hex { header, time: None } => vec![(header.clone(), hex(""))],
            Scheme::Hex {
                header,
                time: Some(time),
            } => vec![(header.clone(), hex(&format!("{now}:"))), (time.clone(), now)],
            Scheme::Slack => vec![
                (
                    fixed("x-slack-signature"),
                    format!("v0={}", hex(&format!("v0:{now}:"))),
                ),
                (fixed("x-slack-request-timestamp"), now),
            ],
            Scheme::StandardWebhooks => {
                let id = format!("msg_{}", ulid::Ulid::new());
                let signature = STANDARD.encode(over(&format!("{id}.{now}.")));
                vec![
                    (fixed("webhook-id"), id),
                    (fixed("webhook-timestamp"), now),
                    (fixed("webhook-signature"), format!("v1,{signature}")),
                ]
            }
        };
        // Digits, base 64 and a ULID are always values.
        let value = |(name, text): (HeaderName, String)| Some((name, HeaderValue::try_from(text).ok()?));
        headers.into_iter().filter_map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signer_says_what_is_wrong_with_it() {
        for (text, expected) in [
            ("github", "write it as <scheme>:<secret file>"),
            (
                "hex:/secret",
                "write it as hex:<header>:[<time header>:]<secret file>",
            ),
            ("md5:/secret", "no scheme \"md5\""),
        ] {
            let error = text.parse::<Signer>().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_body_is_signed_as_github_does() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "It's a Secret to Everybody\n").unwrap();
        let signer: Signer = format!("github:{}", file.path().display()).parse().unwrap();
        // The published test of docs.github.com, "Validating webhook deliveries".
        assert_eq!(
            signer.ready().unwrap().headers(b"Hello, World!"),
            [(
                HeaderName::from_static("x-hub-signature-256"),
                HeaderValue::from_static(
                    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
                )
            )]
        );
    }

    #[test]
    fn a_time_in_a_header_of_its_own_is_signed_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:b");
        std::fs::write(&path, "0123456789abcdef").unwrap();
        let signed = |scheme: &str| {
            let signer: Signer = format!("{scheme}:{}", path.display()).parse().unwrap();
            let ready = signer.ready().unwrap();
            let names = ready.headers(b"{}").into_iter().map(|(name, _)| name.to_string());
            names.collect::<Vec<_>>()
        };
        assert_eq!(signed("hex:X-Sum"), ["x-sum"]);
        assert_eq!(signed("hex:X-Sum:X-Time"), ["x-sum", "x-time"]);
    }
}
