//! Damaged bodies: cut off anywhere, and mutated ten thousand times a format. Whatever comes in, a parser
//! answers with events within the bounds or with a refusal that says something; it never panics.
//!
//! A failure prints its seed; `MUTATION_SEED=<seed>` runs that one again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's helpers are tests"
)]

mod answer;
mod damage;
mod sample;

use formats::Format;
use sample::Sample;

const MUTATIONS: u64 = 10_000;
/// Bodies up to this size are cut at every byte, larger ones at every 64th.
const SMALL_BYTES: usize = 2048;

/// Parses, and checks what must hold for any answer; says how many events came out.
fn check(sample: &Sample, body: &[u8]) -> usize {
    sample.with(body, answer::check)
}

#[test]
fn a_body_cut_off_anywhere_is_answered() {
    for sample in Format::ALL.into_iter().flat_map(sample::all) {
        let body = &sample.body;
        let step = if body.len() <= SMALL_BYTES { 1 } else { 64 };
        println!("{}", sample.file.display());
        for end in (0..body.len()).step_by(step) {
            check(&sample, &body[..end]);
        }
    }
}

#[test]
fn a_mutated_body_is_answered() {
    let chosen = std::env::var("MUTATION_SEED")
        .ok()
        .map(|seed| seed.parse::<u64>().unwrap());
    for format in Format::ALL {
        let samples = sample::all(format);
        let mut events = 0;
        for seed in chosen.map_or(1..=MUTATIONS, |seed| seed..=seed) {
            let sample = &samples[usize::try_from(seed).unwrap() % samples.len()];
            let body = damage::mutated(&sample.body, seed);
            let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(sample, &body)));
            events += answer.unwrap_or_else(|_| panic!("{}: MUTATION_SEED={seed}", format.name()));
        }
        println!("{}: {events} events out of seeds 1 to {MUTATIONS}", format.name());
        assert!(
            events > 0 || chosen.is_some(),
            "mutations that spare no item test only the first check"
        );
    }
}
