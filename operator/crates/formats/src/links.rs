//! Links that a sender gives for people: which of them an event keeps.

use std::borrow::Cow;

use domain::json::Labels;

/// Bytes of a link. Browsers and chat systems take about 2,000; a longer one is left out, since a cut one leads
/// nowhere.
const LINK_BYTES: usize = 2048;

/// A link as sent, with the name that it gets.
pub(crate) type Link<'a> = (&'static str, Cow<'a, str>);

/// Whether it is a web address within the bound; people will click on it.
pub(crate) fn is_usable(link: &str) -> bool {
    link.len() <= LINK_BYTES
        && ["https://", "http://"]
            .iter()
            .any(|scheme| link.starts_with(scheme))
}

/// The links that are usable.
pub(crate) fn usable<'a>(links: impl IntoIterator<Item = Link<'a>>) -> Labels<'a> {
    Labels::new(
        links
            .into_iter()
            .filter(|(_, link)| is_usable(link))
            .map(|(name, link)| (name.into(), link))
            .collect(),
    )
}
