//! SNS's certificates: fetched from its own hosts, kept, and asked whether they signed. And the one request that
//! confirms a subscription. The only outgoing requests that a payload causes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::time::Time;
use platform::Chain;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use tracing::warn;
use x509_parser::pem::parse_x509_pem;

use super::{Version, is_of_sns};
use crate::auth::Unauthorized;

/// Time for one request to SNS: 5 s, a third of what SNS gives us to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a certificate that are read: 64 KiB; SNS's have 2.
const MAX_PEM_BYTES: usize = 64 * 1024;
/// Certificates kept: SNS has one a region at a time, and changes it once a year or so.
const MAX_KEPT: usize = 64;

/// Fetches and keeps certificates.
#[derive(Debug)]
pub(crate) struct Certificates {
    client: reqwest::Client,
    kept: Mutex<HashMap<String, Arc<Certificate>>>,
}

/// What is needed of a certificate.
#[derive(Debug)]
struct Certificate {
    /// `RSAPublicKey` in DER.
    key: Vec<u8>,
    /// Seconds since 1970.
    valid: std::ops::RangeInclusive<i64>,
}

impl Certificates {
    /// With `client`, which has to refuse redirects and all but https.
    pub(crate) fn new(client: reqwest::ClientBuilder) -> Result<Self, reqwest::Error> {
        let client = client
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self {
            client,
            kept: Mutex::default(),
        })
    }

    /// Whether the key of the certificate at `url` signed `text`.
    pub(super) async fn verify(
        &self,
        url: &str,
        version: Version,
        text: &str,
        signature: &str,
        now: Time,
    ) -> Result<(), Unauthorized> {
        if !is_of_sns(url) || !url.ends_with(".pem") {
            return Err(Unauthorized::WrongSignature);
        }
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| Unauthorized::WrongSignature)?;
        let certificate = self.certificate(url).await?;
        let algorithm = match version {
            Version::Sha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Version::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        };
        let signed = UnparsedPublicKey::new(algorithm, &certificate.key)
            .verify(text.as_bytes(), &signature)
            .is_ok();
        if signed && certificate.valid.contains(&(now.millis() / 1000)) {
            Ok(())
        } else {
            Err(Unauthorized::WrongSignature)
        }
    }

    /// Confirms a subscription at SNS.
    pub(super) async fn confirm(&self, url: &str) -> Result<(), Unauthorized> {
        if !is_of_sns(url) {
            return Err(Unauthorized::WrongSignature);
        }
        self.get(url).await.map(drop)
    }

    async fn certificate(&self, url: &str) -> Result<Arc<Certificate>, Unauthorized> {
        if let Some(kept) = self.kept().get(url) {
            return Ok(Arc::clone(kept));
        }
        let pem = self.get(url).await?;
        let read = read(&pem).ok_or(Unauthorized::WrongSignature)?;
        let certificate = Arc::new(read);
        let mut kept = self.kept();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(url.to_owned(), Arc::clone(&certificate));
        Ok(certificate)
    }

    /// A failure is ours or SNS's, not the message's: SNS sends again.
    async fn get(&self, url: &str) -> Result<Vec<u8>, Unauthorized> {
        let failed = |error: reqwest::Error| {
            warn!(error = %Chain(&error), "SNS does not answer; it will send again");
            Unauthorized::SnsUnreachable
        };
        let response = self.client.get(url).send().await.map_err(failed)?;
        let mut response = response.error_for_status().map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            if bytes.len() + piece.len() > MAX_PEM_BYTES {
                return Err(Unauthorized::WrongSignature);
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Certificate>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(pem: &[u8]) -> Option<Certificate> {
    let (_, pem) = parse_x509_pem(pem).ok()?;
    let certificate = pem.parse_x509().ok()?;
    let validity = certificate.validity();
    Some(Certificate {
        key: certificate.public_key().subject_public_key.data.to_vec(),
        valid: validity.not_before.timestamp()..=validity.not_after.timestamp(),
    })
}
