//! The samples of a format: bodies with their headers and the reader that their source has. In
//! `tests/samples/<format>/`: `<name>.json` (or `.bin`, `.txt`), beside it `<name>.headers` where headers matter
//! (`name: value`, a line each). A sample `<vendor>-<what>.json` of `generic` is read as `config/samples/sources/
//! <vendor>.yaml` maps it; `sample` as `datadog.yaml` does.

use std::path::{Path, PathBuf};

use domain::time::Time;
use formats::{Format, Input, Reader, Settings};

/// When all samples are received: 2024-12-20T10:30:05Z.
pub const RECEIVED_AT: Time = Time::from_millis(1_734_690_605_000);

/// One sample.
pub struct Sample {
    /// The body's file.
    #[allow(dead_code, reason = "not every test names it")]
    pub file: PathBuf,
    /// The body.
    pub body: Vec<u8>,
    headers: Vec<(String, String)>,
    reader: Reader,
}

impl Sample {
    /// Its headers, their names in lower case.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let pairs = self.headers.iter();
        pairs
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// Reads `body` as this sample's, with its headers.
    pub fn with<T>(&self, body: &[u8], read: impl FnOnce(&Reader, Input<'_>) -> T) -> T {
        let headers = self.headers();
        let input = Input {
            body,
            headers: &headers,
            received_at: RECEIVED_AT,
            source: "sample",
        };
        read(&self.reader, input)
    }
}

/// All samples of a format, by name.
pub fn all(format: Format) -> Vec<Sample> {
    let folder = folder().join(format.name());
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    let is_body = |extension: &str| ["json", "bin", "txt"].contains(&extension);
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| is_body(extension.to_str().unwrap()))
    });
    files.sort();
    assert!(!files.is_empty(), "no samples of {}", format.name());
    files.into_iter().map(|file| sample(format, file)).collect()
}

/// Beside this file's folder, whichever crate's test includes it.
fn folder() -> PathBuf {
    let crates = ["tests/samples", "../operator/crates/formats/tests/samples"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = crates
        .iter()
        .map(|path| root.join(path))
        .find(|path| path.is_dir());
    found.unwrap()
}

fn sample(format: Format, file: PathBuf) -> Sample {
    let headers = std::fs::read_to_string(file.with_extension("headers")).unwrap_or_default();
    let headers = headers.lines().map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    });
    Sample {
        body: std::fs::read(&file).unwrap(),
        headers: headers.collect(),
        reader: Reader::new(format, &settings(format, &file)).unwrap(),
        file,
    }
}

fn settings(format: Format, file: &Path) -> Settings {
    if format != Format::Generic {
        return Settings::default();
    }
    let name = file.file_stem().unwrap().to_str().unwrap();
    let vendor = match name.split_once('-') {
        Some((vendor, _)) => vendor,
        // The sample that ships in the binary.
        None => "datadog",
    };
    let path = folder().join(format!("../../../../../config/samples/sources/{vendor}.yaml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let config: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let mapping = config["sources"][0]["mapping"].clone();
    Settings {
        mapping: Some(serde_yaml::from_value(mapping).unwrap()),
        ..Settings::default()
    }
}
