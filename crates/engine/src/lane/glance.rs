//! [`Glance`]: what tells from base64 characters as they stand at which alignments they may decode to something.
//!
//! Identifiers and digests are runs of base64 characters, by far most runs of text; what they decode to looks random. A match is
//! ASCII text of eleven bytes or more; what else may begin is a magic number, perhaps with an escape in it: one of a few triples of bytes. Both can be
//! told from the characters, by [`Quads`]; and from what they were decoded to, byte by byte. Every escape that may begin a magic number is one of those triples. Those
//! that are not ASCII begin nothing in what digits stand for: they may cut a text in parts of less than eleven bytes, and triples of them pass too often.
//!
//! Eleven bytes in a row hold three whole quads at every alignment. Both tests say yes too often, and never no to what holds something.

use std::sync::Arc;

use exfilter_automaton::{Automaton, ByteSet, ByteSets, Quads, Triple};
use exfilter_codec::{base58, base64};

use super::fold::{Fold, LINE_MIN, next_line};
use super::look::{QUICK, begins_packed};
use super::shape::{HEX_MIN, after_escape, digits_at};
use super::{DIRECTORIES, MAGICS, base32};
use crate::compile::Compiled;
use crate::secrets::Needle;

/// Compiled for the rules and known secrets of an engine.
pub(crate) struct Glance {
    quads: Quads,
    /// Triples of bytes at which something begins, sorted.
    triples: Vec<Triple>,
    /// The bytes of text, and the first, second and third bytes of those triples.
    sets: ByteSets<4>,
    /// Characters of base64 and of base58.
    chars: ByteSets<2>,
}

/// A run that needs no look.
pub(crate) struct Passed {
    /// Where it ends.
    pub(crate) end: usize,
    /// Whether it may be a token of base58, which needs a look of its own.
    pub(crate) may_be_token: bool,
}

/// Bytes of ASCII text that hold three whole quads.
pub(crate) const TEXT: usize = 11;

/// Whether what begins at `at` is part of a text that is long enough for a glance to see, given what stands around it.
pub(super) fn is_in_text(bytes: &[u8], at: usize) -> bool {
    let before = bytes[..at].iter().rev().take(TEXT).take_while(|byte| byte.is_ascii()).count();
    let behind = bytes[at..].iter().take(TEXT).take_while(|byte| byte.is_ascii()).count();
    before + behind >= TEXT
}

/// Whether text begins at `at` that is long enough for a glance to see.
pub(super) fn is_text(bytes: &[u8], at: usize) -> bool {
    bytes[at..].first_chunk::<TEXT>().is_some_and(|text| text.is_ascii())
}

/// Bytes that sets are told of at once.
const PIECE: usize = 512;

impl Glance {
    /// None if something is looked for that is not text of eleven bytes, a magic number apart. A pattern that is long enough and has wildcards in it counts
    /// only where they stand for text, see [`is_text`].
    ///
    /// Escapes are text, as is what they are part of, but for those in a magic number, the rest of which may stand as it is.
    pub(crate) fn new(rules: &[Arc<Compiled>], needles: &[Needle]) -> Option<Glance> {
        let is_text = needles.iter().all(|needle| needle.ascii && needle.len as usize >= TEXT);
        if !is_text || rules.iter().any(|rule| rule.facts.ascii < TEXT && !rule.has_wildcards(TEXT)) {
            return None;
        }
        let mut triples = Vec::new();
        for (magic, _) in MAGICS.into_iter().chain(DIRECTORIES) {
            triples.push(*magic.first_chunk().expect("magic numbers have three bytes"));
            for byte in magic {
                let firsts = escapes(*byte)
                    .map(|escape| *escape.as_bytes().first_chunk().expect("escapes have three bytes"));
                triples.extend(firsts);
            }
        }
        triples.sort_unstable();
        triples.dedup();
        let mut sets = [ByteSet::default(); 4];
        (0..=0x7f).for_each(|byte| sets[0].insert(byte));
        for triple in &triples {
            for (set, byte) in sets[1..].iter_mut().zip(triple) {
                set.insert(*byte);
            }
        }
        Some(Glance { quads: Quads::new(&triples), triples, sets: ByteSets::new(sets), chars: chars() })
    }

    /// Memory of the tables, in bytes.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Glance>() + self.triples.capacity() * size_of::<Triple>()
    }

    /// The alignments, as bits, at which `run`, at most [`QUICK`] base64 characters, may decode to something.
    pub(crate) fn alignments(&self, run: &[u8]) -> u8 {
        const { assert!(QUICK <= Quads::MAX, "all that a look decodes is looked at") };
        if run.len() > QUICK {
            return ALL;
        }
        let seen = self.quads.look(run);
        if seen.triples { seen.texts | self.exactly(run) } else { seen.texts }
    }

    /// Where the run at `at` ends, if one look tells that it holds nothing: as [`look`](super::look::look) would say, which reads what is not so plain, and
    /// [`base58::look`](super::base58::look), unless the run may be a token. Most runs are names.
    pub(crate) fn passes_over(&self, bytes: &[u8], at: usize, automaton: &Automaton) -> Option<Passed> {
        let block = bytes[at..].first_chunk::<64>()?;
        let mut masks = [[0; 2]; 1];
        self.chars.masks(block, &mut masks);
        let [[base64, base58]] = masks;
        let (end, within) = match (!base64).trailing_zeros() {
            64 => (automaton.run_end(bytes, at + 64), u64::MAX),
            len => (at + len as usize, (1 << len) - 1),
        };
        let (run, next) = (&bytes[at..end], &bytes[end..]);
        if next.is_empty() || run.len() > QUICK {
            return None;
        }
        // An escape may go on with the run, and so may another line.
        let ends = match next {
            [b'\\', b't', ..] => true,
            [b'\\', b'"' | b'n' | b'r', ..] | [b'\r' | b'\n' | b'"' | b'\'' | b'`', ..] => {
                let len = run.len() as u64;
                len < LINE_MIN || next_line(bytes, end, len, true, false) == Fold::End
            }
            [b'\\' | b'%' | b'&', ..] => false,
            _ => true,
        };
        // Hexadecimal digits and base32 show in so many characters.
        let is_shape = run.len() >= HEX_MIN && is_shape(bytes, at);
        if !ends || is_shape || (0..4).any(|skip| begins_packed(&run[skip..])) {
            return None;
        }
        let seen = self.quads.look(run);
        // A token of base58 has no other character behind the escape at whose end the run may begin.
        let may_be_token = within & !base58 & !((1 << ESCAPE) - 1) == 0;
        (seen.texts == 0 && !seen.triples).then_some(Passed { end, may_be_token })
    }

    /// Whether nothing stands in `decoded`: no text that is long enough, and no triple.
    pub(crate) fn is_idle(&self, decoded: &[u8]) -> bool {
        let mut masks = [[0; 4]; PIECE / 64];
        let (mut before, mut at) = ([0; 4], 0);
        for piece in decoded.chunks(PIECE) {
            let masks = &mut masks[..piece.len().div_ceil(64)];
            self.sets.masks(piece, masks);
            for here in masks.iter() {
                // The block before this one, and this one.
                let [text, first, second, third] =
                    [0, 1, 2, 3].map(|set| u128::from(before[set]) | u128::from(here[set]) << 64);
                let eight = [1, 2, 4].iter().fold(text, |text, by| text & text >> by);
                let mut triples = first & second >> 1 & third >> 2;
                while triples != 0 {
                    let place = at + triples.trailing_zeros() as usize - 64;
                    if decoded[place..].first_chunk().is_some_and(|triple| self.begins_with(*triple)) {
                        return false;
                    }
                    triples &= triples - 1;
                }
                if eight & eight >> (TEXT - 8) != 0 {
                    return false;
                }
                (before, at) = (*here, at + 64);
            }
        }
        true
    }

    /// Whether something begins with a triple.
    fn begins_with(&self, triple: Triple) -> bool {
        self.sets.set(1).contains(triple[0]) && self.triples.binary_search(&triple).is_ok()
    }

    /// The alignments, as bits, at which a triple stands.
    fn exactly(&self, run: &[u8]) -> u8 {
        let mut found = 0;
        // What stands behind the last character is part of no triple.
        let value = |at: usize| run.get(at).and_then(|char| base64::value(*char)).unwrap_or(0);
        for at in 0..run.len() {
            let bits = (0..5).fold(0u32, |bits, n| bits << 6 | u32::from(value(at + n)));
            // From the first bit of the first character on, as byte 0 of a quad; from the third one on, as byte 1; from the fifth one on, as byte 2.
            for (skipped, shift) in [(at, 6), (at + 3, 4), (at + 2, 2)] {
                let [_, triple @ ..] = (bits >> shift).to_be_bytes();
                found |= u8::from(self.begins_with(triple)) << (skipped % 4);
            }
        }
        found
    }
}

/// Whether the run at `at` begins with hexadecimal digits or with base32.
fn is_shape(bytes: &[u8], at: usize) -> bool {
    let digits = digits_at(bytes, at).is_some();
    digits || !base32::Begins::at(bytes, at, after_escape(bytes, at), digits).is_none()
}

/// The most that the end of an escape takes of a run: `u0067` behind a backslash.
const ESCAPE: usize = 5;

fn chars() -> ByteSets<2> {
    let set = |is: fn(&u8) -> bool| {
        let mut set = ByteSet::default();
        (0..=0x7f).filter(is).for_each(|byte| set.insert(byte));
        set
    };
    ByteSets::new([set(|byte| exfilter_automaton::is_base64(*byte)), set(|byte| base58::is_char(*byte))])
}

/// The escapes that may stand for a byte of a magic number.
fn escapes(byte: u8) -> [String; 20] {
    [
        format!("\\u{byte:04x}"),
        format!("\\u{{{byte:x}}}"),
        format!("\\u{byte:02x}"),
        format!("\\0{byte:03o}"),
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
        format!("&#X{byte:x};"),
        format!("&#0{byte};"),
        format!("\\X{byte:02X}"),
        format!("%{:x}{:X}", byte >> 4, byte & 15),
        format!("%{:X}{:x}", byte >> 4, byte & 15),
    ]
}

/// Every alignment.
pub(crate) const ALL: u8 = 0b1111;

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::context::{Context, Facts, Live, Scratch};
    use crate::lane::base58;
    use crate::lane::escaped::{Begins, begins};
    use crate::lane::look::{Look, decode_base64, look};
    use crate::lane::shape::after_escape;
    use crate::{Engine, Flow, Rule};

    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let armour = Rule::new("armour", "-----BEGIN", "-----BEGIN [A-Z ]{4,20}-----");
        let mut folded = Rule::new("folded", "Key:", "Key: [0-9A-Za-z]{16}");
        folded.ignore_case = true;
        let mut token = Rule::new("token", "acme_", "acme_[0-9A-Za-z]{16}");
        token.confidence = crate::Confidence::High;
        Engine::builder().rules([armour, folded, token]).build().expect("three rules compile")
    });

    /// What an engine would find, or decode further.
    const SOMETHING: [&[u8]; 14] = [
        b"&#031;\x8b\x08",
        b"&#X1f;\x8b\x08",
        b"(\\XB5\x2f\xfd",
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
                    prop_assert!(!glance.is_idle(&decoded), "{:?}", decoded.escape_ascii().to_string());
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 20_000,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn what_is_passed_over_needs_no_look(
            before in prop::sample::select(vec!["", " ", "\\n", "\\u0067", "%67", "\\x67", "0x", "\\u00670x", "=", "e"]),
            run in prop_oneof![
                "[A-Za-z0-9+/_-]{26,61}", "[a-z]{4}(_[a-z]{3,9}){3,7}", "[0-9a-f]{26,61}", "[0-9A-Fa-f]{26,61}", "[A-Z2-7]{26,61}",
                "[A-Za-z0-9+/_-]{62,200}", "-{62,200}", "[a-z]{4}(_[a-z]{3,9}){14,20}", "toolu_[0-9a-f]{26,61}", "-{30,36}",
                "[a-z2-7]{26,61}", "[0-9a-v]{26,61}", "[1-9A-HJ-NP-Za-km-z]{26,61}", "(eJ[w-z]|eN[o-r]|x3E[A-Z]|cccd)[A-Za-z0-9+/]{26,57}",
                piece().prop_map(|piece| {
                    let run = exfilter_testing::wrap::base64(&[&piece[..], b"0123456789abcdef01234"].concat(), false, false);
                    String::from_utf8(run).expect("base64 is text").trim_end_matches('=').to_owned()
                }),
            ],
            after in prop::sample::select(vec![
                "\"", " ", "=", ".", "\n", "\r\n", "\\n", "\n  }", "\\n}", "\r\n\r\n", "\n\tx", "\\r\\n", "\\\"", "\\t", "\\\\n", "%0A", "%2f", "&#47;", "\\/", "\\u0067", "\\",
            ]),
            next in prop_oneof!["[A-Za-z0-9+/_-]{64}", "[ -~\n]{64}", "[0-9a-f]{64}"],
            reads_escapes: bool,
        ) {
            let bytes = [before, &run, after, &next].concat().into_bytes();
            let Some(at) = (0..bytes.len()).find(|at| exfilter_automaton::is_base64(bytes[*at])) else { return Ok(()) };
            let glance = ENGINE.core.glance.as_ref().expect("only text and magic numbers are looked for");
            if let Some(Passed { end, may_be_token }) = glance.passes_over(&bytes, at, &ENGINE.core.automaton) {
                let facts = Facts::new(&ENGINE.core, Flow::at_rest());
                let (mut live, mut scratch) = (Live::default(), Scratch::new());
                let mut cx = Context {
                    core: &ENGINE.core, facts: &facts, live: &mut live, scratch: &mut scratch, when: 0,
                };
                let (found, seen) = look(&bytes, at, reads_escapes, false, &mut cx);
                prop_assert!(found == Look::Idle && seen == end, "{}", bytes.escape_ascii());
                let token = base58::look(&bytes, after_escape(&bytes, at), false, &mut cx);
                let is_token = token.look != Look::Idle || token.is_cut;
                prop_assert!(may_be_token || !is_token, "{}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn patterns_with_wildcards_need_no_look_at_every_run() {
        let has_glance = |pattern: &str| {
            let rules = [Rule::new("a", "acm:", pattern)];
            Engine::builder().rules(rules).build().expect("the rule compiles").core.glance.is_some()
        };
        assert!(has_glance("acm:.acm:[0-9A-Za-z]{20}"));
        // It may match what is no text, and be too short for a glance.
        assert!(!has_glance("acm:.[0-9]{4}"));
    }

    #[test]
    fn names_are_passed_over() {
        let glance = ENGINE.core.glance.as_ref().expect("only text and magic numbers are looked for");
        let rest = "\", and so on, for as long as it takes to see where it ends, and no less.";
        let names =
            ["some_long_function_name_here", "IdentifierInCamelCaseThatGoesOn", "path/to/module/source/file"];
        let over = |name: &&str| {
            let passed = glance.passes_over(format!("{name}{rest}").as_bytes(), 0, &ENGINE.core.automaton);
            passed.is_some_and(|passed| passed.end == name.len())
        };
        assert!(names.iter().filter(|name| over(name)).count() >= 2);
    }

    /// Every way to write a byte as an escape of one digit case or another.
    fn spellings(byte: u8) -> Vec<String> {
        let digit = |n: u8, capital: bool| {
            let digit = char::from_digit(u32::from(n), 16).expect("a nibble");
            if capital { digit.to_ascii_uppercase() } else { digit }
        };
        let mut all = vec![
            format!("\\{byte:o}\\"),
            format!("\\{byte:03o}"),
            format!("&#{byte};"),
            format!("&#00{byte};"),
        ];
        for cases in 0..4 {
            let digits: String =
                [digit(byte >> 4, cases & 1 != 0), digit(byte & 15, cases & 2 != 0)].iter().collect();
            for before in ["\\x", "\\X", "%", "=", "\\u00", "\\U000000"] {
                all.push(format!("{before}{digits}"));
            }
            for (before, after) in [("\\u{", "}"), ("\\u{00", "}"), ("&#x", ";"), ("&#X0", ";"), ("%u00", "")]
            {
                all.push(format!("{before}{digits}{after}"));
            }
        }
        all
    }

    #[test]
    fn every_escape_of_a_magic_number_is_a_triple() {
        let glance = ENGINE.core.glance.as_ref().expect("only text and magic numbers are looked for");
        let mut seen = 0;
        for (magic, _) in MAGICS {
            for at in 0..magic.len().min(4) {
                for escape in spellings(magic[at]) {
                    let content = [&magic[..at], escape.as_bytes(), &magic[at + 1..], &[0xff; 40]].concat();
                    let triple = *content[at..].first_chunk().expect("an escape has three bytes");
                    let is_magic = matches!(begins(&content, at, false), Some(Begins::Magic(_)));
                    if !is_magic || !exfilter_automaton::is_escape(triple) {
                        continue;
                    }
                    assert!(glance.begins_with(triple), "{}", content.escape_ascii());
                    seen += 1;
                }
            }
        }
        assert!(seen > 200, "{seen}");
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
