//! A source's reader: its format, with what its configuration says of reading it.

use std::borrow::Cow;

use crate::eventbridge::InsufficientData;
use crate::generic::{Mapping, MappingSpec};
use crate::{
    Format, Input, Items, Refusal, alertmanager, body, cloudevents, eventbridge, falco, generic, github,
    grafana, otlp, owned, pagerduty, sns, surrogates, webhook,
};

/// What a source's configuration says of reading its bodies; most formats need nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Format `generic`, which needs it, or `sns` of generic messages: where each field of an event comes from.
    pub mapping: Option<MappingSpec>,
    /// Format `sns`: the format of the messages. Default `eventbridge`.
    pub message: Option<Format>,
    /// Formats `eventbridge` and `sns`: what an alarm without data is. Default nothing.
    pub insufficient_data: InsufficientData,
}

/// What is wrong with a source's settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct SettingsError {
    /// The field, such as `mapping.title`.
    pub field: String,
    /// What is wrong and what to do.
    pub problem: String,
}

impl SettingsError {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

/// Reads the bodies of one source.
#[derive(Debug)]
pub struct Reader(Way);

/// A format with what reading it needs.
#[derive(Debug)]
enum Way {
    Webhook,
    Alertmanager,
    Grafana,
    CloudEvents,
    EventBridge(InsufficientData),
    Sns(Box<Reader>),
    PagerDuty,
    GitHub,
    Falco,
    Otlp,
    Generic(Box<Mapping>),
}

impl Reader {
    /// Checks settings, and compiles what is to be compiled.
    ///
    /// # Errors
    /// A setting that the format lacks or has no use for, or a mapping that is not usable.
    pub fn new(format: Format, settings: &Settings) -> Result<Self, SettingsError> {
        if let Some(inner) = settings.message.filter(|_| format != Format::Sns) {
            let problem = format!(
                "only format sns carries messages; remove it, or set format: sns and message: {}",
                inner.name()
            );
            return Err(SettingsError::new("message", problem));
        }
        let message = settings.message.unwrap_or(Format::EventBridge);
        let read = if format == Format::Sns { message } else { format };
        if settings.mapping.is_some() && read != Format::Generic {
            return Err(SettingsError::new(
                "mapping",
                format!(
                    "format {} needs none; remove it, or set format: generic",
                    read.name()
                ),
            ));
        }
        if settings.insufficient_data != InsufficientData::default() && read != Format::EventBridge {
            return Err(SettingsError::new(
                "insufficientData",
                "only alarms that come by eventbridge or sns know it; remove it",
            ));
        }
        Ok(Self(match format {
            Format::Webhook => Way::Webhook,
            Format::Alertmanager => Way::Alertmanager,
            Format::Grafana => Way::Grafana,
            Format::CloudEvents => Way::CloudEvents,
            Format::EventBridge => Way::EventBridge(settings.insufficient_data),
            Format::Sns => Way::Sns(Box::new(Self::of_messages(message, settings)?)),
            Format::PagerDuty => Way::PagerDuty,
            Format::GitHub => Way::GitHub,
            Format::Falco => Way::Falco,
            Format::Otlp => Way::Otlp,
            Format::Generic => {
                let missing = "format generic needs it: which fields of an event come from where";
                let mapping = settings.mapping.as_ref();
                let mapping = mapping.ok_or_else(|| SettingsError::new("mapping", missing))?;
                Way::Generic(Box::new(Mapping::compile(mapping)?))
            }
        }))
    }

    /// The reader of what SNS brings.
    fn of_messages(message: Format, settings: &Settings) -> Result<Self, SettingsError> {
        if matches!(
            message,
            Format::Sns | Format::Otlp | Format::GitHub | Format::PagerDuty
        ) {
            let problem = format!("{} does not come through SNS", message.name());
            return Err(SettingsError::new("message", problem));
        }
        let inner = Settings {
            message: None,
            ..settings.clone()
        };
        Self::new(message, &inner)
    }

    /// A reader without settings; none for `generic`, which needs a mapping.
    pub fn plain(format: Format) -> Option<Self> {
        Self::new(format, &Settings::default()).ok()
    }

    /// Which format it reads.
    pub const fn format(&self) -> Format {
        match self.0 {
            Way::Webhook => Format::Webhook,
            Way::Alertmanager => Format::Alertmanager,
            Way::Grafana => Format::Grafana,
            Way::CloudEvents => Format::CloudEvents,
            Way::EventBridge(_) => Format::EventBridge,
            Way::Sns(_) => Format::Sns,
            Way::PagerDuty => Format::PagerDuty,
            Way::GitHub => Format::GitHub,
            Way::Falco => Format::Falco,
            Way::Otlp => Format::Otlp,
            Way::Generic(_) => Format::Generic,
        }
    }

    /// Makes events of a request's body, in the order of its items. No items is a success: an empty batch.
    ///
    /// # Errors
    /// The body as a whole cannot be read: not UTF-8, not JSON, not the format's shape, too deep, too many items.
    pub fn parse<'a>(&'a self, input: Input<'a>) -> Result<Items<'a>, Refusal> {
        match self.mended(&input) {
            Cow::Borrowed(_) => self.items(input),
            Cow::Owned(body) => {
                let items = self.items(Input { body: &body, ..input })?;
                Ok(owned::items(items))
            }
        }
    }

    /// The items' own texts in their order, for dead letters: not redacted. Read anew, because few bodies have an item
    /// that needs one; of a body that [`Reader::parse`] refuses as a whole they mean nothing.
    pub fn texts<'a>(&'a self, input: Input<'a>) -> Vec<Cow<'a, str>> {
        match self.mended(&input) {
            Cow::Borrowed(_) => self.item_texts(input).unwrap_or_default(),
            Cow::Owned(body) => {
                let texts = self
                    .item_texts(Input { body: &body, ..input })
                    .unwrap_or_default();
                texts
                    .into_iter()
                    .map(|text| Cow::Owned(text.into_owned()))
                    .collect()
            }
        }
    }

    /// The body without halves of letters, where it is JSON: of anything else a backslash is a backslash.
    fn mended<'a>(&self, input: &Input<'a>) -> Cow<'a, [u8]> {
        let is_json = match &self.0 {
            Way::CloudEvents => cloudevents::is_json(input),
            Way::Otlp => otlp::is_body_json(input),
            _ => true,
        };
        if is_json {
            surrogates::mended(input.body)
        } else {
            Cow::Borrowed(input.body)
        }
    }

    fn items<'a>(&'a self, input: Input<'a>) -> Result<Items<'a>, Refusal> {
        let text = || body::text(input.body);
        match &self.0 {
            Way::Webhook => webhook::parse(text()?, input),
            Way::Alertmanager => alertmanager::parse(text()?, input),
            Way::Grafana => grafana::parse(text()?, input),
            Way::CloudEvents => cloudevents::parse(input),
            Way::EventBridge(insufficient_data) => eventbridge::parse(text()?, input, *insufficient_data),
            Way::Sns(messages) => sns::parse(text()?, input, messages),
            Way::PagerDuty => pagerduty::parse(text()?, input),
            Way::GitHub => github::parse(text()?, input),
            Way::Falco => falco::parse(text()?, input),
            Way::Otlp => otlp::parse(input),
            Way::Generic(mapping) => generic::parse(text()?, input, mapping),
        }
    }

    fn item_texts<'a>(&'a self, input: Input<'a>) -> Result<Vec<Cow<'a, str>>, Refusal> {
        let text = || body::text(input.body);
        let texts = match &self.0 {
            Way::Webhook => webhook::texts(text()?),
            Way::Alertmanager => alertmanager::texts(text()?),
            Way::Grafana => grafana::texts(text()?),
            Way::CloudEvents => return cloudevents::texts(input),
            Way::EventBridge(insufficient_data) => eventbridge::texts(text()?, *insufficient_data),
            Way::Sns(messages) => return Ok(sns::texts(text()?, input, messages)),
            Way::PagerDuty => return Ok(pagerduty::texts(text()?)),
            Way::GitHub => github::texts(text()?, input),
            Way::Falco => falco::texts(text()?),
            Way::Otlp => return Ok(otlp::texts(input)),
            Way::Generic(mapping) => return Ok(generic::texts(text()?, input, mapping)),
        };
        Ok(texts?.into_iter().map(Cow::Borrowed).collect())
    }
}
