//! Percent-encoding (RFC 3986, section 2.1), undone once. What is no escape stays as it is.

use domain::hex;

/// The bytes that a text stands for.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let encoded = match behind {
            [high, low, ..] if *first == b'%' => hex::byte([*high, *low]),
            _ => None,
        };
        let (byte, length) = encoded.map_or((*first, 1), |byte| (byte, 3));
        bytes.push(byte);
        rest = rest.get(length..).unwrap_or_default();
    }
    bytes
}
