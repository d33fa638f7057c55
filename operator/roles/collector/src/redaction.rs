//! Where secrets are looked for: once in a body, and only if that finds a trace of one, in each of its items.
//! What a secret is, `domain::redact` knows.

use std::borrow::Cow;

use domain::event::{Event, clip};
use domain::redact::Redactor;

/// Bytes behind the cut of a payload that are searched and left out: 8 KiB, what servers allow a header, and with it
/// the longest token.
const MARGIN_BYTES: usize = 8 * 1024;

/// What is left to do for the items of one body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Redaction<'r> {
    /// Only where the body may hold a secret.
    redactor: Option<&'r Redactor>,
}

impl<'r> Redaction<'r> {
    /// Looks through a body.
    pub(crate) fn of_body(redactor: &'r Redactor, body: &[u8]) -> Self {
        Self {
            redactor: redactor.may_contain_secret(body).then_some(redactor),
        }
    }

    /// For a body that may hold secrets that its bytes do not show.
    pub(crate) const fn always(redactor: &'r Redactor) -> Self {
        Self {
            redactor: Some(redactor),
        }
    }

    /// Masks the secrets of an event; says how many.
    pub(crate) fn event(self, event: &mut Event<'_>) -> usize {
        self.redactor.map_or(0, |redactor| redactor.event(event))
    }

    /// Masks the secrets of a text for people.
    pub(crate) fn text(self, text: String) -> String {
        match self.redactor.map(|redactor| redactor.text(&text)) {
            Some(Cow::Owned(masked)) => masked,
            Some(Cow::Borrowed(_)) | None => text,
        }
    }

    /// The first `limit` bytes of an item as text, masked.
    ///
    /// Cut before it is searched, so that a large item costs no more than a letter's worth; but further on than
    /// `limit`, since half a secret would not be recognised. What comes out of the last [`MARGIN_BYTES`], where such a
    /// half may stand, is left out.
    pub(crate) fn payload(self, raw: &[u8], limit: usize) -> String {
        let searched = raw.get(..limit + MARGIN_BYTES).unwrap_or(raw);
        let mut text = match self.redactor {
            Some(redactor) => redactor.bytes_as_text(searched),
            None => String::from_utf8_lossy(searched).into_owned(),
        };
        let left_out = if searched.len() < raw.len() {
            MARGIN_BYTES
        } else {
            0
        };
        let end = text.len().saturating_sub(left_out).min(limit);
        text.truncate(clip(&text, end).len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;

    fn payload(raw: &str) -> String {
        let redactor = Redactor::new().unwrap();
        Redaction::of_body(&redactor, raw.as_bytes()).payload(raw.as_bytes(), LIMIT)
    }

    #[test]
    fn a_secret_across_the_cut_does_not_pass() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        for start in (LIMIT - 50..=LIMIT).chain(LIMIT + MARGIN_BYTES - 50..LIMIT + MARGIN_BYTES + 5) {
            let text = format!("{} {token} {}", "-".repeat(start), "-".repeat(2 * MARGIN_BYTES));
            let payload = payload(&text);
            assert!(!payload.contains("ghp_"), "{start}");
            assert!(
                payload.len() <= LIMIT && payload.len() > LIMIT - 50,
                "{start}: {}",
                payload.len()
            );
        }
    }

    #[test]
    fn a_small_item_is_kept_whole_and_a_large_one_to_the_limit() {
        assert_eq!(payload("{\"a\": \"b"), "{\"a\": \"b");
        for bytes in [
            LIMIT,
            LIMIT + 1,
            LIMIT + MARGIN_BYTES,
            LIMIT + MARGIN_BYTES + 1,
            100_000,
        ] {
            assert_eq!(payload(&"-".repeat(bytes)).len(), LIMIT);
        }
    }
}
