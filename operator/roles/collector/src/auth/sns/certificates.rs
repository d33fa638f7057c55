//! SNS's certificates: fetched from its own hosts, kept, and asked whether they signed. And the one request that
//! confirms a subscription. The only outgoing requests that a payload causes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::time::Time;
use platform::Chain;
use reqwest::StatusCode;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use tokio::sync::{Mutex as AsyncMutex, Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tracing::warn;
use x509_parser::pem::parse_x509_pem;

use super::{Version, is_certificate, is_confirmation};
use crate::auth::Unauthorized;

/// Time for one request to SNS: 5 s, a third of what SNS gives us to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a certificate that are read: 64 KiB; SNS's have 2.
const MAX_PEM_BYTES: usize = 64 * 1024;
/// Certificates kept: SNS has one a region at a time, and changes it once a year or so.
const MAX_KEPT: usize = 64;

/// Requests to SNS under way at once: who sends forged messages gets no more than this out of us.
const REQUESTS: usize = 4;
/// Confirmations of subscriptions under way at once.
const CONFIRMATIONS: usize = 2;
/// Addresses of certificates wanted at once; SNS sends again what names one more.
const ADDRESSES: usize = 16;
/// How long it is remembered that there is no certificate at an address: a minute.
const NONE_FOR: Duration = Duration::from_secs(60);

/// Fetches and keeps certificates.
#[derive(Debug)]
pub(crate) struct Certificates {
    client: reqwest::Client,
    requests: Semaphore,
    confirmations: Semaphore,
    asking: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
    kept: Mutex<HashMap<String, Kept>>,
}

/// What is known of an address.
#[derive(Clone, Debug)]
enum Kept {
    There(Arc<Certificate>),
    /// Since then nothing was there.
    NotThere(Instant),
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
            requests: Semaphore::new(REQUESTS),
            confirmations: Semaphore::new(CONFIRMATIONS),
            asking: Mutex::default(),
            kept: Mutex::default(),
        })
    }

    /// Whether the key of the certificate at `url` signed `text`, which is made once the certificate is there.
    pub(super) async fn verify(
        &self,
        url: &str,
        version: Version,
        text: impl FnOnce() -> String,
        signature: &str,
        now: Time,
    ) -> Result<(), Unauthorized> {
        if !is_certificate(url) {
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
            .verify(text().as_bytes(), &signature)
            .is_ok();
        if signed && certificate.valid.contains(&(now.millis() / 1000)) {
            Ok(())
        } else {
            Err(Unauthorized::WrongSignature)
        }
    }

    /// Confirms a subscription at SNS.
    pub(super) async fn confirm(&self, url: &str) -> Result<(), Unauthorized> {
        if !is_confirmation(url) {
            return Err(Unauthorized::WrongSignature);
        }
        let _turn = turn(&self.confirmations).await?;
        self.get(url).await.map(drop)
    }

    /// What all who want this address wait for while one of them asks; none when too many addresses are wanted.
    fn asking(&self, url: &str) -> Option<Arc<AsyncMutex<()>>> {
        let mut all = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, asking| asking.strong_count() > 0);
        if let Some(asking) = all.get(url).and_then(Weak::upgrade) {
            return Some(asking);
        }
        let asking = Arc::default();
        (all.len() < ADDRESSES).then(|| {
            all.insert(url.to_owned(), Arc::downgrade(&asking));
            asking
        })
    }

    async fn certificate(&self, url: &str) -> Result<Arc<Certificate>, Unauthorized> {
        if let Some(known) = self.known(url) {
            return known;
        }
        let asking = self.asking(url).ok_or(Unauthorized::SnsUnreachable)?;
        let Ok(_first) = timeout(TIMEOUT, asking.lock()).await else {
            return Err(Unauthorized::SnsUnreachable);
        };
        // Somebody else may have asked for it meanwhile.
        if let Some(known) = self.known(url) {
            return known;
        }
        let _turn = turn(&self.requests).await?;
        let read = self.get(url).await.map(|pem| read(&pem).map(Arc::new));
        let kept = match &read {
            Ok(Some(certificate)) => Kept::There(Arc::clone(certificate)),
            Ok(None) | Err(Unauthorized::WrongSignature) => Kept::NotThere(Instant::now()),
            Err(error) => return Err(*error),
        };
        let mut all = self.kept();
        if all.len() >= MAX_KEPT {
            all.retain(|_, kept| matches!(kept, Kept::There(_)));
        }
        if all.len() < MAX_KEPT {
            all.insert(url.to_owned(), kept);
        }
        read?.ok_or(Unauthorized::WrongSignature)
    }

    fn known(&self, url: &str) -> Option<Result<Arc<Certificate>, Unauthorized>> {
        match self.kept().get(url)? {
            Kept::There(certificate) => Some(Ok(Arc::clone(certificate))),
            Kept::NotThere(since) if since.elapsed() < NONE_FOR => Some(Err(Unauthorized::WrongSignature)),
            Kept::NotThere(_) => None,
        }
    }

    /// A failure to reach SNS is not the message's, nor is a refusal of the moment: SNS sends again. That there is nothing at
    /// the address is; stores say so by 403 too.
    async fn get(&self, url: &str) -> Result<Vec<u8>, Unauthorized> {
        let failed = |error: reqwest::Error| {
            warn!(error = %Chain(&error), "SNS does not answer; it will send again");
            Unauthorized::SnsUnreachable
        };
        let response = self.client.get(url).send().await.map_err(failed)?;
        let nothing_there = [StatusCode::NOT_FOUND, StatusCode::GONE, StatusCode::FORBIDDEN];
        if nothing_there.contains(&response.status()) {
            return Err(Unauthorized::WrongSignature);
        }
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

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn to ask SNS for something; none when that takes too long.
async fn turn(turns: &Semaphore) -> Result<SemaphorePermit<'_>, Unauthorized> {
    match timeout(TIMEOUT, turns.acquire()).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(Unauthorized::SnsUnreachable),
    }
}

/// Nothing may stand before the certificate: an answer that merely quotes one is none.
fn read(pem: &[u8]) -> Option<Certificate> {
    if !pem.starts_with(b"-----BEGIN CERTIFICATE-----") {
        return None;
    }
    let (_, pem) = parse_x509_pem(pem).ok()?;
    let certificate = pem.parse_x509().ok()?;
    let validity = certificate.validity();
    Some(Certificate {
        key: certificate.public_key().subject_public_key.data.to_vec(),
        valid: validity.not_before.timestamp()..=validity.not_after.timestamp(),
    })
}
