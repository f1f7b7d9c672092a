//! Confirms: what happens between a literal and a finding.
//!
//! A confirm starts at a literal, walks a DFA forward byte by byte, across chunks if need be, and ends when the DFA is dead. What it has to
//! remember in between is a [`Confirm`] of 80 bytes.

use regex_automata::Anchored;
use regex_automata::dfa::Automaton as _;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;

use crate::checksum::Checksum;
use crate::compile::Compiled;
use crate::lane::SEEN;
use crate::rule::Boundary;

/// A confirm under way. Offsets are offsets of the lane.
#[derive(Clone, Debug)]
pub(crate) struct Confirm {
    pub(crate) rule: u32,
    state: StateID,
    /// Where the literal stands.
    pub(crate) literal: u64,
    /// Where the match begins: the lead's first byte.
    pub(crate) start: u64,
    /// Where the literal of the match stands: at `literal`, or at a later one from which on a checksum verifies.
    pub(crate) matched: u64,
    /// The outer offset of `start`.
    pub(crate) src: u64,
    /// The end of the longest match so far, and the outer offset after it.
    pub(crate) end: Option<(u64, u64)>,
    /// Whether the checksum of the match verified.
    pub(crate) verified: bool,
    /// Whether the left boundary holds. Where it does not, only a checksum that verifies makes a finding.
    pub(crate) left: bool,
    /// Checksums tried at ends without a right boundary.
    tries: u8,
    pub(crate) alive: bool,
    /// Whether the policy could do more than report it, so that its bytes are held.
    pub(crate) holds: bool,
    /// The lane offset at which it was decided.
    pub(crate) decided: u64,
}

/// What comes of a literal.
pub(crate) enum Start {
    /// Something stands before it that rules a match out.
    No,
    /// A confirm, and how many bytes behind the literal's beginning need no walk. It may have ended.
    Confirm(Confirm, u64),
    /// The rule's automaton is too large to say.
    TooLarge,
}

/// The bytes that a lane has at hand: `bytes[0]` stands at `base`.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) base: u64,
}

impl View<'_> {
    pub(crate) fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// The bytes of a range of lane offsets; `None` where they are not at hand.
    pub(crate) fn get(&self, start: u64, end: u64) -> Option<&[u8]> {
        let from = usize::try_from(start.checked_sub(self.base)?).ok()?;
        let to = usize::try_from(end.checked_sub(self.base)?).ok()?;
        self.bytes.get(from..to)
    }

    #[inline]
    pub(crate) fn index(&self, at: u64) -> usize {
        at.saturating_sub(self.base) as usize
    }
}

impl Confirm {
    /// Starts a confirm of `rule` at the literal at `at`.
    ///
    /// `may_begin` says where a match has its left boundary whatever stands before it.
    pub(crate) fn start(
        rule: &Compiled,
        id: u32,
        view: View<'_>,
        at: u64,
        may_begin: impl Fn(u64) -> bool,
    ) -> Start {
        let index = view.index(at);
        let before = &view.bytes[..index];
        let lead = match &rule.facts.lead {
            None => 0,
            Some(lead) => {
                let n = before.iter().rev().take(lead.max).take_while(|b| lead.has(**b)).count();
                if n < lead.min {
                    return Start::No;
                }
                n
            }
        };
        let start = at - lead as u64;
        let left = may_begin(start) || holds_before(rule.rule.left, &before[..index - lead]);
        // As much as stands behind every literal, in whatever pieces it came.
        let head = &view.bytes[index..view.bytes.len().min(index + SEEN as usize - 1)];
        let may_begin = |checksum: Checksum| lead > 0 || checksum.may_begin(head);
        if !left && !rule.rule.checksum.is_some_and(may_begin) {
            return Start::No;
        }
        let mut confirm = Confirm {
            rule: id,
            state: StateID::ZERO,
            literal: at,
            start,
            matched: at,
            src: 0,
            end: None,
            verified: false,
            left,
            tries: 0,
            alive: true,
            holds: true,
            decided: 0,
        };
        if let Some(len) = rule.dies(before.last().copied(), head) {
            confirm.alive = false;
            confirm.decided = at + len as u64;
            return Start::Confirm(confirm, 0);
        }
        let Some(dfa) = rule.dfa() else { return Start::TooLarge };
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(before.last().copied());
        let Ok(state) = dfa.start_state(&config) else { return Start::No };
        let (state, skipped) = rule.leap(state, &view.bytes[index..]).unwrap_or((state, 0));
        confirm.state = state;
        Start::Confirm(confirm, skipped as u64)
    }

    /// Walks over `view` from `from` to its end, if it has not ended; with `eof` nothing follows. `may_end` says where a match has its right boundary whatever comes
    /// next, `outer_end` resolves the outer offset after the byte before a lane offset.
    pub(crate) fn advance(
        &mut self,
        rule: &Compiled,
        view: View<'_>,
        from: u64,
        eof: bool,
        may_end: impl Fn(u64) -> bool,
        outer_end: impl Fn(u64) -> u64,
    ) {
        let Some(dfa) = Some(rule).filter(|_| self.alive).and_then(Compiled::dfa) else {
            self.alive = false;
            return;
        };
        let mut state = self.state;
        for (i, byte) in view.bytes.iter().enumerate().skip(view.index(from)) {
            state = dfa.next_state(state, *byte);
            if dfa.is_special_state(state) {
                if dfa.is_match_state(state) {
                    let end = view.base + i as u64;
                    let next = Some(*byte).filter(|_| !may_end(end));
                    self.matched(rule, view, end, next, &outer_end);
                } else if dfa.is_dead_state(state) || dfa.is_quit_state(state) {
                    self.conclude(rule, view);
                    self.decided = view.base + i as u64 + 1;
                    return;
                }
            }
        }
        self.state = state;
        if eof {
            if dfa.is_match_state(dfa.next_eoi_state(state)) {
                self.matched(rule, view, view.end(), None, &outer_end);
            }
            self.conclude(rule, view);
            self.decided = u64::MAX;
        }
    }

    /// Ends the confirm: a match whose checksum is not known to verify is tried, and dropped if only that would carry it.
    fn conclude(&mut self, rule: &Compiled, view: View<'_>) {
        self.alive = false;
        if let (Some((end, outer_end)), Some(_), false) = (self.end, rule.rule.checksum, self.verified)
            && !self.verify(rule, view, end, outer_end)
            && !self.left
        {
            self.end = None;
        }
    }

    /// Whether this confirm's future is also that of `earlier`, which wins wherever both match.
    pub(crate) fn is_dominated_by(&self, earlier: &Confirm) -> bool {
        self.rule == earlier.rule
            && self.state == earlier.state
            && self.left == earlier.left
            && earlier.alive
            && (earlier.end.is_some() || self.end.is_none())
            && (earlier.verified || !self.verified)
    }

    /// The pattern matches up to `end`, and `next` follows.
    fn matched(
        &mut self,
        rule: &Compiled,
        view: View<'_>,
        end: u64,
        next: Option<u8>,
        outer_end: impl Fn(u64) -> u64,
    ) {
        if holds_after(rule.rule.right, next) && !self.verified {
            self.end = Some((end, outer_end(end)));
        } else if self.tries < TRIES && rule.rule.checksum.is_some_and(|checksum| checksum.ends_token()) {
            self.tries += 1;
            self.verify(rule, view, end, outer_end(end));
        }
    }

    /// Whether a checksum verifies up to `end`, from the literal on or from a later one: a literal in front of a token makes the two one longer
    /// match. Takes what verifies for the match.
    fn verify(&mut self, rule: &Compiled, view: View<'_>, end: u64, outer_end: u64) -> bool {
        let (Some(checksum), Some(bytes)) = (rule.rule.checksum, view.get(self.literal, end)) else {
            return false;
        };
        let verifies = |bytes: &[u8], whole: &[u8]| {
            checksum.verify(rule.value_span(bytes).map_or(whole, |span| &bytes[span]))
        };
        let mut at = 0;
        let mut fits = verifies(bytes, view.get(self.start, end).unwrap_or(bytes));
        if !fits && rule.facts.lead.is_none() {
            let mut later = (1..bytes.len())
                .rev()
                .filter(|at| rule.literal_at(&bytes[*at..]).is_some() && rule.is_match(&bytes[*at..]))
                .take(LATER);
            let later = later.find(|at| verifies(&bytes[*at..], &bytes[*at..]));
            fits = later.is_some();
            at = later.unwrap_or(0);
        }
        if fits {
            self.verified = true;
            self.matched = self.literal + at as u64;
            self.end = Some((end, outer_end));
        }
        fits
    }
}

/// Later literals from which on a checksum is tried.
const LATER: usize = 4;

/// Ends without a right boundary at which a match's checksum is tried: an end of fixed shape has one, and what has many is not worth more.
const TRIES: u8 = 4;

fn is_inside(boundary: Boundary, b: u8) -> bool {
    match boundary {
        Boundary::None => false,
        Boundary::Word => b.is_ascii_alphanumeric() || b == b'_',
        Boundary::Dashed => b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'),
        Boundary::Base64 => b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+' | b'/' | b'='),
    }
}

/// Bytes that [`holds_before`] may look at.
pub(crate) const BOUNDARY_REACH: usize = 6;

/// Whether the boundary holds after `before`, where an escape counts as one symbol that is no word character.
fn holds_before(boundary: Boundary, before: &[u8]) -> bool {
    let Some(last) = before.last() else { return true };
    if !is_inside(boundary, *last) {
        return true;
    }
    let back = |n: usize| before.len().checked_sub(n).map(|at| before[at]);
    let hex = |n: usize| (1..=n).all(|i| back(i).is_some_and(|b| b.is_ascii_hexdigit()));
    let letter = matches!(last, b'n' | b'r' | b't' | b'b' | b'f' | b'0' | b'v' | b'"' | b'\'' | b'/' | b'\\');
    (letter && back(2) == Some(b'\\'))
        || (hex(2) && matches!(back(3), Some(b'%' | b'=')))
        || (hex(2) && back(3) == Some(b'x') && back(4) == Some(b'\\'))
        || (hex(4) && back(5) == Some(b'u') && back(6) == Some(b'\\'))
}

fn holds_after(boundary: Boundary, next: Option<u8>) -> bool {
    next.is_none_or(|b| !is_inside(boundary, b))
}

/// Shannon entropy of the byte distribution, in bits per byte; 0 for nothing.
pub(crate) fn shannon(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    bytes.iter().for_each(|b| counts[usize::from(*b)] += 1);
    let n = (bytes.len() as f64).max(1.0);
    // Most bytes of what was drawn stand there once, of which the logarithm is 0.
    let several = counts.iter().filter(|count| **count > 1).map(|count| f64::from(*count));
    n.log2() - several.map(|count| count * count.log2()).sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_boundaries() {
        for before in ["", "=", "\\n", "\\t", "%3D", "%0a", "\\u000a", "\\x3d", "=3D", "\"", "-", "x\\\""] {
            assert!(holds_before(Boundary::Word, before.as_bytes()), "{before:?}");
        }
        for before in ["a", "n", "_", "3D", "%D", "\\uD", "u000a", "x3d"] {
            assert!(!holds_before(Boundary::Word, before.as_bytes()), "{before:?}");
        }
        assert!(!holds_before(Boundary::Dashed, b"-"));
        assert!(!holds_before(Boundary::Base64, b"+"));
    }

    #[test]
    fn entropy_of_simple_distributions() {
        assert_eq!(shannon(b"aaaa"), 0.0);
        assert_eq!(shannon(b"abab"), 1.0);
        assert_eq!(shannon(b""), 0.0);
    }
}
