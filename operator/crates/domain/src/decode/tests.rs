//! On damaged lines the reader and serde agree, but for control characters in texts. What is not damaged is held by
//! `encode`'s property.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::encode::tests::event;

/// What may happen to a byte.
#[derive(Clone, Debug)]
enum Damage {
    Flip(u8),
    Remove,
    Insert(u8),
    /// Becomes its escape, as another writer of JSON may write it.
    Escape,
}

impl Damage {
    fn apply(&self, line: &mut Vec<u8>, at: Index) {
        let at = at.index(line.len());
        match self {
            Self::Flip(bit) => line[at] ^= 1 << bit,
            Self::Remove => drop(line.remove(at)),
            Self::Insert(byte) => line.insert(at, *byte),
            Self::Escape => {
                let escape = format!("\\u{:04x}", line[at]);
                line.splice(at..=at, escape.into_bytes());
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let telling = prop::sample::select(&b"\"\\,:{}[]0n \n\t\x01"[..]);
    prop_oneof![
        (0..8_u8).prop_map(Damage::Flip),
        Just(Damage::Remove),
        telling.prop_map(Damage::Insert),
        Just(Damage::Escape),
    ]
}

prop_compose! {
    /// The line of an event after one to three damages. What is no UTF-8 becomes U+FFFD, as no other line is read.
    fn damaged()(event in event(), damages in prop::collection::vec((damage(), any::<Index>()), 1..=3)) -> String {
        let mut line = Vec::new();
        Event { id: "01JFH0000000000000000000AA".into(), ..event }.write_json(&mut line);
        for (damage, at) in damages {
            damage.apply(&mut line, at);
        }
        String::from_utf8_lossy(&line).into_owned()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_damaged_line_is_read_as_serde_reads_it_or_has_a_control_character(line in damaged()) {
        let (read, head) = (Event::read_json(&line), Logged::read_json(&line).map(|logged| logged.head));
        match serde_json::from_str::<Event<'_>>(&line) {
            Ok(event) => {
                prop_assert!(read.is_none_or(|read| read == event));
                prop_assert!(head.is_none_or(|head| head == Logged::from(event).head));
            }
            Err(_) if read.is_some() => {
                let spaced = line.replace(|letter| letter < ' ', " ");
                prop_assert_ne!(&spaced, &line, "no control character, and serde does not read it");
                prop_assert_eq!(Event::read_json(&spaced), Some(serde_json::from_str(&spaced).unwrap()));
            }
            Err(_) => {}
        }
    }
}

#[test]
fn a_control_character_in_a_text_stays_in_it_and_elsewhere_is_not_read() {
    let mut line = Vec::new();
    let event = Event {
        id: "01JFH0000000000000000000AA".into(),
        title: "a b".into(),
        ..Event::default()
    };
    event.write_json(&mut line);
    let line = String::from_utf8(line).unwrap();
    let inside = line.replace("a b", "a\u{1}b");
    assert_eq!(Event::read_json(&inside).unwrap().title, "a\u{1}b");
    assert!(serde_json::from_str::<Event<'_>>(&inside).is_err());
    let escaped = line.replace("a b", "a\u{1}\\n");
    assert_eq!(Event::read_json(&escaped), None, "a text with escapes is serde's");
    let between = line.replace(",\"title\"", ",\n\"title\"");
    assert_eq!(Event::read_json(&between), None);
    assert!(serde_json::from_str::<Event<'_>>(&between).is_ok());
}
