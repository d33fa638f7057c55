//! How senders of a source show who they are, as configured. All that is configured must hold.

use std::path::PathBuf;

use formats::Format;
use hyper::header::HeaderName;
use ipnet::IpNet;
use serde::Deserialize;

use super::{ConfigError, IngestConfig};

/// How senders show who they are. All that is configured must hold. Files are read again every few seconds, so a
/// changed Secret needs no restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct AuthConfig {
    /// The file that holds a bearer token (RFC 6750), and nothing else. Who can only do HTTP Basic sends it as the
    /// password; a `PagerDuty` client as its `routing_key`.
    pub bearer_token_file: Option<PathBuf>,
    /// Several files, each with a token that is taken: for the time in which senders change from one to the other.
    pub bearer_token_files: Vec<PathBuf>,
    /// A signature over the body.
    pub hmac: Option<HmacConfig>,
    /// The networks that requests may come from.
    pub cidrs: Vec<IpNet>,
    /// Names in the sender's certificate (DNS or URI), one of which it must have; needs `ingest.tls.clientCaFile`.
    pub client_names: Vec<String>,
    /// Amazon SNS's own signature.
    pub sns: Option<SnsConfig>,
}

/// HMAC-SHA256 over the body as it came.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HmacConfig {
    /// In whose form.
    pub scheme: HmacScheme,
    /// The file that holds the secret, and nothing else.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// Several files, for the time in which the sender changes from one secret to the other.
    #[serde(default)]
    pub secret_files: Vec<PathBuf>,
    /// Scheme `hex`: the header that holds the signature.
    #[serde(default, deserialize_with = "header_name")]
    pub header: Option<HeaderName>,
    /// Scheme `hex`: the header with the time of signing, in seconds since 1970. Then the signature is over
    /// `<time>:<body>`, as Grafana signs, and may be five minutes old.
    #[serde(default, deserialize_with = "header_name")]
    pub timestamp_header: Option<HeaderName>,
}

/// The vendors' forms of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HmacScheme {
    /// `X-Hub-Signature-256: sha256=<hex>` over the body.
    #[serde(rename = "github")]
    GitHub,
    /// `X-PagerDuty-Signature: v1=<hex>[,v1=<hex>]` over the body.
    #[serde(rename = "pagerduty")]
    PagerDuty,
    /// `X-Slack-Signature: v0=<hex>` over `v0:<X-Slack-Request-Timestamp>:<body>`.
    Slack,
    /// `webhook-signature: v1,<base64> …` over `<webhook-id>.<webhook-timestamp>.<body>` (standardwebhooks.com).
    StandardWebhooks,
    /// `<header>: <hex>` over the body, or over `<time>:<body>`.
    Hex,
}

/// Amazon SNS's own signature.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SnsConfig {
    /// The topics that may send, by their ARNs. A subscription of these, and of no others, is confirmed.
    pub topic_arns: Vec<String>,
}

impl AuthConfig {
    /// All token files, of both fields.
    pub(crate) fn token_files(&self) -> Vec<PathBuf> {
        self.bearer_token_file
            .iter()
            .chain(&self.bearer_token_files)
            .cloned()
            .collect()
    }

    /// Checks it for a source of `format`; an error's path begins at the source.
    pub(super) fn validate(&self, format: Format, ingest: &IngestConfig) -> Result<(), ConfigError> {
        let wrong = |field: &str, problem: &str| Err(ConfigError::new(format!("auth{field}"), problem));
        if *self == Self::default() {
            return wrong(
                "",
                "asks for nothing; set bearerTokenFile, hmac, cidrs, clientNames or sns",
            );
        }
        if let Some(hmac) = &self.hmac {
            hmac.validate()?;
        }
        let tls = ingest.tls.as_ref();
        if !self.client_names.is_empty() && tls.is_none_or(|tls| tls.client_ca_file.is_none()) {
            return wrong(
                ".clientNames",
                "needs ingest.tls.clientCaFile, by which certificates are checked",
            );
        }
        match &self.sns {
            Some(_) if format != Format::Sns => wrong(".sns", "only format sns is signed so; remove it"),
            Some(sns) if sns.topic_arns.is_empty() => wrong(
                ".sns.topicArns",
                "empty; list the ARNs of the topics that may send",
            ),
            _ => Ok(()),
        }
    }
}

impl HmacConfig {
    /// All secret files, of both fields.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.secret_file
            .iter()
            .chain(&self.secret_files)
            .cloned()
            .collect()
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |field: &str, problem: &str| Err(ConfigError::new(format!("auth.hmac.{field}"), problem));
        if self.files().is_empty() {
            return wrong("secretFile", "missing; name the file that holds the secret");
        }
        match (self.scheme, &self.header, &self.timestamp_header) {
            (HmacScheme::Hex, None, _) => {
                wrong("header", "missing; name the header that holds the signature")
            }
            (HmacScheme::Hex, ..) | (_, None, None) => Ok(()),
            (_, Some(_), _) => wrong(
                "header",
                "the scheme knows its header; remove it, or set scheme: hex",
            ),
            (_, None, Some(_)) => wrong(
                "timestampHeader",
                "the scheme knows its headers; remove it, or set scheme: hex",
            ),
        }
    }
}

fn header_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<HeaderName>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let name = HeaderName::from_bytes(text.as_bytes());
    name.map(Some)
        .map_err(|_| serde::de::Error::custom(format_args!("{text:?} is no header's name")))
}
