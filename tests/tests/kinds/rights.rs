//! Who may do what: tenants by Kubernetes' own roles, the controller by its own.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use rig::{Rig, binaries};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::installed::{INCIDENT, apply, create_incident, feed, kubectl, namespace, refused, run};

/// The question `kubectl auth can-i VERB RESOURCE -n NAMESPACE` as a user.
async fn may(rig: &Rig, user: &str, namespace: &str, asked: &str) -> bool {
    let output = run(rig, user, &format!("auth can-i -n {namespace} {asked}")).await;
    match output.stdout.trim() {
        "yes" => true,
        "no" => false,
        _ => panic!("{output:?}"),
    }
}

#[tokio::test]
async fn tenants_write_rules_and_patch_incidents_and_nothing_else() {
    let (rig, namespace) = namespace("tenants").await;
    for verb in ["get", "list", "watch", "create", "update", "patch", "delete"] {
        let (rule, incident) = (format!("{verb} triggerrules"), format!("{verb} opsevents"));
        assert!(may(rig, "alice", &namespace, &rule).await, "{rule}");
        let granted = ["get", "list", "watch", "patch"].contains(&verb);
        assert_eq!(
            may(rig, "alice", &namespace, &incident).await,
            granted,
            "{incident}"
        );
        let status = format!("{verb} opsevents --subresource=status");
        assert!(!may(rig, "alice", &namespace, &status).await, "{status}");
        let status = format!("{verb} triggerrules --subresource=status");
        assert!(!may(rig, "alice", &namespace, &status).await, "{status}");
    }
}

#[tokio::test]
async fn a_tenant_writes_no_status() {
    let (rig, namespace) = namespace("status").await;
    create_incident(rig, &namespace).await;
    let client = rig.client("alice").await.expect("a client");
    let kind = GroupVersionKind::gvk("opsward.dev", "v1alpha1", "OpsEvent");
    let incidents: Api<DynamicObject> =
        Api::namespaced_with(client, &namespace, &ApiResource::from_gvk(&kind));
    let resolved = json!({"status": {"phase": "Resolved"}});
    // Through the subresource: forbidden. Through the object: without effect.
    let direct = incidents
        .patch_status(INCIDENT, &PatchParams::default(), &Patch::Merge(&resolved))
        .await;
    assert!(
        matches!(&direct, Err(kube::Error::Api(status)) if status.code == 403),
        "{direct:?}"
    );
    incidents
        .patch(INCIDENT, &PatchParams::default(), &Patch::Merge(&resolved))
        .await
        .expect("a patch without effect");
    let phase = format!("get ope {INCIDENT} -n {namespace} -o jsonpath={{.status.phase}}");
    assert_eq!(kubectl(rig, "alice", &phase).await, "Open");
}

#[tokio::test]
async fn a_tenant_neither_creates_nor_deletes_incidents() {
    let (rig, namespace) = namespace("create").await;
    create_incident(rig, &namespace).await;
    let yaml = format!(
        "{{apiVersion: opsward.dev/v1alpha1, kind: OpsEvent, metadata: {{name: made-up, namespace: {namespace}}}, \
         spec: {{rule: {{name: r, uid: u, generation: 1}}, group: {{}}, groupText: '', correlationId: c, title: t}}}}"
    );
    // Server-side apply creates with a patch; that needs the right to create too.
    let applied = apply(rig, "alice", &yaml).await;
    assert!(
        !applied.ok() && applied.stderr.contains("forbidden"),
        "{applied:?}"
    );
    let created = feed(rig, "alice", "create -f -", &yaml).await;
    assert!(
        !created.ok() && created.stderr.contains("cannot create resource"),
        "{created:?}"
    );
    let deleted = refused(rig, "alice", &format!("delete ope {INCIDENT} -n {namespace}")).await;
    assert!(deleted.contains("cannot delete resource"), "{deleted}");
}

#[tokio::test]
async fn the_controller_may_do_its_work_and_no_more() {
    let (rig, namespace) = namespace("controller").await;
    let granted = [
        "create opsevents",
        "delete opsevents",
        "patch opsevents --subresource=status",
        "watch triggerrules",
        "patch triggerrules --subresource=status",
        "create events.events.k8s.io",
        "patch events.events.k8s.io",
        "watch namespaces",
    ];
    for asked in granted {
        assert!(may(rig, "controller", &namespace, asked).await, "{asked}");
    }
    let denied = [
        "patch triggerrules",
        "delete triggerrules",
        "get secrets",
        "get configmaps",
        "create pods",
        "create pods --subresource=exec",
        "delete namespaces",
        "get leases.coordination.k8s.io/opsward-controller",
        "escalate clusterroles.rbac.authorization.k8s.io",
        "impersonate users",
    ];
    for asked in denied {
        assert!(!may(rig, "controller", &namespace, asked).await, "{asked}");
    }
    let own = "opsward-system";
    assert!(may(rig, "controller", own, "create leases.coordination.k8s.io").await);
    assert!(
        may(
            rig,
            "controller",
            own,
            "update leases.coordination.k8s.io/opsward-controller"
        )
        .await
    );
    assert!(
        !may(
            rig,
            "controller",
            own,
            "update leases.coordination.k8s.io/another"
        )
        .await
    );
}

#[tokio::test]
async fn the_other_roles_have_no_rights() {
    let (rig, namespace) = namespace("roles").await;
    for role in ["collector", "correlator"] {
        for asked in [
            "get opsevents",
            "list triggerrules",
            "get secrets",
            "get namespaces",
        ] {
            assert!(!may(rig, role, &namespace, asked).await, "{role}: {asked}");
        }
    }
}

#[test]
fn no_role_grants_a_star() {
    let folder = binaries::repository().join("config/rbac");
    let mut roles = 0;
    for file in std::fs::read_dir(folder).expect("config/rbac") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("it can be read");
        for document in serde_yaml::Deserializer::from_str(&text) {
            let object = Value::deserialize(document).expect("YAML");
            for rule in object["rules"].as_array().into_iter().flatten() {
                assert!(!rule.to_string().contains('*'), "{rule}");
                roles += 1;
            }
        }
    }
    assert!(roles >= 5, "{roles} rules found");
}
