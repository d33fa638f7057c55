//! Security Hub: findings of Security Hub CSPM (ASFF) and of the new Security Hub (OCSF), and insights that a
//! person sent. Schemas: Security Hub User Guide, "`EventBridge` event formats", and those that the two modules
//! name.
//!
//! A finding comes again with every evaluation of its control, and the whole of it each time. All of that is one
//! occurrence: that of the finding's creation. What ends it (resolved, suppressed, archived, passed) and what
//! brings it back are told apart by the later of the finding's own time of update and the event's: what a person does
//! to a finding (`BatchUpdateFindings`) leaves its time of update alone.

mod asff;
mod ocsf;

use std::borrow::Cow;

use domain::event::{Event, EventState};
use domain::hash::Hash128;
use domain::time::Time;
use serde_json::value::RawValue;

use super::envelope::Envelope;
use super::object::Object;
use crate::refusal::{Place, Refusal};
use crate::{Format, Input, cut, delivery_key, sent_time};

/// The detail-type of the new Security Hub.
pub(super) const FINDINGS_V2: &str = "Findings Imported V2";

/// The list that holds the findings.
const FINDINGS: &str = "detail.findings";

/// What the findings of an event share. Read once: thousands of them would each search all of a large `detail`.
pub(super) struct Batch<'a> {
    envelope: Envelope<'a>,
    delivery_key: Cow<'a, str>,
    /// `detail.actionName`, of findings that a person sent by a custom action.
    action_name: Cow<'a, str>,
}

impl<'a> Batch<'a> {
    /// Cut here, for the same reason: each finding takes a copy.
    pub(super) fn of(mut envelope: Envelope<'a>) -> Self {
        for text in [&mut envelope.account, &mut envelope.region] {
            *text = cut::short(std::mem::take(text));
        }
        Self {
            delivery_key: envelope.delivery_key(),
            action_name: cut::short(envelope.detail.scalar("actionName")),
            envelope,
        }
    }
}

/// A finding as sent, and where.
pub(super) struct Sent<'a> {
    raw: &'a RawValue,
    index: usize,
    /// Whether the event holds others: then the event's id is not enough for a delivery key.
    has_others: bool,
}

impl<'a> Sent<'a> {
    /// Its text.
    pub(super) fn text(&self) -> &'a str {
        self.raw.get()
    }
}

/// The findings of an event.
pub(super) fn split<'a>(findings: &[&'a RawValue]) -> impl Iterator<Item = Sent<'a>> {
    let has_others = findings.len() > 1;
    findings.iter().enumerate().map(move |(index, raw)| Sent {
        raw,
        index,
        has_others,
    })
}

/// Makes an event of one finding.
pub(super) fn event<'a>(
    batch: &Batch<'a>,
    sent: &Sent<'a>,
    input: &Input<'a>,
) -> Result<(Event<'a>, usize), Refusal> {
    let envelope = &batch.envelope;
    let finding = Object::of(sent.text(), Place::Element(FINDINGS, sent.index))?;
    let is_ocsf =
        finding.has("class_uid") || (envelope.detail_type == FINDINGS_V2 && !finding.has("ProductArn"));
    let (mut event, labels_cut) = if is_ocsf {
        ocsf::event(envelope, &finding, input)?
    } else {
        asff::event(batch, &finding, input)?
    };
    event.delivery_key = if sent.has_others {
        delivery_key::of_item(&batch.delivery_key, sent.index)
    } else {
        batch.delivery_key.clone()
    };
    Ok((event, labels_cut))
}

/// When a finding became what it is, as far as anything tells.
fn occurred_at(updated_at: Option<Time>, envelope: &Envelope<'_>, input: &Input<'_>) -> Time {
    let told_at = updated_at.max(envelope.time);
    sent_time::clamped(told_at.unwrap_or(input.received_at), input.received_at)
}

/// Makes an event of the results of an insight, which a person sent by a custom action: for the record.
pub(super) fn insight<'a>(envelope: &Envelope<'a>, input: &Input<'a>) -> Result<(Event<'a>, usize), Refusal> {
    let detail = &envelope.detail;
    let arn = detail.required("insightArn", "send the event as Security Hub made it")?;
    let name = detail.first(&["insightName", "actionName"]);
    let event = Event {
        fingerprint: Hash128::of([Format::EventBridge.name(), "aws.securityhub", "insight", &arn]),
        fingerprint_fields: ["detail.insightArn"].into_iter().collect(),
        state: EventState::Info,
        title: match cut::title(name) {
            title if title.is_empty() => cut::title(envelope.detail_type.clone()),
            title => title,
        },
        description: cut::description(detail.scalar("actionDescription"), ""),
        ..envelope.event(input)?
    };
    Ok((event, 0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_findings_share_is_read_and_cut_once() {
        // An escape makes each of them a text of its own, which every finding would copy.
        let long = format!("\n{}", "x".repeat(100_000));
        let sent = json!({"source": "aws.securityhub", "detail-type": "Security Hub Findings - Custom Action", "id": long,
            "account": long, "region": long, "detail": {"actionName": long, "findings": []}});
        let text = sent.to_string();
        let batch = Batch::of(Envelope::read(Object::of(&text, Place::Body).unwrap()).unwrap());
        let Batch {
            envelope,
            delivery_key,
            action_name,
        } = &batch;
        for shared in [action_name, delivery_key, &envelope.account, &envelope.region] {
            assert!((1..=256).contains(&shared.len()), "{}", shared.len());
        }
    }
}
