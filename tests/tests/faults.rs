//! Crashes and outages under load, on real servers that are really killed. The sender keeps a ledger; what is
//! counted must equal it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers are tests"
)]
#![allow(
    clippy::print_stdout,
    reason = "a failed run is repeated from what it printed"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bus::{Bus, BusConfig};
use correlator::fold::Fold;
use domain::correlate::Correlator;
use domain::correlate::effect::Outcome;
use domain::incident::IncidentRecord;
use futures::StreamExt;
use rig::opsward::SEED;
use rig::{Load, Opsward, Options, Rig, Seed, Server};
use serde_json::{Value, json};

/// Victims, each killed this often: 50 kills in all.
const VICTIMS: [&str; 5] = [
    "collector",
    "correlator",
    "controller",
    "nats-server",
    "kube-apiserver",
];
const KILLS_EACH: usize = 10;
/// The correlators of the test with a standby.
const CORRELATORS: [&str; 2] = ["correlator", "correlator-2"];
/// A lease runs out within 5 s; the rest is for a busy machine.
const LEADS_WITHIN: Duration = Duration::from_secs(60);
/// Requests begun between two kills, so that each hits a process at work.
const BETWEEN_KILLS: u64 = 100;

fn by_host() -> Value {
    json!({"match": {"types": ["threshold_breach"]}, "groupBy": ["host"]})
}

/// The order of kills: every victim equally often, shuffled by the seed.
fn kills(mut seed: Seed) -> Vec<&'static str> {
    let mut order: Vec<_> = VICTIMS.iter().flat_map(|victim| [*victim; KILLS_EACH]).collect();
    seed.shuffle(&mut order);
    order
}

fn victim<'a>(rig: &'a Rig, opsward: &'a Opsward<'_>, name: &str) -> &'a Server {
    match name {
        "nats-server" => rig.nats_server(),
        "kube-apiserver" => rig.apiserver(),
        role => opsward.role(role).expect("a role"),
    }
}

/// What users see of an incident, without what differs from run to run: ids, positions, times, and the
/// duplicates that a sender's repeats make.
fn seen(event: &Value) -> Value {
    let (spec, status) = (&event["spec"], &event["status"]);
    let conditions: BTreeMap<_, _> = status["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|condition| (condition["type"].to_string(), condition["status"].to_string()))
        .collect();
    let occurrences = &status["occurrences"];
    json!({
        "rule": spec["rule"]["name"], "group": spec["group"], "title": spec["title"],
        "phase": status["phase"], "severity": status["severity"], "conditions": conditions,
        "count": occurrences["count"], "repeats": occurrences["repeats"], "members": occurrences["members"],
    })
}

fn count(event: &Value) -> u64 {
    event["status"]["occurrences"]["count"].as_u64().unwrap_or(0)
}

/// The incidents once they hold `counted` occurrences, by group.
async fn settled(opsward: &Opsward<'_>, counted: u64) -> BTreeMap<String, Value> {
    let right = |events: &[Value]| events.iter().map(count).sum::<u64>() == counted;
    let events = opsward
        .ops_events_when("all counted", right)
        .await
        .expect("right counts");
    events
        .iter()
        .map(|event| (event["spec"]["group"].to_string(), seen(event)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_under_load_lose_and_double_nothing() {
    const LOAD: Load = Load {
        groups: 40,
        batch: 5,
        concurrency: 8,
        rate: 200,
    };
    let seed = Seed::of_run();
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    opsward.rule("by-host", by_host()).await.expect("rule");
    let (killed_all, begun) = (AtomicBool::new(false), AtomicU64::new(0));
    let kill = async {
        for (n, name) in kills(seed).into_iter().enumerate() {
            let server = victim(&rig, &opsward, name);
            let since = Instant::now();
            server.kill().expect("killed");
            server.restart().await.expect("back");
            println!(
                "kill {:2} {name:14} back after {:.1} s",
                n + 1,
                since.elapsed().as_secs_f64()
            );
            let until = begun.load(Ordering::Relaxed) + BETWEEN_KILLS;
            let passed = async || {
                anyhow::ensure!(begun.load(Ordering::Relaxed) >= until);
                Ok(())
            };
            rig::until("load between kills", Duration::from_secs(60), passed)
                .await
                .expect("load goes on");
        }
        killed_all.store(true, Ordering::Relaxed);
    };
    let enough = |sent| {
        begun.store(sent, Ordering::Relaxed);
        killed_all.load(Ordering::Relaxed)
    };
    let (ledger, ()) = tokio::join!(LOAD.deliver(&opsward, enough), kill);
    let requests = ledger.expect("every request was taken in the end");
    let counted = requests * LOAD.batch;
    println!("ledger: {requests} requests, {counted} events");
    let disturbed = settled(&opsward, counted).await;
    drop(opsward);
    drop(rig);

    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    opsward.rule("by-host", by_host()).await.expect("rule");
    let quick = Load { rate: 0, ..LOAD };
    let delivered = quick
        .deliver(&opsward, |begun| begun >= requests)
        .await
        .expect("delivered");
    assert_eq!(delivered, requests);
    assert_eq!(disturbed, settled(&opsward, counted).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_without_the_api_server_costs_no_answer_and_ten_seconds() {
    const LOAD: Load = Load {
        groups: 500,
        batch: 50,
        concurrency: 8,
        rate: 20,
    };
    const AWAY: Duration = Duration::from_secs(60);
    const RIGHT_WITHIN: Duration = Duration::from_secs(10);
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    opsward.rule("by-host", by_host()).await.expect("rule");
    let first = LOAD
        .deliver(&opsward, |begun| begun >= 10)
        .await
        .expect("delivered");
    settled(&opsward, first * LOAD.batch).await;

    rig.apiserver().kill().expect("killed");
    let since = Instant::now();
    let mut sent = 0;
    while since.elapsed() < AWAY {
        let (status, answer) = opsward
            .post(rig::load::PATH, LOAD.body(sent))
            .await
            .expect("an answer");
        assert_eq!(status, 202, "{answer}");
        sent += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    rig.apiserver().restart().await.expect("back");
    let back = Instant::now();
    let events = settled(&opsward, (first + sent) * LOAD.batch).await;
    println!(
        "{} incidents right {:.1} s after the API server's return",
        events.len(),
        back.elapsed().as_secs_f64()
    );
    assert_eq!(events.len(), 500);
    assert!(back.elapsed() <= RIGHT_WITHIN, "{:?}", back.elapsed());
}

/// Folds the whole log anew and gives what it comes to.
async fn replayed(rig: &Rig) -> Correlator {
    let file = rig.nats.password_file("admin").expect("password file");
    let config = BusConfig {
        url: rig.nats_url(),
        user: "admin".into(),
        password_file: Some(file.into()),
        ..BusConfig::default()
    };
    let bus = Bus::connect(&config, None).await.expect("connected");
    let log = bus.log_state().await.expect("state");
    let mut fold = Fold::new(Correlator::new(&log.log_id), 0);
    let mut messages = bus.read_log(1).await.expect("messages");
    while fold.correlator().sequence() < log.last {
        let message = messages.next().await.expect("goes on").expect("a message");
        fold.take(&message, 0).expect("decodable");
    }
    let saved = fold.take_all(0).expect("saved").checkpoint.expect("a checkpoint");
    let segments = saved.segments.into_iter().collect();
    Correlator::restore(&saved.state, &segments).expect("restored")
}

/// The records that the live correlator has written.
async fn live(rig: &Rig) -> BTreeMap<String, IncidentRecord> {
    let file = rig.nats.password_file("admin").expect("password file");
    let config = BusConfig {
        url: rig.nats_url(),
        user: "admin".into(),
        password_file: Some(file.into()),
        ..BusConfig::default()
    };
    let bus = Bus::connect(&config, None).await.expect("connected");
    let all = bus
        .records::<IncidentRecord>()
        .await
        .expect("bucket")
        .list()
        .await
        .expect("listed");
    all.into_iter()
        .map(|(key, _, record)| (key, unpositioned(record.expect("a record"))))
        .collect()
}

fn unpositioned(mut record: IncidentRecord) -> IncidentRecord {
    record.occurrences.position = 0;
    record
}

/// Whether a correlator leads, by its own word.
async fn leads(opsward: &Opsward<'_>, correlator: &str) -> anyhow::Result<bool> {
    let metrics = opsward.metrics(correlator).await?;
    Ok(metrics.get("opsward_correlator_leading") == Some(&1.0))
}

/// Which of [`CORRELATORS`] leads and which does not, once they agree on it.
async fn leader_and_standby(opsward: &Opsward<'_>) -> (&'static str, &'static str) {
    let [one, two] = CORRELATORS;
    let agreed = async || match (leads(opsward, one).await?, leads(opsward, two).await?) {
        (true, false) => Ok((one, two)),
        (false, true) => Ok((two, one)),
        both => anyhow::bail!("{CORRELATORS:?} lead: {both:?}"),
    };
    rig::until("one leader and one standby", LEADS_WITHIN, agreed)
        .await
        .expect("one leads")
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_changed_mid_stream_and_two_leaders_give_what_a_replay_gives() {
    const LOAD: Load = Load {
        groups: 30,
        batch: 5,
        concurrency: 4,
        rate: 200,
    };
    let rig = Rig::start(Options::default()).await.expect("rig");
    let mut opsward = Opsward::start(&rig).await.expect("opsward");
    opsward
        .start_role(CORRELATORS[1], "correlator")
        .await
        .expect("a standby");
    opsward.rule("by-host", by_host()).await.expect("rule");
    let changed = AtomicBool::new(false);
    let change = async {
        let kubectl = async |args: &[&str]| {
            let all = [args, &["-n", opsward.namespace()]].concat();
            rig.kubectl("admin", &all)
                .await
                .expect("kubectl")
                .success()
                .expect("done")
        };
        let edit = r#"{"spec":{"groupBy":["host","service"],"trigger":{"count":3,"within":"1m"}}}"#;
        kubectl(&["patch", "trule", "by-host", "--type=merge", "-p", edit]).await;
        opsward.rule_ready("by-host").await.expect("edited");
        // Four times the leader sleeps through its lease, the standby takes over, and for a moment both lead.
        for _ in 0..4 {
            let (leader, standby) = leader_and_standby(&opsward).await;
            let server = opsward.role(leader).expect("the leader");
            server.pause().expect("paused");
            let taken_over = async || {
                anyhow::ensure!(leads(&opsward, standby).await?, "{standby} stands by");
                anyhow::Ok(())
            };
            rig::until("the standby to lead", LEADS_WITHIN, taken_over)
                .await
                .expect("taken over");
            server.resume().expect("resumed");
        }
        kubectl(&["delete", "trule", "by-host"]).await;
        opsward.rule("by-host", by_host()).await.expect("recreated");
        changed.store(true, Ordering::Relaxed);
    };
    let (ledger, ()) = tokio::join!(
        LOAD.deliver(&opsward, |_| changed.load(Ordering::Relaxed)),
        change
    );
    let accepted = i64::try_from(ledger.expect("delivered") * LOAD.batch).expect("small");

    let replay = rig::until("the log replayed to its end", Duration::from_secs(60), || async {
        let replay = replayed(&rig).await;
        let records = replay.incident_records().map(|record| {
            (
                format!("{}.{}", record.namespace, record.id),
                unpositioned(record),
            )
        });
        let (records, live) = (records.collect::<BTreeMap<_, _>>(), live(&rig).await);
        let differ = records
            .iter()
            .filter(|(key, record)| live.get(*key) != Some(record))
            .map(|(key, _)| key);
        let differ: Vec<_> = differ
            .take(3)
            .map(|key| (key, live.get(key), records.get(key)))
            .collect();
        anyhow::ensure!(records.len() == live.len() && differ.is_empty(), "{differ:?}");
        anyhow::Ok(replay)
    });
    let replay = replay.await.expect("live and replayed are one");
    let totals = replay.totals();
    let sum: i64 = Outcome::ALL.iter().map(|outcome| totals.of(*outcome)).sum();
    assert_eq!(totals.accepted, sum);
    assert_eq!(
        totals.accepted - totals.of(Outcome::Duplicate),
        accepted,
        "the ledger"
    );
    assert!(
        replay.incident_records().any(|record| record.rule_gone),
        "incidents of the deleted rule"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_among_records_stops_nothing_and_goes_with_a_restart() {
    const JUNK: &[u8] = b"\xffno record";
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    opsward.rule("by-host", by_host()).await.expect("rule");
    let counted = async |expected: u64| {
        let (status, answer) = opsward.post(rig::load::PATH, SEED).await.expect("posted");
        assert_eq!(status, 202, "{answer}");
        settled(&opsward, expected).await;
    };
    counted(1).await;
    let nats = rig.nats.connect("admin").await.expect("NATS");
    let records = async_nats::jetstream::new(nats)
        .get_key_value(bus::contract::INCIDENTS)
        .await
        .expect("the bucket");
    let keys = records.keys().await.expect("keys").map(|key| key.expect("a key"));
    let [own] = keys.collect::<Vec<_>>().await.try_into().expect("one record");
    let stranger = format!("{}.junk", opsward.namespace());

    // Over a record that the leader writes: the next write of it replaces the junk. Elsewhere: nobody looks.
    for key in [&own, &stranger] {
        records.put(key, JUNK.into()).await.expect("put");
    }
    counted(2).await;
    let value = async |key: &str| records.get(key).await.expect("read");
    let record = value(&own).await.expect("a record");
    serde_json::from_slice::<IncidentRecord>(&record).expect("decodable again");
    assert_eq!(value(&stranger).await.as_deref(), Some(JUNK));

    // A leader that finds junk at its start takes both for old: one is written anew, the other belongs to nobody.
    records.put(&own, JUNK.into()).await.expect("put");
    opsward
        .role("correlator")
        .expect("correlator")
        .restart()
        .await
        .expect("back");
    let mended = async || {
        anyhow::ensure!(records.get(&stranger).await?.is_none(), "{stranger} is there");
        let record = records.get(&own).await?.unwrap_or_default();
        serde_json::from_slice::<IncidentRecord>(&record)?;
        anyhow::Ok(())
    };
    rig::until("junk to go", Duration::from_secs(60), mended)
        .await
        .expect("gone");
    counted(3).await;
}
