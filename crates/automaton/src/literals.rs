//! Exact literals: a gated tier behind a pair bitmap, and an ungated one behind packed or Aho-Corasick search.

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

/// Literals that stand only where a run of token characters continues.
#[derive(Clone, Debug)]
pub(crate) struct Gated {
    /// One bit per pair of first bytes (little-endian).
    pairs: Box<[u64; 1024]>,
    /// Sorted by pair; literals that fold case are there once per spelling of their pair.
    by_pair: Vec<(u16, u32)>,
    literals: Vec<Literal>,
}

impl Gated {
    pub(crate) fn new(literals: Vec<Literal>) -> Gated {
        let mut pairs = Box::new([0u64; 1024]);
        let mut by_pair = Vec::new();
        for (index, literal) in literals.iter().enumerate() {
            let (a, b) = (literal.bytes[0], literal.bytes[1]);
            let spellings = if literal.fold {
                [
                    [a, b],
                    [a.to_ascii_uppercase(), b],
                    [a, b.to_ascii_uppercase()],
                    [a.to_ascii_uppercase(), b.to_ascii_uppercase()],
                ]
                .to_vec()
            } else {
                vec![[a, b]]
            };
            for pair in spellings {
                let pair = u16::from_le_bytes(pair);
                pairs[usize::from(pair) / 64] |= 1 << (pair % 64);
                by_pair.push((pair, index as u32));
            }
        }
        by_pair.sort_unstable();
        by_pair.dedup();
        Gated { pairs, by_pair, literals }
    }

    #[inline(always)]
    pub(crate) fn maybe(&self, pair: u16) -> bool {
        self.pairs[usize::from(pair) / 64] >> (pair % 64) & 1 != 0
    }

    /// Calls `found` with the id of every literal at `at`.
    #[inline]
    pub(crate) fn check(&self, hay: &[u8], at: usize, pair: u16, mut found: impl FnMut(u32)) {
        let from = self.by_pair.partition_point(|(p, _)| *p < pair);
        for (_, index) in self.by_pair[from..].iter().take_while(|(p, _)| *p == pair) {
            let literal = &self.literals[*index as usize];
            if literal.stands_at(hay, at) {
                found(literal.id);
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
                    .kind(Some(AhoCorasickKind::ContiguousNFA))
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
