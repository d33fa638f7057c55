//! kube-controller-manager: garbage collection by owner, namespace deletion, service accounts. Only where a test
//! needs them: it costs 110 MB.

use std::path::Path;

use anyhow::Result;

use crate::ports::Port;
use crate::probe::Probe;
use crate::server::{Server, Spec};
use crate::servers::kube_apiserver::{Keys, SERVICE_RANGE};
use crate::workdir::Workdir;

/// The process and its port.
#[derive(Debug)]
pub struct ControllerManager {
    /// The process.
    pub server: Server,
    _port: Port,
}

impl ControllerManager {
    /// Starts it with `kubeconfig` and waits for `/healthz`.
    pub(crate) async fn start(workdir: &Workdir, keys: &Keys, kubeconfig: &Path) -> Result<Self> {
        let port = Port::take()?;
        let flag = |name: &str, value: &Path| format!("--{name}={}", value.display());
        let program = crate::binaries::server("kube-controller-manager").await?;
        let spec = Spec::new(
            "kube-controller-manager",
            program,
            workdir.log("kube-controller-manager"),
        )
        .args([
            flag("kubeconfig", kubeconfig),
            flag("authentication-kubeconfig", kubeconfig),
        ])
        .args([flag("authorization-kubeconfig", kubeconfig)])
        .args([
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
        ])
        .args([format!("--secure-port={}", port.number())])
        .args([
            flag("service-account-private-key-file", &keys.tokens),
            flag("root-ca-file", &keys.authority),
        ])
        .args([
            format!("--service-cluster-ip-range={SERVICE_RANGE}"),
            "--allocate-node-cidrs=false".into(),
        ])
        .args([flag("cert-dir", &workdir.folder("pki/kube-controller-manager")?)])
        // It signs its own serving certificate, so its https cannot be asked with our authority.
        .ready(Probe::Tcp(([127, 0, 0, 1], port.number()).into()));
        let server = Server::start(spec).await?;
        Ok(Self { server, _port: port })
    }
}
