//! Requests through the whole service, with a log in memory.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http_body_util::BodyExt;
use hyper::Method;
use hyper::header::HeaderMap;
use platform::{Health, Shutdown};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::*;
use crate::auth::Certificates;
use crate::config::CollectorConfig;
use crate::gate::Gate;
use crate::lane::PUBLISHES;
use crate::log::memory::{MemoryLog, Mood};
use crate::metrics::Metrics;
use crate::source::Makings;

mod fuzz;
mod senders;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const TOKEN: &str = "0123456789abcdef";
const WEBHOOK: &str = "/api/v1/events/webhook";
const ALERTS: &str = "/api/v1/sources/prometheus";

struct Fixture {
    ingest: Arc<Ingest<MemoryLog>>,
    log: MemoryLog,
    health: Health,
    registry: Registry,
    _lanes: JoinSet<()>,
    _folder: tempfile::TempDir,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

/// Sources `webhook` (loopback), `prometheus` (token), `slow` (one request), `same` (namespace of `prometheus`), `shared`
/// and `trusted` (several namespaces), `signed` (HMAC).
async fn fixture(mood: Mood) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let yaml = format!(
        "sources:\n\
         - {{name: webhook, format: webhook, namespace: default, rateLimit: {{perSecond: 1000000000, burst: 1000000000}}}}\n\
         - {{name: prometheus, format: alertmanager, namespace: shop, auth: {{bearerTokenFile: {file:?}}}, \
              rateLimit: {{perSecond: 1000000000, burst: 1000000000}}}}\n\
         - {{name: slow, format: webhook, namespace: slow, rateLimit: {{perSecond: 1, burst: 1}}}}\n\
         - {{name: same, format: webhook, namespace: shop}}\n\
         - {{name: shared, format: webhook, shared: true, allowedNamespaces: [shop, bank]}}\n\
         - {{name: trusted, format: webhook, namespaceFrom: {{field: account, values: {{'1': bank}}}}, \
              allowedNamespaces: [shop, bank]}}\n\
         - {{name: signed, format: webhook, namespace: bank, auth: {{hmac: {{scheme: github, secretFile: {file:?}}}}}}}\n\
         - {{name: pager, format: pagerduty, namespace: bank, auth: {{bearerTokenFile: {file:?}}}}}\n\
         - {{name: topic, format: sns, namespace: bank, auth: {{sns: {{topicArns: ['arn:aws:sns:eu-west-1:1:a']}}}}}}\n\
         - {{name: events, format: cloudevents, namespace: bank, auth: {{hmac: {{scheme: hex, header: x-sum, secretFile: {file:?}}}}}}}\n"
    );
    let config: CollectorConfig = serde_yaml::from_str(&yaml).unwrap();
    config.validate().unwrap();
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry, Histogram::new([1.0]));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificates = Certificates::new(reqwest::Client::builder()).unwrap();
    let makings = Makings::new(metrics.clone(), certificates);
    let sources = makings.sources(&config, &Sources::default()).await.unwrap();
    let (log, health) = (MemoryLog::new(mood), Health::default());
    let gate = Gate::new(health.component("collector"));
    gate.looked(&MemoryLog::new(Mood::Confirms).state().await);
    let shared = Arc::new(Shared {
        log: log.clone(),
        gate,
        metrics,
        publishes: Semaphore::new(PUBLISHES),
    });
    let mut lanes = JoinSet::new();
    for lane in makings.lanes() {
        lanes.spawn(lane.run(Arc::clone(&shared), Shutdown::new()));
    }
    let ingest = Ingest {
        sources: RwLock::new(Arc::new(sources)),
        shared,
        room: Arc::default(),
        redactor: Redactor::new().unwrap(),
    };
    Fixture {
        ingest: Arc::new(ingest),
        log,
        health,
        registry,
        _lanes: lanes,
        _folder: folder,
    }
}

fn here() -> Connected {
    SocketAddr::new(LOCAL, 1).into()
}

fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body.into()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().unwrap();
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
    request
}

fn with(mut request: Request<Full<Bytes>>, name: &'static str, value: &str) -> Request<Full<Bytes>> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

impl Fixture {
    async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        self.send_from(LOCAL, request).await
    }

    async fn send_from(&self, peer: IpAddr, request: Request<Full<Bytes>>) -> Answer {
        let response = self
            .ingest
            .answer(&SocketAddr::new(peer, 1).into(), request)
            .await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    /// received, accepted, dead-lettered, refused of a source.
    fn counts(&self, source: &str) -> [u64; 4] {
        let counts = &self.ingest.sources().get(source).unwrap().counts.clone();
        let of = |outcome| counts.of(outcome).get();
        [
            counts.received.get(),
            of(Outcome::Accepted),
            of(Outcome::DeadLettered),
            of(Outcome::Refused),
        ]
    }

    /// A counter without labels, as `/metrics` shows it.
    fn counter(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap().parse().unwrap()
    }
}

fn alert(index: usize) -> Value {
    json!({"status": "firing", "labels": {"alertname": "DiskFull", "instance": format!("web-{index}:9100")},
           "annotations": {"summary": "disk full"}, "startsAt": "2024-12-20T10:30:00Z"})
}

fn group(alerts: &[Value]) -> String {
    json!({"version": "4", "status": "firing", "externalURL": "http://am:9093", "alerts": alerts}).to_string()
}

/// Good ones, and one without labels at each of `bad`.
fn group_with_bad(total: usize, bad: &[usize]) -> String {
    let alerts: Vec<_> = (0..total)
        .map(|index| {
            if bad.contains(&index) {
                json!({"status": "firing"})
            } else {
                alert(index)
            }
        })
        .collect();
    group(&alerts)
}

fn seed() -> &'static str {
    r#"{"source":"m","event_type":"threshold_breach","severity":"critical","host":"web-server-01","service":"nginx",
        "message":"CPU usage exceeded 95%","timestamp":"2024-12-20T10:30:00Z","metadata":{"cpu_usage":97.5}}"#
}

#[tokio::test]
async fn an_event_is_in_the_log_before_the_answer() {
    let fixture = fixture(Mood::Confirms).await;
    let answer = fixture.send(post(WEBHOOK, seed())).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.headers["content-type"], "application/json");
    let expected = json!({"durability": "page-cache", "received": 1, "accepted": 1, "deadLettered": 0,
                          "refused": 0, "items": []});
    assert_eq!(answer.body, expected);
    let events = fixture.log.events();
    let [event] = events.as_slice() else {
        panic!("one event")
    };
    assert_eq!(event["namespace"], "default");
    assert_eq!(
        event["source"],
        json!({"name": "webhook", "format": "webhook", "reported": "m"})
    );
    assert_eq!(event["id"].as_str().unwrap().len(), 26);
    assert_eq!(event.get("deliveryKey"), None);
}

#[tokio::test]
async fn eight_good_and_two_bad_items_are_eight_events_and_two_dead_letters() {
    let fixture = fixture(Mood::Confirms).await;
    let answer = fixture.send(post(ALERTS, group_with_bad(10, &[3, 8]))).await;
    assert_eq!(answer.status, 202);
    let ids = ["/items/0/id", "/items/1/id"]
        .map(|at| answer.body.pointer(at).unwrap().as_str().unwrap().to_owned());
    let item = |index: usize, id: &str| {
        json!({"index": index, "outcome": "DeadLettered", "reason": "MissingField", "id": id,
               "message": format!("alerts[{index}].labels: missing or empty; an alert needs labels, among them alertname")})
    };
    let expected = json!({"durability": "page-cache", "received": 10, "accepted": 8, "deadLettered": 2,
                          "refused": 0, "items": [item(3, &ids[0]), item(8, &ids[1])]});
    assert_eq!(answer.body, expected);
    assert_eq!(fixture.log.packs(), [("shop".to_owned(), 8)]);
    let letters = fixture.log.letters();
    assert_eq!(
        letters.iter().map(|letter| letter.item).collect::<Vec<_>>(),
        [Some(3), Some(8)]
    );
    assert_eq!(letters[0].id, ids[0]);
    assert_eq!(letters[0].payload, r#"{"status":"firing"}"#);
    assert_eq!(fixture.counts("prometheus"), [10, 8, 2, 0]);
}

#[tokio::test]
async fn a_batch_without_a_good_item_is_answered_422() {
    let fixture = fixture(Mood::Confirms).await;
    let answer = fixture.send(post(ALERTS, group_with_bad(2, &[0, 1]))).await;
    assert_eq!((answer.status, &answer.body["deadLettered"]), (422, &json!(2)));
    assert_eq!(fixture.log.packs(), []);
    assert_eq!(fixture.counts("prometheus"), [2, 0, 2, 0]);
}

#[tokio::test]
async fn an_empty_batch_is_accepted() {
    let fixture = fixture(Mood::Confirms).await;
    let answer = fixture.send(post(ALERTS, r#"{"alerts":[]}"#)).await;
    assert_eq!((answer.status, &answer.body["received"]), (202, &json!(0)));
    assert_eq!(fixture.log.packs(), []);
}

#[tokio::test]
async fn what_cannot_be_parsed_is_one_dead_letter_and_400() {
    let fixture = fixture(Mood::Confirms).await;
    let answer = fixture.send(post(WEBHOOK, r#"{"source":"#)).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body["received"], 1);
    assert_eq!(answer.body["deadLettered"], 1);
    assert_eq!(answer.body["items"][0]["reason"], "InvalidJson");
    let letters = fixture.log.letters();
    assert_eq!(
        (letters[0].item, letters[0].payload.as_str()),
        (None, r#"{"source":"#)
    );
    assert_eq!(fixture.counts("webhook"), [1, 0, 1, 0]);
}

#[tokio::test]
async fn data_too_large_for_the_log_is_stored_before_its_event() {
    let fixture = fixture(Mood::Confirms).await;
    let body = json!({"source": "s", "message": "m", "metadata": {"x": "x".repeat(200_000)}}).to_string();
    assert_eq!(fixture.send(post(WEBHOOK, body.clone())).await.status, 202);
    let [event] = fixture.log.events().try_into().unwrap();
    let [name] = fixture.log.payloads().try_into().unwrap();
    assert_eq!(
        (&event["id"], &event["dataRef"]),
        (&json!(name), &json!(format!("payloads/{name}")))
    );
    fixture.log.set(Mood::Fails);
    assert_eq!(fixture.send(post(WEBHOOK, body)).await.status, 503);
    assert_eq!(fixture.log.events().len(), 1);
    assert_eq!(
        fixture.counter("opsward_ingest_data_apart_total"),
        1,
        "what was stored"
    );
}

#[tokio::test]
async fn labels_cut_are_counted_when_no_event_is_left_too() {
    let fixture = fixture(Mood::Confirms).await;
    // A control character takes six bytes as JSON, so that 64 labels and the description are too large.
    let value = "\u{1}".repeat(256);
    let mut too_large = alert(0);
    for index in 0..64 {
        too_large["labels"][format!("l{index:060}")] = json!(value);
    }
    too_large["annotations"]["description"] = json!("\u{1}".repeat(8192));
    let answer = fixture.send(post(ALERTS, group(&[too_large]))).await;
    assert_eq!(
        (answer.status, &answer.body["items"][0]["reason"]),
        (422, &json!("EventTooLarge"))
    );
    assert_eq!(fixture.counter("opsward_ingest_cut_labels_total"), 2);
}

#[tokio::test]
async fn a_failed_append_is_503_for_the_whole_request_and_closes_the_gate() {
    let fixture = fixture(Mood::Fails).await;
    let answer = fixture.send(post(ALERTS, group_with_bad(10, &[]))).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers["retry-after"], "2");
    assert_eq!(answer.body["error"]["reason"], "NotConfirmed");
    assert_eq!(fixture.counts("prometheus"), [10, 0, 0, 10]);
    assert!(!fixture.health.readiness().ready);
    fixture.log.set(Mood::Confirms);
    let answer = fixture.send(post(WEBHOOK, seed())).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["reason"]),
        (503, &json!("LogUnavailable"))
    );
    fixture.ingest.shared.gate.looked(&fixture.log.state().await);
    assert_eq!(fixture.send(post(WEBHOOK, seed())).await.status, 202);
}

#[tokio::test]
async fn without_its_dead_letters_nothing_of_a_request_is_accepted() {
    let fixture = fixture(Mood::FailsLetters).await;
    let answer = fixture.send(post(ALERTS, group_with_bad(3, &[1]))).await;
    assert_eq!(answer.status, 503);
    assert_eq!(fixture.log.packs(), []);
    assert_eq!(fixture.counts("prometheus"), [3, 0, 0, 3]);
    assert_eq!(
        fixture.send(post(ALERTS, group_with_bad(3, &[]))).await.status,
        202,
        "other requests go on"
    );
}

#[tokio::test]
async fn a_lost_connection_to_the_log_is_503_at_once() {
    let fixture = fixture(Mood::Waits).await;
    fixture.log.disconnect();
    assert_eq!(fixture.send(post(WEBHOOK, seed())).await.status, 503);
}

#[tokio::test]
async fn what_arrives_during_a_publish_shares_the_next_pack() {
    let fixture = fixture(Mood::Waits).await;
    let mut requests = JoinSet::new();
    let mut start = |path: &'static str, body: String| {
        let ingest = Arc::clone(&fixture.ingest);
        requests.spawn(async move { ingest.answer(&here(), post(path, body)).await.status().as_u16() });
    };
    start(ALERTS, group_with_bad(1, &[]));
    fixture.log.appending().await;
    start(ALERTS, group_with_bad(2, &[]));
    start("/api/v1/sources/same", seed().to_owned());
    tokio::task::yield_now().await;
    fixture.log.release();
    fixture.log.release();
    assert_eq!(requests.join_all().await, [202, 202, 202]);
    assert_eq!(
        fixture.log.packs(),
        [("shop".to_owned(), 1), ("shop".to_owned(), 3)]
    );
}

#[tokio::test]
async fn a_sender_that_hangs_up_cancels_nothing_and_is_counted() {
    let fixture = fixture(Mood::Waits).await;
    let ingest = Arc::clone(&fixture.ingest);
    let mut request = JoinSet::new();
    request.spawn(async move { ingest.answer(&here(), post(WEBHOOK, seed())).await });
    fixture.log.appending().await;
    request.shutdown().await;
    assert_eq!(fixture.counts("webhook"), [1, 0, 0, 0]);
    fixture.log.release();
    fixture.log.set(Mood::Confirms);
    assert_eq!(fixture.send(post(WEBHOOK, seed())).await.status, 202);
    assert_eq!(fixture.counts("webhook"), [2, 2, 0, 0]);
}

#[tokio::test]
async fn a_failure_ends_all_who_wait_behind_it() {
    let fixture = fixture(Mood::Waits).await;
    let mut requests = JoinSet::new();
    for _ in 0..3 {
        let ingest = Arc::clone(&fixture.ingest);
        requests.spawn(async move {
            ingest
                .answer(&here(), post(WEBHOOK, seed()))
                .await
                .status()
                .as_u16()
        });
    }
    fixture.log.appending().await;
    fixture.log.set(Mood::Fails);
    fixture.log.release();
    assert_eq!(requests.join_all().await, [503, 503, 503]);
    assert_eq!(fixture.counts("webhook"), [3, 0, 0, 3]);
}

#[tokio::test]
async fn a_key_makes_a_delivery_key_an_item() {
    let fixture = fixture(Mood::Confirms).await;
    let request = with(
        post(ALERTS, group_with_bad(3, &[1])),
        "idempotency-key",
        "order-1",
    );
    assert_eq!(fixture.send(request).await.status, 202);
    let keys: Vec<_> = fixture
        .log
        .events()
        .iter()
        .map(|event| event["deliveryKey"].clone())
        .collect();
    assert_eq!(keys, ["order-1#0", "order-1#2"]);
    let answer = fixture
        .send(with(post(ALERTS, "[]"), "idempotency-key", "a b"))
        .await;
    assert_eq!(
        (answer.status, &answer.body["error"]["reason"]),
        (400, &json!("InvalidIdempotencyKey"))
    );
}

#[tokio::test]
async fn all_items_are_listed_when_asked_for() {
    let fixture = fixture(Mood::Confirms).await;
    let answer = fixture
        .send(post(&format!("{ALERTS}?items=all"), group_with_bad(2, &[1])))
        .await;
    assert_eq!(answer.body["items"][0]["outcome"], "Accepted");
    assert_eq!(answer.body["items"][0]["id"], fixture.log.events()[0]["id"]);
    assert_eq!(answer.body["items"][1]["outcome"], "DeadLettered");
}

#[tokio::test]
async fn prometheus_posts_to_the_path_it_appends() {
    let fixture = fixture(Mood::Confirms).await;
    let alerts = json!([{"labels": {"alertname": "Up"}}]).to_string();
    let path = "/api/v1/sources/prometheus/api/v2/alerts";
    assert_eq!(fixture.send(post(path, alerts.clone())).await.status, 202);
    assert_eq!(
        fixture
            .send(post("/api/v1/sources/webhook/api/v2/alerts", alerts))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn requests_that_lead_nowhere_say_what_there_is() {
    let fixture = fixture(Mood::Confirms).await;
    let answer = fixture.send(post("/api/v1/events", "{}")).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["reason"]),
        (404, &json!("NotFound"))
    );
    assert!(
        answer.body["error"]["fix"]
            .as_str()
            .unwrap()
            .contains("/api/v1/events/webhook")
    );
    let answer = fixture.send(post("/api/v1/sources/nobody", "{}")).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["reason"]),
        (404, &json!("NoSuchSource"))
    );
    let mut get = post(WEBHOOK, "");
    *get.method_mut() = Method::GET;
    let answer = fixture.send(get).await;
    assert_eq!(
        (answer.status, &answer.headers["allow"]),
        (405, &"POST, PUT".parse().unwrap())
    );
}

#[tokio::test]
async fn a_sender_is_known_before_its_body_is_read() {
    let fixture = fixture(Mood::Confirms).await;
    let too_large = || vec![b' '; MAX_BODY_BYTES + 1];
    let answer = fixture
        .send(with(
            post(ALERTS, too_large()),
            "authorization",
            "Bearer wrong-wrong-wrong",
        ))
        .await;
    let challenges = answer.headers.get_all("www-authenticate").iter();
    let challenges: Vec<_> = challenges.map(|challenge| challenge.to_str().unwrap()).collect();
    assert_eq!(
        (answer.status, challenges),
        (401, vec!["Bearer", r#"Basic realm="opsward""#])
    );
    assert_eq!(answer.headers["connection"], "close");
    assert_eq!(fixture.send_from(FAR, post(ALERTS, "[]")).await.status, 202);
    assert_eq!(
        fixture.send_from(FAR, post(WEBHOOK, too_large())).await.status,
        401
    );
    assert_eq!(
        fixture
            .send(with(post(WEBHOOK, seed()), "origin", "https://evil.example"))
            .await
            .status,
        403
    );
    assert_eq!(fixture.send(post(ALERTS, too_large())).await.status, 413);
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let fixture = fixture(Mood::Confirms).await;
    assert_eq!(
        fixture.send(post("/api/v1/sources/slow", seed())).await.status,
        202
    );
    let answer = fixture.send(post("/api/v1/sources/slow", seed())).await;
    assert_eq!(
        (answer.status, &answer.headers["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    assert_eq!(fixture.counts("slow"), [1, 1, 0, 0]);
}

#[tokio::test]
async fn no_room_for_a_body_is_503() {
    let fixture = fixture(Mood::Confirms).await;
    let held: Vec<_> =
        std::iter::from_fn(|| fixture.ingest.room.reserve(MAX_BODY_BYTES, false).ok()).collect();
    let answer = fixture.send(post(WEBHOOK, vec![b' '; MAX_BODY_BYTES])).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["reason"]),
        (503, &json!("Overloaded"))
    );
    drop(held);
    assert_eq!(fixture.send(post(WEBHOOK, seed())).await.status, 202);
}

#[tokio::test]
async fn strangers_large_bodies_keep_no_known_sender_out() {
    let fixture = fixture(Mood::Confirms).await;
    let large = MAX_BODY_BYTES - 1;
    let held: Vec<_> = std::iter::from_fn(|| fixture.ingest.room.reserve(large, true).ok()).collect();
    assert!(held.len() < 10, "{}", held.len());
    let unsigned = "/api/v1/sources/signed";
    let signed = |body: Vec<u8>| {
        with(
            post(unsigned, body),
            "x-hub-signature-256",
            &format!("sha256={}", "0".repeat(64)),
        )
    };
    assert_eq!(fixture.send(signed(vec![b' '; large])).await.status, 503);
    // A small one is looked at all the same, packed or not.
    assert_eq!(fixture.send(signed(b"{}".to_vec())).await.status, 401);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, br#"{"event_action":"trigger"}"#).unwrap();
    let packed = post("/api/v1/sources/pager", packer.finish().unwrap());
    let packed = with(packed, "content-encoding", "gzip");
    assert_eq!(fixture.send(packed).await.status, 400);
    assert_eq!(fixture.send(post(WEBHOOK, seed())).await.status, 202);
}

#[tokio::test]
async fn gzip_is_unpacked_and_what_is_not_gzip_is_a_dead_letter() {
    use std::io::Write;
    let fixture = fixture(Mood::Confirms).await;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(seed().as_bytes()).unwrap();
    let gzipped = packer.finish().unwrap();
    let gzip = |body: &[u8]| with(post(WEBHOOK, body.to_vec()), "content-encoding", "gzip");
    assert_eq!(fixture.send(gzip(&gzipped)).await.status, 202);
    let answer = fixture.send(gzip(seed().as_bytes())).await;
    assert_eq!(
        (answer.status, &answer.body["items"][0]["reason"]),
        (400, &json!("InvalidGzip"))
    );
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    bomb.write_all(&vec![b' '; 8 * MAX_BODY_BYTES]).unwrap();
    assert_eq!(fixture.send(gzip(&bomb.finish().unwrap())).await.status, 413);
    let other = with(post(WEBHOOK, seed()), "content-encoding", "br");
    assert_eq!(fixture.send(other).await.status, 415);
}
