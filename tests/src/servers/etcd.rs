//! etcd, one member, without fsync.

use anyhow::Result;

use crate::ports::Port;
use crate::probe::Probe;
use crate::server::{Server, Spec};
use crate::workdir::Workdir;

/// etcd and where it listens.
#[derive(Debug)]
pub struct Etcd {
    /// The process.
    pub server: Server,
    client: Port,
    _peer: Port,
}

impl Etcd {
    /// Starts it and waits for `/health`.
    pub async fn start(workdir: &Workdir) -> Result<Self> {
        let (client, peer) = (Port::take()?, Port::take()?);
        let client_url = format!("http://127.0.0.1:{}", client.number());
        let peer_url = format!("http://127.0.0.1:{}", peer.number());
        let data = workdir.folder("etcd")?;
        let program = crate::binaries::server("etcd").await?;
        let spec = Spec::new("etcd", program, workdir.log("etcd"))
            .args(["--data-dir".into(), data])
            .args([
                "--listen-client-urls",
                &client_url,
                "--advertise-client-urls",
                &client_url,
            ])
            .args([
                "--listen-peer-urls",
                &peer_url,
                "--initial-advertise-peer-urls",
                &peer_url,
            ])
            .args([
                "--initial-cluster",
                &format!("default={peer_url}"),
                "--log-level",
                "warn",
            ])
            // The page cache survives SIGKILL; only a power cut would lose data, and no test cuts power. Without
            // this, every write of the API server waits for the disk that nats-server's fsync tests keep busy.
            .args(["--unsafe-no-fsync"])
            .ready(Probe::http(format!("{client_url}/health")));
        let server = Server::start(spec).await?;
        Ok(Self {
            server,
            client,
            _peer: peer,
        })
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.client.number())
    }
}
