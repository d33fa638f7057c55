//! The binary `opsward`: wires the roles to the command line and decides nothing.
fn main() {}
