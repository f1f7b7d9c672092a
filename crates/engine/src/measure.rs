//! What a pattern tells without an automaton: how long matches are, and what they begin with.

use std::collections::HashMap;

use exfilter_automaton::is_token;
use regex_syntax::hir::{Class, Hir, HirKind};

/// What is known of the matches of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    /// The shortest match.
    pub(crate) min: usize,
    /// The longest one, if there is one.
    pub(crate) max: Option<usize>,
    /// How many characters of tokens every match surely begins with.
    pub(crate) tokens: usize,
    /// How many ASCII bytes every match surely begins with.
    pub(crate) ascii: usize,
    /// Whether matches have nothing but characters of tokens, and nothing but ASCII bytes.
    only: (bool, bool),
}

/// Measures of the pieces of patterns. Rules of names have all but the name in common, and parsing it hundreds of times is what a start would take longest for.
#[derive(Default)]
pub(crate) struct Measures {
    pieces: HashMap<String, Measure>,
}

impl Measures {
    /// The measure of a pattern.
    ///
    /// # Errors
    ///
    /// What keeps it from being parsed.
    pub(crate) fn of(&mut self, pattern: &str) -> Result<Measure, String> {
        let pieces = pieces(pattern);
        if pieces.len() > 1
            && let Some(measures) =
                pieces.into_iter().map(|piece| self.piece(piece)).collect::<Option<Vec<_>>>()
            && let Some(measure) = measures.into_iter().reduce(Measure::then)
        {
            return Ok(measure);
        }
        Ok(Measure::of(&parse(pattern)?).0)
    }

    /// The measure of a piece; `None` if it does not parse or matches nothing.
    fn piece(&mut self, piece: &str) -> Option<Measure> {
        if let Some(measure) = self.pieces.get(piece) {
            return Some(*measure);
        }
        // The case of letters makes no difference to it, and each letter would be a class.
        let cased = piece.strip_prefix("(?i:").map(|rest| format!("(?:{rest}"));
        let (measure, matches) = Measure::of(&parse(cased.as_deref().unwrap_or(piece)).ok()?);
        if !matches {
            return None;
        }
        self.pieces.insert(piece.into(), measure);
        Some(measure)
    }
}

impl Measure {
    /// The measure of what was parsed, and whether anything matches it.
    fn of(hir: &Hir) -> (Measure, bool) {
        let (tokens, ascii) = (prefix(hir, is_token), prefix(hir, |b| b.is_ascii()));
        let (min, max) = (hir.properties().minimum_len(), hir.properties().maximum_len());
        let only = (tokens.1, ascii.1);
        (Measure { min: min.unwrap_or(0), max, tokens: tokens.0, ascii: ascii.0, only }, min.is_some())
    }

    /// The measure of this and then that.
    fn then(self, next: Measure) -> Measure {
        let sum = |n: usize, only: bool, next: usize| if only { n.saturating_add(next) } else { n };
        Measure {
            min: self.min.saturating_add(next.min),
            max: self.max.and_then(|max| max.checked_add(next.max?)),
            tokens: sum(self.tokens, self.only.0, next.tokens),
            ascii: sum(self.ascii, self.only.1, next.ascii),
            only: (self.only.0 && next.only.0, self.only.1 && next.only.1),
        }
    }
}

/// The pieces of a pattern that stand one after another, each from a group on to the next one; the whole where flags, alternatives or classes within classes make that hard to say.
fn pieces(pattern: &str) -> Vec<&str> {
    /// How a group may begin.
    const GROUPS: [&str; 4] = ["(?:", "(?i:", "(?P<", "(?<"];
    let whole = vec![pattern];
    let bytes = pattern.as_bytes();
    let (mut cuts, mut depth, mut at) = (vec![0], 0usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'[' => {
                let inside = &pattern[at + 1..];
                let inside = inside.strip_prefix('^').unwrap_or(inside);
                let mut escaped = false;
                let end = inside.bytes().position(|b| {
                    let ends = !escaped && matches!(b, b'[' | b']');
                    escaped = !escaped && b == b'\\';
                    ends
                });
                match end {
                    Some(end) if end > 0 && inside.as_bytes()[end] == b']' => {
                        at = pattern.len() - inside.len() + end;
                    }
                    _ => return whole,
                }
            }
            b'(' => {
                let rest = &pattern[at..];
                if rest.starts_with("(?") && !GROUPS.iter().any(|group| rest.starts_with(group)) {
                    return whole;
                }
                if depth == 0 && at > 0 {
                    cuts.push(at);
                }
                depth += 1;
            }
            b')' if depth == 0 => return whole,
            b')' => depth -= 1,
            b'|' if depth == 0 => return whole,
            _ => {}
        }
        at += 1;
    }
    // A name that stands twice is a fault of the whole.
    if depth > 0 || pattern.matches("(?P<").chain(pattern.matches("(?<")).count() > 1 {
        return whole;
    }
    cuts.push(pattern.len());
    cuts.windows(2).map(|ends| &pattern[ends[0]..ends[1]]).collect()
}

/// The four bytes that matches can begin with, if there are few enough of them to look for; else three.
pub(crate) fn beginnings(pattern: &str) -> Option<Vec<Vec<u8>>> {
    let hir = parse(pattern).ok()?;
    beginnings_of(&hir, 4, 1024).or_else(|| beginnings_of(&hir, 3, 256))
}

pub(crate) fn parse(pattern: &str) -> Result<Hir, String> {
    regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(pattern)
        // The display of a syntax error spans lines and repeats the pattern; its kind is enough.
        .map_err(|e| match e {
            regex_syntax::Error::Parse(e) => e.kind().to_string(),
            regex_syntax::Error::Translate(e) => e.kind().to_string(),
            _ => "it is no regular expression".into(),
        })
}

/// How many bytes of a class every match surely begins with, and whether it consists of them alone.
fn prefix(hir: &Hir, is: fn(u8) -> bool) -> (usize, bool) {
    match hir.kind() {
        HirKind::Empty => (0, true),
        HirKind::Look(_) => (0, true),
        HirKind::Literal(literal) => {
            let n = literal.0.iter().take_while(|b| is(**b)).count();
            (n, n == literal.0.len())
        }
        HirKind::Class(class) => {
            let all = match class {
                Class::Bytes(c) => c.iter().all(|r| (r.start()..=r.end()).all(is)),
                Class::Unicode(c) => c.iter().all(|r| {
                    (u32::from(r.start())..=u32::from(r.end())).all(|c| u8::try_from(c).is_ok_and(is))
                }),
            };
            (usize::from(all), all)
        }
        HirKind::Repetition(r) => {
            let (n, all) = prefix(&r.sub, is);
            let min = r.min as usize;
            match (all, min) {
                (true, _) => (n * min, true),
                (false, 0) => (0, false),
                (false, _) => (n, false),
            }
        }
        HirKind::Capture(c) => prefix(&c.sub, is),
        HirKind::Concat(parts) => {
            let mut sum = 0;
            for part in parts {
                let (n, all) = prefix(part, is);
                sum += n;
                if !all {
                    return (sum, false);
                }
            }
            (sum, true)
        }
        HirKind::Alternation(parts) => {
            let each: Vec<_> = parts.iter().map(|part| prefix(part, is)).collect();
            (each.iter().map(|e| e.0).min().unwrap_or(0), each.iter().all(|e| e.1))
        }
    }
}

/// The bytes that matches can begin with, cut to `len`, if there are at most `cap` of them and all have that many.
fn beginnings_of(hir: &Hir, len: usize, cap: usize) -> Option<Vec<Vec<u8>>> {
    let mut extractor = regex_syntax::hir::literal::Extractor::new();
    extractor.limit_class(100).limit_repeat(len).limit_literal_len(len).limit_total(cap);
    let mut seq = extractor.extract(hir);
    seq.keep_first_bytes(len);
    seq.dedup();
    let literals = seq.literals()?;
    let all = literals.len() <= cap && literals.iter().all(|l| l.len() == len);
    all.then(|| literals.iter().map(|l| l.as_bytes().to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_prefix(pattern: &str) -> usize {
        prefix(&parse(pattern).expect("the test pattern parses"), is_token).0
    }

    #[test]
    fn the_gate_is_proved_from_the_pattern() {
        assert_eq!(token_prefix("ghp_[A-Za-z0-9]{36}"), 40);
        assert_eq!(token_prefix("key=[a-z]{2,9} x"), 6);
        assert_eq!(token_prefix("(?:ab|abc)[0-9]{4}"), 6);
        assert_eq!(token_prefix(r#"auth"\s*:"#), 4);
        assert_eq!(token_prefix("://[a-z]"), 0);
        assert_eq!(token_prefix("(?:ab c)?deffffffffffff"), 0);
        assert_eq!(token_prefix("[a-z]{0,5}0123456789"), 10);
        assert_eq!(token_prefix("(?i:secret)_[a-z]{5}"), 12);
    }

    #[test]
    fn pieces_tell_what_the_whole_does() {
        let mut measures = Measures::default();
        let rules = [exfilter_rules::builtin(), exfilter_rules::more()].concat();
        let patterns = rules.iter().map(|rule| rule.pattern.as_str()).chain([
            "(?i:key)(?:a|b)?x{2}(?P<value>[a-z]{3})",
            "(?i)key(?:[a-z])",
            "a(?:b)|c(?:d)",
            r"a[\](]{2}(?:b[^\])])\((?:c)",
            "[]a](?:b)",
            "(?x: a ) (?: b )",
            "é(?:b)",
            "(?:a){2,}(?:b)",
        ]);
        let mut cut = 0;
        for pattern in patterns {
            let whole = Measure::of(&parse(pattern).expect(pattern)).0;
            assert_eq!(measures.of(pattern), Ok(whole), "{pattern}");
            cut += usize::from(pieces(pattern).len() > 1);
        }
        assert!(cut > 200, "{cut}");
        for bad in ["(?:a)(?:b", "(?P<value>a)(?P<value>b)", "(?:a)[b", "(?:a)b)"] {
            assert!(measures.of(bad).is_err(), "{bad}");
        }
    }
}
