//! Mutations of bytes that are the same in every run: what the replay does beside seeds, for lack of a fuzzer's feedback.

/// A generator of numbers (SplitMix64): the same from the same seed everywhere.
#[derive(Clone, Debug)]
pub struct Numbers(pub u64);

impl Numbers {
    /// The next one below `bound`, 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }
}

/// What is written into texts: brackets, quotes, numbers at the edge, what the grammars begin things with.
const TOKENS: [&str; 36] = [
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "`",
    "\\",
    "{{",
    "}}",
    "\n",
    "\n  ",
    ": ",
    "- ",
    "&a ",
    "*a",
    "|",
    "%",
    "@",
    " offset ",
    " - ",
    "-1",
    "1e308",
    "9223372036854775807",
    "0x",
    "NaN",
    "Inf",
    ":",
    ",",
    "\u{0}",
    "é",
    "\u{1F600}",
    "5m",
    "$x",
];

/// Bytes from two others: some bytes changed, cut, doubled, or exchanged for those of the other.
pub fn mutated(numbers: &mut Numbers, one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = one.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        let end = (at + numbers.below(16)).min(bytes.len());
        match numbers.below(7) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..at, TOKENS[numbers.below(TOKENS.len())].bytes())),
            2 => drop(bytes.splice(at..end, TOKENS[numbers.below(TOKENS.len())].bytes())),
            3 => {
                let twice = bytes[at..end].repeat(1 + numbers.below(40));
                drop(bytes.splice(at..at, twice));
            }
            4 => {
                let from = numbers.below(other.len() + 1);
                let upto = (from + numbers.below(64)).min(other.len());
                drop(bytes.splice(at..end, other[from..upto].iter().copied()));
            }
            5 => bytes[at..end].iter_mut().take(1).for_each(|byte| *byte ^= 1 << numbers.below(8)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}
