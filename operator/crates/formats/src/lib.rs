//! Bytes become events: one pure parser per input format, chosen by the source's configuration. Nothing here
//! reads a clock, keeps state, or gives ids; enrichment, redaction and namespaces are the collector's.
//!
//! This is the hot path of ingest: an item is parsed once into types that borrow from the body.

mod alertmanager;
mod annotations;
mod authority;
mod body;
mod cut;
mod data;
mod field;
mod labels;
mod refusal;
mod sent_time;
mod webhook;

use domain::event::Event;
use domain::time::Time;

pub use body::{MAX_DEPTH, MAX_ITEMS};
pub use refusal::{Reason, Refusal};

/// An input format: the sender's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Opsward's own small body, for scripts and whatever can post JSON.
    Webhook,
    /// Alertmanager's webhook (version 4) and the alerts that Prometheus posts to its v2 API.
    Alertmanager,
}

impl Format {
    /// All formats, as users list them.
    pub const ALL: [Self; 2] = [Self::Webhook, Self::Alertmanager];

    /// The name in configuration, paths, metrics and `source.format`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Alertmanager => "alertmanager",
        }
    }

    /// The format of that name; names are exact.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Whether its problems begin and end by messages (they carry an `occurrenceKey`), so that silence never
    /// ends one.
    pub const fn has_life_cycle(self) -> bool {
        match self {
            Self::Webhook => false,
            Self::Alertmanager => true,
        }
    }
}

/// One request as the collector has it.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The body, already within the size bound and unpacked.
    pub body: &'a [u8],
    /// When the collector had it whole.
    pub received_at: Time,
    /// The configured source's name.
    pub source: &'a str,
}

/// One item of a request; it lives and dies alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// How many of its labels were left out or shortened to stay within [`domain::event::bounds`].
    pub labels_cut: usize,
    /// The event, or why there is none. `id`, `namespace` and `deliveryKey` are left empty.
    pub result: Result<Event<'a>, Refusal>,
}

impl<'a> From<Result<(Event<'a>, usize), Refusal>> for Item<'a> {
    /// From an event with the number of its labels that were cut.
    fn from(result: Result<(Event<'a>, usize), Refusal>) -> Self {
        match result {
            Ok((event, labels_cut)) => Self {
                labels_cut,
                result: Ok(event),
            },
            Err(refusal) => Self {
                labels_cut: 0,
                result: Err(refusal),
            },
        }
    }
}

/// The items of one request, each made when it is asked for: an event is large, and one at a time stays in the cache.
pub type Items<'a> = Box<dyn ExactSizeIterator<Item = Item<'a>> + 'a>;

/// Makes events of a request's body, in the order of its items. No items is a success: an empty batch.
///
/// # Errors
/// The body as a whole cannot be read: not UTF-8, not JSON, not the format's shape, too deep, too many items.
pub fn parse(format: Format, input: Input<'_>) -> Result<Items<'_>, Refusal> {
    let text = body::text(input.body)?;
    match format {
        Format::Webhook => webhook::parse(text, input),
        Format::Alertmanager => alertmanager::parse(text, input),
    }
}

/// The items' own JSON texts in their order, for dead letters: not redacted. Read anew, because few bodies have an
/// item that needs one; none for a body that [`parse`] refuses as a whole.
pub fn texts(format: Format, body: &[u8]) -> Vec<&str> {
    let Ok(text) = body::text(body) else {
        return Vec::new();
    };
    let texts = match format {
        Format::Webhook => webhook::texts(text),
        Format::Alertmanager => alertmanager::texts(text),
    };
    texts.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_own_name_only() {
        for format in Format::ALL {
            assert_eq!(Format::from_name(format.name()), Some(format));
        }
        assert_eq!(Format::from_name("Webhook"), None);
    }
}
