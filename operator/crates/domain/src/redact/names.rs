//! Names that say secret, in JSON members, labels, query strings and lines of configuration; and the values that
//! are no secret although their name says so.

use super::REDACTED_START;

/// How sure a name is that its value is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// `password` and its kin: any value, a number too.
    Password,
    /// `token`, `api_key` …: any value but a short number (a count, a version).
    Key,
    /// `secret`, `secret_key`: in alerts about Kubernetes the *name* of a Secret (`shop/tls-cert`) or of an entry
    /// (`tls.crt`), which people group by. Anything that is no such name is a secret.
    Secret,
}

/// The ends of names that say secret, without case, `_` and `-`. Ends, not parts: `secretName`,
/// `token_bucket_size`, `passwordPolicy`, `aws_access_key_id` tell nothing secret. Of two that fit the first counts.
const ENDINGS: [(&str, Named); 24] = [
    ("password", Named::Password),
    ("passwd", Named::Password),
    ("passphrase", Named::Password),
    ("passcode", Named::Password),
    ("pwd", Named::Password),
    ("clientsecret", Named::Key),
    ("appsecret", Named::Key),
    ("apisecret", Named::Key),
    ("sharedsecret", Named::Key),
    ("webhooksecret", Named::Key),
    ("consumersecret", Named::Key),
    ("token", Named::Key),
    ("apikey", Named::Key),
    ("routingkey", Named::Key),
    ("accesskey", Named::Key),
    ("privatekey", Named::Key),
    ("accountkey", Named::Key),
    ("signingkey", Named::Key),
    ("authorization", Named::Key),
    ("credential", Named::Key),
    ("credentials", Named::Key),
    ("cookie", Named::Key),
    ("secretkey", Named::Secret),
    ("secret", Named::Secret),
];

/// Bytes of the longest of [`ENDINGS`].
const LONGEST_ENDING: usize = "consumersecret".len();

/// A number shorter than this under `token` is a count or a version, not a credential.
const SHORT_NUMBER_DIGITS: usize = 6;

/// Words that stand for no value.
const NO_VALUES: [&str; 8] = ["", "null", "none", "nil", "true", "false", "undefined", "-"];

/// All of [`ENDINGS`].
#[cfg(test)]
pub(super) fn endings() -> impl Iterator<Item = &'static str> {
    ENDINGS.iter().map(|(ending, _)| *ending)
}

/// What a name says of its value; `None` for an innocent one.
pub(super) fn of(name: &str) -> Option<Named> {
    let mut ending = [0; LONGEST_ENDING];
    let mut start = LONGEST_ENDING;
    let letters = name.bytes().rev().filter(|byte| !matches!(byte, b'_' | b'-'));
    for (place, letter) in ending.iter_mut().rev().zip(letters) {
        *place = letter.to_ascii_lowercase();
        start -= 1;
    }
    let name = ending.get(start..).unwrap_or_default();
    let fits = |known: &str| known.as_bytes().last() == name.last() && name.ends_with(known.as_bytes());
    let known = ENDINGS.iter().find(|(known, _)| fits(known));
    known.map(|(_, named)| *named)
}

impl Named {
    /// Whether `value` is to be hidden.
    pub(super) fn hides(self, value: &str) -> bool {
        let value = value.trim();
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        if NO_VALUES.iter().any(|none| none.eq_ignore_ascii_case(value)) || is_placeholder(value) {
            return false;
        }
        match self {
            // `PWD` is the working directory in every environment dump.
            Self::Password => !value.starts_with('/'),
            Self::Key => !(is_number && value.len() < SHORT_NUMBER_DIGITS),
            Self::Secret => !is_number && !is_object_name(value),
        }
    }
}

/// `***`, `<password>`, `$PASSWORD` and its kin, `{{ token }}`, and what was redacted before.
fn is_placeholder(value: &str) -> bool {
    let is_variable = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    ["<", "${", "$(", "{{", REDACTED_START]
        .iter()
        .any(|start| value.starts_with(start))
        || value.strip_prefix('$').is_some_and(is_variable)
        || value.bytes().all(|byte| byte == b'*' || byte == b'.')
}

/// Whether a value reads as the name of a Kubernetes object or of an entry in one: words of lower-case letters
/// with few digits between `-`, `.` or `/`. One word alone could be a password, and counts as one.
fn is_object_name(value: &str) -> bool {
    /// Digits of generated suffixes (`x2x7q`), fewer than those of keys and UUIDs.
    const WORD_DIGITS: usize = 4;
    const ALL_DIGITS: usize = 6;
    /// Letters of the longest sensible word; random texts are longer.
    const WORD_LETTERS: usize = 20;
    /// Kubernetes' own bound for a namespace and a name with a slash.
    const NAME_BYTES: usize = 63 + 1 + 253;
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let is_word = |word: &str| {
        !word.is_empty()
            && word.len() <= WORD_LETTERS
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && digits(word) <= WORD_DIGITS
    };
    value.len() <= NAME_BYTES
        && value.starts_with(|first: char| first.is_ascii_lowercase())
        && value.contains(['-', '.', '/'])
        && value.split(['-', '.', '/']).all(is_word)
        && digits(value) <= ALL_DIGITS
}

/// Whether a text reads like a token and not like a word of prose.
pub(super) fn is_random(text: &str) -> bool {
    /// No word in an alert is longer without a space.
    const LONG_BYTES: usize = 32;
    text.len() >= LONG_BYTES || text.bytes().any(|byte| byte.is_ascii_digit() || byte == b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_their_end_whatever_their_case() {
        for (name, named) in [
            ("password", Some(Named::Password)),
            ("DB_PASSWORD", Some(Named::Password)),
            ("X-Api-Key", Some(Named::Key)),
            ("apiKey", Some(Named::Key)),
            ("aws.secretAccessKey", Some(Named::Key)),
            ("client_secret", Some(Named::Key)),
            ("secret", Some(Named::Secret)),
            ("secretName", None),
            ("secret_namespace", None),
            ("token_bucket_size", None),
            ("max_tokens", None),
            ("passwordPolicy", None),
            ("aws_access_key_id", None),
            ("key", None),
            ("keyspace", None),
            ("", None),
        ] {
            assert_eq!(of(name), named, "{name}");
        }
    }

    #[test]
    fn every_ending_is_found_behind_any_name() {
        for (ending, named) in ENDINGS {
            assert_eq!(
                of(&format!("{}_{}", "x".repeat(100), ending)),
                Some(named),
                "{ending}"
            );
        }
    }

    #[test]
    fn the_name_of_a_kubernetes_secret_stays_and_a_secret_goes() {
        for (value, hidden) in [
            ("shop/tls-cert", false),
            ("tls.crt", false),
            ("checkout-db-x2x7q", false),
            ("hunter2", true),
            ("default", true),
            ("ba4e28ba-2fa1-11d2-883f-b9a761bde3fb", true),
            ("sk-live-abcdef1234567890", true),
            ("Correct-Horse", true),
            ("", false),
            ("${SECRET}", false),
        ] {
            assert_eq!(Named::Secret.hides(value), hidden, "{value}");
        }
    }

    #[test]
    fn counts_and_placeholders_are_no_secrets() {
        assert!(!Named::Key.hides("5000"));
        assert!(Named::Key.hides("500000"));
        assert!(Named::Password.hides("1234"));
        assert!(!Named::Password.hides("*****"));
        assert!(!Named::Password.hides("/var/lib"));
        assert!(!Named::Key.hides("null"));
    }
}
