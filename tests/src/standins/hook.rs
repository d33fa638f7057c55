//! A receiver of webhooks: checks signatures as Standard Webhooks asks a receiver to, and `CloudEvents` as their specification does;
//! takes each `webhook-id` once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{Answer, Request, Service, json};

/// How far a timestamp may be off, in seconds.
const TOLERANCE: i64 = 300;
/// What a `CloudEvent` must have.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];

/// The receiver.
#[derive(Debug)]
pub struct Hook {
    key: Option<String>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    events: Vec<Value>,
    /// When each event came first, in milliseconds since 1970, by its incident's title.
    first: BTreeMap<String, (f64, Value)>,
    deliveries: BTreeMap<String, usize>,
    refused: Vec<String>,
}

impl Hook {
    /// One that asks for signatures by `key` (`whsec_…`), or for none.
    pub fn new(key: Option<&str>) -> Self {
        Self {
            key: key.map(ToOwned::to_owned),
            taken: Mutex::default(),
        }
    }

    /// The events, each once, in the order in which they came first.
    pub fn events(&self) -> Vec<Value> {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .events
            .clone()
    }

    /// The first event about the incident with this title, and when it came, in milliseconds since 1970.
    pub fn received(&self, title: &str) -> Option<(f64, Value)> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.first.get(title).cloned()
    }

    /// How often each `webhook-id` came.
    pub fn deliveries(&self) -> BTreeMap<String, usize> {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .deliveries
            .clone()
    }

    /// Why requests were refused.
    pub fn refused(&self) -> Vec<String> {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .refused
            .clone()
    }

    fn check(&self, request: &Request) -> Result<(String, Value), String> {
        if request.method != "POST" {
            return Err(format!("method {}", request.method));
        }
        let header = |name: &str| {
            request
                .headers
                .get(name)
                .cloned()
                .ok_or(format!("no header {name}"))
        };
        let kind = header("content-type")?;
        if !kind.starts_with("application/cloudevents+json") {
            return Err(format!("content-type {kind}"));
        }
        let id = header("webhook-id")?;
        let body = std::str::from_utf8(&request.body).map_err(|error| error.to_string())?;
        if let Some(key) = &self.key {
            let at: i64 = header("webhook-timestamp")?
                .parse()
                .map_err(|_| "webhook-timestamp".to_owned())?;
            if (jiff::Timestamp::now().as_second() - at).abs() > TOLERANCE {
                return Err(format!("webhook-timestamp {at} is too far off"));
            }
            let expected = signature(key, &format!("{id}.{at}.{body}"))?;
            let given = header("webhook-signature")?;
            if !given.split(' ').any(|given| given == expected) {
                return Err(format!("webhook-signature {given}"));
            }
        }
        let event: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        for name in REQUIRED {
            if event.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(format!("a CloudEvent has {name}: {event}"));
            }
        }
        let extensions = event.as_object().into_iter().flatten();
        for (name, _) in extensions {
            let fits = name.len() <= 20 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
            if !fits {
                return Err(format!("{name:?} is no attribute's name"));
            }
        }
        Ok((id, event))
    }
}

fn signature(key: &str, signed: &str) -> Result<String, String> {
    let bytes = STANDARD
        .decode(key.strip_prefix("whsec_").unwrap_or(key))
        .map_err(|error| error.to_string())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&bytes).map_err(|error| error.to_string())?;
    mac.update(signed.as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[allow(clippy::cast_precision_loss, reason = "microseconds of this century fit")]
fn millis_now() -> f64 {
    jiff::Timestamp::now().as_microsecond() as f64 / 1e3
}

impl Service for Hook {
    fn answer(&self, request: &Request) -> Answer {
        let at = millis_now();
        let checked = self.check(request);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match checked {
            Ok((id, event)) => {
                let times = taken.deliveries.entry(id).or_default();
                *times += 1;
                if *times == 1 {
                    if let Some(title) = event.pointer("/data/incident/title").and_then(Value::as_str) {
                        let title = title.to_owned();
                        taken.first.entry(title).or_insert_with(|| (at, event.clone()));
                    }
                    taken.events.push(event);
                }
                (204, Vec::new(), String::new())
            }
            Err(why) => {
                taken.refused.push(why.clone());
                json(400, &serde_json::json!({"error": why}))
            }
        }
    }
}
