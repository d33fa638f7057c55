//! An incident as Slack shows it: Block Kit. Pure. Text of others stands in `plain_text` only, where Slack knows no mention, no
//! link and no markup; what is `mrkdwn` is ours. Limits: <https://docs.slack.dev/reference/block-kit/blocks>.

use domain::notify::card::Card;
use domain::notify::message::{self, Message, message};
use domain::notify::text::cut;
use serde_json::{Value, json};

/// Characters of a header.
const HEADER: usize = 150;
/// Characters of a section's text.
const SECTION: usize = 3000;
/// Characters of a field of a section.
const FIELD: usize = 2000;
/// Fields of a section.
const FIELDS: usize = 10;
/// Characters of the text for notifications on a phone's lock screen: as much as one reads there.
const PREVIEW: usize = 300;

/// What stands in the text of a request besides its channel: `text`, `blocks`.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// For notifications, and for whoever cannot see blocks.
    pub text: String,
    /// Blocks.
    pub blocks: Value,
}

/// The incident's message.
pub fn incident(card: &Card) -> Shown {
    let told = message(card);
    let mut blocks = vec![
        json!({"type": "header", "text": plain(&format!("{} {}", message::sign(card), told.headline), HEADER)}),
        section(&told.standing),
    ];
    if !told.description.is_empty() {
        blocks.push(section(&told.description));
    }
    blocks.push(fields(&told));
    blocks.extend(commands(&told));
    Shown {
        text: preview(&format!("{} {}", message::sign(card), told.headline)),
        blocks: Value::Array(blocks),
    }
}

/// What happened, as an answer in the thread.
pub fn change(sentence: &str) -> Shown {
    Shown {
        text: preview(sentence),
        blocks: json!([section(sentence)]),
    }
}

fn plain(text: &str, most: usize) -> Value {
    json!({"type": "plain_text", "text": cut(text, most), "emoji": false})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": plain(text, SECTION)})
}

fn fields(told: &Message) -> Value {
    let shown = told.facts.iter().take(FIELDS);
    let fields: Vec<Value> = shown
        .map(|(name, fact)| plain(&format!("{name}\n{fact}"), FIELD))
        .collect();
    json!({"type": "section", "fields": fields})
}

/// Commands as code, so that they can be copied. They hold names that Kubernetes has checked, and no other text.
fn commands(told: &Message) -> Option<Value> {
    let lines: Vec<&str> = told.commands.iter().map(|(_, command)| &**command).collect();
    let code = format!("```{}```", escape(&lines.join("\n")));
    let fits = code.chars().count() <= SECTION && !lines.is_empty();
    fits.then(|| json!({"type": "section", "text": {"type": "mrkdwn", "text": code, "verbatim": true}}))
}

/// The text of a notification is read for `<…>` even where blocks are shown.
fn preview(text: &str) -> String {
    escape(&cut(text, PREVIEW))
}

/// What Slack asks for in text: <https://docs.slack.dev/messaging/formatting-message-text#escaping>.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use domain::notify::card::{Asked, Counts};
    use domain::severity::Severity;
    use domain::time::Time;

    use super::*;

    fn card(title: &str) -> Card {
        Card {
            namespace: "shop".to_owned(),
            name: "high-cpu-k3v9q2mzra-1z4".to_owned(),
            rule: "high-cpu".to_owned(),
            title: title.to_owned(),
            description: title.to_owned(),
            severity: Severity::Critical,
            group: title.to_owned(),
            resources: vec![title.to_owned(); 10],
            links: vec![("runbook".to_owned(), title.to_owned()); 5],
            counts: Counts::default(),
            asked: Some(Asked {
                number: 1,
                name: "high-cpu-d1".to_owned(),
                approvers: title.to_owned(),
                until: Time::EPOCH,
                command: "kubectl patch td high-cpu-d1 -p '{\"spec\":{\"decision\":\"Accept\"}}'".to_owned(),
            }),
            ..Card::default()
        }
    }

    #[test]
    fn an_incident_is_a_header_its_standing_facts_and_what_to_type() {
        let shown = incident(&card("CPU 97%"));
        assert_eq!(shown.text, "🔴 Critical: CPU 97%");
        let kinds: Vec<&str> = shown
            .blocks
            .as_array()
            .unwrap()
            .iter()
            .map(|block| block["type"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["header", "section", "section", "section", "section"]);
        let code = shown.blocks[4]["text"]["text"].as_str().unwrap();
        assert!(code.starts_with("```kubectl patch td high-cpu-d1"), "{code}");
    }

    #[test]
    fn text_of_others_is_plain_and_within_limits() {
        for hostile in [
            "<!channel> <@U1> <https://evil.example|bank> *bold* https://evil.example @here",
            "&lt;!here&gt; `code` ~x~ :rotating_light: \u{202e}",
        ] {
            for text in [hostile.to_owned(), hostile.repeat(5_000)] {
                let shown = incident(&card(&text));
                assert!(!shown.text.contains(['<', '>']), "{}", shown.text);
                assert!(shown.text.chars().count() <= 2 * PREVIEW);
                let blocks = shown.blocks.as_array().unwrap();
                assert!(blocks.len() <= 50);
                let mut texts = Vec::new();
                for block in blocks {
                    texts.extend(block.get("text").into_iter().map(|text| {
                        (
                            text,
                            if block["type"] == "header" {
                                HEADER
                            } else {
                                SECTION
                            },
                        )
                    }));
                    let fields = block
                        .get("fields")
                        .and_then(Value::as_array)
                        .into_iter()
                        .flatten();
                    texts.extend(fields.map(|field| (field, FIELD)));
                }
                for (text, most) in texts {
                    let content = text["text"].as_str().unwrap();
                    assert!((1..=most).contains(&content.chars().count()), "{content}");
                    let ours = content.starts_with("```");
                    assert_eq!(text["type"] == "mrkdwn", ours, "{text}");
                    assert!(!ours || !content.contains("evil"), "{content}");
                }
            }
        }
    }

    #[test]
    fn a_change_is_a_sentence() {
        let shown = change("bob <b@x> accepted: has it.");
        assert_eq!(shown.text, "bob &lt;b@x&gt; accepted: has it.");
        assert_eq!(shown.blocks[0]["text"]["text"], "bob <b@x> accepted: has it.");
    }
}
