//! The whole rig: a Kubernetes control plane and nats-server on free ports, in a folder of their own.
//!
//! Private (`Rig::start`) for tests that kill servers, shared by a test binary (`Rig::shared`) for all others: a
//! start costs six seconds of two cores.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kube::Client;
use tokio::sync::OnceCell;

use crate::audit::AuditRequest;
use crate::kubernetes::{ControllerManagerUse, Kubernetes};
use crate::output::{self, Output};
use crate::probe::Probe;
use crate::server::{Server, Spec};
use crate::servers::nats::{Nats, NatsOptions};
use crate::workdir::Workdir;
use crate::{binaries, sys};

/// Starts again with other ports when a stranger took one; a third collision in a row is another fault.
const ATTEMPTS: u32 = 3;
/// What Go's servers write when a port is taken.
const PORT_TAKEN: &str = "address already in use";

static SHARED: OnceCell<Rig> = OnceCell::const_new();

/// What a rig consists of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether kube-controller-manager runs too.
    pub controller_manager: ControllerManagerUse,
    /// How nats-server is set up.
    pub nats: NatsOptions,
}

/// Running servers. All are killed, and the folder is removed, when it is dropped; when the process dies without
/// dropping it, the kernel kills them.
#[derive(Debug)]
pub struct Rig {
    /// etcd, kube-apiserver and the users.
    pub kubernetes: Kubernetes,
    /// nats-server.
    pub nats: Nats,
    // Last: the folder goes when its servers are gone.
    workdir: Workdir,
}

impl Rig {
    /// Starts a rig of its own.
    pub async fn start(options: Options) -> Result<Self> {
        let mut attempt = 1;
        loop {
            match Self::try_start(options).await {
                Err(error) if attempt < ATTEMPTS && format!("{error:#}").contains(PORT_TAKEN) => attempt += 1,
                other => return other,
            }
        }
    }

    /// The rig that all tests of this binary share, with default options; started by the first. Do not kill its servers.
    pub async fn shared() -> Result<&'static Self> {
        SHARED
            .get_or_try_init(|| async {
                sys::at_exit(end_shared)?;
                Self::start(Options::default()).await
            })
            .await
    }

    async fn try_start(options: Options) -> Result<Self> {
        let workdir = Workdir::create()?;
        let kubernetes = Kubernetes::start(&workdir, options.controller_manager);
        let (kubernetes, nats) = tokio::try_join!(kubernetes, Nats::start(&workdir, options.nats))?;
        Ok(Self {
            kubernetes,
            nats,
            workdir,
        })
    }

    /// See [`Kubernetes::kubeconfig`].
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.kubernetes.kubeconfig(user)
    }

    /// See [`Kubernetes::client`].
    pub async fn client(&self, user: &str) -> Result<Client> {
        self.kubernetes.client(user).await
    }

    /// See [`Kubernetes::kubectl`].
    pub async fn kubectl(&self, user: &str, args: &[&str]) -> Result<Output> {
        self.kubernetes.kubectl(user, args).await
    }

    /// See [`Kubernetes::namespace`].
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        self.kubernetes.namespace(prefix).await
    }

    /// See [`Kubernetes::install_crds`].
    pub async fn install_crds(&self) -> Result<()> {
        self.kubernetes.install_crds().await
    }

    /// See [`Kubernetes::audit_requests`].
    pub fn audit_requests(&self) -> Result<Vec<AuditRequest>> {
        self.kubernetes.audit_requests()
    }

    /// etcd's process.
    pub fn etcd(&self) -> &Server {
        &self.kubernetes.etcd.server
    }

    /// kube-apiserver's process.
    pub fn apiserver(&self) -> &Server {
        &self.kubernetes.apiserver.server
    }

    /// nats-server's process.
    pub fn nats_server(&self) -> &Server {
        &self.nats.server
    }

    /// See [`Nats::url`].
    pub fn nats_url(&self) -> String {
        self.nats.url()
    }

    /// See [`Nats::password`].
    pub fn nats_password(&self, user: &str) -> Result<&str> {
        self.nats.password(user)
    }

    /// The rig's folder: for configuration files of a test, and logs in `logs/`.
    pub fn workdir(&self) -> &Workdir {
        &self.workdir
    }

    /// What is needed to start our own binary as a process that can be killed: `name` is for its log and errors.
    pub fn opsward<A: Into<OsString>>(&self, name: &str, args: impl IntoIterator<Item = A>) -> Result<Spec> {
        Ok(Spec::new(name, binaries::opsward()?, self.workdir.log(name)).args(args))
    }

    /// Runs our own binary to its end.
    pub async fn opsward_output(&self, args: &[&str], stdin: &[u8]) -> Result<Output> {
        output::run(&binaries::opsward()?, args, &[], stdin).await
    }

    /// Starts our own binary with the kubeconfig of the service account `role`, and waits for `ready`.
    pub async fn start_opsward(&self, name: &str, role: &str, args: &[&str], ready: Probe) -> Result<Server> {
        let spec = self
            .opsward(name, args)?
            .env("KUBECONFIG", self.kubeconfig(role))
            .ready(ready);
        Server::start(spec)
            .await
            .with_context(|| format!("opsward {}", args.join(" ")))
    }

    /// Where the rig's files lie.
    pub fn path(&self) -> &Path {
        self.workdir.path()
    }

    fn end(&self) {
        let plane = &self.kubernetes;
        let servers = [self.nats_server(), self.apiserver(), self.etcd()];
        let manager = plane.controller_manager.as_ref().map(|manager| &manager.server);
        for server in manager.into_iter().chain(servers) {
            // The kernel kills what could not be killed here, a moment later.
            let _ = server.kill();
        }
        self.workdir.remove();
    }
}

/// A static is never dropped; the process's last act stands in for it.
extern "C" fn end_shared() {
    if let Some(rig) = SHARED.get() {
        rig.end();
    }
}
