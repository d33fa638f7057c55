//! A mapping: as configured, and compiled. What the answers mean is not decided here.

use domain::expression::{Expression, ExpressionError, Functions};
use serde::Deserialize;

use crate::SettingsError;

/// The whole body.
pub(super) const BODY: &str = "body";
/// The item; the body when that is the item.
pub(super) const ITEM: &str = "item";
/// The request's headers, their names in lower case.
pub(super) const HEADERS: &str = "headers";

/// What the expressions of fields may name, and what `items` may.
const NAMES: &[&str] = &[BODY, ITEM, HEADERS];
const NAMES_OF_ITEMS: &[&str] = &[BODY, HEADERS];

/// Where each field of an event comes from: CEL expressions over `body`, `item` and `headers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct MappingSpec {
    /// The list of items. Default: the body when it is a list, else the body is the item.
    pub items: Option<String>,
    /// What the payload says of its sender: `source.reported`. Default: nothing.
    pub source: Option<String>,
    /// The kind of event.
    pub r#type: Option<String>,
    /// Whether the problem is there, in the words of format `webhook`; or `ignore`. Default: firing.
    pub state: Option<String>,
    /// How bad, a word or a number. Default: medium.
    pub severity: Option<String>,
    /// One line for people. Default: the type.
    pub title: Option<String>,
    /// More for people.
    pub description: Option<String>,
    /// The thing concerned. Default: the host.
    pub resource: Option<String>,
    /// All things concerned, a list.
    pub resources: Option<String>,
    /// The service concerned. Default: the label of that name.
    pub service: Option<String>,
    /// The host concerned. Default: the label `instance`, `node` or `hostname`.
    pub host: Option<String>,
    /// The owning team. Default: the label of that name, as for the three that follow.
    pub team: Option<String>,
    /// prod, staging …
    pub environment: Option<String>,
    /// The cloud account.
    pub account: Option<String>,
    /// The cloud region.
    pub region: Option<String>,
    /// What makes a problem the same problem: a scalar or a list of them. Default: the title's text, masked.
    pub fingerprint: Option<String>,
    /// What makes an occurrence of the problem the same, such as its start. Default, and where it is null: no life cycle.
    pub occurrence: Option<String>,
    /// What makes a message the same message. Default: nothing.
    pub delivery_key: Option<String>,
    /// When it happened; for a resolved problem, when it ended. Default: the receipt.
    pub occurred_at: Option<String>,
    /// When it ends by itself.
    pub ends_at: Option<String>,
    /// Names with values.
    pub labels: Option<String>,
    /// Words without values.
    pub tags: Option<String>,
    /// Web addresses by name.
    pub links: Option<String>,
    /// What to keep of the item. Default: all of it.
    pub data: Option<String>,
}

/// A mapping ready to be used.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(super) items: Option<Expression>,
    pub(super) source: Mapped,
    pub(super) kind: Mapped,
    pub(super) state: Mapped,
    pub(super) severity: Mapped,
    pub(super) title: Mapped,
    pub(super) description: Mapped,
    pub(super) resource: Mapped,
    pub(super) resources: Mapped,
    pub(super) service: Mapped,
    pub(super) host: Mapped,
    pub(super) team: Mapped,
    pub(super) environment: Mapped,
    pub(super) account: Mapped,
    pub(super) region: Mapped,
    pub(super) fingerprint: Mapped,
    pub(super) occurrence: Mapped,
    pub(super) delivery_key: Mapped,
    pub(super) occurred_at: Mapped,
    pub(super) ends_at: Mapped,
    pub(super) labels: Mapped,
    pub(super) tags: Mapped,
    pub(super) links: Mapped,
    pub(super) data: Mapped,
    /// The names that expressions mention.
    seen: Vec<&'static str>,
}

/// One field of the mapping.
#[derive(Debug)]
pub(super) struct Mapped {
    /// Its path in the configuration, such as `mapping.title`.
    pub(super) path: &'static str,
    pub(super) expression: Option<Expression>,
}

impl Mapped {
    pub(super) const fn is_given(&self) -> bool {
        self.expression.is_some()
    }

    /// Whether it mentions a name.
    pub(super) fn names(&self, name: &str) -> bool {
        let mut mentions = self.expression.iter().flat_map(Expression::mentions);
        mentions.any(|mention| mention.name == name)
    }

    /// What it mentions, as the payload names it: `data.issue.id`; `item` for a whole one.
    pub(super) fn mentioned(&self) -> Vec<String> {
        let mentions = self.expression.iter().flat_map(Expression::mentions);
        let mut names: Vec<String> = Vec::new();
        for mention in mentions {
            let name = match mention.fields.as_slice() {
                [] => mention.name.to_owned(),
                fields if mention.name == HEADERS => format!("{HEADERS}.{}", fields.join(".")),
                fields => fields.join("."),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl Mapping {
    /// Compiles all expressions.
    pub(crate) fn compile(spec: &MappingSpec) -> Result<Self, SettingsError> {
        if spec.title.is_none() && spec.r#type.is_none() {
            return Err(SettingsError::new(
                "mapping.title",
                "missing, and so is mapping.type; say where one of them comes from, such as title: body.title",
            ));
        }
        let items = spec.items.as_deref();
        let items = items
            .map(|text| compiled("mapping.items", text, NAMES_OF_ITEMS))
            .transpose()?;
        let of_items = items
            .iter()
            .flat_map(Expression::mentions)
            .map(|mention| mention.name);
        let mut seen: Vec<_> = of_items.filter(|name| *name == HEADERS).collect();
        let mut field = |path, text: &Option<String>| -> Result<Mapped, SettingsError> {
            let expression = text
                .as_deref()
                .map(|text| compiled(path, text, NAMES))
                .transpose()?;
            let mentions = expression.iter().flat_map(Expression::mentions);
            seen.extend(mentions.map(|mention| mention.name));
            Ok(Mapped { path, expression })
        };
        let data = field("mapping.data", &spec.data)?;
        if items.is_some() && data.names(BODY) {
            return Err(SettingsError::new(
                "mapping.data",
                "mentions body beside mapping.items, which would write it once for each item; keep parts of item",
            ));
        }
        Ok(Self {
            items,
            source: field("mapping.source", &spec.source)?,
            kind: field("mapping.type", &spec.r#type)?,
            state: field("mapping.state", &spec.state)?,
            severity: field("mapping.severity", &spec.severity)?,
            title: field("mapping.title", &spec.title)?,
            description: field("mapping.description", &spec.description)?,
            resource: field("mapping.resource", &spec.resource)?,
            resources: field("mapping.resources", &spec.resources)?,
            service: field("mapping.service", &spec.service)?,
            host: field("mapping.host", &spec.host)?,
            team: field("mapping.team", &spec.team)?,
            environment: field("mapping.environment", &spec.environment)?,
            account: field("mapping.account", &spec.account)?,
            region: field("mapping.region", &spec.region)?,
            fingerprint: field("mapping.fingerprint", &spec.fingerprint)?,
            occurrence: field("mapping.occurrence", &spec.occurrence)?,
            delivery_key: field("mapping.deliveryKey", &spec.delivery_key)?,
            occurred_at: field("mapping.occurredAt", &spec.occurred_at)?,
            ends_at: field("mapping.endsAt", &spec.ends_at)?,
            labels: field("mapping.labels", &spec.labels)?,
            tags: field("mapping.tags", &spec.tags)?,
            links: field("mapping.links", &spec.links)?,
            data,
            seen,
        })
    }

    /// Whether an expression mentions a name; of `items` only where it mentions the headers.
    pub(super) fn sees(&self, name: &str) -> bool {
        self.seen.contains(&name)
    }
}

fn compiled(path: &str, text: &str, names: &'static [&'static str]) -> Result<Expression, SettingsError> {
    let refused = |error: ExpressionError| match error {
        ExpressionError::UnknownName(_) => format!("{error}; an expression here sees {}", names.join(", ")),
        // As found: they say what to do, or where the parser stopped.
        error => error.to_string(),
    };
    Expression::compile(text, names, Functions::Texts)
        .map_err(|error| SettingsError::new(path, refused(error)))
}
