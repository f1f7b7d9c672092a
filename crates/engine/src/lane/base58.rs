//! Base58: a whole token of its characters.
//!
//! A token is one number, so nothing of it is known before it is over, and until then it is held: a run of base64 characters all of which are
//! characters of base58, [`MAX_LEN`] at most. What it stands for is a lane that lives only while it is fed.

use exfilter_automaton::is_base64;
use exfilter_codec::base58::{MAX_LEN, decode, is_char};
use exfilter_codec::escape;

use super::look::Look;
use super::{Lane, LaneKind, SEEN, shape};
use crate::confirm::View;
use crate::context::Context;

/// Characters that are looked at at once.
const GLANCE: usize = 16;

/// In [`KINDS`]: a character of base64 that is none of base58.
const OTHER: u32 = 1;

/// Two bits for every byte: none for the characters of base58.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if !is_base64(byte as u8) {
            kinds[byte] = 2;
        } else if !is_char(byte as u8) {
            kinds[byte] = OTHER as u8;
        }
        byte += 1;
    }
    kinds
};

/// A token that is not over.
#[derive(Clone, Copy)]
pub(super) struct Token {
    /// Where its run begins.
    run: u64,
    /// Where it begins, behind the end of an escape.
    pub(super) at: u64,
    pub(super) src: u64,
}

/// What a look at a token says.
pub(super) struct Looked {
    pub(super) look: Look,
    /// After its last character; of an idle one that is not cut, anything.
    pub(super) end: usize,
    /// Whether an escape may go on with it.
    pub(super) is_cut: bool,
}

/// Reads the token at `at`: whether it is over within `bytes`, and holds something.
pub(super) fn look(bytes: &[u8], at: usize, eof: bool, cx: &mut Context<'_>) -> Looked {
    // Most runs are names, and soon have another character; how far it is to that one cannot be predicted.
    if let Some(first) = bytes[at..].first_chunk::<GLANCE>() {
        let kinds =
            first.iter().rev().fold(0u32, |kinds, byte| kinds << 2 | u32::from(KINDS[usize::from(*byte)]));
        if kinds != 0 && kinds >> (kinds.trailing_zeros() & !1) & 3 == OTHER {
            return Looked { look: Look::Idle, end: at, is_cut: false };
        }
    }
    let chars = bytes[at..].iter().take(MAX_LEN + 1).take_while(|b| is_char(**b)).count();
    let end = at + chars;
    let next = bytes.get(end).copied();
    let is_cut = chars <= MAX_LEN && next.is_some_and(escape::is_introducer);
    let look = match next {
        _ if chars > MAX_LEN => Look::Idle,
        None if !eof => Look::Open,
        Some(other) if is_base64(other) => Look::Idle,
        _ if holds_nothing(&bytes[at..end], cx) => Look::Idle,
        _ => Look::Busy,
    };
    Looked { look, end, is_cut }
}

fn holds_nothing(token: &[u8], cx: &mut Context<'_>) -> bool {
    // Digests; a token has other letters.
    if token.iter().all(u8::is_ascii_hexdigit) {
        return true;
    }
    let mut decoded = cx.scratch.buffer();
    let idle = decode(token, &mut decoded).is_err() || super::look::is_idle(&decoded, cx);
    cx.scratch.give_buffer(decoded);
    idle
}

impl Lane {
    /// The run at index `run` may be a token.
    pub(super) fn start_token(&mut self, run: usize, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let at = shape::after_escape(view.bytes, run);
        let [run, at] = [run, at].map(|index| view.base + index as u64);
        self.late.get_or_insert_default().token = Some(Token { run, at, src: self.map.src(at) });
        self.settle_token(view, eof, cx);
    }

    /// Looks again at a token that was not over.
    pub(super) fn settle_token(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let Some(token) = self.token() else { return };
        let Looked { look, end, is_cut } = look(view.bytes, view.index(token.at), eof, cx);
        if look == Look::Open {
            return;
        }
        if let Some(late) = &mut self.late {
            late.token = None;
        }
        let to = view.base + end as u64;
        if is_cut {
            self.matcher.park_token(token.at, token.src, to + 1);
        }
        if look == Look::Busy && !self.is_as_spelled(token.run, to) {
            self.read_token(token, to, view, eof, cx);
        }
    }

    fn read_token(&mut self, token: Token, end: u64, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let Token { run, at, src } = token;
        let mut decoded = cx.scratch.buffer();
        let chars = view.get(at, end).unwrap_or(&[]);
        decode(chars, &mut decoded).expect("a token of base58's characters is decoded");
        let decided = if eof && end == view.end() { u64::MAX } else { (end + 1).max(run + SEEN) };
        self.feed_whole(LaneKind::Base58, at..end, src, &decoded, decided, (view, eof), cx);
        cx.scratch.give_buffer(decoded);
    }
}
