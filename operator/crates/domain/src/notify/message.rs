//! An incident in words: what every channel says, each in its own shape. The text of others in it is harmless for the eye
//! ([`super::text`]) and not yet escaped for any markup.

use super::card::{Card, Standing};
use super::text::{cut, line, lines};
use super::{News, Word};
use crate::incident::EndReason;
use crate::severity::Severity;
use crate::triage::Verdict;

/// Characters of a headline.
const HEADLINE: usize = 140;
/// Characters of the description.
const DESCRIPTION: usize = 1000;
/// Characters of a fact.
const FACT: usize = 300;
/// Characters of what a person said.
const REASON: usize = 500;

/// An incident in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What is wrong, with severity, in a line.
    pub headline: String,
    /// How it stands and what it waits for, in a sentence.
    pub standing: String,
    /// What the sender says of it; may have several lines, may be empty.
    pub description: String,
    /// What is known of it, by name.
    pub facts: Vec<(&'static str, String)>,
    /// What to type: what for, and the command.
    pub commands: Vec<(&'static str, String)>,
}

/// The severity as a sign that is told apart without colours too.
pub const fn sign(card: &Card) -> &'static str {
    match (card.standing, card.severity) {
        (Standing::Resolved | Standing::Discharged, _) => "✅",
        (_, Severity::Critical) => "🔴",
        (_, Severity::High) => "🟠",
        (_, Severity::Medium) => "🟡",
        (_, Severity::Low) => "🔵",
        (_, Severity::Info) => "⚪",
    }
}

/// The incident of `card` in words.
pub fn message(card: &Card) -> Message {
    Message {
        headline: headline(card),
        standing: standing(card),
        description: cut(&lines(&card.description), DESCRIPTION),
        facts: facts(card),
        commands: commands(card),
    }
}

fn headline(card: &Card) -> String {
    let state = match card.standing {
        Standing::Resolved => "Resolved, was ",
        Standing::Discharged => "Discharged, was ",
        Standing::Open | Standing::AwaitingDecision | Standing::Acknowledged => "",
    };
    let title = line(&card.title);
    let title = if title.is_empty() { "untitled" } else { &title };
    cut(&format!("{state}{}: {title}", card.severity.as_str()), HEADLINE)
}

fn standing(card: &Card) -> String {
    let by = card
        .decided
        .as_ref()
        .map(|decided| line(&decided.by))
        .unwrap_or_default();
    match (card.standing, &card.ended, &card.asked) {
        (Standing::Discharged, ..) => format!("Discharged by {by}: no problem."),
        (_, Some(ended), _) => format!("Resolved at {}: {}.", ended.at, why_ended(ended.reason)),
        (Standing::Acknowledged, ..) => format!("{by} has it."),
        (_, None, Some(asked)) => {
            format!(
                "Waits for a decision of {} until {}.",
                line(&asked.approvers),
                asked.until
            )
        }
        (_, None, None) => "Open.".to_owned(),
    }
}

const fn why_ended(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Cleared => "all is clear",
        EndReason::Quiet => "nothing came any more",
        EndReason::MaxOpen => "it was open for as long as its rule allows; nobody said that it is over",
        EndReason::Closed => "a person closed it",
    }
}

fn facts(card: &Card) -> Vec<(&'static str, String)> {
    let seen = card.counts;
    let mut facts = vec![
        ("Incident", format!("{}/{}", card.namespace, card.name)),
        ("Rule", card.rule.clone()),
        ("Source", card.source.clone()),
        ("Group", card.group.clone()),
        ("Resources", resources(card)),
        ("Seen", counted(card)),
        ("Opened", card.opened_at.to_string()),
        ("Last seen", seen.last_seen.to_string()),
    ];
    facts.extend(
        card.links
            .iter()
            .map(|(name, link)| ("Link", format!("{name}: {link}"))),
    );
    facts
        .into_iter()
        .map(|(name, fact)| (name, cut(&line(&fact), FACT)))
        .filter(|(_, fact)| !fact.is_empty())
        .collect()
}

fn resources(card: &Card) -> String {
    let named = card.resources.join(", ");
    if card.more_resources > 0 {
        // Said first: a cut takes the end.
        return format!("{} in all: {named}, …", more(card));
    }
    named
}

fn more(card: &Card) -> i64 {
    i64::try_from(card.resources.len())
        .unwrap_or(i64::MAX)
        .saturating_add(card.more_resources)
}

fn counted(card: &Card) -> String {
    let some = |number: i64, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let seen = card.counts;
    let (occurrences, problems) = (some(seen.count, "occurrence"), some(seen.problems, "problem"));
    let back = match card.reopened {
        0 => String::new(),
        times => format!("; came back {}", some(times, "time")),
    };
    format!("{occurrences} of {problems}{back}")
}

fn commands(card: &Card) -> Vec<(&'static str, String)> {
    let explain = format!("opsward explain opsevent/{} -n {}", card.name, card.namespace);
    let answer = card.asked.as_ref().filter(|_| card.ended.is_none());
    let answer = answer.map(|asked| ("Accept", asked.command.clone()));
    answer.into_iter().chain([("Explain", explain)]).collect()
}

/// What happened, in a sentence.
pub fn sentence(word: &Word) -> String {
    match &word.news {
        News::Opened => format!("Opened at {}.", word.at),
        News::SeverityRaised { to } => format!("Severity raised to {}.", to.as_str()),
        News::AwaitingDecision {
            number,
            approvers,
            until,
        } => {
            let again = if *number > 1 { "Asked again" } else { "Asked" };
            format!(
                "{again}: {} may decide until {until}.",
                cut(&line(approvers), FACT)
            )
        }
        News::Decided { verdict, by, why } => decided(*verdict, by, why),
        News::Resolved { end } => format!("Resolved at {}: {}.", word.at, why_ended(*end)),
        News::Reopened => "It is back.".to_owned(),
        News::Repeat => "Still there, and nobody has it.".to_owned(),
    }
}

fn decided(verdict: Verdict, by: &str, why: &str) -> String {
    let said = match verdict {
        Verdict::Accept => "accepted: has it",
        Verdict::Discharge => "discharged: no problem",
        Verdict::Escalate => "escalated",
    };
    let why = cut(&line(why), REASON);
    let because = if why.is_empty() {
        String::new()
    } else {
        format!(" “{why}”")
    };
    format!("{} {said}.{because}", cut(&line(by), FACT))
}

#[cfg(test)]
mod tests {
    use super::super::card::{Asked, Counts, Ended};
    use super::*;
    use crate::time::Time;

    fn card() -> Card {
        Card {
            namespace: "shop".to_owned(),
            name: "high-cpu-k3v9q2mzra-1z4".to_owned(),
            rule: "high-cpu".to_owned(),
            title: "CPU 97%\u{202e} on web-1\n".to_owned(),
            severity: Severity::Critical,
            standing: Standing::AwaitingDecision,
            group: "host=web-1".to_owned(),
            resources: vec!["web-1".to_owned(), "web-2".to_owned()],
            more_resources: 3,
            asked: Some(Asked {
                number: 1,
                name: "high-cpu-k3v9q2mzra-1z4-d1".to_owned(),
                approvers: "group sre".to_owned(),
                until: Time::from_millis(900_000),
                command: "kubectl patch td high-cpu-k3v9q2mzra-1z4-d1".to_owned(),
            }),
            counts: Counts {
                count: 412,
                problems: 1,
                last_seen: Time::EPOCH,
            },
            ..Card::default()
        }
    }

    #[test]
    fn an_incident_is_told_in_words() {
        let told = message(&card());
        assert_eq!(told.headline, "Critical: CPU 97% on web-1");
        assert_eq!(
            told.standing,
            "Waits for a decision of group sre until 1970-01-01T00:15:00.000Z."
        );
        let fact = |name: &str| {
            told.facts
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, fact)| &**fact)
        };
        assert_eq!(fact("Incident"), Some("shop/high-cpu-k3v9q2mzra-1z4"));
        assert_eq!(fact("Resources"), Some("5 in all: web-1, web-2, …"));
        assert_eq!(fact("Seen"), Some("412 occurrences of 1 problem"));
        assert_eq!(fact("Source"), None, "what is not known is not said");
        assert_eq!(told.commands[0].0, "Accept");
        assert_eq!(sign(&card()), "🔴");
    }

    #[test]
    fn an_end_asks_nobody_any_more() {
        let ended = Ended {
            at: Time::EPOCH,
            reason: EndReason::MaxOpen,
        };
        let over = Card {
            ended: Some(ended),
            standing: Standing::Resolved,
            ..card()
        };
        let told = message(&over);
        assert_eq!(told.headline, "Resolved, was Critical: CPU 97% on web-1");
        assert!(
            told.standing.contains("nobody said that it is over"),
            "{}",
            told.standing
        );
        assert_eq!(told.commands.len(), 1);
        assert_eq!(sign(&over), "✅");
    }

    #[test]
    fn every_word_is_a_sentence() {
        let word = |news| {
            sentence(&Word {
                number: 1,
                at: Time::EPOCH,
                news,
            })
        };
        let by_alice = News::Decided {
            verdict: Verdict::Accept,
            by: "alice".to_owned(),
            why: "on\nit".to_owned(),
        };
        assert_eq!(word(by_alice), "alice accepted: has it. “on it”");
        let again = News::AwaitingDecision {
            number: 2,
            approvers: "group leads".to_owned(),
            until: Time::EPOCH,
        };
        assert_eq!(
            word(again),
            "Asked again: group leads may decide until 1970-01-01T00:00:00.000Z."
        );
        assert_eq!(
            word(News::SeverityRaised { to: Severity::High }),
            "Severity raised to High."
        );
    }
}
