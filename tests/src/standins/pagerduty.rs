//! `PagerDuty`'s Events API v2: `POST /v2/enqueue`, with the members, types and bounds of its published description. Keeps alerts by
//! their key.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::{Answer, Request, Service};

/// Bytes of a request.
const BYTES: usize = 512 * 1024;

/// One service with one integration.
#[derive(Debug)]
pub struct PagerDuty {
    key: String,
    alerts: Mutex<Alerts>,
}

/// An alert: its state, and the actions that led there.
#[derive(Clone, Debug, Default)]
pub struct Alert {
    /// `triggered`, `acknowledged`, `resolved`.
    pub state: String,
    /// The actions, in order.
    pub actions: Vec<String>,
    /// The payload of the first of them.
    pub payload: Value,
}

#[derive(Debug, Default)]
struct Alerts {
    by_key: BTreeMap<String, Alert>,
    refused: Vec<String>,
}

impl PagerDuty {
    /// A service whose integration has this key, of 32 characters.
    pub fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            alerts: Mutex::default(),
        }
    }

    /// The alerts by their keys.
    pub fn alerts(&self) -> BTreeMap<String, Alert> {
        self.alerts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .by_key
            .clone()
    }

    /// Why events were refused.
    pub fn refused(&self) -> Vec<String> {
        self.alerts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .refused
            .clone()
    }

    fn check(&self, request: &Request) -> Result<(String, String, Value), String> {
        if (request.method.as_str(), request.path.as_str()) != ("POST", "/v2/enqueue") {
            return Err(format!("{} {}", request.method, request.path));
        }
        if request.headers.get("content-type").map(String::as_str) != Some("application/json") {
            return Err("content-type".to_owned());
        }
        if request.body.len() > BYTES {
            return Err("larger than 512 KB".to_owned());
        }
        let event: Map<String, Value> =
            serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        only(
            &event,
            &[
                "routing_key",
                "event_action",
                "dedup_key",
                "payload",
                "images",
                "links",
                "client",
                "client_url",
            ],
        )?;
        if text(&event, "routing_key", 32)? != self.key {
            return Err("'routing_key' is of no integration".to_owned());
        }
        let (action, alert) = (text(&event, "event_action", 20)?, text(&event, "dedup_key", 255)?);
        match action.as_str() {
            "acknowledge" | "resolve" => return Ok((action, alert, Value::Null)),
            "trigger" => {}
            _ => return Err(format!("event_action {action}")),
        }
        let payload = event.get("payload").and_then(Value::as_object).ok_or("payload")?;
        only(
            payload,
            &[
                "summary",
                "source",
                "severity",
                "timestamp",
                "component",
                "group",
                "class",
                "custom_details",
            ],
        )?;
        text(payload, "summary", 1024)?;
        text(payload, "source", 1024)?;
        let severity = text(payload, "severity", 20)?;
        if !["critical", "error", "warning", "info"].contains(&severity.as_str()) {
            return Err(format!("severity {severity}"));
        }
        if let Some(at) = payload.get("timestamp") {
            let at = at.as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
            at.ok_or("timestamp")?;
        }
        Ok((action, alert, Value::Object(payload.clone())))
    }
}

fn only(members: &Map<String, Value>, names: &[&str]) -> Result<(), String> {
    match members.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(format!("{name} is unknown")),
        None => Ok(()),
    }
}

fn text(members: &Map<String, Value>, name: &str, most: usize) -> Result<String, String> {
    let text = members.get(name).and_then(Value::as_str).unwrap_or_default();
    let fits = (1..=most).contains(&text.chars().count());
    fits.then(|| text.to_owned())
        .ok_or(format!("'{name}' of 1 to {most} characters"))
}

impl Service for PagerDuty {
    fn answer(&self, request: &Request) -> Answer {
        let checked = self.check(request);
        let mut alerts = self.alerts.lock().unwrap_or_else(PoisonError::into_inner);
        match checked {
            Ok((action, key, payload)) => {
                let alert = alerts.by_key.entry(key.clone()).or_default();
                // One that was acknowledged stays so.
                let state = match action.as_str() {
                    "acknowledge" => "acknowledged",
                    "resolve" => "resolved",
                    _ if alert.state == "acknowledged" => "acknowledged",
                    _ => "triggered",
                };
                state.clone_into(&mut alert.state);
                if alert.payload.is_null() {
                    alert.payload = payload;
                }
                alert.actions.push(action);
                super::json(
                    202,
                    &json!({"status": "success", "message": "Event processed", "dedup_key": key}),
                )
            }
            Err(why) => {
                alerts.refused.push(why.clone());
                super::json(
                    400,
                    &json!({"status": "invalid event", "message": "Event object is invalid", "errors": [why]}),
                )
            }
        }
    }
}
