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

mod sample;

use formats::{Format, Item};
use sample::Sample;

fn line(item: &Item<'_>) -> String {
    match &item.result {
        Ok(event) => serde_json::to_string(event).unwrap(),
        Err(refusal) => {
            serde_json::json!({"reason": refusal.reason.as_str(), "message": refusal.message}).to_string()
        }
    }
}

fn lines(sample: &Sample) -> Vec<String> {
    sample.with(&sample.body, |reader, input| {
        let items = reader
            .parse(input)
            .unwrap_or_else(|refusal| panic!("{}: {refusal}", sample.file.display()));
        items.map(|item| line(&item)).collect()
    })
}

fn all() -> impl Iterator<Item = Sample> {
    Format::ALL.into_iter().flat_map(sample::all)
}

#[test]
fn samples_become_the_recorded_events() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut seen = 0;
    for sample in all() {
        let mut text = lines(&sample).join("\n");
        text.push('\n');
        let golden = sample.file.with_extension("events.jsonl");
        if update {
            std::fs::write(&golden, &text).unwrap();
        }
        let recorded = std::fs::read_to_string(&golden);
        assert_eq!(text, recorded.unwrap_or_default(), "{}", sample.file.display());
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} samples found");
}

#[test]
fn recorded_events_read_back_as_the_same_events() {
    for sample in all() {
        for line in lines(&sample) {
            let Ok(event) = serde_json::from_str::<domain::event::Event<'_>>(&line) else {
                assert!(line.contains("\"reason\""), "{line}");
                continue;
            };
            assert_eq!(serde_json::to_string(&event).unwrap(), line);
        }
    }
}

#[test]
fn a_parsed_event_equals_what_its_json_reads_as() {
    for sample in all() {
        sample.with(&sample.body, |reader, input| {
            for event in reader.parse(input).unwrap().filter_map(|item| item.result.ok()) {
                let json = serde_json::to_string(&event).unwrap();
                assert_eq!(
                    serde_json::from_str::<domain::event::Event<'_>>(&json).unwrap(),
                    event
                );
            }
        });
    }
}
