//! The time of day behind a date, with its zone. Only zones that mean one offset: UTC, numbers, and a table of
//! abbreviations as American providers use them. A time without a zone is UTC.

use jiff::civil::Time;
use jiff::tz::Offset;

use super::calendar;
use super::cursor::Cursor;

/// A time of day, and where its text ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) time: Time,
    /// East of UTC; UTC when the text has none.
    pub(super) offset: Offset,
    pub(super) end: usize,
}

/// Hours east of UTC; those at 0 in whatever case, the others in capitals. `CST` is America's, not China's.
const ZONES: [(&str, i8); 15] = [
    ("UTC", 0),
    ("GMT", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("AKST", -9),
    ("AKDT", -8),
    ("HST", -10),
    ("CET", 1),
    ("CEST", 2),
];

/// Zones that mean several offsets, by the season or by the country, or are not read. A time in one is not taken.
const UNSURE_ZONES: [&str; 31] = [
    "PT", "MT", "CT", "ET", "Pacific", "Mountain", "Central", "Eastern", "ACDT", "ACST", "ADT", "AEDT",
    "AEST", "ART", "AST", "AWST", "BRT", "BST", "EAT", "EEST", "EET", "HKT", "ICT", "IST", "JST", "KST",
    "NZDT", "NZST", "SAST", "SGT", "WAT",
];

/// The areas of the time zone database, as in `America/New_York`.
const AREAS: [&str; 11] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Etc",
    "Europe",
    "Indian",
    "Pacific",
];

/// The farthest that any clock is from UTC, in hours (Kiribati).
const FARTHEST_HOURS: i16 = 14;
/// Digits of a fraction of a second that are read.
const FRACTION_DIGITS: usize = 9;

/// A time of day that is none, or whose zone is unsure: its date is no moment either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong;

/// Reads the time that belongs to a date whose text ends at the cursor; `None` when none follows.
pub(super) fn read(date_end: Cursor<'_>) -> Result<Option<Clock>, Wrong> {
    let Some(mut cursor) = behind_separator(date_end) else {
        return Ok(None);
    };
    let Some(hands) = Hands::read(&mut cursor)? else {
        return Ok(None);
    };
    let time = hands.time().ok_or(Wrong)?;
    let is_exact = hands.has_seconds || matches!(date_end.peek(0), Some(b'T' | b't'));
    let (mut offset, mut is_whole) = (zone(&mut cursor, is_exact)?, cursor.is_at_end());
    if offset.is_none()
        && let Some(of_range) = zone_of_range(cursor, hands)?
    {
        (offset, is_whole) = (Some(of_range), true);
    }
    let clock = Clock {
        time,
        offset: offset.unwrap_or(Offset::UTC),
        end: cursor.at(),
    };
    if is_whole { Ok(Some(clock)) } else { Err(Wrong) }
}

/// `T`, or a space with a comma, `at` or `@` perhaps.
fn behind_separator(mut cursor: Cursor<'_>) -> Option<Cursor<'_>> {
    if cursor.passes("T") {
        return Some(cursor);
    }
    cursor.passes(",");
    cursor.space().then_some(())?;
    if cursor.passes("at ") || cursor.passes("@") {
        cursor.space();
    }
    Some(cursor)
}

/// The zone behind a time, if there is one; wrong when it is unsure, or further from UTC than any.
fn zone(cursor: &mut Cursor<'_>, is_exact: bool) -> Result<Option<Offset>, Wrong> {
    let is_signed = |cursor: Cursor<'_>| matches!(cursor.peek(0), Some(b'+' | b'-'));
    if is_signed(*cursor) {
        // `10:00-12:00` is a range; only behind `T` or seconds the second half is a zone.
        let is_range = !is_exact && cursor.peek(0) == Some(b'-');
        return if is_range {
            Ok(None)
        } else {
            numeric(cursor).map(Some)
        };
    }
    let mut ahead = *cursor;
    let is_apart = ahead.space();
    ahead.passes("(");
    if is_apart && is_signed(ahead) {
        // `10:00 -12 items` has no zone: with a space before it, it is written in full.
        let start = ahead.at();
        let offset = numeric(&mut ahead)
            .ok()
            .filter(|_| ahead.at() >= start + "+0000".len());
        if offset.is_some() {
            *cursor = ahead;
        }
        return Ok(offset);
    }
    let letters = ahead.letters();
    let is_zulu = !is_apart && letters.eq_ignore_ascii_case("Z");
    let is_named =
        |(name, hours): &&(&str, i8)| *name == letters || (*hours == 0 && name.eq_ignore_ascii_case(letters));
    let hours = match ZONES.iter().find(is_named) {
        Some((_, hours)) => *hours,
        None if is_zulu => 0,
        None if may_be_zone(letters, ahead) => return Err(Wrong),
        None => return Ok(None),
    };
    *cursor = ahead;
    if hours == 0 && is_signed(ahead) {
        return numeric(cursor).map(Some);
    }
    Ok(Some(Offset::constant(hours)))
}

/// Whether letters behind a time, which end at the cursor, name a zone that is not known: `JST`, `America/New_York`. To
/// take the time for UTC would be wrong by hours.
fn may_be_zone(letters: &str, end: Cursor<'_>) -> bool {
    let is_place = end.peek(0) == Some(b'/') && AREAS.contains(&letters);
    UNSURE_ZONES.contains(&letters) || is_place
}

/// `+01:00`, `-0800`, `+1`
fn numeric(cursor: &mut Cursor<'_>) -> Result<Offset, Wrong> {
    let sign = if cursor.passes("-") { -1 } else { 1 };
    cursor.passes("+");
    let (hours, minutes) = if let Some(number) = cursor.digits(4) {
        (number / 100, number % 100)
    } else {
        let hours = cursor.short().ok_or(Wrong)?;
        let minutes = if cursor.passes(":") {
            cursor.digits(2)
        } else {
            Some(0)
        };
        (hours, minutes.ok_or(Wrong)?)
    };
    if hours > FARTHEST_HOURS || minutes > 59 {
        return Err(Wrong);
    }
    let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
    Offset::from_seconds(sign * seconds).map_err(|_| Wrong)
}

/// The zone of the other end, if a time is the beginning of a range: `10:00 - 11:00 AM PST`, perhaps with a date of its
/// own: `22:00 and 2024-12-21 02:00 PST`. Wrong when it is unsure, or when only the other end says which half of the day
/// it is.
fn zone_of_range(mut cursor: Cursor<'_>, start: Hands) -> Result<Option<Offset>, Wrong> {
    cursor.space();
    let is_range = ["-", "\u{2013}", "to ", "and ", "until "]
        .iter()
        .any(|sign| cursor.passes(sign));
    cursor.space();
    if let Some(other) = calendar::behind_date(cursor).and_then(behind_separator) {
        cursor = other;
    }
    let end = if is_range { Hands::read(&mut cursor)? } else { None };
    match end {
        None => Ok(None),
        Some(end) if start.half.is_none() && end.half.is_some() => Err(Wrong),
        Some(_) => Ok(Some(zone(&mut cursor, true)?.unwrap_or(Offset::UTC))),
    }
}

/// Which half of the day a time of twelve hours is in.
#[derive(Clone, Copy)]
enum Half {
    Morning,
    Afternoon,
}

impl Half {
    /// `AM`, `PM`, `a.m.`, `p.m.`
    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let mut ahead = *cursor;
        ahead.space();
        let half = if ahead.passes("AM") || ahead.passes("a.m.") {
            Self::Morning
        } else if ahead.passes("PM") || ahead.passes("p.m.") {
            Self::Afternoon
        } else {
            return None;
        };
        ahead.is_at_end().then(|| *cursor = ahead)?;
        Some(half)
    }
}

/// A time of day as written.
#[derive(Clone, Copy)]
struct Hands {
    hour: i16,
    minute: i16,
    second: i16,
    nanosecond: i32,
    has_seconds: bool,
    half: Option<Half>,
}

impl Hands {
    /// `10:30`, `10:30:00.123`, `10 AM`, `10:30 a.m.`, if there is one.
    fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, Wrong> {
        let mut ahead = *cursor;
        let Some(hour) = ahead.short() else {
            return Ok(None);
        };
        let mut hands = Self {
            hour,
            minute: 0,
            second: 0,
            nanosecond: 0,
            has_seconds: false,
            half: None,
        };
        let has_minutes = is_followed_by_digit(ahead) && ahead.passes(":");
        if has_minutes {
            hands.minute = ahead.digits(2).ok_or(Wrong)?;
            hands.read_seconds(&mut ahead)?;
        }
        hands.half = Half::read(&mut ahead);
        if !has_minutes && hands.half.is_none() {
            return Ok(None);
        }
        *cursor = ahead;
        Ok(Some(hands))
    }

    fn read_seconds(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Wrong> {
        self.has_seconds = is_followed_by_digit(*cursor) && cursor.passes(":");
        if self.has_seconds {
            self.second = cursor.digits(2).ok_or(Wrong)?;
            // Log4j writes a comma.
            if is_followed_by_digit(*cursor) && (cursor.passes(".") || cursor.passes(",")) {
                self.nanosecond = fraction(cursor);
            }
        }
        Ok(())
    }

    fn time(self) -> Option<Time> {
        let hour = match (self.half, self.hour) {
            (None, hour) => hour,
            (Some(_), hour) if !(1..=12).contains(&hour) => return None,
            (Some(Half::Morning), hour) => hour % 12,
            (Some(Half::Afternoon), hour) => hour % 12 + 12,
        };
        let small = |number: i16| i8::try_from(number).ok();
        Time::new(
            small(hour)?,
            small(self.minute)?,
            small(self.second)?,
            self.nanosecond,
        )
        .ok()
    }
}

/// Whether a digit stands behind the next byte.
fn is_followed_by_digit(cursor: Cursor<'_>) -> bool {
    cursor.peek(1).is_some_and(|byte| byte.is_ascii_digit())
}

/// The nanoseconds of a fraction of a second.
fn fraction(cursor: &mut Cursor<'_>) -> i32 {
    let (mut unit, mut sum) = (100_000_000, 0);
    for _ in 0..FRACTION_DIGITS {
        let Some(digit) = cursor.peek(0).filter(u8::is_ascii_digit) else {
            break;
        };
        sum += i32::from(digit - b'0') * unit;
        unit /= 10;
        cursor.advance();
    }
    sum
}
