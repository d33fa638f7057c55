//! Shapes of secrets in running text: tokens that betray their issuer, headers, URLs with passwords, and
//! `name=value` where the name says secret. Issuers' formats: docs of AWS IAM ids, GitHub, GitLab, Slack,
//! RFC 7519 (JWT), RFC 7468 (PEM), RFC 6750 (bearer).

use std::borrow::Cow;
use std::ops::Range;

use regex::{Captures, Match, Regex, RegexSet};

use super::{REDACTED, REDACTED_START, RedactorError, names};

/// One kind of secret. Its pattern matches with a group `secret`, or as a whole.
struct Shape {
    /// The word in `[redacted:<kind>]`; empty where the name beside it says enough.
    kind: &'static str,
    pattern: &'static str,
    /// Whether a match is one after all; patterns cannot say "with a digit".
    accepts: fn(&Captures<'_>) -> bool,
}

const fn shape(kind: &'static str, pattern: &'static str) -> Shape {
    Shape {
        kind,
        pattern,
        accepts: |_| true,
    }
}

/// In the order of application: what is whole and sure first, names with values last.
const SHAPES: [Shape; 19] = [
    // To its end, or to the text's where that was cut.
    shape(
        "private-key",
        r"(?s)-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)",
    ),
    shape("aws-access-key", r"(?-u:\b)(?:AKIA|ASIA)[A-Z0-9]{16}(?-u:\b)"),
    shape(
        "github-token",
        r"(?-u:\b)(?:gh[opusr]_[A-Za-z0-9_]{30,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    shape("gitlab-token", r"(?-u:\b)gl(?:pat|rt)-[A-Za-z0-9_-]{20,}"),
    shape(
        "slack-token",
        r"(?-u:\b)(?:xox[abeprs][.-](?:xox[bp]-)?|xapp-)[A-Za-z0-9-]{10,}",
    ),
    shape(
        "slack-webhook",
        r"hooks\.slack\.com\\?/(?:services|workflows)(?P<secret>\\?/[A-Za-z0-9/\\_-]{8,})",
    ),
    shape("jwt", r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4}"),
    shape("anthropic-key", r"(?-u:\b)sk-ant-[A-Za-z0-9_-]{16,}"),
    shape("openai-key", r"(?-u:\b)sk-proj-[A-Za-z0-9_-]{16,}"),
    shape("stripe-key", r"(?-u:\b)[rs]k_live_[A-Za-z0-9]{16,}"),
    shape("google-key", r"(?-u:\b)AIza[A-Za-z0-9_-]{35}"),
    shape("npm-token", r"(?-u:\b)npm_[A-Za-z0-9]{36}"),
    shape("vault-token", r"(?-u:\b)hvs\.[A-Za-z0-9_-]{20,}"),
    shape(
        "signature",
        r"(?i)(?-u:\b)x-(?:amz|goog)-(?:signature|security-token)=(?P<secret>[A-Za-z0-9%_.+/-]{16,})",
    ),
    shape(
        "url-password",
        r#"[A-Za-z][A-Za-z0-9+.-]*:\\?/\\?/[^\s/:@"'<>\[\\]*:(?P<secret>[^\s/@"'<>\\]+)@"#,
    ),
    // The scheme stays: that it was Basic is worth knowing. "Authorization: failed" is prose.
    Shape {
        kind: "authorization",
        pattern: r#"(?i)(?-u:\b)authorization\\*["']?\s*[:=]\s*\\*["']?(?:(?P<basic>basic\s+)|[a-z][a-z0-9-]{2,15}\s+)?(?P<secret>[A-Za-z0-9._~+/=:-]{6,})"#,
        accepts: |found| is_random(secret(found)) || found.name("basic").is_some(),
    },
    Shape {
        kind: "bearer-token",
        pattern: r"(?i)(?-u:\b)bearer\s+(?P<secret>[A-Za-z0-9._~+/-]{12,}=*)",
        accepts: |found| is_random(secret(found)),
    },
    shape(
        "cookie",
        r#"(?i)(?-u:\b)(?:set-)?cookie\\*["']?\s*:\s*\\*["']?(?P<secret>[^\s"\\=;]{1,64}=[^"\r\n\\]+)"#,
    ),
    Shape {
        kind: "",
        pattern: NAMED,
        accepts: is_named_secret,
    },
];

/// A name that may say secret, `=` or `:`, and a value in double, escaped or single quotes, or bare.
const NAMED: &str = concat!(
    r"(?i)(?P<name>[A-Za-z0-9_.-]*(?:passw(?:or)?d|passphrase|passcode|pwd|secret|token|(?:api|access|secret|private|account|signing)[_-]?key|credentials?))",
    r#"(?P<sign>\\*["']? {0,4}[:=]\s*)"#,
    r#"(?:\\"(?P<escaped>[^"\\]+)\\"|"(?P<double>(?:[^"\\]|\\.)+)"?|'(?P<single>[^']+)'|(?P<bare>[^\s"'&;,<>{}\[\]()\\]+))"#,
);

/// The value groups of [`NAMED`].
const VALUES: [&str; 4] = ["escaped", "double", "single", "bare"];

/// How often a text is searched again after something in it was replaced.
const PASSES: usize = 4;

/// All shapes, compiled.
#[derive(Debug)]
pub(super) struct Shapes {
    any: RegexSet,
    each: Vec<Regex>,
}

impl Shapes {
    pub(super) fn new() -> Result<Self, RedactorError> {
        let patterns = SHAPES.iter().map(|shape| shape.pattern);
        Ok(Self {
            any: RegexSet::new(patterns.clone())?,
            each: patterns.map(Regex::new).collect::<Result<_, _>>()?,
        })
    }

    /// The text without its secrets, and how many there were; borrowed when there were none.
    pub(super) fn hide<'t>(&self, text: &'t str) -> (Cow<'t, str>, usize) {
        let mut hidden = Cow::Borrowed(text);
        let mut count = 0;
        // What stands in for one secret can uncover the next; a text without secrets is searched once.
        for _ in 0..PASSES {
            let found = self.hide_once(&mut hidden);
            count += found;
            if found == 0 {
                break;
            }
        }
        (hidden, count)
    }

    fn hide_once(&self, text: &mut Cow<'_, str>) -> usize {
        let mut count = 0;
        for index in &self.any.matches(text) {
            if let (Some(shape), Some(pattern)) = (SHAPES.get(index), self.each.get(index)) {
                let secrets = secrets(text, pattern, shape);
                if !secrets.is_empty() {
                    count += secrets.len();
                    *text = Cow::Owned(without(text, &secrets, shape.kind));
                }
            }
        }
        count
    }
}

/// Where the secrets of one shape are, in order and apart.
fn secrets(text: &str, pattern: &Regex, shape: &Shape) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    let mut from = 0;
    while let Some(found) = pattern.captures_at(text, from) {
        let (whole, part) = (
            found.get(0).map_or(0..0, |whole| whole.range()),
            secret_part(&found).map_or(0..0, |part| part.range()),
        );
        let accepted = !secret(&found).starts_with(REDACTED_START) && (shape.accepts)(&found);
        // What was taken for a value may hold the next name: "bad token: password=x".
        from = if accepted || part.start == whole.start {
            whole.end
        } else {
            part.start
        };
        if accepted {
            secrets.push(part);
        }
    }
    secrets
}

/// The text with `secrets`, in order and apart, replaced.
fn without(text: &str, secrets: &[Range<usize>], kind: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut from = 0;
    for secret in secrets {
        hidden.push_str(text.get(from..secret.start).unwrap_or_default());
        match kind {
            "" => hidden.push_str(REDACTED),
            kind => hidden.extend([REDACTED_START, ":", kind, "]"]),
        }
        from = secret.end;
    }
    hidden.push_str(text.get(from..).unwrap_or_default());
    hidden
}

/// The part of a match that is the secret.
fn secret_part<'t>(found: &Captures<'t>) -> Option<Match<'t>> {
    let mut groups = std::iter::once("secret").chain(VALUES);
    groups.find_map(|name| found.name(name)).or_else(|| found.get(0))
}

fn secret<'t>(found: &Captures<'t>) -> &'t str {
    secret_part(found).map_or("", |part| part.as_str())
}

/// Whether a text reads like a token and not like a word of prose.
fn is_random(text: &str) -> bool {
    /// No word in an alert is longer without a space.
    const LONG_BYTES: usize = 32;
    text.bytes().any(|byte| byte.is_ascii_digit() || byte == b'=') || text.len() >= LONG_BYTES
}

fn is_named_secret(found: &Captures<'_>) -> bool {
    let group = |name| found.name(name).map_or("", |part| part.as_str());
    let Some(named) = names::of(group("name")) else {
        return false;
    };
    let (value, sign) = (secret(found), group("sign"));
    // "token: expired" is prose: behind a colon without quotes only a password is believed without a digit.
    let is_prose = found.name("bare").is_some() && !sign.contains(['=', '"', '\'']);
    named.hides(value)
        && (!is_prose || named == names::Named::Password || (is_random(value) && !value.contains('=')))
}

/// A JSON text in which letters, digits and URL signs are no longer written as `\u0061`.
pub(super) fn without_needless_escapes(text: &str) -> Cow<'_, str> {
    const ESCAPE: &str = "\\u00";
    if !text.contains(ESCAPE) {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split(ESCAPE);
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2).unwrap_or(("", part));
        let letter = u8::from_str_radix(hex, 16).ok().map(char::from);
        match letter.filter(|letter| letter.is_ascii_alphanumeric() || "_-.:/@=".contains(*letter)) {
            Some(letter) => decoded.push(letter),
            None => decoded.extend([ESCAPE, hex]),
        }
        decoded.push_str(rest);
    }
    Cow::Owned(decoded)
}
