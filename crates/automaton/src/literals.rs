//! Exact literals: [`Filtered`] behind a bitmap of their first four bytes, and [`Ungated`] behind packed or Aho-Corasick search, for the shortest ones
//! and for the ends of slices.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind, packed};

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
    entries: Vec<Entry>,
    /// Where those of each place begin.
    places: Box<[u32]>,
    literals: Vec<Literal>,
}

/// Four bytes that a literal can begin with, and what else can be told from the eight at a position.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Little-endian, as all words here.
    quad: u32,
    /// What the second four are, of the bits that `mask` has: up to the end of the literal, and without the case of letters.
    rest: u32,
    mask: u32,
    literal: u32,
    /// Whether it counts only where a gate is open.
    gated: bool,
}

/// What four bytes are multiplied by, and by how many bits the product is shifted, for the index of their bit in a [`Filter`].
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
    pub(crate) fn new(gated: Vec<Literal>, loose: Vec<Literal>) -> Filtered {
        let mut entries = Vec::new();
        let any: Vec<u8> = (0..=255).collect();
        let tokens: Vec<u8> = (0..=255).filter(|byte| is_token(*byte)).collect();
        let all =
            gated.iter().map(|literal| (literal, true)).chain(loose.iter().map(|literal| (literal, false)));
        for (index, (literal, gated)) in all.enumerate() {
            let (first, second) = literal.bytes.split_at(literal.bytes.len().min(4));
            let (mut rest_bytes, mut mask) = ([0; 4], [0; 4]);
            for (i, byte) in second.iter().take(4).enumerate() {
                mask[i] = if literal.fold && byte.is_ascii_alphabetic() { !0x20 } else { 0xff };
                rest_bytes[i] = byte & mask[i];
            }
            spell(first, literal.fold, if gated { &tokens } else { &any }, |quad| {
                entries.push(Entry {
                    quad: u32::from_le_bytes(quad),
                    rest: u32::from_le_bytes(rest_bytes),
                    mask: u32::from_le_bytes(mask),
                    literal: index as u32,
                    gated,
                });
            });
        }
        let mut places = vec![0; PLACES + 1].into_boxed_slice();
        entries.iter().for_each(|entry| places[place(entry.quad) + 1] += 1);
        for n in 0..PLACES {
            places[n + 1] += places[n];
        }
        let mut next = places.clone();
        let mut sorted = entries.clone();
        for entry in entries {
            let at = &mut next[place(entry.quad)];
            sorted[*at as usize] = entry;
            *at += 1;
        }
        Filtered { entries: sorted, places, literals: gated.into_iter().chain(loose).collect() }
    }

    /// What the gated literals begin with, or the loose ones, four bytes each, little-endian.
    pub(crate) fn quads(&self, gated: bool) -> Vec<u32> {
        self.entries.iter().filter(|entry| entry.gated == gated).map(|entry| entry.quad).collect()
    }

    /// Calls `found` with the id of every literal at `at`, where the eight bytes `word` stand and a gate is open or not; what they hold behind the end of `hay` is
    /// nothing.
    #[inline(always)]
    pub(crate) fn check(&self, hay: &[u8], at: usize, word: u64, gate: bool, mut found: impl FnMut(u32)) {
        let (quad, rest) = (word as u32, (word >> 32) as u32);
        let place = place(quad);
        for entry in &self.entries[self.places[place] as usize..self.places[place + 1] as usize] {
            // One test, and one branch that is seldom taken.
            if (entry.quad ^ quad) | ((entry.rest ^ rest) & entry.mask) | u32::from(entry.gated & !gate) == 0
            {
                let literal = &self.literals[entry.literal as usize];
                if literal.stands_at(hay, at) {
                    found(literal.id);
                }
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + size_of_val(&*self.places)
    }
}

/// A bit per hash of four bytes: those a literal begins with, or for a shorter one all that can follow it.
#[derive(Clone, Debug)]
pub(crate) struct Filter(Box<[u64; WORDS]>);

impl Filter {
    /// The filter in front of these literals.
    pub(crate) fn of(literals: &Filtered) -> Filter {
        let mut bitmap = Box::new([0u64; WORDS]);
        for entry in &literals.entries {
            let at = hash(entry.quad);
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
    (quad.wrapping_mul(HASH.0) >> HASH.1) as usize
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
}

impl Ungated {
    pub(crate) fn new(literals: Vec<Literal>) -> Result<Ungated, String> {
        if literals.is_empty() {
            return Ok(Ungated::default());
        }
        let longest = literals.iter().map(|l| l.bytes.len()).max().unwrap_or(0);
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
        Ok(Ungated { packed, automaton, literals, longest })
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
            self.literals.iter().any(|l| {
                l.bytes.len() > rest.len()
                    && if l.fold {
                        l.bytes[..rest.len()].eq_ignore_ascii_case(rest)
                    } else {
                        l.bytes[..rest.len()] == *rest
                    }
            })
        })
    }
}
