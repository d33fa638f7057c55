//! Broken and hostile bodies through the whole service: every one is answered, none by a 5xx, and every item is
//! accounted for.

use fastrand::Rng;

use super::*;

/// Mutations a format; the seeds are their numbers, so that a failure names its own.
const MUTATIONS: u64 = 10_000;

fn webhooks() -> String {
    let others = (0..5).map(|index| {
        format!(r#"{{"source":"s{index}","message":"päth \"x\" é","status":"resolved","timestamp":17346906{index}0}}"#)
    });
    let all: Vec<_> = std::iter::once(seed().to_owned()).chain(others).collect();
    format!("[{}]", all.join(","))
}

/// A few changes that parsers get wrong: bytes flipped, removed, repeated, and pieces of JSON put in.
fn mutated(body: &str, seed: u64) -> Vec<u8> {
    const PIECES: [&[u8]; 12] = [
        b"{",
        b"]",
        b"\"",
        b"\\",
        b"null",
        b"-1e999",
        b"\"\\ud800\"",
        b"\xff\xfe",
        b"\0",
        b"[[[[[[[[",
        b",,",
        b"99999999999999999999",
    ];
    let mut random = Rng::with_seed(seed);
    let mut bytes = body.as_bytes().to_vec();
    for _ in 0..random.usize(1..8) {
        let at = random.usize(0..bytes.len());
        match random.u8(0..4) {
            0 => bytes[at] ^= 1 << random.u8(0..8),
            1 => drop(bytes.drain(at..bytes.len().min(at + random.usize(1..40)))),
            2 => {
                let piece = bytes[at..bytes.len().min(at + 40)].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => drop(bytes.splice(at..at, PIECES[random.usize(0..PIECES.len())].iter().copied())),
        }
        if bytes.is_empty() {
            return bytes;
        }
    }
    bytes
}

/// Sends bodies and holds each answer, and the sums, to account.
async fn accounts(path: &str, source: &str, bodies: impl Iterator<Item = (String, Vec<u8>)>) {
    let fixture = fixture(Mood::Confirms).await;
    let mut sums = [0_u64; 4];
    for (name, body) in bodies {
        let answer = fixture.send(post(path, body)).await;
        assert!(
            matches!(answer.status, 202 | 400 | 422),
            "{name}: {}",
            answer.status
        );
        let number = |field: &str| answer.body[field].as_u64().unwrap();
        let [received, rest @ ..] = ["received", "accepted", "deadLettered", "refused"].map(number);
        assert_eq!(received, rest.iter().sum::<u64>(), "{name}: {}", answer.body);
        let rejected = answer.body["items"].as_array().unwrap().len() as u64;
        assert_eq!(rejected, number("deadLettered") + number("refused"), "{name}");
        for (sum, more) in sums.iter_mut().zip([received, rest[0], rest[1], rest[2]]) {
            *sum += more;
        }
    }
    assert_eq!(fixture.counts(source), sums);
    assert_eq!(fixture.log.events().len() as u64, sums[1]);
    assert_eq!(fixture.log.letters().len() as u64, sums[2]);
    assert!(sums[1] > 0 && sums[2] > 0, "{sums:?}");
}

fn truncations(body: &str) -> impl Iterator<Item = (String, Vec<u8>)> {
    let body = body.as_bytes();
    let ends = (0..body.len()).step_by(64).chain(body.len() - 1..=body.len());
    ends.map(|end| (format!("cut at {end}"), body[..end].to_vec()))
}

fn mutations(body: &str) -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..MUTATIONS).map(move |seed| (format!("seed {seed}"), mutated(body, seed)))
}

#[tokio::test]
async fn cut_bodies_are_answered_and_accounted_for() {
    accounts(WEBHOOK, "webhook", truncations(&webhooks())).await;
    accounts(ALERTS, "prometheus", truncations(&group_with_bad(10, &[4]))).await;
    let posted = json!([alert(0), {"labels": {}}, alert(2)]).to_string();
    accounts(
        "/api/v1/sources/prometheus/api/v2/alerts",
        "prometheus",
        truncations(&posted),
    )
    .await;
}

#[tokio::test]
async fn mutated_webhooks_are_answered_and_accounted_for() {
    accounts(WEBHOOK, "webhook", mutations(&webhooks())).await;
}

#[tokio::test]
async fn mutated_alerts_are_answered_and_accounted_for() {
    accounts(ALERTS, "prometheus", mutations(&group_with_bad(6, &[4]))).await;
}
