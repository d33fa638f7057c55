//! The people and service accounts of the rig, and their kubeconfig files. What they may do is [`crate::rbac`]'s.

use std::fmt::Write as _;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::pki::{Authority, Identity};

/// The namespace in which Opsward's own service accounts and Lease live.
pub const SYSTEM_NAMESPACE: &str = "opsward-system";
/// `alice`'s group.
pub const SRE_GROUP: &str = "sre";

/// A user of the rig: a kubeconfig's name, and whom Kubernetes sees.
pub(crate) struct User {
    pub(crate) name: &'static str,
    kubernetes_name: String,
    groups: Vec<String>,
}

/// Everybody who gets a kubeconfig.
pub(crate) fn users() -> Vec<User> {
    let mut all = vec![
        person("admin", &["system:masters"]),
        person("alice", &[SRE_GROUP]),
        person("bob", &[]),
        User {
            name: "kube-controller-manager",
            kubernetes_name: "system:kube-controller-manager".into(),
            groups: Vec::new(),
        },
    ];
    all.extend(["collector", "correlator", "controller", "notifier"].map(service_account));
    all
}

fn person(name: &'static str, groups: &[&str]) -> User {
    User {
        name,
        kubernetes_name: name.into(),
        groups: groups.iter().map(ToString::to_string).collect(),
    }
}

/// A client certificate that carries a service account's name and groups: RBAC cannot tell it from the token, and it
/// does not expire in the middle of a test.
fn service_account(role: &'static str) -> User {
    User {
        name: role,
        kubernetes_name: format!("system:serviceaccount:{SYSTEM_NAMESPACE}:opsward-{role}"),
        groups: vec![
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{SYSTEM_NAMESPACE}"),
        ],
    }
}

impl User {
    /// A kubeconfig that carries everything in itself, so that it can be copied.
    pub(crate) fn kubeconfig(&self, authority: &Authority, server: &str) -> Result<String> {
        let groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        let identity = authority.user(&self.kubernetes_name, &groups)?;
        Ok(render(self.name, &identity, authority.certificate(), server)?)
    }
}

fn render(user: &str, identity: &Identity, authority: &str, server: &str) -> Result<String, std::fmt::Error> {
    let mut text = String::from("apiVersion: v1\nkind: Config\ncurrent-context: rig\n");
    writeln!(text, "clusters:\n- name: rig\n  cluster:\n    server: {server}")?;
    writeln!(
        text,
        "    certificate-authority-data: {}",
        STANDARD.encode(authority)
    )?;
    writeln!(text, "users:\n- name: {user}\n  user:")?;
    writeln!(
        text,
        "    client-certificate-data: {}",
        STANDARD.encode(&identity.certificate)
    )?;
    writeln!(text, "    client-key-data: {}", STANDARD.encode(&identity.key))?;
    writeln!(
        text,
        "contexts:\n- name: rig\n  context: {{cluster: rig, user: {user}, namespace: default}}"
    )?;
    Ok(text)
}
