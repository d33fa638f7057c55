//! One child process with a log, a readiness question and a fixed command line: a server of the rig, or `opsward`.
//!
//! Tests kill, pause and restart it. It knows no server in particular; the command lines are in `servers/`.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::probe::Probe;
use crate::wait::{Answer, until};
use crate::{proc, spawn, sys};

/// How long a server may take to be ready; kube-apiserver needs 5 s alone and far longer on two busy cores.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// How long an ordinary end may take before it is a failure of the server.
const END_WITHIN: Duration = Duration::from_secs(30);
/// Lines of a log that an error shows: enough for a Go panic's head, not a screenful of noise.
const TAIL_LINES: usize = 25;

/// What is run, with what, and how one sees that it is ready.
#[derive(Clone, Debug)]
pub struct Spec {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    log: PathBuf,
    probe: Probe,
    ready_within: Duration,
}

impl Spec {
    /// `name` is for errors; stdout and stderr are appended to `log`.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            log: log.into(),
            probe: Probe::None,
            ready_within: READY_WITHIN,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds one variable to the environment, which is otherwise ours.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// How one sees that it is ready; without it, it is ready when it is started.
    #[must_use]
    pub fn ready(mut self, probe: Probe) -> Self {
        self.probe = probe;
        self
    }

    /// How long it may take to be ready, 90 s unless told.
    #[must_use]
    pub fn ready_within(mut self, within: Duration) -> Self {
        self.ready_within = within;
        self
    }

    fn launch(&self) -> Result<Child> {
        let log = open_log(&self.log)?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        spawn::spawn(command)
            .with_context(|| format!("{}: cannot start {}", self.name, self.program.display()))
    }
}

/// A running (or killed) child process. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    spec: Spec,
    child: Mutex<Option<Child>>,
}

impl Server {
    /// Starts the process and waits until it is ready.
    pub async fn start(spec: Spec) -> Result<Self> {
        let server = Self::launch(spec)?;
        server.wait_ready().await?;
        Ok(server)
    }

    /// Starts the process and does not wait.
    pub fn launch(spec: Spec) -> Result<Self> {
        let child = spec.launch()?;
        Ok(Self {
            spec,
            child: Mutex::new(Some(child)),
        })
    }

    /// Its name in errors.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Waits until the readiness question says yes; fails at once, with the log's tail, when the process has ended.
    pub async fn wait_ready(&self) -> Result<()> {
        let what = format!("{} to be ready", self.spec.name);
        let ask = || async {
            if let Some(status) = self.exit_status() {
                return Answer::Never(format!("it ended with {status}"));
            }
            self.spec.probe.ask().await.into()
        };
        until(&what, self.spec.ready_within, ask)
            .await
            .map_err(|error| self.with_tail(&error))
    }

    /// Its process id while it runs or is paused.
    pub fn pid(&self) -> Option<u32> {
        let mut child = self.child();
        let running = child.as_mut()?;
        matches!(running.try_wait(), Ok(None)).then(|| running.id())
    }

    /// Whether it runs (a paused one does).
    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// SIGKILL, and gone when this returns. Nothing happens when it has already ended.
    pub fn kill(&self) -> Result<()> {
        let Some(mut child) = self.child().take() else {
            return Ok(());
        };
        if child.try_wait()?.is_none() {
            sys::signal_group(child.id(), libc::SIGKILL)
                .with_context(|| format!("killing {}", self.spec.name))?;
        }
        child.wait()?;
        Ok(())
    }

    /// SIGSTOP: it keeps its connections and answers nothing.
    pub fn pause(&self) -> Result<()> {
        self.signal(libc::SIGSTOP)
    }

    /// SIGCONT after [`Server::pause`].
    pub fn resume(&self) -> Result<()> {
        self.signal(libc::SIGCONT)
    }

    /// SIGTERM, and waits for the end.
    pub async fn terminate(&self) -> Result<ExitStatus> {
        self.signal(libc::SIGTERM)?;
        self.wait_exit(END_WITHIN).await
    }

    /// Waits until the process has ended by itself.
    pub async fn wait_exit(&self, within: Duration) -> Result<ExitStatus> {
        let what = format!("{} to end", self.spec.name);
        let ask = || async { self.exit_status().ok_or("it still runs") };
        until(&what, within, ask)
            .await
            .map_err(|error| self.with_tail(&error))
    }

    /// Kills it if it runs, starts it again with the same command line (ports, data) and waits until it is ready.
    pub async fn restart(&self) -> Result<()> {
        self.relaunch()?;
        self.wait_ready().await
    }

    /// As [`Server::restart`], without waiting.
    pub fn relaunch(&self) -> Result<()> {
        self.kill()?;
        *self.child() = Some(self.spec.launch()?);
        Ok(())
    }

    /// CPU seconds (user and system) since this process was started; a restart begins at zero.
    pub fn cpu_seconds(&self) -> Result<f64> {
        proc::cpu_seconds(self.running_pid()?)
    }

    /// Resident memory in bytes.
    pub fn rss_bytes(&self) -> Result<u64> {
        proc::rss_bytes(self.running_pid()?)
    }

    /// Where its output goes.
    pub fn log_path(&self) -> &Path {
        &self.spec.log
    }

    /// All it has written, with the bytes that are not UTF-8 replaced.
    pub fn log(&self) -> String {
        std::fs::read(&self.spec.log).map_or_else(
            |error| format!("(no log: {error})"),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    fn signal(&self, signal: i32) -> Result<()> {
        let mut child = self.child();
        let Some(running) = child.as_mut() else {
            bail!("{} does not run", self.spec.name)
        };
        if let Some(status) = running.try_wait()? {
            bail!("{} has ended with {status}", self.spec.name);
        }
        sys::signal_group(running.id(), signal)
            .with_context(|| format!("signal {signal} to {}", self.spec.name))
    }

    fn running_pid(&self) -> Result<u32> {
        self.pid()
            .ok_or_else(|| anyhow!("{} does not run", self.spec.name))
    }

    fn exit_status(&self) -> Option<ExitStatus> {
        self.child().as_mut()?.try_wait().ok().flatten()
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        // A panic between lock and unlock cannot leave the Option half written.
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_tail(&self, error: &anyhow::Error) -> anyhow::Error {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines
            .get(lines.len().saturating_sub(TAIL_LINES)..)
            .unwrap_or_default()
            .join("\n  ");
        anyhow!("{error}\nlast lines of {}:\n  {tail}", self.spec.log.display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            complain(&format!("rig: {error:#}"));
        }
    }
}

#[allow(clippy::print_stderr, reason = "a Drop has nobody to return an error to")]
fn complain(message: &str) {
    eprintln!("{message}");
}

fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    options
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))
}
