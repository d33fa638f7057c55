//! `opsward dlq`: what could not be taken in, with its reason.

use std::io::Write;

use anyhow::bail;
use bus::{Bus, DeadLetter};

use crate::Exit;
use crate::cli::{DlqArgs, DlqCommand, Output};
use crate::config::Config;

/// How many letters `show` looks through, newest first.
const SEARCHED: u64 = 100_000;
/// Characters of a message in a listing's line.
const LINE_CHARS: usize = 100;

/// Runs the command.
pub async fn dlq(args: DlqArgs) -> anyhow::Result<Exit> {
    match args.command {
        DlqCommand::List {
            config,
            limit,
            output,
        } => {
            let letters = letters(config.as_deref(), limit).await?;
            list(&letters, output)
        }
        DlqCommand::Show { id, config, output } => {
            let letters = letters(config.as_deref(), SEARCHED).await?;
            let Some(letter) = letters.iter().find(|letter| letter.id == id) else {
                bail!("no dead letter has the id {id:?}; see `opsward dlq list`");
            };
            show(letter, output)
        }
    }
}

async fn letters(config: Option<&std::path::Path>, most: u64) -> anyhow::Result<Vec<DeadLetter>> {
    let config = Config::load(config)?;
    let bus = Bus::connect(&config.nats, None).await?;
    Ok(bus.dead_letters(most).await?)
}

fn list(letters: &[DeadLetter], output: Output) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    if output == Output::Json {
        serde_json::to_writer_pretty(&mut out, letters)?;
        writeln!(out)?;
        return Ok(Exit::Ok);
    }
    if letters.is_empty() {
        writeln!(std::io::stderr(), "No dead letters.")?;
        return Ok(Exit::Ok);
    }
    writeln!(
        out,
        "{:26}  {:24}  {:16}  {:16}  {:18}  MESSAGE",
        "ID", "AT", "NAMESPACE", "SOURCE", "REASON"
    )?;
    for letter in letters {
        let message: String = letter.message.chars().take(LINE_CHARS).collect();
        let DeadLetter {
            id,
            at,
            namespace,
            source,
            reason,
            ..
        } = letter;
        writeln!(
            out,
            "{id:26}  {at:24}  {namespace:16}  {source:16}  {reason:18}  {message}",
            at = at.to_string()
        )?;
    }
    Ok(Exit::Ok)
}

fn show(letter: &DeadLetter, output: Output) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    if output == Output::Json {
        serde_json::to_writer_pretty(&mut out, letter)?;
        writeln!(out)?;
        return Ok(Exit::Ok);
    }
    let item = letter
        .item
        .map_or_else(|| "the whole request".to_owned(), |item| format!("item {item}"));
    writeln!(
        out,
        "id:        {}\nat:        {}\nnamespace: {}",
        letter.id, letter.at, letter.namespace
    )?;
    writeln!(out, "source:    {} ({}), {item}", letter.source, letter.format)?;
    writeln!(
        out,
        "reason:    {}\nmessage:   {}\n\n{}",
        letter.reason, letter.message, letter.payload
    )?;
    Ok(Exit::Ok)
}
