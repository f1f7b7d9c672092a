//! [`Automaton`] and its scan.

use crate::anchors::Anchors;
use crate::arch::{Tier, Vector};
use crate::buckets::Buckets;
use crate::candidates::{Workspace, block};
use crate::class::{is_escape, is_token, may_become_escape};
use crate::list::{self, List};
use crate::literals::{Filter, Filtered, Ungated};

/// What stands at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// The first position of a maximal run of base64 characters of at least the length asked for.
    Run,
    /// The first byte of what may be an escape that stands for a token character or for the first byte of a magic number: `\u0067`, `%67`, `&#103;`, `=67`, `\/`;
    /// or of a character without width, or a fullwidth form of a token character.
    Escape,
    /// The first position of a maximal run of ASCII characters with a NUL behind each, sixteen of them or more, or three behind each of eight: text in
    /// UTF-16 or UTF-32.
    Wide,
    /// The first digit of a number with two more behind it, all within [`Automaton::LOOKAHEAD`] bytes, it and one of those with two characters at
    /// least: a list, or what is left of one.
    Codes,
    /// A literal, exactly; its id.
    Literal(u32),
    /// An anchor whose tag fits; its id. The caller confirms it.
    Anchor(u32),
}

/// A candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hit {
    /// Its position in the slice.
    pub at: usize,
    /// What stands there.
    pub what: What,
}

/// Compiled literals and anchors.
#[derive(Clone, Debug)]
pub struct Automaton {
    pub(crate) tier: Tier,
    /// What gated and loose literals begin with.
    pub(crate) buckets: Buckets,
    pub(crate) filter: Filter,
    /// The gated literals, and the loose ones: ungated and folded ones that are long enough for filters.
    pub(crate) literals: Filtered,
    /// Those that are not.
    pub(crate) short: Ungated,
    pub(crate) ungated: Ungated,
    pub(crate) folded: Ungated,
    pub(crate) token: Anchors,
    pub(crate) non_lower: Anchors,
    /// Whether some of those begin with a sign, and not with a capital letter or a digit.
    pub(crate) signs: bool,
    pub(crate) utf16: Anchors,
    pub(crate) plain: Anchors,
    pub(crate) run_min: usize,
    pub(crate) escapes: bool,
    pub(crate) wide: bool,
    pub(crate) lists: bool,
    /// Those that count where something is no text.
    pub(crate) odd: Ungated,
}

/// Class masks of 64 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Masks {
    pub(crate) token: u64,
    pub(crate) base64: u64,
    pub(crate) nul: u64,
    pub(crate) lower: u64,
    pub(crate) escape: u64,
    /// What may follow the first byte of an escape, and more: see [`FOLLOW`](crate::class::FOLLOW).
    pub(crate) follow: u64,
    pub(crate) digit: u64,
    /// Letters and digits.
    pub(crate) alnum: u64,
}

/// One masked scan.
pub(crate) struct Job<'a> {
    pub(crate) automaton: &'a Automaton,
    pub(crate) hay: &'a [u8],
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Automaton {
    /// Bytes of a run of token characters that the gate asks for.
    pub const GATE: usize = 10;
    /// Bytes that a decision about a position looks at, from that position on.
    pub const LOOKAHEAD: usize = 32;
    /// Characters of UTF-16 text that [`What::Wide`] asks for; of UTF-32 half as many.
    pub const WIDE: usize = 16;
    /// Bytes before a position that a decision about it looks at.
    pub const LOOKBEHIND: usize = 4;
    /// The longest literal.
    pub const LITERAL_MAX: usize = 32;

    /// Appends every candidate that begins in `from..to` to `hits`, sorted by position.
    ///
    /// A position is decided for good if at least [`Automaton::LOOKAHEAD`] bytes from it on are in `hay`, or if `hay` ends
    /// where the content ends. The [`Automaton::LOOKBEHIND`] bytes before `from` are looked at if they are there.
    ///
    /// # Panics
    ///
    /// If `from..to` is not a range within `hay`.
    pub fn scan(&self, hay: &[u8], from: usize, to: usize, work: &mut Workspace, hits: &mut Vec<Hit>) {
        assert!(from <= to && to <= hay.len(), "the range must lie within the slice");
        let first = hits.len();
        self.tier.run(&Job { automaton: self, hay, from, to }, work, hits);
        self.short.scan(hay, from, to, |at, id| hits.push(Hit { at, what: What::Literal(id) }));
        if !self.plain.is_empty() && hay.len() >= 8 {
            let filter = self.plain.filter();
            for at in from..to.min(hay.len() - 7) {
                let bytes = load(&hay[at..at + 8]);
                if filter.maybe(bytes) {
                    self.plain.check(bytes, at, hits);
                }
            }
        }
        let new = &mut hits[first..];
        if !new.is_sorted() {
            new.sort_unstable();
        }
    }

    /// The position after the base64 run that goes on at `from`; `from` itself if none does.
    pub fn run_end(&self, hay: &[u8], from: usize) -> usize {
        self.tier.run_end(hay, from)
    }

    /// The least position in `from..` of `hay` that could still become the beginning of a candidate, or that is one and was
    /// not scanned; `hay.len()` if there is none.
    ///
    /// It never moves backwards as bytes are appended to `hay`, unless [`Automaton::scan`] decides positions in between.
    pub fn open_from(&self, hay: &[u8], from: usize) -> usize {
        let end = hay.len();
        let mut open = end;
        // Run-gated entries: a run that is long enough, or that reaches the end.
        let mut at = from;
        while at < end {
            if !is_token(hay[at]) {
                at += 1;
                continue;
            }
            let run = hay[at..].iter().position(|b| !is_token(*b)).map_or(end, |n| at + n);
            if run == end || run - at >= Automaton::GATE {
                open = at;
                break;
            }
            at = run;
        }
        if !self.utf16.is_empty() {
            // A unit of UTF-16 text is a token character with a NUL beside it; the last byte may be half of one.
            let unit = (from..open).find(|at| {
                is_token(hay[*at]) && (at + 1 == end || hay[at + 1] == 0) || hay[*at] == 0 && at + 1 == end
            });
            open = unit.unwrap_or(open);
        }
        if self.wide {
            // What matters begins with a token character, though the text may begin before it.
            let may_begin = |at: &usize| {
                let goes_on = |size: usize| {
                    let text = wide_units(&hay[*at..], size) * size;
                    let rest = &hay[at + text..];
                    // What is left may be a part of one more.
                    text >= WIDE_LEN || rest.len() < size && (rest.is_empty() || is_unit(rest))
                };
                is_token(hay[*at]) && (goes_on(2) || goes_on(4))
            };
            open = (from..open).find(may_begin).unwrap_or(open);
        }
        if self.lists {
            let may_begin = |at: &usize| {
                let window = list_window(hay, *at);
                list::is_beginning(hay, *at)
                    && match list::list(window) {
                        List::Begins => true,
                        List::Open => window.len() < Automaton::LOOKAHEAD,
                        List::No => false,
                    }
            };
            open = (from..open).find(may_begin).unwrap_or(open);
        }
        if !self.plain.is_empty() {
            open = open.min(from);
        }
        if self.escapes {
            open = self.escape_from(hay, from).min(open);
        }
        // Literals that count where something is no text: it may be still to come.
        let near = from.max(end.saturating_sub(Automaton::LOOKAHEAD - 1));
        open = (near..open).find(|at| self.odd.may_stand(&hay[*at..])).unwrap_or(open);
        let mut whole = open;
        self.odd.scan(hay, from, open, |at, _| {
            if Automaton::is_odd(&hay[at..]) {
                whole = whole.min(at);
            }
        });
        open = whole;
        // Ungated literals: one that is wholly there, or one that is cut by the end.
        let tail = from.max(end.saturating_sub(Automaton::LITERAL_MAX));
        for tier in [&self.ungated, &self.folded] {
            let mut whole = open;
            tier.scan(hay, from, open, |at, _| whole = whole.min(at));
            let cut = tier.open_at(&hay[tail..]).map_or(open, |at| tail + at);
            open = whole.min(cut);
        }
        open
    }

    /// The first place in `from..` of `hay` where an escape stands that [`What::Escape`] tells of, or that may still become one; `hay.len()` if
    /// there is none.
    pub fn escape_from(&self, hay: &[u8], from: usize) -> usize {
        let byte = |at: usize| hay.get(at).copied().unwrap_or(0);
        let is_open =
            |at: &usize| is_escape([hay[*at], byte(at + 1), byte(at + 2)]) || may_become_escape(&hay[*at..]);
        (from..hay.len()).find(is_open).unwrap_or(hay.len())
    }

    /// Whether something in the first [`Automaton::LOOKAHEAD`] of `bytes` is no text: NUL, or not ASCII.
    pub fn is_odd(bytes: &[u8]) -> bool {
        bytes.iter().take(Automaton::LOOKAHEAD).any(|byte| *byte == 0 || !byte.is_ascii())
    }

    /// How it tells literals apart: for [`Builder::plan`](crate::Builder::plan) of a builder that is given the same literals in the same order, in any process.
    pub fn plan(&self) -> Vec<u8> {
        self.buckets.to_bytes()
    }

    /// Memory of the tables, in bytes, literals apart.
    pub fn memory(&self) -> usize {
        self.filter.bytes()
            + self.literals.bytes()
            + self.token.memory()
            + self.non_lower.memory()
            + self.utf16.memory()
            + self.plain.memory()
    }
}

/// Whether a character of UTF-16 text that matters begins, or ends, with this byte beside a NUL.
#[inline(always)]
pub fn is_wide(byte: u8) -> bool {
    byte != 0 && byte.is_ascii()
}

/// Bytes of the text that [`What::Wide`] asks for.
pub(crate) const WIDE_LEN: usize = 2 * Automaton::WIDE;

/// Characters of `size` bytes with which `bytes` begins, up to [`WIDE_LEN`] bytes of them.
#[inline(always)]
pub(crate) fn wide_units(bytes: &[u8], size: usize) -> usize {
    bytes.chunks_exact(size).take(WIDE_LEN / size).take_while(|unit| is_unit(unit)).count()
}

/// Whether some bytes are a character that matters and NULs behind it.
#[inline(always)]
fn is_unit(unit: &[u8]) -> bool {
    is_wide(unit[0]) && unit[1..].iter().all(|byte| *byte == 0)
}

/// Whether text in characters of `size` bytes begins at `at`: as much as [`What::Wide`] asks for, and no more of it before.
#[inline(always)]
pub(crate) fn is_wide_text(hay: &[u8], at: usize, size: usize) -> bool {
    let follows = at >= size && is_unit(&hay[at - size..at]);
    !follows && wide_units(&hay[at..], size) * size == WIDE_LEN
}

/// What a decision about a list at `at` looks at.
#[inline(always)]
pub(crate) fn list_window(hay: &[u8], at: usize) -> &[u8] {
    &hay[at..hay.len().min(at + Automaton::LOOKAHEAD)]
}

/// The first eight of `bytes`.
#[inline(always)]
pub(crate) fn load(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes stand there"))
}

/// The position after the base64 run at `from`.
#[inline(always)]
pub(crate) fn run_end<V: Vector>(v: V, hay: &[u8], from: usize) -> usize {
    let mut at = from;
    while at + 64 <= hay.len() {
        let other = !v.classify(block(&hay[at..], 0)).base64;
        if other != 0 {
            return at + other.trailing_zeros() as usize;
        }
        at += 64;
    }
    at + hay[at..].iter().position(|b| !crate::class::is_base64(*b)).unwrap_or(hay.len() - at)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::{Builder, Gate};

    /// What `scan` must report, one position at a time from the definitions.
    fn naive(
        hay: &[u8],
        from: usize,
        to: usize,
        gated: &[(&[u8], bool)],
        ungated: &[&[u8]],
        anchors: &[([u8; 8], Gate)],
        run_min: usize,
    ) -> Vec<Hit> {
        let mut hits = Vec::new();
        let run = |at: usize| hay[at..].iter().take_while(|b| is_token(**b)).count();
        for at in from..to {
            let base64 = hay[at..].iter().take_while(|b| crate::is_base64(**b)).count();
            if base64 >= run_min && (at == 0 || !crate::is_base64(hay[at - 1])) {
                hits.push(Hit { at, what: What::Run });
            }
            if is_wide_text(hay, at, 2) || is_wide_text(hay, at, 4) {
                hits.push(Hit { at, what: What::Wide });
            }
            if list::is_beginning(hay, at) && list::list(list_window(hay, at)) == List::Begins {
                hits.push(Hit { at, what: What::Codes });
            }
            for (literal, id) in ODD {
                if hay[at..].starts_with(literal) && Automaton::is_odd(&hay[at..]) {
                    hits.push(Hit { at, what: What::Literal(id) });
                }
            }
            let three = [0, 1, 2].map(|i| hay.get(at + i).copied().unwrap_or(0));
            if is_escape(three) {
                hits.push(Hit { at, what: What::Escape });
            }
            for (id, (literal, fold)) in gated.iter().enumerate() {
                let fits = hay
                    .get(at..at + literal.len())
                    .is_some_and(|there| there == *literal || *fold && there.eq_ignore_ascii_case(literal));
                if fits && run(at) >= Automaton::GATE {
                    hits.push(Hit { at, what: What::Literal(id as u32) });
                }
            }
            for (id, literal) in ungated.iter().enumerate() {
                if hay[at..].starts_with(literal) {
                    hits.push(Hit { at, what: What::Literal(100 + id as u32) });
                }
            }
            for (id, literal) in FOLDED.iter().enumerate() {
                if hay.get(at..at + literal.len()).is_some_and(|there| there.eq_ignore_ascii_case(literal)) {
                    hits.push(Hit { at, what: What::Literal(200 + id as u32) });
                }
            }
            for (id, (bytes, gate)) in anchors.iter().enumerate() {
                let units = |at: usize| {
                    (0..4).all(|u| {
                        hay.get(at + 2 * u).is_some_and(|b| is_token(*b))
                            && hay.get(at + 2 * u + 1) == Some(&0)
                    })
                };
                let open = match gate {
                    Gate::Token => run(at) >= Automaton::GATE,
                    Gate::NonLower => run(at) >= Automaton::GATE && crate::is_non_lower(hay[at]),
                    Gate::UpperOrDigit => run(at) >= Automaton::GATE && crate::is_upper_or_digit(hay[at]),
                    Gate::Utf16 => units(at),
                    Gate::None => true,
                };
                if open && hay[at..].starts_with(bytes) {
                    hits.push(Hit { at, what: What::Anchor(id as u32) });
                }
            }
        }
        hits.sort_unstable();
        hits
    }

    const GATED: [(&[u8], bool); 4] =
        [(b"ghp_", false), (b"ab", false), (b"secret_key", true), (b"aba", false)];
    const UNGATED: [&[u8]; 3] = [b"://", b"\x1f\x8b\x08", b"//a"];
    const ODD: [(&[u8], u32); 3] = [(b"x\x9c", 300), (b"x^", 301), (b"LZIP\x01", 302)];
    const FOLDED: [&[u8]; 4] = [b"key:", b"y: \"a", b"x-key", b"-k"];
    const ANCHORS: [([u8; 8], Gate); 6] = [
        (*b"AB-ab_a.", Gate::NonLower),
        (*b"0abababa", Gate::NonLower),
        (*b"abababab", Gate::Token),
        (*b"a\0b\0a\0b\0", Gate::Utf16),
        (*b"a b a b ", Gate::None),
        (*b"ghp_abab", Gate::Token),
    ];

    /// The same, if none begins with a sign.
    const LETTERED: [([u8; 8], Gate); 6] = [
        (*b"AB-ab_a.", Gate::UpperOrDigit),
        (*b"0abababa", Gate::UpperOrDigit),
        ANCHORS[2],
        ANCHORS[3],
        ANCHORS[4],
        (*b"b0ababab", Gate::Token),
    ];

    const KEY: u64 = 0x9e37_79b9_7f4a_7c15;

    /// Automata of all tiers, once with each of the two lists of anchors: they are built once, for that takes longer than what is asked of them.
    fn automata(with_letters: bool) -> &'static [Automaton] {
        static ALL: LazyLock<[Vec<Automaton>; 2]> = LazyLock::new(|| {
            [ANCHORS, LETTERED]
                .map(|anchors| Tier::all().into_iter().map(|tier| automaton_of(tier, &anchors)).collect())
        });
        &ALL[usize::from(with_letters)]
    }

    fn detected() -> &'static Automaton {
        let automata = automata(false);
        automata.iter().find(|one| one.tier == Tier::detect()).expect("the detected tier is one of all")
    }

    fn automaton_of(tier: Tier, anchors: &[([u8; 8], Gate)]) -> Automaton {
        let mut builder = Builder::new();
        builder.key(KEY).base64_runs(20).escapes(true).wide(true).lists(true);
        for (literal, id) in ODD {
            builder.odd_literal(literal, id);
        }
        for (id, (literal, fold)) in GATED.iter().enumerate() {
            builder.literal(literal, id as u32, Gate::Token, *fold);
        }
        for (id, literal) in UNGATED.iter().enumerate() {
            builder.literal(literal, 100 + id as u32, Gate::None, false);
        }
        for (id, literal) in FOLDED.iter().enumerate() {
            builder.literal(literal, 200 + id as u32, Gate::None, true);
        }
        for (id, (bytes, gate)) in anchors.iter().enumerate() {
            builder.anchor(crate::anchor_tag(KEY, *bytes), id as u32, *gate);
        }
        let mut automaton = builder.build().expect("a small automaton builds");
        automaton.tier = tier;
        automaton
    }

    /// Text made of the pieces that matter, so that literals, gates and edges meet often.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"ghp_".to_vec()),
            Just(b"ab".to_vec()),
            Just(b"abababababab".to_vec()),
            Just(b"AB-ab_a.b0ababababab".to_vec()),
            Just(b"SECRET_key=".to_vec()),
            Just(b"://a".to_vec()),
            Just(b"Key: \"a".to_vec()),
            Just(b"KEY:".to_vec()),
            Just(b"x-Key".to_vec()),
            Just(b"a\0b\0a\0b\0a\0".to_vec()),
            Just(b"a b a b ".to_vec()),
            Just(b"\x1f\x8b\x08".to_vec()),
            (1usize..40).prop_map(|n| b"k\0".repeat(n)),
            (1usize..20).prop_map(|n| b"k\0\0\0".repeat(n)),
            Just("a\u{200b}b\u{2060}c\u{feff}d\u{ad}e\u{ff41}\u{ff0c}\u{e9}".as_bytes().to_vec()),
            Just(b"\xef\xbc".to_vec()),
            Just(b"\xe2\x80\xa2\xc2".to_vec()),
            Just(b" ".to_vec()),
            Just(b"%7E~.=".to_vec()),
            Just(b"103, 104, \\n105:6a 6b chr(107)".to_vec()),
            proptest::collection::vec(b'0'..=b'9', 1..4),
            Just(b", ".to_vec()),
            Just(b"12_0, 1, 34".to_vec()),
            Just(b"_".to_vec()),
            Just(b"x\x9cx^x\x01\xdax".to_vec()),
            Just(b"x^ab".to_vec()),
            Just(b"LZIP\x01\0".to_vec()),
            Just(b"LZIP".to_vec()),
            Just(b"%C3".to_vec()),
            Just(b"\\u0061\\n%3d&#97;&amp;=3D=\r\n\\/%".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..9),
            proptest::collection::vec(b'a'..=b'c', 0..40),
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|p| p.concat())
    }

    /// Longer than several batches.
    fn long_text() -> impl Strategy<Value = Vec<u8>> {
        (proptest::collection::vec(text(), 1..14), any::<bool>()).prop_map(|(texts, again)| {
            let text = texts.concat();
            let times = if again { 4000 / text.len().max(1) + 1 } else { 1 };
            text.repeat(times)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 100,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn coarse_anchors_are_found_where_whole_ones_are(hay in text(), few in 0u32..300) {
            // Others, so that the filter is full of words that pass.
            let other = |n: u32| (n.wrapping_mul(0x9e37_79b9) >> 16) as u16;
            for tier in Tier::all() {
                let mut builder = Builder::new();
                builder.key(KEY);
                for (id, (bytes, gate)) in ANCHORS.iter().enumerate() {
                    let tag = crate::anchor_tag(KEY, *bytes);
                    builder.coarse_anchor((tag >> 16) as u16, id as u32, *gate);
                    builder.anchor(tag, 100 + id as u32, *gate);
                }
                for n in 0..few {
                    builder.coarse_anchor(other(n), 1000 + n, Gate::UpperOrDigit);
                }
                let mut automaton = builder.build().expect("a small automaton builds");
                automaton.tier = tier;
                let mut hits = Vec::new();
                automaton.scan(&hay, 0, hay.len(), &mut Workspace::default(), &mut hits);
                let ids = |at: usize| hits.iter().filter(move |hit| hit.at == at);
                for hit in &hits {
                    let What::Anchor(id) = hit.what else { continue };
                    if id >= 1000 {
                        let eight = *hay[hit.at..].first_chunk().expect("an anchor has eight bytes");
                        prop_assert_eq!(crate::anchor_tag(KEY, eight) >> 16, u32::from(other(id - 1000)));
                    } else if id >= 100 {
                        prop_assert!(ids(hit.at).any(|hit| hit.what == What::Anchor(id - 100)));
                    }
                }
            }
        }

        #[test]
        fn batches_have_no_edges(hay in long_text(), a in 0usize..6000, b in 0usize..6000, more in 0usize..70) {
            let (a, b) = (a.min(hay.len()), b.min(hay.len()));
            let (from, to) = (a.min(b), a.max(b));
            let want = naive(&hay, from, to, &GATED, &UNGATED, &ANCHORS, 20);
            let mut work = Workspace::default();
            for automaton in automata(false) {
                for shown in [hay.len(), hay.len().min(to + Automaton::LOOKAHEAD + more)] {
                    let mut hits = Vec::new();
                    automaton.scan(&hay[..shown], from, to, &mut work, &mut hits);
                    prop_assert_eq!(&hits, &want, "tier {:?}, {} bytes shown", automaton.tier, shown);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 512,
            // The same cases in every build.
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn every_tier_reports_what_the_definitions_say(hay in text(), a in 0usize..400, b in 0usize..400) {
            let (a, b) = (a.min(hay.len()), b.min(hay.len()));
            let (from, to) = (a.min(b), a.max(b));
            for (anchors, with_letters) in [(ANCHORS, false), (LETTERED, true)] {
                let want = naive(&hay, from, to, &GATED, &UNGATED, &anchors, 20);
                for automaton in automata(with_letters) {
                    let mut hits = Vec::new();
                    automaton.scan(&hay, from, to, &mut Workspace::default(), &mut hits);
                    prop_assert_eq!(&hits, &want, "tier {:?}", automaton.tier);
                }
            }
        }

        #[test]
        fn a_cut_slice_with_its_lookahead_reports_the_same(hay in text(), cut in 0usize..400) {
            let cut = cut.min(hay.len());
            let automaton = detected();
            let mut whole = Vec::new();
            automaton.scan(&hay, 0, cut, &mut Workspace::default(), &mut whole);
            let shown = &hay[..hay.len().min(cut + Automaton::LOOKAHEAD)];
            let mut part = Vec::new();
            automaton.scan(shown, 0, cut, &mut Workspace::default(), &mut part);
            prop_assert_eq!(whole, part);
        }

        #[test]
        fn nothing_begins_before_the_open_position(hay in text(), at in 0usize..400) {
            let at = at.min(hay.len());
            let automaton = detected();
            let from = at.saturating_sub(Automaton::LOOKAHEAD);
            let open = automaton.open_from(&hay[..at], from);
            let mut hits = Vec::new();
            automaton.scan(&hay, from, at, &mut Workspace::default(), &mut hits);
            for hit in hits.iter().filter(|hit| hit.what != What::Wide || is_token(hay[hit.at])) {
                prop_assert!(hit.at >= open, "{:?} stands before {}", hit, open);
            }
        }

        #[test]
        fn run_ends_agree(hay in text(), from in 0usize..400) {
            let from = from.min(hay.len());
            let want = from + hay[from..].iter().take_while(|b| crate::is_base64(**b)).count();
            for tier in Tier::all() {
                prop_assert_eq!(tier.run_end(&hay, from), want);
            }
        }
    }

    #[test]
    fn every_tier_classifies_every_byte_like_the_table() {
        let mut automata: Vec<Automaton> =
            Tier::all().into_iter().map(|tier| automaton_of(tier, &ANCHORS)).collect();
        automata.iter_mut().for_each(|automaton| automaton.run_min = 0);
        for b in 0..=255u8 {
            let hay = [b; 200];
            for tier in Tier::all() {
                let end = tier.run_end(&hay, 0);
                assert_eq!(end == 200, crate::is_base64(b), "byte {b:#04x}, tier {tier:?}");
            }
            for first in *b"\\%&=a" {
                let hay = [first, b, b'6', b' '].repeat(40);
                let want = hay.windows(3).filter(|w| is_escape([w[0], w[1], w[2]])).count();
                for automaton in &automata {
                    let mut hits = Vec::new();
                    automaton.scan(&hay, 0, hay.len(), &mut Workspace::default(), &mut hits);
                    let seen = hits.iter().filter(|hit| hit.what == What::Escape).count();
                    assert_eq!(seen, want, "{first:#04x} {b:#04x}, tier {:?}", automaton.tier);
                }
            }
        }
    }
}
