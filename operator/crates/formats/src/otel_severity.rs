//! OpenTelemetry's severity numbers: opentelemetry.io/docs/specs/otel/logs/data-model, "Field: `SeverityNumber`". The
//! severity extension of `CloudEvents` has the same.

use domain::severity::Severity;

/// The severity that a number stands for; `None` for 0, which means that there is none, and beyond 24.
pub(crate) const fn of(number: i64) -> Option<Severity> {
    match number {
        // TRACE, DEBUG and INFO.
        1..=12 => Some(Severity::Info),
        // WARN.
        13..=16 => Some(Severity::Medium),
        // ERROR.
        17..=20 => Some(Severity::High),
        // FATAL.
        21..=24 => Some(Severity::Critical),
        _ => None,
    }
}
