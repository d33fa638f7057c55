//! Who may send to a source: bearer tokens from files, or only this machine.
//!
//! Decided from the request's head alone, before a byte of its body is read.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, ORIGIN};
use subtle::ConstantTimeEq;

use crate::config::AuthConfig;

/// Bytes of the shortest token: what `openssl rand -hex 8` prints. Shorter ones can be guessed over a network.
const MIN_TOKEN_BYTES: usize = 16;
/// Bytes of the longest: a token has to fit into a request's head beside everything else.
const MAX_TOKEN_BYTES: usize = 4 * 1024;

/// Why a sender may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unauthorized {
    /// No `Authorization: Bearer …`.
    NoToken,
    /// A token that is none of the source's.
    WrongToken,
    /// From another machine, to a source without tokens.
    NotLoopback,
    /// From a web page: a browser lets any page send to this machine, and says so by `Origin`.
    FromWebPage,
}

/// Why a token file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It holds no token.
    #[error(
        "{} holds no token: {MIN_TOKEN_BYTES} to {MAX_TOKEN_BYTES} visible characters on one line are one, \
         such as `openssl rand -hex 32` prints",
        .path.display()
    )]
    NotAToken {
        /// The file.
        path: PathBuf,
    },
}

/// A secret; shown by nothing.
struct Token(Box<[u8]>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A source's way to know its senders.
#[derive(Debug)]
pub(crate) enum Auth {
    /// Anybody on this machine.
    Loopback,
    /// Whoever holds one of the tokens.
    Bearer(Tokens),
}

/// The tokens of one source, and where they come from.
#[derive(Debug)]
pub(crate) struct Tokens {
    files: Vec<PathBuf>,
    known: RwLock<Vec<Token>>,
}

impl Auth {
    /// Reads the tokens for the first time.
    pub(crate) async fn load(config: Option<&AuthConfig>) -> Result<Self, TokenError> {
        let Some(config) = config else {
            return Ok(Self::Loopback);
        };
        let tokens = Tokens {
            files: config.files().cloned().collect(),
            known: RwLock::default(),
        };
        tokens.reload().await?;
        Ok(Self::Bearer(tokens))
    }

    /// Whether the sender of this head may send.
    pub(crate) fn check(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), Unauthorized> {
        match self {
            Self::Loopback if !peer.to_canonical().is_loopback() => Err(Unauthorized::NotLoopback),
            Self::Loopback if headers.contains_key(ORIGIN) => Err(Unauthorized::FromWebPage),
            Self::Loopback => Ok(()),
            Self::Bearer(tokens) => {
                let header = headers.get(AUTHORIZATION).ok_or(Unauthorized::NoToken)?;
                let token = bearer(header.as_bytes()).ok_or(Unauthorized::NoToken)?;
                if tokens.know(token) {
                    Ok(())
                } else {
                    Err(Unauthorized::WrongToken)
                }
            }
        }
    }
}

impl Tokens {
    /// Reads all files again. After an error the tokens stay what they were.
    pub(crate) async fn reload(&self) -> Result<(), TokenError> {
        let mut read = Vec::with_capacity(self.files.len());
        for path in &self.files {
            read.push(read_token(path).await?);
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// Compares with each token in constant time, all of them whichever fits: the time tells how many tokens
    /// there are and whether a length fits, and nothing of what is in them.
    fn know(&self, token: &[u8]) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let any = known
            .iter()
            .fold(0, |any, known| any | known.0.ct_eq(token).unwrap_u8());
        any == 1
    }
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110, section 11.1).
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(b"Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

async fn read_token(path: &Path) -> Result<Token, TokenError> {
    let bytes = tokio::fs::read(path).await.map_err(|source| TokenError::Read {
        path: path.to_owned(),
        source,
    })?;
    let token = bytes.trim_ascii();
    let fits = (MIN_TOKEN_BYTES..=MAX_TOKEN_BYTES).contains(&token.len());
    if fits && token.iter().all(u8::is_ascii_graphic) {
        Ok(Token(token.into()))
    } else {
        Err(TokenError::NotAToken {
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    const OLD: &str = "0123456789abcdef";
    const NEW: &str = "fedcba9876543210";
    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn with(header: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(header).unwrap())])
    }

    async fn files(tokens: &[&str]) -> (tempfile::TempDir, Result<Auth, TokenError>) {
        let folder = tempfile::tempdir().unwrap();
        let paths = tokens.iter().enumerate().map(|(index, token)| {
            let path = folder.path().join(index.to_string());
            std::fs::write(&path, token).unwrap();
            path
        });
        let config = AuthConfig {
            bearer_token_files: paths.collect(),
            ..AuthConfig::default()
        };
        let auth = Auth::load(Some(&config)).await;
        (folder, auth)
    }

    #[tokio::test]
    async fn every_token_of_a_source_is_taken_and_no_other() {
        let (_folder, auth) = files(&[OLD, "fedcba9876543210\n"]).await;
        let auth = auth.unwrap();
        assert_eq!(auth.check(FAR, &with(&format!("Bearer {OLD}"))), Ok(()));
        assert_eq!(auth.check(FAR, &with(&format!("bearer {NEW}"))), Ok(()));
        assert_eq!(
            auth.check(FAR, &with("Bearer 0123456789abcdeX")),
            Err(Unauthorized::WrongToken)
        );
        assert_eq!(auth.check(FAR, &with("Bearer ")), Err(Unauthorized::WrongToken));
        assert_eq!(
            auth.check(FAR, &with("Basic MDEyMzQ1Njc4OWFiY2RlZg==")),
            Err(Unauthorized::NoToken)
        );
        assert_eq!(auth.check(FAR, &HeaderMap::new()), Err(Unauthorized::NoToken));
    }

    #[tokio::test]
    async fn a_changed_file_changes_the_token_and_a_broken_one_does_not() {
        let (folder, auth) = files(&[OLD]).await;
        let auth = auth.unwrap();
        let Auth::Bearer(tokens) = &auth else {
            panic!("tokens")
        };
        std::fs::write(folder.path().join("0"), NEW).unwrap();
        tokens.reload().await.unwrap();
        assert_eq!(
            auth.check(FAR, &with(&format!("Bearer {OLD}"))),
            Err(Unauthorized::WrongToken)
        );
        std::fs::write(folder.path().join("0"), "").unwrap();
        tokens.reload().await.unwrap_err();
        assert_eq!(auth.check(FAR, &with(&format!("Bearer {NEW}"))), Ok(()));
    }

    #[tokio::test]
    async fn a_token_that_can_be_guessed_or_has_spaces_is_refused() {
        for bad in [
            "",
            "short",
            "two tokens in one file",
            "0123456789abcdef\nfedcba9876543210",
        ] {
            let (_folder, auth) = files(&[bad]).await;
            assert!(matches!(auth, Err(TokenError::NotAToken { .. })), "{bad}");
        }
    }

    #[test]
    fn without_tokens_only_this_machine_may_send_and_no_web_page() {
        let local = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            Auth::Loopback.check(local("127.0.0.1"), &HeaderMap::new()),
            Ok(())
        );
        assert_eq!(Auth::Loopback.check(local("::1"), &HeaderMap::new()), Ok(()));
        assert_eq!(
            Auth::Loopback.check(local("::ffff:127.0.0.1"), &HeaderMap::new()),
            Ok(())
        );
        assert_eq!(
            Auth::Loopback.check(FAR, &HeaderMap::new()),
            Err(Unauthorized::NotLoopback)
        );
        let page = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("https://evil.example"))]);
        assert_eq!(
            Auth::Loopback.check(local("127.0.0.1"), &page),
            Err(Unauthorized::FromWebPage)
        );
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{:?}", Token((*OLD.as_bytes()).into())), "Token(…)");
    }
}
