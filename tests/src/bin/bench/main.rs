//! `make bench`: measures Opsward against a peer or a promise in the same run.
#![allow(clippy::print_stdout, reason = "a bench is for people to read")]
#![allow(clippy::cast_precision_loss, reason = "rates are rounded anyway")]

mod correlate;
mod results;

use results::Results;

fn main() -> anyhow::Result<()> {
    let mut results = Results::new()?;
    correlate::run(&mut results)?;
    results.table();
    Ok(())
}
