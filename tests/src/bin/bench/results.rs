//! What was measured: a table for people, JSON lines for programs.

use std::fs::{File, create_dir_all};
use std::io::Write;

use anyhow::{Context, Result};
use serde_json::json;

/// Where the JSON lines go.
const FILE: &str = "target/bench/results.jsonl";

/// The results so far.
pub struct Results {
    file: File,
    rows: Vec<String>,
}

impl Results {
    /// Starts anew.
    pub fn new() -> Result<Self> {
        create_dir_all("target/bench")?;
        Ok(Self {
            file: File::create(FILE).context(FILE)?,
            rows: Vec::new(),
        })
    }

    /// Adds one measurement, beside the peer's or the promised value where there is one; `ratio` is ours by theirs, and
    /// `unit` says when less is better.
    pub fn add(&mut self, name: &str, ours: f64, peer: Option<f64>, unit: &str) -> Result<()> {
        let ratio = peer.map(|peer| ours / peer);
        let line = json!({"name": name, "ours": ours, "peer": peer, "ratio": ratio, "unit": unit});
        writeln!(self.file, "{line}")?;
        let cell =
            |value: Option<f64>, digits| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
        let row = format!(
            "{name:28} {ours:14.1} {:>14} {:>8}  {unit}",
            cell(peer, 1),
            cell(ratio, 2)
        );
        println!("{row}");
        self.rows.push(row);
        Ok(())
    }

    /// The table.
    pub fn table(&self) {
        println!(
            "\n{:28} {:>14} {:>14} {:>8}  UNIT",
            "NAME", "OURS", "PEER", "RATIO"
        );
        for row in &self.rows {
            println!("{row}");
        }
        println!("\nJSON lines: {FILE}");
    }
}
