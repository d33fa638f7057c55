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
    rows: Vec<(String, f64, f64, String)>,
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

    /// Adds one comparison; the ratio says how many times ours is better, as `unit` explains.
    pub fn add(&mut self, name: &str, ours: f64, peer: f64, unit: &str) -> Result<()> {
        let ratio = if peer == 0.0 { f64::NAN } else { ours / peer };
        writeln!(
            self.file,
            "{}",
            json!({"name": name, "ours": ours, "peer": peer, "ratio": ratio, "unit": unit})
        )?;
        println!("{name:28} {ours:14.1} {peer:14.1} {ratio:8.2}  {unit}");
        self.rows.push((name.to_owned(), ours, peer, unit.to_owned()));
        Ok(())
    }

    /// The table.
    pub fn table(&self) {
        println!(
            "\n{:28} {:>14} {:>14} {:>8}  UNIT",
            "NAME", "OURS", "PEER", "RATIO"
        );
        for (name, ours, peer, unit) in &self.rows {
            println!("{name:28} {ours:14.1} {peer:14.1} {:8.2}  {unit}", ours / peer);
        }
        println!("\nJSON lines: {FILE}");
    }
}
