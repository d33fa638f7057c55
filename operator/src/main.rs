//! The binary `opsward`: reads the command line, wires, decides nothing.

mod cli;
mod config;
mod dlq;
mod explain;
mod normalize;
mod run;
mod send;
mod sign;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use platform::Chain;

use cli::{Cli, Command};

/// What the process says by its exit code, for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Ok,
    /// Something failed, or the command line was wrong.
    Error,
    /// It worked, and found something: items were refused.
    Findings,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Ok => Self::SUCCESS,
            Exit::Error => Self::from(1),
            Exit::Findings => Self::from(2),
        }
    }
}

fn main() -> ExitCode {
    // One TLS provider for Kubernetes, NATS and HTTP; a second installation would be a bug, not a reason to stop.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Error } else { Exit::Ok };
            // Nobody is left to tell when the terminal is gone.
            let _gone = error.print();
            return exit.into();
        }
    };
    match dispatch(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let _gone = writeln!(std::io::stderr(), "error: {}", Chain(error.as_ref()));
            Exit::Error.into()
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Run(args) => on_threads(run::run(args)),
        Command::Send(args) => on_threads(send::send(args)),
        Command::Explain(args) => on_threads(explain::explain(args)),
        Command::Dlq(args) => on_threads(dlq::dlq(args)),
        Command::Normalize(args) => normalize::normalize(&args),
        Command::Crds(args) => {
            std::fs::create_dir_all(&args.dir)?;
            for (name, yaml) in api::crds()? {
                let path = args.dir.join(&name);
                std::fs::write(&path, yaml)
                    .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
                writeln!(std::io::stderr(), "wrote {}", path.display())?;
            }
            Ok(Exit::Ok)
        }
        Command::Completion(args) => {
            let mut command = Cli::command();
            clap_complete::generate(args.shell, &mut command, "opsward", &mut std::io::stdout());
            Ok(Exit::Ok)
        }
    }
}

fn on_threads(work: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
