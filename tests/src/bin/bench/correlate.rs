//! The correlator from packs in memory: decode, fold, schedule, records and checkpoints, without NATS.

use std::time::Instant;

use anyhow::Result;
use bus::LogMessage;
use bus::log::Pack;
use correlator::fold::Fold;
use domain::correlate::Correlator;
use domain::event::Event;
use domain::time::Time;
use serde_json::json;

use crate::results::Results;

/// Rules in force; the last takes the events, the others each ask for a type of their own.
const RULES: usize = 100;
/// Groups that the events fall into.
const GROUPS: usize = 500;
/// Events of one pack: what group commit makes of a busy minute.
const PACK_EVENTS: usize = 64;
/// Events folded in one round.
const EVENTS: usize = 500_000;

/// Measures with and without a condition.
pub fn run(results: &mut Results) -> Result<()> {
    for (name, condition, floor) in [
        ("correlate", "", 200_000.0),
        ("correlate-cel", "event.data.cpu_usage > 90", 50_000.0),
    ] {
        let mut rates: Vec<f64> = (0..3).map(|_| round(condition)).collect::<Result<_>>()?;
        rates.sort_by(f64::total_cmp);
        let median = rates.get(1).copied().unwrap_or_default();
        results.add(
            name,
            median,
            Some(floor),
            "events/s, one thread; peer = the floor that is promised",
        )?;
    }
    Ok(())
}

fn round(condition: &str) -> Result<f64> {
    let mut fold = Fold::new(Correlator::new("01BENCH"), 0);
    let mut sequence = 0;
    let mut message = |subject: &str, payload: bytes::Bytes| {
        sequence += 1;
        let at = Time::from_millis(1_734_690_600_000 + i64::try_from(sequence).unwrap_or(0));
        LogMessage {
            sequence,
            at,
            subject: subject.to_owned(),
            pending: 0,
            payload,
        }
    };
    for n in 0..RULES {
        let kind = if n + 1 == RULES {
            "threshold_breach".to_owned()
        } else {
            format!("type-{n}-*")
        };
        let spec =
            json!({"match": {"types": [kind], "condition": condition}, "groupBy": ["host"], "priority": n});
        let control = bus::Control::Rule {
            name: format!("rule-{n}"),
            uid: format!("uid-{n}"),
            generation: 1,
            api_version: "opsward.dev/v1alpha1".to_owned(),
            spec: serde_json::value::to_raw_value(&spec)?,
        };
        fold.take(
            &message("ingest.control.shop", bus::log::encode_control(&control)?),
            0,
        )?;
    }
    let packs: Vec<bytes::Bytes> = (0..EVENTS / PACK_EVENTS)
        .map(|pack| self::pack(pack * PACK_EVENTS))
        .collect::<Result<_>>()?;
    let messages: Vec<LogMessage> = packs
        .into_iter()
        .map(|pack| message("ingest.events.shop", pack))
        .collect();
    let start = Instant::now();
    let mut written = 0;
    for (n, message) in messages.iter().enumerate() {
        let now = u64::try_from(start.elapsed().as_millis())?;
        fold.take(message, now)?;
        if n % 8 == 0 {
            written += fold.take_due(now)?.incidents.len();
        }
    }
    let rest = fold.take_all(0)?;
    let seconds = start.elapsed().as_secs_f64();
    anyhow::ensure!(rest.checkpoint.is_some() && written > 0, "nothing was written");
    let counted = fold
        .correlator()
        .totals()
        .of(domain::correlate::effect::Outcome::Counted);
    anyhow::ensure!(
        usize::try_from(counted)? == messages.len() * PACK_EVENTS,
        "counted {counted}"
    );
    Ok(messages.len() as f64 * PACK_EVENTS as f64 / seconds)
}

fn pack(first: usize) -> Result<bytes::Bytes> {
    let mut pack = Pack::new();
    for n in first..first + PACK_EVENTS {
        pack.push(&event(n)?);
    }
    Ok(pack.finish())
}

/// An event as the collector encodes the seed's body.
fn event(n: usize) -> Result<Vec<u8>> {
    let host = format!("web-server-{:03}", n % GROUPS);
    let data =
        serde_json::value::to_raw_value(&json!({"cpu_usage": 97.5, "threshold": 95.0, "duration": "5m"}))?;
    let event = Event {
        id: format!("01JFH{n:021}").into(),
        delivery_key: format!("bench-{n}#0").into(),
        fingerprint: domain::hash::Hash128::of(["mon", "threshold_breach", &host, "nginx"]),
        fingerprint_fields: ["source", "event_type", "host", "service"].into_iter().collect(),
        namespace: "shop".into(),
        source: domain::event::Source {
            name: "webhook".into(),
            format: "webhook".into(),
            reported: "mon".into(),
        },
        kind: "threshold_breach".into(),
        severity: domain::severity::Severity::Critical,
        severity_from: "severity".into(),
        title: "CPU usage exceeded 95%".into(),
        resource: host.clone().into(),
        service: "nginx".into(),
        host: host.into(),
        data: Some(domain::json::RawJson::borrowed(&data)),
        occurred_at: Time::from_millis(1_734_690_600_000),
        received_at: Time::from_millis(1_734_690_600_100),
        ..Event::default()
    };
    Ok(serde_json::to_vec(&event)?)
}
