//! Damaged and oversized bodies through a real collector into a real log: each is answered clearly, each item is in
//! exactly one outcome, and nothing stops.
//!
//! A failure prints the seed of the body; `formats`' own tests run one by `MUTATION_SEED`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a test's helpers are tests"
)]

#[path = "../../operator/crates/formats/tests/damage/mod.rs"]
mod damage;
#[allow(dead_code, reason = "bodies and headers are sent here, not parsed")]
#[path = "../../operator/crates/formats/tests/sample/mod.rs"]
mod sample;

use formats::Format;
use futures::{StreamExt, TryStreamExt, stream};
use rig::opsward::{SEED, path_of};
use rig::{Opsward, Options, Rig};
use serde_json::{Value, json};

/// Damaged bodies of the two formats that most senders speak.
const MUTATIONS: u64 = 10_000;
/// Damaged bodies of each of the others, whose parsers have had their 10,000 by themselves.
const FEWER_MUTATIONS: u64 = 1_000;
/// Bodies are cut off at every so many bytes.
const CUT_EVERY: usize = 64;
/// Requests under way at once.
const CONCURRENCY: usize = 32;
/// What became of items, by the answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Account {
    received: i64,
    accepted: i64,
    dead_lettered: i64,
    refused: i64,
}

impl Account {
    fn of(answer: &Value) -> Self {
        let number = |name: &str| {
            answer[name]
                .as_i64()
                .unwrap_or_else(|| panic!("no {name}: {answer}"))
        };
        Self {
            received: number("received"),
            accepted: number("accepted"),
            dead_lettered: number("deadLettered"),
            refused: number("refused"),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            accepted: self.accepted + other.accepted,
            dead_lettered: self.dead_lettered + other.dead_lettered,
            refused: self.refused + other.refused,
        }
    }
}

/// Posts a damaged body and checks that its answer is clear: every item that is not accepted says why. Of an answer in
/// a vendor's form only the status is looked at; the metrics have the account.
async fn answered(
    opsward: &Opsward<'_>,
    format: Format,
    headers: &[(&str, &str)],
    name: &str,
    body: Vec<u8>,
) -> anyhow::Result<Account> {
    let (status, answer) = opsward.post_with(&path_of(format), headers, body).await?;
    if matches!(format, Format::PagerDuty | Format::Otlp) {
        assert!(matches!(status, 200 | 202 | 400), "{name}: {status}");
        return Ok(Account::default());
    }
    let answer: Value = serde_json::from_str(&answer)?;
    assert!(matches!(status, 202 | 400 | 422), "{name}: {status} {answer}");
    let account = Account::of(&answer);
    assert_eq!(
        status == 202,
        account.accepted > 0 || account.received == 0,
        "{name}: {answer}"
    );
    assert_eq!(
        account.received,
        account.accepted + account.dead_lettered + account.refused,
        "{name}"
    );
    let items = answer["items"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(
        items.len() as i64,
        account.dead_lettered + account.refused,
        "{name}: {answer}"
    );
    for item in items {
        let says = |field: &str| item[field].as_str().is_some_and(|text| !text.is_empty());
        assert!(says("reason") && says("message"), "{name}: {item}");
    }
    Ok(account)
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_bodies_are_answered_and_accounted_for() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    let mut all = Account::default();
    for format in Format::ALL {
        let samples = sample::all(format);
        let name = format.name();
        let cuts = samples.iter().flat_map(|sample| {
            let ends = (0..sample.body.len()).step_by(CUT_EVERY);
            ends.map(move |end| {
                let what = format!("{} cut at {end}", sample.file.display());
                (what, sample, sample.body[..end].to_vec())
            })
        });
        let number = match format {
            Format::Webhook | Format::Alertmanager => MUTATIONS,
            _ => FEWER_MUTATIONS,
        };
        let mutations = (1..=number).map(|seed| {
            let sample = &samples[seed as usize % samples.len()];
            (
                format!("{name} {seed}"),
                sample,
                damage::mutated(&sample.body, seed),
            )
        });
        let account = stream::iter(cuts.chain(mutations))
            .map(|(name, sample, body)| {
                let opsward = &opsward;
                async move { answered(opsward, format, &sample.headers(), &name, body).await }
            })
            .buffer_unordered(CONCURRENCY)
            .try_fold(Account::default(), async |sum, account| Ok(sum.plus(account)))
            .await
            .expect("every body is answered");
        let vendors = account == Account::default();
        assert!(
            vendors || (account.accepted > 0 && account.dead_lettered > 0),
            "{name}: {account:?}"
        );
        all = all.plus(account);
    }
    let metrics = opsward.metrics("collector").await.expect("metrics");
    let items = |outcome: &str, answered: bool| {
        let vendors = |name: &str| name.contains("format=\"pagerduty\"") || name.contains("format=\"otlp\"");
        let of_outcome = metrics.iter().filter(|(name, _)| {
            name.starts_with("opsward_ingest_items_total{")
                && name.contains(&format!("outcome=\"{outcome}\""))
                && !(answered && vendors(name))
        });
        of_outcome.map(|(_, count)| *count as i64).sum::<i64>()
    };
    assert_eq!(
        ["Accepted", "DeadLettered", "Refused"].map(|outcome| items(outcome, true)),
        [all.accepted, all.dead_lettered, all.refused]
    );
    assert!(items("Accepted", false) > all.accepted);
    opsward
        .drained(items("Accepted", false))
        .await
        .expect("every accepted event has one outcome");
    let (status, answer) = opsward
        .post(&path_of(Format::Webhook), SEED)
        .await
        .expect("posted");
    assert_eq!((status, &answer["accepted"]), (202, &json!(1)), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_too_large_for_the_log_lies_in_the_object_store() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    let data = json!({"dump": "x".repeat(600_000), "password": "hunter2"});
    let body = json!({"source": "s", "event_type": "t", "message": "m", "metadata": data}).to_string();
    let (status, answer) = opsward
        .post("/api/v1/events/webhook?items=all", body)
        .await
        .expect("posted");
    assert_eq!(status, 202, "{answer}");
    let id = answer["items"][0]["id"].as_str().expect("an id");
    opsward.drained(1).await.expect("drained");
    let nats = rig.nats.connect("admin").await.expect("NATS");
    let payloads = async_nats::jetstream::new(nats)
        .get_object_store(bus::contract::PAYLOADS)
        .await;
    let mut payload = payloads.expect("the store").get(id).await.expect("the payload");
    let mut stored = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut payload, &mut stored)
        .await
        .expect("read");
    let stored: Value = serde_json::from_slice(&stored).expect("JSON");
    assert_eq!(stored["password"], "[redacted]");
    assert_eq!(stored["dump"], data["dump"]);
}
