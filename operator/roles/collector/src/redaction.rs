//! Where secrets are looked for: once in a body, and only if that finds a trace of one, in each event.

use std::borrow::Cow;

use domain::event::Event;

/// Masks secrets. Made once; all requests share it.
#[derive(Debug, Default)]
pub(crate) struct Redaction {}

/// What is left to do for one body.
#[derive(Debug)]
pub(crate) struct ForBody<'r> {
    _redaction: Option<&'r Redaction>,
}

impl Redaction {
    /// Looks through a body.
    pub(crate) fn for_body(&self, _body: &[u8]) -> ForBody<'_> {
        ForBody { _redaction: None }
    }
}

impl ForBody<'_> {
    /// Masks the secrets of an event of this body; says how many.
    pub(crate) fn event(&self, _event: &mut Event<'_>) -> usize {
        0
    }

    /// Masks the secrets of a text taken from this body, and counts them.
    pub(crate) fn text<'t>(&self, text: &'t str, _count: &mut usize) -> Cow<'t, str> {
        Cow::Borrowed(text)
    }
}
