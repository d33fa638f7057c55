//! The readiness question of a server, asked once. The repeating is [`crate::wait`]'s.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;

/// One question may take this long; a loaded apiserver answers /readyz in milliseconds or not at all.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How much of a refusal goes into the error.
const SHOWN_BYTES: usize = 300;

/// How one sees that a server is ready.
#[derive(Clone, Debug)]
pub enum Probe {
    /// It is ready when it is started.
    None,
    /// It accepts TCP connections.
    Tcp(SocketAddr),
    /// GET answers with a 2xx status.
    Http {
        /// The page, http or https.
        url: String,
        /// PEM of the authority that must have signed an https server's certificate.
        authority: Option<String>,
    },
}

impl Probe {
    /// Plain http.
    pub fn http(url: impl Into<String>) -> Self {
        Self::Http {
            url: url.into(),
            authority: None,
        }
    }

    /// https, trusting only `authority` (PEM).
    pub fn https(url: impl Into<String>, authority: impl Into<String>) -> Self {
        Self::Http {
            url: url.into(),
            authority: Some(authority.into()),
        }
    }

    /// Asks once; `Err` says what was answered instead.
    pub async fn ask(&self) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Tcp(address) => {
                tokio::time::timeout(ANSWER_WITHIN, TcpStream::connect(address)).await??;
                Ok(())
            }
            Self::Http { url, authority } => get(url, authority.as_deref()).await,
        }
    }
}

async fn get(url: &str, authority: Option<&str>) -> Result<()> {
    crate::install_crypto();
    let mut builder = reqwest::Client::builder().timeout(ANSWER_WITHIN).no_proxy();
    // Never the machine's own store: reading it costs 30 ms a client, and nothing here is signed by it.
    let trusted = authority
        .map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()))
        .transpose()?;
    builder = builder.tls_certs_only(trusted);
    let response = builder
        .build()?
        .get(url)
        .send()
        .await
        .with_context(|| format!("GET {url}"))?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body: String = response
        .text()
        .await
        .unwrap_or_default()
        .chars()
        .take(SHOWN_BYTES)
        .collect();
    bail!("GET {url} answered {status}: {body}")
}
