//! The arrows between the workspace's crates, as `operator/ARCHITECTURE.md` draws them: who may depend on whom, and
//! which crates stay pure. Reads `cargo metadata`; builds nothing.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helpers are tests: they may fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The shared vocabulary: crate, and the crates it may use.
const CRATES: [(&str, &[&str]); 5] = [
    ("domain", &[]),
    ("api", &["domain"]),
    ("formats", &["domain"]),
    ("bus", &["domain"]),
    ("platform", &[]),
];
/// Where roles live: each may use any of [`CRATES`] and no other role.
const ROLES_FOLDER: &str = "/operator/roles/";
/// Where the shared vocabulary lives.
const CRATES_FOLDER: &str = "/operator/crates/";
/// The two members that wire and test everything; nobody may depend on them.
const TOPS: [&str; 2] = ["opsward", "rig"];
/// Outside crates that would bring files, clocks, threads or the network into a crate that must stay pure.
const IMPURE: [&str; 10] = [
    "tokio",
    "tokio-util",
    "futures",
    "async-nats",
    "kube",
    "k8s-openapi",
    "hyper",
    "hyper-util",
    "reqwest",
    "getrandom",
];
/// What each crate must not name among its direct dependencies, and why.
const FORBIDDEN: [(&str, &[&str], &str); 3] = [
    (
        "domain",
        &IMPURE,
        "domain is pure: effects are values, and the clock and randomness come from outside",
    ),
    ("formats", &IMPURE, "formats is pure: bytes in, events out"),
    (
        "api",
        &["tokio", "async-nats", "hyper", "reqwest"],
        "api holds types; what talks to the API server is a role",
    ),
];

fn metadata() -> Metadata {
    let manifest = rig::binaries::repository().join("Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo metadata runs")
}

/// Direct dependencies of every kind: a test that needs two crates that must not know each other lives in `tests/`.
fn dependencies(package: &Package) -> BTreeSet<&str> {
    package
        .dependencies
        .iter()
        .map(|dependency| dependency.name.as_str())
        .collect()
}

fn folder_of(package: &Package) -> String {
    package.manifest_path.as_str().replace('\\', "/")
}

fn allowed(package: &Package, metadata: &Metadata) -> Result<BTreeSet<String>, String> {
    let name = package.name.as_str();
    let table: BTreeMap<_, _> = CRATES.into_iter().collect();
    let folder = folder_of(package);
    if TOPS.contains(&name) {
        let members = metadata.packages.iter().map(|member| member.name.to_string());
        return Ok(members
            .filter(|member| !TOPS.contains(&member.as_str()))
            .collect());
    }
    if folder.contains(ROLES_FOLDER) {
        return Ok(table.keys().map(ToString::to_string).collect());
    }
    match table.get(name) {
        Some(uses) if folder.contains(CRATES_FOLDER) => Ok(uses.iter().map(ToString::to_string).collect()),
        _ => Err(format!(
            "{folder}: the crate {name} has no place in the house; add it to CRATES in tests/tests/arrows.rs and to \
             operator/ARCHITECTURE.md, with what it may use"
        )),
    }
}

#[test]
fn crates_depend_only_along_the_arrows() {
    let metadata = metadata();
    let members: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        match allowed(package, &metadata) {
            Err(reason) => wrong.push(reason),
            Ok(allowed) => {
                let inner = dependencies(package)
                    .into_iter()
                    .filter(|name| members.contains(name));
                wrong.extend(inner.filter(|name| !allowed.contains(*name)).map(|name| {
                    format!(
                        "{}: {} must not depend on {name} (it may use {allowed:?}); move what it needs into a crate \
                         both may use, or pass it in as data",
                        folder_of(package),
                        package.name
                    )
                }));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_crates_name_nothing_that_acts() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for (name, forbidden, reason) in FORBIDDEN {
        let package = metadata
            .packages
            .iter()
            .find(|package| package.name.as_str() == name);
        let package = package.unwrap_or_else(|| panic!("no crate {name} in the workspace: mend FORBIDDEN"));
        let named = dependencies(package);
        wrong.extend(forbidden.iter().filter(|bad| named.contains(*bad)).map(|bad| {
            format!(
                "{}: {name} must not depend on {bad}: {reason}",
                folder_of(package)
            )
        }));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn roles_reach_nats_only_through_bus() {
    let metadata = metadata();
    let roles = metadata
        .packages
        .iter()
        .filter(|package| folder_of(package).contains(ROLES_FOLDER));
    let wrong: Vec<String> = roles
        .filter(|package| dependencies(package).contains("async-nats"))
        .map(|package| {
            format!(
                "{}: use bus; it alone publishes, acks and dead-letters",
                folder_of(package)
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
