//! Secrets in files: tokens and keys, each alone in a file, read again when asked to.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// Bytes of the shortest secret: what `openssl rand -hex 8` prints. Shorter ones can be guessed over a network.
const MIN_SECRET_BYTES: usize = 16;
/// Bytes of the longest: a token has to fit into a request's head beside everything else.
const MAX_SECRET_BYTES: usize = 4 * 1024;

/// Why a secret's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It holds no secret.
    #[error(
        "{} holds no secret: {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} visible characters on one line are one, \
         such as `openssl rand -hex 32` prints",
        .path.display()
    )]
    NotASecret {
        /// The file.
        path: PathBuf,
    },
    /// It holds no secret of the form that the scheme asks for.
    #[error("{} holds no key of the scheme: {problem}", .path.display())]
    WrongForm {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
}

/// Secrets of one purpose, made ready for use as `T`, and the files they come from.
#[derive(Debug)]
pub(super) struct Secrets<T> {
    files: Vec<PathBuf>,
    make: fn(&[u8]) -> Result<T, &'static str>,
    known: RwLock<Vec<T>>,
}

impl<T> Secrets<T> {
    /// Reads all files for the first time; `make` says what is wrong with one.
    pub(super) async fn load(
        files: Vec<PathBuf>,
        make: fn(&[u8]) -> Result<T, &'static str>,
    ) -> Result<Self, SecretError> {
        let secrets = Self {
            files,
            make,
            known: RwLock::default(),
        };
        secrets.reload().await?;
        Ok(secrets)
    }

    /// Reads all files again. After an error the secrets stay what they were.
    pub(super) async fn reload(&self) -> Result<(), SecretError> {
        let mut read = Vec::with_capacity(self.files.len());
        for path in &self.files {
            let made = (self.make)(&read_secret(path).await?);
            read.push(made.map_err(|problem| SecretError::WrongForm {
                path: path.clone(),
                problem,
            })?);
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// Whether any of them fits. All are asked whichever fits: the time tells how many there are, and no more.
    pub(super) fn any(&self, fits: impl Fn(&T) -> bool) -> bool {
        self.find(|secret| fits(secret).then_some(())).is_some()
    }

    /// What the last fitting one gives; all are asked.
    pub(super) fn find<R>(&self, fits: impl Fn(&T) -> Option<R>) -> Option<R> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().fold(None, |found, secret| fits(secret).or(found))
    }
}

/// A token; shown by nothing.
pub(super) struct Token(pub(super) Box<[u8]>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

async fn read_secret(path: &Path) -> Result<Vec<u8>, SecretError> {
    let bytes = tokio::fs::read(path).await.map_err(|source| SecretError::Read {
        path: path.to_owned(),
        source,
    })?;
    let secret = bytes.trim_ascii();
    let fits = (MIN_SECRET_BYTES..=MAX_SECRET_BYTES).contains(&secret.len());
    if fits && secret.iter().all(u8::is_ascii_graphic) {
        Ok(secret.to_vec())
    } else {
        Err(SecretError::NotASecret {
            path: path.to_owned(),
        })
    }
}
