//! The one pass over a request's body that decides whether redaction has work. It must find whatever the other
//! modules would replace, and should find little else: `secret` or `token` in an ordinary alert costs some
//! microseconds, no more.

use std::fmt;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Span, packed};

use super::RedactorError;

/// What secrets and their names begin with or contain. In any case, except where a capital stands here: `ASIA` is
/// a key, `asia` in `asia-east1` is none. All have four bytes at least and they are at most 64, the bounds of the
/// vectorised search (Teddy), three times as fast here as an automaton.
///
/// The last line is the beginning of JSON escapes of letters, `-` and `:`, which nobody needs and which could
/// hide any of the others; `\u0026`, `\u003c` and `\u003e`, which Go writes in every URL, are not among them.
#[rustfmt::skip]
const LITERALS: [&str; 64] = [
    "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "glrt-",
    "xoxa-", "xoxb-", "xoxe-", "xoxp-", "xoxr-", "xoxs-", "xapp-", "hooks.slack.com",
    "eyJ0", "eyJ4", "eyJ6", "eyJh", "eyJi", "eyJj", "eyJl", "eyJq", "eyJr", "-----begin",
    "bearer", "authorization", "passw", "passphr", "passcode", "secret", "token",
    "pwd=", "pwd\"", "pwd:", "pwd ", "pwd'", "pwd\\",
    "_key", "-key", "apikey", "accesskey", "privatekey", "accountkey", "ingkey", "credential", "cookie",
    "x-amz-s", "x-goog-s", "sk-ant-", "sk-proj-", "k_live_", "AIza", "npm_", "hvs.",
    "\\u002d", "\\u003a", "\\u004", "\\u005", "\\u006", "\\u007",
];

/// Bytes that are lower-cased at a time, on the stack.
const WINDOW_BYTES: usize = 4096;
/// How far windows overlap: no literal is longer than this plus one.
const OVERLAP_BYTES: usize = 15;

/// The search for all literals at once.
pub(super) struct Prefilter {
    search: Search,
}

enum Search {
    /// Where the processor has vectors for it.
    Packed(packed::Searcher),
    /// Elsewhere.
    Automaton(AhoCorasick),
}

impl fmt::Debug for Prefilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefilter").finish_non_exhaustive()
    }
}

impl Prefilter {
    pub(super) fn new() -> Result<Self, RedactorError> {
        let literals = LITERALS.map(str::to_ascii_lowercase);
        let packed = packed::Config::new().builder().extend(&literals).build();
        let search = match packed {
            Some(searcher) => Search::Packed(searcher),
            None => Search::Automaton(
                AhoCorasick::builder()
                    .match_kind(aho_corasick::MatchKind::LeftmostFirst)
                    .kind(Some(AhoCorasickKind::DFA))
                    .build(&literals)?,
            ),
        };
        Ok(Self { search })
    }

    /// Whether there is any literal, or a URL with a user.
    pub(super) fn finds(&self, body: &[u8]) -> bool {
        self.finds_literal(body) || has_url_with_user(body)
    }

    fn finds_literal(&self, body: &[u8]) -> bool {
        let mut lowered = [0_u8; WINDOW_BYTES];
        let mut rest = body;
        loop {
            let window = rest.get(..WINDOW_BYTES).unwrap_or(rest);
            let Some(lowered) = lowered.get_mut(..window.len()) else {
                return true;
            };
            lowered.copy_from_slice(window);
            lowered.make_ascii_lowercase();
            if self.finds_in(window, lowered) {
                return true;
            }
            if window.len() == rest.len() {
                return false;
            }
            rest = rest.get(WINDOW_BYTES - OVERLAP_BYTES..).unwrap_or_default();
        }
    }

    fn finds_in(&self, window: &[u8], lowered: &[u8]) -> bool {
        let mut from = 0;
        while let Some((literal, span)) = self.next(lowered, from) {
            let is_exact = literal.bytes().any(|byte| byte.is_ascii_uppercase());
            if !is_exact
                || window
                    .get(span.range())
                    .is_some_and(|found| has_capitals_of(found, literal))
            {
                return true;
            }
            from = span.start + 1;
        }
        false
    }

    fn next(&self, lowered: &[u8], from: usize) -> Option<(&'static str, Span)> {
        let span = Span {
            start: from,
            end: lowered.len(),
        };
        let found = match &self.search {
            Search::Packed(searcher) => searcher.find_in(lowered, span),
            Search::Automaton(automaton) => automaton.find(aho_corasick::Input::new(lowered).span(span)),
        }?;
        LITERALS
            .get(found.pattern().as_usize())
            .map(|literal| (*literal, found.span()))
    }
}

fn has_capitals_of(found: &[u8], literal: &str) -> bool {
    found == literal.as_bytes()
}

/// Whether some `@` stands behind `:/` (or `:\/`, as PHP writes it) without a space or a quote between.
///
/// Between two `@` nothing is looked at twice: what stood before the first one held no such `:/`, or the search
/// would be over.
fn has_url_with_user(body: &[u8]) -> bool {
    // Vectorised, and nearly all that this costs: few alerts have an `@`.
    if !body.contains(&b'@') {
        return false;
    }
    let mut pieces = body.split(|byte| *byte == b'@');
    // Behind the last `@` there is no user any more.
    pieces.next_back();
    pieces.any(|before| {
        let start = before
            .iter()
            .rposition(|byte| byte.is_ascii_whitespace() || *byte == b'"')
            .unwrap_or(0);
        let authority = before.get(start..).unwrap_or_default();
        authority.windows(2).any(|pair| pair == b":/" || pair == b":\\")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_fit_the_vectorised_search() {
        assert!(
            LITERALS
                .iter()
                .all(|literal| (4..=OVERLAP_BYTES + 1).contains(&literal.len()))
        );
        assert!(LITERALS.len() <= 64);
    }

    #[test]
    fn every_literal_is_found_wherever_windows_meet() {
        let prefilter = Prefilter::new().unwrap();
        for literal in LITERALS {
            for start in [
                0,
                WINDOW_BYTES - literal.len(),
                WINDOW_BYTES - 2,
                WINDOW_BYTES - OVERLAP_BYTES,
                9000,
            ] {
                let mut body = vec![b' '; 10_000];
                body[start..start + literal.len()].copy_from_slice(literal.as_bytes());
                assert!(prefilter.finds(&body), "{literal} at {start}");
            }
        }
        assert!(!prefilter.finds(&[b' '; 10_000]));
    }

    #[test]
    fn case_counts_only_where_the_literal_has_capitals() {
        let prefilter = Prefilter::new().unwrap();
        assert!(prefilter.finds(b"PassWord"));
        assert!(!prefilter.finds(b"asia-east1"));
        assert!(prefilter.finds(b"asia-east1 ASIA"));
    }

    #[test]
    fn a_url_with_a_user_is_found_and_a_mail_address_is_not() {
        let prefilter = Prefilter::new().unwrap();
        assert!(prefilter.finds(b"see https://u:p@host/"));
        assert!(prefilter.finds(br"see https:\/\/u:p@host\/"));
        assert!(!prefilter.finds(br#"{"url":"https://host/","owner":"ops@example.com"}"#));
        let long = format!("a@b https://{}:p@host/", "u".repeat(100_000));
        assert!(prefilter.finds(long.as_bytes()));
        assert!(!prefilter.finds(b"a@b @ https://host/"));
    }

    #[test]
    fn escapes_that_go_writes_are_not_suspect() {
        let prefilter = Prefilter::new().unwrap();
        assert!(!prefilter.finds(br"a\u0026b\u003cc\u003e"));
        assert!(prefilter.finds(br"p\u0061ss"));
    }
}
