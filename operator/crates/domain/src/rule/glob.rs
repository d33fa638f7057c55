//! Globs over names: `*` stands for any text, `?` for one character; everything else for itself.

/// A list of globs, of which one must match; an empty list matches everything.
#[derive(Clone, Debug)]
pub struct Globs(Vec<String>);

impl Globs {
    /// Keeps the patterns; every text is a pattern.
    pub fn new(patterns: &[String]) -> Self {
        Self(patterns.to_vec())
    }

    /// Whether `text` is matched by one of the patterns, or there are none.
    pub fn accept(&self, text: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| matches(pattern, text))
    }
}

/// Whether `pattern` matches the whole of `text`. Linear in practice: on a mismatch it goes back to the last
/// star only, so the worst case is the product of the lengths.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut last_star: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let before_text = text.clone();
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                last_star = Some((pattern.clone(), before_text.clone()));
                text = before_text;
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => {
                let Some((after_star, mut retry)) = last_star.take() else {
                    return false;
                };
                if retry.next().is_none() {
                    return false;
                }
                (pattern, text) = (after_star.clone(), retry.clone());
                last_star = Some((after_star, retry));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_and_question_marks_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("prometheus-*", "prometheus-eu", true),
            ("prometheus-*", "prometheus", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxab", true),
            ("*a*b", "xaxa", false),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    proptest! {
        #[test]
        fn a_glob_agrees_with_its_regular_expression(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let expression = pattern.replace('*', ".*").replace('?', ".");
            let expected = regex::Regex::new(&format!("^{expression}$")).unwrap().is_match(&text);
            prop_assert_eq!(matches(&pattern, &text), expected);
        }
    }
}
