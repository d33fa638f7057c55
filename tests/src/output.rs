//! Runs a short-lived command (kubectl, `opsward normalize`) to its end and keeps what it said.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// No such command of ours takes longer; one that does hangs.
const ENDS_WITHIN: Duration = Duration::from_mins(2);

/// What a command said and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Output {
    /// Whether it ended with 0.
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }

    /// stdout when it ended with 0, else an error that shows what it said.
    pub fn success(self) -> Result<String> {
        if self.ok() {
            return Ok(self.stdout);
        }
        bail!(
            "it ended with {:?}\nstdout: {}\nstderr: {}",
            self.code,
            self.stdout,
            self.stderr
        )
    }
}

/// Runs `program`, gives it `stdin`, and waits at most two minutes. It is killed when the future is dropped.
pub async fn run(program: &Path, args: &[&str], env: &[(&str, &str)], stdin: &[u8]) -> Result<Output> {
    let mut command = Command::new(program);
    command.args(args).envs(env.iter().copied()).kill_on_drop(true);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let mut input = child.stdin.take().context("stdin is piped")?;
    let feed = async move {
        // A command that ends without reading closes the pipe: its right.
        let _ = input.write_all(stdin).await;
    };
    let end = async { tokio::join!(feed, child.wait_with_output()).1 };
    let ended = tokio::time::timeout(ENDS_WITHIN, end).await;
    let output =
        ended.map_err(|_| anyhow!("{} {args:?} still runs after {ENDS_WITHIN:?}", program.display()))??;
    Ok(Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
