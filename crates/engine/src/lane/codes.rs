//! [`Codes`]: lists of character codes, as lanes of what they stand for.
//!
//! A list may be read in several ways at once (`10 11 12`), and a number in front of it, or behind it, only in one of them. So there is a lane
//! for each [`Form`], which begins at a code that can be in it and ends before the first one that cannot:
//!
//! ```text
//! lane          id 7: 67, 68, 112, 95
//! decimal          ^^^^^^^^^^^^^^^^^^    7 67 68 112 95
//! hexadecimal         ^^^^^^      ^^     67 68, and 95
//! ```
//!
//! The list is over where what follows is no code in any form.

use exfilter_codec::charcodes::{self, CODE_MAX, Form, GAP_MAX, Parsed};

use super::look::{Look, QUICK, SEPARATOR, is_packed, is_without_hits};
use super::{Depth, Lane, LaneKind};
use crate::confirm::View;
use crate::context::Context;
use crate::map::{Origin, OuterMap};

/// What a list counts as, in lanes: its own keep the place of every byte, which takes the memory of two others.
const LANES: u32 = 2 * Form::ALL.len() as u32;

/// Bytes that are fed at once.
const SLICE: usize = 64;

/// Reads codes and what stands between them.
#[derive(Clone, Copy)]
struct Reader {
    /// Whether a gap comes next.
    gap: bool,
    /// Whether a backslash stands before the first code.
    escaped: bool,
}

/// What a [`Reader`] comes to.
enum Next {
    /// A code, so many bytes behind what it was shown, and so long.
    Code(usize, charcodes::Code),
    /// More bytes decide.
    Open,
    Over,
}

impl Reader {
    fn new(bytes: &[u8], at: usize) -> Reader {
        Reader { gap: false, escaped: bytes[..at].last() == Some(&b'\\') }
    }

    fn next(&mut self, text: &[u8], eof: bool) -> Next {
        if self.gap {
            return match charcodes::gap(text, eof) {
                Parsed::Open => Next::Open,
                Parsed::Nothing => Next::Over,
                Parsed::Found(gap) => Next::Code(gap.len, gap.next),
            };
        }
        match charcodes::code(text, self.escaped, eof) {
            Parsed::Open => Next::Open,
            Parsed::Nothing => Next::Over,
            Parsed::Found(code) => {
                self.gap = true;
                Next::Code(0, code)
            }
        }
    }
}

/// A list being read.
pub(crate) struct Codes {
    start: u64,
    src: u64,
    /// Codes before this lane offset have been taken.
    fed: u64,
    reader: Reader,
    lists: [Option<Box<Lane>>; Form::ALL.len()],
}

impl Codes {
    fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lists.iter().flatten().map(|lane| &**lane)
    }

    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn src(&self) -> u64 {
        self.src
    }

    pub(crate) fn fed(&self) -> u64 {
        self.fed
    }

    pub(crate) fn hold(&self, map: &OuterMap, pos: u64, cx: &Context<'_>) -> u64 {
        let open = if self.fed < pos { map.src(self.fed) } else { u64::MAX };
        self.lanes().map(|lane| lane.hold(&[], cx)).fold(open, u64::min)
    }

    pub(crate) fn has_containers(&self) -> bool {
        self.lanes().any(Lane::has_containers)
    }

    pub(crate) fn block_max(&self) -> u64 {
        let blocks = self.lanes().flat_map(|lane| lane.containers.iter().map(|c| c.block_max()));
        (CODE_MAX + GAP_MAX) as u64 * blocks.max().unwrap_or(0)
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Codes>() + self.lanes().map(|lane| size_of::<Lane>() + lane.memory()).sum::<usize>()
    }

    pub(crate) fn windows(&self) -> u64 {
        self.lanes().map(Lane::windows).sum()
    }

    pub(crate) fn release(mut self, cx: &mut Context<'_>) {
        cx.live.lanes -= LANES;
        for lane in self.lists.iter_mut().flatten() {
            lane.release_children(cx);
        }
    }

    /// Takes the codes at hand; with `eof` nothing follows. Returns whether the list is over. New lanes are at `depth`, below `up`.
    fn feed(&mut self, up: &mut Lane, view: View<'_>, eof: bool, cx: &mut Context<'_>) -> bool {
        let mut made = [const { Vec::new() }; Form::ALL.len()];
        let over = loop {
            let text = view.get(self.fed, view.end()).unwrap_or(&[]);
            match self.reader.next(text, eof) {
                Next::Open => break false,
                Next::Over => break true,
                Next::Code(at, code) => {
                    let start = self.fed + at as u64;
                    let text = &text[at..at + code.len];
                    self.fed = start + code.len as u64;
                    for (form, made) in Form::ALL.into_iter().zip(&mut made) {
                        if !code.forms.contains(form) {
                            self.end(form, made, cx);
                            continue;
                        }
                        if made.capacity() == 0 {
                            *made = cx.scratch.buffer();
                        }
                        let lane = self.lists[form as usize].get_or_insert_with(|| {
                            let depth = Depth { shapes: up.depth.shapes + 1, ..up.depth };
                            Box::new(Lane::new(
                                LaneKind::Codes,
                                depth,
                                up.trail_at(start),
                                OuterMap::segments(),
                            ))
                        });
                        let origin = Origin::Const { start: up.map.src(start), end: up.map.end(self.fed) };
                        lane.map.push(lane.pos + made.len() as u64, origin);
                        made.extend(charcodes::values(text, form));
                        if made.len() >= SLICE {
                            // The map has a segment for each byte until the bytes are fed.
                            lane.feed(made, false, cx);
                            made.clear();
                        }
                    }
                }
            }
        };
        for (form, mut made) in Form::ALL.into_iter().zip(made) {
            if over {
                self.end(form, &mut made, cx);
            } else if let Some(lane) = &mut self.lists[form as usize] {
                lane.feed(&made, false, cx);
            }
            cx.scratch.give_buffer(made);
        }
        over
    }

    /// Ends the lane of a form, after the bytes `made` for it.
    fn end(&mut self, form: Form, made: &mut Vec<u8>, cx: &mut Context<'_>) {
        if let Some(mut lane) = self.lists[form as usize].take() {
            lane.feed(made, true, cx);
            lane.release_children(cx);
            cx.scratch.give_buffer(std::mem::take(made));
        }
    }
}

/// Reads the list at `at`: whether it is over within `bytes` and holds nothing in any form. Also returns where the look ended.
pub(crate) fn look(bytes: &[u8], at: usize, eof: bool, cx: &mut Context<'_>) -> (Look, usize) {
    let mut reader = Reader::new(bytes, at);
    let (mut to, mut codes) = (at, 0);
    let mut look = Look::Idle;
    loop {
        match reader.next(&bytes[to..], eof) {
            Next::Open => look = Look::Open,
            Next::Over => {}
            Next::Code(..) if to - at > QUICK => look = Look::Busy,
            Next::Code(gap, code) => {
                to += gap + code.len;
                codes += code.len.div_ceil(2);
                continue;
            }
        }
        break;
    }
    // Fewer bytes than this are nothing's match; most lists are short.
    if look == Look::Idle && codes >= cx.core.shortest && holds_something(bytes, at..to, eof, cx) {
        look = Look::Busy;
    }
    (look, to)
}

/// Whether the list at `range` holds something in some form. It is read again as it was read before, with all that stands behind it.
fn holds_something(bytes: &[u8], range: std::ops::Range<usize>, eof: bool, cx: &mut Context<'_>) -> bool {
    let mut reader = Reader::new(bytes, range.start);
    let mut made = [const { Vec::new() }; Form::ALL.len()];
    let mut to = range.start;
    while to < range.end
        && let Next::Code(gap, code) = reader.next(&bytes[to..], eof)
    {
        let text = &bytes[to + gap..to + gap + code.len];
        to += gap + code.len;
        for (form, made) in Form::ALL.into_iter().zip(&mut made) {
            if code.forms.contains(form) {
                made.extend(charcodes::values(text, form));
            } else if !matches!(made.last(), None | Some(&SEPARATOR)) {
                made.push(SEPARATOR);
            }
        }
    }
    let mut all = cx.scratch.buffer();
    let mut packed = false;
    for made in &made {
        for piece in made.split_inclusive(|b| *b == SEPARATOR) {
            packed |= is_packed(piece);
        }
        all.extend_from_slice(made);
        all.push(SEPARATOR);
    }
    let holds = packed || holds_deltas(&all, cx) || !is_without_hits(&all, cx);
    cx.scratch.give_buffer(all);
    holds
}

/// Whether a secret XORed with a byte may stand in `decoded`.
fn holds_deltas(decoded: &[u8], cx: &Context<'_>) -> bool {
    let deltas = cx.core.known.as_ref().and_then(|known| known.deltas.as_ref());
    deltas.is_some_and(|deltas| deltas.stand_in(decoded))
}

impl Lane {
    /// A list of codes may begin at `at`.
    pub(crate) fn start_codes(&mut self, view: View<'_>, at: u64, eof: bool, cx: &mut Context<'_>) {
        if self.codes.is_some() || at < self.late().codes_read {
            return;
        }
        let src = self.map.src(at);
        let late = self.late.get_or_insert_default();
        if late.codes.is_some() {
            late.codes_behind.push(at);
            return;
        }
        late.codes = Some((at, src));
        self.settle_codes(view, eof, cx);
    }

    /// Looks again at the list about which more bytes decide. It takes lanes when it is seen that it holds something, or too much to tell: which
    /// lists do, and when, must not depend on where a view ends.
    pub(crate) fn settle_codes(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        while let Some((at, src)) = self.waiting_codes() {
            let index = view.index(at);
            let (look, end) = look(view.bytes, index, eof, cx);
            let end = view.base + end as u64;
            let late = self.late.get_or_insert_default();
            if look == Look::Open {
                // Those before it are the list's own.
                late.codes_behind.retain(|at| *at >= end);
                return;
            }
            let behind = std::mem::take(&mut late.codes_behind);
            late.codes = None;
            if look == Look::Idle {
                late.codes_read = late.codes_read.max(end);
                if let Some(next) = behind.iter().position(|at| *at >= end) {
                    late.codes = Some((behind[next], self.map.src(behind[next])));
                    late.codes_behind = behind[next + 1..].to_vec();
                }
                continue;
            }
            let limits = &cx.core.limits;
            if self.depth.shapes < limits.shapes && cx.live.lanes + LANES <= limits.lanes {
                cx.live.lanes += LANES;
                let reader = Reader::new(view.bytes, index);
                let lists = [const { None }; Form::ALL.len()];
                self.codes = Some(Box::new(Codes { start: at, src, fed: at, reader, lists }));
                return self.feed_codes(view, eof, cx);
            }
            late.codes_read = late.codes_read.max(end);
            if !late.refused_codes {
                late.refused_codes = true;
                self.report_refusal(at, src, view.index(end), view, eof, cx);
            }
        }
    }

    /// Feeds the list that is being read, and ends it if it is over.
    pub(crate) fn feed_codes(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let Some(mut codes) = self.codes.take() else { return };
        let found = cx.scratch.found.len();
        let over = codes.feed(self, view, eof, cx);
        if self.is_as_spelled(codes.start, codes.fed) {
            // The parent reads the same list.
            cx.scratch.found.truncate(found);
        }
        if cx.scratch.found.len() > found {
            self.archive.mask(codes.start, codes.fed);
        }
        self.late.get_or_insert_default().codes_read = codes.fed;
        if over {
            codes.release(cx);
        } else {
            self.codes = Some(codes);
        }
    }
}
