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

use std::path::Path;

use futures::{StreamExt, TryStreamExt, stream};
use rig::opsward::SEED;
use rig::{Opsward, Options, Rig};
use serde_json::{Value, json};

/// Damaged bodies of each format.
const MUTATIONS: u64 = 10_000;
/// Bodies are cut off at every so many bytes.
const CUT_EVERY: usize = 64;
/// Requests under way at once.
const CONCURRENCY: usize = 32;
/// Formats, and the path of a source of each.
const FORMATS: [(&str, &str); 2] = [
    ("webhook", "/api/v1/events/webhook"),
    ("alertmanager", "/api/v1/sources/alerts"),
];

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

/// Posts a damaged body and checks that its answer is clear: every item that is not accepted says why.
async fn answered(opsward: &Opsward<'_>, path: &str, name: &str, body: Vec<u8>) -> anyhow::Result<Account> {
    let (status, answer) = opsward.post(path, body).await?;
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
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../operator/crates/formats/tests/samples");
    let mut all = Account::default();
    for (format, path) in FORMATS {
        let bodies = damage::samples(&samples.join(format));
        let cuts = bodies.iter().enumerate().flat_map(|(sample, body)| {
            let ends = (0..body.len()).step_by(CUT_EVERY);
            ends.map(move |end| {
                (
                    format!("{format} sample {sample} cut at {end}"),
                    body[..end].to_vec(),
                )
            })
        });
        let mutations =
            (1..=MUTATIONS).map(|seed| (format!("{format} {seed}"), damage::mutated(&bodies, seed)));
        let account = stream::iter(cuts.chain(mutations))
            .map(|(name, body)| {
                let opsward = &opsward;
                async move { answered(opsward, path, &name, body).await }
            })
            .buffer_unordered(CONCURRENCY)
            .try_fold(Account::default(), async |sum, account| Ok(sum.plus(account)))
            .await
            .expect("every body is answered");
        assert!(
            account.accepted > 0 && account.dead_lettered > 0,
            "{format}: {account:?}"
        );
        all = all.plus(account);
    }
    let metrics = opsward.metrics("collector").await.expect("metrics");
    let items = |outcome: &str| {
        let of_outcome = metrics.iter().filter(|(name, _)| {
            name.starts_with("opsward_ingest_items_total{")
                && name.contains(&format!("outcome=\"{outcome}\""))
        });
        of_outcome.map(|(_, count)| *count as i64).sum::<i64>()
    };
    assert_eq!(
        [items("Accepted"), items("DeadLettered"), items("Refused")],
        [all.accepted, all.dead_lettered, all.refused]
    );
    opsward
        .drained(all.accepted)
        .await
        .expect("every accepted event has one outcome");
    let (status, answer) = opsward.post(FORMATS[0].1, SEED).await.expect("posted");
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
