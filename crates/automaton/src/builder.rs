//! [`Builder`]: collects literals and anchors.

use crate::anchors::Anchors;
use crate::arch::Tier;
use crate::buckets::Buckets;
use crate::candidates::RUN_MIN;
use crate::literals::{Filter, Filtered, Literal, Ungated};
use crate::scan::Automaton;

/// Where an entry can stand, as far as the compiler of rules could prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Every occurrence that matters begins a run of at least [`Automaton::GATE`] token characters.
    Token,
    /// As `Token`, and the first byte is one of [`is_non_lower`](crate::is_non_lower) (anchors only): random values have such a byte
    /// soon, words seldom do.
    NonLower,
    /// As `NonLower`, and the first byte is one of [`is_upper_or_digit`](crate::is_upper_or_digit) (anchors only): half as many places of text, if no anchor asks for
    /// the others.
    UpperOrDigit,
    /// Every occurrence begins at a token character of UTF-16 text with three more after it (anchors only).
    Utf16,
    /// Anything: looked for at every position.
    None,
}

/// Collects what an [`Automaton`] looks for.
#[derive(Debug, Default)]
pub struct Builder {
    gated: Vec<Literal>,
    ungated: Vec<Literal>,
    folded: Vec<Literal>,
    token: Tags,
    non_lower: Tags,
    /// Whether some in `non_lower` begin with a sign: are not of [`Gate::UpperOrDigit`].
    signs: bool,
    utf16: Tags,
    plain: Tags,
    run_min: usize,
    escapes: bool,
    wide: bool,
    lists: bool,
    odd: Vec<Literal>,
    key: u64,
    plan: Option<Vec<u8>>,
}

/// Anchors that share a gate: tags and ids.
#[derive(Debug, Default)]
struct Tags {
    whole: Vec<(u32, u32)>,
    coarse: Vec<(u16, u32)>,
}

impl Tags {
    fn anchors(&mut self, key: u64) -> Anchors {
        Anchors::with_coarse(key, std::mem::take(&mut self.whole), std::mem::take(&mut self.coarse))
    }
}

/// The shortest literal that a filter for every position is made of: whatever follows a shorter one would pass too often.
const FILTERED_MIN: usize = 3;

impl Builder {
    /// An empty builder.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Adds a literal of 2 to [`Automaton::LITERAL_MAX`] bytes; `fold` ignores ASCII case. Ids need not be unique.
    ///
    /// # Panics
    ///
    /// If the literal is shorter or longer, or the gate is one for anchors.
    pub fn literal(&mut self, bytes: &[u8], id: u32, gate: Gate, fold: bool) -> &mut Builder {
        assert!((2..=Automaton::LITERAL_MAX).contains(&bytes.len()), "a literal has 2 to 32 bytes");
        let bytes = if fold { bytes.to_ascii_lowercase() } else { bytes.to_vec() };
        let literal = Literal { bytes: bytes.into(), id, fold };
        match gate {
            Gate::Token => self.gated.push(literal),
            Gate::None if fold => self.folded.push(literal),
            Gate::None => self.ungated.push(literal),
            Gate::NonLower | Gate::UpperOrDigit | Gate::Utf16 => panic!("this gate is for anchors only"),
        }
        self
    }

    /// Adds an eight-byte anchor by its [`anchor_tag`](crate::anchor_tag), made under the key that [`Builder::key`] sets.
    pub fn anchor(&mut self, tag: u32, id: u32, gate: Gate) -> &mut Builder {
        self.tags(gate).whole.push((tag, id));
        self
    }

    /// The same of an anchor of which only the highest 16 bits of its tag are known.
    pub fn coarse_anchor(&mut self, tag: u16, id: u32, gate: Gate) -> &mut Builder {
        self.tags(gate).coarse.push((tag, id));
        self
    }

    fn tags(&mut self, gate: Gate) -> &mut Tags {
        self.signs |= gate == Gate::NonLower;
        match gate {
            Gate::Token => &mut self.token,
            Gate::NonLower | Gate::UpperOrDigit => &mut self.non_lower,
            Gate::Utf16 => &mut self.utf16,
            Gate::None => &mut self.plain,
        }
    }

    /// Asks for the first position of every maximal run of at least `min` base64 characters, 16 to 32; 0 for none.
    ///
    /// # Panics
    ///
    /// If it is another number.
    pub fn base64_runs(&mut self, min: usize) -> &mut Builder {
        let decided = RUN_MIN..=Automaton::LOOKAHEAD;
        assert!(min == 0 || decided.contains(&min), "a run must be decided within the lookahead");
        self.run_min = min;
        self
    }

    /// Asks for every escape that may stand for a token character.
    pub fn escapes(&mut self, wanted: bool) -> &mut Builder {
        self.escapes = wanted;
        self
    }

    /// Asks for text in UTF-16.
    pub fn wide(&mut self, wanted: bool) -> &mut Builder {
        self.wide = wanted;
        self
    }

    /// Asks for lists of numbers.
    pub fn lists(&mut self, wanted: bool) -> &mut Builder {
        self.lists = wanted;
        self
    }

    /// Adds a literal of 2 to [`Automaton::LITERAL_MAX`] bytes that counts where [something is no text](Automaton::is_odd) near it: of content that is packed it may be text itself,
    /// and nobody pays for it in text.
    pub fn odd_literal(&mut self, bytes: &[u8], id: u32) -> &mut Builder {
        assert!((2..=Automaton::LITERAL_MAX).contains(&bytes.len()), "a literal has 2 to 32 bytes");
        self.odd.push(Literal { bytes: bytes.into(), id, fold: false });
        self
    }

    /// Sets the key of the anchor hash.
    pub fn key(&mut self, key: u64) -> &mut Builder {
        self.key = key;
        self
    }

    /// Takes over from [`Automaton::plan`] how literals are told apart, which takes most of the time of [`Builder::build`] to find out.
    pub fn plan(&mut self, plan: &[u8]) -> &mut Builder {
        self.plan = Some(plan.to_vec());
        self
    }

    /// Compiles.
    ///
    /// # Errors
    ///
    /// Text of the underlying automaton's construction error (too many states), or of a plan that was made for other literals.
    pub fn build(&mut self) -> Result<Automaton, String> {
        let ungated = self.ungated.iter().chain(&self.folded).cloned();
        let (loose, short): (Vec<Literal>, Vec<Literal>) =
            ungated.partition(|literal| literal.bytes.len() >= FILTERED_MIN);
        let (literals, beginnings) = Filtered::new(std::mem::take(&mut self.gated), loose);
        let (gated, loose) = (&beginnings.gated, &beginnings.loose);
        let buckets = match self.plan.take() {
            None => Buckets::new(gated, loose),
            Some(plan) => Buckets::from_bytes(&plan, gated, loose).ok_or("the plan is for other literals")?,
        };
        Ok(Automaton {
            tier: Tier::detect(),
            filter: Filter::of(&beginnings),
            buckets,
            literals,
            short: Ungated::new(short)?,
            ungated: Ungated::new(std::mem::take(&mut self.ungated))?,
            folded: Ungated::new(std::mem::take(&mut self.folded))?,
            token: self.token.anchors(self.key),
            non_lower: self.non_lower.anchors(self.key),
            signs: self.signs,
            utf16: self.utf16.anchors(self.key),
            plain: self.plain.anchors(self.key),
            run_min: self.run_min,
            escapes: self.escapes,
            wide: self.wide,
            lists: self.lists,
            odd: Ungated::new(std::mem::take(&mut self.odd))?,
        })
    }
}
