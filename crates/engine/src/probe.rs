//! [`Probe`]: the first bytes behind a literal, walked with an automaton of which only the states are made that they need.
//!
//! A rule's DFA takes milliseconds to build, one of a name beside its value five to twenty, and most literals of a rule stand where none of its matches does: a provider's word in code.
//! Its first states decide that.

use std::sync::Mutex;

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};

use crate::compile::{syntax_config, thompson_config};

/// Literals after which a rule's DFA is built all the same: it walks ten times as fast.
const LITERALS: u32 = 1 << 14;

/// What walks the first bytes of a rule's matches, as its DFA would.
pub(crate) struct Probe {
    /// Whoever finds it taken builds the DFA, so nobody waits.
    state: Mutex<State>,
}

enum State {
    Unbuilt,
    Open(Box<Walker>),
    Closed,
}

struct Walker {
    dfa: DFA,
    cache: Cache,
    /// Literals seen.
    seen: u32,
}

impl Probe {
    pub(crate) fn new() -> Probe {
        Probe { state: Mutex::new(State::Unbuilt) }
    }

    /// How many of `bytes` lead to where no match is possible; `None` if they do not, or hold a match, or if it is not known.
    pub(crate) fn dies(&self, pattern: &str, before: Option<u8>, bytes: &[u8]) -> Option<usize> {
        let mut state = self.state.try_lock().ok()?;
        if matches!(*state, State::Unbuilt) {
            *state = Walker::new(pattern).map_or(State::Closed, |walker| State::Open(Box::new(walker)));
        }
        let State::Open(walker) = &mut *state else { return None };
        walker.seen += 1;
        if walker.seen > LITERALS {
            *state = State::Closed;
            return None;
        }
        walker.dies(before, bytes)
    }

    /// Gives up what it holds.
    pub(crate) fn close(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            *state = State::Closed;
        }
    }
}

impl Walker {
    fn new(pattern: &str) -> Option<Walker> {
        let config = DFA::config().match_kind(MatchKind::All).skip_cache_capacity_check(true);
        let mut builder = DFA::builder();
        builder.syntax(syntax_config()).thompson(thompson_config()).configure(config);
        let dfa = builder.build(pattern).ok()?;
        let cache = dfa.create_cache();
        Some(Walker { dfa, cache, seen: 0 })
    }

    fn dies(&mut self, before: Option<u8>, bytes: &[u8]) -> Option<usize> {
        let Walker { dfa, cache, .. } = self;
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
        let mut state = dfa.start_state(cache, &config).ok()?;
        for (at, byte) in bytes.iter().enumerate() {
            state = dfa.next_state(cache, state, *byte).ok()?;
            if state.is_tagged() {
                if state.is_dead() {
                    return Some(at + 1);
                }
                if state.is_match() || state.is_quit() {
                    return None;
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use regex_automata::dfa::Automaton as _;

    use super::*;
    use crate::compile::Compiled;
    use crate::rule::Rule;

    #[test]
    fn it_says_what_the_automaton_says() {
        let pattern = r"(?i:acme)[a-z_]{0,9}(?:key|token)\b ?= ?(?P<value>[0-9a-f]{8,12})";
        let compiled = Compiled::new(Rule::new("a", "acme", pattern)).expect("the rule compiles");
        let dfa = compiled.dfa().expect("it is small");
        let probe = Probe::new();
        for text in [
            "acme",
            "acmekey",
            "ACMEkey = 0123456789abcdef",
            "acme_key = 01234567",
            "acme_key = 0123456x",
            "acme_tokens = 01234567",
            "acme of what",
            "acne",
            "",
        ] {
            for before in [None, Some(b'_'), Some(b' ')] {
                let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
                let mut state = dfa.start_state(&config).expect("it is anchored");
                let mut dies = None;
                for (at, byte) in text.bytes().enumerate() {
                    state = dfa.next_state(state, byte);
                    if dfa.is_match_state(state) {
                        break;
                    }
                    if dfa.is_dead_state(state) {
                        dies = Some(at + 1);
                        break;
                    }
                }
                assert_eq!(probe.dies(pattern, before, text.as_bytes()), dies, "{text}");
            }
        }
    }

    #[test]
    fn it_ends_where_the_automaton_is_worth_it() {
        let probe = Probe::new();
        assert_eq!(probe.dies("acme[0-9]{9}", None, b"acme of"), Some(5));
        for _ in 0..LITERALS {
            probe.dies("acme[0-9]{9}", None, b"acme of");
        }
        assert_eq!(probe.dies("acme[0-9]{9}", None, b"acme of"), None);
    }
}
