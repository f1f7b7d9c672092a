//! A whole-buffer matcher that is simple enough to be believed: what the engine's streams are tested against.
//!
//! It shares no code with the engine's own matching. For each rule, by itself:
//!
//! 1. The places `q` where one of its literals stands are taken in increasing order (ASCII case folded if the
//!    rule ignores case). A place inside the rule's last match is skipped.
//! 2. The match starts at `s`: `q` less the longest run of the lead's characters before it, cut to its `max`;
//!    shorter than its `min` is no match.
//! 3. The pattern is matched anchored at `q`. Of all its ends the longest counts whose right side satisfies the
//!    boundary. If the rule has a checksum that stands at a token's end, an end whose value verifies needs no boundary, and
//!    after one no other counts that does not verify. Of the ends without a boundary (and those after one that verified), the
//!    first four are tried.
//! 4. If the rule has a checksum and no lead, and the value does not verify, the literals inside the match are tried, the last
//!    four that begin a match with the same end: the match begins at the last of them from which on the value verifies. This holds for
//!    the ends tried in 3 as well.
//! 5. `s` has to satisfy the left boundary, unless the value verifies.
//! 6. The value is the group `value` of the pattern, run on exactly the bytes from `q` to the end, or else the whole match.
//! 7. A match whose value has less entropy than the rule asks for is dropped, and so is one of a shape that the rule vetoes, unless it verifies; it still covers its place.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use exfilter_engine::{Boundary, Checksum, Lead, Rule};
use regex_automata::dfa::{Automaton, OverlappingState, dense};
use regex_automata::meta::Regex;
use regex_automata::util::start;
use regex_automata::{Anchored, Input, MatchKind};

/// A match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OracleMatch {
    /// The index of the rule.
    pub rule: usize,
    /// Its first byte, lead included.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// The first byte of its value.
    pub value_start: usize,
    /// One past the last byte of its value.
    pub value_end: usize,
    /// Whether the rule has a checksum and the value verifies.
    pub verified: bool,
}

/// All matches of all rules in `hay`, in order of rule and start.
///
/// Compiles the rules on each call; [`Oracle`] keeps them.
///
/// # Panics
///
/// If a rule's pattern does not compile.
pub fn find_all(rules: &[Rule], hay: &[u8]) -> Vec<OracleMatch> {
    Oracle::new(rules).find_all(hay)
}

/// The matcher of a set of rules. Patterns are compiled when a literal of theirs is first seen.
pub struct Oracle {
    rules: Vec<Compiled>,
}

impl Oracle {
    /// A matcher of `rules`.
    pub fn new(rules: &[Rule]) -> Oracle {
        Oracle { rules: rules.iter().map(Compiled::new).collect() }
    }

    /// All matches of all rules in `hay`, in order of rule and start.
    ///
    /// # Panics
    ///
    /// If the pattern of a rule, one of whose literals is in `hay`, does not compile.
    pub fn find_all(&self, hay: &[u8]) -> Vec<OracleMatch> {
        let mut found = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            rule.find_all(index, hay, &mut found);
        }
        found
    }
}

/// What is derived from a pattern.
struct Automata {
    /// Knows every end of a match.
    ends: dense::DFA<Vec<u32>>,
    /// Knows the group `value`.
    groups: Option<Regex>,
}

/// A rule and, once it was needed, what is derived from its pattern.
pub(crate) struct Compiled {
    pub(crate) rule: Rule,
    pub(crate) lead: Option<(Lead, [bool; 256])>,
    /// The bytes with which a literal begins.
    first: [bool; 256],
    automata: OnceLock<Automata>,
}

impl Compiled {
    pub(crate) fn new(rule: &Rule) -> Compiled {
        let lead = rule.lead.clone().map(|lead| {
            let class = class_of(&lead.class).expect("a lead's class is a character class");
            (lead, class)
        });
        let mut first = [false; 256];
        for byte in rule.literals.iter().filter_map(|literal| literal.bytes().next()) {
            first[usize::from(byte)] = true;
            if rule.ignore_case {
                first[usize::from(byte.to_ascii_lowercase())] = true;
                first[usize::from(byte.to_ascii_uppercase())] = true;
            }
        }
        Compiled { rule: rule.clone(), lead, first, automata: OnceLock::new() }
    }

    pub(crate) fn find_all(&self, index: usize, hay: &[u8], found: &mut Vec<OracleMatch>) {
        let mut covered = 0;
        for q in 0..hay.len() {
            if q < covered || !self.first[usize::from(hay[q])] || !self.literal_at(&hay[q..]) {
                continue;
            }
            let Some(found_here) = self.match_at(index, hay, q) else { continue };
            covered = found_here.end;
            let value = &hay[found_here.value_start..found_here.value_end];
            let vetoed = !found_here.verified && self.rule.vetoes.iter().any(|veto| veto.holds(value));
            if self.entropy_suffices(value) && !vetoed {
                found.push(found_here);
            }
        }
    }

    /// Whether a literal may begin with this byte.
    pub(crate) fn begins(&self, byte: u8) -> bool {
        self.first[usize::from(byte)]
    }

    pub(crate) fn literal_at(&self, hay: &[u8]) -> bool {
        self.rule.literals.iter().any(|literal| {
            hay.get(..literal.len()).is_some_and(|here| match self.rule.ignore_case {
                true => here.eq_ignore_ascii_case(literal.as_bytes()),
                false => here == literal.as_bytes(),
            })
        })
    }

    pub(crate) fn match_at(&self, index: usize, hay: &[u8], q: usize) -> Option<OracleMatch> {
        let mut start = q;
        if let Some((lead, class)) = &self.lead {
            let run = hay[..q].iter().rev().take_while(|b| class[usize::from(**b)]).count();
            if run < usize::from(lead.min) {
                return None;
            }
            start -= run.min(usize::from(lead.max));
        }
        let automata = self.automata();
        let make = |start: usize, q: usize, end: usize| {
            let value = automata.value(hay, q, end).unwrap_or(start..end);
            let verified = self.rule.checksum.is_some_and(|checksum| checksum.verify(&hay[value.clone()]));
            OracleMatch { rule: index, start, end, value_start: value.start, value_end: value.end, verified }
        };
        let best = |end: usize| {
            let here = make(start, q, end);
            if here.verified || self.rule.checksum.is_none() || self.lead.is_some() {
                return here;
            }
            let inside = (q + 1..end).rev().filter(|at| self.literal_at(&hay[*at..end]));
            let inside = inside.filter(|at| automata.ends_from(&hay[..end], *at).last() == Some(&end));
            inside.take(4).map(|at| make(at, at, end)).find(|m| m.verified).unwrap_or(here)
        };
        let at_end = self.rule.checksum.is_some_and(Checksum::ends_token);
        let mut found: Option<OracleMatch> = None;
        let mut sure = false;
        let mut tries = 0;
        for end in automata.ends_from(hay, q) {
            if after(self.rule.right, hay, end) && !sure {
                found = Some(best(end));
            } else if at_end && tries < 4 {
                tries += 1;
                let here = best(end);
                if here.verified {
                    found = Some(here);
                    sure = true;
                }
            }
        }
        found.filter(|m| m.verified || before(self.rule.left, hay, start))
    }

    fn entropy_suffices(&self, value: &[u8]) -> bool {
        self.rule.min_entropy.is_none_or(|least| entropy(value) >= f64::from(least))
    }

    /// The ends of matches from `q` on, and how many bytes the pattern takes before no match can come of it.
    pub(crate) fn walk(&self, hay: &[u8], q: usize) -> (Vec<usize>, usize) {
        let automata = self.automata();
        let dfa = &automata.ends;
        let start = start::Config::new().anchored(Anchored::Yes);
        let mut state = dfa.start_state(&start).expect("an anchored start exists");
        let mut taken = 0;
        for byte in &hay[q..] {
            state = dfa.next_state(state, *byte);
            if dfa.is_dead_state(state) {
                break;
            }
            taken += 1;
        }
        (automata.ends_from(hay, q), taken)
    }

    fn automata(&self) -> &Automata {
        self.automata.get_or_init(|| Automata::new(&self.rule.pattern))
    }
}

impl Automata {
    fn new(pattern: &str) -> Automata {
        let ends = dense::Builder::new()
            .configure(dense_config())
            .syntax(syntax())
            .build(pattern)
            .expect("the pattern of a rule compiles");
        let groups = pattern.contains("(?P<value>").then(|| {
            Regex::builder()
                .syntax(syntax())
                .build(&format!(r"(?:{pattern})\z"))
                .expect("the pattern of a rule compiles")
        });
        Automata { ends, groups }
    }

    /// Every end of a match that begins at `q`, in increasing order.
    fn ends_from(&self, hay: &[u8], q: usize) -> Vec<usize> {
        let input = Input::new(hay).range(q..).anchored(Anchored::Yes);
        let mut state = OverlappingState::start();
        let mut ends = Vec::new();
        loop {
            self.ends
                .try_search_overlapping_fwd(&input, &mut state)
                .expect("an anchored search in an automaton without quit bytes cannot fail");
            match state.get_match() {
                Some(end) => ends.push(end.offset()),
                None => return ends,
            }
        }
    }

    fn value(&self, hay: &[u8], q: usize, end: usize) -> Option<Range<usize>> {
        let regex = self.groups.as_ref()?;
        let mut captures = regex.create_captures();
        regex.captures(Input::new(&hay[q..end]).anchored(Anchored::Yes), &mut captures);
        let value = captures.get_group_by_name("value")?;
        Some(q + value.start..q + value.end)
    }
}

/// The automaton that knows every end of a match.
pub(crate) fn dense_config() -> dense::Config {
    dense::Config::new().match_kind(MatchKind::All).start_kind(regex_automata::dfa::StartKind::Anchored)
}

pub(crate) fn syntax() -> regex_automata::util::syntax::Config {
    regex_automata::util::syntax::Config::new().unicode(false).utf8(false)
}

/// The bytes of a character class without its brackets, or `None` if it is none.
pub(crate) fn class_of(text: &str) -> Option<[bool; 256]> {
    let hir = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(&format!("[{text}]"))
        .ok()?;
    bytes_of(&hir)
}

/// The bytes that a class, or a literal of one byte, stands for.
pub(crate) fn bytes_of(hir: &regex_syntax::hir::Hir) -> Option<[bool; 256]> {
    use regex_syntax::hir::{Class, HirKind};
    let mut class = [false; 256];
    match hir.kind() {
        HirKind::Class(Class::Bytes(bytes)) => {
            for range in bytes.ranges() {
                class[usize::from(range.start())..=usize::from(range.end())].fill(true);
            }
        }
        HirKind::Literal(literal) if literal.0.len() == 1 => class[usize::from(literal.0[0])] = true,
        _ => return None,
    }
    Some(class)
}

/// Whether what stands before `start` satisfies the boundary.
fn before(boundary: Boundary, hay: &[u8], start: usize) -> bool {
    let Some(last) = hay[..start].last() else { return true };
    !belongs(boundary, *last) || escape_ends(&hay[..start])
}

/// Whether what stands at `end` satisfies the boundary.
pub(crate) fn after(boundary: Boundary, hay: &[u8], end: usize) -> bool {
    hay.get(end).is_none_or(|next| !belongs(boundary, *next))
}

/// Whether a byte beside a match would make it a part of something longer.
fn belongs(boundary: Boundary, byte: u8) -> bool {
    let word = byte.is_ascii_alphanumeric() || byte == b'_';
    match boundary {
        Boundary::Word => word,
        Boundary::Dashed => word || byte == b'-',
        Boundary::Base64 => word || matches!(byte, b'-' | b'+' | b'/' | b'='),
        _ => false,
    }
}

/// Whether `text` ends with an escape, which stands for one symbol that is no word character.
fn escape_ends(text: &[u8]) -> bool {
    let hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    match text {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f' | b'0' | b'v' | b'"' | b'\'' | b'/' | b'\\'] => true,
        [.., b'%' | b'=', a, b] if hex(&[*a, *b]) => true,
        [.., b'\\', b'x', a, b] if hex(&[*a, *b]) => true,
        [.., b'\\', b'u', a, b, c, d] if hex(&[*a, *b, *c, *d]) => true,
        _ => false,
    }
}

/// Shannon's entropy in bits per byte.
pub(crate) fn entropy(value: &[u8]) -> f64 {
    let mut counts = HashMap::new();
    for byte in value {
        *counts.entry(byte).or_insert(0u32) += 1;
    }
    let total = value.len() as f64;
    counts.values().map(|count| f64::from(*count) / total).map(|p| -p * p.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str) -> Rule {
        Rule::new("test", "ab", pattern)
    }

    fn spans(rule: &Rule, hay: &str) -> Vec<(usize, usize)> {
        find_all(std::slice::from_ref(rule), hay.as_bytes()).iter().map(|m| (m.start, m.end)).collect()
    }

    #[test]
    fn longest_end_with_a_boundary() {
        assert_eq!(spans(&rule("ab(?:c|cd|cd-e)"), "abcd-ef abc"), [(0, 4), (8, 11)]);
        assert_eq!(spans(&rule("ab[0-9]{2,4}"), "ab12345"), []);
        let mut free = rule("ab[0-9]{2,4}");
        free.right = Boundary::None;
        assert_eq!(spans(&free, "ab12345"), [(0, 6)]);
    }

    #[test]
    fn matches_do_not_overlap() {
        let mut inner = rule("ab[ab-]{2,6}");
        inner.right = Boundary::None;
        assert_eq!(spans(&inner, "ab-ab-ab-ab-ab"), [(0, 8), (9, 14)]);
    }

    #[test]
    fn lead_is_cut_and_then_bounded() {
        let mut lead = rule("ab[0-9]{2}");
        lead.lead = Some(Lead { class: "x-z".into(), min: 2, max: 3 });
        assert_eq!(spans(&lead, "xab12 xyab12 xyzab12 xxyzab12"), [(6, 12), (13, 20)]);
        lead.left = Boundary::None;
        assert_eq!(spans(&lead, "xxyzab12"), [(1, 8)]);
    }

    #[test]
    fn escapes_are_boundaries() {
        let rule = rule("ab12");
        for before in ["\\n", "\\\"", "%3D", "%3d", "\\u000a", "\\x0a", "=3D", "-", "", "\\\\"] {
            assert_eq!(spans(&rule, &format!("{before}ab12")).len(), 1, "{before}");
        }
        for before in ["n", "a", "_", "3D", "u000a", "\\u00a", "\\c"] {
            assert_eq!(spans(&rule, &format!("{before}ab12")).len(), 0, "{before}");
        }
    }

    #[test]
    fn entropy_of_known_texts() {
        assert_eq!(entropy(b"aaaa"), 0.0);
        assert_eq!(entropy(b"abab"), 1.0);
        assert_eq!(entropy(b"abcd"), 2.0);
    }
}
