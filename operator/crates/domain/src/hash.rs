//! 128-bit hashes of identities: fingerprints, occurrence keys, delivery keys, groups. Truncated BLAKE3: stable
//! over versions and machines, nobody who writes alerts can aim a collision at another team's, and fast on short
//! input where the machine has no SHA instructions.

use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hex;

/// The first 128 bits of a BLAKE3. Written as 32 lower-case hexadecimal digits; all zero means absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash128(u128);

impl Hash128 {
    /// Hashes `parts`, each with its length, so that no two different lists share their bytes.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut first = [0; 16];
        hasher.finalize_xof().fill(&mut first);
        Self(u128::from_be_bytes(first))
    }

    /// Reads 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (halves, []) = text.as_bytes().as_chunks::<16>() else {
            return None;
        };
        let &[high, low] = halves else { return None };
        Some(Self(
            u128::from(hex::number(high)?) << 64 | u128::from(hex::number(low)?),
        ))
    }

    /// Whether this is the absent value.
    pub const fn is_absent(&self) -> bool {
        self.0 == 0
    }

    /// The 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl From<u128> for Hash128 {
    fn from(bits: u128) -> Self {
        Self(bits)
    }
}

impl Hash128 {
    /// The 32 hexadecimal digits.
    pub fn hex(self) -> [u8; 32] {
        let mut text = [0_u8; 32];
        for (pair, byte) in text.as_chunks_mut().0.iter_mut().zip(self.0.to_be_bytes()) {
            *pair = hex::digits(byte);
        }
        text
    }
}

impl fmt::Display for Hash128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl Serialize for Hash128 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.to_le_bytes().serialize(serializer)
        }
    }
}

struct Hex;

impl serde::de::Visitor<'_> for Hex {
    type Value = Hash128;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("32 hexadecimal digits")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Hash128, E> {
        Hash128::parse(text).ok_or_else(|| E::custom("not 32 hexadecimal digits"))
    }
}

impl<'de> Deserialize<'de> for Hash128 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return <[u8; 16]>::deserialize(deserializer).map(|bytes| Self(u128::from_le_bytes(bytes)));
        }
        deserializer.deserialize_str(Hex)
    }
}

/// Takes the low bits of what is already a good hash: no second hashing of [`Hash128`] keys in maps.
#[derive(Default)]
pub struct TakeBits(u64);

impl Hasher for TakeBits {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    #[allow(clippy::cast_possible_truncation, reason = "both halves are taken")]
    fn write_u128(&mut self, bits: u128) {
        self.0 ^= (bits as u64) ^ ((bits >> 64) as u64).rotate_left(17);
    }
}

/// A map keyed by [`Hash128`].
pub type HashKeyed<V> = std::collections::HashMap<Hash128, V, BuildHasherDefault<TakeBits>>;
/// A set of [`Hash128`].
pub type HashSet128 = std::collections::HashSet<Hash128, BuildHasherDefault<TakeBits>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(Hash128::of(["ab", "c"]), Hash128::of(["a", "bc"]));
    }

    #[test]
    fn hexadecimal_reads_back() {
        let hash = Hash128::of(["x"]);
        assert_eq!(Hash128::parse(&hash.to_string()), Some(hash));
        assert_eq!(hash.to_string().len(), 32);
        assert_eq!(
            Hash128::parse(&format!("0{}F", "0".repeat(30))).map(Hash128::bits),
            Some(15)
        );
    }

    #[test]
    fn anything_but_32_digits_is_no_hash() {
        for text in [
            "",
            "0",
            &"0".repeat(33),
            &format!("+{}", "0".repeat(31)),
            &"g".repeat(32),
        ] {
            assert_eq!(Hash128::parse(text), None, "{text}");
        }
    }
}
