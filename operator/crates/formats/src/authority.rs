//! The host in what senders write for a host: `web-1:9100`, `[::1]:9100`, a probed URL; and the name of the
//! Alertmanager behind an external URL.

use std::borrow::Cow;

use crate::cut;

/// The host of `host`, `host:port`, `[v6]:port` or a URL; a bare IPv6 address stays whole.
pub(crate) fn host(text: Cow<'_, str>) -> Cow<'_, str> {
    let (start, end) = host_range(&text);
    if start == 0 && end == text.len() {
        text
    } else {
        cut::part(text, start, end)
    }
}

fn host_range(text: &str) -> (usize, usize) {
    let start = authority_start(text);
    let rest = text.get(start..).unwrap_or_default();
    // Only a URL has a path; `ns/pod` is somebody's name for a host and stays whole.
    let end = if start == 0 {
        rest.len()
    } else {
        rest.find(['/', '?', '#']).unwrap_or(rest.len())
    };
    let authority = rest.get(..end).unwrap_or_default();
    if let Some(close) = authority.strip_prefix('[').and_then(|inner| inner.find(']')) {
        return (start + 1, start + 1 + close);
    }
    let bare = authority
        .rsplit_once(':')
        .filter(|(name, port)| is_number(port) && !name.contains(':'));
    (
        start,
        start + bare.map_or(authority.len(), |(name, _)| name.len()),
    )
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a host is named by its address: `ip-10-0-1-23`.
fn is_address(name: &str) -> bool {
    let mut parts = name.rsplit('-');
    parts.by_ref().take(4).filter(|part| is_number(part)).count() == 4
}

/// Where the authority of a URL begins, behind `user:password@`; 0 for what is no URL.
fn authority_start(text: &str) -> usize {
    let Some(scheme) = text.find("://") else { return 0 };
    let start = scheme + 3;
    let rest = text.get(start..).unwrap_or_default();
    let authority = rest
        .get(..rest.find(['/', '?', '#']).unwrap_or(rest.len()))
        .unwrap_or_default();
    start + authority.rfind('@').map_or(0, |at| at + 1)
}

/// The Alertmanager (cluster) behind an `externalURL`: host, port and path.
///
/// Without the scheme, so that a move to https keeps every fingerprint. A host without dots that ends in `-0`,
/// `-1` … is the pod of a stateful set, which is what Alertmanager takes when nobody configures its external URL; its
/// replicas speak for one cluster, so the number goes: else a failover would leave alerts that never clear. Not of an
/// address, as in `ip-10-0-1-23`: those are machines. `prod-1` and `prod-2` cannot be told from two pods.
pub(crate) fn cluster(external_url: Cow<'_, str>) -> Cow<'_, str> {
    let start = authority_start(&external_url);
    let rest = external_url.get(start..).unwrap_or_default();
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let end = rest.get(..end).unwrap_or_default().trim_end_matches('/').len();
    let name = cut::part(external_url, start, start + end);
    let host_end = name.find([':', '/']).unwrap_or(name.len());
    let (host, behind) = name.split_at_checked(host_end).unwrap_or((&name, ""));
    match host.rsplit_once('-') {
        Some((set, ordinal)) if !host.contains('.') && is_number(ordinal) && !is_address(host) => {
            Cow::Owned(format!("{set}{behind}"))
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_loses_port_scheme_and_path() {
        for (given, expected) in [
            ("web-1:9100", "web-1"),
            ("web-1", "web-1"),
            ("10.0.0.1:80", "10.0.0.1"),
            ("[fe80::1]:9100", "fe80::1"),
            ("fe80::1", "fe80::1"),
            (
                "https://user:pw@shop.example.com:8443/health?x=1",
                "shop.example.com",
            ),
            ("shop/web:blue", "shop/web:blue"),
            ("", ""),
        ] {
            assert_eq!(host(given.into()), expected, "{given}");
            assert_eq!(host(Cow::Owned(given.to_owned())), expected, "{given}");
        }
    }

    #[test]
    fn replicas_of_one_alertmanager_are_one_cluster() {
        for (given, expected) in [
            ("http://alertmanager-main-0:9093", "alertmanager-main:9093"),
            ("http://alertmanager-main-1:9093", "alertmanager-main:9093"),
            (
                "https://monitoring.example.com/prod/am/",
                "monitoring.example.com/prod/am",
            ),
            ("http://am-1.example.com:9093", "am-1.example.com:9093"),
            ("http://10.0.0.1:9093/#/alerts", "10.0.0.1:9093"),
            ("http://ip-10-0-1-23:9093", "ip-10-0-1-23:9093"),
            ("http://alertmanager-2-1:9093", "alertmanager-2:9093"),
            ("http://prod-1", "prod"),
            ("", ""),
        ] {
            assert_eq!(cluster(given.into()), expected, "{given}");
        }
    }
}
