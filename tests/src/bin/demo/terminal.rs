//! How the demo looks: headings, remarks, commands as they are typed, and what they print. Runs nothing.

use std::io::{IsTerminal, stdout};

/// Before a heading, and before a command, on a terminal that shows colours.
const BOLD: &str = "\x1b[1m";
/// Before a remark.
const DIM: &str = "\x1b[2m";
/// After each.
const PLAIN: &str = "\x1b[0m";

/// A part of the demo begins.
pub fn heading(text: &str) {
    println!("\n{}", dressed(BOLD, &format!("══ {text}")));
}

/// What is going to happen and why.
pub fn remark(text: &str) {
    println!("{}", dressed(DIM, &format!("   {text}")));
}

/// A command, as it is given to the shell.
pub fn typed(command: &str) {
    println!("{}", dressed(BOLD, &format!("$ {command}")));
}

/// What a command printed.
pub fn printed(output: &str) {
    for line in output.lines() {
        println!("{line}");
    }
}

/// Colours only for a person who wants them (<https://no-color.org>).
fn dressed(how: &str, text: &str) -> String {
    if stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("{how}{text}{PLAIN}")
    } else {
        text.to_owned()
    }
}
