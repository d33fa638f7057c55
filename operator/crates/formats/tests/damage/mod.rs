//! Damage done to samples: the same for the parsers by themselves and for a whole collector.

/// What is put into bodies: JSON's own punctuation and the values that parsers stumble over.
const SHARDS: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"null",
    b"true",
    b"-",
    b"1e999",
    b"-0",
    b"\\u0000",
    b"\\ud800",
    b"\\uDBFF\\uDFFF",
    b"\xff",
    b"\xf0\x9f",
    b"\n",
    b"9999999999999999999999",
    b"\"\"",
    b"{\"labels\":[]}",
    b"[[[[[[[[[[",
    b"0001-01-01T00:00:00Z",
];

/// Marsaglia's xorshift64: enough for choosing bytes, and the same everywhere.
struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap()
    }
}

/// The body, damaged in one to four places as the seed says.
pub fn mutated(body: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Xorshift(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut body = body.to_vec();
    for _ in 0..=random.below(4) {
        mutate(&mut random, &mut body);
    }
    body
}

fn mutate(random: &mut Xorshift, body: &mut Vec<u8>) {
    let at = random.below(body.len());
    let end = (at + 1 + random.below(24)).min(body.len());
    match random.below(6) {
        0 => body[at] ^= 1 << random.below(8),
        1 => drop(body.drain(at..end)),
        2 => drop(body.splice(at..at, SHARDS[random.below(SHARDS.len())].iter().copied())),
        3 => drop(body.splice(at..end, SHARDS[random.below(SHARDS.len())].iter().copied())),
        4 => {
            let copied = body[at..end].to_vec();
            let to = random.below(body.len());
            drop(body.splice(to..to, copied));
        }
        _ => body.truncate(at.max(1)),
    }
    if body.is_empty() {
        body.push(b'{');
    }
}
