//! Dates as they are written: `2024-12-20`, `20 December 2024`, `December 20, 2024`. Whether a calendar has such a day,
//! nobody asks here.

use super::cursor::Cursor;
use super::words::{Key, Sieve};

#[rustfmt::skip]
const MONTHS: [&str; 12] = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
];
#[rustfmt::skip]
const SHORT_MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const SEPT: &str = "Sept";
const MONTH_KEYS: [Key; 12] = Key::all(MONTHS);
const SHORT_MONTH_KEYS: [Key; 12] = Key::all(SHORT_MONTHS);

/// Adds the months.
pub(super) const fn first_words(sieve: &Sieve) -> Sieve {
    sieve.with(&MONTHS).with(&SHORT_MONTHS).with(&[SEPT])
}

/// Where a date ends that begins at the cursor.
pub(super) fn behind_date(cursor: Cursor<'_>) -> Option<Cursor<'_>> {
    let date = if cursor.peek(0)?.is_ascii_digit() {
        year_first(cursor).or_else(|| day_first(cursor))
    } else {
        month_first(cursor)
    };
    date.map(|date| date.end)
}

/// A date as written, and where it ends.
#[derive(Clone, Copy)]
pub(super) struct Written<'t> {
    pub(super) year: i16,
    pub(super) month: i16,
    pub(super) day: i16,
    pub(super) end: Cursor<'t>,
}

/// `2024-12-20`
pub(super) fn year_first(mut end: Cursor<'_>) -> Option<Written<'_>> {
    let year = end.digits(4)?;
    let month = end.passes("-").then(|| end.digits(2))??;
    let day = end.passes("-").then(|| end.digits(2))??;
    Some(Written {
        year,
        month,
        day,
        end,
    })
}

/// `20 December 2024`, `20th of Dec, 2024`, `20-Dec-2024`
pub(super) fn day_first(mut end: Cursor<'_>) -> Option<Written<'_>> {
    let day = day(&mut end)?;
    let is_joined = end.passes("-");
    if !is_joined {
        let is_apart = end.space() && end.peek(0)?.is_ascii_alphabetic();
        is_apart.then_some(())?;
        if end.passes("of ") {
            end.space();
        }
    }
    let month = month(end.letters())?;
    let year = if is_joined {
        end.passes("-").then(|| end.digits(4))??
    } else {
        year_behind(&mut end)?
    };
    Some(Written {
        year,
        month,
        day,
        end,
    })
}

/// `December 20, 2024`, `Dec 20th 2024`
pub(super) fn month_first(mut end: Cursor<'_>) -> Option<Written<'_>> {
    let month = month(end.letters())?;
    end.passes(".");
    end.space().then_some(())?;
    let day = day(&mut end)?;
    let year = year_behind(&mut end)?;
    Some(Written {
        year,
        month,
        day,
        end,
    })
}

fn month(letters: &str) -> Option<i16> {
    const SEPT_KEY: Key = Key::of(SEPT);
    static MONTH_SIEVE: Sieve = first_words(&Sieve::NONE);
    if !MONTH_SIEVE.lets_pass(letters) {
        return None;
    }
    let key = Key::of(letters);
    let place = |keys: &[Key]| keys.iter().position(|month| *month == key);
    let known = place(&SHORT_MONTH_KEYS).or_else(|| place(&MONTH_KEYS));
    i16::try_from(known.or((key == SEPT_KEY).then_some(8))? + 1).ok()
}

/// A day, with the letters of an ordinal perhaps.
fn day(cursor: &mut Cursor<'_>) -> Option<i16> {
    let day = cursor.short()?;
    let has_letters = cursor.peek(0).is_some_and(|byte| byte.is_ascii_alphabetic());
    let mut ordinal = *cursor;
    if has_letters && matches!(ordinal.letters(), "st" | "nd" | "rd" | "th") {
        *cursor = ordinal;
    }
    Some(day)
}

/// A year behind a month or a day, with a full stop, a comma or only a space between.
fn year_behind(cursor: &mut Cursor<'_>) -> Option<i16> {
    cursor.passes(".");
    cursor.passes(",");
    cursor.space().then(|| cursor.digits(4))?
}
