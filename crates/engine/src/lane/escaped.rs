//! Text with escapes: a lane of what it stands for.
//!
//! One reader knows all escapes but those of quoted-printable, so that there is one chain of lanes (what is escaped twice is a second lane below the
//! first) and not several views of the same text. A lane lives from the token in which the first escape stands to the first byte that neither belongs to a token nor begins an
//! escape:
//!
//! ```text
//! parent   {"key": "ghp_abc\u0064ef\/gh", "other": 1}
//!                   ^ begins  ^ hit      ^ ends
//! lane              ghp_abcdef/gh
//! ```
//!
//! Where the escape cuts a candidate of the parent, the lane begins with that, and takes what stands before the escape whatever it is.
//!
//! Only what holds a byte that an escape stands for is reported from it; the parent has seen the rest.

use std::collections::VecDeque;

use exfilter_automaton::{Automaton, ByteSet, What, is_token};
use exfilter_codec::base64::is_char;
use exfilter_codec::escape::{self, Parsed};
use exfilter_codec::zlib;

use crate::confirm::View;
use crate::context::Context;
use crate::lane::archive::Archive;
use crate::lane::fold::{FOLD_MAX, Fold, LINE_MIN, next_line};
use crate::lane::look::{Look, QUICK, holds_pieces};
use crate::lane::{Depth, Lane, LaneKind, MAGICS, codes};
use crate::map::{Origin, OuterMap};

/// Token characters before the first escape that belong to the lane: in them a literal may begin that the escape cuts. What began
/// earlier is a candidate, and known as one.
pub(crate) const BACK: usize = Automaton::LITERAL_MAX;

/// Longest part of a candidate, in bytes, that is taken over when an escape cuts it.
pub(crate) const CUT_MAX: u64 = 4096;

/// Text is fed in slices of about so many bytes: where each comes from is kept for those of a slice.
const SLICE: usize = 256;

/// Bytes after which a container is alive that the text began with, or that follows one.
const BINARY: u64 = 2 * Automaton::LOOKAHEAD as u64;

/// Text being unescaped.
pub(crate) struct Escaped {
    start: u64,
    /// Bytes of the parent before this offset have been taken.
    fed: u64,
    src: u64,
    /// Where its first escape stands: what comes before belongs to it.
    at: u64,
    line: Line,
    lane: Lane,
    reads: Reads,
}

/// Which bytes of a lane are spelled otherwise in its parent: ranges of lane offsets, in order.
#[derive(Default)]
pub(crate) struct Touched {
    ranges: VecDeque<(u64, u64)>,
}

impl Touched {
    pub(crate) fn add(&mut self, start: u64, end: u64) {
        match self.ranges.back_mut() {
            Some(last) if last.1 >= start => last.1 = last.1.max(end),
            _ => self.ranges.push_back((start, end)),
        }
    }

    /// Notes what an escape stands for that is read at `at`; a line that goes on touches what it joins.
    fn note(&mut self, at: u64, escape: &escape::Escape) {
        match escape.bytes().len() as u64 {
            0 => self.add(at.saturating_sub(1), at + 1),
            made => self.add(at, at + made),
        }
    }

    pub(crate) fn meets(&self, start: u64, end: u64) -> bool {
        let after = self.ranges.partition_point(|r| r.1 <= start);
        self.ranges.get(after).is_some_and(|r| r.0 < end)
    }

    pub(crate) fn forget(&mut self, keep: u64) {
        while self.ranges.front().is_some_and(|r| r.1 <= keep) {
            self.ranges.pop_front();
        }
    }

    fn clear(&mut self) {
        self.ranges.clear();
    }

    pub(crate) fn memory(&self) -> usize {
        self.ranges.capacity() * size_of::<(u64, u64)>()
    }
}

/// Which escapes a lane knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// Those that begin with `\\`, `%` or `&`, and characters that are some.
    Text,
    /// Those of quoted-printable.
    Printable,
    /// Those that begin with one byte: a magic number was written with it, and in compressed content the others stand for themselves.
    Only(u8),
}

impl Reads {
    fn of(introducer: u8) -> Reads {
        if introducer == b'=' { Reads::Printable } else { Reads::Text }
    }

    fn has(self, b: u8) -> bool {
        match self {
            Reads::Text => escape::is_introducer(b) && b != b'=',
            Reads::Printable => b == b'=',
            Reads::Only(only) => b == only,
        }
    }
}

/// A piece of text.
enum Piece {
    /// These bytes stand for themselves.
    Plain(usize),
    Escape(escape::Escape),
    /// More bytes decide what this is.
    Open,
    /// The text is over.
    End,
}

/// The piece at the beginning of `bytes`.
fn piece(bytes: &[u8], reads: Reads, eof: bool) -> Piece {
    let plain = bytes.iter().take_while(|b| is_token(**b) && !reads.has(**b)).count();
    if plain > 0 {
        return Piece::Plain(plain);
    }
    match bytes.first() {
        None if eof => Piece::End,
        None => Piece::Open,
        Some(first) if reads.has(*first) => match escape::parse(bytes) {
            Parsed::Escape(escape) => Piece::Escape(escape),
            Parsed::Incomplete if !eof => Piece::Open,
            // Perhaps a part of an escape that is itself escaped.
            _ if first.is_ascii() => Piece::Plain(1),
            _ => Piece::End,
        },
        Some(_) => Piece::End,
    }
}

/// What begins with an escape.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    /// Text: it stands for a token character, or a line goes on.
    Text,
    /// A magic number, of which so many bytes stand before the escape as they are.
    Magic(usize),
}

/// What the escape at `at` begins, if it begins something; `zlib` says whether zlib's header counts.
pub(crate) fn begins(bytes: &[u8], at: usize, zlib: bool) -> Option<Begins> {
    // No more than is at hand wherever a position is decided.
    let ahead = &bytes[at..bytes.len().min(at + Automaton::LOOKAHEAD)];
    let Parsed::Escape(first) = escape::parse(ahead) else { return None };
    if first.bytes().is_empty() {
        // A line that goes on in the middle of a token, or nothing there; after padding of base64 no line does.
        let before = at.checked_sub(1).map(|i| bytes[i]);
        let is_padding = |b: u8| b == b'=' && ahead[0].is_ascii();
        let inside = before.is_some_and(|b| is_token(b) && !is_padding(b)) && goes_on(ahead, first.len());
        return inside.then_some(Begins::Text);
    }
    let text = stands_for_text(&first).then_some(Begins::Text);
    let may_be_magic = matches!(first.bytes(), [byte] if IN_MAGICS.contains(*byte));
    if !may_be_magic || text.is_some() && !ahead[0].is_ascii() {
        return text;
    }
    // A magic number may begin with token characters.
    let mut made = [0; MAGIC_LEN];
    let (mut n, mut to) = (0, 0);
    while n < made.len() {
        let is_char = ahead.get(to).is_some_and(|b| !b.is_ascii());
        match if is_char { Parsed::Text } else { escape::parse(&ahead[to..]) } {
            Parsed::Escape(escape) if escape.bytes().len() <= 1 => {
                made[n..n + escape.bytes().len()].copy_from_slice(escape.bytes());
                n += escape.bytes().len();
                to += escape.len();
            }
            Parsed::Text if to < ahead.len() => {
                made[n] = ahead[to];
                n += 1;
                to += 1;
            }
            _ => break,
        }
    }
    let before = &bytes[at.saturating_sub(MAGIC_LEN)..at];
    let is_plain = |b: &u8| is_token(*b) || *b == BRACKET;
    let magic = MAGICS.iter().find_map(|(magic, _)| {
        let magic = &magic[..magic.len().min(MAGIC_LEN)];
        let mut cuts = (0..magic.len()).map(|plain| magic.split_at(plain));
        let (plain, _) = cuts.find(|(plain, rest)| {
            plain.iter().all(is_plain) && before.ends_with(plain) && made[..n].starts_with(rest)
        })?;
        Some(Begins::Magic(plain.len()))
    });
    magic.or_else(|| if zlib { begins_zlib(before, &made[..n]) } else { None }).or(text)
}

/// Bytes of magic numbers that an escape may stand for, all those before them standing for themselves.
const IN_MAGICS: ByteSet = {
    let mut set = ByteSet::new(zlib::HEADERS.as_flattened());
    let mut n = 0;
    while n < MAGICS.len() {
        let magic = MAGICS[n].0;
        let mut at = 0;
        while at < magic.len() && at < MAGIC_LEN {
            set.insert(magic[at]);
            if !is_token(magic[at]) && magic[at] != BRACKET {
                break;
            }
            at += 1;
        }
        n += 1;
    }
    set
};

/// Whether zlib's header stands where escapes stand for `made`, its first byte perhaps as it is before them; and a block that makes sense as far as its first byte tells.
fn begins_zlib(before: &[u8], made: &[u8]) -> Option<Begins> {
    let begins = |prefix: &[u8]| prefix.len() > zlib::PROBE_LEN && zlib::may_start(prefix);
    let plain = before.last().filter(|byte| **byte == zlib::CMF);
    if begins(made) {
        return Some(Begins::Magic(0));
    }
    plain.filter(|cmf| begins(&[&[**cmf], made].concat())).map(|_| Begins::Magic(1))
}

/// Whether an escape stands for token characters, or for a character that is itself an escape for one, or for none.
fn stands_for_text(escape: &escape::Escape) -> bool {
    let is_text = |bytes: &[u8]| bytes.iter().all(|b| is_token(*b));
    match escape::parse(escape.bytes()) {
        Parsed::Escape(inner) if !escape.bytes()[0].is_ascii() => is_text(inner.bytes()),
        _ => is_text(escape.bytes()),
    }
}

/// Whether a token goes on behind what stands for nothing at the beginning of `ahead`, `len` bytes of it.
fn goes_on(ahead: &[u8], len: usize) -> bool {
    let reads = Reads::of(ahead[0]);
    let mut at = len;
    loop {
        let rest = &ahead[at..];
        match rest.first() {
            // More of the same may follow.
            None => return ahead.len() == Automaton::LOOKAHEAD,
            Some(first) if reads.has(*first) => match escape::parse(rest) {
                Parsed::Escape(escape) if escape.bytes().is_empty() => at += escape.len(),
                Parsed::Escape(escape) => return stands_for_text(&escape),
                Parsed::Incomplete => return ahead.len() == Automaton::LOOKAHEAD,
                Parsed::Text => return is_token(*first),
            },
            Some(first) => return is_token(*first),
        }
    }
}

/// The only byte of a magic number that may stand for itself before an escape and belongs to no token: the first one of zstd's. Whoever holds
/// the beginnings of magic numbers and of tokens holds it.
pub(crate) const BRACKET: u8 = b'(';

/// Bytes of a magic number that are looked at.
const MAGIC_LEN: usize = 4;

/// Where the text of an escape at `at` begins: [`BACK`] token characters before it at most. They may begin with an escape that ends a token.
fn beginning(bytes: &[u8], at: usize) -> usize {
    let back = bytes[..at].iter().rev().take(BACK).take_while(|b| is_token(**b)).count();
    let start = at - back;
    match start.checked_sub(1).map(|before| (before, escape::parse(&bytes[before..at]))) {
        Some((before, Parsed::Escape(escape))) => before + escape.len(),
        _ => start,
    }
}

/// How text ends: with a run that may go on in the next line, and what has come since of the line break.
#[derive(Clone, Copy)]
struct Line {
    /// Base64 characters at the end, and those of the last run of a line's length.
    run: u64,
    last: u64,
    /// What stands behind the last run of a line's length, `len` bytes of it.
    after: [u8; FOLD_MAX],
    len: usize,
}

impl Line {
    const NEW: Line = Line { run: 0, last: 0, after: [0; FOLD_MAX], len: 0 };

    fn take(&mut self, decoded: &[u8]) {
        for b in decoded {
            if self.len > 0 || self.run >= LINE_MIN && !is_char(*b) {
                self.len += 1;
                if let Some(place) = self.after.get_mut(self.len - 1) {
                    *place = *b;
                }
            }
            self.run = if is_char(*b) { self.run + 1 } else { 0 };
            if self.run >= LINE_MIN {
                self.last = self.run;
                self.len = 0;
            }
        }
    }
}

/// Bytes that are read on for the next line of a run: what stands for nothing does not fill [`FOLD_MAX`], however long it goes on.
const AHEAD: usize = FOLD_MAX * escape::MAX_LEN;

/// What follows text that ends with `line`, where `bytes` come next: [`Fold::Line`] if they lead to the next line of its run.
fn folded(bytes: &[u8], reads: Reads, line: &Line, eof: bool, cx: &mut Context<'_>) -> Fold {
    if line.len == 0 && line.run < LINE_MIN || line.len >= FOLD_MAX {
        return Fold::End;
    }
    let mut ahead = cx.scratch.buffer();
    ahead.extend_from_slice(&line.after[..line.len]);
    let mut at = 0;
    let mut all = false;
    while ahead.len() < FOLD_MAX {
        match piece(&bytes[at..], reads, eof) {
            Piece::Escape(escape) => {
                ahead.extend_from_slice(escape.bytes());
                at += escape.len();
                if at > AHEAD {
                    cx.scratch.give_buffer(ahead);
                    return Fold::End;
                }
            }
            Piece::Plain(_) | Piece::End if at < bytes.len() => {
                ahead.push(bytes[at]);
                at += 1;
            }
            Piece::Plain(_) | Piece::End | Piece::Open => {
                all = eof;
                break;
            }
        }
    }
    let len = if line.len == 0 { line.run } else { line.last };
    // What stands in the next string is another text.
    let fold = next_line(&ahead, 0, len, false, all);
    cx.scratch.give_buffer(ahead);
    match fold {
        Fold::Line(at, _) if at <= line.len => Fold::End,
        fold => fold,
    }
}

/// Reads the text around the escape at `at`. Also returns where the look ended.
pub(crate) fn look(bytes: &[u8], at: usize, eof: bool, cx: &mut Context<'_>) -> (Look, usize) {
    let reads = Reads::of(bytes[at]);
    let start = beginning(bytes, at);
    let mut decoded = cx.scratch.buffer();
    let mut touched = std::mem::take(&mut cx.scratch.touched);
    touched.clear();
    let mut to = start;
    let mut line = Line::NEW;
    let look = loop {
        if to - start > QUICK {
            break (Look::Busy, start + QUICK + 1);
        }
        match piece(&bytes[to..], reads, eof) {
            Piece::Plain(n) => {
                decoded.extend_from_slice(&bytes[to..to + n]);
                line.take(&bytes[to..to + n]);
                to += n;
            }
            Piece::Escape(escape) => {
                touched.note(decoded.len() as u64, &escape);
                decoded.extend_from_slice(escape.bytes());
                line.take(escape.bytes());
                to += escape.len();
            }
            Piece::Open => break (Look::Open, to),
            Piece::End => {
                match folded(&bytes[to..], reads, &line, eof, cx) {
                    Fold::End => {}
                    Fold::Open => break (Look::Open, to),
                    Fold::Line(..) => {
                        decoded.push(bytes[to]);
                        line.take(&bytes[to..to + 1]);
                        to += 1;
                        continue;
                    }
                }
                let mut hits = cx.scratch.hits();
                cx.core.automaton.scan(&decoded, 0, decoded.len(), &mut cx.scratch.work, &mut hits);
                let automaton = &cx.core.automaton;
                let meets = |start: usize, end: usize| touched.meets(start as u64, end as u64);
                let idle = !hits.iter().any(|hit| match hit.what {
                    What::Run => meets(hit.at, automaton.run_end(&decoded, hit.at)),
                    What::Wide => true,
                    What::Codes => meets(hit.at, codes::look(&decoded, hit.at, true, cx).1),
                    What::Escape => meets(hit.at, hit.at + escape::MAX_LEN),
                    // A match ends anywhere after its literal, and begins a lead before it at most.
                    What::Literal(_) | What::Anchor(_) => {
                        meets(hit.at.saturating_sub(cx.core.reach.kept), decoded.len())
                    }
                });
                cx.scratch.give_hits(hits);
                let idle = idle && !holds_pieces(&decoded, |at, len| meets(at, at + len), cx);
                break (if idle { Look::Idle } else { Look::Busy }, to);
            }
        }
    };
    cx.scratch.touched = touched;
    cx.scratch.give_buffer(decoded);
    look
}

impl Escaped {
    fn new() -> Escaped {
        let mut lane = Lane::new(LaneKind::Escapes, Depth::default(), None, OuterMap::segments());
        lane.touched = Some(Box::default());
        Escaped { start: 0, fed: 0, src: 0, at: 0, line: Line::NEW, lane, reads: Reads::Text }
    }

    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn src(&self) -> u64 {
        self.src
    }

    fn hold(&self, map: &OuterMap, pos: u64, cx: &Context<'_>) -> u64 {
        let open = if self.fed < pos { map.src(self.fed) } else { u64::MAX };
        self.lane.hold(&[], cx).min(open)
    }

    /// Whether it is compressed content.
    fn is_binary(&self) -> bool {
        matches!(self.reads, Reads::Only(_))
    }

    fn memory(&self) -> usize {
        size_of::<Escaped>() + size_of::<Touched>() + self.lane.memory()
    }

    /// Gives the lane back.
    pub(crate) fn release(mut self: Box<Escaped>, cx: &mut Context<'_>) {
        cx.live.lanes -= 1;
        self.lane.release_children(cx);
        cx.scratch.give_escaped(self);
    }

    /// Takes what is at hand of the text; returns whether it is over.
    fn feed(&mut self, map: &OuterMap, view: View<'_>, eof: bool, cx: &mut Context<'_>) -> bool {
        let mut decoded = cx.scratch.buffer();
        let mut over = false;
        loop {
            if decoded.len() >= SLICE {
                self.lane.feed(&decoded, false, cx);
                decoded.clear();
            }
            match piece(&view.bytes[view.index(self.fed)..], self.reads, eof) {
                Piece::Plain(n) => self.take(n.min(SLICE), map, view, &mut decoded),
                Piece::Escape(escape) => {
                    let at = self.lane.pos + decoded.len() as u64;
                    decoded.extend_from_slice(escape.bytes());
                    self.line.take(escape.bytes());
                    let end = self.fed + escape.len() as u64;
                    let made = escape.bytes().len() as u64;
                    if made > 0 {
                        self.lane.map.push(at, Origin::Const { start: map.src(self.fed), end: map.end(end) });
                    }
                    if let Some(touched) = &mut self.lane.touched {
                        touched.note(at, &escape);
                    }
                    self.fed = end;
                }
                Piece::Open => break,
                // What surely belongs to a container goes on whatever it is: a slice of it is fed at once.
                Piece::End if self.fed < view.end() && self.lane.left() > decoded.len() as u64 => {
                    self.take(1, map, view, &mut decoded);
                }
                Piece::End => {
                    self.lane.feed(&decoded, false, cx);
                    decoded.clear();
                    let begins =
                        self.fed < self.at || self.is_binary() && self.lane.pos < self.lane.ended + BINARY;
                    if self.fed == view.end() {
                        over = true;
                        break;
                    }
                    if !begins && !self.lane.has_containers() {
                        // A run may go on behind a line break.
                        let rest = &view.bytes[view.index(self.fed)..];
                        match folded(rest, self.reads, &self.line, eof, cx) {
                            Fold::Open => break,
                            Fold::Line(..) => {}
                            Fold::End => {
                                over = true;
                                break;
                            }
                        }
                    }
                    self.take(1, map, view, &mut decoded);
                }
            }
        }
        self.lane.feed(&decoded, over, cx);
        cx.scratch.give_buffer(decoded);
        over
    }

    /// Takes the next `n` bytes, which are at hand and stand for themselves, over into `decoded`, and says where they come from.
    fn take(&mut self, n: usize, map: &OuterMap, view: View<'_>, decoded: &mut Vec<u8>) {
        let at = self.lane.pos + decoded.len() as u64;
        let end = self.fed + n as u64;
        let bytes = view.get(self.fed, end).unwrap_or(&[]);
        decoded.extend_from_slice(bytes);
        self.line.take(bytes);
        if map.is_identity() {
            self.lane.map.push(at, Origin::Shift { outer: self.fed });
        } else {
            for (at, from) in (at..).zip(self.fed..end) {
                self.lane.map.push(at, Origin::Const { start: map.src(from), end: map.end(from + 1) });
            }
        }
        self.fed = end;
    }
}

/// The texts of a lane: one with the escapes of quoted-printable, one with all others, and one of compressed content for each byte that begins escapes. A `=` with two digits after it
/// is an escape in the one and the end of a name, or a part of a token, in all others.
///
/// There is nothing before the first escape.
#[derive(Default)]
pub(crate) struct Texts(Option<Box<[Text; TEXTS]>>);

const TEXTS: usize = 6;

/// The text under way of one kind, and how far it has come.
#[derive(Default)]
struct Text {
    child: Option<Box<Escaped>>,
    /// What stands before this offset of the lane has been read.
    read: u64,
    denied: Option<Denied>,
}

/// The place of what an escape begins among the texts of a lane.
fn place(introducer: u8, binary: bool) -> usize {
    match (binary, introducer) {
        (false, b'=') => 1,
        (false, _) => 0,
        (true, b'=') => 2,
        (true, b'\\') => 3,
        (true, b'&') => 4,
        (true, _) => 5,
    }
}

/// Text for which no lane could be had.
#[derive(Clone, Copy)]
struct Denied {
    /// Where its first escape stands.
    at: u64,
    /// The outer offset of its beginning.
    src: u64,
    /// Whether a candidate of the parent goes on in it.
    cut: bool,
}

impl Texts {
    pub(crate) fn is_alive(&self) -> bool {
        self.children().next().is_some()
    }

    pub(crate) fn has_containers(&self) -> bool {
        self.children().any(|child| child.lane.has_containers())
    }

    /// The least outer offset that must not leave yet.
    pub(crate) fn hold(&self, map: &OuterMap, pos: u64, cx: &Context<'_>) -> u64 {
        let denied = self.all().filter_map(|text| text.denied).map(|d| d.src);
        self.children().map(|child| child.hold(map, pos, cx)).chain(denied).min().unwrap_or(u64::MAX)
    }

    /// The least offset of the lane whose byte is still needed.
    pub(crate) fn first(&self) -> u64 {
        let denied = self.all().filter_map(|text| text.denied);
        let denied = denied.map(|d| d.at.saturating_sub((BACK + escape::MAX_LEN) as u64));
        self.children().map(|child| child.fed).chain(denied).min().unwrap_or(u64::MAX)
    }

    pub(crate) fn memory(&self) -> usize {
        self.all().map(size_of_val).sum::<usize>()
            + self.children().map(|child| child.memory()).sum::<usize>()
    }

    pub(crate) fn windows(&self) -> u64 {
        self.children().map(|child| child.lane.windows()).sum()
    }

    /// Ends everything without an event.
    pub(crate) fn release(&mut self, cx: &mut Context<'_>) {
        for text in self.0.iter_mut().flat_map(|texts| texts.iter_mut()) {
            text.denied = None;
            if let Some(child) = text.child.take() {
                child.release(cx);
            }
        }
    }

    /// Takes out a text in which a decoder has held back for too long: the outer offset before which that is.
    pub(crate) fn overdue(&mut self, map: &OuterMap, now: u64, cx: &Context<'_>) -> Option<Box<Escaped>> {
        let limit = cx.core.limits.max_hold;
        let is_overdue = |child: &Escaped| {
            child.lane.has_containers()
                && child.hold(map, now, cx) < now.saturating_sub(limit + child.lane.block_max())
        };
        let text = self.0.as_mut()?.iter_mut().find(|text| text.child.as_deref().is_some_and(is_overdue))?;
        text.child.take()
    }

    fn children(&self) -> impl Iterator<Item = &Escaped> {
        self.all().filter_map(|text| text.child.as_deref())
    }

    fn all(&self) -> impl Iterator<Item = &Text> {
        self.0.iter().flat_map(|texts| texts.iter())
    }

    fn of(&mut self, place: usize) -> &mut Text {
        &mut self.0.get_or_insert_default()[place]
    }

    /// Whether an escape at `at` belongs to what has been read, or is being read. What compressed content leaves as it is, other escapes, may be text.
    fn has(&self, introducer: u8, at: u64, binary: bool) -> bool {
        let reads = |place: usize| {
            let text = self.all().nth(place);
            text.is_some_and(|text| text.child.is_some() || at < text.read || text.denied.is_some())
        };
        reads(place(introducer, true)) || !binary && reads(place(introducer, false))
    }
}

impl Lane {
    /// What the escape at index `at` begins in this lane.
    pub(crate) fn begins_escaped(&self, bytes: &[u8], at: usize) -> Option<Begins> {
        let digits = self.kind.is_digits();
        (bytes[at].is_ascii() || !digits).then(|| begins(bytes, at, !digits)).flatten()
    }

    /// An escape that stands for a token character, or the first one of a magic number, is at `at`.
    pub(crate) fn start_escaped(&mut self, view: View<'_>, at: u64, eof: bool, cx: &mut Context<'_>) {
        let Some(begins) = self.begins_escaped(view.bytes, view.index(at)) else { return };
        let binary = matches!(begins, Begins::Magic(_));
        let introducer = view.bytes[view.index(at)];
        if self.texts.has(introducer, at, binary) || self.is_as_spelled(at, at + escape::MAX_LEN as u64) {
            return;
        }
        let beginning = view.base + beginning(view.bytes, view.index(at)) as u64;
        let cut_at = if binary { u64::MAX } else { self.matcher.cut_at(at, cx.facts.holds()) };
        let cut = cut_at < beginning;
        if !binary && !cut && look(view.bytes, view.index(at), eof, cx).0 == Look::Idle {
            return;
        }
        let unpacked = self.texts.of(place(introducer, true)).read;
        let text = self.texts.of(place(introducer, false));
        let start = match begins {
            Begins::Magic(plain) => at - plain as u64,
            Begins::Text => beginning.min(cut_at).max(view.base).max(text.read).max(unpacked),
        };
        if binary && let Some(mut child) = text.child.take() {
            // Compressed content in the middle of text: other escapes of the text stand for themselves in it.
            child.lane.feed(&[], true, cx);
            child.release(cx);
        }
        let place = place(introducer, binary);
        let text = self.texts.of(place);
        if self.depth.shapes >= cx.core.limits.shapes || cx.live.lanes + 1 > cx.core.limits.lanes {
            if !self.refused_shapes {
                text.denied = Some(Denied { at, src: self.map.src(start), cut });
                self.settle_denied_texts(view, eof, cx);
            }
            return;
        }
        cx.live.lanes += 1;
        let mut child = cx.scratch.escaped().unwrap_or_else(|| Box::new(Escaped::new()));
        let depth = Depth { shapes: self.depth.shapes + 1, ..self.depth };
        let up = self.trail_at(at);
        child.start = start;
        (child.at, child.line) = (at, Line::NEW);
        child.fed = start;
        child.src = self.map.src(start);
        child.reads = if binary { Reads::Only(introducer) } else { Reads::of(introducer) };
        let mut touched = child.lane.touched.take().unwrap_or_default();
        touched.clear();
        child.lane.restart(LaneKind::Escapes, depth, up);
        child.lane.touched = Some(touched);
        child.lane.archive = Archive::text(cx.facts.lines.then(|| self.archive.line(view, start)));
        self.texts.of(place).child = Some(child);
        self.feed_text(place, view, eof, cx);
    }

    /// Where the first text begins for which no lane could be had.
    pub(crate) fn denied_text(&self) -> u64 {
        self.texts.all().filter_map(|text| text.denied).map(|denied| denied.at).min().unwrap_or(u64::MAX)
    }

    /// Decides about text for which no lane could be had: it matters only if there is something in it.
    pub(crate) fn settle_denied_texts(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        if self.texts.all().all(|text| text.denied.is_none()) {
            return;
        }
        let denied: [Option<Denied>; TEXTS] = std::array::from_fn(|i| self.texts.all().nth(i)?.denied);
        for (place, denied) in denied.into_iter().enumerate() {
            let Some(Denied { at, src, cut }) = denied else { continue };
            let (look, to) = match cut {
                true => (Look::Busy, view.index(at) + 1),
                false => look(view.bytes, view.index(at), eof, cx),
            };
            if look == Look::Open {
                continue;
            }
            self.texts.of(place).denied = None;
            if look == Look::Busy && !self.refused_shapes {
                self.refuse_shape(at, src, to, view, eof, cx);
            }
        }
    }

    /// Feeds the texts that are being unescaped, and ends what is over.
    pub(crate) fn feed_texts(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        if self.texts.is_alive() {
            (0..TEXTS).for_each(|place| self.feed_text(place, view, eof, cx));
        }
    }

    fn feed_text(&mut self, place: usize, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let text = self.texts.of(place);
        let Some(mut child) = text.child.take() else { return };
        let found = cx.scratch.found.len();
        let over = child.feed(&self.map, view, eof, cx);
        if cx.scratch.found.len() > found {
            self.archive.mask(child.start, child.fed);
        }
        text.read = child.fed;
        if over {
            child.release(cx);
        } else {
            text.child = Some(child);
        }
    }
}
