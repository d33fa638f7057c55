//! What the API server is spared: writes stay within the budget under load, and stop when there is no news. By
//! the API server's own audit log.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers are tests"
)]
#![allow(clippy::print_stdout, reason = "what was measured")]

use rig::{AuditRequest, Load, Opsward, Options, Rig};
use serde_json::{Value, json};

/// 10,000 events a second of 500 groups for a minute.
const LOAD: Load = Load {
    groups: 500,
    batch: 50,
    concurrency: 16,
    rate: 200,
};
const REQUESTS: u64 = 60 * LOAD.rate;
/// Writes in any 60 s after the opening burst.
const WRITES_A_MINUTE: usize = 20 * 60;
/// The opening burst: creating 500 objects.
const OPENING: i64 = 15;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_events_a_second_cost_twenty_writes_and_silence_costs_none() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    let by_host = json!({"match": {"types": ["threshold_breach"]}, "groupBy": ["host"]});
    opsward.rule("by-host", by_host).await.expect("rule");
    let started = jiff::Timestamp::now();
    let requests = LOAD
        .deliver(&opsward, |begun| begun >= REQUESTS)
        .await
        .expect("delivered");
    let took = jiff::Timestamp::now().as_second() - started.as_second();
    println!("{requests} requests in {took} s");
    let counted = i64::try_from(requests * LOAD.batch).expect("small");
    let count = |event: &Value| event["status"]["occurrences"]["count"].as_i64().unwrap_or(0);
    let right = |events: &[Value]| events.iter().map(count).sum::<i64>() == counted;
    assert_eq!(
        opsward
            .ops_events_when("all counted", right)
            .await
            .expect("right")
            .len(),
        500
    );

    let writes = rig
        .controllers_requests()
        .expect("the audit log")
        .into_iter()
        .filter(AuditRequest::is_write)
        .map(|request| request.received.as_second());
    let after: Vec<i64> = writes.filter(|at| *at >= started.as_second() + OPENING).collect();
    let busiest = after
        .iter()
        .map(|from| after.iter().filter(|at| (*from..from + 60).contains(*at)).count())
        .max();
    println!(
        "{} writes after the opening burst, at most {busiest:?} in 60 s",
        after.len()
    );
    assert!(
        busiest.is_some_and(|busiest| busiest <= WRITES_A_MINUTE),
        "{busiest:?}"
    );

    rig.quiet_minute()
        .await
        .expect("no request but lease renewals for 60 s");
}
