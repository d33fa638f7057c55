//! Outgoing requests whose address a stranger may have a say in: names are resolved here, and what leads back into this
//! machine or its link (cloud metadata!) is refused at the moment of connecting, so that no later answer of a name server
//! slips past a check made before.
//!
//! Private networks are allowed: a cloud's own endpoints stand there. Who may be asked at all, the caller decides by name.

use std::io;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves names by the system, and leaves out addresses that [`is_outside`] refuses.
#[derive(Clone, Copy, Debug)]
pub struct OutsideOnly;

impl Resolve for OutsideOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| is_outside(address.ip())).collect();
            if allowed.is_empty() {
                let problem = format!("{} leads to no address outside of this machine", name.as_str());
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is another machine's and no link's: not loopback, link-local, unspecified, broadcast, multicast.
pub fn is_outside(address: IpAddr) -> bool {
    let special = match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.octets().first() == Some(&0),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let address = address.to_canonical();
    !(special || address.is_loopback() || address.is_unspecified() || address.is_multicast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_its_link_are_not_outside() {
        for (address, outside) in [
            ("127.0.0.1", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("169.254.169.254", false),
            ("fe80::1", false),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("10.0.0.7", true),
            ("192.0.2.1", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(is_outside(address.parse().unwrap()), outside, "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused() {
        use std::str::FromStr;
        let error = OutsideOnly
            .resolve(Name::from_str("localhost").unwrap())
            .await
            .err()
            .unwrap();
        assert!(error.to_string().contains("outside of this machine"), "{error}");
    }
}
