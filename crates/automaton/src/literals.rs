//! Exact literals: [`Filtered`] behind a bitmap of their first four bytes, and [`Ungated`] behind packed or Aho-Corasick search, for the shortest ones
//! and for the ends of slices.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind, packed};

use crate::byte_set::ByteSet;
use crate::class::is_token;

/// A literal as it was added.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    /// Lower case if `fold`.
    pub(crate) bytes: Box<[u8]>,
    pub(crate) id: u32,
    pub(crate) fold: bool,
}

impl Literal {
    #[inline]
    pub(crate) fn stands_at(&self, hay: &[u8], at: usize) -> bool {
        match hay.get(at..at + self.bytes.len()) {
            Some(there) if self.fold => there.eq_ignore_ascii_case(&self.bytes),
            Some(there) => *there == *self.bytes,
            None => false,
        }
    }
}

/// Literals that are looked for where filters let a position through.
#[derive(Clone, Debug)]
pub(crate) struct Filtered {
    /// What can be told of each, the index of it in `literals`.
    heads: Vec<Head>,
    /// Indices of literals, by the places of four bytes with which they can begin.
    entries: Vec<u32>,
    /// Where those of each place begin.
    places: Box<[u32]>,
    literals: Vec<Literal>,
}

/// What can be told of a literal from the eight bytes at a position.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// What they are, little-endian, of the bits that `mask` has: up to the end of the literal, and without the case of letters if it does not count.
    bytes: u64,
    mask: u64,
    /// Whether it counts only where a gate is open.
    gated: bool,
}

/// What gated and loose literals begin with, four bytes each, little-endian, as all words here.
pub(crate) struct Beginnings {
    pub(crate) gated: Vec<u32>,
    pub(crate) loose: Vec<u32>,
}

/// The bit that tells the cases of a letter apart, in each of four bytes: hashes are of bytes that have it, for then most literals without case begin in one way.
pub(crate) const FOLD: u32 = 0x2020_2020;

/// What four bytes with [`FOLD`] are multiplied by, and by how many bits the product is shifted, for the index of their bit in a [`Filter`].
pub(crate) const HASH: (u32, u32) = (0x9e37_79b1, 15);

/// Words of a [`Filter`]: 16 KiB, which share the first-level cache with the text. A fixed size lets the compiler see that no index is out of
/// range.
pub(crate) const WORDS: usize = 2048;

/// Places of a table of entries: so many that most have one entry or none.
const PLACES: usize = 1 << 13;

/// The place of four bytes.
#[inline(always)]
fn place(quad: u32) -> usize {
    hash(quad) * PLACES / (64 * WORDS)
}

impl Filtered {
    /// Compiles literals that count only where a gate is open, and loose ones. Where one of the former is shorter than four bytes, only token characters can follow.
    pub(crate) fn new(gated: Vec<Literal>, loose: Vec<Literal>) -> (Filtered, Beginnings) {
        let mut beginnings = Beginnings { gated: Vec::new(), loose: Vec::new() };
        let (mut entries, mut heads) = (Vec::new(), Vec::new());
        let any: Vec<u8> = (0..=255).collect();
        let tokens: Vec<u8> = (0..=255).filter(|byte| is_token(*byte)).collect();
        let all =
            gated.iter().map(|literal| (literal, true)).chain(loose.iter().map(|literal| (literal, false)));
        for (index, (literal, gated)) in all.enumerate() {
            let (mut bytes, mut mask) = ([0; 8], [0; 8]);
            for (i, byte) in literal.bytes.iter().take(8).enumerate() {
                mask[i] = if literal.fold && byte.is_ascii_alphabetic() { !0x20 } else { 0xff };
                bytes[i] = byte & mask[i];
            }
            let (bytes, mask) = (u64::from_le_bytes(bytes), u64::from_le_bytes(mask));
            let (quads, rest) = match gated {
                true => (&mut beginnings.gated, &tokens),
                false => (&mut beginnings.loose, &any),
            };
            let first = quads.len();
            let head = &literal.bytes[..literal.bytes.len().min(4)];
            spell(head, literal.fold, rest, |quad| quads.push(u32::from_le_bytes(quad)));
            // Once at each place: a hit is told once.
            let mut at: Vec<usize> = quads[first..].iter().map(|quad| place(*quad)).collect();
            at.sort_unstable();
            at.dedup();
            entries.extend(at.into_iter().map(|place| (place, index as u32)));
            heads.push(Head { bytes, mask, gated });
        }
        let mut places = vec![0; PLACES + 1].into_boxed_slice();
        entries.iter().for_each(|(place, _)| places[place + 1] += 1);
        for n in 0..PLACES {
            places[n + 1] += places[n];
        }
        entries.sort_by_key(|(place, _)| *place);
        let entries = entries.into_iter().map(|(_, index)| index).collect();
        let literals = gated.into_iter().chain(loose).collect();
        (Filtered { heads, entries, places, literals }, beginnings)
    }

    /// Calls `found` with the id of every literal at `at`, where the eight bytes `word` stand and a gate is open or not; what they hold behind the end of `hay` is
    /// nothing.
    #[inline(always)]
    pub(crate) fn check(&self, hay: &[u8], at: usize, word: u64, gate: bool, mut found: impl FnMut(u32)) {
        let place = place(word as u32);
        for index in &self.entries[self.places[place] as usize..self.places[place + 1] as usize] {
            // One test, and one branch that is seldom taken.
            let head = &self.heads[*index as usize];
            if (head.bytes ^ word) & head.mask | u64::from(head.gated & !gate) == 0 {
                let literal = &self.literals[*index as usize];
                if literal.stands_at(hay, at) {
                    found(literal.id);
                }
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.heads) + size_of_val(&*self.entries) + size_of_val(&*self.places)
    }
}

/// A bit per hash of four bytes: those a literal begins with, or for a shorter one all that can follow it.
#[derive(Clone, Debug)]
pub(crate) struct Filter(Box<[u64; WORDS]>);

impl Filter {
    /// The filter in front of literals that begin like this.
    pub(crate) fn of(beginnings: &Beginnings) -> Filter {
        let mut bitmap = Box::new([0u64; WORDS]);
        for quad in beginnings.gated.iter().chain(&beginnings.loose) {
            let at = hash(*quad);
            bitmap[at / 64] |= 1 << (at % 64);
        }
        Filter(bitmap)
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// Its words; `hash` chooses a bit of them.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "one tier asks for them"))]
    #[inline(always)]
    pub(crate) fn words(&self) -> &[u64; WORDS] {
        &self.0
    }

    /// Whether a literal may begin with these four bytes.
    #[inline(always)]
    pub(crate) fn maybe(&self, quad: u32) -> bool {
        let at = hash(quad);
        self.0[at / 64] >> (at % 64) & 1 != 0
    }
}

#[inline(always)]
fn hash(quad: u32) -> usize {
    ((quad | FOLD).wrapping_mul(HASH.0) >> HASH.1) as usize
}

/// Calls `each` with all four bytes that a literal with these first bytes can begin with; bytes out of `rest` follow a shorter one.
fn spell(first: &[u8], fold: bool, rest: &[u8], mut each: impl FnMut([u8; 4])) {
    let cases: [[u8; 2]; 4] = std::array::from_fn(|place| {
        let byte = first.get(place).copied().unwrap_or(0);
        [byte, byte.to_ascii_uppercase()]
    });
    let [a, b, c, d]: [&[u8]; 4] = std::array::from_fn(|place| match first.get(place) {
        Some(byte) if fold && byte.is_ascii_lowercase() => &cases[place][..],
        Some(_) => &cases[place][..1],
        None => rest,
    });
    for a in a {
        for b in b {
            for c in c {
                d.iter().for_each(|d| each([*a, *b, *c, *d]));
            }
        }
    }
}

/// Literals that may stand anywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ungated {
    /// Case-sensitive ones; the vector search when they are few enough for it.
    packed: Option<packed::Searcher>,
    /// All of them otherwise.
    automaton: Option<AhoCorasick>,
    literals: Vec<Literal>,
    longest: usize,
    /// What they begin with.
    first: ByteSet,
}

impl Ungated {
    pub(crate) fn new(literals: Vec<Literal>) -> Result<Ungated, String> {
        if literals.is_empty() {
            return Ok(Ungated::default());
        }
        let longest = literals.iter().map(|l| l.bytes.len()).max().unwrap_or(0);
        let mut first = ByteSet::default();
        for literal in &literals {
            first.insert(literal.bytes[0]);
            if literal.fold {
                first.insert(literal.bytes[0].to_ascii_uppercase());
            }
        }
        let folds = literals.iter().any(|l| l.fold);
        let packed = if folds {
            None
        } else {
            packed::Config::new()
                .match_kind(packed::MatchKind::LeftmostFirst)
                .builder()
                .extend(literals.iter().map(|l| &l.bytes))
                .build()
        };
        let automaton = match packed {
            Some(_) => None,
            None => Some(
                AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostFirst)
                    .kind(Some(AhoCorasickKind::DFA))
                    .ascii_case_insensitive(folds)
                    .build(literals.iter().map(|l| &l.bytes))
                    .map_err(|e| e.to_string())?,
            ),
        };
        Ok(Ungated { packed, automaton, literals, longest, first })
    }

    /// Calls `found` with every (position in `from..to`, id), in order of position.
    pub(crate) fn scan(&self, hay: &[u8], from: usize, to: usize, mut found: impl FnMut(usize, u32)) {
        if self.literals.is_empty() {
            return;
        }
        let end = hay.len().min(to + self.longest - 1);
        let mut at = from;
        while at < to {
            let next = match (&self.packed, &self.automaton) {
                (Some(packed), _) => {
                    packed.find_in(hay, aho_corasick::Span { start: at, end }).map(|m| m.start())
                }
                (None, Some(automaton)) => automaton.find(Input::new(hay).span(at..end)).map(|m| m.start()),
                (None, None) => None,
            };
            // The search is leftmost, so nothing begins before `start`; literals that begin at it are all checked here,
            // and the search goes on one byte later, so overlapping literals are all seen.
            match next {
                Some(start) if start < to => {
                    for literal in &self.literals {
                        if literal.stands_at(hay, start) {
                            found(start, literal.id);
                        }
                    }
                    at = start + 1;
                }
                _ => return,
            }
        }
    }

    /// Whether some literal may begin at or before the end of `tail` and is not wholly in it: the least such position.
    pub(crate) fn open_at(&self, tail: &[u8]) -> Option<usize> {
        let from = tail.len().saturating_sub(self.longest.saturating_sub(1));
        (from..tail.len()).find(|at| {
            let rest = &tail[*at..];
            let goes_on = |l: &Literal| {
                l.bytes.len() > rest.len()
                    && if l.fold {
                        l.bytes[..rest.len()].eq_ignore_ascii_case(rest)
                    } else {
                        l.bytes[..rest.len()] == *rest
                    }
            };
            self.first.contains(rest[0]) && self.literals.iter().any(goes_on)
        })
    }

    /// Whether some literal begins with all of `tail`, or all of it stands there.
    pub(crate) fn may_stand(&self, tail: &[u8]) -> bool {
        let stands = |l: &Literal| tail.starts_with(&l.bytes) || l.bytes.starts_with(tail);
        tail.first().is_some_and(|first| self.first.contains(*first)) && self.literals.iter().any(stands)
    }
}
