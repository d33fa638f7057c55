//! What a channel is to have next. Level-triggered: the incident as it is now is compared with what was said, so it does not
//! matter which change led here, nor how many were missed.

use std::time::Duration;

use super::card::{Card, Standing};
use super::{News, Notice, Notification, Said, Target, Terms, Word};
use crate::time::Time;
use crate::triage::Verdict;

/// How soon counts are brought up to date after something else was told; each time after that twice as late. A storm of
/// a minute costs three updates.
const FIRST_REFRESH: Duration = Duration::from_secs(10);
/// The longest pause between two updates of counts: 5 min.
const LONGEST_REFRESH: Duration = Duration::from_secs(5 * 60);
/// Words that wait for a channel that cannot be reached; beyond, the oldest but the first are left out.
const WORDS: usize = 16;

/// What is to be done for one channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Next {
    /// What it is to have; `None` where that is nothing new.
    pub notice: Option<Notice>,
    /// When to look again although nothing was seen to change.
    pub look_again: Option<Time>,
}

/// What the channel of `terms` is to have of the incident of `card`, after what its notification says was wanted and told. An
/// incident that is over before anything was wanted is told as a whole, unless its end `is_known`: then the channel is younger.
pub fn next(card: &Card, terms: &Terms, before: Option<&Notification>, is_known: bool, now: Time) -> Next {
    let Some(task) = before else {
        return first(card, terms, is_known, now);
    };
    let known = &task.input;
    let told = task.output.told;
    let mut said = known.said.clone();
    let mut words: Vec<Word> = known
        .words
        .iter()
        .filter(|word| word.number > told)
        .cloned()
        .collect();
    // Where it was told, its end is told too.
    let is_there = told > 0 || task.output.message.is_some();
    let target = if card.ended.is_some() && is_there {
        &known.target
    } else {
        &terms.target
    };
    let mut news = happened(card, &said, now);
    let opens = words.iter().any(|word| word.news == News::Opened);
    if !target.is_same_place(&known.target) && !opens && said.last > 0 {
        news.insert(0, (card.opened_at, News::Opened));
    }
    learn(&mut said, card);
    say(&mut said, terms, news, &mut words, now);
    let due = repeat_at(card, terms, &said);
    if said.last == known.said.last && due.is_some_and(|at| at <= now) {
        say(&mut said, terms, vec![(now, News::Repeat)], &mut words, now);
    }
    leave_out(&mut words);

    let is_told = said.last > known.said.last;
    let is_edited = target.edits() && card.differs(&known.card);
    let refresh_at = (target.edits() && card.counts != known.card.counts)
        .then(|| known.said.shown_at.plus(refresh(known.said.refreshed)));
    let is_refreshed = refresh_at.is_some_and(|at| at <= now);
    let is_other = *target != known.target || terms.on != known.on || known.dropped;
    if !(is_told || is_edited || is_refreshed || is_other || said != known.said) {
        let look_again = [repeat_at(card, terms, &said), refresh_at]
            .into_iter()
            .flatten()
            .min();
        return Next {
            notice: None,
            look_again: look_again.filter(|at| *at > now),
        };
    }
    said.refreshed = if is_told || is_edited {
        0
    } else {
        said.refreshed + 1
    };
    said.shown_at = now;
    wanted(card, terms, target, words, said)
}

/// Nothing was wanted yet. What is known there is noted also where no word comes of it: later words are what differs from that.
fn first(card: &Card, terms: &Terms, is_known: bool, now: Time) -> Next {
    if card.ended.is_some() && is_known {
        return Next::default();
    }
    let mut said = Said {
        severity: card.severity,
        reopened: card.reopened,
        shown_at: now,
        ..Said::default()
    };
    let mut news = vec![(card.opened_at, News::Opened)];
    news.extend(happened(card, &said, now));
    let mut words = Vec::new();
    learn(&mut said, card);
    say(&mut said, terms, news, &mut words, now);
    wanted(card, terms, &terms.target, words, said)
}

fn wanted(card: &Card, terms: &Terms, target: &Target, words: Vec<Word>, said: Said) -> Next {
    Next {
        look_again: repeat_at(card, terms, &said),
        notice: Some(Notice {
            target: target.clone(),
            card: card.clone(),
            words,
            said,
            on: terms.on.clone(),
            dropped: false,
        }),
    }
}

/// What has happened since, in the order in which it did as far as that can be known.
fn happened(card: &Card, said: &Said, now: Time) -> Vec<(Time, News)> {
    let mut news = Vec::new();
    if card.reopened > said.reopened {
        news.push((card.counts.last_seen, News::Reopened));
    }
    if card.severity > said.severity {
        let to = card.severity;
        news.push((card.counts.last_seen, News::SeverityRaised { to }));
    }
    if let Some(asked) = card.asked.as_ref().filter(|asked| asked.number > said.asked) {
        let (number, approvers, until) = (asked.number, asked.approvers.clone(), asked.until);
        let asked = News::AwaitingDecision {
            number,
            approvers,
            until,
        };
        news.push((now, asked));
    }
    if let Some(decided) = card.decided.as_ref().filter(|_| !said.decided) {
        let (verdict, by, why) = (decided.verdict, decided.by.clone(), decided.why.clone());
        news.push((decided.at, News::Decided { verdict, by, why }));
    }
    let is_back = card.reopened > said.reopened;
    if let Some(ended) = card.ended.filter(|_| !said.ended || is_back) {
        news.push((ended.at, News::Resolved { end: ended.reason }));
    }
    news
}

/// Notes that all of this is known.
fn learn(said: &mut Said, card: &Card) {
    said.severity = said.severity.max(card.severity);
    said.reopened = said.reopened.max(card.reopened);
    said.asked = card
        .asked
        .as_ref()
        .map_or(said.asked, |asked| asked.number.max(said.asked));
    said.decided = card.decided.is_some();
    said.ended = card.ended.is_some();
}

/// Adds to the words what of the news the rule wants told; an end only where something else is or was.
fn say(said: &mut Said, terms: &Terms, news: Vec<(Time, News)>, words: &mut Vec<Word>, now: Time) {
    for (at, news) in news {
        let is_wanted = news.on().is_none_or(|on| terms.on.contains(&on));
        let is_alone = said.last == 0 && matches!(news, News::Resolved { .. } | News::Repeat);
        if is_wanted && !is_alone {
            said.last += 1;
            said.last_at = now;
            let number = said.last;
            words.push(Word { number, at, news });
        }
    }
}

/// Keeps the first word, which says that there is something at all, and the newest.
fn leave_out(words: &mut Vec<Word>) {
    if words.len() > WORDS {
        words.drain(1..=words.len() - WORDS);
    }
}

/// When an incident that nobody has is told again.
fn repeat_at(card: &Card, terms: &Terms, said: &Said) -> Option<Time> {
    let is_had = card
        .decided
        .as_ref()
        .is_some_and(|decided| decided.verdict == Verdict::Accept);
    let waits = matches!(card.standing, Standing::Open | Standing::AwaitingDecision) && !is_had;
    let repeat = terms
        .repeat
        .filter(|_| waits && card.ended.is_none() && said.last > 0)?;
    Some(said.last_at.plus(repeat))
}

/// The pause before counts are brought up to date for so many-th time.
fn refresh(times: u32) -> Duration {
    FIRST_REFRESH
        .saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX))
        .min(LONGEST_REFRESH)
}

#[cfg(test)]
mod tests;
