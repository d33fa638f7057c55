//! A source's reader: its format, with what its configuration says of reading it.

use std::borrow::Cow;

use crate::eventbridge::InsufficientData;
use crate::generic::{Mapping, MappingSpec};
use crate::{
    Format, Input, Items, Refusal, alertmanager, body, cloudevents, eventbridge, falco, generic, github,
    grafana, otlp, pagerduty, sns, webhook,
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
pub struct Reader {
    format: Format,
    way: Way,
}

/// What reading needs beyond the format.
#[derive(Debug)]
enum Way {
    Plain,
    Alarms(InsufficientData),
    Messages(Box<Reader>),
    Mapped(Box<Mapping>),
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
        let way = match format {
            Format::EventBridge => Way::Alarms(settings.insufficient_data),
            Format::Generic => match &settings.mapping {
                Some(mapping) => Way::Mapped(Box::new(Mapping::compile(mapping)?)),
                None => {
                    return Err(SettingsError::new(
                        "mapping",
                        "format generic needs it: which fields of an event come from where",
                    ));
                }
            },
            Format::Sns
                if matches!(
                    message,
                    Format::Sns | Format::Otlp | Format::GitHub | Format::PagerDuty
                ) =>
            {
                return Err(SettingsError::new(
                    "message",
                    format!("{} does not come through SNS", message.name()),
                ));
            }
            Format::Sns => {
                let inner = Settings {
                    message: None,
                    ..settings.clone()
                };
                Way::Messages(Box::new(Self::new(message, &inner)?))
            }
            Format::Webhook
            | Format::Alertmanager
            | Format::Grafana
            | Format::CloudEvents
            | Format::PagerDuty
            | Format::GitHub
            | Format::Falco
            | Format::Otlp => Way::Plain,
        };
        Ok(Self { format, way })
    }

    /// A reader without settings; none for `generic`, which needs a mapping.
    pub fn plain(format: Format) -> Option<Self> {
        Self::new(format, &Settings::default()).ok()
    }

    /// Which format it reads.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Makes events of a request's body, in the order of its items. No items is a success: an empty batch.
    ///
    /// # Errors
    /// The body as a whole cannot be read: not UTF-8, not JSON, not the format's shape, too deep, too many items.
    pub fn parse<'a>(&'a self, input: Input<'a>) -> Result<Items<'a>, Refusal> {
        match (self.format, &self.way) {
            (Format::Otlp, _) => otlp::parse(input),
            (Format::CloudEvents, _) => cloudevents::parse(input),
            (_, Way::Messages(inner)) => sns::parse(body::text(input.body)?, input, inner),
            (_, Way::Mapped(mapping)) => generic::parse(body::text(input.body)?, input, mapping),
            (_, Way::Alarms(insufficient_data)) => {
                eventbridge::parse(body::text(input.body)?, input, *insufficient_data)
            }
            (format, Way::Plain) => plain(format, body::text(input.body)?, input),
        }
    }

    /// The items' own texts in their order, for dead letters: not redacted. Read anew, because few bodies have an item
    /// that needs one; none for a body that [`Reader::parse`] refuses as a whole.
    pub fn texts<'a>(&'a self, input: Input<'a>) -> Vec<Cow<'a, str>> {
        if self.format == Format::Otlp {
            return otlp::texts(input);
        }
        let Ok(text) = body::text(input.body) else {
            return Vec::new();
        };
        let texts = match (self.format, &self.way) {
            (_, Way::Mapped(mapping)) => return generic::texts(text, input, mapping),
            (_, Way::Messages(inner)) => return sns::texts(text, input, inner),
            (Format::PagerDuty, _) => return pagerduty::texts(text),
            (Format::Webhook, _) => webhook::texts(text),
            (Format::Alertmanager, _) => alertmanager::texts(text),
            (Format::Grafana, _) => grafana::texts(text),
            (Format::Falco, _) => falco::texts(text),
            (Format::GitHub, _) => github::texts(text, input),
            (_, Way::Alarms(insufficient_data)) => eventbridge::texts(text, *insufficient_data),
            (Format::CloudEvents, _) => cloudevents::texts(text, input),
            // They have ways of their own; else one body is one item.
            (Format::Otlp | Format::Sns | Format::Generic | Format::EventBridge, Way::Plain) => {
                Ok(vec![text])
            }
        };
        texts.unwrap_or_default().into_iter().map(Cow::Borrowed).collect()
    }
}

fn plain<'a>(format: Format, text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    match format {
        Format::Alertmanager => alertmanager::parse(text, input),
        Format::Grafana => grafana::parse(text, input),
        Format::PagerDuty => pagerduty::parse(text, input),
        Format::GitHub => github::parse(text, input),
        Format::Falco => falco::parse(text, input),
        Format::Webhook
        // They have ways of their own, above.
        | Format::CloudEvents
        | Format::EventBridge
        | Format::Sns
        | Format::Otlp
        | Format::Generic => webhook::parse(text, input),
    }
}
