//! Who calls, as far as the connection and trusted proxies say.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::HeaderName;
use ipnet::IpNet;
use platform::http::{Peer, Place};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who calls, for the time of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'c> {
    /// The sender's address; none when a proxy passed on something that is none.
    pub(crate) address: Option<IpAddr>,
    /// The names in its certificate.
    pub(crate) names: &'c [String],
}

/// A connection's other end.
#[derive(Clone, Debug)]
pub(crate) struct Connected {
    address: IpAddr,
    names: Vec<String>,
    place: Place,
}

impl From<SocketAddr> for Connected {
    fn from(address: SocketAddr) -> Self {
        Self {
            address: address.ip().to_canonical(),
            names: Vec::new(),
            place: Place::default(),
        }
    }
}

impl From<Peer> for Connected {
    fn from(peer: Peer) -> Self {
        Self {
            names: peer.certificate.map(|der| names(&der)).unwrap_or_default(),
            place: peer.place,
            ..Self::from(peer.address)
        }
    }
}

impl Connected {
    /// Who sends a request with these headers. Behind trusted proxies it is the last address that no trusted proxy
    /// has: what stands before it, the sender could have written itself. What cannot be read is nobody's address, and not
    /// the proxy's.
    pub(crate) fn caller(&self, headers: &HeaderMap, proxies: &[IpNet]) -> Caller<'_> {
        let trusted = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
        let mut address = Some(self.address);
        if trusted(&self.address) {
            let lines: Vec<_> = headers.get_all(FORWARDED_FOR).into_iter().collect();
            let hops = lines
                .iter()
                .rev()
                .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
            for hop in hops {
                address = hop_address(hop);
                if !address.is_some_and(|address| trusted(&address)) {
                    break;
                }
            }
        }
        Caller {
            address,
            names: &self.names,
        }
    }

    /// The sender is known: its connection does not have to give way to others.
    pub(crate) fn is_known(&self) {
        self.place.keep();
    }
}

/// The address of one hop: bare, or with a port as some proxies write it.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    bare.or_else(with_port)
        .or_else(bracketed)
        .map(|address| address.to_canonical())
}

/// The DNS and URI names of a certificate.
fn names(der: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Vec::new();
    };
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) => Some((*name).to_owned()),
        _ => None,
    };
    alternatives.value.general_names.iter().filter_map(name).collect()
}
