//! nats-server with `JetStream` on disk and one user per role, each with the permissions of `bus::contract` and no
//! others. The permissions are not decided here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use jiff::Timestamp;

use crate::nats_users::{Grant, grants};
use crate::ports::Port;
use crate::probe::Probe;
use crate::server::{Server, Spec};
use crate::wait::until;
use crate::workdir::Workdir;

/// How long a client of a test waits for its connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// `JetStream`'s bound on disk: far above what the largest benchmark writes, so that a test's own limits are met first.
const STORE_BYTES: &str = "20GB";
/// Random bytes of a password; 128 bits as usual.
const PASSWORD_BYTES: usize = 16;
/// Names the file that nats-server's clock goes by; see `tests/servers/nats/settable-clock`.
const CLOCK_AHEAD: &str = "OPSWARD_CLOCK_AHEAD";
/// It looks fifty times a second.
const CLOCK_WITHIN: Duration = Duration::from_secs(10);

/// When nats-server calls fsync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// Every two minutes, the server's default: survives SIGKILL, not a power cut.
    #[default]
    Default,
    /// Before every acknowledgement (`sync_interval: always`).
    Always,
}

/// How nats-server is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct NatsOptions {
    /// When it calls fsync.
    pub sync: Sync,
    /// Largest message in bytes; the server's default, 1 MiB, when none.
    pub max_payload: Option<u64>,
    /// Whether [`Nats::put_ahead`] can set its wall clock: the same server, compiled with another `time.Now`.
    pub settable_clock: bool,
}

/// nats-server, where it listens and who may connect.
#[derive(Debug)]
pub struct Nats {
    /// The process.
    pub server: Server,
    port: Port,
    monitor: Port,
    clock: Option<PathBuf>,
    logins: BTreeMap<String, Login>,
}

#[derive(Debug)]
struct Login {
    password: String,
    file: PathBuf,
    inbox: Option<String>,
}

impl Nats {
    /// Starts it and waits for `/healthz`, which is true when `JetStream` has recovered its streams.
    pub async fn start(workdir: &Workdir, options: NatsOptions) -> Result<Self> {
        let (port, monitor) = (Port::take()?, Port::take()?);

        let users: Vec<(Grant, String)> = grants()
            .into_iter()
            .map(|grant| Ok((grant, password()?)))
            .collect::<Result<_>>()?;
        let mut config = format!(
            "server_name: opsward-rig\nlisten: \"127.0.0.1:{}\"\nhttp: \"127.0.0.1:{}\"\n",
            port.number(),
            monitor.number()
        );
        config.push_str(&storage(workdir, options)?);
        config.push_str(&authorization(&users)?);
        let config = workdir.write("nats.conf", &config)?;
        let clock = options
            .settable_clock
            .then(|| workdir.write("nats-clock", "0"))
            .transpose()?;
        let name = if clock.is_some() {
            "nats-server-clock"
        } else {
            "nats-server"
        };
        let program = crate::binaries::server(name).await?;
        let mut spec = Spec::new("nats-server", program, workdir.log("nats-server"))
            .args(["--config".into(), config])
            .ready(Probe::http(format!(
                "http://127.0.0.1:{}/healthz",
                monitor.number()
            )));
        if let Some(clock) = &clock {
            spec = spec.env(CLOCK_AHEAD, clock);
        }
        let server = Server::start(spec).await?;
        let logins = users.into_iter().map(|(grant, password)| {
            let file = workdir.write(&format!("nats-passwords/{}", grant.user), &password)?;
            Ok((
                grant.user,
                Login {
                    password,
                    file,
                    inbox: grant.inbox,
                },
            ))
        });
        Ok(Self {
            server,
            port,
            monitor,
            clock,
            logins: logins.collect::<Result<_>>()?,
        })
    }

    /// Where clients connect; without user and password.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port.number())
    }

    /// The monitoring pages (`/varz`, `/jsz`, `/connz`).
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor.number())
    }

    /// Puts its wall clock ahead of the machine's by `seconds` (back, where negative); returns once it goes by that.
    pub async fn put_ahead(&self, seconds: i64) -> Result<()> {
        let clock = self
            .clock
            .as_ref()
            .context("start it with NatsOptions::settable_clock")?;
        std::fs::write(clock, seconds.to_string())?;
        let url = format!("{}/varz", self.monitor_url());
        until("nats-server's clock", CLOCK_WITHIN, || async {
            let varz: serde_json::Value = reqwest::get(&url).await?.json().await?;
            let now: Timestamp = serde_json::from_value(varz.get("now").cloned().unwrap_or_default())?;
            let ahead = now.as_second() - Timestamp::now().as_second();
            ensure!((ahead - seconds).abs() <= 1, "it is {ahead} s ahead");
            anyhow::Ok(())
        })
        .await
    }

    /// The users: one per role, and `admin`, who may do everything.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        self.logins.keys().map(String::as_str)
    }

    /// The password of a user.
    pub fn password(&self, user: &str) -> Result<&str> {
        Ok(&self.login(user)?.password)
    }

    /// A file with nothing but the password of a user in it, as Opsward's configuration wants it.
    pub fn password_file(&self, user: &str) -> Result<&Path> {
        Ok(&self.login(user)?.file)
    }

    /// Connection options of a user, for a test that wants callbacks or names.
    pub fn connect_options(&self, user: &str) -> Result<async_nats::ConnectOptions> {
        crate::install_crypto();
        let login = self.login(user)?;
        let options = async_nats::ConnectOptions::with_user_and_password(user.into(), login.password.clone())
            .name(format!("rig-{user}"))
            .connection_timeout(CONNECT_WITHIN);
        Ok(match &login.inbox {
            Some(inbox) => options.custom_inbox_prefix(inbox),
            None => options,
        })
    }

    /// A connected client of a user.
    pub async fn connect(&self, user: &str) -> Result<async_nats::Client> {
        let options = self.connect_options(user)?;
        options
            .connect(self.url())
            .await
            .with_context(|| format!("NATS user {user} cannot connect"))
    }

    fn login(&self, user: &str) -> Result<&Login> {
        let login = self.logins.get(user);
        login.ok_or_else(|| anyhow!("no NATS user {user:?}; there are {:?}", self.logins.keys()))
    }
}

fn storage(workdir: &Workdir, options: NatsOptions) -> Result<String> {
    let mut lines = String::new();
    if let Some(bytes) = options.max_payload {
        writeln!(lines, "max_payload: {bytes}")?;
    }
    let store = workdir.folder("nats")?;
    write!(
        lines,
        "jetstream {{\n  store_dir: {}\n  max_file: {STORE_BYTES}\n",
        quoted(&store.to_string_lossy())?
    )?;
    if options.sync == Sync::Always {
        lines.push_str("  sync_interval: always\n");
    }
    lines.push_str("}\n");
    Ok(lines)
}

fn authorization(users: &[(Grant, String)]) -> Result<String> {
    let mut lines = String::from("authorization {\n  users: [\n");
    for (grant, password) in users {
        writeln!(
            lines,
            "    {{ user: {}, password: {}",
            quoted(&grant.user)?,
            quoted(password)?
        )?;
        if let Some(permissions) = &grant.permissions {
            writeln!(lines, "      permissions: {{")?;
            writeln!(lines, "        publish: {}", subjects(&permissions.publish)?)?;
            writeln!(lines, "        subscribe: {}", subjects(&permissions.subscribe)?)?;
            writeln!(lines, "      }}")?;
        }
        writeln!(lines, "    }}")?;
    }
    lines.push_str("  ]\n}\n");
    Ok(lines)
}

/// nats-server reads an empty list of allowed subjects as "no restriction", so nothing has to be said by a deny.
fn subjects(allowed: &[String]) -> Result<String> {
    if allowed.is_empty() {
        return Ok(String::from("{ deny: [\">\"] }"));
    }
    let list: Vec<String> = allowed
        .iter()
        .map(|subject| quoted(subject))
        .collect::<Result<_>>()?;
    Ok(format!("{{ allow: [{}] }}", list.join(", ")))
}

/// A JSON string is a string of nats-server's configuration language; quoted, `$JS` is no variable.
fn quoted(text: &str) -> Result<String> {
    Ok(serde_json::to_string(text)?)
}

fn password() -> Result<String> {
    let mut bytes = [0; PASSWORD_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no randomness: {error}"))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_allowed_subject_means_all_denied() {
        assert_eq!(subjects(&[]).expect("ok"), "{ deny: [\">\"] }");
        assert_eq!(
            subjects(&["$JS.API.>".into()]).expect("ok"),
            "{ allow: [\"$JS.API.>\"] }"
        );
    }
}
