//! How soon somebody has to act, by a closed table of English phrases. What is denied (`no action is required`) is not
//! urgent. It knows phrases, not meaning, and no other language.

use super::cursor::Cursor;
use super::words::{Key, Sieve, Word, last_letters};
use super::{Urgency, dates, units};

/// A phrase, and what it says.
struct Saying {
    /// Its first word, by which it is found.
    first: Key,
    words: &'static str,
    says: Urgency,
    /// What its denial says, if anything.
    denied: Option<Urgency>,
}

const fn saying(first: &str, words: &'static str, says: Urgency, denied: Option<Urgency>) -> Saying {
    Saying {
        first: Key::of(first),
        words,
        says,
        denied,
    }
}

/// The words that phrases begin with.
#[rustfmt::skip]
const FIRST_WORDS: [&str; 20] = [
    "immediately", "immediate", "urgent", "urgently", "asap", "as", "right", "without", "action", "require", "requires",
    "deadline", "no", "informational", "information", "fyi", "scheduled", "planned", "routine", "maintenance",
];

const SAYINGS: [Saying; 36] = {
    use Urgency::{Immediate, Routine, Soon};
    [
        saying("immediately", "", Immediate, None),
        saying("immediate", "action", Immediate, Some(Routine)),
        saying("immediate", "attention", Immediate, Some(Routine)),
        saying("immediate", "intervention", Immediate, Some(Routine)),
        saying("immediate", "remediation", Immediate, Some(Routine)),
        saying("immediate", "response", Immediate, Some(Routine)),
        saying("urgent", "", Immediate, Some(Routine)),
        saying("urgently", "", Immediate, Some(Routine)),
        saying("asap", "", Immediate, None),
        saying("as", "soon as possible", Immediate, None),
        saying("right", "away", Immediate, None),
        saying("without", "delay", Immediate, None),
        saying("action", "required", Soon, Some(Routine)),
        saying("action", "is required", Soon, Some(Routine)),
        saying("action", "is currently required", Soon, Some(Routine)),
        saying("action", "needed", Soon, Some(Routine)),
        saying("action", "is needed", Soon, Some(Routine)),
        saying("action", "necessary", Soon, Some(Routine)),
        saying("action", "is necessary", Soon, Some(Routine)),
        saying("action", "from you is required", Soon, Some(Routine)),
        saying("action", "on your part", Soon, Some(Routine)),
        saying("require", "action", Soon, Some(Routine)),
        saying("require", "your action", Soon, Some(Routine)),
        saying("requires", "action", Soon, Some(Routine)),
        saying("requires", "your action", Soon, Some(Routine)),
        saying("requires", "attention", Soon, Some(Routine)),
        saying("requires", "your attention", Soon, Some(Routine)),
        saying("deadline", "", Soon, None),
        saying("no", "later than", Soon, None),
        saying("informational", "", Routine, None),
        saying("information", "only", Routine, None),
        saying("fyi", "", Routine, None),
        saying("scheduled", "maintenance", Routine, None),
        saying("planned", "maintenance", Routine, None),
        saying("routine", "maintenance", Routine, None),
        saying("maintenance", "window", Routine, None),
    ]
};

/// Words behind `immediately` that make it tell an order of things: `crashed immediately after its start`.
const ORDERS: [Key; 7] = Key::all([
    "after",
    "before",
    "afterwards",
    "following",
    "preceding",
    "prior",
    "upon",
]);

/// Words that deny what follows in their clause; `isn't` is `isn` and `t` here, with whatever apostrophe.
#[rustfmt::skip]
const DENIALS: [Key; 19] = Key::all([
    "no", "not", "non", "none", "never", "nothing", "neither", "nor", "cannot", "isn", "aren", "doesn", "don", "didn",
    "wasn", "won", "shouldn", "needn", "hasn",
]);
/// Words that make a denial a threat: `if you do not act immediately`.
const CONDITIONS: [Key; 3] = Key::all(["if", "unless", "otherwise"]);
/// How far before a phrase its denial may stand, in words: `not` in `do not need to take any action` is the fifth.
const DENIED_WORDS: usize = 6;

/// Words that make `within 24 hours` a demand and no window of a measurement (`5 restarts within 1 hour`).
#[rustfmt::skip]
const DEMANDS: [Key; 18] = Key::all([
    "must", "should", "please", "need", "needs", "require", "required", "requires", "respond", "action", "act", "will",
    "expire", "expires", "expiring", "update", "upgrade", "renew",
]);
/// Words before a date that make it a deadline.
const DEADLINES: [Key; 2] = Key::all(["by", "due"]);

/// Bytes of a text that are looked at around a phrase.
const CONTEXT_BYTES: usize = 120;
/// Up to so many hours allowed, somebody has to act now.
const IMMEDIATE_HOURS: i16 = 24;

/// Phrases of an event that are judged: as many as facts of a kind are kept.
const PHRASES: usize = super::FACTS;

const WITHIN: &str = "within";

/// Adds what a phrase may begin with.
pub(super) const fn first_words(sieve: &Sieve) -> Sieve {
    sieve.with(&FIRST_WORDS).with(&[WITHIN])
}

/// The highest of what is said, phrase by phrase.
#[derive(Debug, Default)]
pub(super) struct Judge {
    pub(super) highest: Option<Urgency>,
    /// Phrases heard so far. Judging one means looking around it; so that no text takes long, only the first count.
    heard: usize,
}

impl Judge {
    /// Hears the phrase that may begin with this word of letters.
    pub(super) fn hear(&mut self, word: &Word<'_>) {
        if self.highest == Some(Urgency::Immediate) || self.heard == PHRASES {
            return;
        }
        let Some(phrase) = Phrase::at(word) else {
            return;
        };
        self.heard += 1;
        self.highest = self.highest.max(phrase.says(word));
    }

    /// Hears that a date begins behind `before`: `by 20 December`, `due on Friday, December 20`.
    pub(super) fn hear_date(&mut self, before: &str) {
        if is_deadline(before) {
            self.highest = self.highest.max(Some(Urgency::Soon));
        }
    }
}

/// A phrase of the text.
enum Phrase<'t> {
    /// One of the table, and where it ends.
    Saying(&'static Saying, Cursor<'t>),
    /// `within` so many hours.
    Within { hours: i16, is_ahead: bool },
}

impl<'t> Phrase<'t> {
    fn at(word: &Word<'t>) -> Option<Self> {
        const WITHIN_KEY: Key = Key::of(WITHIN);
        let first = Key::of(word.as_str());
        if first == WITHIN_KEY {
            return within(word);
        }
        let mut sayings = SAYINGS.iter().filter(|saying| saying.first == first);
        sayings.find_map(|saying| Some(Self::Saying(saying, end(word, saying.words)?)))
    }

    /// What the phrase says that begins with `word`.
    fn says(&self, word: &Word<'_>) -> Option<Urgency> {
        match *self {
            Self::Saying(saying, end) if is_order(saying, end) => None,
            Self::Saying(saying, end) if is_denied(word.before()) || is_answered_no(end) => saying.denied,
            Self::Saying(saying, _) => Some(saying.says),
            Self::Within { .. } if is_denied(word.before()) => None,
            Self::Within { is_ahead, .. } if !is_ahead && !is_demand(word) => None,
            Self::Within { hours, .. } if hours <= IMMEDIATE_HOURS => Some(Urgency::Immediate),
            Self::Within { .. } => Some(Urgency::Soon),
        }
    }
}

/// Whether a date that begins behind `before` is a deadline.
fn is_deadline(before: &str) -> bool {
    let before = dates::before_weekday(before);
    let mut last = last_letters(before);
    if last.eq_ignore_ascii_case("on") {
        let rest = before.trim_end();
        last = last_letters(rest.get(..rest.len() - last.len()).unwrap_or_default());
    }
    is_one_of(&DEADLINES, last)
}

/// Where a phrase ends of which `words` follow this one; `None` when something else follows.
fn end<'t>(word: &Word<'t>, words: &str) -> Option<Cursor<'t>> {
    let mut cursor = Cursor::new(word.text, word.end);
    let mut words = words.split(' ').filter(|word| !word.is_empty());
    let follows = words.all(|word| cursor.space() && cursor.passes(word));
    (follows && cursor.is_at_end()).then_some(cursor)
}

fn is_order(saying: &Saying, mut end: Cursor<'_>) -> bool {
    const IMMEDIATELY: Key = Key::of("immediately");
    saying.first == IMMEDIATELY && end.space() && is_one_of(&ORDERS, end.letters())
}

/// `Action required: no`
fn is_answered_no(mut end: Cursor<'_>) -> bool {
    end.passes("?");
    let is_asked = end.passes(":") || end.passes("=");
    end.space();
    is_asked
        && matches!(
            end.letters(),
            "no" | "No" | "NO" | "none" | "None" | "false" | "False"
        )
}

/// Whether the clause that ends with `before` denies what follows.
fn is_denied(before: &str) -> bool {
    let start = before.floor_char_boundary(before.len().saturating_sub(CONTEXT_BYTES));
    let near = before.get(start..).unwrap_or_default();
    let clause = near
        .rsplit(['.', ',', ';', ':', '!', '?', '(', ')', '[', ']', '\n'])
        .next()
        .unwrap_or_default();
    let words = letters(clause).filter(|word| word.len() > 1);
    if words.clone().any(|word| is_one_of(&CONDITIONS, word)) {
        return false;
    }
    words
        .rev()
        .take(DENIED_WORDS)
        .any(|word| is_one_of(&DENIALS, word))
}

/// `within 24 hours`, `within the next 3 business days`
fn within<'t>(word: &Word<'t>) -> Option<Phrase<'t>> {
    let mut cursor = Cursor::new(word.text, word.end);
    cursor.space().then_some(())?;
    if cursor.passes("the ") {
        cursor.space();
    }
    let is_ahead = cursor.passes("next ");
    let number = cursor.short()?;
    cursor.space();
    if cursor.passes("business ") {
        cursor.space();
    }
    let hours = match units::any(cursor.letters())? {
        "min" => 0,
        "h" => number,
        "d" => number * 24,
        "w" => number * 7 * 24,
        _ => return None,
    };
    Some(Phrase::Within { hours, is_ahead })
}

/// Whether the sentence around a word demands something.
fn is_demand(word: &Word<'_>) -> bool {
    let is_end = |letter: char| matches!(letter, '.' | '!' | '?' | '\n');
    let (before, behind) = (word.before(), word.behind());
    let start = before.floor_char_boundary(before.len().saturating_sub(CONTEXT_BYTES));
    let before = before.get(start..).unwrap_or_default();
    let behind = behind
        .get(..behind.floor_char_boundary(CONTEXT_BYTES))
        .unwrap_or_default();
    let sentence = [before.rsplit(is_end).next(), behind.split(is_end).next()];
    let mut words = sentence.into_iter().flatten().flat_map(letters);
    words.any(|word| is_one_of(&DEMANDS, word))
}

/// The runs of letters of a text, empty ones too.
fn letters(text: &str) -> impl DoubleEndedIterator<Item = &str> + Clone {
    text.split(|letter: char| !letter.is_ascii_alphabetic())
}

fn is_one_of(words: &[Key], word: &str) -> bool {
    words.contains(&Key::of(word))
}

#[cfg(test)]
mod tests {
    use super::super::SIEVE;
    use super::super::words::Words;
    use super::*;

    fn highest(text: &str) -> Option<Urgency> {
        let mut judge = Judge::default();
        Words::new(text, &SIEVE).for_each(|word| judge.hear(&word));
        judge.highest
    }

    #[test]
    fn what_cannot_wait_is_immediate() {
        for text in [
            "Rotate the key immediately.",
            "URGENT: disk full",
            "[Urgent] disk full",
            "Immediate action required",
            "Please reply ASAP",
            "Patch it as soon  as\npossible.",
            "Customer must respond within 24 hours.",
            "Please renew within 1 day",
            "Disk is predicted to fill up within the next 4 hours.",
            "If you do not act immediately, the instance stops.",
            "No backup was found, act right away",
        ] {
            assert_eq!(highest(text), Some(Urgency::Immediate), "{text}");
        }
    }

    #[test]
    fn what_has_days_is_soon() {
        for text in [
            "Action required: upgrade the cluster",
            "Your action is required",
            "The deadline is near",
            "Upgrade no later than 20 December 2024",
            "The certificate expires within 7 days.",
            "You must reply within the next 3 business days",
            "This finding requires your attention",
        ] {
            assert_eq!(highest(text), Some(Urgency::Soon), "{text}");
        }
    }

    #[test]
    fn plans_and_notes_are_routine_and_so_is_what_needs_no_action() {
        for text in [
            "This notice is informational.",
            "FYI: scheduled maintenance",
            "No action is required.",
            "No further action is currently required on your part",
            "There is no action required from you",
            "Action required: No",
            "This is not urgent.",
            "You don\u{2019}t need to take immediate action",
            "It does not require immediate attention",
            "isn't urgent",
        ] {
            assert_eq!(highest(text), Some(Urgency::Routine), "{text}");
        }
    }

    #[test]
    fn ordinary_alerts_say_nothing() {
        for text in [
            "Pod crashed immediately after its start",
            "The host did not answer immediately",
            "5 restarts within 1 hour",
            "Query did not finish within 30 seconds",
            "error rate within the last 24 hours",
            "non-urgent",
            "actions taken as soon as the queue drains",
            "insurgent, urgency: low, deadlines",
            "critical: CPU usage of web-1 is 97%",
            "",
        ] {
            assert_eq!(highest(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_behind_by_is_a_deadline() {
        for before in ["complete it by ", "due ", "Due on Friday, ", "by\nFri, ", "due: "] {
            assert!(is_deadline(before), "{before}");
        }
        for before in ["began on ", "standby ", "launched before ", ""] {
            assert!(!is_deadline(before), "{before}");
        }
    }

    #[test]
    fn every_phrase_begins_with_a_first_word() {
        let firsts = Key::all(FIRST_WORDS);
        assert!(SAYINGS.iter().all(|saying| firsts.contains(&saying.first)));
        assert!(
            firsts
                .iter()
                .all(|first| SAYINGS.iter().any(|saying| saying.first == *first))
        );
    }

    #[test]
    fn only_the_first_phrases_are_heard() {
        let many = "not urgent, ".repeat(PHRASES);
        assert_eq!(highest(&format!("{many} urgent")), Some(Urgency::Routine));
    }
}
