//! Outgoing requests whose address a stranger may have a say in: names are resolved here, and what leads back into this
//! machine or its link (cloud metadata!) is refused at the moment of connecting, so that no later answer of a name server
//! slips past a check made before.
//!
//! [`OutsideOnly`] allows private networks: a cloud's own endpoints stand there, and who may be asked the caller decides by name.
//! Where a stranger chooses the name, [`Guard`] refuses them too, but for those that an administrator allows.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
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

/// What may be reached.
#[derive(Clone, Debug)]
pub enum Reach {
    /// The public internet, and these networks.
    OutsideAnd(Arc<[IpNet]>),
    /// These networks only.
    Only(Arc<[IpNet]>),
}

impl Reach {
    /// Whether an address may be reached.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self {
            Self::OutsideAnd(networks) => {
                is_in(networks, address) || (is_outside(address) && !is_private(address))
            }
            Self::Only(networks) => is_in(networks, address),
        }
    }

    /// What an administrator can do about a refusal.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::OutsideAnd(_) => "allow its network in notifier.allowedNetworks",
            Self::Only(_) => "use https, or allow its network in notifier.allowedNetworks",
        }
    }
}

fn is_in(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// Whether an address is of a network that is not routed on the internet: RFC 1918, RFC 6598, RFC 6890, unique local.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_private()
                || matches!(
                    v4.octets(),
                    [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18..=19, ..] | [240..=255, ..]
                )
        }
        // Also what carries an IPv4 address: NAT64, 6to4, and the old compatible and site-local forms.
        IpAddr::V6(v6) => {
            v6.is_unique_local()
                || matches!(
                    v6.segments(),
                    [0x64, 0xff9b, ..] | [0x2002 | 0xfec0..=0xfeff, ..] | [0, 0, 0, 0, 0, 0, ..]
                )
        }
    }
}

/// Resolves names by the system, and leaves out addresses that may not be reached.
#[derive(Clone, Debug)]
pub struct Guard(pub Reach);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| reach.allows(address.ip())).collect();
            if allowed.is_empty() {
                let problem = format!(
                    "{} leads to no address that may be reached: {}",
                    name.as_str(),
                    reach.remedy()
                );
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

    #[test]
    fn private_networks_are_reached_only_where_they_are_allowed() {
        let networks: Arc<[IpNet]> = Arc::new(["10.1.0.0/16".parse().unwrap()]);
        let (both, only) = (Reach::OutsideAnd(networks.clone()), Reach::Only(networks));
        for (address, expected) in [
            ("192.0.2.1", (true, false)),
            ("10.1.2.3", (true, true)),
            ("::ffff:10.1.2.3", (true, true)),
            ("10.2.2.3", (false, false)),
            ("100.64.0.1", (false, false)),
            ("fd00::1", (false, false)),
            ("64:ff9b::a9fe:a9fe", (false, false)),
            ("2002:7f00:1::", (false, false)),
            ("::7f00:1", (false, false)),
            ("192.0.0.192", (false, false)),
            ("2001:db8::1", (true, false)),
            ("127.0.0.1", (false, false)),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(
                (both.allows(address), only.allows(address)),
                expected,
                "{address}"
            );
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
