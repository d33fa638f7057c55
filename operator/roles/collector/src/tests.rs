//! The collector as the process runs it, over real sockets.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::log::memory::{MemoryLog, Mood};

mod tls;

const PATIENCE: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    log: MemoryLog,
    health: Health,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), CollectorError>>,
}

async fn bind(yaml: &str, health: &Health) -> Result<Collector, CollectorError> {
    let config: CollectorConfig = serde_yaml::from_str(yaml).unwrap();
    let process = Process {
        health,
        registry: &mut Registry::default(),
        receive_to_ack: Histogram::new([1.0]),
        monitoring_url: "",
        reread: Reread::never(),
    };
    Collector::bind(&config, process).await
}

async fn start(mood: Mood) -> Running {
    let log = MemoryLog::new(mood);
    let connected = log.clone();
    start_with(log, connected).await
}

/// Serves with `connection`, behind which there is or will be `log`.
async fn start_with(log: MemoryLog, connection: impl Log) -> Running {
    let health = Health::default();
    let collector = bind("ingest: {address: '127.0.0.1:0'}", &health).await.unwrap();
    let (address, shutdown) = (collector.local_addr(), Shutdown::new());
    let task = tokio::spawn(collector.serve(connection, shutdown.clone()));
    Running {
        address,
        log,
        health,
        shutdown,
        task,
    }
}

impl Running {
    /// Posts one webhook and reads the status line.
    async fn post(&self) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let body = r#"{"source":"m","message":"disk full"}"#;
        let head = format!(
            "POST /api/v1/events/webhook HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer))
            .await
            .unwrap()
            .unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    async fn wait_for_readiness(&self, lines: &str) {
        let reached = async {
            while self.health.readiness().lines != lines {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap();
    }

    /// Until the first look at the log has been had, answers are 503.
    async fn post_until_ready(&self) -> String {
        timeout(PATIENCE, async {
            loop {
                match self.post().await {
                    line if line.contains("503") => tokio::task::yield_now().await,
                    line => return line,
                }
            }
        })
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn it_announces_its_sources_takes_events_and_ends_in_order() {
    let running = start(Mood::Confirms).await;
    assert_eq!(running.post_until_ready().await, "HTTP/1.1 202 Accepted");
    assert!(running.health.readiness().ready);
    assert_eq!(running.log.events().len(), 1);
    let expected = bus::SourceRecord {
        name: "webhook".into(),
        namespaces: vec!["default".into()],
        format: "webhook".into(),
    };
    assert_eq!(running.log.announced(), [expected]);
    running.shutdown.request();
    timeout(PATIENCE, running.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn without_a_log_it_is_not_ready_and_says_so() {
    let running = start(Mood::Fails).await;
    assert_eq!(running.post().await, "HTTP/1.1 503 Service Unavailable");
    let expected = "[-]collector: the log cannot be written: NATS: append to the log: timed out\n";
    running.wait_for_readiness(expected).await;
    running.log.disconnect();
    running
        .wait_for_readiness("[-]collector: the log cannot be written: no connection to NATS\n")
        .await;
    running.shutdown.request();
    timeout(PATIENCE, running.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn before_the_first_connection_it_answers_503_and_afterwards_takes_events() {
    let (log, late) = (
        MemoryLog::new(Mood::Confirms),
        Arc::new(std::sync::OnceLock::new()),
    );
    let running = start_with(log.clone(), Arc::clone(&late)).await;
    running
        .wait_for_readiness("[-]collector: the log cannot be written: no connection to NATS\n")
        .await;
    assert_eq!(running.post().await, "HTTP/1.1 503 Service Unavailable");
    late.set(log).unwrap();
    assert_eq!(running.post_until_ready().await, "HTTP/1.1 202 Accepted");
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_it_ends() {
    let Running {
        address,
        log,
        health,
        shutdown,
        task,
    } = start(Mood::Confirms).await;
    let running = Running {
        address,
        log: log.clone(),
        health,
        shutdown: shutdown.clone(),
        task,
    };
    running.post_until_ready().await;
    log.appending().await;
    log.set(Mood::Waits);
    let last = async {
        let answer = running.post().await;
        assert_eq!(answer, "HTTP/1.1 202 Accepted");
    };
    let end = async {
        log.appending().await;
        shutdown.request();
        log.release();
    };
    tokio::join!(last, end);
    assert_eq!(log.events().len(), 2);
    timeout(PATIENCE, running.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_the_configuration_ends_the_start() {
    let health = Health::default();
    let open = bind("ingest: {address: '0.0.0.0:0'}", &health).await.unwrap_err();
    assert!(matches!(open, CollectorError::Sources(_)), "{open}");
    let yaml = "{ingest: {address: '127.0.0.1:0'}, sources: [{name: a, format: webhook, namespace: x, \
                auth: {bearerTokenFile: /nowhere}}]}";
    let error = bind(yaml, &health).await.unwrap_err();
    let expected = "the secrets of source a: cannot read /nowhere: No such file or directory (os error 2)";
    assert_eq!(platform::Chain(&error).to_string(), expected);
}
