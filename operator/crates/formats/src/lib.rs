//! Bytes become events: one pure parser per input format, chosen by the source's configuration. Nothing here
//! reads a clock, keeps state, or gives ids; enrichment, redaction and namespaces are the collector's.
//!
//! This is the hot path of ingest: an item is parsed once into types that borrow from the body.

mod alert;
mod alertmanager;
mod annotations;
mod authority;
mod body;
mod cloudevents;
mod cut;
mod data;
mod delivery_key;
mod eventbridge;
mod falco;
mod field;
mod format;
mod generic;
mod github;
mod grafana;
mod labels;
mod links;
mod occurrence;
mod otel_severity;
mod otlp;
mod owned;
mod pagerduty;
mod percent;
mod reader;
mod refusal;
mod sample;
mod sent_time;
mod sns;
mod state_word;
mod surrogates;
mod template;
mod traceparent;
mod webhook;

use domain::event::Event;
use domain::time::Time;

pub use body::{MAX_DEPTH, MAX_ITEMS};
pub use cloudevents::NOT_UTF8 as HEADER_NOT_UTF8;
pub use eventbridge::InsufficientData;
pub use format::Format;
pub use generic::MappingSpec;
pub use otlp::{is_json as otlp_is_json, response as otlp_response, status as otlp_status};
pub use pagerduty::dedup_key as pagerduty_dedup_key;
pub use reader::{Reader, Settings, SettingsError};
pub use refusal::{Reason, Refusal};
pub use sample::{Sample, sample};
pub use traceparent::is_well_formed as is_traceparent;

/// How `fingerprintFields` names the configured source. What senders call themselves and their problems is so within it
/// only: two stock installations of one program name themselves alike, and one must not resolve the other's problems.
/// The ids of clouds and of GitHub are the same everywhere.
pub(crate) const SOURCE: &str = "source.name";

/// One request as the collector has it.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The body, already within the size bound and unpacked.
    pub body: &'a [u8],
    /// The request's headers whose values are text, their names in lower case. A `ce-` header that is none has the value
    /// [`HEADER_NOT_UTF8`].
    pub headers: &'a [(&'a str, &'a str)],
    /// When the collector had it whole.
    pub received_at: Time,
    /// The configured source's name.
    pub source: &'a str,
}

impl<'a> Input<'a> {
    /// The first header of that name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let found = self.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value)
    }
}

/// One item of a request; it lives and dies alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// How many of its labels were left out or shortened to stay within [`domain::event::bounds`].
    pub labels_cut: usize,
    /// The event, or why there is none. `id` and `namespace` are left empty; `deliveryKey` is what the format has for
    /// one, beginning with the format's name.
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
