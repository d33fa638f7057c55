//! The one configuration file. An error names the file, the line and the field.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use bus::BusConfig;
use collector::{CollectorConfig, IngestConfig, Reread, SourceConfig};
use controller::ControllerConfig;
use notifier::NotifierConfig;
use platform::telemetry::LogFormat;
use serde::Deserialize;

/// Everything that can be configured; each part has defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Config {
    /// How to reach NATS, and as whom.
    pub nats: BusConfig,
    /// Where and how events are taken in.
    pub ingest: IngestConfig,
    /// Who may send.
    pub sources: Vec<SourceConfig>,
    /// Where health and metrics are served.
    pub admin: AdminConfig,
    /// The process's own log.
    pub log: LogConfig,
    /// The controller.
    pub controller: ControllerConfig,
    /// The notifier.
    pub notifier: NotifierConfig,
    /// The file's text, by which a change is known.
    #[serde(skip)]
    text: String,
}

/// Health and metrics.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct AdminConfig {
    /// Address and port. Default `127.0.0.1:9090`.
    pub address: SocketAddr,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 9090)),
        }
    }
}

/// The process's own log.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct LogConfig {
    /// `text` (default) or `json`.
    pub format: LogFormat,
    /// A level or filter, such as `info` or `controller=debug`; `RUST_LOG` goes before it.
    pub level: Option<String>,
}

impl Config {
    /// Reads and checks `path`; everything has its default without one.
    pub fn load(path: Option<&Path>) -> anyhow::Result<Self> {
        match path {
            Some(path) => Self::parse(path, &read(path)?),
            None => Ok(Self::default()),
        }
    }

    fn parse(path: &Path, text: &str) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let mut config: Self = if text.trim().is_empty() {
            Self::default()
        } else {
            serde_yaml::from_str(text).with_context(|| name.clone())?
        };
        config.collector().validate().with_context(|| name)?;
        text.clone_into(&mut config.text);
        Ok(config)
    }

    /// The collector's part of the file again, whenever its text is another one than this configuration's. A text is taken
    /// when it was read twice: who writes a file empties it first, and an empty one is no configuration then.
    pub fn reread(&self, path: Option<&Path>) -> Reread {
        let Some(path) = path.map(Path::to_owned) else {
            return Reread::never();
        };
        let mut known = Ok(self.text.clone());
        let mut seen = None;
        Reread::new(move || {
            let text = read(&path).map_err(|error| format!("{error:#}"));
            if text == known {
                seen = None;
                return None;
            }
            if seen.as_ref() != Some(&text) {
                seen = Some(text);
                return None;
            }
            known.clone_from(&text);
            Some(text.and_then(|text| changed(&path, &text)))
        })
    }

    /// The collector's part.
    pub fn collector(&self) -> CollectorConfig {
        CollectorConfig {
            ingest: self.ingest.clone(),
            sources: self.sources.clone(),
        }
    }
}

fn changed(path: &Path, text: &str) -> Result<CollectorConfig, String> {
    if text.trim().is_empty() {
        return Err(format!(
            "{} is empty; write what is to be in force",
            path.display()
        ));
    }
    let config = Config::parse(path, text).map_err(|error| format!("{error:#}"))?;
    Ok(config.collector())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read the configuration {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(yaml: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), yaml).unwrap();
        format!("{:#}", Config::load(Some(file.path())).unwrap_err())
    }

    #[test]
    fn an_error_names_file_field_and_line() {
        let text =
            error("admin:\n  address: 127.0.0.1:1\nsources:\n- name: a\n  format: purple\n  namespace: b\n");
        assert!(
            text.contains("sources[0].format") && text.contains("line 5"),
            "{text}"
        );
        let text = error("nats:\n  ulr: x\n");
        assert!(text.contains("ulr") && text.contains("line 2"), "{text}");
    }

    #[test]
    fn a_changed_text_is_given_once_when_it_was_read_twice() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |text: &str| std::fs::write(file.path(), text).unwrap();
        let source = |name: &str| format!("sources: [{{name: {name}, format: webhook, namespace: x}}]\n");
        write(&source("a"));
        let config = Config::load(Some(file.path())).unwrap();
        write(&source("b"));
        let mut reread = config.reread(Some(file.path()));
        assert!(reread.changed().is_none(), "seen once");
        let names = |config: CollectorConfig| {
            config
                .sources
                .iter()
                .map(|source| source.name.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(reread.changed().unwrap().map(names), Ok(vec!["b".to_owned()]));
        assert!(reread.changed().is_none(), "given once");
        write("");
        reread.changed();
        assert!(reread.changed().unwrap().unwrap_err().contains("is empty"));
        write("sources: [");
        assert!(reread.changed().is_none());
        write(&source("b"));
        assert!(reread.changed().is_none());
        assert_eq!(reread.changed().unwrap().map(names), Ok(vec!["b".to_owned()]));
    }
}
