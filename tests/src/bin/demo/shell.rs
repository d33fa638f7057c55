//! The demo's folder and the shell that works in it: a line that the demo shows is given to `sh` exactly as it stands,
//! after `. target/demo/env`, which is what a person types too. Knows nothing of what the lines are for.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rig::{Output, binaries, output};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

use crate::terminal::{printed, typed};

/// Everything that the demo writes, relative to the repository, where it runs.
pub const FOLDER: &str = "target/demo";
/// Whose kubectl it is, unless told otherwise.
pub const PERSON: &str = "alice";
/// Somebody with the same rights to edit, who is no approver.
pub const STRANGER: &str = "bob";
/// How long what is followed may take to show; far above what it takes, so that a busy machine does not fail the demo.
const PATIENCE: Duration = Duration::from_mins(1);

/// The folder, and lines that run in it. The folder is removed when this is dropped.
pub struct Shell {
    folder: PathBuf,
}

impl Shell {
    /// Makes the folder anew, with `kubectl` and `opsward` in its `bin`.
    pub fn new(kubectl: &Path) -> Result<Self> {
        let folder = std::env::current_dir()?.join(FOLDER);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        let bin = folder.join("bin");
        std::fs::create_dir_all(&bin).with_context(|| format!("cannot create {}", bin.display()))?;
        symlink(kubectl, bin.join("kubectl"))?;
        symlink(binaries::opsward()?, bin.join("opsward"))?;
        Ok(Self { folder })
    }

    /// Writes the file that a person sources: where programs and clusters are. `more` is what else is exported.
    pub fn write_env(&self, more: &[(&str, String)]) -> Result<()> {
        let folder = self.folder.display();
        let mut env = format!(
            "export PATH=\"{folder}/bin:$PATH\"\nexport KUBECONFIG=\"{folder}/{PERSON}.kubeconfig\"\n\
             export KUBECACHEDIR=\"{folder}/kubectl-cache\" KUBERC=off\n"
        );
        for (name, value) in more {
            writeln!(env, "export {name}=\"{value}\"")?;
        }
        self.write("env", &env)
    }

    /// Writes a file of the folder.
    pub fn write(&self, name: &str, content: &str) -> Result<()> {
        let path = self.folder.join(name);
        std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Shows a line, runs it, and shows what it printed; an error unless it ended with 0.
    pub async fn run(&self, line: &str) -> Result<String> {
        self.run_as(PERSON, line).await
    }

    /// As [`Shell::run`], as another user of the cluster.
    pub async fn run_as(&self, user: &str, line: &str) -> Result<String> {
        typed(line);
        let said = self.quietly(user, line).await?;
        printed(&said);
        Ok(said)
    }

    /// Shows a line that must be refused, runs it as another user of the cluster, and shows what it said.
    pub async fn refused_as(&self, user: &str, line: &str) -> Result<String> {
        typed(line);
        let script = script(user, line);
        let ended: Output = output::run(Path::new("/bin/sh"), &["-c", &script], &[], b"").await?;
        if ended.ok() {
            bail!("{line}: {user} was not refused");
        }
        printed(&ended.stderr);
        Ok(ended.stderr)
    }

    /// Runs a line without showing it; an error unless it ended with 0.
    pub async fn quietly(&self, user: &str, line: &str) -> Result<String> {
        let script = script(user, line);
        let ended: Output = output::run(Path::new("/bin/sh"), &["-c", &script], &[], b"").await?;
        ended.success().with_context(|| line.to_owned())
    }

    /// Shows a line that goes on for ever, runs it, and shows what it prints until one of its lines is what `until`
    /// waits for.
    pub async fn follow(&self, line: &str, until: impl Fn(&str) -> bool) -> Result<()> {
        typed(line);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script(PERSON, &format!("exec {line}"))]);
        shell
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = shell.spawn().with_context(|| line.to_owned())?;
        let lines = BufReader::new(child.stdout.take().context("stdout is piped")?).lines();
        let seen = tokio::time::timeout(PATIENCE, show_until(lines, until)).await;
        child.kill().await?;
        match seen {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => bail!("{line}: it ended by itself"),
            Ok(Err(error)) => Err(error).with_context(|| line.to_owned()),
            Err(_) => bail!("{line}: what is promised did not show within {PATIENCE:?}"),
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // What is left leads nowhere any more; the next demo removes it.
        let _left = std::fs::remove_dir_all(&self.folder);
    }
}

fn script(user: &str, line: &str) -> String {
    let environment = format!(". {FOLDER}/env");
    if user == PERSON {
        format!("{environment}\n{line}")
    } else {
        format!("{environment}\nexport KUBECONFIG={FOLDER}/{user}.kubeconfig\n{line}")
    }
}

async fn show_until(mut lines: Lines<BufReader<ChildStdout>>, until: impl Fn(&str) -> bool) -> Result<bool> {
    while let Some(line) = lines.next_line().await? {
        printed(&line);
        if until(&line) {
            return Ok(true);
        }
    }
    Ok(false)
}
