//! From a [`Rule`] to what the lanes run: literals with their gate, a lead, a [`Probe`], a dense DFA built where that does not decide.

use std::sync::OnceLock;

use exfilter_automaton::{Automaton, Gate, is_token};
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind, meta};
use regex_syntax::hir::{Class, HirKind};

use crate::error::BuildError;
use crate::measure::{self, Measures, parse};
use crate::probe::Probe;
use crate::rule::{Lead, Rule};

/// The largest confirm DFA, in bytes. A rule that needs more is better split into head and value.
const DFA_LIMIT: usize = 1 << 20;

/// A rule, ready to run.
pub(crate) struct Compiled {
    pub(crate) rule: Rule,
    pub(crate) facts: Facts,
    has_value: bool,
    probe: Probe,
    dfa: OnceLock<Option<Machine>>,
    value: OnceLock<Option<meta::Regex>>,
}

/// The DFA of a rule, and where it stands behind literals.
struct Machine {
    dfa: dense::DFA<Vec<u32>>,
    /// The longest first.
    heads: Vec<Head>,
}

/// What a literal of a rule begins with: a DFA need not walk over what is known to stand there.
struct Head {
    /// The first bytes, little-endian, without the case of letters if it does not count, of the bits that `mask` has.
    bytes: u64,
    mask: u64,
    len: u8,
    /// The state in front of them and the one behind; none in between says anything.
    from: StateID,
    to: StateID,
}

/// Literals of a rule that are told apart, and the bytes of one from which on that is worth it.
const HEADS: usize = 12;
const HEAD_MIN: usize = 3;

/// What the pattern of a rule tells.
pub(crate) struct Facts {
    pub(crate) gate: Gate,
    /// What the automaton looks for: the rule's literals, or more of their pattern's beginning where they are short.
    pub(crate) literals: Vec<Vec<u8>>,
    pub(crate) lead: Option<CompiledLead>,
    /// How many ASCII bytes every match surely begins with.
    pub(crate) ascii: usize,
    /// The shortest match, its lead included.
    pub(crate) min_len: usize,
}

/// The lead's class as a bit set.
pub(crate) struct CompiledLead {
    pub(crate) set: [u64; 4],
    pub(crate) min: usize,
    pub(crate) max: usize,
}

impl CompiledLead {
    #[inline]
    pub(crate) fn has(&self, b: u8) -> bool {
        self.set[usize::from(b) / 64] >> (b % 64) & 1 != 0
    }
}

impl Compiled {
    /// Checks a rule and compiles all but its DFA.
    #[cfg(test)]
    pub(crate) fn new(rule: Rule) -> Result<Compiled, BuildError> {
        Compiled::measured(rule, &mut Measures::default())
    }

    /// Checks a rule and compiles all but its DFA, beside others that `measures` knows.
    pub(crate) fn measured(rule: Rule, measures: &mut Measures) -> Result<Compiled, BuildError> {
        let fail = |message: String| BuildError::rule(&rule.id, message);
        if rule.literals.is_empty() {
            return Err(fail("it has no literal; name the fixed text every match begins with".into()));
        }
        for literal in &rule.literals {
            if !(2..=Automaton::LITERAL_MAX).contains(&literal.len()) {
                return Err(fail(
                    "a literal has 2 to 32 bytes; shorten it, the pattern still checks the rest".into(),
                ));
            }
        }
        let measure =
            measures.of(&rule.pattern).map_err(|e| fail(format!("the pattern does not parse: {e}")))?;
        let lead_max = rule.lead.as_ref().map_or(0, |l| usize::from(l.max));
        match measure.max {
            None => {
                return Err(fail("the pattern is unbounded; write {m,n} instead of *, + or {m,}".into()));
            }
            Some(len) if len + lead_max > rule.max_len.min(Rule::MAX_LEN) as usize => {
                return Err(fail(format!(
                    "a match may have {} bytes and max_len allows {}; bound the pattern or raise max_len (2048 at most)",
                    len + lead_max,
                    rule.max_len
                )));
            }
            Some(_) => {}
        }
        let lead_min = rule.lead.as_ref().map_or(0, |l| usize::from(l.min));
        let min_len = lead_min + measure.min;
        if min_len - lead_min < 2 {
            return Err(fail(
                "a match may have fewer than 2 bytes; the pattern must include its literal".into(),
            ));
        }
        let lead = rule.lead.as_ref().map(|lead| compile_lead(lead).map_err(&fail)).transpose()?;
        let gate = if measure.tokens >= Automaton::GATE { Gate::Token } else { Gate::None };
        // A literal of two or three bytes stands in ordinary text all the time; what must follow it seldom does.
        let short = rule.literals.iter().any(|l| l.len() < 4) && !rule.ignore_case && gate == Gate::Token;
        let longer = if short { measure::beginnings(&rule.pattern) } else { None };
        let literals =
            longer.unwrap_or_else(|| rule.literals.iter().map(|l| l.as_bytes().to_vec()).collect());
        let ascii = measure.ascii + lead_min;
        Ok(Compiled::of(rule, Facts { ascii, min_len, gate, literals, lead }))
    }

    /// A rule of which all this is known.
    pub(crate) fn of(rule: Rule, facts: Facts) -> Compiled {
        Compiled {
            facts,
            has_value: rule.pattern.contains("(?P<value>") || rule.pattern.contains("(?<value>"),
            probe: Probe::new(),
            dfa: OnceLock::new(),
            value: OnceLock::new(),
            rule,
        }
    }

    /// The confirm DFA, anchored, all matches; `None` if it would be too large, which [`Compiled::check_dfa`] tells at build time.
    #[inline]
    pub(crate) fn dfa(&self) -> Option<&dense::DFA<Vec<u32>>> {
        Some(&self.machine()?.dfa)
    }

    #[inline]
    fn machine(&self) -> Option<&Machine> {
        let build = || {
            self.probe.close();
            build_dfa(&self.rule.pattern).ok().map(|dfa| self.machine_of(dfa))
        };
        self.dfa.get_or_init(build).as_ref()
    }

    /// Whether matches have `len` bytes from their literal on, of which fewer are ASCII for sure.
    pub(crate) fn has_wildcards(&self, len: usize) -> bool {
        let lead = self.rule.lead.as_ref().map_or(0, |lead| usize::from(lead.min));
        self.facts.ascii < len && self.facts.min_len >= len + lead
    }

    /// How many of `bytes` rule out that a match begins there, behind `before`; `None` if the DFA has to say it. Whatever it says, the DFA would: most literals stand in texts in which no
    /// match of their rule does, and for those no DFA is built.
    #[inline]
    pub(crate) fn dies(&self, before: Option<u8>, bytes: &[u8]) -> Option<usize> {
        match self.dfa.get() {
            Some(_) => None,
            None => self.probe.dies(&self.rule.pattern, before, bytes),
        }
    }

    fn machine_of(&self, dfa: dense::DFA<Vec<u32>>) -> Machine {
        let literals = self.rule.literals.iter().take(HEADS);
        let mut heads: Vec<Head> =
            literals.filter_map(|literal| head(&dfa, literal.as_bytes(), self.rule.ignore_case)).collect();
        heads.sort_by_key(|head| std::cmp::Reverse(head.len));
        Machine { dfa, heads }
    }

    /// Where the DFA comes to from `state` over what `bytes` begin with, if that is a literal it knows, and how many bytes those are.
    #[inline]
    pub(crate) fn leap(&self, state: StateID, bytes: &[u8]) -> Option<(StateID, usize)> {
        let word = u64::from_le_bytes(*bytes.first_chunk()?);
        let stands = |head: &&Head| (word ^ head.bytes) & head.mask == 0;
        let head = self.machine()?.heads.iter().find(stands).filter(|head| head.from == state)?;
        Some((head.to, usize::from(head.len)))
    }

    /// Builds the DFA now.
    pub(crate) fn check_dfa(&self) -> Result<(), BuildError> {
        let built = build_dfa(&self.rule.pattern).map_err(|e| {
            BuildError::rule(
                &self.rule.id,
                format!(
                    "its automaton is over 1 MiB; split keyword and value, or narrow its repetitions ({e})"
                ),
            )
        })?;
        let _ = self.dfa.set(Some(self.machine_of(built)));
        Ok(())
    }

    /// The longest of the rule's literals with which `bytes` begins.
    pub(crate) fn literal_at(&self, bytes: &[u8]) -> Option<&str> {
        let stands = |literal: &&String| match bytes.get(..literal.len()) {
            Some(here) if self.rule.ignore_case => here.eq_ignore_ascii_case(literal.as_bytes()),
            Some(here) => here == literal.as_bytes(),
            None => false,
        };
        self.rule.literals.iter().filter(stands).max_by_key(|literal| literal.len()).map(String::as_str)
    }

    /// Whether `bytes`, from first to last, is a match.
    pub(crate) fn is_match(&self, bytes: &[u8]) -> bool {
        let Some(dfa) = self.dfa() else { return false };
        let config = start::Config::new().anchored(Anchored::Yes);
        let Ok(mut state) = dfa.start_state(&config) else { return false };
        for byte in bytes {
            state = dfa.next_state(state, *byte);
            if dfa.is_dead_state(state) {
                return false;
            }
        }
        dfa.is_match_state(dfa.next_eoi_state(state))
    }

    /// The span of the group `value` in `matched`, which begins at the literal; the whole if there is none.
    pub(crate) fn value_span(&self, matched: &[u8]) -> Option<std::ops::Range<usize>> {
        if !self.has_value {
            return None;
        }
        let regex = self.value.get_or_init(|| {
            meta::Regex::builder()
                .syntax(syntax_config())
                .configure(
                    meta::Config::new().utf8_empty(false).match_kind(MatchKind::LeftmostFirst).hybrid(false),
                )
                .build(&format!("^(?:{})$", self.rule.pattern))
                .ok()
        });
        let regex = regex.as_ref()?;
        let group = regex.group_info().to_index(regex_automata::PatternID::ZERO, "value")?;
        let mut captures = regex.create_captures();
        regex.captures(regex_automata::Input::new(matched).anchored(Anchored::Yes), &mut captures);
        captures.get_group(group).map(|span| span.range())
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Compiled({})", self.rule.id)
    }
}

pub(crate) fn syntax_config() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

/// How patterns become an NFA.
pub(crate) fn thompson_config() -> thompson::Config {
    thompson::Config::new().utf8(false).shrink(false).nfa_size_limit(Some(4 * DFA_LIMIT))
}

fn build_dfa(pattern: &str) -> Result<dense::DFA<Vec<u32>>, String> {
    dense::Builder::new()
        .syntax(syntax_config())
        .thompson(thompson_config())
        .configure(
            dense::Config::new()
                .start_kind(StartKind::Anchored)
                .match_kind(MatchKind::All)
                .dfa_size_limit(Some(DFA_LIMIT))
                .determinize_size_limit(Some(4 * DFA_LIMIT)),
        )
        .build(pattern)
        .map_err(|e| e.to_string())
}

/// The head of a literal, as far as no state on the way says anything and no case makes a difference.
fn head(dfa: &dense::DFA<Vec<u32>>, literal: &[u8], fold: bool) -> Option<Head> {
    let from = dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).ok()?;
    let (mut to, mut len, mut bytes, mut mask) = (from, 0, [0; 8], [0; 8]);
    for byte in literal.iter().take(8) {
        let next = dfa.next_state(to, *byte);
        let folds = fold && byte.is_ascii_alphabetic();
        if dfa.is_special_state(next) || folds && dfa.next_state(to, byte ^ CASE) != next {
            break;
        }
        mask[len] = if folds { !CASE } else { 0xff };
        bytes[len] = byte & mask[len];
        (to, len) = (next, len + 1);
    }
    let (bytes, mask) = (u64::from_le_bytes(bytes), u64::from_le_bytes(mask));
    (len >= HEAD_MIN).then_some(Head { bytes, mask, len: len as u8, from, to })
}

/// The bit that tells the cases of a letter apart.
const CASE: u8 = 0x20;

fn compile_lead(lead: &Lead) -> Result<CompiledLead, String> {
    if lead.min > lead.max || lead.max > Lead::MAX || lead.max == 0 {
        return Err(format!("a lead takes min <= max <= {}", Lead::MAX));
    }
    let hir =
        parse(&format!("[{}]", lead.class)).map_err(|e| format!("the lead's class does not parse: {e}"))?;
    let mut set = [0u64; 4];
    let mut add = |b: u8| set[usize::from(b) / 64] |= 1 << (b % 64);
    match hir.kind() {
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().for_each(|range| (range.start()..=range.end()).for_each(&mut add));
        }
        HirKind::Class(Class::Unicode(class)) => class.iter().for_each(|range| {
            (u32::from(range.start())..=u32::from(range.end()).min(255)).for_each(|c| add(c as u8));
        }),
        HirKind::Literal(literal) if literal.0.len() == 1 => add(literal.0[0]),
        _ => return Err("a lead's class is the inside of one bracket expression".into()),
    }
    if (0..=255u8).any(|b| set[usize::from(b) / 64] >> (b % 64) & 1 != 0 && !is_token(b)) {
        return Err("a lead's class may have the characters A-Za-z0-9_.+/=%~- only".into());
    }
    Ok(CompiledLead { set, min: lead.min.into(), max: lead.max.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_comes_to_where_every_byte_leads() {
        let mut rule = Rule::new("a", "token", "(?i:token|secret_key|Key)[a-z]{0,5}=[0-9]{8}");
        rule.literals = vec!["token".into(), "secret_key".into(), "key".into()];
        rule.ignore_case = true;
        let compiled = Compiled::new(rule).expect("the rule compiles");
        let dfa = compiled.dfa().expect("it is small");
        let from = dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).expect("it is anchored");
        for (text, leap) in
            [("Tokens=01234567", 5), ("SECRET_key=", 8), ("kEyab=01", 3), ("kez=012345", 0), ("token", 0)]
        {
            let walked = text.bytes().take(leap).fold(from, |state, byte| dfa.next_state(state, byte));
            let want = (leap > 0).then_some((walked, leap));
            assert_eq!(compiled.leap(from, text.as_bytes()), want, "{text}");
        }
        // What stands before decides here.
        let bound = Compiled::new(Rule::new("b", "token", r"\btoken[0-9]{8}")).expect("the rule compiles");
        let dfa = bound.dfa().expect("it is small");
        for before in [None, Some(b'a'), Some(b' ')] {
            let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
            let from = dfa.start_state(&config).expect("it is anchored");
            if let Some((to, len)) = bound.leap(from, b"token01234567") {
                assert_eq!(to, b"token01234567"[..len].iter().fold(from, |s, b| dfa.next_state(s, *b)));
            }
        }
    }

    #[test]
    fn bad_rules_say_what_to_write() {
        let error = |rule: Rule| Compiled::new(rule).expect_err("the rule is bad").to_string();
        assert!(error(Rule::new("a", "ab", "ab[a-z]+")).contains("unbounded"));
        assert!(error(Rule::new("a", "ab", "ab[a-z")).contains("does not parse"));
        assert!(error(Rule::new("a", "a", "a[a-z]{20}")).contains("2 to 32 bytes"));
        let mut rule = Rule::new("a", "ab", "ab[a-z]{20}");
        rule.max_len = 10;
        assert!(error(rule).contains("max_len"));
        let mut rule = Rule::new("a", "Q~", "Q~[a-z]{20}");
        rule.lead = Some(Lead { class: "a-z ".into(), min: 1, max: 3 });
        assert!(error(rule).contains("lead"));
    }
}
