//! The severity of an alarm, which AWS has no field for.

use domain::severity::Severity;

use crate::labels::Pair;

/// The tags that say it, whatever their case.
const TAGS: [&str; 2] = ["severity", "priority"];

/// The words in a name that say it. Of the words that senders use for a severity those are left out that alarms
/// have in their names for another reason: `low-disk`, `error-rate`, `landing-page`, `db.t3.medium`, `high-cpu`.
const WORDS: [(&str, Severity); 22] = [
    ("critical", Severity::Critical),
    ("emergency", Severity::Critical),
    ("fatal", Severity::Critical),
    ("disaster", Severity::Critical),
    ("p0", Severity::Critical),
    ("p1", Severity::Critical),
    ("sev0", Severity::Critical),
    ("sev1", Severity::Critical),
    ("major", Severity::High),
    ("p2", Severity::High),
    ("sev2", Severity::High),
    ("warning", Severity::Medium),
    ("warn", Severity::Medium),
    ("p3", Severity::Medium),
    ("sev3", Severity::Medium),
    ("minor", Severity::Low),
    ("p4", Severity::Low),
    ("sev4", Severity::Low),
    ("info", Severity::Info),
    ("informational", Severity::Info),
    ("p5", Severity::Info),
    ("sev5", Severity::Info),
];

/// The severity, and what said it. Of several words in a name the worst counts.
pub(super) fn of(name: &str, tags: &[Pair<'_>]) -> (Severity, &'static str) {
    let is_severity = |key: &str| TAGS.iter().any(|known| known.eq_ignore_ascii_case(key));
    let mut tagged = tags.iter().filter(|(key, _)| is_severity(key));
    if let Some(severity) =
        tagged.find_map(|(_, value)| of_word(value).or_else(|| Severity::from_word(value)))
    {
        return (severity, "alarmTags");
    }
    match words(name).filter_map(of_word).max() {
        Some(severity) => (severity, "alarmName"),
        None => (Severity::High, "default"),
    }
}

fn of_word(word: &str) -> Option<Severity> {
    let known = WORDS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word.trim()));
    known.map(|(_, severity)| *severity)
}

/// The words of a name: `prod-api_P1`, `ProdApiCritical`.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|letter: char| !letter.is_alphanumeric())
        .flat_map(|part| {
            let mut rest = part;
            std::iter::from_fn(move || {
                let end = first_word_end(rest);
                let (word, behind) = rest.split_at_checked(end)?;
                rest = behind;
                (!word.is_empty()).then_some(word)
            })
        })
}

/// Where a capital follows something else than a capital.
fn first_word_end(text: &str) -> usize {
    let pairs = text.char_indices().zip(text.char_indices().skip(1));
    let mut ends = pairs.filter(|((_, one), (_, next))| !one.is_uppercase() && next.is_uppercase());
    ends.next().map_or(text.len(), |(_, (end, _))| end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_or_a_level_in_the_name_says_it_and_everyday_words_do_not() {
        for (name, severity) in [
            ("prod-api-5xx-critical", Severity::Critical),
            ("ProdApiWarning", Severity::Medium),
            ("[P1] checkout", Severity::Critical),
            ("sev2_disk", Severity::High),
            ("ServerP4Disk", Severity::Low),
            ("warning-then-CRITICAL", Severity::Critical),
            ("ProdInfo", Severity::Info),
        ] {
            assert_eq!(of(name, &[]), (severity, "alarmName"), "{name}");
        }
        for name in [
            "low-disk-space",
            "landing-page-errors",
            "billing-alert",
            "HTTP5xx",
            "information",
            "",
        ] {
            assert_eq!(of(name, &[]), (Severity::High, "default"), "{name}");
        }
    }

    #[test]
    fn a_tag_goes_before_the_name() {
        let tags = [("Severity".into(), "low".into())];
        assert_eq!(of("api-critical", &tags), (Severity::Low, "alarmTags"));
        let tags = [("priority".into(), "whatever".into())];
        assert_eq!(of("api-critical", &tags), (Severity::Critical, "alarmName"));
    }
}
