//! Who may send to a source. Decided in two steps, so that most strangers cost no more than their head: first from the
//! head alone, before a byte of the body is read; then, where the body is signed or holds the credential, over the body
//! as it came, before it is parsed.
//!
//! All that a source asks for must hold. Without anything asked for: only this machine, and no web page.

mod caller;
mod hmac;
mod refused;
mod secret;
mod sns;

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::time::Time;
use formats::Format;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, ORIGIN};
use ipnet::IpNet;
use serde::Deserialize;
use subtle::ConstantTimeEq;

pub(crate) use caller::{Caller, Connected};
pub(crate) use refused::Unauthorized;
pub use secret::SecretError;
pub(crate) use sns::Certificates;

use crate::config::AuthConfig;
use hmac::Hmac;
use secret::{Secrets, Token};
use sns::{Topics, Unconfirmed};

/// A source's way to know its senders.
#[derive(Debug, Default)]
pub(crate) struct Auth {
    /// Nothing is asked for.
    only_local: bool,
    tokens: Option<Secrets<Token>>,
    /// Tokens may come in the body, as `PagerDuty`'s clients send them.
    routing_key: bool,
    /// Subscriptions may ask to be confirmed, and no topic says whose may be.
    unconfirmed: Option<Unconfirmed>,
    hmac: Option<Hmac>,
    networks: Vec<IpNet>,
    names: Vec<String>,
    topics: Option<(Topics, Arc<Certificates>)>,
}

impl Auth {
    /// Reads the secrets for the first time.
    pub(crate) async fn load(
        config: Option<&AuthConfig>,
        format: Format,
        certificates: &Arc<Certificates>,
    ) -> Result<Self, SecretError> {
        let has_topics = config.is_some_and(|config| config.sns.is_some());
        let unconfirmed = (format == Format::Sns && !has_topics).then(Unconfirmed::default);
        let Some(config) = config else {
            return Ok(Self {
                only_local: true,
                unconfirmed,
                ..Self::default()
            });
        };
        let files = config.token_files();
        let tokens = if files.is_empty() {
            None
        } else {
            Some(Secrets::load(files, |bytes| Ok(Token(bytes.into()))).await?)
        };
        let hmac = match &config.hmac {
            None => None,
            Some(hmac) => Some(Hmac::load(hmac).await?),
        };
        let topics = config.sns.as_ref().map(|sns| Topics {
            arns: sns.topic_arns.clone(),
        });
        Ok(Self {
            only_local: false,
            unconfirmed,
            routing_key: tokens.is_some() && format == Format::PagerDuty,
            tokens,
            hmac,
            networks: config.cidrs.clone(),
            names: config.client_names.clone(),
            topics: topics.map(|topics| (topics, Arc::clone(certificates))),
        })
    }

    /// Reads the secrets again; after an error they stay what they were.
    pub(crate) async fn reload(&self) -> Result<(), SecretError> {
        if let Some(tokens) = &self.tokens {
            tokens.reload().await?;
        }
        if let Some(hmac) = &self.hmac {
            hmac.keys.reload().await?;
        }
        Ok(())
    }

    /// What the head alone says against the sender.
    pub(crate) fn check_head(
        &self,
        caller: &Caller<'_>,
        headers: &HeaderMap,
        now: Time,
    ) -> Result<(), Unauthorized> {
        if self.only_local {
            return check_local(caller.address, headers);
        }
        let within = |address: &IpAddr| self.networks.iter().any(|network| network.contains(address));
        if !self.networks.is_empty() && !caller.address.is_some_and(|address| within(&address)) {
            return Err(Unauthorized::WrongNetwork);
        }
        if !self.names.is_empty() && !self.names.iter().any(|name| caller.names.contains(name)) {
            return Err(Unauthorized::WrongCertificate);
        }
        if let Some(tokens) = &self.tokens {
            match headers.get(AUTHORIZATION) {
                None if self.routing_key => {}
                None => return Err(Unauthorized::NoToken),
                Some(header) => know(tokens, &token_of(header.as_bytes()).ok_or(Unauthorized::NoToken)?)?,
            }
        }
        self.hmac
            .as_ref()
            .map_or(Ok(()), |hmac| hmac.check_head(headers, seconds(now)))
    }

    /// What the body as it came says against the sender; else what names this message, if its signature covers that.
    pub(crate) fn check_raw(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Time,
    ) -> Result<Option<String>, Unauthorized> {
        self.hmac
            .as_ref()
            .map_or(Ok(None), |hmac| hmac.check_body(headers, body, seconds(now)))
    }

    /// What the unpacked body says against the sender; else the message's name, if its signature covers that.
    pub(crate) async fn check_body(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Time,
    ) -> Result<Option<String>, Unauthorized> {
        if let Some(tokens) = self.tokens.as_ref().filter(|_| self.routing_key)
            && !headers.contains_key(AUTHORIZATION)
        {
            know(tokens, routing_key(body).ok_or(Unauthorized::NoToken)?.as_bytes())?;
        }
        if let Some((topics, certificates)) = &self.topics {
            let id = topics.check(body, now, certificates).await?;
            return Ok(Some(format!("{}:{id}", Format::Sns.name())));
        }
        if let Some(unconfirmed) = &self.unconfirmed {
            unconfirmed.look(headers, body);
        }
        Ok(None)
    }

    /// Whether a signature covers the body, and with it nothing of the head.
    pub(crate) const fn is_signed(&self) -> bool {
        self.hmac.is_some() || self.topics.is_some()
    }

    /// Whether the head alone cannot show who sends.
    pub(crate) const fn needs_body(&self) -> bool {
        self.hmac.is_some() || self.needs_unpacked()
    }

    /// Whether the body as it came cannot show that either.
    pub(crate) const fn needs_unpacked(&self) -> bool {
        self.topics.is_some() || self.routing_key
    }
}

fn check_local(peer: Option<IpAddr>, headers: &HeaderMap) -> Result<(), Unauthorized> {
    if !peer.is_some_and(|peer| peer.is_loopback()) {
        Err(Unauthorized::NotLoopback)
    } else if headers.contains_key(ORIGIN) {
        Err(Unauthorized::FromWebPage)
    } else {
        Ok(())
    }
}

/// Compares with each token in constant time.
fn know(tokens: &Secrets<Token>, token: &[u8]) -> Result<(), Unauthorized> {
    if tokens.any(|known| bool::from(known.0.ct_eq(token))) {
        Ok(())
    } else {
        Err(Unauthorized::WrongToken)
    }
}

/// The token of `Bearer <token>`, or the password of `Basic …`; the scheme's case does not matter (RFC 9110, section
/// 11.1). `Token token=<token>`, as `PagerDuty`'s older clients write it, is read too.
fn token_of(header: &[u8]) -> Option<Vec<u8>> {
    let behind = |scheme: &str| {
        let (word, rest) = header.split_at_checked(scheme.len())?;
        word.eq_ignore_ascii_case(scheme.as_bytes())
            .then(|| rest.trim_ascii())
    };
    if let Some(token) = behind("Bearer ").or_else(|| behind("Token token=")) {
        return Some(token.to_vec());
    }
    let pair = STANDARD.decode(behind("Basic ")?).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    pair.get(colon + 1..).map(<[u8]>::to_vec)
}

/// The member `routing_key` of an object.
fn routing_key(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Keyed {
        routing_key: String,
    }
    serde_json::from_slice::<Keyed>(body)
        .ok()
        .map(|keyed| keyed.routing_key)
}

fn seconds(now: Time) -> u64 {
    u64::try_from(now.millis() / 1000).unwrap_or_default()
}

#[cfg(test)]
mod tests;
