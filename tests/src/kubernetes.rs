//! A Kubernetes control plane: etcd, kube-apiserver, kubeconfigs for the rig's users, and kube-controller-manager
//! on request. No node: nothing of the suite needs a running pod.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

use crate::audit::{self, AuditRequest};
use crate::output::{self, Output};
use crate::pki::Authority;
use crate::servers::controller_manager::ControllerManager;
use crate::servers::etcd::Etcd;
use crate::servers::kube_apiserver::{ApiServer, Keys};
use crate::users::{SYSTEM_NAMESPACE, users};
use crate::workdir::Workdir;
use crate::{binaries, install, rbac};

/// A connection to loopback is made at once or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Longest a namespace's random ending is, in characters; Kubernetes' own generateName uses as many.
const SUFFIX_CHARS: usize = 5;
/// Letters of that ending: Kubernetes' own, without vowels so that it spells nothing.
const SUFFIX_LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Whether kube-controller-manager runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ControllerManagerUse {
    /// It does not: owners' garbage is not collected and namespaces do not go away.
    #[default]
    Absent,
    /// It does.
    Running,
}

/// The control plane.
#[derive(Debug)]
pub struct Kubernetes {
    /// kube-controller-manager, when asked for. First, so that it is dropped before what it talks to.
    pub controller_manager: Option<ControllerManager>,
    /// kube-apiserver.
    pub apiserver: ApiServer,
    /// etcd.
    pub etcd: Etcd,
    kubeconfigs: PathBuf,
    kubectl_cache: PathBuf,
    kubectl: PathBuf,
}

impl Kubernetes {
    /// Starts everything and gives the rig's people their rights.
    pub async fn start(workdir: &Workdir, controller_manager: ControllerManagerUse) -> Result<Self> {
        crate::install_crypto();
        let authority = Authority::new()?;
        let keys = Keys::write(&authority, workdir)?;
        let etcd = Etcd::start(workdir).await?;
        let apiserver = ApiServer::start(workdir, &etcd, &keys, &authority).await?;
        for user in users() {
            let text = user.kubeconfig(&authority, &apiserver.url())?;
            workdir.write(&format!("kubeconfig/{}", user.name), &text)?;
        }
        let mut plane = Self {
            controller_manager: None,
            apiserver,
            etcd,
            kubeconfigs: workdir.folder("kubeconfig")?,
            kubectl_cache: workdir.folder("kubectl-cache")?,
            kubectl: binaries::server("kubectl").await?,
        };
        if controller_manager == ControllerManagerUse::Running {
            let kubeconfig = plane.kubeconfig("kube-controller-manager");
            plane.controller_manager = Some(ControllerManager::start(workdir, &keys, &kubeconfig).await?);
        }
        let admin = plane.client("admin").await?;
        create_namespace(&admin, SYSTEM_NAMESPACE).await?;
        rbac::grant(&admin).await?;
        Ok(plane)
    }

    /// The kubeconfig file of `admin`, `alice`, `bob`, or a role of the process (`collector`, `correlator`,
    /// `controller`: the service account `opsward-ROLE` in `opsward-system`).
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.kubeconfigs.join(user)
    }

    /// A client of a user. It does not retry: a test wants to see the error, and kube's own retries take minutes.
    /// It belongs to the runtime of the test that makes it.
    pub async fn client(&self, user: &str) -> Result<Client> {
        Ok(Client::try_from(self.config(user).await?)?)
    }

    /// What [`Kubernetes::client`] is made of.
    pub async fn config(&self, user: &str) -> Result<Config> {
        crate::install_crypto();
        let path = self.kubeconfig(user);
        let kubeconfig =
            Kubeconfig::read_from(&path).with_context(|| format!("no user {user:?} in this rig"))?;
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        config.connect_timeout = Some(CONNECT_WITHIN);
        config.default_retry = false;
        Ok(config)
    }

    /// Runs kubectl as a user.
    pub async fn kubectl(&self, user: &str, args: &[&str]) -> Result<Output> {
        self.kubectl_stdin(user, args, "").await
    }

    /// Runs kubectl as a user, with something to read: `["apply", "-f", "-"]`.
    pub async fn kubectl_stdin(&self, user: &str, args: &[&str], stdin: &str) -> Result<Output> {
        let kubeconfig = self.kubeconfig(user);
        let mut all = vec!["--kubeconfig"];
        let (Some(kubeconfig), Some(cache)) = (kubeconfig.to_str(), self.kubectl_cache.to_str()) else {
            bail!("the temporary folder's path is not UTF-8");
        };
        all.extend([kubeconfig, "--cache-dir", cache]);
        all.extend(args);
        // An empty KUBERC file keeps the developer's own kubectl preferences out.
        output::run(&self.kubectl, &all, &[("KUBERC", "off")], stdin.as_bytes()).await
    }

    /// The kubectl of the API server's version.
    pub fn kubectl_path(&self) -> &std::path::Path {
        &self.kubectl
    }

    /// Creates a namespace of its own for a test and returns its name: `prefix` and a random ending.
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        let name = format!("{prefix}-{}", suffix()?);
        create_namespace(&self.client("admin").await?, &name).await?;
        Ok(name)
    }

    /// Applies YAML as `admin`, server-side; CRDs are usable when this returns. Returns how many objects.
    pub async fn apply(&self, yaml: &str) -> Result<usize> {
        install::apply(&self.client("admin").await?, yaml).await
    }

    /// Applies `crds/`, `config/rbac/` and `config/admission/` of the repository, waits until the CRDs are usable, and extends `alice`'s
    /// and `bob`'s rights by Opsward's own view and edit roles. The API server takes a second or two to enforce new
    /// admission policies: a test of a refusal asks with [`crate::until`].
    pub async fn install_crds(&self) -> Result<()> {
        let admin = self.client("admin").await?;
        let root = binaries::repository();
        let crds = install::apply_folder(&admin, &root.join("crds")).await?;
        if crds == 0 {
            bail!(
                "no CRD in {}; write them: `make crds`",
                root.join("crds").display()
            );
        }
        for folder in ["config/rbac", "config/admission"] {
            install::apply_folder(&admin, &root.join(folder)).await?;
        }
        rbac::grant(&admin).await
    }

    /// The API server's audit log: every request once.
    pub fn audit_requests(&self) -> Result<Vec<AuditRequest>> {
        audit::read(self.apiserver.audit_folder())
    }
}

async fn create_namespace(admin: &Client, name: &str) -> Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    install::apply_object(admin, &serde_json::from_value(namespace)?).await
}

fn suffix() -> Result<String> {
    let mut bytes = [0; SUFFIX_CHARS];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let letter = |byte: u8| {
        SUFFIX_LETTERS
            .get(usize::from(byte) % SUFFIX_LETTERS.len())
            .copied()
            .map(char::from)
    };
    Ok(bytes.into_iter().filter_map(letter).collect())
}
