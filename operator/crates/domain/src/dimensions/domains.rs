//! Which last labels make a dotted word the name of a host. Without a table `app.log`, `main.rs` and `event.data.id`
//! would be hosts. It is no copy of IANA's list, of whose 1,400 entries most are words that dotted names in alerts
//! are made of (`.name`, `.host`, `.services`).

use super::words::{Key, Sieve};

/// How sure the last label of a dotted word is that the word names a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It does.
    Sure,
    /// It is a word, or the end of files' names, as well.
    Unsure,
    /// It does not.
    Unknown,
}

/// Beyond IANA's: names of private networks (RFC 6762, appendix G; ICANN's `internal`) and of documentation (RFC 2606).
#[rustfmt::skip]
const SURE: [&str; 19] = [
    "com", "org", "net", "edu", "gov", "mil", "int", "dev", "cloud", "biz", "arpa", "internal", "local", "localdomain",
    "lan", "corp", "intranet", "invalid", "onion",
];

/// Among them the countries whose codes are English words, units or ends of files' names.
#[rustfmt::skip]
const UNSURE: [&str; 51] = [
    "info", "app", "svc", "consul", "home", "private", "test", "example", "aws", "xyz", "online", "tech", "systems",
    "am", "as", "at", "be", "by", "do", "id", "in", "is", "it", "me", "my", "no", "so", "to", "us",
    "ac", "ai", "bz", "cc", "cf", "io", "la", "lc", "md", "mk", "ml", "mm", "ms", "pl", "pm", "ps", "py", "rs", "sh",
    "st", "tf", "vi",
];

const SURE_KEYS: [Key; 19] = Key::all(SURE);
const UNSURE_KEYS: [Key; 51] = Key::all(UNSURE);

/// The countries' codes in use (ISO 3166-1, with `eu`, `su`, `uk`), [`UNSURE`] ones too, in lines by first letter.
const COUNTRIES: &str = "
    ac ad ae af ag ai al am ao aq ar as at au aw ax az
    ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz
    ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz
    de dj dk dm do dz
    ec ee eg er es et eu
    fi fj fk fm fo fr
    ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy
    hk hm hn hr ht hu
    id ie il im in io iq ir is it
    je jm jo jp
    ke kg kh ki km kn kp kr kw ky kz
    la lb lc li lk lr ls lt lu lv ly
    ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz
    na nc ne nf ng ni nl no np nr nu nz
    om
    pa pe pf pg ph pk pl pm pn pr ps pt pw py
    qa
    re ro rs ru rw
    sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz
    tc td tf tg th tj tk tl tm tn to tr tt tv tw tz
    ua ug uk us uy uz
    va vc ve vg vi vn vu
    wf ws
    ye yt
    za zm zw
";

/// By first letter a bit for each second letter.
static COUNTRY_LETTERS: [u32; 26] = country_letters();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn country_letters() -> [u32; 26] {
    let (codes, mut table, mut at) = (COUNTRIES.as_bytes(), [0; 26], 0);
    while at + 1 < codes.len() {
        if codes[at].is_ascii_lowercase() {
            table[(codes[at] - b'a') as usize] |= 1 << (codes[at + 1] - b'a');
            at += 1;
        }
        at += 1;
    }
    table
}

impl Ending {
    /// What a last label says: letters, in whatever case.
    pub(super) fn of(label: &str) -> Self {
        static WORDS: Sieve = Sieve::NONE.with(&SURE).with(&UNSURE);
        let is_in = |keys: &[Key]| WORDS.lets_pass(label) && keys.contains(&Key::of(label));
        if is_in(&UNSURE_KEYS) {
            Self::Unsure
        } else if is_country(label) || is_in(&SURE_KEYS) {
            Self::Sure
        } else {
            Self::Unknown
        }
    }
}

fn is_country(label: &str) -> bool {
    let &[first, second] = label.as_bytes() else {
        return false;
    };
    let place = |letter: u8| {
        letter
            .to_ascii_lowercase()
            .checked_sub(b'a')
            .filter(|place| *place < 26)
    };
    let (Some(first), Some(second)) = (place(first), place(second)) else {
        return false;
    };
    let letters = COUNTRY_LETTERS
        .get(usize::from(first))
        .copied()
        .unwrap_or_default();
    letters >> second & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_is_known_and_nothing_else() {
        let all: Vec<_> = COUNTRIES.split_whitespace().collect();
        assert!(all.iter().all(|code| is_country(code)));
        let known = ('a'..='z').flat_map(|first| ('a'..='z').map(move |second| format!("{first}{second}")));
        assert_eq!(known.filter(|code| is_country(code)).count(), all.len());
        assert!(!is_country("d") && !is_country("dee") && !is_country("d1"));
        assert!(is_country("DE"));
    }

    #[test]
    fn words_that_are_countries_too_are_unsure() {
        assert_eq!(Ending::of("de"), Ending::Sure);
        assert_eq!(Ending::of("rs"), Ending::Unsure);
        assert_eq!(Ending::of("log"), Ending::Unknown);
    }
}
