//! Shapes that are easily taken for an event of `EventBridge`, told by their names, and what is no shape of AWS
//! at all.

use serde_json::value::RawValue;

use super::object::Object;
use super::s3;
use crate::body::{self, Elements, MAX_DEPTH};
use crate::refusal::{Place, Reason, Refusal};

/// Whether a JSON object, or an element of a JSON list, looks like anything that this format reads, or refuses by
/// name, rather than like a stranger's.
pub(crate) fn knows(text: &str) -> bool {
    if text.starts_with('[') {
        // As for an object.
        if body::too_deep(text, MAX_DEPTH) {
            return true;
        }
        let elements = serde_json::from_str::<Elements<&RawValue>>(text);
        return elements.is_ok_and(|Elements(elements)| elements.iter().any(|raw| knows_object(raw.get())));
    }
    knows_object(text)
}

/// What nests too deep is refused rather than kept as it is: so it counts as known.
fn knows_object(text: &str) -> bool {
    const NAMES: [&str; 7] = [
        "detail-type",
        "DetailType",
        "Entries",
        "eventArn",
        "AlarmName",
        "alarmData",
        "Records",
    ];
    text.starts_with('{')
        && Object::of(text, Place::Body).map_or(true, |sent| {
            NAMES.into_iter().any(|name| sent.has(name)) || sent.scalar("Event") == s3::TEST_EVENT
        })
}

/// Names the shapes that are easily taken for an event of `EventBridge`.
pub(super) fn refuse(sent: &Object<'_>) -> Result<(), Refusal> {
    let wrong = |name: &'static str, problem: &str| {
        Err(Refusal::new(
            Reason::WrongShape,
            format!("{}: {problem}", sent.at(name)),
        ))
    };
    for name in ["DetailType", "Detail", "Entries"] {
        if sent.has(name) {
            let problem = "this is what a client gives to PutEvents (DetailType, Detail), not what EventBridge \
                           delivers; send it with detail-type, detail, source, account, time and region";
            return wrong(name, problem);
        }
    }
    if sent.scalar("source") == "aha" || sent.scalar("detail-type") == "AHA Event" {
        let problem = "this is AWS Health Aware's (AHA) own shape, not AWS Health's; let the rule of EventBridge \
                       match the source aws.health";
        return wrong("source", problem);
    }
    if sent.has("eventArn") && !sent.has("detail") {
        let problem = "this is the detail of an AWS Health event without its envelope; send source, detail-type \
                       and detail";
        return wrong("eventArn", problem);
    }
    if sent.has("TopicArn") && sent.has("Type") {
        return wrong("Type", "this is SNS's envelope; set format: sns for this source");
    }
    Ok(())
}
