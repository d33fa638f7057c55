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

async fn cost(path: &str, body: String, items: u32) {
    let (fixture, body) = (fixture(Mood::Forgets).await, Bytes::from(body));
    let (mut requests, started, before) = (0_u32, Instant::now(), on_processor());
    while started.elapsed() < RUN {
        for _ in 0..1000 {
            let response = fixture.ingest.answer(LOCAL, post(path, body.clone())).await;
            assert_eq!(response.status(), 202);
            requests += 1;
        }
    }
    let request = on_processor().saturating_sub(before) / requests;
    println!(
        "{items:>3} a request: {request:?} a request, {:?} an item, {} bytes",
        request / items,
        body.len()
    );
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measure() {
    for items in [1, 10, 50] {
        cost(ALERTS, group_with_bad(items as usize, &[]), items).await;
    }
    cost(WEBHOOK, seed().to_owned(), 1).await;
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
            on_processor().saturating_sub(before) / 100_000
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
    let encode = |item: &formats::Item<'_>| serde_json::to_vec(item.result.as_ref().unwrap()).unwrap().len();
    time("encode", &|| items.iter().map(encode).sum());
}
