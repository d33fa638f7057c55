//! Applies YAML to the API server by server-side apply, as a user of the repository would with kubectl, and waits
//! until what it defines is usable. Knows no kind in particular, except `CustomResourceDefinition`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{ApiResource, Scope, pinned_kind};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt};
use serde::Deserialize as _;

use crate::wait::until;

/// Whose fields the rig's objects are.
pub(crate) const FIELD_MANAGER: &str = "opsward-rig";
/// A CRD is established within a second of its creation on an idle machine.
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(30);

/// Applies every `.yaml` file of `folder`, in order of name; returns how many objects. A folder that is not there
/// has none.
pub(crate) async fn apply_folder(client: &Client, folder: &Path) -> Result<usize> {
    let mut count = 0;
    for file in yaml_files(folder)? {
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        count += apply(client, &text)
            .await
            .with_context(|| format!("applying {}", file.display()))?;
    }
    Ok(count)
}

/// Applies every document of `yaml`; returns how many objects.
pub(crate) async fn apply(client: &Client, yaml: &str) -> Result<usize> {
    let mut count = 0;
    for object in documents(yaml)? {
        apply_object(client, &object).await?;
        count += 1;
    }
    Ok(count)
}

/// Applies one object; a namespaced one without a namespace goes to `default`.
pub(crate) async fn apply_object(client: &Client, object: &DynamicObject) -> Result<()> {
    let types = object
        .types
        .as_ref()
        .context("an object needs apiVersion and kind")?;
    let name = object.name_any();
    let what = format!("{} {name}", types.kind);
    let kind = GroupVersionKind::try_from(types)?;
    let (resource, capabilities) = pinned_kind(client, &kind)
        .await
        .with_context(|| format!("finding {what}"))?;
    let api: Api<DynamicObject> = match (&capabilities.scope, object.namespace()) {
        (Scope::Cluster, _) => Api::all_with(client.clone(), &resource),
        (Scope::Namespaced, Some(namespace)) => Api::namespaced_with(client.clone(), &namespace, &resource),
        (Scope::Namespaced, None) => Api::default_namespaced_with(client.clone(), &resource),
    };
    let params = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&name, &params, &Patch::Apply(object))
        .await
        .with_context(|| format!("applying {what}"))?;
    if types.kind == "CustomResourceDefinition" {
        established(client, &name).await?;
    }
    Ok(())
}

/// Waits until the CRD is Established and its objects can be listed; the second comes a moment after the first.
async fn established(client: &Client, name: &str) -> Result<()> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let wait = await_condition(crds.clone(), name, conditions::is_crd_established());
    let waited = tokio::time::timeout(ESTABLISHED_WITHIN, wait).await;
    waited.map_err(|_| anyhow!("CRD {name} is not Established within {ESTABLISHED_WITHIN:?}"))??;
    let crd = crds.get(name).await?;
    for version in crd.spec.versions.iter().filter(|version| version.served) {
        let kind = GroupVersionKind::gvk(&crd.spec.group, &version.name, &crd.spec.names.kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, &crd.spec.names.plural);
        let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let one = ListParams::default().limit(1);
        let what = format!("{name} {} to be served", version.name);
        until(&what, ESTABLISHED_WITHIN, || async { objects.list(&one).await }).await?;
    }
    Ok(())
}

fn documents(yaml: &str) -> Result<Vec<DynamicObject>> {
    let mut objects = Vec::new();
    for document in serde_yaml::Deserializer::from_str(yaml) {
        let value = serde_yaml::Value::deserialize(document)?;
        if value.is_null() {
            continue;
        }
        objects.push(serde_yaml::from_value(value).context("not a Kubernetes object")?);
    }
    if objects.is_empty() {
        bail!("no object in it");
    }
    Ok(objects)
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries: Vec<_> = std::fs::read_dir(folder)?.collect::<std::io::Result<_>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_documents_between_separators_are_skipped() {
        let yaml = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n";
        let names: Vec<String> = documents(yaml)
            .expect("two objects")
            .iter()
            .map(ResourceExt::name_any)
            .collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn a_file_without_objects_is_an_error() {
        assert!(documents("# nothing\n").is_err());
    }
}
