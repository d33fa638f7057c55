//! The accept loop over real sockets, speaking HTTP by hand so that half-sent requests can be shown.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

const LIMITS: Limits = Limits {
    max_connections: 8,
    header_timeout: Duration::from_secs(30),
    max_header_bytes: 8192,
};
const REQUEST: &[u8] = b"GET /hello HTTP/1.1\r\nhost: t\r\n\r\n";

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    /// `/wait` is answered after this was notified.
    gate: Arc<Notify>,
    /// Notified when `/wait` arrived.
    arrived: Arc<Notify>,
    ends: Family<EndLabels, Counter>,
    task: JoinHandle<Result<(), Infallible>>,
}

impl Running {
    fn count(&self, outcome: ConnectionEnd) -> u64 {
        self.ends.get_or_create(&EndLabels { outcome }).get()
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(&mut self) {
        self.shutdown.request();
        (&mut self.task).await.unwrap().unwrap();
    }
}

async fn start(limits: Limits) -> Running {
    let server = HttpServer::bind(([127, 0, 0, 1], 0).into(), "--address", limits)
        .await
        .unwrap();
    let (address, ends) = (server.local_addr(), server.ends.clone());
    let (gate, arrived) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let held = (Arc::clone(&gate), Arc::clone(&arrived));
    let make = move |peer: Peer| {
        let (gate, arrived) = held.clone();
        service_fn(move |request: Request<Incoming>| {
            let (gate, arrived) = (Arc::clone(&gate), Arc::clone(&arrived));
            if request.uri().path() != "/stranger" {
                peer.place.keep();
            }
            async move {
                match request.uri().path() {
                    "/wait" => {
                        arrived.notify_one();
                        gate.notified().await;
                    }
                    "/panic" => panic!("poison"),
                    _ => {}
                }
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hi"))))
            }
        })
    };
    let shutdown = Shutdown::new();
    let task = tokio::spawn(server.serve(make, shutdown.clone()));
    Running {
        address,
        shutdown,
        gate,
        arrived,
        ends,
        task,
    }
}

/// Reads one answer, whose body is `hi`.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\nhi") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "closed after {text:?}");
        text.extend(byte);
    }
    String::from_utf8(text).unwrap()
}

/// Reads until the server closes; a reset counts as closed.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let mut running = start(LIMITS).await;
    let mut stream = running.connect().await;
    for _ in 0..3 {
        stream.write_all(REQUEST).await.unwrap();
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    }
    running.stop().await;
    assert_eq!(running.count(ConnectionEnd::Closed), 1);
}

#[tokio::test]
async fn a_connection_beyond_the_cap_is_served_when_one_ends() {
    let mut running = start(Limits {
        max_connections: 1,
        ..LIMITS
    })
    .await;
    let mut first = running.connect().await;
    first.write_all(REQUEST).await.unwrap();
    answer(&mut first).await;
    let mut second = running.connect().await;
    second.write_all(REQUEST).await.unwrap();
    let mut byte = [0];
    let early = timeout(Duration::from_millis(50), second.read(&mut byte)).await;
    assert!(early.is_err(), "not served beside the first");
    drop(first);
    answer(&mut second).await;
    running.stop().await;
}

#[tokio::test]
async fn strangers_give_way_to_who_is_known() {
    let mut running = start(Limits {
        max_connections: 2,
        ..LIMITS
    })
    .await;
    let mut known = running.connect().await;
    known.write_all(REQUEST).await.unwrap();
    answer(&mut known).await;
    // It speaks, and then says nothing more: that alone does not keep a place.
    let mut silent = running.connect().await;
    let stranger = String::from_utf8_lossy(REQUEST).replace("/hello", "/stranger");
    silent.write_all(stranger.as_bytes()).await.unwrap();
    answer(&mut silent).await;
    let mut late = running.connect().await;
    late.write_all(REQUEST).await.unwrap();
    answer(&mut late).await;
    assert_eq!(rest(&mut silent).await, "");
    known.write_all(REQUEST).await.unwrap();
    answer(&mut known).await;
    running.stop().await;
    assert_eq!(running.count(ConnectionEnd::GaveWay), 1);
}

#[tokio::test]
async fn shutdown_finishes_requests_and_closes_idle_connections() {
    let mut running = start(LIMITS).await;
    let mut idle = running.connect().await;
    idle.write_all(REQUEST).await.unwrap();
    answer(&mut idle).await;
    let mut busy = running.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: t\r\n\r\n")
        .await
        .unwrap();
    running.arrived.notified().await;

    running.shutdown.request();
    assert_eq!(rest(&mut idle).await, "");
    assert!(
        TcpStream::connect(running.address).await.is_err(),
        "new connections are refused"
    );
    assert!(!running.task.is_finished());
    running.gate.notify_one();
    let last = rest(&mut busy).await;
    assert!(last.starts_with("HTTP/1.1 200") && last.ends_with("hi"), "{last}");
    running.stop().await;
    assert_eq!(running.count(ConnectionEnd::Closed), 2);
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_loses_its_connection() {
    let mut running = start(Limits {
        header_timeout: Duration::from_millis(50),
        ..LIMITS
    })
    .await;
    let mut slow = running.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    assert_eq!(rest(&mut slow).await, "");
    running.stop().await;
    assert_eq!(running.count(ConnectionEnd::HeaderTimeout), 1);
}

#[tokio::test]
async fn what_is_not_http_or_too_big_is_answered_and_counted() {
    let mut running = start(LIMITS).await;
    let mut noise = running.connect().await;
    noise.write_all(b"\x16\x03\x01 hello\r\n\r\n").await.unwrap();
    assert!(rest(&mut noise).await.starts_with("HTTP/1.1 400"));
    let mut big = running.connect().await;
    let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(10_000));
    big.write_all(head.as_bytes()).await.unwrap();
    assert!(rest(&mut big).await.starts_with("HTTP/1.1 431"));
    running.stop().await;
    assert_eq!(running.count(ConnectionEnd::Malformed), 2);
}

#[tokio::test]
async fn a_panicking_service_loses_its_connection_only() {
    let mut running = start(LIMITS).await;
    let mut poison = running.connect().await;
    poison
        .write_all(b"GET /panic HTTP/1.1\r\nhost: t\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(rest(&mut poison).await, "");
    let mut stream = running.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    answer(&mut stream).await;
    running.stop().await;
    assert_eq!(running.count(ConnectionEnd::ServiceFailed), 1);
}
