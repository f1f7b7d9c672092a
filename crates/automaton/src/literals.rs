//! Exact literals: [`Filtered`] behind a bitmap of their first four bytes, and [`Ungated`] behind packed or Aho-Corasick search, for the shortest ones
//! and for the ends of slices.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind, packed};

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
    /// Every four bytes (little-endian) that a literal can begin with, and the literal, by the word of a [`Filter`] that has their bit.
    by_word: Vec<(u32, u32)>,
    /// Where those of each word begin.
    words: Box<[u32]>,
    literals: Vec<Literal>,
}

/// Words of a [`Filter`]: 8 KiB, which share the first-level cache with the text. A fixed size lets the compiler see that no index is out of
/// range.
const WORDS: usize = 1024;

impl Filtered {
    /// Compiles literals; where one is shorter than four bytes, only bytes that are `rest` can follow.
    pub(crate) fn new(literals: Vec<Literal>, rest: fn(u8) -> bool) -> Filtered {
        let mut by_word = Vec::new();
        for (index, literal) in literals.iter().enumerate() {
            for quad in spell(&literal.bytes[..literal.bytes.len().min(4)], literal.fold, rest) {
                by_word.push((u32::from_le_bytes(quad), index as u32));
            }
        }
        let word = |(quad, _): &(u32, u32)| hash(*quad) / 64;
        by_word.sort_unstable_by_key(|entry| (word(entry), *entry));
        let words = (0..=WORDS).map(|n| by_word.partition_point(|entry| word(entry) < n) as u32).collect();
        Filtered { by_word, words, literals }
    }

    /// What the literals begin with, four bytes each, little-endian.
    pub(crate) fn quads(&self) -> Vec<u32> {
        self.by_word.iter().map(|(quad, _)| *quad).collect()
    }

    /// Calls `found` with the id of every literal at `at`.
    #[inline]
    pub(crate) fn check(&self, hay: &[u8], at: usize, quad: u32, mut found: impl FnMut(u32)) {
        let word = hash(quad) / 64;
        let entries = self.words[word] as usize..self.words[word + 1] as usize;
        for (_, index) in self.by_word[entries].iter().filter(|(q, _)| *q == quad) {
            let literal = &self.literals[*index as usize];
            if literal.stands_at(hay, at) {
                found(literal.id);
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.by_word.len() * 8 + self.words.len() * 4
    }
}

/// A bit per hash of four bytes: those a literal begins with, or for a shorter one all that can follow it.
#[derive(Clone, Debug)]
pub(crate) struct Filter(Box<[u64; WORDS]>);

impl Filter {
    /// The filter in front of `sets`.
    pub(crate) fn of(sets: [&Filtered; 2]) -> Filter {
        let mut bitmap = Box::new([0u64; WORDS]);
        for (quad, _) in sets.into_iter().flat_map(|set| &set.by_word) {
            let at = hash(*quad);
            bitmap[at / 64] |= 1 << (at % 64);
        }
        Filter(bitmap)
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.0)
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
    (quad.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

/// All four bytes that a literal with these first bytes can begin with.
fn spell(first: &[u8], fold: bool, rest: fn(u8) -> bool) -> Vec<[u8; 4]> {
    let mut out = vec![[0u8; 4]];
    for place in 0..4 {
        let choices: Vec<u8> = match first.get(place) {
            Some(b) if fold && b.is_ascii_lowercase() => vec![*b, b.to_ascii_uppercase()],
            Some(b) => vec![*b],
            None => (0..=255).filter(|b| rest(*b)).collect(),
        };
        out = out
            .iter()
            .flat_map(|quad| {
                choices.iter().map(|b| {
                    let mut quad = *quad;
                    quad[place] = *b;
                    quad
                })
            })
            .collect();
    }
    out
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
