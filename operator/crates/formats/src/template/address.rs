//! Addresses: of hosts, of people, of things on the web and at AWS.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::found::{Found, is_word_end, leading};
use super::{ARN, EMAIL, IP, MAC, QUERY};

/// Characters of the longest IPv4 address, `255.255.255.255`.
const IPV4_BYTES: usize = 15;
/// Characters of the longest IPv6 address, `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
const IPV6_BYTES: usize = 45;
/// Digits of a port.
const PORT_DIGITS: usize = 5;

/// What may stand before the `@` of an e-mail address, of what people use.
pub(super) const fn is_email_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

/// `alice@example.com`; a domain without a dot is no mail domain (`root@web`).
pub(super) fn email(rest: &[u8]) -> Found {
    let local = leading(rest, |byte| is_email_byte(*byte));
    let domain = rest.get(local..)?.strip_prefix(b"@")?;
    let is_domain_byte = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let domain = domain.get(..leading(domain, is_domain_byte))?;
    let has_dot = |domain: &[u8]| matches!(domain, [b'.', letter] if letter.is_ascii_alphabetic());
    let is_domain = domain.first()?.is_ascii_alphanumeric() && domain.windows(2).any(has_dot);
    let length = local + 1 + without_stop(domain).len();
    is_domain.then_some((EMAIL, length))
}

/// `arn:aws:sns:eu-west-1:123456789012:alerts`, also of `aws-cn` and `aws-us-gov`.
pub(super) fn arn(rest: &[u8]) -> Found {
    if !rest.starts_with(b"arn:aws") {
        return None;
    }
    let whole = rest.get(..leading(rest, |byte| !ends_url(*byte) && *byte != b';'))?;
    Some((ARN, without_stop(whole).len()))
}

/// What follows the `?` of a URL.
pub(super) fn query(rest: &[u8]) -> Found {
    let length = leading(rest, |byte| !ends_url(*byte));
    (length > 0).then_some((QUERY, length))
}

/// What is no part of a URL in running text.
pub(super) const fn ends_url(byte: u8) -> bool {
    matches!(
        byte,
        0..=b' '
            | b'"'
            | b'\''
            | b'`'
            | b'<'
            | b'>'
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'|'
            | b','
            | 0x7f
    )
}

/// Without the full stop or colon of the sentence around it.
fn without_stop(mut text: &[u8]) -> &[u8] {
    while let [whole @ .., b'.' | b':' | b'-'] = text {
        text = whole;
    }
    text
}

/// `00:1a:2b:3c:4d:5e`, or with hyphens.
pub(super) fn mac(rest: &[u8]) -> Found {
    const LENGTH: usize = 17;
    let (address, behind) = rest.split_at_checked(LENGTH)?;
    let mark = *address.get(2)?;
    let is_group = |group: &[u8]| match group {
        [high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        [high, low, end] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit() && *end == mark,
        _ => false,
    };
    let is_address = matches!(mark, b':' | b'-')
        && address.chunks(3).all(is_group)
        && address.iter().any(u8::is_ascii_digit);
    let goes_on = matches!(behind, [next, digit, ..] if *next == mark && digit.is_ascii_hexdigit());
    (is_address && !goes_on && is_word_end(behind, 0)).then_some((MAC, LENGTH))
}

/// An address of either version, with its port. An IPv6 address has a port only in brackets, which go with it.
pub(super) fn ip(rest: &[u8]) -> Found {
    if let Some(inner) = rest.strip_prefix(b"[") {
        let length = 1 + ipv6(inner)?;
        let behind = rest.get(length..)?.strip_prefix(b"]")?;
        return match port(behind) {
            0 => None,
            port => Some((IP, length + 1 + port)),
        };
    }
    let length = match ipv4(rest) {
        Some(length) => length + port(rest.get(length..)?),
        None => ipv6(rest)?,
    };
    Some((IP, length))
}

fn ipv4(rest: &[u8]) -> Option<usize> {
    let near = rest.get(..IPV4_BYTES + 1).unwrap_or(rest);
    let run = near.get(..leading(near, |byte| byte.is_ascii_digit() || *byte == b'.'))?;
    let address = without_stop(run);
    parse::<Ipv4Addr>(address)?;
    is_word_end(rest, run.len()).then_some(address.len())
}

fn ipv6(rest: &[u8]) -> Option<usize> {
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let near = rest.get(..IPV6_BYTES + 1).unwrap_or(rest);
    let run = near.get(..leading(near, is_part))?;
    // The colon of a sentence may follow, and two of them are the end of some addresses.
    let address = [run, run.strip_suffix(b":").unwrap_or(run), without_stop(run)]
        .into_iter()
        .find(|address| parse::<Ipv6Addr>(address).is_some())?;
    let is_address = address.iter().any(u8::is_ascii_digit) && is_word_end(rest, run.len());
    is_address.then(|| address.len() + zone(rest.get(address.len()..).unwrap_or_default()))
}

/// The `%eth0` of a link-local address.
fn zone(behind: &[u8]) -> usize {
    let name = behind.strip_prefix(b"%").unwrap_or_default();
    match leading(name, u8::is_ascii_alphanumeric) {
        0 => 0,
        length => 1 + length,
    }
}

fn port(behind: &[u8]) -> usize {
    let digits = leading(behind.strip_prefix(b":").unwrap_or_default(), u8::is_ascii_digit);
    if (1..=PORT_DIGITS).contains(&digits) && is_word_end(behind, 1 + digits) {
        1 + digits
    } else {
        0
    }
}

fn parse<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
