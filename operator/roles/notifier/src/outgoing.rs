//! Requests to addresses that a rule's author chose: https to the outside, or to networks that an administrator allows, where plain
//! http will do. Checked again at the moment of connecting. No redirects: the answer to one could lead anywhere.

use std::sync::Arc;
use std::time::Duration;

use bus::tasks::Failure;
use ipnet::IpNet;
use platform::outgoing::{Guard, Reach};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};

use crate::failure::later;

/// How long one request may take, its answer included: a receiver that is slow by 10 s is heard.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Sends requests.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    https: Client,
    http: Client,
    https_reach: Reach,
    http_reach: Reach,
}

impl Outgoing {
    /// `networks` may be reached besides the outside.
    pub(crate) fn new(networks: &[IpNet]) -> Result<Self, reqwest::Error> {
        let networks: Arc<[IpNet]> = networks.into();
        let https_reach = Reach::OutsideAnd(networks.clone());
        let http_reach = Reach::Only(networks);
        let client = |reach: &Reach| {
            Client::builder()
                .user_agent(concat!("opsward/", env!("CARGO_PKG_VERSION")))
                .timeout(TIMEOUT)
                .connect_timeout(CONNECT)
                .redirect(Policy::none())
                .no_proxy()
                .dns_resolver(Arc::new(Guard(reach.clone())))
                .build()
        };
        Ok(Self {
            https: client(&https_reach)?,
            http: client(&http_reach)?,
            https_reach,
            http_reach,
        })
    }

    /// The client for addresses of our own configuration.
    pub(crate) fn https(&self) -> Client {
        self.https.clone()
    }

    /// A POST to `url`, if that may be reached.
    pub(crate) fn post(&self, url: &str) -> Result<RequestBuilder, Failure> {
        let url =
            Url::parse(url).map_err(|error| later("Address", &format!("the address is none: {error}")))?;
        let (client, reach) = match url.scheme() {
            "https" => (&self.https, &self.https_reach),
            "http" => (&self.http, &self.http_reach),
            other => {
                return Err(later(
                    "Address",
                    &format!("the address begins with {other}://; use https://"),
                ));
            }
        };
        // A name is looked at when it is resolved; an address in its place never is.
        let address = url
            .host_str()
            .and_then(|host| host.trim_matches(['[', ']']).parse().ok());
        if let Some(address) = address
            && !reach.allows(address)
        {
            let message = format!(
                "{address} may not be reached over {}: {}",
                url.scheme(),
                reach.remedy()
            );
            return Err(later("Address", &message));
        }
        Ok(client.post(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_addresses_are_asked() {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let inside = ["10.1.0.0/16".parse().unwrap()];
        let outgoing = Outgoing::new(&inside).unwrap();
        for (url, allowed) in [
            ("https://192.0.2.1/x", true),
            ("https://10.1.2.3/x", true),
            ("http://10.1.2.3:8080/x", true),
            ("http://192.0.2.1/x", false),
            ("https://10.2.2.3/x", false),
            ("https://127.0.0.1/x", false),
            ("https://[::1]/x", false),
            ("https://169.254.169.254/latest", false),
            ("ftp://192.0.2.1/x", false),
            ("nothing", false),
        ] {
            assert_eq!(outgoing.post(url).is_ok(), allowed, "{url}");
        }
    }
}
