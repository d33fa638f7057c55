//! A word as an event of `PagerDuty`'s. Pure.

use domain::notify::card::Card;
use domain::notify::message::{message, sentence};
use domain::notify::text::cut;
use domain::notify::{News, Word};
use domain::severity::Severity;
use domain::triage::Verdict;
use serde_json::{Map, Value, json};

/// Characters of a summary.
const SUMMARY: usize = 1024;
/// Who sends, for people.
const CLIENT: &str = "Opsward";

/// The event's JSON; `alert` is the key of the incident's alert.
pub(super) fn event(routing_key: &str, alert: &str, card: &Card, word: &Word) -> Value {
    let action = action(&word.news);
    let mut event = json!({"routing_key": routing_key, "dedup_key": alert, "event_action": action});
    if let (TRIGGER, Some(members)) = (action, event.as_object_mut()) {
        members.insert("payload".to_owned(), payload(card, word));
        members.insert("client".to_owned(), json!(CLIENT));
    }
    event
}

/// Opens an alert, or adds to it.
const TRIGGER: &str = "trigger";

const fn action(news: &News) -> &'static str {
    match news {
        News::Resolved { .. } => "resolve",
        News::Decided {
            verdict: Verdict::Accept,
            ..
        } => "acknowledge",
        News::Opened
        | News::SeverityRaised { .. }
        | News::AwaitingDecision { .. }
        | News::Decided { .. }
        | News::Reopened
        | News::Repeat => TRIGGER,
    }
}

fn payload(card: &Card, word: &Word) -> Value {
    let told = message(card);
    let facts = told
        .facts
        .iter()
        .map(|(name, fact)| ((*name).to_owned(), json!(fact)));
    let mut details: Map<String, Value> = facts.collect();
    details.insert("News".to_owned(), json!(sentence(word)));
    if !told.description.is_empty() {
        details.insert("Description".to_owned(), json!(told.description));
    }
    for (name, command) in &told.commands {
        details.insert((*name).to_owned(), json!(command));
    }
    json!({
        "summary": cut(&told.headline, SUMMARY),
        "source": format!("{}/{}", card.namespace, card.name),
        "severity": severity(card.severity),
        "timestamp": word.at,
        "component": card.resources.first(),
        "group": card.namespace,
        "class": card.rule,
        "custom_details": details,
    })
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "info",
    }
}

#[cfg(test)]
mod tests {
    use domain::incident::EndReason;
    use domain::time::Time;

    use super::*;

    fn told(news: News) -> Value {
        let card = Card {
            namespace: "shop".to_owned(),
            name: "high-cpu-k3v9q2mzra-1z4".to_owned(),
            rule: "high-cpu".to_owned(),
            title: "CPU 97%".to_owned(),
            severity: Severity::High,
            ..Card::default()
        };
        event(
            "key",
            "a1",
            &card,
            &Word {
                number: 1,
                at: Time::EPOCH,
                news,
            },
        )
    }

    #[test]
    fn an_opening_is_an_alert_with_what_is_known() {
        let event = told(News::Opened);
        for (pointer, expected) in [
            ("/event_action", "trigger"),
            ("/dedup_key", "a1"),
            ("/payload/summary", "High: CPU 97%"),
            ("/payload/severity", "error"),
            ("/payload/source", "shop/high-cpu-k3v9q2mzra-1z4"),
            (
                "/payload/custom_details/News",
                "Opened at 1970-01-01T00:00:00.000Z.",
            ),
        ] {
            assert_eq!(
                event.pointer(pointer).and_then(Value::as_str),
                Some(expected),
                "{pointer}"
            );
        }
    }

    #[test]
    fn who_accepts_acknowledges_and_an_end_resolves() {
        let decided = |verdict| News::Decided {
            verdict,
            by: "alice".to_owned(),
            why: String::new(),
        };
        for (news, expected) in [
            (decided(Verdict::Accept), "acknowledge"),
            (decided(Verdict::Discharge), "trigger"),
            (
                News::Resolved {
                    end: EndReason::Cleared,
                },
                "resolve",
            ),
            (News::Reopened, "trigger"),
        ] {
            let event = told(news);
            assert_eq!(event["event_action"], expected);
            assert_eq!(event.get("payload").is_some(), expected == "trigger");
        }
    }
}
