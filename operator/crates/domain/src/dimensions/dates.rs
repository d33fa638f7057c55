//! Moments in running text: RFC 3339, ISO 8601 dates, and dates with the month in English letters. What could be read
//! in two ways (`03/04/2024`, a year of two digits, no year) and what no calendar has is no date.

use jiff::civil::{Date, DateTime};

use super::calendar::{Written, day_first, month_first, year_first};
use super::clock::{self, Clock};
use super::cursor::Cursor;
use super::words::{Word, holds};
use crate::time::Time;

/// Letters that tell one day of the week from all others.
const WEEKDAY_LETTERS: usize = 3;
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The first year that is taken: machines count time from it, and `1234-12-12` is a number of something.
const FIRST_YEAR: i16 = 1970;

/// A moment, and where its text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dated {
    pub(super) at: Time,
    pub(super) end: usize,
}

/// The moment that begins with this word, which has a digit.
pub(super) fn from_number(word: &Word<'_>) -> Option<Dated> {
    let bytes = word.as_str().as_bytes();
    // In a path or a file's name a date says which file.
    if !bytes.first()?.is_ascii_digit() || matches!(word.byte_before(), Some(b'/' | b'\\')) {
        return None;
    }
    let cursor = Cursor::new(word.text, word.start);
    if bytes.get(4) == Some(&b'-') {
        return moment(year_first(cursor)?);
    }
    let may_be_day = bytes.len() <= "20th".len() || word.has(holds::JOINT);
    may_be_day.then(|| moment(day_first(cursor)?)).flatten()
}

/// The moment that begins with this word of letters: `December 20, 2024`, `Dec 20th 2024`
pub(super) fn from_month(word: &Word<'_>) -> Option<Dated> {
    moment(month_first(Cursor::new(word.text, word.start))?)
}

/// What stands before a date, its weekday left out: `by ` in `by Friday, December 20`.
pub(super) fn before_weekday(before: &str) -> &str {
    let trimmed = before.trim_end_matches([' ', ',']);
    let letters = super::words::last_letters(trimmed);
    let short = letters.get(..WEEKDAY_LETTERS).unwrap_or_default();
    let is_weekday = WEEKDAYS.iter().any(|day| day.eq_ignore_ascii_case(short));
    match trimmed.strip_suffix(letters) {
        Some(before) if is_weekday => before,
        _ => before,
    }
}

/// The moment of a date; the time of day behind it belongs to it.
fn moment(written: Written<'_>) -> Option<Dated> {
    let Written {
        year,
        month,
        day,
        end: behind,
    } = written;
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    if year < FIRST_YEAR {
        return None;
    }
    let Some(Clock { time, offset, end }) = clock::read(behind).ok()? else {
        let midnight = jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
        return behind.is_at_end().then_some(Dated {
            at: midnight.ok()?.into(),
            end: behind.at(),
        });
    };
    let at = offset.to_timestamp(DateTime::from_parts(date, time)).ok()?;
    Some(Dated { at: at.into(), end })
}

#[cfg(test)]
mod tests {
    use super::super::SIEVE;
    use super::super::words::Words;
    use super::*;

    /// The moments of a text, each with what it was read from.
    fn dated(text: &str) -> Vec<(String, &str)> {
        let mut words = Words::new(text, &SIEVE);
        let mut found = Vec::new();
        while let Some(word) = words.next() {
            if let Some(dated) = from_number(&word).or_else(|| from_month(&word)) {
                found.push((dated.at.to_string(), &text[word.start..dated.end]));
                words.skip_to(dated.end);
            }
        }
        found
    }

    fn one(text: &str) -> String {
        let found = dated(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found[0].0.clone()
    }

    #[test]
    fn every_notation_is_the_same_moment() {
        for text in [
            "2024-12-20T10:30:00Z",
            "2024-12-20T10:30Z",
            "2024-12-20t10:30:00.000z",
            "2024-12-20T11:30:00+01:00",
            "2024-12-20T02:30:00-0800",
            "2024-12-20 10:30",
            "2024-12-20 10:30:00 UTC",
            "2024-12-20 10:30:00 +0000 UTC",
            "2024-12-20 at 10:30 (UTC)",
            "2024-12-20 2:30 AM PST",
            "20 December 2024 10:30 UTC",
            "20 Dec 2024, 10:30 GMT",
            "20th of December, 2024 at 10:30 am UTC",
            "20-Dec-2024 10:30:00",
            "December 20, 2024 at 10:30 AM UTC",
            "December 20th, 2024 @ 10:30",
            "Dec. 20, 2024 5:30 AM EST",
            "DEC 20 2024 10:30:00",
            "Fri, 20 Dec 2024 10:30:00 GMT",
            "Friday, December 20, 2024 12:30 UTC+2",
            "Dec 20, 2024 10:30 GMT+00:00",
        ] {
            assert_eq!(one(text), "2024-12-20T10:30:00.000Z", "{text}");
            assert_eq!(
                one(&format!("It ends ({text}), so act.")),
                "2024-12-20T10:30:00.000Z",
                "{text}"
            );
            assert_eq!(one(&format!("By {text}.")), "2024-12-20T10:30:00.000Z", "{text}");
        }
    }

    #[test]
    fn a_date_without_a_time_is_midnight_utc() {
        for text in [
            "2024-12-20",
            "20 December 2024",
            "Dec 20, 2024",
            "20 Dec 2024 3 instances stop",
            "2024-12-20 PST",
        ] {
            assert_eq!(one(text), "2024-12-20T00:00:00.000Z", "{text}");
        }
    }

    #[test]
    fn the_afternoon_is_later_and_fractions_count() {
        assert_eq!(one("Dec 20, 2024 3 PM UTC"), "2024-12-20T15:00:00.000Z");
        assert_eq!(one("Dec 20, 2024 12:15 a.m."), "2024-12-20T00:15:00.000Z");
        assert_eq!(one("Dec 20, 2024 12:15PM"), "2024-12-20T12:15:00.000Z");
        assert_eq!(one("2024-12-20T10:30:00.123456789Z"), "2024-12-20T10:30:00.123Z");
        assert_eq!(one("2024-12-20 10:30:00,5 [main]"), "2024-12-20T10:30:00.500Z");
    }

    #[test]
    fn words_behind_a_time_are_no_zones() {
        for text in [
            "2024-12-20 10:30 GET /",
            "2024-12-20 10:30 ALERT disk",
            "2024-12-20 10:30 N/A",
            "2024-12-20 10:30 Restart",
            "2024-12-20 10:30 and/or later",
        ] {
            assert_eq!(one(text), "2024-12-20T10:30:00.000Z", "{text}");
        }
    }

    #[test]
    fn several_dates_come_in_their_order_with_their_texts() {
        assert_eq!(
            dated("Between 2024-12-20 10:00 UTC and 21 Dec 2024 12:00 UTC, not 22 Dec 2024."),
            [
                ("2024-12-20T10:00:00.000Z".to_owned(), "2024-12-20 10:00 UTC"),
                ("2024-12-21T12:00:00.000Z".to_owned(), "21 Dec 2024 12:00 UTC"),
                ("2024-12-22T00:00:00.000Z".to_owned(), "22 Dec 2024"),
            ]
        );
    }

    #[test]
    fn both_ends_of_a_range_have_its_zone() {
        assert_eq!(one("2024-12-20 10:00-12:00 UTC"), "2024-12-20T10:00:00.000Z");
        assert_eq!(one("Dec 20, 2024, 10:00-12:00 PST"), "2024-12-20T18:00:00.000Z");
        assert_eq!(
            one("Dec 20, 2024 10:00 AM and 11:00 AM PST"),
            "2024-12-20T18:00:00.000Z"
        );
        assert_eq!(
            one("Dec 20, 2024 10:00 \u{2013} 12:00 (CET)"),
            "2024-12-20T09:00:00.000Z"
        );
        assert_eq!(one("2024-12-20 10:00:00-08:00"), "2024-12-20T18:00:00.000Z");
        for text in [
            "between 2024-12-20 10:00 and 2024-12-21 02:00 PST",
            "2024-12-20 10:00 to 21 Dec 2024, 02:00 PST",
            "2024-12-20 10:00 until December 21, 2024 at 2:00 PST",
        ] {
            assert_eq!(dated(text)[0].0, "2024-12-20T18:00:00.000Z", "{text}");
            assert_eq!(dated(text)[1].0, "2024-12-21T10:00:00.000Z", "{text}");
        }
        assert_eq!(dated("Dec 20, 2024 10:00 - 1:00 PM PST"), []);
        assert_eq!(dated("Dec 20, 2024 10:00 to 12:00 PT"), []);
    }

    #[test]
    fn what_is_ambiguous_or_in_no_calendar_is_no_date() {
        for text in [
            "03/04/2024",
            "2024/03/04",
            "20.12.2024",
            "12-20-2024",
            "20 December",
            "December 20",
            "May 2024",
            "20 Dec 24",
            "2024-02-30",
            "2024-13-01",
            "30 February 2024",
            "Dec 32, 2024",
            "0 May 2024",
            "2024-12-20T25:00:00Z",
            "2024-12-20 10:61",
            "Dec 20, 2024 13:00 PM",
            "Dec 20, 2024 0:30 AM",
            "2024-12-20 10:00 PT",
            "20 Dec 2024 10:00 IST",
            "Dec 20, 2024 10:00 AM Pacific Time",
            "2024-12-20 10:00 JST",
            "20 Dec 2024 10:00 (AEDT)",
            "2024-12-20 10:00 America/New_York",
            "Dec 20, 2024 10:00 - 11:00 AEDT",
            "backup-2024-12-20",
            "/logs/2024-12-20/",
            "2024-12-20.log",
            "2024-12-20-1",
            "2024-12-20_a",
            "12024-12-20",
            "1234-12-12",
            "1969-12-31",
            "2024-12-20T10:00:00Zulu",
            "2024-12-20T10:00:00+15:00",
            "2024-12-20T10:00:00Z.gz",
            "550e8400-e29b-41d4-a716-446655440000",
            "20 Decembers 2024",
            "Dec 20, 20245",
            "may 5 things 2024",
            "20 Dec 2024:10:00:00",
        ] {
            assert_eq!(dated(text), [], "{text}");
        }
    }

    #[test]
    fn a_weekday_is_looked_past() {
        assert_eq!(before_weekday("by Friday, "), "by ");
        assert_eq!(before_weekday("by fri "), "by ");
        assert_eq!(before_weekday("stand by "), "stand by ");
        assert_eq!(before_weekday(""), "");
    }
}
