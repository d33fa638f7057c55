//! `make demo`: a fresh cluster, real events, and what becomes of them, told as a person at a terminal would see it.
//!
//! Every command it shows, `opsward run` apart, is a line that it really gives to a shell, followed by what that
//! printed; what is promised is then asserted on the objects themselves. Ends by itself; with `KEEP=1` everything
//! stays up until Ctrl-C.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal"
)]

mod bodies;
mod play;
mod shell;
mod stage;
mod terminal;

use std::future::pending;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rig::binaries;
use tokio::signal::unix::{SignalKind, signal};

use stage::Stage;
use terminal::heading;

/// What a shell says of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;
/// Whether everything stays up; empty means no, as `make` passes it when it was not given.
const KEEP: &str = "KEEP";

#[tokio::main]
async fn main() -> ExitCode {
    let keep = std::env::var_os(KEEP).is_some_and(|value| !value.is_empty() && value != "0");
    // Dropping the future drops the stage, and with it every process that was started.
    let ended = tokio::select! {
        // Ctrl-C reaches our children too: their end must not be taken for a failure.
        biased;
        stopped = told_to_stop() => {
            return match stopped {
                Ok(()) => stopped_by_hand(keep),
                Err(error) => failed(&error),
            };
        }
        ended = perform(keep) => ended,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn perform(keep: bool) -> Result<()> {
    let started = Instant::now();
    let root = binaries::repository();
    std::env::set_current_dir(&root).with_context(|| format!("cannot go to {}", root.display()))?;
    let stage = Stage::start().await?;
    if let Err(error) = play::all(&stage).await {
        bail!("not as promised: {error:#}\n\n{}", stage.last_words());
    }
    heading(&format!(
        "Done, all as promised: {:.0} s",
        started.elapsed().as_secs_f64()
    ));
    if keep {
        stage.explain()?;
        pending::<()>().await;
    }
    println!("Everything is stopped and removed again. To look around yourself: make demo KEEP=1");
    println!("What it all means: README.md. How it works inside: operator/ARCHITECTURE.md");
    Ok(())
}

async fn told_to_stop() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}

fn stopped_by_hand(keep: bool) -> ExitCode {
    println!("\ndemo: ended, nothing is left running");
    if keep {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INTERRUPTED)
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("\ndemo: {error:#}");
    ExitCode::FAILURE
}
