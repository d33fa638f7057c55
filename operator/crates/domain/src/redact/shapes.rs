//! Shapes of secrets in running text: tokens that betray their issuer, headers, URLs with passwords, and
//! `name=value` where the name says secret (for which see `named`). Issuers' formats: docs of AWS IAM ids, GitHub, GitLab, Slack,
//! RFC 7519 (JWT), RFC 7468 (PEM), RFC 6750 (bearer).

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;

use super::named::{self, HEAD};
use super::names::is_random;
use super::{REDACTED, REDACTED_START, RedactorError};

/// One kind of secret. Searched without capture groups, which cost a microsecond a match and as much a byte of a
/// long one; where in its match the secret is, a function says.
struct Shape {
    /// The word in `[redacted:<kind>]`; empty where the name beside it says enough.
    kind: &'static str,
    /// Of these every match contains one, in whatever case.
    literals: Literals,
    pattern: &'static str,
    /// Takes a match apart.
    secret: fn(&str) -> Found,
}

/// What a match holds.
struct Found {
    /// Where in the match the secret begins; it goes on to `end`.
    start: usize,
    /// Where in the match it ends.
    end: usize,
    /// Whether it is one after all; patterns cannot say "with a digit".
    is_secret: bool,
}

type Literals = &'static [&'static str];

const fn whole(kind: &'static str, literals: Literals, pattern: &'static str) -> Shape {
    part(kind, literals, pattern, |found| behind(found, 0))
}

const fn part(
    kind: &'static str,
    literals: Literals,
    pattern: &'static str,
    secret: fn(&str) -> Found,
) -> Shape {
    Shape {
        kind,
        literals,
        pattern,
        secret,
    }
}

/// In the order of application: what is whole and sure first. Names with values come last, and have a module of
/// their own.
const SHAPES: [Shape; 18] = [
    // To its end, or to the text's where that was cut.
    whole(
        "private-key",
        &["-----begin "],
        r"(?s)-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)",
    ),
    whole(
        "aws-access-key",
        &["akia", "asia"],
        r"(?-u:\b)(?:AKIA|ASIA)[A-Z0-9]{16}(?-u:\b)",
    ),
    whole(
        "github-token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"(?-u:\b)(?:gh[opusr]_[A-Za-z0-9_]{30,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    whole(
        "gitlab-token",
        &["glpat-", "glrt-"],
        r"(?-u:\b)gl(?:pat|rt)-[A-Za-z0-9_-]{20,}",
    ),
    whole(
        "slack-token",
        &["xox", "xapp-"],
        r"(?-u:\b)(?:xox[abeprs][.-](?:xox[bp]-)?|xapp-)[A-Za-z0-9-]{10,}",
    ),
    part(
        "slack-webhook",
        &["hooks.slack.com"],
        r"hooks\.slack\.com\\?/(?:services|workflows)\\?/[A-Za-z0-9/\\_-]{8,}",
        |found| {
            let ends = ["services", "workflows"].map(|word| found.find(word).map(|at| at + word.len()));
            behind(found, ends.into_iter().flatten().min().unwrap_or(0))
        },
    ),
    // The letter behind is that of the header's first member: alg, b64, cty, enc, jku, kid, typ, x5t, zip and their kin.
    whole(
        "jwt",
        &["eyj"],
        r"(?-u:\b)eyJ[046hijlqr][A-Za-z0-9_-]{7,}(?:\.[A-Za-z0-9_-]*){2,4}",
    ),
    whole(
        "anthropic-key",
        &["sk-ant-"],
        r"(?-u:\b)sk-ant-[A-Za-z0-9_-]{16,}",
    ),
    whole("openai-key", &["sk-proj-"], r"(?-u:\b)sk-proj-[A-Za-z0-9_-]{16,}"),
    whole("stripe-key", &["k_live_"], r"(?-u:\b)[rs]k_live_[A-Za-z0-9]{16,}"),
    // Without an upper bound: counting to 35 from each of several beginnings makes more states than the automaton
    // can keep.
    part("google-key", &["aiza"], r"(?-u:\b)AIza[A-Za-z0-9_-]+", |found| {
        Found {
            is_secret: found.len() >= GOOGLE_KEY_BYTES,
            ..behind(found, 0)
        }
    }),
    whole("npm-token", &["npm_"], r"(?-u:\b)npm_[A-Za-z0-9]{36}"),
    whole("vault-token", &["hvs."], r"(?-u:\b)hvs\.[A-Za-z0-9_-]{20,}"),
    part(
        "signature",
        &["x-amz-s", "x-goog-s"],
        r"(?i)(?-u:\b)x-(?:amz|goog)-(?:signature|security-token)=[A-Za-z0-9%_.+/-]{16,}",
        |found| behind(found, found.find('=').map_or(0, |at| at + 1)),
    ),
    part(
        "url-password",
        &[":/", ":\\/"],
        r#"[A-Za-z][A-Za-z0-9+.-]*:\\?/\\?/[^\s/:@"'<>\[\\]*:[^\s/@"'<>\\]+@"#,
        |found| {
            // The first colon is the scheme's, and neither scheme nor user has another.
            let colon = found.match_indices(':').nth(1);
            Found {
                end: found.len().saturating_sub(1),
                ..behind(found, colon.map_or(0, |(at, _)| at + 1))
            }
        },
    ),
    part(
        "authorization",
        &["authorization"],
        r#"(?i)(?-u:\b)authorization\\*["']?\s*[:=]\s*\\*["']?(?:[a-z][a-z0-9-]{2,15}\s+)?[A-Za-z0-9._~+/=:-]{6,}"#,
        authorization,
    ),
    part(
        "bearer-token",
        &["bearer"],
        r"(?i)(?-u:\b)bearer\s+[A-Za-z0-9._~+/-]{12,}=*",
        last_word,
    ),
    part(
        "cookie",
        &["cookie"],
        r#"(?i)(?-u:\b)(?:set-)?cookie\\*["']?\s*:\s*\\*["']?[^\s"\\=;]+=[^"\r\n\\]+"#,
        |found| behind(found, found.len() - header_value(found).len()),
    ),
];

/// `AIza` and 35 more.
const GOOGLE_KEY_BYTES: usize = 39;

/// The rest of a match.
const fn behind(found: &str, start: usize) -> Found {
    Found {
        start,
        end: found.len(),
        is_secret: true,
    }
}

/// A token behind a scheme: the last word, since tokens have no spaces.
fn last_word(found: &str) -> Found {
    let start = found.len() - found.rsplit(char::is_whitespace).next().unwrap_or(found).len();
    Found {
        is_secret: is_random(found.get(start..).unwrap_or_default()),
        ..behind(found, start)
    }
}

/// The scheme stays: that it was Basic is worth knowing. "Authorization: failed" is prose.
fn authorization(found: &str) -> Found {
    let value = header_value(found);
    let within = last_word(value);
    let is_basic = within.start > 0
        && value
            .get(..5)
            .is_some_and(|word| word.eq_ignore_ascii_case("basic"));
    Found {
        is_secret: within.is_secret || is_basic,
        ..behind(found, found.len() - value.len() + within.start)
    }
}

/// What stands behind a header's name, its sign and a quote.
fn header_value(found: &str) -> &str {
    let start = found.find([':', '=']).map_or(0, |at| at + 1);
    let value = found.get(start..).unwrap_or_default();
    value.trim_start_matches(|letter: char| letter.is_whitespace() || "\\\"'".contains(letter))
}

/// How often a text is searched again after something in it was replaced.
const PASSES: usize = 4;

/// All shapes, compiled.
///
/// A `RegexSet` would find all shapes at once, but its automaton is made while it runs: a text can be written that
/// makes it anew all the time, at a microsecond a byte. One automaton for literals is made once.
#[derive(Debug)]
pub(super) struct Shapes {
    literals: AhoCorasick,
    /// By literal: the place of its shape.
    owners: Vec<usize>,
    each: Vec<Regex>,
    head: Regex,
}

/// The place of names with values, behind all shapes.
const NAMED: usize = SHAPES.len();

impl Shapes {
    pub(super) fn new() -> Result<Self, RedactorError> {
        let of_shapes = SHAPES.iter().map(|shape| shape.literals).chain([named::LITERALS]);
        let owned = of_shapes
            .enumerate()
            .flat_map(|(owner, literals)| literals.iter().map(move |literal| (owner, *literal)));
        let (owners, literals): (Vec<_>, Vec<_>) = owned.unzip();
        let literals = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(literals)?;
        let patterns = SHAPES.iter().map(|shape| Regex::new(shape.pattern));
        Ok(Self {
            literals,
            owners,
            each: patterns.collect::<Result<_, _>>()?,
            head: Regex::new(HEAD)?,
        })
    }

    /// Which shapes a text may have, a bit each; nearly always none.
    fn suspects(&self, text: &str) -> u32 {
        let found = self.literals.find_overlapping_iter(text);
        let owners = found.filter_map(|found| self.owners.get(found.pattern().as_usize()));
        owners.fold(0, |suspects, owner| suspects | 1 << owner)
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
        let suspects = self.suspects(text);
        if suspects == 0 {
            return 0;
        }
        let is_suspect = |index: &usize| suspects & (1 << index) != 0;
        let mut count = 0;
        for index in (0..=NAMED).filter(is_suspect) {
            let (secrets, kind) = match (SHAPES.get(index), self.each.get(index)) {
                (Some(shape), Some(pattern)) => (secrets(text, pattern, shape), shape.kind),
                _ => (named::secrets(text, &self.head), ""),
            };
            if !secrets.is_empty() {
                count += secrets.len();
                *text = Cow::Owned(without(text, &secrets, kind));
            }
        }
        count
    }
}

/// Where the secrets of one shape are, in order and apart.
fn secrets(text: &str, pattern: &Regex, shape: &Shape) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    let mut from = 0;
    while let Some(found) = pattern.find_at(text, from) {
        let part = (shape.secret)(found.as_str());
        let secret = found.start() + part.start..found.start() + part.end;
        let is_redacted = text
            .get(secret.clone())
            .is_none_or(|secret| secret.starts_with(REDACTED_START));
        // What is no secret may hold the name of the next. It is short, else it would be one: nothing is searched
        // often.
        from = if is_redacted || !part.is_secret {
            secret.start.max(found.start() + 1)
        } else {
            found.end()
        };
        if part.is_secret && !is_redacted {
            secrets.push(secret);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_left_in_the_set_of_suspects() {
        assert!(NAMED < u32::BITS as usize);
    }

    #[test]
    fn a_shape_cut_short_is_none() {
        let shapes = Shapes::new().unwrap();
        let key = format!("AIza{}", "a".repeat(GOOGLE_KEY_BYTES - 4));
        assert_eq!(shapes.hide(&key).1, 1);
        assert_eq!(shapes.hide(&key[1..]).1, 0);
        assert_eq!(shapes.hide(&key[..GOOGLE_KEY_BYTES - 1]).1, 0);
    }
}
