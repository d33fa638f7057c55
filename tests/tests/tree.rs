//! What must hold of the files of the repository themselves. Each message says what, where and what to do.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helpers are tests: they may fail by panicking"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// Lines of a source file, tests apart.
const SOURCE_LINES: usize = 400;
/// Lines of the README: what, install, one walk-through, links.
const README_LINES: usize = 250;
/// Written by tools from public registries: their hosts are in them by right.
const LOCK_FILES: [&str; 3] = ["Cargo.lock", "go.mod", "go.sum"];
/// Payloads as the outside world sends them may name anything.
const FOREIGN: [&str; 3] = ["/fixtures/", "/testdata/", "/samples/"];

fn root() -> PathBuf {
    rig::binaries::repository()
}

/// The files that are, or would be, committed.
fn tracked() -> Vec<String> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git")
        .args(list)
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let files: Vec<String> = text
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(ToString::to_string)
        .collect();
    let files: Vec<String> = files
        .into_iter()
        .filter(|path| root().join(path).is_file())
        .collect();
    assert!(
        files.iter().any(|path| path == "Cargo.toml"),
        "no Cargo.toml among {} files",
        files.len()
    );
    files
}

fn sources() -> Vec<String> {
    tracked()
        .into_iter()
        .filter(|path| has_extension(path, "rs"))
        .collect()
}

/// The text of a file; none when it is not text.
fn text(path: &str) -> Option<String> {
    String::from_utf8(std::fs::read(root().join(path)).expect("a tracked file can be read")).ok()
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_source_begins_with_what_it_is_for() {
    let headless = sources()
        .into_iter()
        .filter(|path| !text(path).is_some_and(|text| text.starts_with("//! ")));
    let wrong: Vec<String> = headless
        .map(|path| {
            format!("{path}: line 1 must be a `//!` comment: what the file is for and what it does not do")
        })
        .collect();
    report(&wrong);
}

#[test]
fn sources_are_short_enough_to_read() {
    let mut wrong = Vec::new();
    for path in sources().into_iter().filter(|path| !is_tests(path)) {
        let lines = without_tests(&text(&path).unwrap_or_default()).lines().count();
        if lines > SOURCE_LINES {
            wrong.push(format!(
                "{path}: {lines} lines, {SOURCE_LINES} at most (tests apart); divide it by what its \
                 parts decide"
            ));
        }
    }
    report(&wrong);
}

/// Whether the whole file is tests: a module `tests`, or a file of a package's `tests` folder.
fn is_tests(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The source without a last `#[cfg(test)] mod tests { … }`. Only the last: what follows it counts.
fn without_tests(source: &str) -> &str {
    let Some(start) = source.rfind("\n#[cfg(test)]\nmod tests {\n") else {
        return source;
    };
    let (body, tests) = source.split_at(start);
    if tests.trim_end().ends_with("\n}") && tests.matches("\n}\n").count() <= 1 {
        body
    } else {
        source
    }
}

#[test]
fn readme_stays_one_walk_through() {
    let lines = text_if_there("README.md").map_or(0, |text| text.lines().count());
    assert!(
        lines <= README_LINES,
        "README.md: {lines} lines, {README_LINES} at most; move detail to the page that is its home and link it"
    );
}

fn text_if_there(path: &str) -> Option<String> {
    std::fs::read_to_string(root().join(path)).ok()
}

/// Written in two halves, so that this file does not contain what it looks for.
fn machine_paths() -> [String; 2] {
    [["/wo", "rk"].concat(), ["/ro", "ot"].concat()]
}

/// Hosts of registries: which one a machine uses is that machine's configuration.
fn registry_hosts() -> Vec<String> {
    let halves = [
        ["crates", ".io"],
        ["proxy.golang", ".org"],
        ["sum.golang", ".org"],
        ["static.rust-lang", ".org"],
        ["sh.rustup", ".rs"],
        ["deb.debian", ".org"],
        ["docker", ".io"],
        ["ghcr", ".io"],
        ["quay", ".io"],
        ["registry.k8s", ".io"],
        ["registry.npmjs", ".org"],
        ["pypi", ".org"],
    ];
    halves.iter().map(|halves| halves.concat()).collect()
}

/// Whether `line` names `path` as an absolute path: not `/workspace`, not `tests/work`.
fn names_path(line: &str, path: &str) -> bool {
    let inner = |character: char| character.is_alphanumeric() || "_-./~*}".contains(character);
    line.match_indices(path).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().last());
        let after = line
            .get(start + path.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(inner)
            && !after.is_some_and(|next| next.is_alphanumeric() || "_-.".contains(next))
    })
}

#[test]
fn no_file_names_one_machine_or_one_registry() {
    let (paths, hosts) = (machine_paths(), registry_hosts());
    let mut wrong = Vec::new();
    for file in tracked() {
        let foreign = FOREIGN.iter().any(|part| format!("/{file}").contains(part));
        let lock = LOCK_FILES.iter().any(|name| file.ends_with(name));
        if foreign || lock {
            continue;
        }
        for (number, line) in text(&file).unwrap_or_default().lines().enumerate() {
            let found = paths.iter().filter(|path| names_path(line, path));
            let found = found.chain(hosts.iter().filter(|host| line.contains(*host)));
            wrong.extend(found.map(|found| {
                format!(
                    "{file}:{}: names {found}; take it from the environment or say it in general",
                    number + 1
                )
            }));
        }
    }
    report(&wrong);
}

#[test]
fn generated_crds_are_in_step_with_their_source() {
    let mut wrong = Vec::new();
    let generated = api::crds().expect("the CRDs serialise");
    for (name, expected) in &generated {
        let path = format!("crds/{name}");
        if text_if_there(&path).as_deref() != Some(expected) {
            wrong.push(format!(
                "{path}: not what operator/crates/api generates; run `make crds` and commit it"
            ));
        }
    }
    let known: BTreeSet<String> = generated
        .into_iter()
        .map(|(name, _)| format!("crds/{name}"))
        .collect();
    let stray = tracked()
        .into_iter()
        .filter(|path| path.starts_with("crds/") && !known.contains(path));
    wrong.extend(
        stray.map(|path| format!("{path}: nothing generates it; remove it, crds/ is written by `make crds`")),
    );
    report(&wrong);
}

#[test]
fn samples_are_valid_objects() {
    let mut wrong = Vec::new();
    for path in tracked()
        .into_iter()
        .filter(|path| path.starts_with("config/samples/") && has_extension(path, "yaml"))
        // Parts of Opsward's own configuration; the tests of crate formats read bodies by them.
        .filter(|path| !path.starts_with("config/samples/sources/"))
    {
        let source = text(&path).unwrap_or_default();
        for document in serde_yaml::Deserializer::from_str(&source) {
            let checked = serde_yaml::Value::deserialize(document).map_err(|error| error.to_string());
            if let Err(reason) = checked.and_then(|value| check_sample(&value)) {
                wrong.push(format!("{path}: {reason}"));
            }
        }
    }
    report(&wrong);
}

fn has_extension(path: &str, wanted: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|extension| extension == wanted)
}

fn check_sample(sample: &serde_yaml::Value) -> Result<(), String> {
    let field = |name: &str| {
        sample
            .get(name)
            .and_then(serde_yaml::Value::as_str)
            .unwrap_or_default()
    };
    if sample
        .get("metadata")
        .and_then(|metadata| metadata.get("name"))
        .is_none()
    {
        return Err("an object without metadata.name".into());
    }
    match (field("apiVersion"), field("kind")) {
        (version, "TriggerRule") if version == api::API_VERSION => survives::<api::TriggerRule>(sample),
        (version, kind) if version.starts_with(api::GROUP) => Err(format!(
            "no sample of {version} {kind} is expected: people write TriggerRules; mend check_sample"
        )),
        ("v1", "Namespace" | "ConfigMap" | "Secret") => Ok(()),
        (version, kind) => Err(format!(
            "unknown kind {version} {kind}; a sample shows Opsward's own kinds"
        )),
    }
}

/// A sample parses as its kind, and nothing in it was passed over: serde ignores unknown fields, the API server,
/// asked strictly, does not.
fn survives<K>(sample: &serde_yaml::Value) -> Result<(), String>
where
    K: for<'de> Deserialize<'de> + serde::Serialize,
{
    let parsed: K = serde_yaml::from_value(sample.clone()).map_err(|error| error.to_string())?;
    let again = serde_yaml::to_value(parsed).map_err(|error| error.to_string())?;
    match lost(sample, &again, "") {
        Some(path) => Err(format!(
            "the field {path} is not in the kind; correct its name or remove it"
        )),
        None => Ok(()),
    }
}

fn lost(sample: &serde_yaml::Value, parsed: &serde_yaml::Value, path: &str) -> Option<String> {
    use serde_yaml::Value::{Mapping, Sequence};
    match (sample, parsed) {
        (Mapping(fields), parsed) => fields.iter().find_map(|(key, value)| {
            let here = format!("{path}.{}", key.as_str().unwrap_or("?"));
            match parsed.get(key) {
                Some(kept) => lost(value, kept, &here),
                None => Some(here),
            }
        }),
        (Sequence(items), Sequence(kept)) => {
            let pairs = items.iter().zip(kept).enumerate();
            pairs
                .into_iter()
                .find_map(|(index, (item, kept))| lost(item, kept, &format!("{path}[{index}]")))
        }
        _ => None,
    }
}

#[test]
fn a_path_is_found_only_as_a_path() {
    let [machine, _] = machine_paths();
    assert!(names_path(&format!("cd {machine}/main"), &machine));
    assert!(names_path(&format!("\"{machine}\""), &machine));
    assert!(!names_path(&format!("tests{machine}"), &machine));
    assert!(!names_path(&format!("{machine}space/x"), &machine));
}

#[test]
fn trailing_tests_are_not_counted_and_what_follows_them_is() {
    let tests = "\n#[cfg(test)]\nmod tests {\n    fn a() {}\n}\n";
    assert_eq!(
        without_tests(&format!("//! head\nfn f() {{}}{tests}")),
        "//! head\nfn f() {}"
    );
    let followed = format!("//! head{tests}fn g() {{\n}}\n");
    assert_eq!(without_tests(&followed), followed);
}
