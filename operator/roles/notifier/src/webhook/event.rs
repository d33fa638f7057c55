//! A word as a `CloudEvent` 1.0, structured. Pure.

use domain::notify::card::Card;
use domain::notify::message::sentence;
use domain::notify::{News, Word};
use domain::task::Place;
use serde_json::json;

/// Who sends.
const SOURCE: &str = "/opsward/notifier";

/// The event's JSON.
pub(super) fn cloud_event(place: &Place, card: &Card, word: &Word, id: &str) -> String {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": kind(&word.news),
        "subject": format!("{}/{}", card.namespace, card.name),
        "time": word.at,
        "datacontenttype": "application/json",
        "correlationid": card.correlation_id,
        "data": {
            "channel": place.slot,
            "news": word.news,
            "text": sentence(word),
            "incident": card,
        },
    })
    .to_string()
}

const fn kind(news: &News) -> &'static str {
    match news {
        News::Opened => "dev.opsward.opsevent.opened",
        News::SeverityRaised { .. } | News::Repeat => "dev.opsward.opsevent.updated",
        News::AwaitingDecision { .. } => "dev.opsward.decision.requested",
        News::Decided { .. } => "dev.opsward.decision.made",
        News::Resolved { .. } => "dev.opsward.opsevent.resolved",
        News::Reopened => "dev.opsward.opsevent.reopened",
    }
}

#[cfg(test)]
mod tests {
    use domain::severity::Severity;
    use domain::time::Time;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_word_is_a_cloud_event() {
        let place = Place {
            namespace: "shop".to_owned(),
            incident: "k3v9q2mzra-1z4".to_owned(),
            slot: "pager".to_owned(),
        };
        let card = Card {
            namespace: "shop".to_owned(),
            name: "high-cpu-k3v9q2mzra-1z4".to_owned(),
            correlation_id: "01JD".to_owned(),
            ..Card::default()
        };
        let word = Word {
            number: 2,
            at: Time::EPOCH,
            news: News::SeverityRaised { to: Severity::High },
        };
        let event: Value = serde_json::from_str(&cloud_event(&place, &card, &word, "a-2")).unwrap();
        for (pointer, expected) in [
            ("/specversion", "1.0"),
            ("/id", "a-2"),
            ("/type", "dev.opsward.opsevent.updated"),
            ("/subject", "shop/high-cpu-k3v9q2mzra-1z4"),
            ("/time", "1970-01-01T00:00:00.000Z"),
            ("/correlationid", "01JD"),
            ("/data/channel", "pager"),
            ("/data/news/reason", "severityRaised"),
            ("/data/news/to", "High"),
            ("/data/text", "Severity raised to High."),
            ("/data/incident/name", "high-cpu-k3v9q2mzra-1z4"),
        ] {
            assert_eq!(
                event.pointer(pointer).and_then(Value::as_str),
                Some(expected),
                "{pointer}"
            );
        }
    }
}
