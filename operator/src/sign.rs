//! Signs a body as a vendor would, to try a source that wants signatures.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{HMAC_SHA256, Key, sign};

/// `<scheme>:<secret file>`, or `hex:<header>:<secret file>`.
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
    Hex { header: String },
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
                let (header, file) = rest
                    .split_once(':')
                    .ok_or_else(|| anyhow!("write it as hex:<header>:<secret file>"))?;
                (
                    Scheme::Hex {
                        header: header.to_owned(),
                    },
                    file,
                )
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
    /// The headers that sign `body` now.
    pub fn headers(&self, body: &[u8]) -> anyhow::Result<Vec<(String, String)>> {
        let file = self.file.display();
        let secret =
            std::fs::read(&self.file).with_context(|| format!("cannot read the secret in {file}"))?;
        let secret = secret.trim_ascii();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)?
            .as_secs()
            .to_string();
        let over = |key: &[u8], before: &str| {
            let text = [before.as_bytes(), body].concat();
            sign(&Key::new(HMAC_SHA256, key), &text)
        };
        let hex = |before: &str| -> String {
            let tag = over(secret, before);
            let digits: Vec<_> = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            digits.concat()
        };
        let header = |name: &str, value: String| (name.to_owned(), value);
        Ok(match &self.scheme {
            Scheme::GitHub => vec![header("x-hub-signature-256", format!("sha256={}", hex("")))],
            Scheme::PagerDuty => vec![header("x-pagerduty-signature", format!("v1={}", hex("")))],
            Scheme::Hex { header: name } => vec![header(name, hex(""))],
            Scheme::Slack => {
                let signature = format!("v0={}", hex(&format!("v0:{now}:")));
                vec![
                    header("x-slack-request-timestamp", now),
                    header("x-slack-signature", signature),
                ]
            }
            Scheme::StandardWebhooks => {
                let key = STANDARD
                    .decode(secret.strip_prefix(b"whsec_").unwrap_or(secret))
                    .with_context(|| {
                        format!("{file} holds no key of Standard Webhooks: whsec_ and base64")
                    })?;
                let id = format!("msg_{}", ulid::Ulid::new());
                let signature = STANDARD.encode(over(&key, &format!("{id}.{now}.")));
                vec![
                    header("webhook-id", id),
                    header("webhook-timestamp", now),
                    header("webhook-signature", format!("v1,{signature}")),
                ]
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signer_says_what_is_wrong_with_it() {
        for (text, expected) in [
            ("github", "write it as <scheme>:<secret file>"),
            ("hex:/secret", "write it as hex:<header>:<secret file>"),
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
            signer.headers(b"Hello, World!").unwrap(),
            [(
                "x-hub-signature-256".to_owned(),
                "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17".to_owned()
            )]
        );
    }
}
