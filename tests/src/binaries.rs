//! Where the programs are: the servers built by `tests/servers/build`, and our own `opsward`.
//!
//! Nothing is taken from PATH: see the head of `tests/servers/build`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

/// The repository's root.
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// The binary of a server, by its name in `tests/servers/build --list`; built now (minutes) when it is not there yet.
pub async fn server(name: &str) -> Result<PathBuf> {
    let script = repository().join("tests/servers/build");
    let mut command = tokio::process::Command::new(&script);
    // Its progress goes to our stderr.
    command
        .arg(name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let child = command
        .spawn()
        .with_context(|| format!("cannot run {}", script.display()))?;
    let output = child.wait_with_output().await?;
    let path = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    if !output.status.success() || !path.is_file() {
        bail!(
            "no binary of {name}: `{} {name}` ended with {}; run `make servers`",
            script.display(),
            output.status
        );
    }
    Ok(path)
}

/// Our own binary: `OPSWARD_BIN`, else the one that `make build` puts into the target folder of this executable.
pub fn opsward() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("OPSWARD_BIN").map(PathBuf::from) {
        if path.is_file() {
            return Ok(path);
        }
        bail!("OPSWARD_BIN is {}, which is not a file", path.display());
    }
    let path = target_folder()?.join("fast/opsward");
    if !path.is_file() {
        bail!(
            "{} is not there; build it: `make build` (cargo build --profile fast -p opsward)",
            path.display()
        );
    }
    Ok(path)
}

/// `TARGET/PROFILE/deps/test-…` and `TARGET/PROFILE/bin` both lie in the target folder.
fn target_folder() -> Result<PathBuf> {
    let executable = std::env::current_exe().context("no path of this executable")?;
    let mut profile = executable.parent().context("this executable lies in no folder")?;
    if profile.ends_with("deps") {
        profile = profile.parent().context("deps lies in no folder")?;
    }
    Ok(profile
        .parent()
        .context("the profile's folder lies in no folder")?
        .to_owned())
}
