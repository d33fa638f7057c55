//! Dates and times of day as logs have them. Lenient: whether a month is the thirteenth is nobody's concern here.

use super::TIME;
use super::found::{Found, is_word_end};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Names of zones that logs have, and the halves of a day.
const ZONES: [&str; 17] = [
    "UTC", "GMT", "AM", "PM", "CET", "CEST", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "BST",
    "IST", "JST",
];

/// A date, a time of day with seconds, or both.
pub(super) fn time(rest: &[u8]) -> Found {
    [compact, numeric, with_month_name, of_day]
        .into_iter()
        .find_map(|read| {
            let mut cursor = Cursor { rest, at: 0 };
            read(&mut cursor)?;
            cursor.is_end().then_some((TIME, cursor.at))
        })
}

/// `20241220T103000Z`.
fn compact(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.digits(8, 8)?;
    cursor.one_of(b"T")?;
    cursor.digits(6, 6)?;
    fraction_and_zone(cursor);
    Some(())
}

/// `2024-12-20`, `20/12/2024` and the like, with a time of day or without.
fn numeric(cursor: &mut Cursor<'_>) -> Option<()> {
    let year_first = |cursor: &mut Cursor<'_>| date_of(cursor, 4, 2);
    let year_last = |cursor: &mut Cursor<'_>| date_of(cursor, 2, 4);
    cursor.either(year_first, year_last)?;
    cursor.maybe(|cursor| {
        cursor.one_of(b"T :_")?;
        hours_and_minutes(cursor)
    });
    Some(())
}

fn date_of(cursor: &mut Cursor<'_>, first: usize, last: usize) -> Option<()> {
    cursor.digits(first, first)?;
    let mark = cursor.one_of(b"-/.")?;
    cursor.digits(2, 2)?;
    cursor.one_of(&[mark])?;
    cursor.digits(last, last)
}

/// `Dec  1 10:30:00`, `Fri, 20 Dec 2024 10:30:00 GMT`, `Fri Dec 20 10:30:00 2024`, `20/Dec/2024:10:30:00 +0000`.
fn with_month_name(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.maybe(|cursor| {
        cursor.name(&WEEKDAYS)?;
        cursor.maybe(|cursor| cursor.one_of(b",").map(drop));
        cursor.one_of(b" ").map(drop)
    });
    cursor.either(month_first, day_first)?;
    of_day(cursor)?;
    cursor.maybe(|cursor| {
        cursor.one_of(b" ")?;
        cursor.digits(4, 4)?;
        cursor.is_end().then_some(())
    });
    Some(())
}

fn month_first(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.name(&MONTHS)?;
    cursor.one_of(b" ")?;
    cursor.maybe(|cursor| cursor.one_of(b" ").map(drop));
    cursor.digits(1, 2)?;
    cursor.maybe(|cursor| {
        cursor.maybe(|cursor| cursor.one_of(b",").map(drop));
        cursor.one_of(b" ")?;
        cursor.digits(4, 4)
    });
    cursor.one_of(b" ").map(drop)
}

fn day_first(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.digits(1, 2)?;
    cursor.one_of(b" /-")?;
    cursor.name(&MONTHS)?;
    cursor.one_of(b" /-")?;
    cursor.digits(4, 4)?;
    cursor.one_of(b" :T").map(drop)
}

/// `10:30:00`, with a fraction, a zone.
fn of_day(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.digits(1, 2)?;
    cursor.one_of(b":")?;
    cursor.digits(2, 2)?;
    seconds(cursor)?;
    fraction_and_zone(cursor);
    Some(())
}

/// The same behind a date, where the seconds may be missing: alone, `10:30` is rather a line and a column.
fn hours_and_minutes(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.digits(1, 2)?;
    cursor.one_of(b":")?;
    cursor.digits(2, 2)?;
    cursor.maybe(seconds);
    fraction_and_zone(cursor);
    Some(())
}

fn seconds(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.one_of(b":")?;
    cursor.digits(2, 2)
}

fn fraction_and_zone(cursor: &mut Cursor<'_>) {
    cursor.maybe(|cursor| {
        cursor.one_of(b".,")?;
        cursor.digits(1, 9)
    });
    cursor.maybe(|cursor| cursor.one_of(b"Z").map(drop));
    cursor.maybe(|cursor| {
        cursor.one_of(b" ")?;
        cursor.name(&ZONES)?;
        cursor.is_end().then_some(())
    });
    cursor.maybe(|cursor| {
        cursor.maybe(|cursor| cursor.one_of(b" ").map(drop));
        cursor.one_of(b"+-")?;
        cursor.digits(2, 2)?;
        cursor.maybe(|cursor| cursor.one_of(b":").map(drop));
        cursor.digits(2, 2)?;
        cursor.is_end().then_some(())
    });
}

/// A reader of one notation, which is at most forty bytes away from its end.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn ahead(&self) -> &[u8] {
        self.rest.get(self.at..).unwrap_or_default()
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<()> {
        let digits = self.ahead().iter().take(most);
        let count = digits.take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count >= least).then_some(())
    }

    fn one_of(&mut self, marks: &[u8]) -> Option<u8> {
        let mark = *self.ahead().first()?;
        self.at += 1;
        marks.contains(&mark).then_some(mark)
    }

    fn name(&mut self, names: &[&str]) -> Option<()> {
        let ahead = self.ahead();
        let name = names.iter().find(|name| ahead.starts_with(name.as_bytes()))?;
        self.at += name.len();
        Some(())
    }

    /// Reads on if that can be read.
    fn maybe(&mut self, read: impl Fn(&mut Self) -> Option<()>) {
        let mut tried = *self;
        if read(&mut tried).is_some() {
            *self = tried;
        }
    }

    /// Reads the one, or else the other.
    fn either(
        &mut self,
        one: impl Fn(&mut Self) -> Option<()>,
        other: impl Fn(&mut Self) -> Option<()>,
    ) -> Option<()> {
        let start = *self;
        one(self).or_else(|| {
            *self = start;
            other(self)
        })
    }

    /// Whether no digit, letter or further part of a time follows.
    fn is_end(&self) -> bool {
        let goes_on = matches!(self.ahead(), [b':', digit, ..] if digit.is_ascii_digit());
        !goes_on && is_word_end(self.rest, self.at)
    }
}
