//! [`look`] at a run of base64 characters: whether it needs lanes. Nearly all runs of text hold nothing, which costs less to see than to find in lanes.

use exfilter_automaton::{ByteSet, What};
use exfilter_codec::base32::Alphabet;
use exfilter_codec::base64::{self, Phase};
use exfilter_codec::hex;

use super::escaped::{self, Begins};
use super::fold::{Fold, line_at};
use super::glance::{Glance, Passed};
use super::shape::{Escaped, after_escape, begins_zlib, digits_at, escaped_char, fold, is_plain};
use super::{archive, base32, codes, container, glance, sealed, zlib};
use crate::context::Context;

/// Longest run, in characters, that [`look`] decodes, and longest text, in bytes, that one at escapes reads.
pub(crate) const QUICK: usize = 640;

/// What a look at text says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// It is over and holds nothing: no candidate, no magic number, no run, no further escape. It needs no lane.
    Idle,
    /// It holds something, or is too long for a look.
    Busy,
    /// It is not over.
    Open,
}

/// Reads the run at `at`: whether it is over within `bytes` and holds nothing at any alignment, no candidate, no magic number, no further run. Such a
/// run needs no lanes; what they would report is nothing.
///
/// Also returns where the look ended: an idle run is read up to there. `escapes` is [`Lane::reads_escapes`].
pub(crate) fn look(bytes: &[u8], at: usize, escapes: bool, eof: bool, cx: &mut Context<'_>) -> (Look, usize) {
    let mut lines = cx.scratch.buffer();
    let (extent, end) = extent(bytes, at, escapes, eof, &mut lines, cx);
    let look = match extent {
        Extent::Open => Look::Open,
        Extent::Long => Look::Busy,
        Extent::Over(from) => {
            let run = if lines.is_empty() { &bytes[at..end] } else { &lines[..] };
            let base32 = base32::Begins::at(bytes, at, after_escape(bytes, at), from.is_some()).from(at);
            if holds_nothing(run, from, base32, cx) { Look::Idle } else { Look::Busy }
        }
    };
    cx.scratch.give_buffer(lines);
    (look, end)
}

/// What tells that bytes hold nothing, if it can: not while bytes of any kind are looked for.
pub(super) fn glance<'a>(cx: &Context<'a>) -> Option<&'a Glance> {
    let has_deltas = cx.core.known.as_ref().is_some_and(|known| known.deltas.is_some());
    cx.core.glance.as_ref().filter(|_| !has_deltas)
}

/// The run at `at`, if it needs no look, see [`Glance::passes_over`].
#[inline]
pub(super) fn passes_over(bytes: &[u8], at: usize, cx: &Context<'_>) -> Option<Passed> {
    glance(cx)?.passes_over(bytes, at, &cx.core.automaton)
}

/// How far a run goes.
pub(super) enum Extent {
    /// More bytes decide.
    Open,
    /// Too far for a look.
    Long,
    /// It is over; hexadecimal digits begin so many characters after its beginning, if it begins with some.
    Over(Option<usize>),
}

/// How far the run at `at` goes, and where that was seen; with `escapes` it goes on through those that stand for its characters. Fills `lines` with its
/// characters if it is folded or goes through some.
pub(super) fn extent(
    bytes: &[u8],
    at: usize,
    escapes: bool,
    eof: bool,
    lines: &mut Vec<u8>,
    cx: &Context<'_>,
) -> (Extent, usize) {
    let automaton = &cx.core.automaton;
    let digits = digits_at(bytes, at);
    let mut is_hex = digits.is_some();
    let (mut line, mut piece, mut end) = (at, at, automaton.run_end(bytes, at));
    let mut plain = is_plain(bytes, at, escapes);
    loop {
        if end - at > QUICK {
            return (Extent::Long, at + QUICK + 1);
        }
        if end == bytes.len() && !eof {
            return (Extent::Open, end);
        }
        is_hex &= digits.is_some_and(|from| bytes[from.max(piece)..end].iter().all(u8::is_ascii_hexdigit));
        match escaped_char(&bytes[end..], eof) {
            Escaped::Char(len, char) if escapes => {
                is_hex &= char.is_ascii_hexdigit();
                plain = false;
                lines.extend_from_slice(&bytes[piece..end]);
                lines.push(char);
                piece = end + len;
                end = automaton.run_end(bytes, piece);
                continue;
            }
            Escaped::Open if escapes => return (Extent::Open, end),
            _ => {}
        }
        match fold(bytes, end, (end - line) as u64, is_hex, plain, eof) {
            Fold::Open => return (Extent::Open, end),
            Fold::End => break,
            Fold::Line(_, true) => return (Extent::Long, end),
            Fold::Line(next, false) => {
                lines.extend_from_slice(&bytes[piece..end]);
                (line, piece, end) = (line_at(bytes, next), next, automaton.run_end(bytes, next));
            }
        }
    }
    if !lines.is_empty() {
        lines.extend_from_slice(&bytes[piece..end]);
    }
    (Extent::Over(digits.map(|from| from - at)), end)
}

/// Whether a run decodes to nothing, also as hexadecimal digits from `digits` on and as `base32`.
fn holds_nothing(run: &[u8], digits: Option<usize>, base32: base32::Begins, cx: &mut Context<'_>) -> bool {
    if holds_deltas(run, digits, cx) {
        return false;
    }
    let mut alignments = cx.core.glance.as_ref().map_or(glance::ALL, |glance| glance.alignments(run));
    for skip in 0..4 {
        alignments |= u8::from(begins_packed(&run[skip..])) << skip;
    }
    if alignments == 0 && digits.is_none() && base32.is_none() {
        return true;
    }
    let mut decoded = cx.scratch.buffer();
    let mut packed = false;
    let mut begin = |decoded: &[u8], start: usize| packed |= is_packed(&decoded[start..]);
    decode_base64(run, alignments, &mut decoded, &mut begin);
    if let Some(from) = digits {
        decode_digits(&run[from..], &mut decoded, &mut begin);
    }
    for alphabet in base32.alphabets() {
        let start = decoded.len();
        base32::decode(alphabet, &run[base32.from..], &mut decoded);
        begin(&decoded, start);
        decoded.push(SEPARATOR);
    }
    let idle = !packed && is_without_hits(&decoded, cx);
    cx.scratch.give_buffer(decoded);
    idle
}

/// Whether a run may decode to a secret XORed with a byte, also as hexadecimal digits from `digits` on: bytes of any kind, which a glance cannot tell.
fn holds_deltas(run: &[u8], digits: Option<usize>, cx: &mut Context<'_>) -> bool {
    let Some(deltas) = cx.core.known.as_ref().and_then(|known| known.deltas.as_ref()) else { return false };
    let mut read = cx.scratch.buffer();
    read.extend(run.iter().map(|char| base64::value(*char).unwrap_or(0)));
    let mut found = deltas.stand_in_base64(&read);
    if let Some(from) = digits {
        read.clear();
        decode_digits(&run[from..], &mut read, |_, _| {});
        found |= deltas.stand_in(&read);
    }
    cx.scratch.give_buffer(read);
    found
}

/// Whether nothing begins in content that a lane decoded, and all of which is at hand.
pub(super) fn is_idle(decoded: &[u8], cx: &mut Context<'_>) -> bool {
    !is_packed(decoded) && is_without_hits(decoded, cx)
}

/// Whether content is packed in a way that no literal tells of, or what is packed may stand anywhere in it.
pub(super) fn is_packed(content: &[u8]) -> bool {
    container::zlib_at(content, 0).is_some()
        || archive::begins(content)
        || zlib::is_document(content)
        || sealed::begins(content, true).is_some()
}

/// Whether nothing begins in `decoded`, which was made whole.
pub(super) fn is_without_hits(decoded: &[u8], cx: &mut Context<'_>) -> bool {
    if cx.core.glance.as_ref().is_some_and(|glance| glance.is_idle(decoded)) {
        return true;
    }
    let mut hits = cx.scratch.hits();
    cx.core.automaton.scan(decoded, 0, decoded.len(), &mut cx.scratch.work, &mut hits);
    let idle = hits.iter().all(|hit| match hit.what {
        What::Escape if !decoded[hit.at].is_ascii() => true,
        What::Escape => match escaped::begins(decoded, hit.at, false) {
            None => true,
            Some(Begins::Magic(_)) => false,
            Some(Begins::Text) => escaped::look(decoded, hit.at, true, cx).0 == Look::Idle,
        },
        What::Codes => codes::look(decoded, hit.at, true, cx).0 == Look::Idle,
        What::Run | What::Wide | What::Literal(_) | What::Anchor(_) => false,
    });
    cx.scratch.give_hits(hits);
    idle && !holds_pieces(decoded, |at, _| glance::is_in_text(decoded, at), cx)
}

/// Whether a piece of a known secret stands in `decoded` for which `counts` holds, given where it begins and how long it is.
pub(super) fn holds_pieces(decoded: &[u8], counts: impl Fn(usize, usize) -> bool, cx: &Context<'_>) -> bool {
    let Some(known) = &cx.core.known else { return false };
    known.fragments.as_ref().is_some_and(|fragments| fragments.stand_in(&known.keys, decoded, counts))
}

/// Belongs to no token and no literal, so that one scan serves all alignments.
pub(crate) const SEPARATOR: u8 = 0xff;

/// Appends what a run of base64 characters is at each of `alignments`, which are bits. `sink` is shown `decoded` and where the last of them begins.
pub(crate) fn decode_base64(
    run: &[u8],
    alignments: u8,
    decoded: &mut Vec<u8>,
    mut sink: impl FnMut(&[u8], usize),
) {
    for skip in (0..4).filter(|skip| alignments >> skip & 1 != 0) {
        let start = decoded.len();
        let mut phase = Phase::new(skip);
        phase.decode(run, decoded);
        phase.finish(decoded);
        sink(decoded, start);
        decoded.push(SEPARATOR);
    }
}

/// Appends what hexadecimal digits are at both alignments, as [`decode_base64`] does.
pub(crate) fn decode_digits(digits: &[u8], decoded: &mut Vec<u8>, mut sink: impl FnMut(&[u8], usize)) {
    for skip in 0..2 {
        let start = decoded.len();
        hex::Phase::new(skip).decode(digits, decoded);
        sink(decoded, start);
        decoded.push(SEPARATOR);
    }
}

/// Appends what a run is in base32 of either alphabet, and as a token of base58.
pub(crate) fn decode_tokens(run: &[u8], decoded: &mut Vec<u8>) {
    for alphabet in [Alphabet::Base32, Alphabet::Base32Hex] {
        base32::decode(alphabet, run, decoded);
        decoded.push(SEPARATOR);
    }
    if exfilter_codec::base58::decode(run, decoded).is_ok() {
        decoded.push(SEPARATOR);
    }
}

/// Whether base64 begins with what is packed in a way that no magic number of three bytes tells of, or may hold such.
#[inline]
pub(super) fn begins_packed(chars: &[u8]) -> bool {
    let [first, second, ..] = chars else { return false };
    PACKED[0].contains(*first) && PACKED[1].contains(*second) && is_beginning_of_packed(chars)
}

/// The first two characters of such.
const PACKED: [ByteSet; 2] = [ByteSet::new(b"excJiNUB/_TX"), ByteSet::new(b"AFJN3cVmCwQ")];

#[inline(never)]
fn is_beginning_of_packed(chars: &[u8]) -> bool {
    begins_zlib(chars)
        || begins_cpio(chars)
        || zlib::begins_document(chars)
        || sealed::begins_in_base64(chars)
}

/// Whether base64 begins with the magic number of cpio's binary headers, `c7 71` in either order. Other archives begin with text.
fn begins_cpio(chars: &[u8]) -> bool {
    matches!(chars, [b'x', b'3', b'E'..=b'H', ..] | [b'c', b'c', b'c'..=b'f', ..])
}
