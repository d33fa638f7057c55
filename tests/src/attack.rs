//! What a collector has to bear from the network: bodies without end, bombs, and connections that never say what they
//! want. Loopback only.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an attacked server may take to answer or to hang up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of the giant body: 5 GB.
const GIANT_BYTES: u64 = 5_000_000_000;
/// Bytes of one piece of it.
const PIECE_BYTES: usize = 64 * 1024;
/// What a gzip bomb unpacks to: a thousand times its size.
const BOMB_BYTES: usize = 512 * 1024 * 1024;
/// Bytes that the collector takes of a body.
const BODY_BYTES: usize = 1024 * 1024;

/// A head up to its last line.
fn head(path: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: attacked\r\ncontent-type: application/json\r\n{more}\r\n")
}

/// Announces 5 GB; gives the status.
pub async fn announced_giant(address: SocketAddr, path: &str) -> Result<u16> {
    let mut stream = TcpStream::connect(address).await?;
    let head = head(path, &format!("content-length: {GIANT_BYTES}\r\n"));
    stream.write_all(head.as_bytes()).await?;
    status(&mut stream).await
}

/// Sends chunk after chunk, 5 GB unless it is stopped; gives the status and how many bytes were taken.
pub async fn chunked_giant(address: SocketAddr, path: &str) -> Result<(u16, u64)> {
    let stream = TcpStream::connect(address).await?;
    let (mut answers, mut requests) = stream.into_split();
    requests
        .write_all(head(path, "transfer-encoding: chunked\r\n").as_bytes())
        .await?;
    let piece = [
        format!("{PIECE_BYTES:x}\r\n").into_bytes(),
        vec![b' '; PIECE_BYTES],
        b"\r\n".to_vec(),
    ]
    .concat();
    let mut sent = 0;
    let sending = async {
        while sent < GIANT_BYTES && requests.write_all(&piece).await.is_ok() {
            sent += PIECE_BYTES as u64;
        }
    };
    let mut answer = vec![0; 4096];
    let read = tokio::select! {
        read = answers.read(&mut answer) => read?,
        () = sending => timeout(PATIENCE, answers.read(&mut answer)).await??,
    };
    Ok((parse_status(answer.get(..read).unwrap_or_default())?, sent))
}

/// Gzip that unpacks to half a gigabyte.
pub struct Bomb(Vec<u8>);

impl Bomb {
    /// Packs it, which takes a second; as much of it as a body may have.
    pub fn pack() -> Result<Self> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let zeros = vec![0; PIECE_BYTES];
        for _ in 0..BOMB_BYTES / PIECE_BYTES {
            packer.write_all(&zeros)?;
        }
        let mut packed = packer.finish()?;
        packed.truncate(BODY_BYTES);
        Ok(Self(packed))
    }

    /// Sends it; gives the status.
    pub async fn send(&self, address: SocketAddr, path: &str) -> Result<u16> {
        let mut stream = TcpStream::connect(address).await?;
        let length = self.0.len();
        let more = format!("content-encoding: gzip\r\ncontent-length: {length}\r\n");
        stream.write_all(head(path, &more).as_bytes()).await?;
        stream.write_all(&self.0).await?;
        status(&mut stream).await
    }
}

/// Sends a chunk of one byte now and then, and never the last; gives the status.
pub async fn endless(address: SocketAddr, path: &str) -> Result<u16> {
    let stream = TcpStream::connect(address).await?;
    let (mut answers, mut requests) = stream.into_split();
    requests
        .write_all(head(path, "transfer-encoding: chunked\r\n").as_bytes())
        .await?;
    let mut answer = vec![0; 4096];
    let dripping = async {
        let mut turns = tokio::time::interval(Duration::from_millis(200));
        loop {
            turns.tick().await;
            if requests.write_all(b"1\r\n \r\n").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        read = timeout(PATIENCE, answers.read(&mut answer)) => parse_status(answer.get(..read??).unwrap_or_default()),
        () = dripping => bail!("never ends"),
    }
}

/// Connections that have sent half a head.
pub struct SlowHeads(Vec<TcpStream>);

impl SlowHeads {
    /// Opens `connections` of them.
    pub async fn open(address: SocketAddr, path: &str, connections: usize) -> Result<Self> {
        let half = format!("POST {path} HTTP/1.1\r\nhost: attacked\r\nx-slow: ");
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(half.as_bytes()).await?;
            open.push(stream);
        }
        Ok(Self(open))
    }

    /// A further letter of each head; those that were closed are let go.
    pub async fn drip(&mut self) {
        let mut open = Vec::with_capacity(self.0.len());
        for mut stream in self.0.drain(..) {
            if stream.write_all(b"x").await.is_ok() {
                open.push(stream);
            }
        }
        self.0 = open;
    }
}

async fn status(stream: &mut TcpStream) -> Result<u16> {
    let mut answer = vec![0; 4096];
    let read = timeout(PATIENCE, stream.read(&mut answer)).await??;
    parse_status(answer.get(..read).unwrap_or_default())
}

fn parse_status(answer: &[u8]) -> Result<u16> {
    let text = String::from_utf8_lossy(answer);
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    Ok(status
        .with_context(|| format!("no answer but {text:?}"))?
        .parse()?)
}
