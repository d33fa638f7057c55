//! The one configuration file. An error names the file, the line and the field.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use bus::BusConfig;
use collector::{CollectorConfig, IngestConfig, Reread, SourceConfig};
use controller::ControllerConfig;
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
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let name = path.display().to_string();
        let config: Self = serde_yaml::from_str(text).with_context(|| name.clone())?;
        config.collector().validate().with_context(|| name)?;
        Ok(config)
    }

    /// The collector's part of the file again, whenever its text is another one than before.
    pub fn reread(path: Option<&Path>) -> Reread {
        let Some(path) = path.map(Path::to_owned) else {
            return Reread::never();
        };
        let mut known = read(&path).map_err(|error| format!("{error:#}"));
        Reread::new(move || {
            let text = read(&path).map_err(|error| format!("{error:#}"));
            if text == known {
                return None;
            }
            known.clone_from(&text);
            let config = text.and_then(|text| {
                Self::parse(&path, &text)
                    .map(|config| config.collector())
                    .map_err(|error| format!("{error:#}"))
            });
            Some(config)
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
}
