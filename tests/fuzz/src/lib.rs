//! What the fuzzers of all formats share. An input is a body; lines `name: value` and an empty line before it are its
//! headers, and without such lines it has those of the format's built-in sample.

use std::sync::OnceLock;

use domain::time::Time;
use formats::{Format, Input, Reader, Settings};

#[path = "../../../operator/crates/formats/tests/answer/mod.rs"]
mod answer;

/// The mapping that `generic` is fuzzed with: a vendor's, with every kind of field.
const MAPPING: &str = include_str!("../../../config/samples/sources/servicenow.yaml");

/// Parses `data` as a request of the format, and holds the answer to what must hold for every answer.
pub fn run(format: &str, data: &[u8]) {
    static READER: OnceLock<Reader> = OnceLock::new();
    let reader = READER.get_or_init(|| reader(Format::from_name(format).expect("a format's name")));
    let (headers, body) = split(data).unwrap_or_else(|| {
        (formats::sample(reader.format()).headers.to_vec(), data)
    });
    let input = Input {
        body,
        headers: &headers,
        received_at: Time::from_millis(1_734_690_605_000),
        source: "fuzz",
    };
    answer::check(reader, input);
}

fn reader(format: Format) -> Reader {
    let mapping = || -> Option<_> {
        let config: serde_yaml::Value = serde_yaml::from_str(MAPPING).ok()?;
        serde_yaml::from_value(config.get("sources")?.get(0)?.get("mapping")?.clone()).ok()
    };
    let settings = Settings {
        mapping: (format == Format::Generic).then(|| mapping().expect("the sample's mapping")),
        ..Settings::default()
    };
    Reader::new(format, &settings).expect("settings that fit")
}

/// Headers and body, where the input has both.
fn split(data: &[u8]) -> Option<(Vec<(&str, &str)>, &[u8])> {
    let end = data.windows(2).position(|pair| pair == b"\n\n")?;
    let head = std::str::from_utf8(data.get(..end)?).ok()?;
    let headers: Option<Vec<_>> = head.lines().map(|line| line.split_once(": ")).collect();
    Some((headers?, data.get(end + 2..)?))
}
