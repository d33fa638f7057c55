//! A sample of each format, built in, to try a source with. They are among the samples that the tests hold.

use crate::Format;

/// A request as a sender of the format makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The body.
    pub body: &'static [u8],
    /// Headers that the format reads, beside `Content-Type: application/json` where they name none.
    pub headers: &'static [(&'static str, &'static str)],
}

macro_rules! body {
    ($format:literal) => {
        include_bytes!(concat!("../tests/samples/", $format, "/sample.json"))
    };
}

/// The built-in sample of a format.
pub const fn sample(format: Format) -> Sample {
    let (body, headers): (&'static [u8], &'static [_]) = match format {
        Format::Webhook => (body!("webhook"), &[]),
        Format::Alertmanager => (body!("alertmanager"), &[]),
        Format::Grafana => (body!("grafana"), &[]),
        Format::CloudEvents => (
            body!("cloudevents"),
            &[("content-type", "application/cloudevents+json")],
        ),
        Format::EventBridge => (body!("eventbridge"), &[]),
        Format::Sns => (
            body!("sns"),
            &[
                ("content-type", "text/plain; charset=UTF-8"),
                ("x-amz-sns-message-type", "Notification"),
            ],
        ),
        Format::PagerDuty => (body!("pagerduty"), &[]),
        Format::GitHub => (
            body!("github"),
            &[
                ("x-github-event", "workflow_run"),
                ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
            ],
        ),
        Format::Falco => (body!("falco"), &[]),
        Format::Otlp => (body!("otlp"), &[]),
        Format::Generic => (body!("generic"), &[]),
    };
    Sample { body, headers }
}
