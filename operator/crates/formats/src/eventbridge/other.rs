//! Events of `EventBridge` that have no reader of their own: for the record, so that a rule can match them.

use domain::event::Event;
use domain::hash::Hash128;
use domain::json::Strings;

use super::envelope::Envelope;
use crate::refusal::Refusal;
use crate::{Format, Input, cut};

/// What kind of thing happened to what: the source, the detail-type, and the resources, or the detail's own id
/// where the envelope names no resource.
pub(super) fn event<'a>(envelope: &Envelope<'a>, input: &Input<'a>) -> Result<(Event<'a>, usize), Refusal> {
    let mut event = envelope.event(input)?;
    let id = envelope.detail.first(&["id", "Id", "ID", "arn", "Arn"]);
    let mut parts = vec![
        Format::EventBridge.name(),
        &*envelope.source,
        &*envelope.detail_type,
    ];
    let named = match &event.resources {
        Strings(resources) if !resources.is_empty() => {
            parts.extend(resources.iter().map(|resource| &**resource));
            Some("resources")
        }
        _ if !id.is_empty() => {
            parts.push(&*id);
            Some("detail.id")
        }
        _ => None,
    };
    event.fingerprint = Hash128::of(parts);
    event.fingerprint_fields = ["source", "detail-type"].into_iter().chain(named).collect();
    event.title = cut::title(envelope.detail_type.clone());
    Ok((event, 0))
}
