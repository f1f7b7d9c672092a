//! From a regular expression that is searched for anywhere to what a rule has: literals, a pattern that begins with them, boundaries.

use std::cmp::Reverse;

use exfilter_engine::{Boundary, Lead, Rule};
use regex_automata::dfa::dense;
use regex_automata::nfa::thompson;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Capture, Class, Hir, HirKind, Look, Repetition};

use crate::check::{MAX_AUTOMATON, folded, has_unicode, prove_literals};
use crate::format::LITERAL_LEN;
use crate::import::print;
use crate::oracle::{dense_config, syntax};

/// How many more times than its least a repetition without an upper bound may go on. The first that keeps the match within
/// [`Rule::MAX_LEN`] and its automaton within what the engine takes.
pub(crate) const BOUNDS: [u32; 4] = [512, 256, 128, 64];

/// The most literals that a rule gets: each is looked for everywhere.
const LITERALS: usize = 64;

/// The longest regular expression, in bytes: those of public catalogues have less than 2 KiB, and what is derived from one may take the square of its length.
const REGEX: usize = 1 << 14;

/// The most rules that the alternatives of one regular expression become.
const BRANCHES: usize = 32;

/// Why a regular expression, or a branch of it, is none that a rule can have.
pub(crate) type Reason = String;

/// A branch, as a rule has it.
#[derive(Debug)]
pub(crate) struct Rewritten {
    pub(crate) pattern: String,
    pub(crate) literals: Vec<String>,
    pub(crate) ignore_case: bool,
    pub(crate) lead: Option<Lead>,
    pub(crate) left: Boundary,
    pub(crate) right: Boundary,
    pub(crate) open_ended: bool,
    pub(crate) max_len: u32,
    /// What is found otherwise than before.
    pub(crate) changes: Vec<String>,
}

/// Rewrites a regular expression: as one rule if that can be, else each of the alternatives that it begins with as one of its own.
/// `group` is the number of the group that holds the value; the first one that every match has if there is none.
pub(crate) fn rewrite(regex: &str, group: Option<u32>) -> Result<Vec<Result<Rewritten, Reason>>, Reason> {
    if regex.len() > REGEX {
        return Err(format!("has over {REGEX} bytes; split it"));
    }
    let hir = in_bytes(&parse(regex)?);
    if has_unicode(&hir) {
        return Err("switches Unicode on; write what it stands for as bytes".into());
    }
    if let Some(group) = group
        && hir.properties().explicit_captures_len() < group as usize
    {
        return Err(format!("has no group {group}, which secretGroup names; name one of its groups"));
    }
    let whole = branch(&hir, group);
    let Err(reason) = &whole else { return Ok(vec![whole]) };
    match split(&hir) {
        Some(branches) if (2..=BRANCHES).contains(&branches.len()) => {
            let rules: Vec<_> = branches.iter().map(|hir| branch(hir, group)).collect();
            if rules.iter().all(Result::is_err) { Err(reason.clone()) } else { Ok(rules) }
        }
        _ => Ok(vec![whole]),
    }
}

/// Parses what is written for Go's regular expressions: braces that are no repetition stand for themselves there.
fn parse(regex: &str) -> Result<Hir, Reason> {
    print::parse(regex).or_else(|error| print::parse(&with_literal_braces(regex)).map_err(|_| error)).map_err(
        |error| {
            let (kind, column) = match &*error {
                regex_syntax::Error::Parse(e) => (e.kind().to_string(), e.span().start.column),
                regex_syntax::Error::Translate(e) => (e.kind().to_string(), e.span().start.column),
                _ => ("it is no regular expression".into(), 1),
            };
            format!("{kind}, at column {column}; write it without, for bytes and without Unicode")
        },
    )
}

/// Alternatives of one character each become a class of characters, whether Unicode is on or not.
fn in_bytes(hir: &Hir) -> Hir {
    rebuilt(hir, &mut |hir| match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            class.to_byte_class().map(|class| Hir::class(Class::Bytes(class)))
        }
        _ => None,
    })
}

fn with_literal_braces(regex: &str) -> String {
    let mut out = String::with_capacity(regex.len() + 8);
    let mut rest = regex.chars();
    while let Some(c) = rest.next() {
        if c == '{' {
            let text = rest.as_str();
            let inside = text.split_once('}').map_or("", |(inside, _)| inside);
            let (min, max) = inside.split_once(',').unwrap_or((inside, ""));
            let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            if min.is_empty() || !digits(min) || !digits(max) {
                out.push('\\');
            }
        }
        out.push(c);
        if c == '\\' {
            out.extend(rest.next());
        }
    }
    out
}

/// The alternatives that a regular expression begins with, each with what follows.
fn split(hir: &Hir) -> Option<Vec<Hir>> {
    match hir.kind() {
        HirKind::Alternation(subs) => Some(subs.clone()),
        HirKind::Capture(capture) => {
            let subs = split(&capture.sub)?;
            let wrap = |sub| Hir::capture(Capture { sub: Box::new(sub), ..capture.clone() });
            Some(subs.into_iter().map(wrap).collect())
        }
        HirKind::Concat(parts) => {
            let passed = |part: &&Hir| is_look(part) || edge(part).is_some() || can_be_empty(part);
            let at = parts.iter().take_while(passed).count();
            let subs = split(parts.get(at)?)?;
            let put = |sub: Hir| Hir::concat([&parts[..at], &[sub], &parts[at + 1..]].concat());
            Some(subs.into_iter().map(put).collect())
        }
        _ => None,
    }
}

/// One branch as a rule.
fn branch(hir: &Hir, group: Option<u32>) -> Result<Rewritten, Reason> {
    let mut changes = Vec::new();
    let value = match group {
        Some(group) => Some(group),
        None => first_group(hir, &mut changes),
    };
    let mut parts = Parts::new(hir, value);
    let left = strip_left(&mut parts, &mut changes)?;
    let (mut right, tail) = strip_right(&mut parts, &mut changes)?;
    for part in &mut parts.hirs {
        *part = without_looks(part, &mut changes)?;
    }
    let open_ended = cut(&mut parts, &mut changes);
    match tail {
        _ if open_ended => right = Boundary::None,
        Some(tail) => {
            let all = 0..parts.hirs.len();
            parts.value.get_or_insert(all);
            parts.hirs.push(tail);
        }
        None => {}
    }
    let is_open = |hir: &Hir| hir.properties().maximum_len().is_none();
    if !parts.hirs.iter().any(is_open) {
        return finish(&parts, left, right, open_ended, changes);
    }
    let mut last = Err(String::new());
    for bound in BOUNDS {
        let mut bounded = parts.clone();
        let mut changes = changes.clone();
        changes.push(format!("repetitions without an upper bound end {bound} after their least"));
        bounded.hirs.iter_mut().for_each(|part| *part = bounded_by(part, bound));
        last = finish(&bounded, left, right, open_ended, changes);
        if last.is_ok() {
            break;
        }
    }
    last
}

/// What stands one behind the other, and which of it is the value.
#[derive(Clone)]
struct Parts {
    hirs: Vec<Hir>,
    /// The value, where its group holds whole parts.
    value: Option<std::ops::Range<usize>>,
}

impl Parts {
    fn new(hir: &Hir, group: Option<u32>) -> Parts {
        let named = only_group(hir, group);
        let mut parts = Parts { hirs: Vec::new(), value: None };
        let mut todo = vec![named];
        while let Some(hir) = todo.pop() {
            match hir.kind() {
                HirKind::Concat(subs) => todo.extend(subs.iter().rev().cloned()),
                HirKind::Capture(capture) => {
                    let start = parts.hirs.len();
                    match capture.sub.kind() {
                        HirKind::Concat(subs) => parts.hirs.extend(subs.iter().cloned()),
                        _ => parts.hirs.push((*capture.sub).clone()),
                    }
                    parts.value = Some(start..parts.hirs.len());
                }
                _ => parts.hirs.push(hir),
            }
        }
        parts
    }

    fn remove(&mut self, at: usize) {
        self.hirs.remove(at);
        if let Some(value) = &mut self.value {
            value.start -= usize::from(at < value.start);
            value.end -= usize::from(at < value.end);
        }
    }

    fn in_value(&self, at: usize) -> bool {
        self.value.as_ref().is_some_and(|value| value.contains(&at))
    }

    /// The parts from `first` on, the value in its group if it is not all of the match.
    fn pattern(&self, first: usize) -> Hir {
        match &self.value {
            Some(value)
                if (value.start > 0 || value.end < self.hirs.len())
                    && value.start >= first
                    && !value.is_empty() =>
            {
                let sub = Box::new(Hir::concat(self.hirs[value.clone()].to_vec()));
                let group = Hir::capture(Capture { index: 1, name: Some("value".into()), sub });
                Hir::concat([&self.hirs[first..value.start], &[group], &self.hirs[value.end..]].concat())
            }
            _ => Hir::concat(self.hirs[first..].to_vec()),
        }
    }
}

/// The first group, if every match has it or there is no other.
fn first_group(hir: &Hir, changes: &mut Vec<String>) -> Option<u32> {
    match hir.properties().explicit_captures_len() {
        0 => None,
        groups => {
            let always = always_group(hir);
            if always.is_none() && groups > 1 {
                changes.push(
                    "it has several groups, of which a match has one: the value is the whole match".into(),
                );
                return None;
            }
            always.or_else(|| any_group(hir))
        }
    }
}

fn always_group(hir: &Hir) -> Option<u32> {
    match hir.kind() {
        HirKind::Capture(capture) => Some(capture.index),
        HirKind::Concat(subs) => subs.iter().find_map(always_group),
        HirKind::Repetition(repetition) if repetition.min > 0 => always_group(&repetition.sub),
        _ => None,
    }
}

fn any_group(hir: &Hir) -> Option<u32> {
    match hir.kind() {
        HirKind::Capture(capture) => Some(capture.index),
        _ => hir.kind().subs().iter().find_map(any_group),
    }
}

/// The tree with one group, named `value`, and no other.
fn only_group(hir: &Hir, group: Option<u32>) -> Hir {
    rebuilt(hir, &mut |hir| match hir.kind() {
        HirKind::Capture(capture) => {
            let sub = only_group(&capture.sub, group.filter(|group| *group != capture.index));
            Some(if group == Some(capture.index) {
                Hir::capture(Capture { index: 1, name: Some("value".into()), sub: Box::new(sub) })
            } else {
                sub
            })
        }
        _ => None,
    })
}

/// The tree in which `change` replaces what it likes.
fn rebuilt(hir: &Hir, change: &mut impl FnMut(&Hir) -> Option<Hir>) -> Hir {
    if let Some(changed) = change(hir) {
        return changed;
    }
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let sub = Box::new(rebuilt(&repetition.sub, change));
            Hir::repetition(Repetition { sub, ..repetition.clone() })
        }
        HirKind::Capture(capture) => {
            let sub = Box::new(rebuilt(&capture.sub, change));
            Hir::capture(Capture { sub, ..capture.clone() })
        }
        HirKind::Concat(subs) => Hir::concat(subs.iter().map(|sub| rebuilt(sub, change)).collect()),
        HirKind::Alternation(subs) => Hir::alternation(subs.iter().map(|sub| rebuilt(sub, change)).collect()),
        _ => hir.clone(),
    }
}

/// Takes away what stands before the first fixed text and needs not be there, and what may only stand before it.
fn strip_left(parts: &mut Parts, changes: &mut Vec<String>) -> Result<Boundary, Reason> {
    let mut left = Boundary::None;
    while let Some(first) = parts.hirs.first() {
        if let Some(edge) = edge(first) {
            let word = parts.hirs.get(1).is_some_and(begins_with_word);
            left = stricter(left, boundary(edge, word, "in front", "the beginning", changes)?);
        } else if left != Boundary::None || parts.in_value(0) || !can_be_empty(first) || parts.hirs.len() == 1
        {
            break;
        }
        parts.remove(0);
    }
    Ok(left)
}

/// Takes away what may only stand behind a match: it becomes a boundary if there is one that is exactly it, else it is what the match ends with, behind the value.
fn strip_right(parts: &mut Parts, changes: &mut Vec<String>) -> Result<(Boundary, Option<Hir>), Reason> {
    let mut right = Boundary::None;
    let mut tail = None;
    while let Some(last) = parts.hirs.last() {
        let Some(edge) = edge(last) else { break };
        let word = parts.hirs.len() > 1 && ends_with_word(&parts.hirs[parts.hirs.len() - 2]);
        let found = match edge.set {
            Some(set) if !edge.word && !edge.inside => exactly(&set),
            _ => Some(boundary(edge, word, "behind", "the end", changes)?),
        };
        match found {
            Some(found) => right = stricter(right, found),
            // The first that is taken away is the last of the match; what stood before it asks for no more than that the match ends there.
            None if tail.is_none() => tail = Some(to_the_end(last)),
            None => {}
        }
        parts.remove(parts.hirs.len() - 1);
    }
    if tail.is_some() {
        right = Boundary::None;
    }
    Ok((right, tail))
}

/// The boundary behind which these bytes may stand and no others.
fn exactly(set: &[bool; 256]) -> Option<Boundary> {
    [Boundary::Word, Boundary::Dashed, Boundary::Base64]
        .into_iter()
        .find(|boundary| (0..=255u8).all(|b| set[usize::from(b)] != excludes(*boundary, b)))
}

/// What a match ends with, where the end of a line is its break and that of a text the stream's.
fn to_the_end(hir: &Hir) -> Hir {
    rebuilt(&only_group(hir, None), &mut |hir| match hir.kind() {
        HirKind::Look(Look::EndLF | Look::EndCRLF) => {
            Some(Hir::alternation(vec![Hir::literal(*b"\n"), Hir::literal(*b"\r\n"), Hir::look(Look::End)]))
        }
        HirKind::Look(_) => Some(Hir::look(Look::End)),
        _ => None,
    })
}

/// What may stand beside a match: the ends of the text or of a word, and characters.
#[derive(Clone, Copy, Default)]
struct Edge {
    text: bool,
    line: bool,
    word: bool,
    inside: bool,
    /// Nothing but an assertion.
    bare: bool,
    set: Option<[bool; 256]>,
}

fn is_look(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Look(_))
}

/// Reads an assertion, or alternatives of which one is one and the others are a character or two.
fn edge(hir: &Hir) -> Option<Edge> {
    let look = |look: &Look, edge: &mut Edge| match look {
        Look::Start | Look::End => edge.text = true,
        Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF => edge.line = true,
        Look::WordAsciiNegate | Look::WordUnicodeNegate => edge.inside = true,
        _ => edge.word = true,
    };
    let mut found = Edge::default();
    match hir.kind() {
        HirKind::Look(assertion) => {
            look(assertion, &mut found);
            found.bare = true;
            Some(found)
        }
        HirKind::Capture(capture) => edge(&capture.sub),
        HirKind::Alternation(subs) => {
            if !subs.iter().any(is_look) {
                return None;
            }
            let mut set = [false; 256];
            for sub in subs {
                match sub.kind() {
                    HirKind::Look(assertion) => look(assertion, &mut found),
                    HirKind::Class(_) => {
                        print::set_of(sub)?.iter().zip(&mut set).for_each(|(has, set)| *set |= has);
                    }
                    HirKind::Literal(literal) if literal.0.len() <= 2 => {
                        set[usize::from(*literal.0.first()?)] = true;
                    }
                    HirKind::Concat(parts) if sub.properties().maximum_len().is_some_and(|len| len <= 2) => {
                        let first = first_bytes(parts.first()?)?;
                        first.iter().zip(&mut set).for_each(|(has, set)| *set |= has);
                    }
                    _ => return None,
                }
            }
            found.set = Some(set);
            Some(found)
        }
        _ => None,
    }
}

fn first_bytes(hir: &Hir) -> Option<[bool; 256]> {
    match hir.kind() {
        HirKind::Class(_) => print::set_of(hir),
        HirKind::Literal(literal) => {
            let mut set = [false; 256];
            set[usize::from(*literal.0.first()?)] = true;
            Some(set)
        }
        _ => None,
    }
}

/// The strictest boundary that lets everything through which the edge does. `word` says that the match has a character of a word on that side.
fn boundary(
    edge: Edge,
    word: bool,
    side: &str,
    end: &str,
    changes: &mut Vec<String>,
) -> Result<Boundary, Reason> {
    if edge.inside && edge.bare {
        return Err(r"asks with \B that a word goes on; leave it out".into());
    }
    if edge.text && edge.bare {
        return Err(format!("is only looked for at {end} of a file, and a stream has none"));
    }
    let mut set = edge.set.unwrap_or([false; 256]);
    if edge.line {
        set[usize::from(b'\n')] = true;
        set[usize::from(b'\r')] = true;
    }
    if edge.word && !word {
        changes.push(format!(
            r"\b {side} of a character that belongs to no word is read as: no letter, digit or underscore there"
        ));
    }
    let all = |boundary: Boundary| (0..=255u8).all(|b| !set[usize::from(b)] || !excludes(boundary, b));
    let orders: &[Boundary] = match edge.word || edge.inside {
        true => &[Boundary::Word],
        false => &[Boundary::Base64, Boundary::Dashed, Boundary::Word],
    };
    let found = orders.iter().copied().find(|boundary| !edge.inside && all(*boundary));
    if found.is_none() {
        changes.push(format!("anything may stand {side}: what may is no boundary that rules have"));
    }
    Ok(found.unwrap_or(Boundary::None))
}

fn excludes(boundary: Boundary, b: u8) -> bool {
    let word = b.is_ascii_alphanumeric() || b == b'_';
    match boundary {
        Boundary::Word => word,
        Boundary::Dashed => word || b == b'-',
        Boundary::Base64 => word || matches!(b, b'-' | b'+' | b'/' | b'='),
        _ => false,
    }
}

fn stricter(a: Boundary, b: Boundary) -> Boundary {
    let rank = |boundary| match boundary {
        Boundary::None => 0,
        Boundary::Word => 1,
        Boundary::Dashed => 2,
        _ => 3,
    };
    if rank(a) >= rank(b) { a } else { b }
}

fn can_be_empty(hir: &Hir) -> bool {
    hir.properties().minimum_len() == Some(0) && hir.properties().look_set().is_empty()
}

fn begins_with_word(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.first().is_some_and(|b| excludes(Boundary::Word, *b)),
        HirKind::Class(_) => is_word_class(hir),
        HirKind::Repetition(repetition) => repetition.min > 0 && begins_with_word(&repetition.sub),
        HirKind::Capture(capture) => begins_with_word(&capture.sub),
        HirKind::Concat(subs) => subs.first().is_some_and(begins_with_word),
        HirKind::Alternation(subs) => subs.iter().all(begins_with_word),
        _ => false,
    }
}

fn ends_with_word(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.last().is_some_and(|b| excludes(Boundary::Word, *b)),
        HirKind::Class(_) => is_word_class(hir),
        HirKind::Repetition(repetition) => repetition.min > 0 && ends_with_word(&repetition.sub),
        HirKind::Capture(capture) => ends_with_word(&capture.sub),
        HirKind::Concat(subs) => subs.last().is_some_and(ends_with_word),
        HirKind::Alternation(subs) => subs.iter().all(ends_with_word),
        _ => false,
    }
}

fn is_word_class(hir: &Hir) -> bool {
    print::set_of(hir)
        .is_some_and(|set| (0..=255u8).all(|b| !set[usize::from(b)] || excludes(Boundary::Word, b)))
}

/// Leaves out the assertions inside: the ends of words, which only make a match rarer. Those of texts and lines are no part of a rule.
fn without_looks(hir: &Hir, changes: &mut Vec<String>) -> Result<Hir, Reason> {
    let looks = hir.properties().look_set();
    if looks.is_empty() {
        return Ok(hir.clone());
    }
    if looks.contains_anchor() {
        return Err("has ^ or $ in its middle; split it, or leave that out".into());
    }
    changes.push(r"\b in its middle is not asked for".into());
    Ok(rebuilt(hir, &mut |hir| is_look(hir).then(Hir::empty)))
}

/// Ends a match at a part that is anything of any length: what follows may be anywhere, so the beginning has to do.
fn cut(parts: &mut Parts, changes: &mut Vec<String>) -> bool {
    let anything = |hir: &Hir| match hir.kind() {
        HirKind::Repetition(repetition) if repetition.max.is_none() => {
            print::set_of(&repetition.sub).is_some_and(|set| set.iter().all(|has| *has))
        }
        _ => false,
    };
    let Some(at) = parts.hirs.iter().position(anything) else { return false };
    parts.hirs.truncate(at);
    if let Some(value) = &mut parts.value {
        value.end = value.end.min(at);
        if value.start >= at {
            parts.value = None;
        }
    }
    changes.push("a match ends with its beginning, for it may go on with anything and without end".into());
    true
}

/// The tree in which no repetition is without end.
fn bounded_by(hir: &Hir, bound: u32) -> Hir {
    rebuilt(hir, &mut |hir| match hir.kind() {
        HirKind::Repetition(repetition) if repetition.max.is_none() => Some(Hir::repetition(Repetition {
            max: Some(repetition.min.saturating_add(bound)),
            sub: Box::new(bounded_by(&repetition.sub, bound)),
            ..repetition.clone()
        })),
        _ => None,
    })
}

/// Finds the literals and puts the rule together.
fn finish(
    parts: &Parts,
    left: Boundary,
    right: Boundary,
    open_ended: bool,
    mut changes: Vec<String>,
) -> Result<Rewritten, Reason> {
    let whole = parts.pattern(0);
    let (lead, pattern, (literals, ignore_case)) = match (literals(&whole), lead(parts)) {
        (Some(literals), _) => (None, whole, literals),
        (None, Some(lead)) => {
            let pattern = parts.pattern(1);
            let found = literals(&pattern).ok_or_else(no_literal)?;
            if parts.value.as_ref().is_some_and(|v| v.start == 0 && v.end < parts.hirs.len()) {
                changes
                    .push("the value is the whole match, for its group begins before the fixed text".into());
            }
            (Some(lead), pattern, found)
        }
        (None, None) => return Err(no_literal()),
    };
    let lead_max = lead.as_ref().map_or(0, |lead| usize::from(lead.max));
    let longest = pattern.properties().maximum_len().map(|len| len + lead_max);
    let max_len = match longest.and_then(|len| u32::try_from(len).ok()) {
        Some(len) if len <= Rule::MAX_LEN => len,
        Some(len) => {
            return Err(format!(
                "may match {len} bytes, and {} are the most; shorten its repetitions",
                Rule::MAX_LEN
            ));
        }
        None => return Err("matches nothing, or has no end; bound its repetitions".into()),
    };
    let text = print::print(&pattern);
    let mut rule = Rule::new("imported", "", &text);
    rule.literals = literals;
    rule.ignore_case = ignore_case;
    let parsed = print::parse(&text).map_err(|_| "cannot be written as a pattern".to_string())?;
    if parsed.properties().minimum_len().unwrap_or(0) < 2 {
        return Err("may match less than two bytes; make it longer".into());
    }
    prove_literals(&rule, &parsed).map_err(|reason| format!("its literals {reason}"))?;
    if !builds(&text) {
        return Err(format!(
            "its automaton is over {MAX_AUTOMATON} bytes; shorten its repetitions, or match the head of the value only"
        ));
    }
    Ok(Rewritten {
        pattern: text,
        literals: rule.literals,
        ignore_case,
        lead,
        left,
        right,
        open_ended,
        max_len,
        changes,
    })
}

fn no_literal() -> Reason {
    format!(
        "begins with no fixed text of {} bytes or more, by which the engine would find it",
        LITERAL_LEN.start()
    )
}

/// The first part as characters in front of the literals.
fn lead(parts: &Parts) -> Option<Lead> {
    let first = parts.hirs.first()?;
    let (sub, min, max) = match first.kind() {
        HirKind::Repetition(repetition) => (&*repetition.sub, repetition.min, repetition.max?),
        _ => (first, 1, 1),
    };
    let HirKind::Class(Class::Bytes(class)) = sub.kind() else { return None };
    let token = |b: u8| b.is_ascii_alphanumeric() || b"_.+/=%~\\-".contains(&b);
    if !class.ranges().iter().all(|range| (range.start()..=range.end()).all(token)) || max == 0 {
        return None;
    }
    let (min, max) = (u16::try_from(min).ok()?, u16::try_from(max).ok()?);
    let text = print::print(sub);
    let class = text.strip_prefix('[')?.strip_suffix(']')?.to_string();
    (max <= Lead::MAX && !class.starts_with('^')).then_some(Lead { class, min, max })
}

/// The texts with which every match begins, and whether case does not count.
fn literals(hir: &Hir) -> Option<(Vec<String>, bool)> {
    let lower = folded(hir);
    // Four bytes are rare enough; of those sets that have them, or come nearest, the smallest.
    let sets = [3, 10].into_iter().flat_map(|class| {
        let exact = prefixes(hir, class).map(|found| (found, false));
        exact.into_iter().chain(prefixes(&lower, class).map(|found| (found, true)))
    });
    sets.min_by_key(|(found, _)| {
        let shortest = found.iter().map(String::len).min().unwrap_or(0);
        (Reverse(shortest.min(4)), found.len())
    })
}

/// At most [`LITERALS`] texts, of classes with at most `class` bytes.
fn prefixes(hir: &Hir, class: usize) -> Option<Vec<String>> {
    let mut extractor = Extractor::new();
    extractor
        .kind(ExtractKind::Prefix)
        .limit_class(class)
        .limit_literal_len(*LITERAL_LEN.end())
        .limit_total(LITERALS);
    let found = extractor.extract(hir);
    let texts: Vec<String> = found
        .literals()?
        .iter()
        .map(|literal| std::str::from_utf8(literal.as_bytes()).map(str::to_owned).ok())
        .collect::<Option<_>>()?;
    let out = shortest_of(texts);
    // Blanks and signs behind a keyword that may be several ones tell no more than the keyword.
    let trimmed = out.iter().map(|text| {
        let word = text.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if word.len() < 4 { text.clone() } else { word.to_string() }
    });
    let trimmed = shortest_of(trimmed.collect());
    let out = if 2 * trimmed.len() < out.len() { trimmed } else { out };
    let fits =
        !out.is_empty() && out.len() <= LITERALS && out.iter().all(|text| LITERAL_LEN.contains(&text.len()));
    fits.then_some(out)
}

/// The texts, in order, without those that begin with another: it finds them.
fn shortest_of(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    let mut out: Vec<String> = Vec::new();
    for text in texts {
        if !out.last().is_some_and(|last| text.starts_with(last.as_str())) {
            out.push(text);
        }
    }
    out
}

/// Whether the engine would take the pattern.
fn builds(pattern: &str) -> bool {
    dense::Builder::new()
        .configure(
            dense_config()
                .dfa_size_limit(Some(MAX_AUTOMATON))
                .determinize_size_limit(Some(4 * MAX_AUTOMATON)),
        )
        .thompson(thompson::Config::new().nfa_size_limit(Some(4 * MAX_AUTOMATON)))
        .syntax(syntax())
        .build(pattern)
        .is_ok()
}
