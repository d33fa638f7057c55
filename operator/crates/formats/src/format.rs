//! The input formats: their names and what is known of each without reading a body.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// An input format: the sender's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Opsward's own small body, for scripts and whatever can post JSON.
    Webhook,
    /// Alertmanager's webhook (version 4) and the alerts that Prometheus posts to its v2 API.
    Alertmanager,
    /// Grafana's alerting webhook (unified alerting).
    Grafana,
    /// `CloudEvents` 1.0 over HTTP: structured, binary and batch.
    CloudEvents,
    /// What Amazon `EventBridge` delivers: AWS Health, Security Hub, `CloudWatch`, S3 and any other detail-type.
    EventBridge,
    /// Amazon SNS: its envelope, or raw delivery, around messages of another format.
    Sns,
    /// `PagerDuty` Events API v2, as its clients send it.
    PagerDuty,
    /// GitHub's webhooks.
    GitHub,
    /// Falco's JSON output over HTTP.
    Falco,
    /// OTLP/HTTP logs, protobuf and JSON.
    Otlp,
    /// Any JSON, by a mapping in the source's configuration.
    Generic,
}

impl Format {
    /// All formats, as users list them.
    pub const ALL: [Self; 11] = [
        Self::Webhook,
        Self::Alertmanager,
        Self::Grafana,
        Self::CloudEvents,
        Self::EventBridge,
        Self::Sns,
        Self::PagerDuty,
        Self::GitHub,
        Self::Falco,
        Self::Otlp,
        Self::Generic,
    ];

    /// The name in configuration, paths, metrics and `source.format`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Alertmanager => "alertmanager",
            Self::Grafana => "grafana",
            Self::CloudEvents => "cloudevents",
            Self::EventBridge => "eventbridge",
            Self::Sns => "sns",
            Self::PagerDuty => "pagerduty",
            Self::GitHub => "github",
            Self::Falco => "falco",
            Self::Otlp => "otlp",
            Self::Generic => "generic",
        }
    }

    /// The format of that name; names are exact.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// What clients of the format append to the address that they are told.
    pub const fn paths(self) -> &'static [&'static str] {
        match self {
            Self::Alertmanager => &["api/v2/alerts"],
            Self::PagerDuty => &["v2/enqueue", "v2/change/enqueue"],
            Self::Otlp => &["v1/logs"],
            // ServiceNow's event collector, which many tools can post to.
            Self::Generic => &["api/global/em/jsonv2"],
            _ => &[],
        }
    }

    /// Whether texts may stand in its bodies in a way that a search through the bytes does not see: encoded, or JSON
    /// within a JSON text.
    pub const fn hides_texts(self) -> bool {
        matches!(
            self,
            Self::CloudEvents | Self::EventBridge | Self::Sns | Self::Otlp | Self::Generic
        )
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Format;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a format: {}", Format::ALL.map(Format::name).join(", "))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Format, E> {
                Format::from_name(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_own_name_only() {
        for format in Format::ALL {
            assert_eq!(Format::from_name(format.name()), Some(format));
        }
        assert_eq!(Format::from_name("Webhook"), None);
    }
}
