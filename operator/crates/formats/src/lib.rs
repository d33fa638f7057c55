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
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// The item's own JSON text, for its dead letter. Not redacted.
    pub raw: &'a str,
    /// How many of its labels were left out or shortened to stay within [`domain::event::bounds`].
    pub labels_cut: usize,
    /// The event, or why there is none. `id`, `namespace` and `deliveryKey` are left empty.
    pub result: Result<Event<'a>, Refusal>,
}

/// Makes events of a request's body, in the order of its items. No items is a success: an empty batch.
///
/// # Errors
/// The body as a whole cannot be read: not UTF-8, not JSON, not the format's shape, too deep, too many items.
pub fn parse<'a>(format: Format, input: &Input<'a>) -> Result<Vec<Item<'a>>, Refusal> {
    let text = body::text(input.body)?;
    match format {
        Format::Webhook => webhook::parse(text, input),
        Format::Alertmanager => alertmanager::parse(text, input),
    }
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
