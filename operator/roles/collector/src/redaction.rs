//! Where secrets are looked for: once in a body, and only if that finds a trace of one, in each of its items.
//! What a secret is, `domain::redact` knows.

use std::borrow::Cow;

use domain::event::{Event, clip};
use domain::redact::Redactor;

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

    /// The first `limit` bytes of an item as text, masked before it is cut: half a secret would not be recognised.
    pub(crate) fn payload(self, raw: &[u8], limit: usize) -> String {
        match self.redactor {
            Some(redactor) => clip(&redactor.bytes_as_text(raw), limit).to_owned(),
            None => clip(&String::from_utf8_lossy(raw), limit).to_owned(),
        }
    }
}
