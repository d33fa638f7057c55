//! `opsward normalize`: bytes in, Events out as JSON lines; what ingest would make of them, offline.

use std::io::{Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use collector::{Rejection, SourceConfig};
use domain::dimensions::Dimensions;
use domain::event::Event;
use domain::redact::Redactor;
use domain::time::Time;
use formats::{Input, Reader, Settings};
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
    let headers = headers(&args.headers)?;
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let input = Input {
        body: &body,
        headers: &headers,
        received_at,
        source: &as_source.name,
    };
    let items = match as_source.reader.parse(input) {
        Ok(items) => items,
        Err(refusal) => return refuse(0, refusal.reason.as_str(), &refusal.message),
    };
    let redactor = Redactor::new()?;
    let redacts = as_source.reader.format().hides_texts() || redactor.may_contain_secret(&body);
    let mut exit = Exit::Ok;
    let mut out = std::io::stdout().lock();
    for (index, item) in items.enumerate() {
        match item.result {
            Err(refusal) => exit = refuse(index, refusal.reason.as_str(), &refusal.message)?,
            Ok(mut event) => {
                if redacts {
                    redactor.event(&mut event);
                }
                event.dimensions = Dimensions::of(&event);
                let namespaces = match as_source.namespaces_of(&event) {
                    Ok(namespaces) => namespaces,
                    Err(why) => {
                        exit = refuse(index, why.reason, &why.message)?;
                        continue;
                    }
                };
                for namespace in namespaces {
                    event.namespace = namespace.into();
                    serde_json::to_writer(&mut out, &event)?;
                    out.write_all(b"\n")?;
                }
            }
        }
    }
    Ok(exit)
}

/// The source whose eyes to read with.
struct AsSource {
    name: String,
    reader: Reader,
    /// None without a configured source.
    config: Option<SourceConfig>,
}

impl AsSource {
    fn namespaces_of(&self, event: &Event<'_>) -> Result<Vec<String>, Rejection> {
        self.config.as_ref().map_or_else(
            || Ok(vec![String::new()]),
            |config| {
                Ok(config
                    .namespaces_of(event)?
                    .iter()
                    .map(ToString::to_string)
                    .collect())
            },
        )
    }
}

fn as_source(args: &NormalizeArgs) -> anyhow::Result<AsSource> {
    let Some(source) = &args.source else {
        let format = args.format.ok_or_else(|| anyhow!("--format is missing"))?;
        let reader = Reader::new(format, &Settings::default());
        return Ok(AsSource {
            name: format.name().to_owned(),
            reader: reader
                .map_err(|error| anyhow!("{error}; name a configured source: --config FILE --source NAME"))?,
            config: None,
        });
    };
    let config = Config::load(args.config.as_deref())?;
    let found = config.sources.iter().find(|known| known.name.as_str() == source);
    let mut found = found.cloned().ok_or_else(|| {
        let known: Vec<_> = config.sources.iter().map(|source| source.name.as_str()).collect();
        anyhow!(
            "--source {source}: the configuration has no such source; it has {}",
            known.join(", ")
        )
    })?;
    found.format = args.format.unwrap_or(found.format);
    Ok(AsSource {
        name: source.clone(),
        reader: found.reader()?,
        config: Some(found),
    })
}

/// `Name: value` as names in lower case with values.
pub fn headers(texts: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let pair = |text: &String| {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| anyhow!("--header {text}: write it as `Name: value`"))?;
        Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    texts.iter().map(pair).collect()
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

fn refuse(item: usize, reason: &str, message: &str) -> anyhow::Result<Exit> {
    let line = Refused {
        item,
        reason,
        message,
    };
    writeln!(std::io::stderr(), "{}", serde_json::to_string(&line)?)?;
    Ok(Exit::Findings)
}
