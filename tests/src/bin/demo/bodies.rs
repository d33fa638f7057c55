//! What the demo's monitors send: the webhook of the README, and one group of alerts as Alertmanager posts it.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::{Value, json};

/// The alert, one of those that every Prometheus for Kubernetes has.
const NAME: &str = "KubePodCrashLooping";
/// The pods that crash in the demo.
pub const PODS: [&str; 3] = ["checkout-x2x7q", "checkout-9kfzm", "checkout-h4d2v"];
/// How long ago they began to.
const BEGAN: Duration = Duration::from_mins(4);
/// What Alertmanager writes for an alert without an end.
const NO_END: &str = "0001-01-01T00:00:00Z";

/// The services that are down in the demo: the first really is.
pub const SERVICES: [&str; 2] = ["checkout", "search"];

/// What a monitor reports of services that are down.
pub fn outages() -> Value {
    let down = |service: &&str| {
        json!({
            "source": "blackbox", "event_type": "service_down", "severity": "critical", "service": service,
            "message": format!("{service} does not answer"),
        })
    };
    SERVICES.iter().map(down).collect()
}

/// Whether the alerts of a group fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// They do.
    Firing,
    /// They are over.
    Resolved,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// One notification of Alertmanager (webhook version 4): the same alert of three pods. `now` is the same for
/// both notifications, so that the second speaks of the same occurrences as the first.
pub fn alerts(status: Status, now: SystemTime) -> anyhow::Result<Value> {
    let (began, ended) = (Timestamp::try_from(now - BEGAN)?, Timestamp::try_from(now)?);
    let alert = |pod: &&str| {
        json!({
            "status": status.as_str(),
            "labels": {"alertname": NAME, "namespace": "shop", "severity": "critical", "pod": pod},
            "annotations": {"summary": format!("Pod {pod} is crash looping")},
            "startsAt": began.to_string(),
            "endsAt": if status == Status::Firing { NO_END.to_owned() } else { ended.to_string() },
        })
    };
    Ok(json!({
        "version": "4", "receiver": "opsward", "status": status.as_str(),
        "groupKey": format!("{{}}:{{alertname=\"{NAME}\"}}"), "truncatedAlerts": 0,
        "groupLabels": {"alertname": NAME}, "commonAnnotations": {},
        "commonLabels": {"alertname": NAME, "namespace": "shop", "severity": "critical"},
        "externalURL": "http://alertmanager.example.com",
        "alerts": PODS.iter().map(alert).collect::<Vec<_>>(),
    }))
}
