//! What an incident concerns: the names that its events give, each once, in the order in which they came. Bounded, and
//! as a set the same in whatever order the events came, as long as there are not more than are shown.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::{Event, bounds, clip};
use crate::hash::Hash128;

/// Names that are shown: as many as one event may have.
pub const SHOWN: usize = bounds::RESOURCES;
/// Names that are told apart; those beyond what is shown are only counted. 50 KiB of names and 16 KiB of hashes at
/// most, where a thousand members take about as much.
pub const TOLD_APART: usize = 1000;

/// The names that an incident has gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    shown: Vec<String>,
    /// Hashes of all, shown or not.
    known: BTreeSet<Hash128>,
}

impl Resources {
    /// Adds those of `names` that are new.
    pub fn gather(&mut self, names: impl IntoIterator<Item = impl AsRef<str>>) {
        for name in names {
            let name = cut(name.as_ref());
            let has_room = self.known.len() < TOLD_APART;
            if name.is_empty() || !has_room || !self.known.insert(Hash128::of([name])) {
                continue;
            }
            if self.shown.len() < SHOWN {
                self.shown.push(name.to_owned());
            }
        }
    }

    /// The first ones, in the order in which they came.
    pub fn shown(&self) -> &[String] {
        &self.shown
    }

    /// How many more there are, as far as they are told apart.
    pub fn omitted(&self) -> i64 {
        i64::try_from(self.known.len() - self.shown.len()).unwrap_or(i64::MAX)
    }
}

/// What `event` names: the thing concerned, and all things concerned.
pub fn named_by<'e>(event: &'e Event<'_>) -> impl Iterator<Item = &'e str> {
    let names = std::iter::once(&event.resource).chain(&event.resources.0);
    names.map(AsRef::as_ref).filter(|name| !name.is_empty())
}

/// A name within its bound, which parsers keep anyway.
pub fn cut(name: &str) -> &str {
    clip(name, bounds::LABEL_VALUE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_stand_once_in_their_order_and_empty_ones_not_at_all() {
        let mut resources = Resources::default();
        resources.gather(["b", "a", "b", ""]);
        resources.gather(["a", "c"]);
        assert_eq!(
            (resources.shown(), resources.omitted()),
            (&["b", "a", "c"].map(str::to_owned)[..], 0)
        );
    }

    #[test]
    fn beyond_what_is_shown_names_are_counted_once_and_beyond_a_thousand_not_at_all() {
        let mut resources = Resources::default();
        for _ in 0..2 {
            resources.gather((0..300).map(|n| n.to_string()));
        }
        assert_eq!((resources.shown().len(), resources.omitted()), (200, 100));
        resources.gather((0..5000).map(|n| n.to_string()));
        assert_eq!((resources.shown().len(), resources.omitted()), (200, 800));
    }

    #[test]
    fn a_name_is_cut_before_it_is_told_from_others() {
        let mut resources = Resources::default();
        resources.gather(["n".repeat(256), "n".repeat(300)]);
        assert_eq!((resources.shown().len(), resources.shown()[0].len()), (1, 256));
    }

    proptest! {
        #[test]
        fn the_order_of_events_does_not_change_the_set(
            (pages, shuffled) in prop::collection::vec(prop::collection::vec(0_u8..60, 0..30), 7)
                .prop_flat_map(|pages| (Just(pages.clone()), Just(pages).prop_shuffle())),
        ) {
            let gathered = |pages: &[Vec<u8>]| {
                let mut resources = Resources::default();
                for page in pages {
                    resources.gather(page.iter().map(u8::to_string));
                }
                resources.shown().iter().cloned().collect::<BTreeSet<_>>()
            };
            prop_assert_eq!(gathered(&pages), gathered(&shuffled));
        }
    }
}
