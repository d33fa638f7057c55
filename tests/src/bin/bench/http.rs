//! A load generator that costs little: prepared requests over kept connections, answers read by their length.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What is sent where.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub address: SocketAddr,
    /// Whole requests, sent in turn.
    pub requests: Arc<Vec<Vec<u8>>>,
}

impl Target {
    /// Prepares POST requests of these bodies.
    pub fn new(address: SocketAddr, path: &str, bodies: &[String]) -> Self {
        let bodies: Vec<_> = bodies.iter().map(|body| body.clone().into_bytes()).collect();
        Self::with_headers(address, path, &[], &bodies)
    }

    /// The same with headers; JSON unless they say otherwise.
    pub fn with_headers(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
        bodies: &[Vec<u8>],
    ) -> Self {
        let json = [("content-type", "application/json")];
        let own_type = headers.iter().any(|(name, _)| *name == "content-type");
        let all = headers.iter().chain(json.iter().filter(|_| !own_type));
        let lines: Vec<_> = all.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let lines = lines.concat();
        let request = |body: &Vec<u8>| {
            let length = body.len();
            let head =
                format!("POST {path} HTTP/1.1\r\nhost: bench\r\n{lines}content-length: {length}\r\n\r\n");
            [head.as_bytes(), body].concat()
        };
        Self {
            address,
            requests: Arc::new(bodies.iter().map(request).collect()),
        }
    }
}

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// As much as goes for this long.
    For(Duration),
    /// This many requests a second for this long, each at its time, whether or not earlier ones are answered.
    Paced(u64, Duration),
    /// This many requests.
    Count(u64),
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Requests answered with 2xx.
    pub requests: u64,
    /// Time from when each was due to its answer, sorted, in microseconds.
    pub latencies: Vec<u64>,
    /// From the first to the last.
    pub took: Duration,
}

impl Sent {
    /// The latency that this share of answers stayed within, in milliseconds.
    pub fn quantile(&self, share: f64) -> f64 {
        let at = (self.latencies.len().saturating_sub(1) as f64 * share) as usize;
        self.latencies.get(at).copied().unwrap_or_default() as f64 / 1000.0
    }
}

/// Sends from `connections` connections.
pub async fn send(target: &Target, connections: u64, amount: Amount) -> Result<Sent> {
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        senders.spawn(connection(target.clone(), Arc::clone(&next), amount, start));
    }
    let mut sent = Sent::default();
    while let Some(ended) = senders.join_next().await {
        let latencies = ended??;
        sent.requests += latencies.len() as u64;
        sent.latencies.extend(latencies);
    }
    sent.took = start.elapsed();
    sent.latencies.sort_unstable();
    Ok(sent)
}

async fn connection(
    target: Target,
    next: Arc<AtomicU64>,
    amount: Amount,
    start: Instant,
) -> Result<Vec<u64>> {
    let mut stream = TcpStream::connect(target.address).await?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut answer) = (Vec::new(), Vec::new());
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let due = match amount {
            Amount::For(time) if start.elapsed() >= time => return Ok(latencies),
            Amount::Count(most) if n >= most => return Ok(latencies),
            Amount::Paced(rate, time) => {
                let due = Duration::from_micros(n * 1_000_000 / rate);
                if due >= time {
                    return Ok(latencies);
                }
                tokio::time::sleep_until(start + due).await;
                start + due
            }
            Amount::For(_) | Amount::Count(_) => Instant::now(),
        };
        let request = target
            .requests
            .get(n as usize % target.requests.len())
            .context("no requests")?;
        stream.write_all(request).await?;
        read_answer(&mut stream, &mut answer).await?;
        latencies.push(due.elapsed().as_micros() as u64);
    }
}

async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<()> {
    answer.clear();
    loop {
        let read = stream.read_buf(answer).await?;
        ensure!(read > 0, "the server closed the connection");
        let Some(head) = answer.windows(4).position(|end| end == b"\r\n\r\n") else {
            continue;
        };
        let text = String::from_utf8_lossy(answer.get(..head).unwrap_or_default()).to_ascii_lowercase();
        if !text.starts_with("http/1.1 2") {
            bail!("{}", String::from_utf8_lossy(answer));
        }
        let length = text
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.context("an answer without content-length")?.parse()?;
        while answer.len() < head + 4 + length {
            ensure!(
                stream.read_buf(answer).await? > 0,
                "the server closed the connection"
            );
        }
        return Ok(());
    }
}
