//! Other people's text on its way to a channel: made harmless for every eye and cut at meaning. Escaping for a channel's own
//! markup comes after, in the notifier.

/// Invisible characters that turn the order of what follows (Trojan Source), join or hide: U+200B..F, U+202A..E, U+2060..9, U+FEFF,
/// the soft hyphen, and the tags of U+E0000.
const fn is_deceptive(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// One line without control characters and without what deceives the eye; runs of white space are one space.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(512));
    for character in text.chars().filter(|character| !is_deceptive(*character)) {
        let blank = character.is_whitespace() || character.is_control();
        if !blank {
            out.push(character);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// The same for text of several lines, which stay; empty ones at the ends go.
pub fn lines(text: &str) -> String {
    let lines: Vec<String> = text
        .split(['\n', '\r', '\u{2028}', '\u{2029}'])
        .map(line)
        .collect();
    let joined = lines.join("\n");
    joined.trim_matches('\n').to_owned()
}

/// At most `most` characters: cut after a line, else a sentence, else a word, where that keeps at least half, and with a note
/// of how much is left out.
pub fn cut(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    // The note's own length grows with the number in it by a digit at most; the longest is reserved.
    let note = |left: usize| format!("… ({left} more characters)");
    let room = most.saturating_sub(note(length).chars().count());
    if room == 0 {
        return text.chars().take(most).collect();
    }
    let head: String = text.chars().take(room).collect();
    let half = head.char_indices().nth(room / 2).map_or(0, |(at, _)| at);
    let after =
        |found: Option<(usize, &str)>| found.map(|(at, part)| at + part.len()).filter(|end| *end >= half);
    let end = after(head.rmatch_indices('\n').next())
        .or_else(|| after(head.rmatch_indices(". ").next()))
        .or_else(|| after(head.rmatch_indices(' ').next()))
        .unwrap_or(head.len());
    let kept = head.get(..end).unwrap_or(&head).trim_end();
    let left = length - kept.chars().count();
    format!("{kept}{}", note(left))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_deceives_the_eye_or_moves_a_cursor_is_gone() {
        assert_eq!(line("a\u{202e}b\u{200b}c\u{7}\td \n e\u{1b}[2J "), "abc d e [2J");
        assert_eq!(lines("\r\n a \n\n b\u{2028}c\n"), "a\n\nb\nc");
    }

    #[test]
    fn text_is_cut_at_meaning_with_a_note() {
        let text =
            "The disk is full. It holds the journal of the whole cluster and grows by a gigabyte an hour.";
        assert_eq!(
            cut(text, 60),
            "The disk is full. It holds the… (62 more characters)"
        );
        assert_eq!(cut(text, 45), "The disk is full.… (75 more characters)");
        assert_eq!(cut(text, 500), text);
        assert_eq!(
            cut("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 30),
            "aaaaaaaa… (32 more characters)"
        );
        assert_eq!(cut("abcdef", 3), "abc");
    }

    proptest! {
        #[test]
        fn a_cut_is_never_longer_than_asked(text in "\\PC{0,300}", most in 1_usize..200) {
            prop_assert!(cut(&text, most).chars().count() <= most);
        }

        #[test]
        fn a_line_is_one_line(text in ".{0,100}") {
            let clean = line(&text);
            prop_assert!(!clean.chars().any(|c| c.is_control() || is_deceptive(c)));
            prop_assert_eq!(line(&clean), clean.clone());
        }
    }
}
