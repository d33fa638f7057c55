//! Who calls, as far as the connection and trusted proxies say.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::HeaderName;
use ipnet::IpNet;
use platform::http::Peer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who calls, for the time of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'c> {
    /// The sender's address.
    pub(crate) address: IpAddr,
    /// The names in its certificate.
    pub(crate) names: &'c [String],
}

/// A connection's other end.
#[derive(Clone, Debug)]
pub(crate) struct Connected {
    address: IpAddr,
    names: Vec<String>,
}

impl From<SocketAddr> for Connected {
    fn from(address: SocketAddr) -> Self {
        Self {
            address: address.ip().to_canonical(),
            names: Vec::new(),
        }
    }
}

impl From<Peer> for Connected {
    fn from(peer: Peer) -> Self {
        Self {
            names: peer.certificate.map(|der| names(&der)).unwrap_or_default(),
            ..Self::from(peer.address)
        }
    }
}

impl Connected {
    /// Who sends a request with these headers. Behind trusted proxies it is the last address that no trusted proxy
    /// has: what stands before it, the sender could have written itself.
    pub(crate) fn caller(&self, headers: &HeaderMap, proxies: &[IpNet]) -> Caller<'_> {
        let trusted = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
        let mut address = self.address;
        if trusted(&address) {
            let all = headers.get_all(FORWARDED_FOR).into_iter();
            let hops = all
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','));
            let hops: Vec<Option<IpAddr>> = hops.map(|hop| hop.trim().parse().ok()).collect();
            for hop in hops.into_iter().rev() {
                let Some(hop) = hop else { break };
                address = hop.to_canonical();
                if !trusted(&address) {
                    break;
                }
            }
        }
        Caller {
            address,
            names: &self.names,
        }
    }
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
