//! Alertmanager, the peer of the benchmarks: one receiver that sends nowhere, as in its own acceptance tests.

use anyhow::Result;

use crate::ports::Port;
use crate::probe::Probe;
use crate::server::{Server, Spec};
use crate::workdir::Workdir;

/// The smallest configuration that it accepts.
const CONFIG: &str = "route: {receiver: none}\nreceivers: [{name: none}]\n";

/// Alertmanager and where it listens.
#[derive(Debug)]
pub struct Alertmanager {
    /// The process.
    pub server: Server,
    port: Port,
}

impl Alertmanager {
    /// Starts it alone (no gossip) and waits for `/-/ready`.
    pub async fn start(workdir: &Workdir) -> Result<Self> {
        let port = Port::take()?;
        let config = workdir.write("alertmanager.yml", CONFIG)?;
        let address = format!("127.0.0.1:{}", port.number());
        let program = crate::binaries::server("alertmanager").await?;
        let spec = Spec::new("alertmanager", program, workdir.log("alertmanager"))
            .args([format!("--config.file={}", config.display())])
            .args([format!(
                "--storage.path={}",
                workdir.folder("alertmanager")?.display()
            )])
            .args([
                format!("--web.listen-address={address}"),
                "--cluster.listen-address=".into(),
            ])
            .args(["--log.level=warn"])
            .ready(Probe::http(format!("http://{address}/-/ready")));
        let server = Server::start(spec).await?;
        Ok(Self { server, port })
    }

    /// Where clients connect; alerts go to `/api/v2/alerts`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }
}
