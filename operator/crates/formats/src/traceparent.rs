//! W3C trace contexts, in headers and in bodies: w3.org/TR/trace-context, version 00.

/// Characters of `00-<trace id>-<parent id>-<flags>`.
const LENGTH: usize = 55;

/// Whether it may stand in an event: version 00, lower-case digits, no id of zeros.
pub fn is_well_formed(text: &str) -> bool {
    let is_hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |part: &str, length| is_hex(part, length) && part.bytes().any(|byte| byte != b'0');
    let mut parts = text.split('-');
    let mut next = || parts.next().unwrap_or_default();
    text.len() == LENGTH && next() == "00" && is_id(next(), 32) && is_id(next(), 16) && is_hex(next(), 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_version_00_without_zero_ids_is_taken() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_well_formed(good));
        for bad in [
            "",
            &good.to_ascii_uppercase(),
            &good.replacen("00-", "cc-", 1),
            &good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &good.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &format!("{good}-extra"),
            &good.replace("736-", "-736"),
        ] {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }
}
