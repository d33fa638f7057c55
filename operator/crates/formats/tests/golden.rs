//! Every sample body becomes exactly the events and refusals that lie beside it, one JSON line an item.
//!
//! After a wanted change: `UPDATE_GOLDEN=1 cargo test -p formats --test golden`, then read the difference.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's helpers are tests"
)]

use std::path::{Path, PathBuf};

use domain::time::Time;
use formats::{Format, Input, Item, parse};

const RECEIVED_AT: &str = "2024-12-20T10:30:05Z";

fn samples(format: Format) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/samples")
        .join(format.name());
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

fn line(item: &Item<'_>) -> String {
    match &item.result {
        Ok(event) => serde_json::to_string(event).unwrap(),
        Err(refusal) => {
            serde_json::json!({"reason": refusal.reason.as_str(), "message": refusal.message}).to_string()
        }
    }
}

fn lines(format: Format, body: &[u8]) -> Vec<String> {
    let input = Input {
        body,
        received_at: Time::parse(RECEIVED_AT).unwrap(),
        source: "sample",
    };
    parse(format, input).unwrap().map(|item| line(&item)).collect()
}

#[test]
fn samples_become_the_recorded_events() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut seen = 0;
    for format in Format::ALL {
        for file in samples(format) {
            let mut text = lines(format, &std::fs::read(&file).unwrap()).join("\n");
            text.push('\n');
            let golden = file.with_extension("events.jsonl");
            if update {
                std::fs::write(&golden, &text).unwrap();
            }
            assert_eq!(
                text,
                std::fs::read_to_string(&golden).unwrap(),
                "{}",
                file.display()
            );
            seen += 1;
        }
    }
    assert!(seen >= 8, "only {seen} samples found");
}

#[test]
fn recorded_events_read_back_as_the_same_events() {
    for format in Format::ALL {
        for file in samples(format) {
            for line in lines(format, &std::fs::read(&file).unwrap()) {
                let Ok(event) = serde_json::from_str::<domain::event::Event<'_>>(&line) else {
                    assert!(line.contains("\"reason\""), "{line}");
                    continue;
                };
                assert_eq!(serde_json::to_string(&event).unwrap(), line);
            }
        }
    }
}

#[test]
fn a_parsed_event_equals_what_its_json_reads_as() {
    for format in Format::ALL {
        for file in samples(format) {
            let body = std::fs::read(&file).unwrap();
            let input = Input {
                body: &body,
                received_at: Time::parse(RECEIVED_AT).unwrap(),
                source: "sample",
            };
            for event in parse(format, input).unwrap().filter_map(|item| item.result.ok()) {
                let json = serde_json::to_string(&event).unwrap();
                assert_eq!(
                    serde_json::from_str::<domain::event::Event<'_>>(&json).unwrap(),
                    event
                );
            }
        }
    }
}
