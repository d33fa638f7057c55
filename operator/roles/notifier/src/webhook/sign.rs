//! Signatures as Standard Webhooks has them: <https://www.standardwebhooks.com>. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// What a key begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a key: the specification's bounds.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The header's value: a signature by each key, the first key's first.
///
/// # Errors
/// A key is none, and what one looks like.
pub(crate) fn signature<'k>(
    keys: impl IntoIterator<Item = &'k str>,
    (id, at): (&str, i64),
    body: &str,
) -> Result<String, String> {
    let signed = format!("{id}.{at}.{body}");
    let signatures: Result<Vec<String>, String> = keys.into_iter().map(|key| by(key, &signed)).collect();
    Ok(signatures?.join(" "))
}

fn by(key: &str, signed: &str) -> Result<String, String> {
    let encoded = key.strip_prefix(PREFIX).unwrap_or(key);
    let bytes = STANDARD
        .decode(encoded)
        // What is wrong with it would tell of it.
        .map_err(|_| {
            format!("the key is not base64 after {PREFIX}; make one: echo {PREFIX}$(openssl rand -base64 32)")
        })?;
    if !KEY_BYTES.contains(&bytes.len()) {
        return Err(format!(
            "the key has {} bytes; make one of {} to {}: echo {PREFIX}$(openssl rand -base64 32)",
            bytes.len(),
            KEY_BYTES.start(),
            KEY_BYTES.end()
        ));
    }
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), signed.as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_published_example_is_signed_alike() {
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let signed = signature(
            [key],
            ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330),
            "{\"test\": 2432232314}",
        );
        assert_eq!(
            signed,
            Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned())
        );
    }

    #[test]
    fn two_keys_sign_while_receivers_change_over() {
        let keys = [
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx",
        ];
        let signed = signature(keys, ("a", 1), "{}").unwrap();
        assert_eq!(signed.split(' ').count(), 2);
    }

    #[test]
    fn what_is_no_key_says_how_to_make_one() {
        let refused = signature(["whsec_c2hvcnQ="], ("a", 1), "{}").unwrap_err();
        assert!(refused.contains("openssl rand -base64 32"), "{refused}");
        assert!(signature(["whsec_*"], ("a", 1), "{}").is_err());
    }
}
