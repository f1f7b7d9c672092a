//! [`Glance`]: what tells from base64 characters as they stand at which alignments they may decode to something.
//!
//! Identifiers and digests are runs of base64 characters, by far most runs of text; what they decode to looks random. A match is either
//! ASCII text of eleven bytes or more, or it begins with one of a few triples of bytes; what else may begin is a magic number, perhaps with an escape in
//! it. Both can be told from the characters:
//!
//! ```text
//! characters   c0       c1       c2       c3         a quad is ASCII text if the highest bit of each byte is clear:
//! bits         Aaaaaa   aaBbbb   bbbbCc   cccccc     bit 5 of c0, bit 3 of c1, bit 1 of c2
//!
//! triple at byte 0     c0 c1 c2 c3         of the characters that hold bits of a triple, the first three that hold no other bits, at each
//! at byte 1            .. c2 c3 C0 ..      alignment, are looked up two by two; then all of it
//! at byte 2            .. c3 C0 C1 ..
//! ```
//!
//! Eleven bytes in a row hold three whole quads at every alignment. Both tests say yes too often, and never no to what holds something.

use exfilter_codec::base64;

use super::shape::QUICK;
use super::{DIRECTORIES, MAGICS};
use crate::compile::Compiled;
use crate::secrets::Needle;

/// Compiled for the rules and known secrets of an engine.
pub(crate) struct Glance {
    /// Triples of bytes at which something begins, sorted.
    triples: Vec<u32>,
    /// By the value of a character: which others, as bits, stand behind it as the second of those three, and as the third.
    pairs: Box<[[u64; 2]; 64]>,
}

/// Bytes of ASCII text that hold three whole quads.
const TEXT: usize = 11;

/// Characters of those quads.
const QUADS: usize = 12;

/// What is told of a character by itself: in the lowest byte its six bits, more for what is no character of base64; from bit [`FITS`] on the places in
/// three quads of ASCII text where it may stand.
const CHARS: [u32; 256] = {
    let mut chars = [0xff; 256];
    let mut byte = 0;
    while byte < 256 {
        if let Some(value) = base64::value(byte as u8) {
            chars[byte] = value as u32;
            let mut place = 0;
            while place < QUADS {
                // The highest bits of the three bytes of a quad.
                let high = [1 << 5, 1 << 3, 1 << 1, 0][place % 4];
                if value & high == 0 {
                    chars[byte] |= 1 << (FITS + place);
                }
                place += 1;
            }
        }
        byte += 1;
    }
    chars
};

const FITS: usize = 16;

/// Bit `FITS` and those above: as many of the last characters fit as many of the first of three quads of text.
#[inline(always)]
fn next(quads: u32, char: u32) -> u32 {
    (quads << 1 | 1 << FITS) & char
}

/// All of them.
const TEXTS: u32 = 1 << (FITS + QUADS - 1);

/// The alignments, as bits, at which three quads of text stand.
fn texts_in(run: &[u8]) -> u8 {
    let (mut quads, mut found) = (0, 0);
    for (at, char) in run.iter().enumerate() {
        quads = next(quads, CHARS[usize::from(*char)]);
        if quads & TEXTS != 0 {
            // The first of them stands a multiple of four characters before the next one.
            found |= 1 << ((at + 1) % 4);
        }
    }
    found
}

impl Glance {
    /// None if something is looked for that is neither text nor begins with a triple.
    ///
    /// Escapes are text, as is what they are part of, but for those in a magic number, the rest of which may stand as it is.
    pub(crate) fn new(rules: &[Compiled], needles: &[Needle]) -> Option<Glance> {
        if !needles.iter().all(|needle| needle.ascii && needle.len as usize >= TEXT) {
            return None;
        }
        let mut glance = Glance { triples: Vec::new(), pairs: Box::new([[0; 2]; 64]) };
        for (magic, _) in MAGICS.into_iter().chain(DIRECTORIES) {
            glance.add(*magic.first_chunk().expect("magic numbers have three bytes"));
            for byte in magic {
                for escape in escapes(*byte) {
                    glance.add(*escape.as_bytes().first_chunk().expect("escapes have three bytes"));
                }
            }
        }
        for rule in rules.iter().filter(|rule| rule.ascii < TEXT) {
            for literal in &rule.literals {
                glance.add_literal(literal.first_chunk().copied()?, rule.rule.ignore_case);
            }
        }
        glance.triples.sort_unstable();
        glance.triples.dedup();
        Some(glance)
    }

    fn add_literal(&mut self, triple: [u8; 3], ignore_case: bool) {
        if !ignore_case {
            return self.add(triple);
        }
        for cases in 0..8u8 {
            let mut spelled = triple;
            for (place, byte) in spelled.iter_mut().enumerate() {
                let upper = cases >> place & 1 != 0;
                *byte = if upper { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
            }
            self.add(spelled);
        }
    }

    fn add(&mut self, triple: [u8; 3]) {
        let bits = triple.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        self.triples.push(bits);
        // At byte 1 its first four bits share a character with what stands before, at byte 2 its first two.
        for pure in [bits >> 6, bits >> 2, bits >> 4] {
            let [first, second, third] = [12, 6, 0].map(|shift| (pure >> shift) as usize & 63);
            self.pairs[first][0] |= 1 << second;
            self.pairs[second][1] |= 1 << third;
        }
    }

    /// Memory of the tables, in bytes.
    pub(crate) fn memory(&self) -> usize {
        size_of_val(&*self.pairs) + self.triples.capacity() * size_of::<u32>()
    }

    /// The alignments, as bits, at which `run`, at most [`QUICK`] base64 characters, may decode to something.
    pub(crate) fn alignments(&self, run: &[u8]) -> u8 {
        if run.len() > QUICK {
            return ALL;
        }
        // Bit 0: whether the last two characters begin a triple, and whether some three did.
        let (mut begun, mut known) = (0, 0);
        let mut last = [0; 2];
        let (mut quads, mut texts) = (0, 0);
        for char in run {
            let char = CHARS[usize::from(*char)];
            let value = char % 64;
            known |= begun & last[1] >> value;
            begun = last[0] >> value;
            last = self.pairs[value as usize];
            quads = next(quads, char);
            texts |= quads;
        }
        let mut found = 0;
        if texts & TEXTS != 0 {
            found |= texts_in(run);
        }
        if known & 1 != 0 {
            found |= self.exactly(run);
        }
        found
    }

    /// The alignments, as bits, at which a triple stands.
    fn exactly(&self, run: &[u8]) -> u8 {
        let mut found = 0;
        let mut values = [0; QUICK];
        let values = &mut values[..run.len()];
        for (value, char) in values.iter_mut().zip(run) {
            *value = CHARS[usize::from(*char)] as u8;
        }
        for (at, five) in values.windows(5).enumerate() {
            let [first, second, third] = [1, 2, 3].map(|n| five[n] % 64);
            let [begun, goes_on] =
                [self.pairs[usize::from(first)][0] >> second, self.pairs[usize::from(second)][1] >> third];
            if begun & goes_on & 1 == 0 {
                continue;
            }
            let bits = five.iter().fold(0u32, |bits, value| bits << 6 | u32::from(*value));
            // At byte 0 the triple is the last four characters; at byte 1 and 2 it begins in the first one.
            for (skipped, shift) in [(at + 1, 0), (at + 3, 4), (at + 2, 2)] {
                let triple = bits >> shift & 0xff_ffff;
                if self.triples.binary_search(&triple).is_ok() {
                    found |= 1 << (skipped % 4);
                }
            }
        }
        // The first four characters have none in front of them.
        let first = values.iter().take(4).fold(0, |bits, value| bits << 6 | u32::from(*value));
        found | u8::from(self.triples.binary_search(&first).is_ok())
    }
}

/// The escapes that may stand for a byte of a magic number.
fn escapes(byte: u8) -> [String; 13] {
    [
        format!("\\u{byte:04x}"),
        format!("\\u{{{byte:x}}}"),
        format!("\\U{byte:08x}"),
        format!("\\x{byte:02x}"),
        format!("\\x{byte:02X}"),
        format!("\\X{byte:02x}"),
        format!("\\{byte:03o}"),
        format!("\\{byte:o}\\"),
        format!("%{byte:02x}"),
        format!("%{byte:02X}"),
        format!("={byte:02X}"),
        format!("&#{byte};"),
        format!("&#x{byte:x};"),
    ]
}

/// Every alignment.
pub(crate) const ALL: u8 = 0b1111;

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::lane::shape::decode_base64;
    use crate::{Engine, Rule};

    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let url = Rule::new("url", "://", "://[^@/]{8,40}@");
        let armour = Rule::new("armour", "-----BEGIN", "-----BEGIN [A-Z ]{4,20}-----");
        let mut folded = Rule::new("folded", "Key:", "Key: [0-9A-Za-z]{16}");
        folded.ignore_case = true;
        let mut token = Rule::new("token", "acme_", "acme_[0-9A-Za-z]{16}");
        token.confidence = crate::Confidence::High;
        Engine::builder().rules([url, armour, folded, token]).build().expect("four rules compile")
    });

    /// What an engine would find, or decode further.
    const SOMETHING: [&[u8]; 12] = [
        b"://user\xff:p-0123456789@",
        b"-----BEGIN RSA PRIVATE KEY-----",
        b"acme_0123456789abcdef",
        b"\\u0061cme_0123456789abcdef",
        b"%61cme_0123456789abcdef",
        b"kEY: 0123456789abcdef",
        b"YWNtZV8wMTIzNDU2Nzg5YWJjZGVm",
        b"%1f\x8b\x08",
        b"=1F\x8b\x08",
        b"\\x1f\x8b\x08",
        b"&#31;\x8b\x08",
        b"(\\u00b5\x2f\xfd",
    ];

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..30),
            prop::sample::select(SOMETHING.to_vec()).prop_map(<[u8]>::to_vec),
            prop::sample::select(
                MAGICS.iter().chain(&DIRECTORIES).map(|(magic, _)| *magic).collect::<Vec<_>>()
            )
            .prop_map(<[u8]>::to_vec),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2000,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn what_holds_something_is_not_idle(
            pieces in proptest::collection::vec(piece(), 1..4),
            before in "[A-Za-z0-9+/]{0,3}",
        ) {
            let mut content = pieces.concat();
            content.truncate(QUICK * 3 / 4 - 3);
            let mut run = before.into_bytes();
            run.extend(exfilter_testing::wrap::base64(&content, false, false));
            let glance = ENGINE.core.glance.as_ref().expect("only text and magic numbers are looked for");
            let found = glance.alignments(&run);
            for skip in 0..4 {
                let mut decoded = Vec::new();
                decode_base64(&run, 1 << skip, &mut decoded, |_, _| {});
                let magics = MAGICS.iter().chain(&DIRECTORIES).map(|(magic, _)| *magic);
                let holds = |piece: &[u8]| decoded.windows(piece.len()).any(|there| there == piece);
                if magics.chain(SOMETHING).any(holds) {
                    prop_assert!(found >> skip & 1 != 0, "{:?}", decoded.escape_ascii().to_string());
                }
            }
        }
    }

    #[test]
    fn names_and_digests_are_idle() {
        let glance = ENGINE.core.glance.as_ref().expect("only text and magic numbers are looked for");
        let names =
            ["some_long_function_name_here", "IdentifierInCamelCaseThatGoesOn", "path/to/module/source/file"];
        let idle = names.iter().filter(|name| glance.alignments(name.as_bytes()) == 0).count();
        assert!(idle >= 2, "{idle} of {names:?}");
    }
}
