//! What a request costs beside the kernel, NATS and hyper's own parsing. Not a test: run it with
//! `cargo test -p collector --profile fast -- --ignored --nocapture measure`.

use std::time::Duration;

use super::*;

/// Long enough to even out a turbo clock and a neighbour.
const RUN: Duration = Duration::from_secs(2);

/// Time that this thread had a processor (proc(5), `schedstat`): others on the machine do not count.
fn on_processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

async fn cost(path: &str, body: String, items: usize) {
    let (fixture, body) = (fixture(Mood::Forgets).await, Bytes::from(body));
    let (mut requests, started, before) = (0_u32, Instant::now(), on_processor());
    while started.elapsed() < RUN {
        for _ in 0..1000 {
            let response = fixture.ingest.answer(LOCAL, post(path, body.clone())).await;
            assert_eq!(response.status(), 202);
            requests += 1;
        }
    }
    let request = (on_processor() - before) / requests;
    println!(
        "{items:>3} a request: {request:?} a request, {:?} an item, {} bytes",
        request / items as u32,
        body.len()
    );
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measure() {
    for items in [1] {
        cost(ALERTS, group_with_bad(items, &[]), items).await;
    }
    //cost(WEBHOOK, seed().to_owned(), 1).await;
}

#[test]
#[ignore = "a measurement"]
fn measure_stages() {
    let (redactor, body) = (Redactor::new().unwrap(), group_with_bad(50, &[]));
    let delivery = Delivery {
        source: "prometheus",
        format: formats::Format::Alertmanager,
        namespace: "shop",
        received_at: Time::from_millis(1_734_690_600_123),
        first_id: Ulid::new(),
        key: None,
        traceparent: "",
        body: body.as_bytes(),
    };
    let input = formats::Input {
        body: body.as_bytes(),
        received_at: delivery.received_at,
        source: "prometheus",
    };
    let time = |name: &str, stage: &dyn Fn() -> usize| {
        let before = on_processor();
        let sum: usize = (0..2000).map(|_| stage()).sum();
        println!(
            "{name}: {:?} an item ({sum})",
            (on_processor() - before) / 100_000
        );
    };
    time("prefilter", &|| {
        usize::from(redactor.may_contain_secret(body.as_bytes()))
    });
    time("parse", &|| {
        formats::parse(delivery.format, &input).unwrap().len()
    });
    time("prepare", &|| prepare::prepare(&delivery, &redactor).received);
    let items = formats::parse(delivery.format, &input).unwrap();
    let mut json = Vec::new();
    time("encode", &|| {
        items
            .iter()
            .map(|item| serde_json::to_vec(item.result.as_ref().unwrap()).unwrap().len())
            .sum()
    });
    for item in &items {
        json.extend(serde_json::to_vec(item.result.as_ref().unwrap()).unwrap());
    }
    println!("{}", String::from_utf8_lossy(&json[..1200]));
}

#[test]
#[ignore = "a measurement"]
fn measure_hostile() {
    let redactor = Redactor::new().unwrap();
    let mb = 1024 * 1024;
    for (name, body) in [
        ("at signs", "@".repeat(mb)),
        ("urls", "a://b:".repeat(mb / 6)),
        ("urls@", "a://b@".repeat(mb / 6)),
        ("passwords", "password=x ".repeat(mb / 11)),
        ("password-", "password-".repeat(mb / 9)),
        ("token: a", "token: a".repeat(mb / 8)),
        ("auth", "authorization: ".repeat(mb / 15)),
        ("bearer", "bearer ".repeat(mb / 7)),
        ("jwt", "eyJaaaaaaaaa".repeat(mb / 12)),
        ("pem", "-----BEGIN PRIVATE KEY-----".repeat(mb / 27)),
        ("a_a_", "a_".repeat(mb / 2)),
        (
            "json secrets",
            format!("[{}]", vec![r#"{"password":"x"}"#; mb / 17].join(",")),
        ),
        ("escapes", "\\u0061".repeat(mb / 6)),
        ("cookie", "cookie: a=".repeat(mb / 10)),
    ] {
        let started = Instant::now();
        let maybe = redactor.may_contain_secret(body.as_bytes());
        let first = started.elapsed();
        let started = Instant::now();
        let out = redactor.bytes_as_text(body.as_bytes());
        println!(
            "{name}: prefilter {maybe} {first:?}, bytes_as_text {:?} ({} bytes)",
            started.elapsed(),
            out.len()
        );
    }
}
