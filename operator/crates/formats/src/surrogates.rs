//! Halves of letters in JSON. A client that counts in UTF-16 (JavaScript, Java, C#) and cuts a text at its bound may cut
//! an emoji in two, and writes the half that is left as an escape such as `\ud83d`. No JSON reader takes that for a
//! letter, so the whole item would be refused, an end of a problem too.

use std::borrow::Cow;

/// What stands for such a half, as UTF-8 decoders have it: of the same length, so that places in the body stay.
const REPLACEMENT: &[u8; LENGTH] = b"\\ufffd";

/// Bytes of an escape: `\u` and four digits.
const LENGTH: usize = 6;

/// A half of a letter beyond the 65,536 that one escape can say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// The body with [`REPLACEMENT`] for each half that stands alone; as it is where there is none.
pub(crate) fn mended(body: &[u8]) -> Cow<'_, [u8]> {
    let mut mended = Cow::Borrowed(body);
    if !may_have_halves(body) {
        return mended;
    }
    let mut alone = Vec::new();
    let mut high = None;
    for at in escapes(body) {
        match (high.take(), half(body, at)) {
            (Some(first), Some(Half::Low)) if first + LENGTH == at => {}
            (before, found) => {
                alone.extend(before);
                match found {
                    Some(Half::High) => high = Some(at),
                    Some(Half::Low) => alone.push(at),
                    None => {}
                }
            }
        }
    }
    for at in alone.into_iter().chain(high) {
        if let Some(escape) = mended.to_mut().get_mut(at..at + LENGTH) {
            escape.copy_from_slice(REPLACEMENT);
        }
    }
    mended
}

/// Whether `\ud` is anywhere, which most bodies lack. A minimum over all bytes, without leaving early, is what the
/// compiler vectorises.
fn may_have_halves(body: &[u8]) -> bool {
    let [second, third] = [1, 2].map(|start| body.get(start..).unwrap_or_default());
    let triples = body.iter().zip(second).zip(third);
    let differences =
        triples.map(|((first, second), third)| (first ^ b'\\') | (second ^ b'u') | ((third | 0x20) ^ b'd'));
    differences.fold(u8::MAX, u8::min) == 0
}

/// Where the escapes with digits begin. A backslash that is escaped itself begins none.
fn escapes(body: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += body.get(at..)?.iter().position(|byte| *byte == b'\\')?;
            let begin = at;
            at += 2;
            if body.get(begin + 1) == Some(&b'u') {
                return Some(begin);
            }
        }
    })
}

/// The half that an escape says. One without four digits is an error, which the JSON reader tells.
fn half(body: &[u8], at: usize) -> Option<Half> {
    let digits = body.get(at + 2..at + LENGTH)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    match digits {
        [b'd' | b'D', b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B', ..] => Some(Half::High),
        [b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', ..] => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(body: &str) -> String {
        String::from_utf8(mended(body.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn a_half_that_stands_alone_is_replaced_and_nothing_else() {
        for (body, expected) in [
            (r#""cut \ud83d""#, r#""cut \ufffd""#),
            (r#""\uDE00 rest""#, r#""\ufffd rest""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d \ude00""#, r#""\ufffd \ufffd""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\ud83d\\ude00""#, r#""\ufffd\\ude00""#),
            (r#"["\ud83d","\ude00"]"#, r#"["\ufffd","\ufffd"]"#),
            (r"\uDBFF", r"\ufffd"),
        ] {
            assert_eq!(text(body), expected);
        }
    }

    #[test]
    fn other_escapes_stay_and_cost_no_copy() {
        for body in [
            r#""\ud83d\ude00 \uD83D\uDE00""#,
            r#""C:\\ud83d \\\\ude00""#,
            r#""\ud7ff\ue000\ufffd\u00e9""#,
            r#""\ud83""#,
            r#""\ud8zz""#,
            r#"{"a":"plain \n \u00e9"}"#,
            r"\ud8",
            "\\",
            "",
        ] {
            assert!(matches!(mended(body.as_bytes()), Cow::Borrowed(_)), "{body}");
        }
    }

    proptest! {
        #[test]
        fn what_is_mended_is_json_if_its_halves_were_all_that_was_wrong(
            parts in prop::collection::vec(
                prop::sample::select(vec![r"\ud83d", r"\ude00", r"\\", r"\n", "ud83d", r"\u00e9", "a", r#"\""#]), 0..12
            ),
        ) {
            let json = format!("\"{}\"", parts.concat());
            let mended = text(&json);
            prop_assert!(serde_json::from_str::<String>(&mended).is_ok(), "{} {}", json, mended);
            if serde_json::from_str::<String>(&json).is_ok() {
                prop_assert_eq!(json, mended);
            }
        }
    }
}
