//! Into which namespaces a source's events go: one, all of several, or one of several that the event itself names.

use std::collections::BTreeMap;
use std::ops::Range;

use domain::event::Event;

use crate::config::SourceConfig;
use crate::names::Namespace;
use crate::rejection::Rejection;

/// The namespaces of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tenants {
    namespaces: Vec<Namespace>,
    choice: Choice,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    /// Every event goes into all of them; nearly always there is one.
    All,
    /// An event goes into the one that its field names.
    ByField {
        field: String,
        /// Indices by the field's value.
        values: BTreeMap<String, usize>,
        /// For events without a value.
        otherwise: Option<usize>,
    },
}

impl Tenants {
    /// One namespace.
    #[cfg(test)]
    pub(crate) fn one(namespace: Namespace) -> Self {
        Self {
            namespaces: vec![namespace],
            choice: Choice::All,
        }
    }

    /// Those of a source whose configuration was found valid.
    pub(crate) fn of(config: &SourceConfig) -> Self {
        let Some(from) = &config.namespace_from else {
            let one = config.namespace.iter().filter(|_| !config.shared);
            let all = config.allowed_namespaces.iter().filter(|_| config.shared);
            return Self {
                namespaces: one.chain(all).cloned().collect(),
                choice: Choice::All,
            };
        };
        let namespaces = config.allowed_namespaces.clone();
        let index = |name: &Namespace| namespaces.iter().position(|known| known == name);
        let own = namespaces.iter().map(|name| (name.to_string(), name));
        let mapped = from.values.iter().map(|(value, name)| (value.clone(), name));
        let values = own
            .chain(mapped)
            .filter_map(|(value, name)| Some((value, index(name)?)));
        let choice = Choice::ByField {
            field: from.field.clone(),
            values: values.collect(),
            otherwise: config.namespace.as_ref().and_then(index),
        };
        Self { namespaces, choice }
    }

    /// All of them; at least one.
    pub(crate) fn namespaces(&self) -> &[Namespace] {
        &self.namespaces
    }

    /// Whether every event goes into all of them.
    pub(crate) const fn are_all(&self) -> bool {
        matches!(self.choice, Choice::All)
    }

    /// The one that a body belongs to which cannot be read.
    pub(crate) fn first(&self) -> &str {
        let first = match &self.choice {
            Choice::ByField {
                otherwise: Some(index),
                ..
            } => self.namespaces.get(*index),
            _ => self.namespaces.first(),
        };
        first.map(Namespace::as_str).unwrap_or_default()
    }

    /// Which of them an event goes into.
    pub(crate) fn of_event(&self, event: &Event<'_>) -> Result<Range<usize>, Rejection> {
        let Choice::ByField {
            field,
            values,
            otherwise,
        } = &self.choice
        else {
            return Ok(0..self.namespaces.len());
        };
        let value = event.field(field).unwrap_or_default();
        let found = match value {
            "" => *otherwise,
            value => values.get(value).copied(),
        };
        found.map(|index| index..index + 1).ok_or_else(|| Rejection {
            reason: "NoNamespace",
            message: match value {
                "" => format!("{field}: missing or empty; it names the namespace, and the source has none for events without it"),
                value => format!(
                    "{field}: {value:?} is no namespace that this source may write into; add it to namespaceFrom.values \
                     or to allowedNamespaces"
                ),
            },
        })
    }
}

impl SourceConfig {
    /// The namespaces that an event goes into, as ingest would have it; the configuration is valid.
    ///
    /// # Errors
    /// The event names none that the source may write into.
    pub fn namespaces_of(&self, event: &Event<'_>) -> Result<Vec<Namespace>, Rejection> {
        let tenants = Tenants::of(self);
        let some = tenants.of_event(event)?;
        Ok(tenants.namespaces().get(some).unwrap_or_default().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenants(yaml: &str) -> Tenants {
        let config: SourceConfig =
            serde_yaml::from_str(&format!("{{name: a, format: webhook, {yaml}}}")).unwrap();
        Tenants::of(&config)
    }

    fn names(tenants: &Tenants, event: &Event<'_>) -> Result<Vec<String>, String> {
        let range = tenants.of_event(event).map_err(|why| why.message)?;
        Ok(tenants.namespaces()[range]
            .iter()
            .map(ToString::to_string)
            .collect())
    }

    #[test]
    fn events_go_into_one_namespace_or_into_all_of_a_shared_source() {
        let event = Event::default();
        assert_eq!(names(&tenants("namespace: shop"), &event).unwrap(), ["shop"]);
        let shared = tenants("shared: true, allowedNamespaces: [shop, pay]");
        assert_eq!(names(&shared, &event).unwrap(), ["shop", "pay"]);
        assert_eq!(shared.first(), "shop");
    }

    #[test]
    fn a_trusted_senders_field_names_the_namespace_among_those_allowed() {
        let by = |rest: &str| {
            tenants(&format!(
                "namespaceFrom: {{field: account, values: {{'1234': pay}}}}, allowedNamespaces: [shop, pay]{rest}"
            ))
        };
        let event = |account: &'static str| Event {
            account: account.into(),
            ..Event::default()
        };
        assert_eq!(names(&by(""), &event("1234")).unwrap(), ["pay"]);
        assert_eq!(names(&by(""), &event("shop")).unwrap(), ["shop"]);
        assert!(
            names(&by(""), &event("kube-system"))
                .unwrap_err()
                .contains("kube-system")
        );
        assert!(
            names(&by(""), &event(""))
                .unwrap_err()
                .starts_with("account: missing")
        );
        let with_default = by(", namespace: shop");
        assert_eq!(names(&with_default, &event("")).unwrap(), ["shop"]);
        assert!(names(&with_default, &event("other")).is_err());
    }
}
