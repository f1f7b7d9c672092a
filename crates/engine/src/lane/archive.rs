//! Members and lines: which part of a lane an offset lies in.
//!
//! A tar archive owns no bytes: its content is contiguous in the lane that it stands in and is scanned there. What it adds is names, and a new
//! count of lines per member.

use std::collections::VecDeque;
use std::sync::Arc;

use exfilter_automaton::{Hit, What};
use exfilter_codec::tar::Tar;
use exfilter_codec::{Fault, Part, Segmenter};

use crate::confirm::View;
use crate::context::Context;
use crate::coverage::OpaqueReason;
use crate::lane::{Lane, container};
use crate::path::{LaneStep, Trail};

/// What is shown for a name in which a finding stands.
const MASKED: &str = "<masked>";

/// Bytes of a lane's beginning that tell a tar archive.
const HEADER: u64 = 512;

/// The parts of a lane that its tail still reaches into.
#[derive(Default)]
pub(crate) struct Archive {
    state: State,
    parts: VecDeque<Member>,
    /// Line breaks of the first part before the tail, and where the last of them stands.
    lines: u64,
    last_break: Option<u64>,
    /// After the last byte of the findings so far: a header that is not complete yet may hold them.
    found: u64,
    /// Line and column at which the lane begins, where it has no lines of its own.
    place: Option<(u64, u64)>,
}

#[derive(Default)]
enum State {
    #[default]
    Sniffing,
    None,
    Tar(Box<Tar>),
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

    /// An archive that does not look for a format.
    fn none() -> Archive {
        Archive { state: State::None, ..Archive::default() }
    }

    /// The archive of text that begins at a line and column of its parent: no format is looked for, and escapes for line breaks are none.
    pub(crate) fn text(place: Option<(u64, u64)>) -> Archive {
        Archive { place, ..Archive::none() }
    }

    /// Whether a part of the lane, or the lane, begins at `at`.
    pub(crate) fn begins_at(&self, at: u64) -> bool {
        at == 0 || self.parts.iter().any(|p| p.at == at && p.trail.is_some())
    }

    pub(crate) fn trail_at(&self, at: u64) -> Option<Arc<Trail>> {
        self.part(at).and_then(|p| p.trail.clone())
    }

    /// Hides the names in whose header a finding stands.
    pub(crate) fn mask(&mut self, start: u64, end: u64) {
        self.found = self.found.max(end);
        for part in &mut self.parts {
            if start < part.at
                && end > part.header
                && let Some(trail) = &part.trail
            {
                let step = LaneStep::Member(MASKED.into());
                part.trail = Some(Arc::new(Trail { up: trail.up.clone(), step }));
            }
        }
    }

    /// Line and column of a lane offset in its part, both from 1.
    pub(crate) fn line(&self, view: View<'_>, at: u64) -> (u64, u64) {
        if let Some((line, column)) = self.place {
            return (line, column + at);
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
            .or(if is_first { self.last_break.map(|b| b + 1) } else { None });
        (earlier + breaks + 1, at - last.unwrap_or(start) + 1)
    }

    /// Counts the line breaks before `keep`, which the lane is about to forget.
    pub(crate) fn count_lines(&mut self, view: View<'_>, keep: u64) {
        let first = self.parts.iter().rev().find(|p| p.at <= keep).map_or(0, |p| p.at);
        if self.parts.front().is_some_and(|p| p.at < first) || first > view.base {
            self.lines = 0;
            self.last_break = None;
        }
        let gone = &view.bytes[view.index(first.max(view.base))..view.index(keep)];
        self.lines += memchr::memchr_iter(b'\n', gone).count() as u64;
        if let Some(i) = memchr::memrchr(b'\n', gone) {
            self.last_break = Some(first.max(view.base) + i as u64);
        }
    }

    pub(crate) fn forget(&mut self, keep: u64) {
        while self.parts.get(1).is_some_and(|second| second.at <= keep) {
            self.parts.pop_front();
        }
    }

    pub(crate) fn gap(&mut self) {
        *self = Archive::none();
    }

    pub(crate) fn memory(&self) -> usize {
        let tar = match self.state {
            State::Tar(_) => size_of::<Tar>(),
            State::Sniffing | State::None => 0,
        };
        tar + self.parts.capacity() * size_of::<Member>()
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
            if view.end() < HEADER && !eof {
                return;
            }
            let head = view.get(0, HEADER.min(view.end())).unwrap_or(&[]);
            if head.len() as u64 == HEADER && Tar::sniff(head) {
                self.archive.state =
                    State::Tar(Box::new(Tar::new(cx.core.limits.members.saturating_sub(cx.live.members))));
                cx.live.archives += 1;
                from = 0;
            } else {
                self.archive.state = State::None;
            }
        }
        let up = self.here();
        let State::Tar(tar) = &mut self.archive.state else { return };
        let input = view.get(from, view.end()).unwrap_or(&[]);
        let found = self.archive.found;
        let parts = &mut self.archive.parts;
        let mut members = 0;
        let result = tar.feed(input, &mut |part| match part {
            Part::Begin { at, header, name, .. } => {
                members += 1;
                let name = if found > header { MASKED.into() } else { escape(&name) };
                let step = LaneStep::Member(name);
                let trail = Some(Arc::new(Trail { up: up.clone(), step }));
                parts.push_back(Member { at, header, trail });
            }
            Part::End { at } => parts.push_back(Member { at, header: at, trail: None }),
        });
        cx.live.members += members;
        if let Err((at, fault)) = result {
            self.fail_archive(at, fault, false, cx);
        }
    }

    /// Names the lane: it is a member of an archive. A name in which something might be found is not shown.
    pub(crate) fn name(&mut self, name: &[u8], cx: &mut Context<'_>) {
        let mut hits = cx.scratch.hits();
        cx.core.automaton.scan(name, 0, name.len(), &mut hits);
        let is_candidate = |hit: &Hit| match hit.what {
            What::Literal(id) => container::magic(id).is_none(),
            What::Anchor(_) => true,
            What::Run | What::Escape => false,
        };
        let name = if hits.iter().any(is_candidate) { MASKED.into() } else { escape(name) };
        cx.scratch.give_hits(hits);
        self.here = Some(Arc::new(Trail { up: self.up.clone(), step: LaneStep::Member(name) }));
    }

    pub(crate) fn finish_archive(&mut self, cx: &mut Context<'_>) {
        let State::Tar(tar) = &mut self.archive.state else { return };
        if let Err((at, fault)) = tar.finish(&mut |_| {}) {
            self.fail_archive(at, fault, true, cx);
        }
    }

    fn fail_archive(&mut self, at: u64, fault: Fault, eof: bool, cx: &mut Context<'_>) {
        self.archive.state = State::None;
        let reason = match fault {
            Fault::Truncated => OpaqueReason::Truncated,
            Fault::Members => OpaqueReason::Members,
            _ => OpaqueReason::Corrupt,
        };
        // In the root, where a batch may reach further, the fault is known when its header is complete. Elsewhere the pieces are those of
        // the schedule; the header may be farther back than the map remembers.
        let (start, end, decided) = if self.map.is_identity() && !eof {
            (at, at + HEADER, at + HEADER)
        } else {
            let end = self.map.end(self.pos);
            (self.map.src(at.max(self.decided)).min(end), end, self.pos)
        };
        let trail = self.here();
        let when = if eof { cx.when } else { self.when(decided, cx) };
        cx.opaque(reason, start..end, trail, when);
    }
}

/// A name for people: printable ASCII and other letters as they are, the rest as `\xNN`; at most 256 characters.
fn escape(name: &[u8]) -> String {
    const MAX: usize = 256;
    let mut out = String::new();
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || c == '\\' || is_invisible(c) {
                out.extend(c.escape_unicode());
            } else {
                out.push(c);
            }
        }
        chunk.invalid().iter().for_each(|b| out.push_str(&format!("\\x{b:02x}")));
    }
    if out.chars().count() > MAX {
        out = out.chars().take(MAX).collect();
        out.push('\u{2026}');
    }
    out
}

/// Characters that change how their neighbours are shown.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
