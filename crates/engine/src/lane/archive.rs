//! Members and lines: which part of a lane an offset lies in.
//!
//! An archive (tar, ar, cpio; a form in multipart/form-data likewise) owns no bytes: its content is contiguous in the lane that it stands in and is scanned there. What it adds is names,
//! and a new count of lines per member.
//!
//! It is told by the first bytes of a lane. tar's header has a checksum and ar's a magic number of eight bytes: what follows them and is broken is
//! told of. cpio's has digits, which text may begin with, so it is believed once a name has ended as names do. Where a header should stand,
//! anything else is a fault of the archive, also after its last member: nothing says that it was the last. The end of tar and cpio is
//! marked, and what follows the mark is nobody's.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;

use exfilter_automaton::{Hit, What};
use exfilter_codec::ar::{self, Ar};
use exfilter_codec::cpio::{self, Cpio};
use exfilter_codec::escape::{self, Parsed};
use exfilter_codec::multipart::{self, Multipart};
use exfilter_codec::tar::{self, Tar};
use exfilter_codec::{Fault, Part, Segmenter};
use zeroize::Zeroize;

use crate::compile::Compiled;
use crate::confirm::View;
use crate::context::{Context, Facts, Live, Scratch};
use crate::coverage::OpaqueReason;
use crate::engine::Core;
use crate::lane::hits::is_of_rule;
use crate::lane::look::{decode_base64, decode_digits, decode_tokens};
use crate::lane::{Depth, Lane, LaneKind, glance};
use crate::map::OuterMap;
use crate::path::{LaneStep, Trail};
use crate::weak;

/// What is shown for a name in which a finding stands.
const MASKED: &str = "<masked>";

/// Bytes of a lane's beginning that tell whatever archive it is.
const HEADER: u64 = tar::BLOCK as u64;

/// Characters shown of a name.
const SHOWN: usize = 256;

/// Room for parts that is kept while they are few.
const PARTS: usize = 32;

/// The parts of a lane that its tail still reaches into.
#[derive(Default)]
pub(crate) struct Archive {
    state: State,
    parts: VecDeque<Member>,
    /// Line breaks of the first part before the tail, and where the line behind the last of them begins.
    lines: u64,
    line: Option<NonZeroU64>,
    /// After the last byte of the findings so far: a header that is not complete yet may hold them.
    found: u64,
    /// Line and column at which the lane begins, where it has no lines of its own.
    place: Option<Box<(u64, u64)>>,
}

#[derive(Default)]
enum State {
    #[default]
    Sniffing,
    None,
    Tar(Box<Tar>),
    Ar(Box<Named>),
    /// Until it has named a member it is a guess.
    Cpio {
        cpio: Box<Cpio>,
        named: bool,
    },
    /// A form, whose parts need no names.
    Multipart(Box<Multipart>),
}

/// ar, whose long names stand in a table.
struct Named {
    /// Until it has failed.
    ar: Option<Ar>,
    /// Where the table stands, and whether a finding does in it.
    table: Option<(u64, u64)>,
    found: bool,
}

impl Named {
    fn new(members: u64) -> Named {
        Named { ar: Some(Ar::new(members)), table: None, found: false }
    }
}

impl State {
    /// The archive that begins with `head`; nothing also where that is still too short to tell.
    #[inline]
    fn of(head: &[u8], members: u64) -> Option<State> {
        // Most content is none, which its first byte says unless there is enough of it for tar.
        if head.len() < tar::BLOCK && !matches!(head.first(), Some(b'!' | b'0' | 0x71 | 0xc7 | b'-')) {
            return None;
        }
        if ar::starts(head) {
            Some(State::Ar(Box::new(Named::new(members))))
        } else if head.len() >= cpio::probe_len(head) && cpio::starts(head) {
            Some(State::Cpio { cpio: Box::new(Cpio::new(members)), named: false })
        } else if multipart::starts(head) {
            Some(State::Multipart(Box::new(Multipart::new(members))))
        } else if head.get(..tar::BLOCK).is_some_and(Tar::sniff) {
            Some(State::Tar(Box::new(Tar::new(members))))
        } else {
            None
        }
    }

    fn segmenter(&mut self) -> Option<&mut dyn Segmenter> {
        match self {
            State::Sniffing | State::None => None,
            State::Tar(tar) => Some(&mut **tar),
            State::Ar(named) => named.ar.as_mut().map(|ar| ar as &mut dyn Segmenter),
            State::Cpio { cpio, .. } => Some(&mut **cpio),
            State::Multipart(multipart) => Some(&mut **multipart),
        }
    }
}

/// Whether an archive begins with `head`, of which nothing follows.
pub(crate) fn begins(head: &[u8]) -> bool {
    State::of(head, 0).is_some()
}

struct Member {
    /// Lane offset of its first byte, and of the header before it.
    at: u64,
    header: u64,
    trail: Option<Arc<Trail>>,
}

impl Archive {
    pub(crate) fn is_sniffing(&self) -> bool {
        matches!(self.state, State::Sniffing)
    }

    /// Whether the lane is no archive so far.
    pub(crate) fn is_no_archive_yet(&self) -> bool {
        matches!(self.state, State::Sniffing | State::None) && self.parts.is_empty()
    }

    /// An archive that does not look for a format.
    fn none() -> Archive {
        Archive { state: State::None, ..Archive::default() }
    }

    /// The archive of text that begins at a line and column of its parent: no format is looked for, and escapes for line breaks are none.
    pub(crate) fn text(place: Option<(u64, u64)>) -> Archive {
        Archive { place: place.map(Box::new), ..Archive::none() }
    }

    /// Whether a part of the lane, or the lane, begins at `at`.
    pub(crate) fn begins_at(&self, at: u64) -> bool {
        at == 0 || self.parts.iter().any(|p| p.at == at && p.trail.is_some())
    }

    pub(crate) fn trail_at(&self, at: u64) -> Option<Arc<Trail>> {
        self.part(at).and_then(|p| p.trail.clone())
    }

    /// Whether both offsets lie in the same part, the first one being before the second.
    pub(crate) fn are_in_one_part(&self, at: u64, behind: u64) -> bool {
        at < behind && self.part(behind).is_none_or(|part| part.at <= at)
    }

    /// Hides the names in whose header a finding stands.
    pub(crate) fn mask(&mut self, start: u64, end: u64) {
        self.found = self.found.max(end);
        let table = match &mut self.state {
            State::Ar(named) => {
                named.found |= named.table.is_some_and(|table| start < table.1 && end > table.0);
                named.table.filter(|_| named.found)
            }
            _ => None,
        };
        for part in &mut self.parts {
            let in_header = start < part.at && end > part.header;
            let in_table = table.is_some_and(|table| part.header >= table.1);
            if (in_header || in_table)
                && let Some(trail) = &part.trail
            {
                let step = LaneStep::Member(MASKED.into());
                part.trail = Some(Arc::new(Trail { up: trail.up.clone(), step, place: trail.place }));
            }
        }
    }

    /// Line and column of a lane offset in its part, both from 1.
    pub(crate) fn line(&self, view: View<'_>, at: u64) -> (u64, u64) {
        if let Some(place) = &self.place {
            return (place.0, place.1 + at);
        }
        let start = self.part(at).map_or(0, |p| p.at);
        // The count kept is that of the part that the tail begins in.
        let is_first = start <= view.base;
        let from = view.index(start.max(view.base));
        let before = &view.bytes[from.min(view.index(at))..view.index(at)];
        let breaks = memchr::memchr_iter(b'\n', before).count() as u64;
        let earlier = if is_first { self.lines } else { 0 };
        let last = memchr::memrchr(b'\n', before)
            .map(|i| view.base + (from + i) as u64 + 1)
            .or(if is_first { self.line.map(NonZeroU64::get) } else { None });
        (earlier + breaks + 1, at - last.unwrap_or(start) + 1)
    }

    /// Counts the line breaks before `keep`, which the lane is about to forget.
    pub(crate) fn count_lines(&mut self, view: View<'_>, keep: u64) {
        let first = self.parts.iter().rev().find(|p| p.at <= keep).map_or(0, |p| p.at);
        if self.parts.front().is_some_and(|p| p.at < first) || first > view.base {
            self.lines = 0;
            self.line = None;
        }
        let gone = &view.bytes[view.index(first.max(view.base))..view.index(keep)];
        self.lines += memchr::memchr_iter(b'\n', gone).count() as u64;
        if let Some(i) = memchr::memrchr(b'\n', gone) {
            self.line = NonZeroU64::new(first.max(view.base) + i as u64 + 1);
        }
    }

    pub(crate) fn forget(&mut self, keep: u64) {
        while self.parts.get(1).is_some_and(|second| second.at <= keep) {
            self.parts.pop_front();
        }
        if self.parts.capacity() > PARTS && self.parts.len() < PARTS {
            self.parts.shrink_to(PARTS);
        }
    }

    /// Whether it is known to be none.
    pub(crate) fn is_none(&self) -> bool {
        matches!(self.state, State::None)
    }

    pub(crate) fn gap(&mut self) {
        *self = Archive::none();
    }

    pub(crate) fn memory(&self) -> usize {
        let reader = match &self.state {
            State::Sniffing | State::None => 0,
            State::Tar(_) => size_of::<Tar>(),
            State::Ar(named) => size_of::<Named>() + named.ar.as_ref().map_or(0, Ar::memory),
            State::Cpio { .. } => size_of::<Cpio>(),
            State::Multipart(multipart) => size_of::<Multipart>() + multipart.memory(),
        };
        // A step of the path, with its counts of references, and the name in it.
        let step = size_of::<Trail>() + 2 * size_of::<usize>();
        let named = self.parts.iter().filter_map(|part| part.trail.as_deref());
        let names: usize = named.map(|trail| step + trail.step.memory()).sum();
        let place = self.place.as_deref().map_or(0, size_of_val);
        reader + place + self.parts.capacity() * size_of::<Member>() + names
    }

    fn part(&self, at: u64) -> Option<&Member> {
        self.parts.iter().rev().find(|p| p.at <= at)
    }
}

impl Lane {
    /// Shows the fresh bytes to the archive, once the lane's beginning has told whether it is one.
    pub(crate) fn feed_archive(&mut self, view: View<'_>, fresh: u64, eof: bool, cx: &mut Context<'_>) {
        let mut from = fresh;
        if self.archive.is_sniffing() {
            let head = view.get(0, HEADER.min(view.end())).unwrap_or(&[]);
            let members = cx.core.limits.members.saturating_sub(cx.live.members);
            match State::of(head, members) {
                Some(state) => {
                    self.archive.state = state;
                    cx.live.archives += 1;
                    from = 0;
                }
                None if view.end() < HEADER && !eof => return,
                None => self.archive.state = State::None,
            }
        }
        if matches!(self.archive.state, State::Sniffing | State::None) {
            return;
        }
        let up = self.here();
        let (core, facts) = (cx.core, cx.facts);
        let scratch = &mut *cx.scratch;
        let mut members = 0;
        // In the root a batch may hold several windows; a fault falls into the one in which it shows.
        let window = if self.map.is_identity() { cx.facts.window } else { u64::MAX };
        let mut fault = None;
        while from < view.end() && fault.is_none() {
            let to = view.end().min((from / window + 1).saturating_mul(window));
            let Archive { state, parts, found, .. } = &mut self.archive;
            let masked = matches!(state, State::Ar(named) if named.found);
            let may_be_unnamed = matches!(state, State::Multipart(_));
            let mut table = None;
            let Some(segmenter) = state.segmenter() else { break };
            let result = segmenter.feed(view.get(from, to).unwrap_or(&[]), &mut |part| match part {
                Part::Begin { at, header, len, name } => {
                    members += 1;
                    if name == b"//" {
                        table = Some((at, at.saturating_add(len)));
                    }
                    let is_named = !(may_be_unnamed && name.is_empty());
                    let display = match *found > header || masked {
                        true => MASKED.into(),
                        false => shown(&name, core, facts, scratch),
                    };
                    // Parts of a form are called what their sender likes.
                    let path = if may_be_unnamed { &[] } else { &name[..] };
                    let trail = is_named.then(|| Arc::new(Trail::file(up.clone(), display, path)));
                    parts.push_back(Member { at, header, trail });
                }
                Part::End { at } => parts.push_back(Member { at, header: at, trail: None }),
            });
            match state {
                State::Ar(named) => named.table = table.or(named.table),
                State::Cpio { named, .. } => *named |= members > 0,
                _ => {}
            }
            fault = result.err().map(|(at, fault)| (at, fault, to));
            from = to;
        }
        cx.live.members += members;
        if let Some((at, fault, decided)) = fault {
            self.fail_archive(at, fault, (!eof).then_some(decided), cx);
        }
    }

    /// Names the lane: it is a member of an archive.
    pub(crate) fn name(&mut self, name: &[u8], cx: &mut Context<'_>) {
        let shown = shown(name, cx.core, cx.facts, cx.scratch);
        self.here = Some(Arc::new(Trail::file(self.up.clone(), shown, name)));
    }

    pub(crate) fn finish_archive(&mut self, cx: &mut Context<'_>) {
        let Some(segmenter) = self.archive.state.segmenter() else { return };
        if let Err((at, fault)) = segmenter.finish(&mut |_| {}) {
            self.fail_archive(at, fault, None, cx);
        }
    }

    /// Ends the archive for a fault that shows in the bytes before `decided`, or where the content ends.
    fn fail_archive(&mut self, at: u64, fault: Fault, decided: Option<u64>, cx: &mut Context<'_>) {
        if let State::Ar(named) = &mut self.archive.state {
            named.ar = None;
        } else {
            let state = std::mem::replace(&mut self.archive.state, State::None);
            if matches!(state, State::Cpio { named: false, .. }) && fault != Fault::Members {
                cx.live.archives -= 1;
                return;
            }
        }
        let reason = match fault {
            Fault::Truncated => OpaqueReason::Truncated,
            Fault::Members => OpaqueReason::Members,
            _ => OpaqueReason::Corrupt,
        };
        // Elsewhere than in the root the pieces are those of the schedule; the header may be farther back than the map remembers.
        let (start, end, when) = match decided {
            Some(decided) if self.map.is_identity() => (at, decided, self.when(decided, cx)),
            _ => {
                let end = self.map.end(self.pos);
                (self.map.src(at.max(self.decided)).min(end), end, cx.when)
            }
        };
        let trail = self.here();
        cx.opaque(reason, start..end, trail, when);
    }
}

/// What is shown for a name: itself, unless something is found in it.
fn shown(name: &[u8], core: &Core, facts: &Facts, scratch: &mut Scratch) -> String {
    let is_masked = match may_hold(name, core, scratch, NAME_DEPTH) {
        Hint::None => false,
        Hint::Word => holds(name, core, facts, scratch),
        Hint::Strong => true,
    };
    if is_masked { MASKED.into() } else { displayed(name) }
}

/// Whether something is found in a name that is examined as content. A name in a name is not: what may hold something there is taken to hold it.
fn holds(name: &[u8], core: &Core, facts: &Facts, scratch: &mut Scratch) -> bool {
    // Where it panics it stays set, and names are hidden.
    if std::mem::replace(&mut scratch.in_name, true) {
        return true;
    }
    let (found, unseen) = (std::mem::take(&mut scratch.found), std::mem::take(&mut scratch.unseen));
    // What was seen of the content ahead is not the name's.
    let ahead = std::mem::take(&mut scratch.ahead);
    let mut live = Live::default();
    let mut cx = Context { core, facts, live: &mut live, scratch, when: u64::MAX };
    Lane::new(LaneKind::Root, Depth::default(), None, OuterMap::Identity).feed(name, true, &mut cx);
    scratch.in_name = false;
    let is_clean = scratch.found.is_empty() && scratch.unseen.is_empty();
    (scratch.found, scratch.unseen, scratch.ahead) = (found, unseen, ahead);
    !is_clean
}

/// Letters and digits in a row, behind the beginning of a key or a word beside it, that may be some of a key if they look drawn: as many as stand before the first dash of a UUID.
const SOME_OF_KEY: usize = 8;

/// What it is that one of the rule's literals stands at the beginning of `name`.
fn beginning(rule: &Compiled, name: &[u8]) -> Hint {
    if rule.rule.lead.is_some() {
        return Hint::Strong;
    }
    let literal = rule.literal_at(name).map_or(0, str::len);
    let behind = name[literal..].split(|byte| *byte == b'/').next().unwrap_or_default();
    let mut groups = behind.split(|byte| !byte.is_ascii_alphanumeric());
    let is_some = groups.any(|group| group.len() >= SOME_OF_KEY && weak::looks_drawn(group));
    if is_some { Hint::Strong } else { Hint::Word }
}

/// How often the spelling of a name is undone to see what is in it.
const NAME_DEPTH: u8 = 2;

/// What stands in a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hint {
    None,
    /// A word that stands before credentials, or how a key begins with nothing of it: names of files have such too.
    Word,
    /// Some of a key, or of an enrolled secret: even a part is not shown.
    Strong,
}

/// What might be found in a name, as it stands or where its base64, base32, base58, hexadecimal digits or escapes are undone.
fn may_hold(name: &[u8], core: &Core, scratch: &mut Scratch, depth: u8) -> Hint {
    let mut hits = Vec::new();
    core.automaton.scan(name, 0, name.len(), &mut scratch.work, &mut hits);
    let hint = |hit: &Hit| match hit.what {
        What::Literal(id) if !is_of_rule(id) => Hint::None,
        What::Literal(id) => beginning(&core.rules[id as usize], &name[hit.at..]),
        What::Anchor(_) => Hint::Strong,
        What::Run | What::Escape | What::Wide | What::Codes => Hint::None,
    };
    let hint = hits.iter().map(hint).max().unwrap_or(Hint::None);
    if hint == Hint::Strong || depth == 0 {
        return hint;
    }
    let runs: Vec<usize> = hits.iter().filter(|hit| hit.what == What::Run).map(|hit| hit.at).collect();
    let is_escaped = hits.iter().any(|hit| hit.what == What::Escape);
    let mut decoded = Vec::new();
    for at in runs {
        let run = &name[at..core.automaton.run_end(name, at)];
        decode_base64(run, glance::ALL, &mut decoded, |_, _| {});
        decode_digits(run, &mut decoded, |_, _| {});
        decode_tokens(run, &mut decoded);
    }
    if is_escaped {
        let mut at = 0;
        while let Some(byte) = name.get(at) {
            match escape::parse(&name[at..]) {
                Parsed::Escape(escape) => {
                    decoded.extend_from_slice(escape.bytes());
                    at += escape.len();
                }
                Parsed::Incomplete | Parsed::Text => {
                    decoded.push(*byte);
                    at += 1;
                }
            }
        }
    }
    let held = may_hold(&decoded, core, scratch, depth - 1);
    decoded.zeroize();
    hint.max(held)
}

/// A name for people: printable ASCII and other letters as they are, the rest as `\xNN`; at most [`SHOWN`] characters, and a mark.
fn displayed(name: &[u8]) -> String {
    let mut out = String::new();
    let mut room = SHOWN;
    let mut push = |c: char| {
        let fits = room > 0;
        out.push(if fits { c } else { '\u{2026}' });
        room = room.saturating_sub(1);
        fits
    };
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            let whole = match c {
                _ if c.is_control() || c == '\\' || is_invisible(c) => c.escape_unicode().all(&mut push),
                _ => push(c),
            };
            if !whole {
                return out;
            }
        }
        if !chunk.invalid().iter().all(|b| format!("\\x{b:02x}").chars().all(&mut push)) {
            return out;
        }
    }
    out
}

/// Characters that change how their neighbours are shown.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
