//! kube-apiserver with real certificates, RBAC and an audit log.

use std::path::PathBuf;

use anyhow::Result;

use crate::pki::{Authority, TokenKey};
use crate::ports::Port;
use crate::probe::Probe;
use crate::server::{Server, Spec};
use crate::servers::etcd::Etcd;
use crate::workdir::Workdir;

/// Addresses of Services; none is routed, the API server only hands them out.
pub(crate) const SERVICE_RANGE: &str = "10.96.0.0/16";
/// Every request once it is answered (and watches when they begin), without bodies: who did what to which object.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
";
/// Megabytes before the audit log turns over: a benchmark of a million events stays in one file.
const AUDIT_FILE_MB: &str = "2000";

/// kube-apiserver, where it listens and what it was given.
#[derive(Debug)]
pub struct ApiServer {
    /// The process.
    pub server: Server,
    port: Port,
    audit: PathBuf,
}

/// Files that the controller-manager needs too.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) authority: PathBuf,
    pub(crate) tokens: PathBuf,
    tokens_public: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Keys {
    pub(crate) fn write(authority: &Authority, workdir: &Workdir) -> Result<Self> {
        let server = authority.api_server()?;
        let tokens = TokenKey::new()?;
        Ok(Self {
            authority: workdir.write("pki/ca.crt", authority.certificate())?,
            tokens: workdir.write("pki/tokens.key", &tokens.private)?,
            tokens_public: workdir.write("pki/tokens.pub", &tokens.public)?,
            certificate: workdir.write("pki/apiserver.crt", &server.certificate)?,
            key: workdir.write("pki/apiserver.key", &server.key)?,
        })
    }
}

impl ApiServer {
    /// Starts it on `etcd` and waits for `/readyz`, which includes RBAC's own objects.
    pub(crate) async fn start(
        workdir: &Workdir,
        etcd: &Etcd,
        keys: &Keys,
        authority: &Authority,
    ) -> Result<Self> {
        let port = Port::take()?;
        let audit = workdir.folder("audit")?;
        let policy = workdir.write("audit-policy.yaml", AUDIT_POLICY)?;
        let url = format!("https://127.0.0.1:{}/readyz", port.number());
        let flag = |name: &str, value: &std::path::Path| format!("--{name}={}", value.display());
        let program = crate::binaries::server("kube-apiserver").await?;
        let spec = Spec::new("kube-apiserver", program, workdir.log("kube-apiserver"))
            .args([
                format!("--etcd-servers={}", etcd.url()),
                format!("--secure-port={}", port.number()),
            ])
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
            // Endpoints of the service `kubernetes` may not be loopback; nothing here goes through that service.
            .args(["--endpoint-reconciler-type=none"])
            .args([
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
            ])
            .args([
                flag("client-ca-file", &keys.authority),
                flag("tls-cert-file", &keys.certificate),
            ])
            .args([flag("tls-private-key-file", &keys.key)])
            .args([format!("--service-cluster-ip-range={SERVICE_RANGE}")])
            .args(["--service-account-issuer=https://kubernetes.default.svc"])
            .args([flag("service-account-key-file", &keys.tokens_public)])
            .args([flag("service-account-signing-key-file", &keys.tokens)])
            .args([
                flag("audit-policy-file", &policy),
                flag("audit-log-path", &audit.join("audit.log")),
            ])
            .args(["--audit-log-maxsize", AUDIT_FILE_MB])
            .ready(Probe::https(url, authority.certificate()));
        let server = Server::start(spec).await?;
        Ok(Self { server, port, audit })
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port.number())
    }

    /// The folder of its audit log.
    pub(crate) fn audit_folder(&self) -> &std::path::Path {
        &self.audit
    }
}
