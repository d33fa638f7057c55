//! The command line: every command, its arguments and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use formats::Format;

use crate::sign::Signer;

/// Folds operational noise into few incidents that people can see, decide and act on.
#[derive(Debug, Parser)]
#[command(
    name = "opsward",
    version,
    arg_required_else_help = true,
    max_term_width = 110
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one or more roles until SIGTERM
    Run(RunArgs),
    /// Turn bytes into Events, without a cluster and without NATS
    #[command(
        after_help = "Exit code 2 when an item is refused; each refusal is a JSON line on stderr, the good \
                            items are printed all the same.\n\nExample:\n  opsward normalize --format alertmanager < webhook.json"
    )]
    Normalize(NormalizeArgs),
    /// Post a file to a collector, as often and as fast as asked, and print the accounting
    #[command(
        after_help = "Exit code 2 when an item or a request was not accepted.\n\nExamples:\n  opsward send event.json --repeat 412\n  \
                      opsward send --sample grafana\n  opsward send --sample github --sign github:secret.txt"
    )]
    Send(SendArgs),
    /// Tell why an incident is as it is: its rule, what was counted, what it waits for, who decided what and when
    #[command(
        after_help = "Examples:\n  opsward explain opsevent/high-cpu-k3v9q2mzra-1z4 -n shop\n  opsward explain ope/NAME -o json"
    )]
    Explain(ExplainArgs),
    /// Look at what could not be taken in
    Dlq(DlqArgs),
    /// Write the kinds (CRDs) as YAML files
    Crds(CrdsArgs),
    /// Print the completion script of a shell
    Completion(CompletionArgs),
}

/// A role of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Takes events in over HTTP
    Collector,
    /// Folds the log into incidents
    Correlator,
    /// Keeps the Kubernetes objects
    Controller,
    /// Tells people in the channels that rules name
    Notifier,
}

/// `opsward run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The roles, separated by commas
    #[arg(value_delimiter = ',', required = true)]
    pub roles: Vec<RoleName>,
    /// The configuration file; without one everything has its default
    #[arg(short, long, env = "OPSWARD_CONFIG")]
    pub config: Option<PathBuf>,
}

/// `opsward normalize`.
#[derive(Debug, Args)]
pub struct NormalizeArgs {
    /// The input's format, such as webhook or alertmanager
    #[arg(short, long, required_unless_present = "source", value_parser = format_named)]
    pub format: Option<Format>,
    /// The configuration file that has the source
    #[arg(short, long, requires = "source")]
    pub config: Option<PathBuf>,
    /// Read as this configured source would: its format, its name, its namespace
    #[arg(short, long, requires = "config")]
    pub source: Option<String>,
    /// A header of the request, such as `X-GitHub-Event: check_run`; may be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The input; standard input when left out or `-`
    pub file: Option<PathBuf>,
}

/// `opsward send`.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The request's body; standard input when left out or `-`
    #[arg(conflicts_with = "sample")]
    pub file: Option<PathBuf>,
    /// Post the built-in sample of this format, such as grafana, to try a source
    #[arg(long, value_name = "FORMAT", value_parser = format_named)]
    pub sample: Option<Format>,
    /// Where to post; by default /api/v1/sources/<FORMAT> of this machine with --sample, else /api/v1/events/webhook
    #[arg(short, long, env = "OPSWARD_URL")]
    pub url: Option<String>,
    /// A header of the request, such as `X-GitHub-Event: check_run`; may be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The file that holds the source's bearer token
    #[arg(long)]
    pub token_file: Option<PathBuf>,
    /// Sign the body: github, pagerduty, slack or standard-webhooks with the file of the secret, or hex with its header, the
    /// header of its time if it has one, and the file. What is signed alike is counted once
    #[arg(long, value_name = "SCHEME:[HEADER:[TIME:]]FILE", conflicts_with = "key")]
    pub sign: Option<Signer>,
    /// How often to post it
    #[arg(short, long, default_value_t = 1)]
    pub repeat: u64,
    /// Requests a second; as fast as it goes when left out
    #[arg(long)]
    pub rate: Option<f64>,
    /// Requests under way at once
    #[arg(long, default_value_t = 16)]
    pub concurrency: usize,
    /// Send `Idempotency-Key: <KEY>-<n>` and repeat each request until it is taken: counts exactly, come what may
    #[arg(short, long)]
    pub key: Option<String>,
    /// How to print the accounting
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// `opsward explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The OpsEvent, as `opsevent/NAME`, `ope/NAME` or its name alone
    #[arg(value_name = "opsevent/NAME")]
    pub object: String,
    /// Its namespace; by default that of the kubeconfig's context
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// The kubeconfig's context; by default its current one
    #[arg(long)]
    pub context: Option<String>,
    /// The kubeconfig file; by default what kubectl takes
    #[arg(long)]
    pub kubeconfig: Option<PathBuf>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// `opsward dlq`.
#[derive(Debug, Args)]
pub struct DlqArgs {
    /// What to do with dead letters.
    #[command(subcommand)]
    pub command: DlqCommand,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// List the newest, a line each
    List {
        /// The configuration file, for NATS
        #[arg(short, long, env = "OPSWARD_CONFIG")]
        config: Option<PathBuf>,
        /// How many at most
        #[arg(short, long, default_value_t = 50)]
        limit: u64,
        /// How to print them
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Show one with its reason and its bytes
    Show {
        /// Its id, as listed and as in the collector's answer
        id: String,
        /// The configuration file, for NATS
        #[arg(short, long, env = "OPSWARD_CONFIG")]
        config: Option<PathBuf>,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

/// `opsward crds`.
#[derive(Debug, Args)]
pub struct CrdsArgs {
    /// The folder to write to
    #[arg(long, default_value = "crds")]
    pub dir: PathBuf,
}

/// `opsward completion`.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

fn format_named(name: &str) -> Result<Format, String> {
    let all = Format::ALL.map(Format::name).join(", ");
    Format::from_name(name).ok_or_else(|| format!("use one of {all}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
