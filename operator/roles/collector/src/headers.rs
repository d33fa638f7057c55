//! The request headers that mean something to the collector.

use hyper::HeaderMap;
use hyper::header::CONTENT_ENCODING;

use crate::problem::Problem;

/// Bytes of the longest `Idempotency-Key`; a UUID has 36.
const MAX_KEY_BYTES: usize = 255;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// It is not.
    Identity,
    /// gzip (RFC 1952).
    Gzip,
}

/// How the body is packed, if in a way that can be unpacked.
pub(crate) fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let Some(name) = headers.get(CONTENT_ENCODING) else {
        return Ok(Encoding::Identity);
    };
    let name = name.as_bytes().trim_ascii();
    // RFC 9110, section 8.4.1.3: x-gzip is the same.
    if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") {
        Ok(Encoding::Gzip)
    } else if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
        Ok(Encoding::Identity)
    } else {
        Err(Problem::UnsupportedEncoding)
    }
}

/// The sender's name for this message, under which it may send it again. Taken as it stands, quotes and all.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = key.to_str().unwrap_or_default();
    // A key that is not understood must not be ignored: the sender relies on it.
    let fits = (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(Some(key))
    } else {
        Err(Problem::InvalidIdempotencyKey)
    }
}

/// The headers whose values are UTF-8, for formats that read some; their names are in lower case. Where the body is
/// signed, those are left out that would say what happened or to whom, since no signature covers them.
pub(crate) fn texts(headers: &HeaderMap, is_signed: bool) -> Vec<(&str, &str)> {
    let uncovered = |name: &str| name.starts_with("ce-") || name.starts_with("x-amz-sns-");
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .filter(|(name, _)| !is_signed || !uncovered(name))
        .filter_map(|(name, value)| match str::from_utf8(value.as_bytes()) {
            Ok(text) => Some((name, text)),
            // Its format refuses it by its name: an attribute must not get lost.
            Err(_) => name
                .starts_with("ce-")
                .then_some((name, formats::HEADER_NOT_UTF8)),
        })
        .collect()
}

/// The sender's trace context; empty when there is none that is well formed, which the standard says to ignore.
pub(crate) fn traceparent(headers: &HeaderMap) -> &str {
    let text = headers
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if formats::is_traceparent(text) { text } else { "" }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )])
    }

    #[test]
    fn gzip_is_the_only_packing() {
        assert_eq!(encoding(&HeaderMap::new()), Ok(Encoding::Identity));
        assert_eq!(encoding(&with("content-encoding", "GZip")), Ok(Encoding::Gzip));
        assert_eq!(
            encoding(&with("content-encoding", "identity")),
            Ok(Encoding::Identity)
        );
        for other in ["br", "gzip, gzip", "deflate"] {
            assert_eq!(
                encoding(&with("content-encoding", other)),
                Err(Problem::UnsupportedEncoding),
                "{other}"
            );
        }
    }

    #[test]
    fn a_key_is_taken_or_refused_but_never_ignored() {
        assert_eq!(idempotency_key(&HeaderMap::new()), Ok(None));
        assert_eq!(idempotency_key(&with("idempotency-key", "a-1")), Ok(Some("a-1")));
        for bad in ["", "two words", &"x".repeat(256)] {
            assert_eq!(
                idempotency_key(&with("idempotency-key", bad)),
                Err(Problem::InvalidIdempotencyKey),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_text_beyond_ascii_is_kept_and_an_attribute_that_is_none_says_so() {
        let of = |name: &'static str, value: &[u8]| {
            let value = HeaderValue::from_bytes(value).unwrap();
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value)]);
            texts(&headers, false).first().map(|(_, text)| (*text).to_owned())
        };
        assert_eq!(of("ce-subject", "Grüße".as_bytes()).as_deref(), Some("Grüße"));
        assert_eq!(
            of("ce-subject", b"Gr\xfc\xdfe").as_deref(),
            Some(formats::HEADER_NOT_UTF8)
        );
        assert_eq!(of("user-agent", b"Gr\xfc\xdfe"), None);
    }

    #[test]
    fn a_malformed_trace_context_is_ignored() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(&with("traceparent", good)), good);
        for bad in ["", "00-xyz", &good.replace('a', "A"), &good.replace('-', "0")] {
            assert_eq!(traceparent(&with("traceparent", bad)), "", "{bad}");
        }
    }
}
