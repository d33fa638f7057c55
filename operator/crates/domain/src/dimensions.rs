//! Facts that an event's texts state: how urgent it is, which moments, accounts, hosts and amounts it names. Found by
//! pure extractors, one a kind, in one pass over title and description; a rule's condition reads them as
//! `event.dimensions`. What they take and what not, `docs/dimensions.md` says for users.

mod accounts;
mod amounts;
mod calendar;
mod clock;
mod cursor;
mod dates;
mod domains;
pub(crate) mod facts;
mod hosts;
mod units;
mod urgency;
mod words;

use std::borrow::Cow;

use crate::event::{Event, bounds, clip};
pub use facts::{Amount, Dimensions, FACTS, Urgency};
use words::{Sieve, Word, Words, holds};

/// Words of letters that may begin a fact.
static SIEVE: Sieve = calendar::first_words(&urgency::first_words(&Sieve::NONE));

impl Dimensions {
    /// What the texts of an event state; `None`, and nothing allocated, when that is nothing.
    ///
    /// Linear in the length of the texts, of which at most [`bounds::TITLE_CHARS`] and [`bounds::DESCRIPTION_BYTES`]
    /// are read.
    pub fn of(event: &Event<'_>) -> Option<Box<Self>> {
        let mut reading = Reading::default();
        reading.read(whole_words(&event.title, bounds::TITLE_CHARS));
        reading.read(whole_words(&event.description, bounds::DESCRIPTION_BYTES));
        reading.read_accounts(event);
        let mut found = reading.found;
        found.urgency = reading.judge.highest;
        (!found.is_empty()).then(|| Box::new(found))
    }
}

/// An event being read.
#[derive(Default)]
struct Reading {
    found: Dimensions,
    judge: urgency::Judge,
}

impl Reading {
    fn read(&mut self, text: &str) {
        let mut words = Words::new(text, &SIEVE);
        while let Some(word) = words.next() {
            let end = if word.has_only(holds::LETTER) {
                self.read_letters(&word)
            } else if word.has(holds::DIGIT) {
                self.read_number(&word)
            } else {
                self.read_name(&word);
                None
            };
            if let Some(end) = end {
                words.skip_to(end);
            }
        }
    }

    /// A word of letters alone; where the fact ends that begins with it.
    fn read_letters(&mut self, word: &Word<'_>) -> Option<usize> {
        self.judge.hear(word);
        let dated = dates::from_month(word)?;
        Some(self.keep_date(word, dated))
    }

    /// A word with a digit; where the fact ends that begins with it.
    fn read_number(&mut self, word: &Word<'_>) -> Option<usize> {
        if let Some(dated) = dates::from_number(word) {
            return Some(self.keep_date(word, dated));
        }
        if let Some(found) = amounts::from_number(word) {
            let is_known = |known: &Amount| known.unit == found.unit && known.value == found.value;
            let amounts = &mut self.found.amounts;
            if amounts.len() < FACTS && !amounts.iter().any(is_known) {
                amounts.push(Amount {
                    value: found.value,
                    unit: found.unit.to_owned(),
                });
            }
            return Some(found.end);
        }
        if let Some(account) = accounts::in_word(word) {
            keep(&mut self.found.accounts, account);
        }
        self.read_name(word);
        None
    }

    fn read_name(&mut self, word: &Word<'_>) {
        if word.has(holds::DOT | holds::COLON | holds::JOINT)
            && self.found.hosts.len() < FACTS
            && let Some(host) = hosts::in_word(word)
        {
            keep(&mut self.found.hosts, host);
        }
    }

    fn keep_date(&mut self, word: &Word<'_>, dated: dates::Dated) -> usize {
        self.judge.hear_date(word.before());
        let dates = &mut self.found.dates;
        if dates.len() < FACTS && !dates.contains(&dated.at) {
            dates.push(dated.at);
        }
        dated.end
    }

    /// One message may concern many accounts; so those are collected that its fields name, and not its texts alone.
    fn read_accounts(&mut self, event: &Event<'_>) {
        let own = accounts::whole(&event.account);
        let resources = std::iter::once(&event.resource).chain(&event.resources.0);
        let resources = resources.filter_map(|resource| accounts::in_resource(resource));
        for account in own.into_iter().chain(resources) {
            keep(&mut self.found.accounts, account);
        }
    }
}

/// Keeps a fact that is new, while there is room.
fn keep(facts: &mut Vec<String>, fact: Cow<'_, str>) {
    if facts.len() < FACTS && !facts.iter().any(|known| *known == fact) {
        facts.push(fact.into_owned());
    }
}

/// The text as small letters, copied only where that changes it.
fn in_small_letters(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Bytes of the longest character.
const CHARACTER_BYTES: usize = 4;

/// At most `bytes` bytes of a text. One so long that it may have been cut loses its last word: half of a number is
/// another number.
fn whole_words(text: &str, bytes: usize) -> &str {
    if text.len() + CHARACTER_BYTES <= bytes {
        return text;
    }
    let clipped = clip(text, bytes);
    let end = clipped
        .rfind(|letter: char| letter.is_ascii_whitespace())
        .unwrap_or_default();
    clipped.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
