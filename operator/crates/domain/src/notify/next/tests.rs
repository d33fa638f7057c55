//! What is told when.

use super::super::card::{Asked, Counts, Decided, Ended};
use super::super::{On, Target};
use super::*;
use crate::incident::EndReason;
use crate::severity::Severity;
use crate::task::Place;

const fn at(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

fn terms(target: Target) -> Terms {
    Terms {
        name: "shop".to_owned(),
        target,
        on: On::ALL.to_vec(),
        repeat: None,
    }
}

fn slack() -> Target {
    Target::Slack {
        channel: "#shop".to_owned(),
        secret: "slack".to_owned(),
    }
}

fn webhook() -> Target {
    Target::Webhook {
        url: Some("https://example.com/hook".to_owned()),
        secret: None,
    }
}

fn card() -> Card {
    Card {
        title: "CPU 97%".to_owned(),
        severity: Severity::High,
        opened_at: at(1),
        counts: Counts {
            count: 1,
            problems: 1,
            last_seen: at(1),
        },
        ..Card::default()
    }
}

fn asked(number: u32) -> Asked {
    Asked {
        number,
        name: format!("high-cpu-d{number}"),
        approvers: "group sre".to_owned(),
        until: at(900),
        command: "kubectl patch".to_owned(),
    }
}

fn ended(seconds: i64) -> Ended {
    Ended {
        at: at(seconds),
        reason: EndReason::Cleared,
    }
}

/// A channel of an incident, as its record moves.
struct Channel {
    terms: Terms,
    task: Option<Notification>,
}

impl Channel {
    fn new(target: Target) -> Self {
        Self {
            terms: terms(target),
            task: None,
        }
    }

    /// Looks at `now`, and gives the reasons of the words that are wanted then and were not before.
    fn look(&mut self, card: &Card, seconds: i64) -> Vec<String> {
        let last = self.task.as_ref().map_or(0, |task| task.input.said.last);
        let Some(notice) = next(card, &self.terms, self.task.as_ref(), false, at(seconds)).notice else {
            return vec!["nothing".to_owned()];
        };
        let words = notice.words.iter().filter(|word| word.number > last);
        let reasons = words
            .map(|word| {
                serde_json::to_value(&word.news).unwrap()["reason"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        if let Some(task) = &mut self.task {
            task.want(notice, at(seconds));
        } else {
            let place = Place {
                namespace: "shop".to_owned(),
                incident: "i".to_owned(),
                slot: "shop".to_owned(),
            };
            self.task = Some(Notification::new(place, notice, at(seconds)));
        }
        reasons
    }

    /// The notifier has told everything.
    fn tell(&mut self) {
        if let Some(task) = &mut self.task {
            task.output.told = task.input.said.last;
            task.done(task.revision, at(0));
        }
    }
}

#[test]
fn a_whole_life_is_told_once() {
    for target in [slack(), webhook()] {
        let mut channel = Channel::new(target);
        let mut card = card();
        assert_eq!(channel.look(&card, 1), ["opened"]);
        assert_eq!(channel.look(&card, 2), ["nothing"]);
        channel.tell();
        assert_eq!(channel.look(&card, 3), ["nothing"]);
        card.severity = Severity::Critical;
        card.standing = Standing::AwaitingDecision;
        card.asked = Some(asked(1));
        assert_eq!(channel.look(&card, 4), ["severityRaised", "awaitingDecision"]);
        card.asked = Some(asked(2));
        assert_eq!(channel.look(&card, 5), ["awaitingDecision"]);
        card.asked = None;
        card.standing = Standing::Acknowledged;
        card.decided = Some(Decided {
            verdict: Verdict::Accept,
            by: "alice".to_owned(),
            why: String::new(),
            at: at(6),
        });
        assert_eq!(channel.look(&card, 6), ["decided"]);
        card.ended = Some(ended(7));
        card.standing = Standing::Resolved;
        assert_eq!(channel.look(&card, 7), ["resolved"]);
        assert_eq!(channel.look(&card, 8), ["nothing"]);
        card.ended = None;
        card.reopened = 1;
        card.standing = Standing::Acknowledged;
        assert_eq!(channel.look(&card, 9), ["reopened"]);
        card.ended = Some(ended(10));
        assert_eq!(channel.look(&card, 10), ["resolved"]);
        let numbers: Vec<u64> = channel
            .task
            .unwrap()
            .input
            .words
            .iter()
            .map(|word| word.number)
            .collect();
        assert_eq!(
            numbers,
            [2, 3, 4, 5, 6, 7, 8],
            "the first was told, the others wait"
        );
    }
}

#[test]
fn what_came_and_went_unseen_is_told_in_order() {
    let mut channel = Channel::new(webhook());
    let mut card = card();
    channel.look(&card, 1);
    card.ended = Some(ended(2));
    assert_eq!(channel.look(&card, 2), ["resolved"]);
    card.reopened = 1;
    card.ended = Some(ended(9));
    assert_eq!(channel.look(&card, 9), ["reopened", "resolved"]);
}

#[test]
fn resolved_is_told_only_where_something_was() {
    let mut over = card();
    over.ended = Some(ended(5));
    let look = |on: &[On], is_known| {
        let terms = Terms {
            on: on.to_vec(),
            ..terms(slack())
        };
        next(&over, &terms, None, is_known, at(6)).notice
    };
    assert_eq!(look(&On::ALL, true), None, "the channel is younger than the end");
    let whole = look(&On::ALL, false).unwrap().words;
    assert_eq!(whole.len(), 2, "it came and went while nobody looked");
    assert_eq!(look(&[On::Resolved], false).unwrap().words, []);
    let mut channel = Channel::new(slack());
    channel.terms.on = vec![On::AwaitingDecision, On::Resolved];
    let mut card = card();
    assert_eq!(channel.look(&card, 1), [""; 0], "noted");
    card.asked = Some(asked(1));
    assert_eq!(channel.look(&card, 2), ["awaitingDecision"]);
    card.ended = Some(ended(3));
    assert_eq!(channel.look(&card, 3), ["resolved"]);
}

#[test]
fn what_a_rule_does_not_want_told_still_brings_the_message_up_to_date() {
    let mut card = card();
    let (mut edits, mut appends) = (Channel::new(slack()), Channel::new(webhook()));
    for channel in [&mut edits, &mut appends] {
        channel.terms.on = vec![On::Opened];
        channel.look(&card, 1);
    }
    card.severity = Severity::Critical;
    assert_eq!(edits.look(&card, 2), [""; 0], "an update without a word");
    assert_eq!(appends.look(&card, 2), [""; 0], "noted");
    assert_eq!(appends.look(&card, 3), ["nothing"]);
}

#[test]
fn counts_bring_a_message_up_to_date_ever_less_often() {
    let mut channel = Channel::new(slack());
    let mut card = card();
    channel.look(&card, 0);
    let mut updates = Vec::new();
    for second in 1..=700 {
        card.counts.count += 150;
        if channel.look(&card, second).is_empty() {
            updates.push(second);
        }
    }
    assert_eq!(updates, [10, 30, 70, 150, 310, 610]);
    let again = next(&card, &channel.terms, channel.task.as_ref(), false, at(700));
    assert_eq!(again.look_again, Some(at(910)));
}

#[test]
fn an_incident_that_nobody_has_is_told_again() {
    let mut channel = Channel::new(webhook());
    channel.terms.repeat = Some(Duration::from_hours(4));
    let mut card = card();
    channel.look(&card, 0);
    let waits = next(&card, &channel.terms, channel.task.as_ref(), false, at(60));
    assert_eq!(waits.look_again, Some(at(4 * 3600)));
    assert_eq!(channel.look(&card, 4 * 3600), ["repeat"]);
    assert_eq!(channel.look(&card, 5 * 3600), ["nothing"]);
    card.decided = Some(Decided {
        verdict: Verdict::Accept,
        by: "alice".to_owned(),
        why: String::new(),
        at: at(5 * 3600),
    });
    card.standing = Standing::Acknowledged;
    channel.look(&card, 5 * 3600);
    assert_eq!(
        next(&card, &channel.terms, channel.task.as_ref(), false, at(90_000)),
        Next::default()
    );
}

#[test]
fn another_target_gets_the_incident_anew() {
    let mut channel = Channel::new(slack());
    channel.look(&card(), 0);
    channel.tell();
    channel.terms.target = webhook();
    assert_eq!(channel.look(&card(), 1), ["opened"]);
    assert_eq!(channel.look(&card(), 2), ["nothing"]);
    channel.tell();
    channel.terms.target = slack();
    let mut over = card();
    over.ended = Some(ended(3));
    assert_eq!(channel.look(&over, 3), ["resolved"]);
    assert_eq!(
        channel.task.unwrap().input.target,
        webhook(),
        "its end is told where it was told"
    );
}

#[test]
fn a_channel_that_cannot_be_reached_keeps_the_first_word_and_the_newest() {
    let mut channel = Channel::new(webhook());
    let mut card = card();
    channel.look(&card, 0);
    for number in 1..=40 {
        card.asked = Some(asked(number));
        channel.look(&card, i64::from(number));
    }
    let words = channel.task.unwrap().input.words;
    let numbers: Vec<u64> = words.iter().map(|word| word.number).collect();
    assert_eq!(
        (numbers.len(), numbers[0], numbers[1], numbers[15]),
        (16, 1, 27, 41)
    );
}

#[test]
fn what_the_rule_does_not_want_told_neither_stops_repeats_nor_comes_again() {
    let mut channel = Channel::new(webhook());
    channel.terms.on = vec![On::Opened, On::Resolved];
    channel.terms.repeat = Some(Duration::from_hours(4));
    let mut card = card();
    channel.look(&card, 0);
    card.severity = Severity::Critical;
    assert_eq!(channel.look(&card, 60), [""; 0], "noted");
    let waits = next(&card, &channel.terms, channel.task.as_ref(), false, at(61));
    assert_eq!((waits.notice, waits.look_again), (None, Some(at(4 * 3600))));
    assert_eq!(channel.look(&card, 5 * 3600), ["repeat"]);
}

#[test]
fn a_rule_that_wants_only_later_words_gets_them() {
    let mut channel = Channel::new(webhook());
    channel.terms.on = vec![On::SeverityRaised, On::Resolved];
    let mut card = card();
    assert_eq!(channel.look(&card, 0), [""; 0]);
    card.severity = Severity::Critical;
    assert_eq!(channel.look(&card, 1), ["severityRaised"]);
    card.ended = Some(ended(2));
    assert_eq!(channel.look(&card, 2), ["resolved"]);
    let mut silent = Channel::new(slack());
    silent.terms.on = vec![On::SeverityRaised, On::Resolved];
    silent.look(&self::card(), 0);
    assert_eq!(silent.look(&card, 3)[..1], ["severityRaised"]);
}

#[test]
fn a_secret_by_another_name_is_no_other_place() {
    let mut channel = Channel::new(slack());
    channel.look(&card(), 0);
    let renamed = Target::Slack {
        channel: "#shop".to_owned(),
        secret: "renamed".to_owned(),
    };
    channel.terms.target = renamed.clone();
    assert_eq!(channel.look(&card(), 1), [""; 0], "nothing is said again");
    assert_eq!(channel.task.as_ref().unwrap().input.target, renamed);
    // Mended after the end, though nothing was ever told.
    let mut over = card();
    over.ended = Some(ended(2));
    channel.look(&over, 2);
    channel.terms.target = webhook();
    channel.look(&over, 3);
    assert_eq!(channel.task.unwrap().input.target, webhook());
}
