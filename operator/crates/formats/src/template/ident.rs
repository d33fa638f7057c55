//! Ids: what machines give names to things with.

use super::found::{Found, is_word_end, leading};
use super::{ID, TOKEN, UUID};

/// Hexadecimal digits from which on a word of them is an id; `cafe5` and `b2` are rather names.
const HEX_DIGITS: usize = 8;

/// Bytes from which on a run is looked at as base64: 18 random bytes, as few as secrets have.
const TOKEN_BYTES: usize = 24;

/// How far the first digit of a JSON web token is away at most: its first part names an algorithm, in base64.
const JWT_HEAD_BYTES: usize = 64;

/// `8f14e45f-ceea-467f-9c3b-1a2b3c4d5e6f`.
pub(super) fn uuid(rest: &[u8]) -> Found {
    const LENGTH: usize = 36;
    let (text, _) = rest.split_at_checked(LENGTH)?;
    let is_right = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    let is_uuid = text.iter().enumerate().all(is_right)
        && text.iter().any(u8::is_ascii_digit)
        && is_word_end(rest, LENGTH);
    is_uuid.then_some((UUID, LENGTH))
}

/// What base64 consists of, in either alphabet, but for its padding.
pub(super) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-')
}

/// A JSON web token, or a run that looks like base64.
pub(super) fn token(rest: &[u8]) -> Found {
    json_web_token(rest).or_else(|| {
        let run = rest.get(..leading(rest, |byte| is_token_byte(*byte)))?;
        let padding = leading(rest.get(run.len()..)?, |byte| *byte == b'=');
        is_base64(run).then_some((TOKEN, run.len() + padding))
    })
}

/// Three parts of base64 joined by dots. The first is a JSON object, and so begins with `eyJ`.
fn json_web_token(rest: &[u8]) -> Found {
    let head = rest.strip_prefix(b"eyJ")?;
    let length = leading(rest, |byte| is_token_byte(*byte) || *byte == b'.');
    let has_digit = head.iter().take(JWT_HEAD_BYTES).any(u8::is_ascii_digit);
    (has_digit && length >= TOKEN_BYTES).then_some((TOKEN, length))
}

/// Whether random bytes would look like that. Of two neighbours in random base64, 65 of 100 are of different kinds
/// (small, capital, digit), and 40 of 100 letters differ in case from the letter before. Paths and `CamelCase` stay
/// below 25; a UUID or a pod's name in a path has digits enough, but one case.
fn is_base64(run: &[u8]) -> bool {
    let changes_of = |kinds: &mut dyn Iterator<Item = u8>| {
        let mut last = kinds.next();
        kinds.filter(|kind| last.replace(*kind) != Some(*kind)).count()
    };
    let kind = |byte: &u8| match byte {
        b'0'..=b'9' => b'0',
        b'a'..=b'z' => b'a',
        b'A'..=b'Z' => b'A',
        _ => b'-',
    };
    let is_letter = |kind: &u8| kind.is_ascii_alphabetic();
    run.len() >= TOKEN_BYTES
        && run.iter().any(u8::is_ascii_digit)
        && changes_of(&mut run.iter().map(kind)) * 5 >= run.len() * 2
        && changes_of(&mut run.iter().map(kind).filter(is_letter)) * 5 >= run.len()
}

/// One word that is an id: `0x1f`, `9f86d081`, `a1b2c3`, and the parts of a pod's name that Kubernetes makes up.
pub(super) fn id(behind: &[u8], rest: &[u8]) -> Found {
    let word = rest.get(..leading(rest, u8::is_ascii_alphanumeric))?;
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == word.len() {
        return None;
    }
    let is_hex = |text: &[u8]| text.iter().all(u8::is_ascii_hexdigit);
    let is_id = match word {
        [b'0', b'x' | b'X', hex @ ..] => is_hex(hex),
        // A mask behind it tells that the word had more to it.
        _ if is_pod_suffix(behind, word) => rest.get(word.len()) != Some(&b'<'),
        _ if digits == 0 => false,
        _ => (word.len() >= HEX_DIGITS && is_hex(word)) || is_mixed(word),
    };
    is_id.then_some((ID, word.len()))
}

/// Words in the alphabet of pods' random characters: names of services and protocols that stand behind a hyphen too
/// (`service-httpd`). A digit cannot be demanded instead: one in five suffixes of real pods has none.
const NO_SUFFIXES: [&[u8]; 12] = [
    b"btrfs", b"dhcpd", b"dhcps", b"httpd", b"https", b"lldpd", b"lxcfs", b"mssql", b"pgsql", b"smtps",
    b"snmpd", b"xhtml",
];

/// Kubernetes names a pod after its owner, for a Deployment with a hash of the template (a number of up to ten digits)
/// and five random characters, in an alphabet without vowels and look-alikes (apimachinery, `util/rand`).
fn is_pod_suffix(behind: &[u8], word: &[u8]) -> bool {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    matches!(behind, [.., owner, b'-'] if owner.is_ascii_alphanumeric())
        && matches!(word.len(), 5 | 8..=10)
        && word.iter().all(|byte| ALPHABET.contains(byte))
        && !NO_SUFFIXES.contains(&word)
}

/// Letters and digits in turns, as in no word: `a1b2`, `x12yz3`; but `web01`, `k8s` and `utf8` are words.
fn is_mixed(word: &[u8]) -> bool {
    const LONG: usize = 6;
    let is_change = |pair: &[u8]| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit());
    let changes = word.windows(2).filter(|pair| is_change(pair)).count();
    changes >= if word.len() >= LONG { 2 } else { 3 }
}
