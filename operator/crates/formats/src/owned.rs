//! Items that borrow nothing, for formats whose bodies have to be decoded before they can be read.

use crate::{Item, Items};

/// The same items, made at once: what they borrow from may go away.
pub(crate) fn items<'a>(items: Items<'_>) -> Items<'a> {
    let own = |item: Item<'_>| Item {
        labels_cut: item.labels_cut,
        result: item.result.map(domain::event::Event::into_owned),
    };
    let owned: Vec<Item<'a>> = items.map(own).collect();
    Box::new(owned.into_iter())
}
