//! Hosts in running text: names of two labels and more, short names of EC2 (`ip-10-0-1-23`), IPv4 and IPv6 addresses;
//! without ports. Mail addresses, paths, networks (`10.0.0.0/16`), files and versions are none.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::domains::Ending;
use super::words::{Key, Word, holds};

/// Bytes of a name and of a label in it (RFC 1035, 2.3.4).
const NAME_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;
/// Bytes of an IPv6 address at most, with an IPv4 address in it.
const IPV6_BYTES: usize = 45;

/// Words before a number with dots in it that make it a version and no address.
const VERSIONS: [Key; 6] = Key::all(["version", "ver", "v", "release", "build", "patch"]);

/// What names of labels, annotations and kinds in Kubernetes end in: `node.kubernetes.io`, `leases.coordination.k8s.io`.
const KUBERNETES_DOMAINS: [&str; 2] = ["kubernetes.io", "k8s.io"];

/// How the short name of an EC2 instance begins.
const EC2: &str = "ip-";

/// What a word stands behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// `//`: what follows is a host, whatever its name.
    Scheme,
    /// `/` or `\`: what follows is part of a path.
    Path,
    /// Anything else.
    Prose,
}

impl Behind {
    fn of(word: &Word<'_>) -> Self {
        if !matches!(word.byte_before(), Some(b'/' | b'\\')) {
            return Self::Prose;
        }
        let before = word.before();
        if before.ends_with("//") && !before.ends_with("///") {
            Self::Scheme
        } else {
            Self::Path
        }
    }
}

/// The host that a word is, in small letters; of several joined by colons the first.
pub(super) fn in_word<'t>(word: &Word<'t>) -> Option<Cow<'t, str>> {
    let is_short_name = word.as_str().starts_with(EC2);
    if !word.has(holds::DOT | holds::COLON) && !is_short_name {
        return None;
    }
    let behind = Behind::of(word);
    let text = word.as_str();
    let user = text.bytes().position(|byte| byte == b'@');
    let text = match (behind, user) {
        // What redaction leaves of a URL: `https://user:[redacted:url-password]@host/`.
        (Behind::Prose, Some(0)) if word.byte_before() == Some(b']') => text.get(1..)?,
        (Behind::Path, _) | (Behind::Prose, Some(_)) => return None,
        (Behind::Scheme, Some(_)) => text.rsplit('@').next()?,
        (_, None) => text,
    };
    if !word.has(holds::COLON) {
        return in_piece(word, text, behind);
    }
    if let Some(address) = ipv6(text).filter(|_| !is_network(word, behind)) {
        return Some(Cow::Owned(address));
    }
    text.split(':').find_map(|piece| in_piece(word, piece, behind))
}

/// The host that a piece of a word is, which has no colon.
fn in_piece<'t>(word: &Word<'t>, piece: &'t str, behind: Behind) -> Option<Cow<'t, str>> {
    let is_host = match Name::of(piece) {
        Some(name) => name.is_host(behind),
        None if is_ipv4(piece) => !is_network(word, behind) && !is_version(word),
        None => is_ec2(piece),
    };
    is_host.then(|| super::in_small_letters(piece))
}

fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>()
        .is_ok_and(|address| !address.is_unspecified())
}

/// An address in its canonical form (RFC 5952). Only of kinds that machines have: `a1::b2` is a path in a program,
/// `10:00` a time.
fn ipv6(text: &str) -> Option<String> {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    if text.len() > IPV6_BYTES || !text.bytes().all(is_part) {
        return None;
    }
    let address: Ipv6Addr = text.parse().ok()?;
    let is_global = matches!(address.segments(), [0x2000..=0x3fff, ..] | [0x64, 0xff9b, ..]);
    let is_local = address.is_loopback() || address.is_unicast_link_local() || address.is_unique_local();
    (is_global || is_local || address.to_ipv4_mapped().is_some()).then(|| address.to_string())
}

/// Whether the length of a network's prefix follows: `/16`.
fn is_network(word: &Word<'_>, behind: Behind) -> bool {
    let digits = word
        .behind()
        .strip_prefix('/')
        .filter(|_| behind == Behind::Prose);
    digits.is_some_and(|digits| digits.starts_with(|first: char| first.is_ascii_digit()))
}

fn is_version(word: &Word<'_>) -> bool {
    VERSIONS.contains(&Key::of(word.word_before()))
}

/// The private name of an EC2 instance without its domain: `ip-10-0-1-23`.
fn is_ec2(text: &str) -> bool {
    let Some(address) = text.strip_prefix(EC2) else {
        return false;
    };
    let mut octets = 0;
    address.split('-').all(|octet| {
        octets += 1;
        octet.len() <= 3 && octet.parse::<u8>().is_ok()
    }) && octets == 4
}

/// A dotted name, taken apart.
struct Name<'t> {
    text: &'t str,
    /// The last label: two letters and more.
    last: &'t str,
    labels: usize,
    /// Whether the label before the last has a letter.
    has_named_domain: bool,
    /// Whether a label before the last two has a digit or hyphen: `web-1.shop.svc`, but not `issuers.cert-manager.io`.
    has_number: bool,
}

impl<'t> Name<'t> {
    /// `None` when it is not in the form of a host's name with two labels and more.
    fn of(text: &'t str) -> Option<Self> {
        if text.len() > NAME_BYTES {
            return None;
        }
        let (mut labels, mut start) = (0, 0);
        let (mut has_number, mut last_two_have) = (false, [false; 2]);
        let (mut domain_has_letter, mut last_has_letter) = (false, false);
        let ends = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'.')
            .map(|(at, _)| at);
        for end in ends.chain([text.len()]) {
            let label = Label::of(text.get(start..end)?.as_bytes())?;
            domain_has_letter = last_has_letter;
            last_has_letter = label.has_letter;
            let [domain_has, last_has] = last_two_have;
            has_number |= domain_has;
            last_two_have = [last_has, label.has_number];
            labels += 1;
            start = end + 1;
        }
        let last = text.rsplit('.').next()?;
        let is_word = last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
        (labels > 1 && is_word).then_some(Self {
            text,
            last,
            labels,
            has_named_domain: domain_has_letter,
            has_number,
        })
    }

    fn is_host(&self, behind: Behind) -> bool {
        // `System.Net` is a name in a program; in a host's name capitals are all or none at its end.
        let is_small = self.last.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_loud = self.labels > 2 && !self.text.bytes().any(|byte| byte.is_ascii_lowercase());
        if !is_small && !is_loud {
            return false;
        }
        match Ending::of(self.last) {
            _ if behind == Behind::Scheme => true,
            _ if self.is_of_kubernetes() => false,
            Ending::Sure => true,
            Ending::Unsure => self.looks_like_a_machine(),
            Ending::Unknown => false,
        }
    }

    /// Whether Kubernetes' own domain makes it the name of a label or a kind.
    fn is_of_kubernetes(&self) -> bool {
        let is_in = |domain: &&str| {
            let below = self.text.strip_suffix(*domain);
            below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
        };
        KUBERNETES_DOMAINS.iter().any(is_in)
    }

    /// Whether the labels before the last are those of a machine, `web-1.example`, and not of a field, `event.data`.
    fn looks_like_a_machine(&self) -> bool {
        self.labels > 2 && self.has_named_domain && (self.has_number || self.text.starts_with("www."))
    }
}

/// A label of a name.
struct Label {
    has_letter: bool,
    /// Whether there is a digit or hyphen.
    has_number: bool,
}

impl Label {
    fn of(label: &[u8]) -> Option<Self> {
        let (first, last) = (label.first()?, label.last()?);
        if label.len() > LABEL_BYTES || *first == b'-' || *last == b'-' {
            return None;
        }
        let mut found = Self {
            has_letter: false,
            has_number: false,
        };
        for byte in label {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' => found.has_letter = true,
                b'0'..=b'9' | b'-' => found.has_number = true,
                _ => return None,
            }
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::SIEVE;
    use super::super::words::Words;
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let words =
            Words::new(text, &SIEVE).filter(|word| word.has(holds::DOT | holds::COLON | holds::DIGIT));
        words
            .filter_map(|word| in_word(&word))
            .map(Cow::into_owned)
            .collect()
    }

    #[test]
    fn names_and_addresses_are_found_without_ports() {
        for (text, host) in [
            ("Instance web-1.example.com:9100 is down.", "web-1.example.com"),
            ("host=DB01.Example.com, up", "db01.example.com"),
            ("SRV01.CORP.EXAMPLE.COM unreachable", "srv01.corp.example.com"),
            ("10.0.3.17:8080 timed out", "10.0.3.17"),
            ("from [2001:DB8:0::1]:443", "2001:db8::1"),
            ("via fe80::1%eth0", "fe80::1"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
            ("see https://grafana.example.com/d/a?x=1", "grafana.example.com"),
            ("https://shop.acme/health failed", "shop.acme"),
            ("https://ops@git.example.com:8443/x", "git.example.com"),
            ("//compute.googleapis.com/projects/p", "compute.googleapis.com"),
            (
                "node ip-10-0-1-23.eu-west-1.compute.internal NotReady",
                "ip-10-0-1-23.eu-west-1.compute.internal",
            ),
            ("node ip-10-0-1-23 NotReady", "ip-10-0-1-23"),
            (
                "orders.shop.svc.cluster.local:80",
                "orders.shop.svc.cluster.local",
            ),
            ("db-1.prod.svc refused", "db-1.prod.svc"),
            ("www.example.pl, web-1.eu.example", "www.example.pl"),
            ("instance:web-1.example.de", "web-1.example.de"),
            ("example.com's certificate", "example.com"),
            ("(example.co.uk)", "example.co.uk"),
            ("http://10.0.0.1/24", "10.0.0.1"),
            ("https://kubernetes.io/docs", "kubernetes.io"),
            ("https://api.sentry.io/x", "api.sentry.io"),
            ("web-1.eu.example.io", "web-1.eu.example.io"),
            ("web-1.myk8s.io refused", "web-1.myk8s.io"),
            (
                "postgres://app:[redacted:url-password]@db-1.example.com:5432/x",
                "db-1.example.com",
            ),
        ] {
            assert_eq!(found(text).first().map(String::as_str), Some(host), "{text}");
        }
    }

    #[test]
    fn files_versions_fields_times_and_networks_are_no_hosts() {
        for text in [
            "app.log main.rs:42 config.yaml values.prod.yaml script.sh libssl.so.1 libfoo-1.2.so README.md",
            "e.g. i.e. U.S. v1.2.3 1.2.3 1.2.3.4.5 version 1.2.3.4 10.0.19045.3803 ASP.NET System.Net",
            "event.data.id metadata.labels.app spec.replicas java.lang.NullPointerException http.latency.ms",
            "10:00:00 aa:bb:cc:dd:ee:ff 50:01:43:80:12:34:56:78 std::vector a1::b2 arn:aws:s3:::b 0.0.0.0 ::",
            "10.0.0.0/16 2001:db8::/32 2001:db8::1/64 300.1.1.1 010.0.0.1 10.0.0.1-10.0.0.9",
            "ops@example.com /var/log/example.com C:\\example.com file:///etc/x.com done.Please end.it",
            "system.disk.io above threshold, postfix main.cf config.yml.example certificates.cert-manager.io app-1.io",
            "leases.coordination.k8s.io \"x\" is forbidden; k8s.io: node-1.kubernetes.io, admission.k8s.io/v1",
            "node.kubernetes.io/unreachable -a.com a-.com a..com a_b.example.com ip-10-0-1 ip-10-0-1-300",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
        assert!(found(&format!("{}.com", "a".repeat(64))).is_empty());
        assert!(found(&format!("{}com", "a.".repeat(126))).is_empty());
    }
}
