//! `opsward normalize`: bytes in, Events out as JSON lines; what ingest would make of them, offline.

use std::io::{Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use domain::redact::Redactor;
use domain::time::Time;
use formats::{Format, Input, Refusal};
use serde::Serialize;

use crate::Exit;
use crate::cli::NormalizeArgs;
use crate::config::Config;

/// A refusal as a JSON line.
#[derive(Serialize)]
struct Refused<'a> {
    item: usize,
    reason: &'a str,
    message: &'a str,
}

/// Runs the command.
pub fn normalize(args: &NormalizeArgs) -> anyhow::Result<Exit> {
    let as_source = as_source(args)?;
    let body = read_input(args.file.as_deref())?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let received_at = Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    let input = Input {
        body: &body,
        received_at,
        source: &as_source.name,
    };
    let items = match formats::parse(as_source.format, input) {
        Ok(items) => items,
        Err(refusal) => return refuse(0, &refusal),
    };
    let redactor = Redactor::new()?;
    let redacts = redactor.may_contain_secret(&body);
    let mut exit = Exit::Ok;
    let mut out = std::io::stdout().lock();
    for (index, item) in items.enumerate() {
        match item.result {
            Err(refusal) => exit = refuse(index, &refusal)?,
            Ok(mut event) => {
                if redacts {
                    redactor.event(&mut event);
                }
                event.namespace = as_source.namespace.as_str().into();
                serde_json::to_writer(&mut out, &event)?;
                out.write_all(b"\n")?;
            }
        }
    }
    Ok(exit)
}

/// The source whose eyes to read with.
struct AsSource {
    name: String,
    format: Format,
    namespace: String,
}

fn as_source(args: &NormalizeArgs) -> anyhow::Result<AsSource> {
    let named = args.format.as_deref().map(format_named).transpose()?;
    let Some(source) = &args.source else {
        let format = named.ok_or_else(|| anyhow!("--format is missing"))?;
        return Ok(AsSource {
            name: format.name().to_owned(),
            format,
            namespace: String::new(),
        });
    };
    let config = Config::load(args.config.as_deref())?;
    let known = || {
        config
            .sources
            .iter()
            .map(|source| source.name.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let found = config
        .sources
        .iter()
        .find(|known| known.name.to_string() == *source);
    let found = found.ok_or_else(|| {
        anyhow!(
            "--source {source}: the configuration has no such source; it has {}",
            known()
        )
    })?;
    Ok(AsSource {
        name: source.clone(),
        format: named.unwrap_or(found.format),
        namespace: found.namespace.to_string(),
    })
}

fn format_named(name: &str) -> anyhow::Result<Format> {
    let all = Format::ALL.map(Format::name).join(", ");
    Format::from_name(name).ok_or_else(|| anyhow!("--format {name}: unknown; use one of {all}"))
}

/// Reads a file, or standard input.
pub fn read_input(file: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    if let Some(path) = file.filter(|path| *path != Path::new("-")) {
        return std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    }
    let mut body = Vec::new();
    std::io::stdin()
        .read_to_end(&mut body)
        .context("cannot read standard input")?;
    Ok(body)
}

fn refuse(item: usize, refusal: &Refusal) -> anyhow::Result<Exit> {
    let line = Refused {
        item,
        reason: refusal.reason.as_str(),
        message: &refusal.message,
    };
    writeln!(std::io::stderr(), "{}", serde_json::to_string(&line)?)?;
    Ok(Exit::Findings)
}
