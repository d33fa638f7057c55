//! Configurations that change while the collector runs.

use std::collections::VecDeque;
use std::sync::{Mutex, RwLock};

use domain::redact::Redactor;
use platform::Health;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use super::*;
use crate::auth::Certificates;
use crate::gate::Gate;
use crate::lane::PUBLISHES;
use crate::log::memory::{MemoryLog, Mood};
use crate::metrics::Metrics;

type Changes = Arc<Mutex<VecDeque<Result<CollectorConfig, String>>>>;

struct Kept {
    keeper: Keeper<MemoryLog>,
    changes: Changes,
}

fn read(yaml: &str) -> CollectorConfig {
    serde_yaml::from_str(yaml).unwrap()
}

async fn kept(yaml: &str) -> Kept {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let metrics = Metrics::register(&mut Registry::default(), Histogram::new([1.0]));
    let certificates = Certificates::new(reqwest::Client::builder()).unwrap();
    let makings = Makings::new(metrics.clone(), certificates);
    let sources = makings.sources(&read(yaml), &Sources::default()).await.unwrap();
    let ingest = Ingest {
        sources: RwLock::new(Arc::new(sources)),
        shared: Arc::new(Shared {
            log: MemoryLog::new(Mood::Confirms),
            gate: Gate::new(Health::default().component("collector")),
            metrics,
            publishes: Semaphore::new(PUBLISHES),
        }),
        room: Arc::default(),
        redactor: Redactor::new().unwrap(),
    };
    let changes = Changes::default();
    let given = Arc::clone(&changes);
    let keeper = Keeper {
        ingest: Arc::new(ingest),
        makings,
        tls: None,
        reread: Reread::new(move || given.lock().unwrap().pop_front()),
        listening: IngestConfig::default(),
        closing: Shutdown::new(),
        refused: false,
        gone: BTreeSet::new(),
    };
    Kept { keeper, changes }
}

impl Kept {
    async fn turn(
        &mut self,
        waiting: &mut Option<Waiting>,
        change: Option<Result<CollectorConfig, String>>,
    ) -> bool {
        self.changes.lock().unwrap().extend(change);
        self.keeper.turn(waiting).await.is_some()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .keeper
            .ingest
            .sources()
            .iter()
            .map(|source| source.name.to_string())
            .collect();
        names.sort();
        names
    }

    fn refused(&self) -> i64 {
        self.keeper.makings.metrics.configuration_refused.get()
    }
}

const ONE: &str = "sources: [{name: a, format: webhook, namespace: x}]";
const TWO: &str =
    "sources: [{name: a, format: webhook, namespace: y}, {name: b, format: webhook, namespace: z}]";

#[tokio::test]
async fn a_good_change_is_put_in_force_and_brings_its_lanes() {
    let mut kept = kept(ONE).await;
    let before = kept.keeper.ingest.sources();
    assert!(kept.turn(&mut None, Some(Ok(read(TWO)))).await);
    assert_eq!(kept.names(), ["a", "b"]);
    let mut lanes: Vec<_> = kept
        .keeper
        .makings
        .lanes()
        .iter()
        .map(|lane| lane.namespace().to_string())
        .collect();
    lanes.sort();
    assert_eq!(lanes, ["x", "y", "z"]);
    // A request under way ends with the sources that it began with.
    assert_eq!(before.get("a").unwrap().tenants.first(), "x");
    assert!(!kept.turn(&mut None, None).await);
}

#[tokio::test]
async fn a_bad_change_leaves_the_former_in_force_until_a_good_one_comes() {
    let mut kept = kept(ONE).await;
    let contradiction =
        "sources: [{name: a, format: webhook, namespace: x}, {name: a, format: webhook, namespace: x}]";
    for bad in [Err("config.yaml: line 3".to_owned()), Ok(read(contradiction))] {
        assert!(!kept.turn(&mut None, Some(bad)).await);
        assert_eq!((kept.names(), kept.refused()), (vec!["a".to_owned()], 1));
    }
    assert!(kept.turn(&mut None, Some(Ok(read(TWO)))).await);
    assert_eq!((kept.names().len(), kept.refused()), (2, 0));
}

#[tokio::test]
async fn a_configuration_that_lost_its_sources_is_refused() {
    for yaml in [
        ONE,
        "sources: [{name: webhook, format: webhook, namespace: shop}]",
    ] {
        let mut kept = kept(yaml).await;
        let before = kept.names();
        assert!(!kept.turn(&mut None, Some(Ok(read("sources:")))).await);
        assert_eq!((kept.names(), kept.refused()), (before, 1));
    }
}

#[tokio::test]
async fn a_source_without_auth_is_judged_by_where_the_process_listens() {
    let mut kept = kept(ONE).await;
    kept.keeper.listening.address = "0.0.0.0:8080".parse().unwrap();
    assert!(!kept.turn(&mut None, Some(Ok(read(TWO)))).await);
    assert_eq!(kept.refused(), 1);
}

#[tokio::test]
async fn a_configuration_waits_for_its_secret() {
    let mut kept = kept(ONE).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let yaml =
        format!("sources: [{{name: c, format: webhook, namespace: x, auth: {{bearerTokenFile: {file:?}}}}}]");
    let mut waiting = None;
    assert!(!kept.turn(&mut waiting, Some(Ok(read(&yaml)))).await);
    assert!(
        waiting
            .as_ref()
            .unwrap()
            .problem
            .contains("the secrets of source c")
    );
    assert!(!kept.turn(&mut waiting, None).await);
    std::fs::write(&file, "0123456789abcdef").unwrap();
    assert!(kept.turn(&mut waiting, None).await);
    assert_eq!((kept.names(), kept.refused()), (vec!["c".to_owned()], 0));
}

#[tokio::test]
async fn a_source_that_stays_keeps_its_place_in_its_rate_limit() {
    let yaml = "sources: [{name: a, format: webhook, namespace: x, rateLimit: {perSecond: 1, burst: 1}}]";
    let mut kept = kept(yaml).await;
    let take = |kept: &Kept| kept.keeper.ingest.sources().get("a").unwrap().take_one();
    take(&kept).unwrap();
    kept.turn(
        &mut None,
        Some(Ok(read(&yaml.replace("namespace: x", "namespace: y")))),
    )
    .await;
    take(&kept).unwrap_err();
    kept.turn(&mut None, Some(Ok(read(&yaml.replace("burst: 1", "burst: 2")))))
        .await;
    take(&kept).unwrap();
}

#[tokio::test]
async fn a_changed_secret_is_in_force_and_an_unreadable_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "0123456789abcdef").unwrap();
    let yaml =
        format!("sources: [{{name: a, format: webhook, namespace: x, auth: {{bearerTokenFile: {file:?}}}}}]");
    let mut kept = kept(&yaml).await;
    let check = |kept: &Kept, token: &str| {
        let header = format!("Bearer {token}").parse().unwrap();
        let headers = hyper::HeaderMap::from_iter([(hyper::header::AUTHORIZATION, header)]);
        let connected = crate::auth::Connected::from(std::net::SocketAddr::from(([192, 0, 2, 1], 1)));
        let sources = kept.keeper.ingest.sources();
        let caller = connected.caller(&headers, &[]);
        let now = domain::time::Time::EPOCH;
        sources
            .get("a")
            .unwrap()
            .auth
            .check_head(&caller, &headers, now)
            .is_ok()
    };
    assert!(check(&kept, "0123456789abcdef"));
    std::fs::write(&file, "fedcba9876543210").unwrap();
    kept.turn(&mut None, None).await;
    assert!(!check(&kept, "0123456789abcdef") && check(&kept, "fedcba9876543210"));
    assert_eq!(kept.refused(), 0);
    std::fs::remove_file(&file).unwrap();
    kept.turn(&mut None, None).await;
    assert!(check(&kept, "fedcba9876543210"));
    assert_eq!(kept.refused(), 1);
}

#[tokio::test]
async fn names_in_certificates_that_nobody_is_asked_for_are_refused() {
    let mut kept = kept(ONE).await;
    let yaml = "{ingest: {tls: {certFile: /c, keyFile: /k, clientCaFile: /a}}, \
                sources: [{name: a, format: webhook, namespace: x, auth: {clientNames: [b.example]}}]}";
    assert!(!kept.turn(&mut None, Some(Ok(read(yaml)))).await);
    assert_eq!(kept.refused(), 1);
}
