//! Cloud accounts: the twelve digits of AWS, by themselves and in ARNs and registries' names, and the UUID of an Azure
//! subscription behind `subscriptions/`. Names of GCP projects look like any other word and are not looked for.

use std::borrow::Cow;
use std::ops::Range;

use super::words::Word;

/// Digits of an AWS account id.
const AWS_DIGITS: usize = 12;
/// What stands behind an account at the beginning of a registry's name.
const REGISTRY: &str = ".dkr.ecr.";
/// Bytes of a UUID.
const UUID_BYTES: usize = 36;
/// Where the hyphens of a UUID are.
const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];
const SUBSCRIPTIONS: &str = "subscriptions/";
const ARN: &str = "arn:";
/// Which part of an ARN, counted from 0, is the account (AWS General Reference, "Amazon Resource Names").
const ARN_ACCOUNT: usize = 4;

/// The account that a word is or names. The word has a digit.
pub(super) fn in_word<'t>(word: &Word<'t>) -> Option<Cow<'t, str>> {
    let text = word.as_str();
    if text.len() < AWS_DIGITS {
        return None;
    }
    if text.starts_with(ARN)
        && let Some(account) = in_resource(text)
    {
        return Some(account);
    }
    if text.len() == UUID_BYTES && ends_with_ignoring_case(word.before(), SUBSCRIPTIONS) {
        return uuid(text);
    }
    // `#` stands before numbers of tickets.
    if word.byte_before() == Some(b'#') {
        return None;
    }
    let mut start = 0;
    while let Some(run) = digits(text, start) {
        start = run.end;
        if let Some(account) = standing_alone(text, run) {
            return Some(Cow::Borrowed(account));
        }
    }
    None
}

/// The next run of digits behind `from`.
fn digits(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let start = from + bytes.get(from..)?.iter().position(u8::is_ascii_digit)?;
    let length = bytes
        .get(start..)?
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    Some(start..start + length)
}

/// The run of digits if it is an account: alone between colons, or at the beginning of a registry's name.
fn standing_alone(text: &str, run: Range<usize>) -> Option<&str> {
    if run.len() != AWS_DIGITS {
        return None;
    }
    let (before, behind) = (text.get(..run.start)?, text.get(run.end..)?);
    let account = text.get(run)?;
    let is_first = before.is_empty() || before.ends_with(':');
    let is_last = behind.is_empty() || behind.starts_with(':');
    (is_first && (is_last && !is_stamp(account) || behind.starts_with(REGISTRY))).then_some(account)
}

/// The account of a resource, given as an ARN or an Azure resource id.
pub(super) fn in_resource(resource: &str) -> Option<Cow<'_, str>> {
    if resource.starts_with(ARN) {
        let account = resource.split(':').nth(ARN_ACCOUNT)?;
        return is_aws(account).then_some(Cow::Borrowed(account));
    }
    let rest = resource.strip_prefix('/')?;
    let is_azure = rest
        .get(..SUBSCRIPTIONS.len())?
        .eq_ignore_ascii_case(SUBSCRIPTIONS);
    let behind = rest.get(SUBSCRIPTIONS.len()..).filter(|_| is_azure)?;
    uuid(behind.split('/').next()?)
}

/// An event's own account, if it has the form of one.
pub(super) fn whole(account: &str) -> Option<Cow<'_, str>> {
    if is_aws(account) {
        return Some(Cow::Borrowed(account));
    }
    uuid(account)
}

fn is_aws(text: &str) -> bool {
    text.len() == AWS_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether twelve digits read as a minute of this century, `202412201030`: of random ids one in twenty thousand does.
fn is_stamp(digits: &str) -> bool {
    let part = |start: usize| {
        digits
            .get(start..start + 2)
            .and_then(|part| part.parse::<u8>().ok())
    };
    let is_within =
        |start, range: std::ops::RangeInclusive<u8>| part(start).is_some_and(|part| range.contains(&part));
    digits.starts_with("20")
        && is_within(4, 1..=12)
        && is_within(6, 1..=31)
        && is_within(8, 0..=23)
        && is_within(10, 0..=59)
}

/// A UUID in small letters.
fn uuid(text: &str) -> Option<Cow<'_, str>> {
    let is_part = |(at, byte): (usize, u8)| {
        let is_hyphen = UUID_HYPHENS.contains(&at);
        (is_hyphen && byte == b'-') || (!is_hyphen && byte.is_ascii_hexdigit())
    };
    if text.len() != UUID_BYTES || !text.bytes().enumerate().all(is_part) {
        return None;
    }
    Some(super::in_small_letters(text))
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    let start = text.len().checked_sub(end.len());
    start
        .and_then(|start| text.get(start..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::super::SIEVE;
    use super::super::words::{Words, holds};
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let with_digits = Words::new(text, &SIEVE).filter(|word| word.has(holds::DIGIT));
        with_digits
            .filter_map(|word| in_word(&word))
            .map(Cow::into_owned)
            .collect()
    }

    #[test]
    fn twelve_digits_are_an_account_wherever_they_stand_alone() {
        for text in [
            "Account 123456789012.",
            "AWS account (123456789012) exceeded",
            "account_id=123456789012, region=eu-west-1",
            "AccountId:123456789012",
            "arn:aws:iam::123456789012:role/Admin",
            "\"arn:aws-us-gov:sns:us-gov-west-1:123456789012:alerts\"",
            "pull 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:v1",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
        ] {
            assert_eq!(found(text), ["123456789012"], "{text}");
        }
        assert_eq!(
            found("111111111111,222222222222"),
            ["111111111111", "222222222222"]
        );
    }

    #[test]
    fn other_numbers_are_no_accounts() {
        for text in [
            "1734690600123",
            "12345678901",
            "1234567890123",
            "123456789012.5",
            "123456789012345",
            "550e8400-e29b-41d4-a716-446655440000",
            "+491234567890",
            "#123456789012",
            "bucket-123456789012",
            "x123456789012",
            "123456789012x",
            "1234-5678-9012",
            "202412201030",
            "arn:aws:s3:::bucket-1",
            "arn:aws:x:y:1234:z",
            "123456789012.example.com",
            "1,123456789012.5",
            "vol_123456789012",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
        assert_eq!(found("arn:aws:iam::202412201030:root"), ["202412201030"]);
    }

    #[test]
    fn an_azure_subscription_is_known_by_its_path() {
        let path = "/subscriptions/550E8400-e29b-41d4-a716-446655440000/resourceGroups/shop";
        assert_eq!(found(path), ["550e8400-e29b-41d4-a716-446655440000"]);
        assert_eq!(in_resource(path).unwrap(), "550e8400-e29b-41d4-a716-446655440000");
        assert_eq!(in_resource("/subscriptions/550E8400"), None);
        assert_eq!(in_resource("web-1"), None);
    }

    #[test]
    fn an_events_own_account_is_taken_only_in_these_forms() {
        assert_eq!(whole("123456789012").unwrap(), "123456789012");
        assert_eq!(whole("my-project"), None);
    }
}
