//! TLS for a listener: certificate and key from files that may change, and perhaps the senders' certificates.
//!
//! What a sender's certificate may do, the service decides; here only whether a known authority issued it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The files of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TlsConfig {
    /// PEM: the listener's certificate, and those between it and its root.
    pub cert_file: PathBuf,
    /// PEM: the certificate's private key.
    pub key_file: PathBuf,
    /// PEM: the authorities that issue senders' certificates. Left out: senders are not asked for one.
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
    /// Whether a sender without a certificate is turned away in the handshake. Default false: then sources ask for
    /// names themselves. Of use only with `clientCaFile`.
    #[serde(default)]
    pub client_certificate_required: bool,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    #[error("cannot read PEM from {}", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: pem::Error,
    },
    /// A file without a certificate.
    #[error("{} holds no certificate", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not fit, or are of a kind that is not supported.
    #[error("the certificate {} and its key cannot be used", .path.display())]
    Pair {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls::Error,
    },
    /// The senders' authorities cannot be used.
    #[error("the authorities in {} cannot be used: {problem}", .path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// A listener's side of TLS. New connections use the files as they were when last read.
#[derive(Clone, Debug)]
pub struct Acceptor {
    files: TlsConfig,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Acceptor {
    /// Reads the files.
    ///
    /// # Errors
    /// As [`TlsError`] says.
    pub fn load(files: &TlsConfig) -> Result<Self, TlsError> {
        Ok(Self {
            current: Arc::new(RwLock::new(Arc::new(server(files)?))),
            files: files.clone(),
        })
    }

    /// Reads the files again. After an error all stays as it was.
    ///
    /// # Errors
    /// As [`TlsError`] says.
    pub fn reload(&self) -> Result<(), TlsError> {
        let read = Arc::new(server(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// Shakes hands. The caller bounds the time.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(current).accept(stream).await
    }
}

fn server(files: &TlsConfig) -> Result<ServerConfig, TlsError> {
    let pem = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Pem { path, source }
    };
    let chain = certificates(&files.cert_file)?;
    let key = PrivateKeyDer::from_pem_file(&files.key_file).map_err(pem(&files.key_file))?;
    let pair = |source| TlsError::Pair {
        path: files.cert_file.clone(),
        source,
    };
    // The provider is named, so that nothing depends on what the process installed.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(pair)?;
    let builder = match &files.client_ca_file {
        Some(path) => builder.with_client_cert_verifier(verifier(path, files, provider)?),
        None => builder.with_no_client_auth(),
    };
    let mut server = builder.with_single_cert(chain, key).map_err(pair)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(server)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::Pem {
        path: path.to_owned(),
        source,
    };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(failed)?;
    if found.is_empty() {
        return Err(TlsError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(found)
}

fn verifier(
    path: &Path,
    files: &TlsConfig,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let unusable = |problem: String| TlsError::Authorities {
        path: path.to_owned(),
        problem,
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|error| unusable(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if files.client_certificate_required {
        builder
    } else {
        builder.allow_unauthenticated()
    };
    builder.build().map_err(|error| unusable(error.to_string()))
}
