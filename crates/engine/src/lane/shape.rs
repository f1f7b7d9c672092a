//! Runs of base64 characters: a group of four lanes, one per alignment, two more where the run begins with hexadecimal digits, and one for each
//! alphabet of base32 where it begins with that.
//!
//! A run is a maximal stretch of base64 characters of at least the length that the shortest match would be encoded to. Where its text began
//! cannot be known (`\nQUJD` has the `n` in front), so it is decoded at all four alignments; three of them yield noise that no rule fits.
//!
//! A run may be folded: where a line of it ends at a line break, the next line goes on with it if it begins, after blanks, with a base64 character.
//! What stands between the lines belongs to none of the lanes.
//!
//! An escape that stands for a base64 character (`\/` in JSON) belongs to the run: [`Lane::start_escaped`] begins a text only a few characters before
//! it, and a container may have begun far before that. What both find is told of twice.

use exfilter_codec::base64::{Phase, is_char};
use exfilter_codec::escape::{self, Parsed};
use exfilter_codec::hex;

use crate::confirm::View;
use crate::context::Context;
use crate::coverage::OpaqueReason;
use crate::lane::base32::{self, Base32Lane};
use crate::lane::fold::{Fold, LINE_MIN, is_digest, line_at, next_line};
use crate::lane::look::{Extent, Look, extent, look};
use crate::lane::zlib::{begins_document, may_begin_document};
use crate::lane::{Depth, Lane, LaneKind, SEEN};
use crate::map::{Origin, OuterMap};

/// A run being decoded.
pub(crate) struct Group {
    start: u64,
    /// Characters before this lane offset have been taken.
    fed: u64,
    src: u64,
    phases: [PhaseLane; 4],
    /// The lanes of a run of digits, while digits go on.
    digits: [HexLane; 2],
    /// Whether they are in use, and where the digits begin.
    hex: bool,
    digits_at: u64,
    /// The lanes of base32, and where that begins.
    base32: Vec<Base32Lane>,
    base32_at: u64,
    /// Where its line begins.
    line_at: u64,
    /// Whether no escape has stood in it.
    plain: bool,
}

struct HexLane {
    skip: u64,
    phase: hex::Phase,
    lane: Lane,
    /// Whether all digits so far were followed by more.
    open: bool,
    /// Whether the last letter was a capital.
    capital: Option<bool>,
    /// Where the digit that waits for the next one stands, if a line ended behind it.
    cut: Option<u64>,
}

/// Digits with which a run begins if it is one of hexadecimal digits: a position is decided when as many bytes of it are at hand. What is
/// blocked is longer.
pub(super) const HEX_MIN: usize = 32;
const _: () = assert!(HEX_MIN == super::base32::MIN, "one look tells of both");

/// Where the text of the run at `at` begins, behind the end of an escape.
pub(super) fn after_escape(bytes: &[u8], at: usize) -> usize {
    let before = at.checked_sub(1).map(|before| bytes[before]);
    let escape = match (before, bytes.get(at)) {
        (Some(b'%'), _) => 2,
        (Some(b'\\'), Some(b'u')) => 5,
        (Some(b'\\'), Some(b'x')) => 3,
        (Some(b'\\'), Some(b'n' | b'r' | b't')) => 1,
        _ => 0,
    };
    at + escape
}

/// Where the hexadecimal digits of the run at `at` begin, if it begins with some, or with `0x` and some; the end of an escape may come first.
pub(super) fn digits_at(bytes: &[u8], at: usize) -> Option<usize> {
    let at_digits = after_escape(bytes, at);
    let prefixed = matches!(bytes.get(at_digits..at_digits + 2), Some(b"0x" | b"0X"));
    // PostgreSQL writes `\x` before all of them.
    let is_marked = at_digits == at + 3;
    let from = if prefixed {
        at_digits + 2
    } else if is_marked {
        at + 1
    } else {
        at_digits
    };
    let digits = bytes.get(from..at + HEX_MIN)?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(from)
}

/// Whether the run at `at` is no part of text in which escapes stand, as far as what is before it tells.
pub(super) fn is_plain(bytes: &[u8], at: usize, escapes: bool) -> bool {
    escapes && !matches!(bytes[..at].last(), Some(b'\\' | b'%'))
}

/// Whether a line of a run, which begins at `at`, is a run of digits of its own. Zeros and other little numbers in base64 are few different digits.
fn is_digits(bytes: &[u8], at: usize) -> bool {
    digits_at(bytes, at).is_some_and(|from| {
        let seen = bytes[from..at + HEX_MIN].iter().fold(0u128, |seen, digit| seen | 1 << (digit & 0x7f));
        seen.count_ones() >= DIFFERENT
    })
}

/// See [`is_digits`].
const DIFFERENT: u32 = 6;

/// Bytes from which on a phase of base64 feeds what it has of several lines.
const SLICE: usize = 256;

struct PhaseLane {
    skip: u64,
    phase: Phase,
    lane: Lane,
    /// Where the characters that wait for the rest of their quad begin, if a line ended behind them.
    cut: Option<u64>,
    /// What was decoded and not fed, while the group is fed: lines are short.
    made: Vec<u8>,
}

/// What stands where the characters of a run end.
pub(super) enum Escaped {
    /// An escape of so many bytes that stands for a base64 character.
    Char(usize, u8),
    /// More bytes decide.
    Open,
    /// Something else.
    Other,
}

/// The escape at the beginning of `bytes`.
pub(super) fn escaped_char(bytes: &[u8], eof: bool) -> Escaped {
    if !matches!(bytes.first(), Some(b'\\' | b'%' | b'&')) {
        return Escaped::Other;
    }
    match escape::parse(bytes) {
        Parsed::Escape(escape) => match escape.bytes() {
            &[char] if is_char(char) => Escaped::Char(escape.len(), char),
            _ => Escaped::Other,
        },
        Parsed::Incomplete if !eof => Escaped::Open,
        Parsed::Incomplete | Parsed::Text => Escaped::Other,
    }
}

/// What follows the line of a run, of `len` characters, that ends at index `end` of `bytes`. `digits` says whether it has been hexadecimal digits so far, which a line of such
/// goes on with; else that is a run of its own. `plain` says that no escape stands in it: only then it goes on in another string.
pub(super) fn fold(bytes: &[u8], end: usize, len: u64, digits: bool, plain: bool, eof: bool) -> Fold {
    if len < LINE_MIN {
        return Fold::End;
    }
    let line = match next_line(bytes, end, len, plain, eof) {
        Fold::Line(line, _) => line,
        fold => return fold,
    };
    let joint = &bytes[end..line];
    if digits && is_digest(len) && joint.contains(&b',') {
        return Fold::End;
    }
    let head = &bytes[line..bytes.len().min(line + HEX_MIN)];
    if !digits && is_digits(bytes, line) {
        return Fold::End;
    }
    let quoted = joint.last().is_some_and(|b| matches!(b, b'"' | b'\'' | b'`'));
    // Another string, or item of a list, may be content of its own, which is told by its beginning.
    let is_item = quoted || joint.trim_ascii_end().ends_with(b"-");
    // What stands beside it in the same line mostly is.
    let is_broken = joint.contains(&b'\n') || joint.windows(2).any(|two| two == b"\\n");
    if quoted && !is_broken {
        return Fold::End;
    }
    let is_own = is_item && !digits && base32::may_begin(head);
    if is_own && head.len() == HEX_MIN || is_item && begins_document(head) {
        return Fold::End;
    }
    // Each question is open only if all that is at hand answers it.
    let is_short = head.len() < HEX_MIN && !eof;
    let digits_only = |head: &[u8]| head.iter().all(u8::is_ascii_hexdigit);
    let may_be_digits =
        !digits && (digits_only(head) || head.len() > 1 && digits_only(&head[2..]) && head[0] == b'0');
    let may_be_own = is_own || is_item && may_begin_document(head);
    if is_short && (head.len() < 3 || may_be_digits || may_be_own) {
        return Fold::Open;
    }
    Fold::Line(line, begins_zlib(head))
}

/// Whether base64 begins with one of zlib's headers: `78` and `01`, `5e`, `9c` or `da`.
pub(super) fn begins_zlib(chars: &[u8]) -> bool {
    let &[b'e', second, third, ..] = chars else { return false };
    matches!(
        (second, third),
        (b'A', b'E'..=b'H') | (b'F', b'4'..=b'7') | (b'J', b'w'..=b'z') | (b'N', b'o'..=b'r')
    )
}

impl Group {
    fn new() -> Group {
        Group {
            start: 0,
            fed: 0,
            src: 0,
            phases: [0, 1, 2, 3].map(|skip| PhaseLane {
                skip,
                phase: Phase::new(skip as u8),
                lane: Lane::new(LaneKind::Base64, Depth::default(), None, OuterMap::segments()),
                cut: None,
                made: Vec::new(),
            }),
            digits: [0, 1].map(|skip| HexLane {
                skip,
                phase: hex::Phase::new(skip as u8),
                lane: Lane::new(LaneKind::Hex, Depth::default(), None, OuterMap::segments()),
                open: false,
                capital: None,
                cut: None,
            }),
            hex: false,
            digits_at: 0,
            base32: Vec::new(),
            base32_at: 0,
            line_at: 0,
            plain: true,
        }
    }

    /// Its lanes.
    fn lanes(&self) -> impl Iterator<Item = &Lane> {
        let digits = self.digits.iter().filter(|_| self.hex).map(|d| &d.lane);
        self.phases.iter().map(|p| &p.lane).chain(digits).chain(self.base32.iter().map(|b| &b.lane))
    }

    fn count(&self) -> u32 {
        let digits = if self.hex { 2 } else { 0 };
        4 + digits + base32::LANES * self.base32.len() as u32
    }

    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn src(&self) -> u64 {
        self.src
    }

    /// Characters before this lane offset have been taken.
    pub(crate) fn fed(&self) -> u64 {
        self.fed
    }

    /// Takes characters up to `to`; with `end` the run is over.
    fn feed(&mut self, map: &OuterMap, view: View<'_>, to: u64, end: bool, cx: &mut Context<'_>) {
        let chars = view.get(self.fed, to).unwrap_or(&[]);
        for phase in &mut self.phases {
            phase.feed(self.start, self.fed, chars, map, end, cx);
        }
        for digits in self.digits.iter_mut().filter(|digits| self.hex && digits.open) {
            let fed = self.fed.max(self.digits_at);
            let chars = view.get(fed, to).unwrap_or(&[]);
            digits.feed(self.digits_at, fed, chars, map, end, cx);
        }
        for base32 in self.base32.iter_mut().filter(|base32| base32.open) {
            let fed = self.fed.max(self.base32_at);
            let chars = view.get(fed, to).unwrap_or(&[]);
            base32.feed(fed, chars, map, end, cx);
        }
        self.fed = to;
    }

    /// Takes `char`, for which an escape from lane offset `start` to `end` stands.
    fn feed_escaped(&mut self, char: u8, start: u64, end: u64, map: &OuterMap, cx: &mut Context<'_>) {
        self.plain = false;
        // The character counts as the last one of the escape; what it is part of begins no later than that.
        for phase in &mut self.phases {
            phase.cut.get_or_insert(start - phase.phase.pending() as u64);
            phase.feed(self.start, end - 1, &[char], map, false, cx);
        }
        for digits in self.digits.iter_mut().filter(|digits| self.hex && digits.open) {
            digits.cut.get_or_insert(start - digits.phase.pending() as u64);
            // No needle of the parent spans an escape.
            let pos = digits.lane.pos;
            digits.lane.touched.get_or_insert_default().add(pos.saturating_sub(1), pos + 1);
            digits.feed(self.digits_at, end - 1, &[char], map, false, cx);
        }
        for base32 in self.base32.iter_mut().filter(|base32| base32.open) {
            base32.feed_escaped(char, start, end, map, cx);
        }
        self.fed = end;
    }

    /// What follows the line that ends at lane offset `end`.
    fn fold(&self, view: View<'_>, end: u64, eof: bool) -> Fold {
        let digits = self.hex && self.digits.iter().any(|digits| digits.open);
        fold(view.bytes, view.index(end), end - self.line_at, digits, self.plain, eof)
    }

    /// Goes on at `line`, behind the beginning of another line at `begins`.
    fn begin_line(&mut self, line: u64, begins: u64, zlib: bool, map: &OuterMap) {
        for PhaseLane { phase, lane, cut, made, .. } in &mut self.phases {
            let at = lane.pos + made.len() as u64;
            // The bytes of which all bits are there.
            lane.note_seam(at + phase.pending() as u64 * 3 / 4);
            match phase.pending() as u64 {
                0 => {
                    if map.is_identity() {
                        lane.map.push(at, Origin::Base64 { outer: line });
                    }
                    if zlib {
                        lane.seams.get_or_insert_default().zlib.0.push(at);
                    }
                }
                pending => {
                    cut.get_or_insert(self.fed - pending);
                }
            }
        }
        for HexLane { phase, lane, cut, open, .. } in self.digits.iter_mut().filter(|_| self.hex) {
            if *open {
                // No needle of the parent spans a line break.
                lane.touched.get_or_insert_default().add(lane.pos.saturating_sub(1), lane.pos + 1);
                lane.note_seam(lane.pos);
            }
            match phase.pending() as u64 {
                _ if !*open => {}
                0 if map.is_identity() => lane.map.push(lane.pos, Origin::Hex { outer: line }),
                0 => {}
                _ => {
                    cut.get_or_insert(self.fed - 1);
                }
            }
        }
        for base32 in self.base32.iter_mut().filter(|base32| base32.open) {
            base32.begin_line(self.fed, line, map);
        }
        (self.fed, self.line_at) = (line, begins);
    }

    pub(crate) fn hold(&self, map: &OuterMap, cx: &Context<'_>) -> u64 {
        let mut hold = u64::MAX;
        for digits in self.digits.iter().filter(|digits| self.hex && digits.open) {
            if digits.phase.pending() > 0 {
                hold = hold.min(map.src(digits.cut.unwrap_or(self.fed.saturating_sub(1))));
            }
            hold = hold.min(digits.lane.hold(&[], cx));
        }
        for base32 in self.base32.iter().filter(|base32| base32.open) {
            hold = hold.min(base32.hold(self.fed, map, cx));
        }
        for phase in &self.phases {
            let pending = phase.phase.pending() as u64;
            if pending > 0 {
                hold = hold.min(map.src(phase.cut.unwrap_or(self.fed.saturating_sub(pending))));
            }
            hold = hold.min(phase.lane.hold(&[], cx));
        }
        hold
    }

    pub(crate) fn has_containers(&self) -> bool {
        self.lanes().any(|lane| lane.has_containers())
    }

    pub(crate) fn block_max(&self) -> u64 {
        // Blocks of a nested codec arrive through base64, four characters for three bytes, or base32, eight for five, at most three layers deep.
        5 * self.lanes().flat_map(|lane| lane.containers.iter().map(|c| c.block_max())).max().unwrap_or(0)
    }

    pub(crate) fn memory(&self) -> usize {
        // The lanes that are not in use keep their buffers.
        let all = self.phases.iter().map(|p| &p.lane).chain(self.digits.iter().map(|d| &d.lane));
        let base32 = (self.base32.capacity() - self.base32.len()) * size_of::<Base32Lane>();
        let each = |base32: &Base32Lane| size_of::<Base32Lane>() + base32.lane.memory();
        size_of::<Group>()
            + all.map(Lane::memory).sum::<usize>()
            + base32
            + self.base32.iter().map(each).sum::<usize>()
    }

    pub(crate) fn windows(&self) -> u64 {
        self.lanes().map(Lane::windows).sum()
    }

    /// Gives the group's lanes back.
    pub(crate) fn release(mut self: Box<Group>, cx: &mut Context<'_>) {
        cx.live.lanes -= self.count();
        for phase in &mut self.phases {
            phase.lane.release_children(cx);
        }
        for digits in &mut self.digits {
            digits.lane.release_children(cx);
        }
        for mut base32 in self.base32.drain(..) {
            base32.lane.release_children(cx);
        }
        cx.scratch.give_group(self);
    }
}

impl PhaseLane {
    /// Takes `chars`, which stand at `fed`; with `end` the run, which began at `start`, is over.
    fn feed(&mut self, start: u64, fed: u64, chars: &[u8], map: &OuterMap, end: bool, cx: &mut Context<'_>) {
        let PhaseLane { skip, phase, lane, cut, made } = self;
        let (mut fed, mut chars) = (fed, chars);
        if made.capacity() == 0 {
            *made = cx.scratch.buffer();
        }
        if let Some(quad) = *cut {
            let at = lane.pos + made.len() as u64;
            let (rest, others) = chars.split_at(chars.len().min(4 - phase.pending()));
            phase.decode(rest, made);
            (fed, chars) = (fed + rest.len() as u64, others);
            if end && chars.is_empty() {
                phase.finish(made);
            }
            if phase.pending() == 0 {
                *cut = None;
                let to = lane.pos + made.len() as u64;
                if at < to {
                    lane.map.push(at, Origin::Const { start: map.src(quad), end: map.end(fed) });
                }
                if map.is_identity() {
                    lane.map.push(to, Origin::Base64 { outer: fed });
                }
            }
        }
        let first = fed.saturating_sub(phase.pending() as u64).max(start + *skip);
        let at = lane.pos + made.len() as u64;
        phase.decode(chars, made);
        if end {
            phase.finish(made);
        }
        if !map.is_identity() {
            // Each byte is attributed to its group of four characters.
            let made = lane.pos + made.len() as u64;
            map.inherit_groups((first, fed + chars.len() as u64), (4, 3), (at, made), &mut lane.map);
        }
        if end || made.len() >= SLICE {
            self.flush(end, cx);
        }
    }

    /// Feeds what was decoded; with `end` nothing follows.
    fn flush(&mut self, end: bool, cx: &mut Context<'_>) {
        let made = std::mem::take(&mut self.made);
        if end || !made.is_empty() {
            self.lane.feed(&made, end, cx);
        }
        if made.capacity() > 0 {
            cx.scratch.give_buffer(made);
        }
    }
}

impl HexLane {
    /// Takes the digits with which `chars`, which stand at `fed`, begin; with `end` the run is over.
    fn feed(&mut self, start: u64, fed: u64, chars: &[u8], map: &OuterMap, end: bool, cx: &mut Context<'_>) {
        self.note_cases(chars);
        let mut decoded = cx.scratch.buffer();
        let (mut fed, mut chars) = (fed, chars);
        self.open = true;
        if let Some(digit) = self.cut {
            let (rest, others) = chars.split_at(chars.len().min(2 - self.phase.pending()));
            self.open = self.phase.decode(rest, &mut decoded) == rest.len();
            (fed, chars) = (fed + rest.len() as u64, others);
            if self.open && !decoded.is_empty() {
                self.cut = None;
                let origin = Origin::Const { start: map.src(digit), end: map.end(fed) };
                self.lane.map.push(self.lane.pos, origin);
                self.lane.feed(&decoded, false, cx);
                decoded.clear();
                if map.is_identity() {
                    self.lane.map.push(self.lane.pos, Origin::Hex { outer: fed });
                }
            }
        }
        if self.open {
            let first = fed.saturating_sub(self.phase.pending() as u64).max(start + self.skip);
            self.open = self.phase.decode(chars, &mut decoded) == chars.len();
            if !map.is_identity() {
                let (at, to) = (self.lane.pos, fed + chars.len() as u64);
                map.inherit_groups((first, to), (2, 1), (at, at + decoded.len() as u64), &mut self.lane.map);
            }
        }
        self.open &= !end;
        self.lane.feed(&decoded, !self.open, cx);
        cx.scratch.give_buffer(decoded);
    }

    /// Notes the bytes at which letters go over to the other case; `chars` come next.
    fn note_cases(&mut self, chars: &[u8]) {
        let pending = self.phase.pending();
        for (i, digit) in chars.iter().enumerate().filter(|(_, digit)| digit.is_ascii_alphabetic()) {
            let capital = Some(digit.is_ascii_uppercase());
            if self.capital.is_some() && self.capital != capital {
                // A digit that is skipped may count as one of the first byte.
                let at = self.lane.pos + ((pending + i) / 2) as u64;
                self.lane.touched.get_or_insert_default().add(at.saturating_sub(1), at + 1);
            }
            self.capital = capital;
        }
    }
}

impl Lane {
    /// Feeds the open run, and ends it if it is over.
    pub(crate) fn feed_group(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let Some(mut group) = self.group.take() else { return };
        let found = cx.scratch.found.len();
        let end = loop {
            let to = cx.core.automaton.run_end(view.bytes, view.index(group.fed));
            let rest = &view.bytes[to..];
            let to = view.base + to as u64;
            group.feed(&self.map, view, to, false, cx);
            match escaped_char(rest, eof) {
                Escaped::Char(len, char) if self.reads_escapes() => {
                    let end = to + len as u64;
                    group.feed_escaped(char, to, end, &self.map, cx);
                    continue;
                }
                Escaped::Open if self.reads_escapes() => break false,
                _ => {}
            }
            let fold = match to < view.end() || eof {
                true => group.fold(view, to, eof),
                false => Fold::Open,
            };
            match fold {
                Fold::Open => break false,
                Fold::End => {
                    group.feed(&self.map, view, to, true, cx);
                    break true;
                }
                Fold::Line(line, zlib) => {
                    let begins = view.base + line_at(view.bytes, line) as u64;
                    group.begin_line(view.base + line as u64, begins, zlib, &self.map);
                }
            }
        };
        for phase in group.phases.iter_mut().filter(|_| !end) {
            phase.flush(false, cx);
        }
        if cx.scratch.found.len() > found {
            self.archive.mask(group.start, group.fed);
        }
        self.run_read = group.fed;
        if end {
            group.release(cx);
        } else {
            self.group = Some(group);
        }
    }

    /// Whether runs go on through escapes that stand for their characters. In unescaped text those are escaped twice.
    pub(crate) fn reads_escapes(&self) -> bool {
        self.kind != LaneKind::Escapes
    }

    /// A run begins at `at`.
    pub(crate) fn start_group(&mut self, view: View<'_>, at: u64, eof: bool, cx: &mut Context<'_>) {
        if self.group.is_some() || self.denied().is_some() || self.waiting != u64::MAX || at < self.run_read {
            // A line of the one that is being read.
            return;
        }
        if self.waits_for_escape(view, at, eof, cx) {
            return;
        }
        let digits = digits_at(view.bytes, view.index(at)).map(|from| view.base + from as u64);
        let run = view.index(at);
        let base32 = base32::Begins::at(view.bytes, run, after_escape(view.bytes, run), digits.is_some());
        let lanes = if digits.is_some() { 6 } else { 4 } + base32::LANES * base32.alphabets().count() as u32;
        if self.depth.shapes >= cx.core.limits.shapes || cx.live.lanes + lanes > cx.core.limits.lanes {
            if !self.refused_shapes {
                self.late.get_or_insert_default().denied = Some((at, self.map.src(at)));
                self.settle_denied(view, eof, cx);
            }
            return;
        }
        cx.live.lanes += lanes;
        let mut group = cx.scratch.group().unwrap_or_else(|| Box::new(Group::new()));
        let depth = Depth { shapes: self.depth.shapes + 1, ..self.depth };
        let up = self.trail_at(at);
        group.start = at;
        group.fed = at;
        group.src = self.map.src(at);
        group.hex = digits.is_some();
        group.digits_at = digits.unwrap_or(at);
        (group.line_at, group.plain) = (at, is_plain(view.bytes, view.index(at), self.reads_escapes()));
        group.base32_at = view.base + base32.from as u64;
        let base32_at = group.base32_at;
        let base32 = base32.alphabets().map(|a| Base32Lane::new(a, base32_at, &self.map, depth, up.clone()));
        group.base32.extend(base32);
        let digits_at = group.digits_at;
        for HexLane { skip, phase, lane, open, capital, cut } in
            group.digits.iter_mut().filter(|_| digits.is_some())
        {
            *phase = hex::Phase::new(*skip as u8);
            (*open, *capital, *cut) = (true, None, None);
            lane.restart(LaneKind::Hex, depth, up.clone());
            if self.map.is_identity() {
                lane.map.push(0, Origin::Hex { outer: digits_at + *skip });
            }
        }
        for PhaseLane { skip, phase, lane, cut, .. } in &mut group.phases {
            (*phase, *cut) = (Phase::new(*skip as u8), None);
            lane.restart(LaneKind::Base64, depth, up.clone());
            if self.map.is_identity() {
                lane.map.push(0, Origin::Base64 { outer: at + *skip });
            }
        }
        self.group = Some(group);
        self.feed_group(view, eof, cx);
    }

    /// Whether the run at `at` of unescaped text stands as it does in the parent, as far as it is at hand, and is not too long to wait for the first
    /// byte that does not: the parent decodes it.
    fn waits_for_escape(&mut self, view: View<'_>, at: u64, eof: bool, cx: &mut Context<'_>) -> bool {
        self.waiting = u64::MAX;
        if self.kind != LaneKind::Escapes {
            return false;
        }
        let mut lines = cx.scratch.buffer();
        let (extent, end) = extent(view.bytes, view.index(at), false, eof, &mut lines, cx);
        cx.scratch.give_buffer(lines);
        let end = view.base + end as u64;
        if !self.is_as_spelled(at, end) {
            return false;
        }
        match extent {
            Extent::Long => return false,
            Extent::Over(_) => self.run_read = end,
            Extent::Open => self.waiting = at,
        }
        true
    }

    /// Looks again at a run that waits for an escape.
    pub(crate) fn settle_waiting(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let at = std::mem::replace(&mut self.waiting, u64::MAX);
        if at != u64::MAX {
            self.start_group(view, at, eof, cx);
        }
    }

    /// Decides about a run for which no lanes could be had: it matters only if lanes would have found something in it. That is known when it
    /// ends; a run that is too long for a look counts as if they had.
    pub(crate) fn settle_denied(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let Some((at, start)) = self.denied() else { return };
        let (look, end) = look(view.bytes, view.index(at), self.reads_escapes(), eof, cx);
        if look == Look::Open {
            return;
        }
        if let Some(late) = &mut self.late {
            late.denied = None;
        }
        self.run_read = self.run_read.max(view.base + end as u64);
        if look != Look::Idle && !self.refused_shapes {
            self.refuse_shape(at, start, end, view, eof, cx);
        }
    }

    /// Says that what stands from `at` to `end` of the view could not be decoded for want of lanes; `start` is its outer offset.
    pub(crate) fn refuse_shape(
        &mut self,
        at: u64,
        start: u64,
        end: usize,
        view: View<'_>,
        eof: bool,
        cx: &mut Context<'_>,
    ) {
        self.refused_shapes = true;
        self.report_refusal(at, start, end, view, eof, cx);
    }

    /// As [`Lane::refuse_shape`], each time.
    pub(crate) fn report_refusal(
        &mut self,
        at: u64,
        start: u64,
        end: usize,
        view: View<'_>,
        eof: bool,
        cx: &mut Context<'_>,
    ) {
        let end = view.base + end as u64;
        let decided = if eof && end == view.end() { u64::MAX } else { (end + 1).max(at + SEEN) };
        let end = self.map.end(end);
        let trail = self.trail_at(at);
        let when = self.when(decided, cx);
        cx.opaque(OpaqueReason::Depth, start..end, trail, when);
    }

    pub(crate) fn finish_group(&mut self, view: View<'_>, cx: &mut Context<'_>) {
        if let Some(mut group) = self.group.take() {
            group.feed(&self.map, view, group.fed, true, cx);
            group.release(cx);
        }
    }

    /// Drops all children without their events; for a lane that is itself dropped.
    pub(crate) fn release_children(&mut self, cx: &mut Context<'_>) {
        if let Some(group) = self.group.take() {
            group.release(cx);
        }
        if let Some(wide) = self.wide.take() {
            wide.release(cx);
        }
        if let Some(codes) = self.codes.take() {
            codes.release(cx);
        }
        self.texts.release(cx);
        for container in std::mem::take(&mut self.containers) {
            container.release(cx);
        }
    }
}
