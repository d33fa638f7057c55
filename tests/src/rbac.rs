//! Gives the rig's people what a real cluster gives them: `alice` and `bob` are bound to the cluster role `edit`.
//!
//! `view`, `edit` and `admin` are aggregated: kube-controller-manager fills them from the roles that carry their
//! labels. The rig runs without it unless asked, so it does that one step itself, by the same rule.

use anyhow::{Context, Result};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use crate::install::FIELD_MANAGER;

/// The aggregated roles, smaller ones first: `edit` takes in `view`, `admin` takes in `edit`.
const AGGREGATED: [&str; 3] = ["view", "edit", "admin"];
/// Who is bound to `edit`.
const EDITORS: [&str; 2] = ["alice", "bob"];

/// Fills the aggregated roles and binds the people; to be called again when roles were added.
pub(crate) async fn grant(client: &Client) -> Result<()> {
    for role in AGGREGATED {
        aggregate(client, role)
            .await
            .with_context(|| format!("aggregating ClusterRole {role}"))?;
    }
    let bindings = EDITORS.map(|user| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("rig-{user}-edit")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        })
    });
    for binding in bindings {
        crate::install::apply_object(client, &serde_json::from_value(binding)?).await?;
    }
    Ok(())
}

async fn aggregate(client: &Client, name: &str) -> Result<()> {
    let cluster_roles: Api<ClusterRole> = Api::all(client.clone());
    let role = cluster_roles.get(name).await?;
    let selectors = role
        .aggregation_rule
        .and_then(|rule| rule.cluster_role_selectors)
        .unwrap_or_default();
    let mut rules: Vec<PolicyRule> = Vec::new();
    for labels in selectors.into_iter().filter_map(|selector| selector.match_labels) {
        let wanted: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        for part in cluster_roles
            .list(&ListParams::default().labels(&wanted.join(",")))
            .await?
        {
            let fresh = part
                .rules
                .unwrap_or_default()
                .into_iter()
                .filter(|rule| !rules.contains(rule));
            let fresh: Vec<PolicyRule> = fresh.collect();
            rules.extend(fresh);
        }
    }
    let patch = Patch::Merge(json!({"rules": rules}));
    cluster_roles
        .patch(
            name,
            &PatchParams {
                field_manager: Some(FIELD_MANAGER.into()),
                ..Default::default()
            },
            &patch,
        )
        .await?;
    Ok(())
}
