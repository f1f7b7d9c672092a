//! Which hits of a feed begin something, and where a batch is cut for the first one that begins a lane.

use exfilter_automaton::{Automaton, Hit, What};

use super::escaped::{self, Begins};
use super::look::Look;
use super::{Lane, LaneKind, SEEN, base58, codes, container, is_directory, look, sealed, shape};
use crate::confirm::View;
use crate::context::Context;
use crate::coverage::OpaqueReason;
use crate::fixture;

/// What may begin a child lane at a position.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    /// A base64 run.
    Run,
    /// An escape.
    Escape,
    /// Text in UTF-16 or UTF-32.
    Wide,
    /// A list of character codes.
    Codes,
    /// A magic number.
    Container(LaneKind),
}

/// What is known while the hits of a feed are looked through, in order. Positions are indices into its view.
pub(super) struct Pass {
    pub(super) eof: bool,
    /// The schedule's window, if this is a batch.
    pub(super) batch: Option<u64>,
    /// The last place at which a candidate begins that an escape may cut.
    pub(super) candidate: Option<usize>,
    /// Hits from here on are left for the next feed, if the batch is cut.
    pub(super) keep: usize,
    /// The lane offset at which it is.
    pub(super) cut: Option<u64>,
    /// Where runs begin that are tokens of base58, or may become some.
    pub(super) tokens: Vec<usize>,
    /// Where the last one ended if an escape may go on with it.
    pub(super) token_end: Option<usize>,
}

impl Pass {
    /// Cuts the batch at lane offset `end`, if that is before its end and before where it is cut already.
    fn cut_at(&mut self, end: u64, view: View<'_>) {
        if end < self.cut.unwrap_or(view.end()) {
            self.cut = Some(end);
            self.keep = view.index(end - Automaton::LOOKAHEAD as u64);
        }
    }

    fn is_near(&self, at: usize) -> bool {
        self.candidate.is_some_and(|from| from == 0 || at - from <= escaped::CUT_MAX as usize)
    }
}

impl Lane {
    /// Puts the container that the content is, if the flow says so or its first bytes do, before all `hits`.
    pub(super) fn begin(&mut self, hits: &mut Vec<Hit>, view: View<'_>, cx: &mut Context<'_>) {
        let coding = self.codings.checked_sub(1).map(|last| cx.facts.flow.codings().get(usize::from(last)));
        let first = match coding {
            Some(coding) => {
                let hit = coding.and_then(|coding| container::coded(*coding, view.bytes));
                if hit.is_none() {
                    let (start, trail) = (self.map.src(0), self.trail_at(0));
                    let when = self.when(SEEN, cx);
                    cx.opaque(OpaqueReason::UnknownCoding, start..start, trail, when);
                    self.codings = 0;
                }
                hit
            }
            None if !self.begins_anywhere() => {
                let framed = || self.framing(view.bytes).map(container::framed);
                container::zlib_at(view.bytes, 0)
                    .or_else(framed)
                    .or_else(|| sealed::begins(view.bytes, self.kind.is_spelled()))
            }
            None => None,
        };
        if let Some(first) = first
            && hits.first() != Some(&first)
        {
            hits.insert(0, first);
        }
    }

    /// Puts zlib's headers with which lines of a run begin among `hits`, as far as that is decided before index `to`.
    pub(super) fn begin_again(&mut self, hits: &mut Vec<Hit>, view: View<'_>, to: usize) {
        let Some(seams) = self.seams.as_mut().filter(|seams| !seams.zlib.0.is_empty()) else { return };
        for start in std::mem::take(&mut seams.zlib.0) {
            let at = view.index(start);
            if at >= to {
                seams.zlib.0.push(start);
            } else if let Some(hit) = container::zlib_at(view.bytes, at) {
                let place = hits.partition_point(|hit| hit.at < at);
                hits.insert(place, hit);
            }
        }
    }

    /// Removes the hits from `first` on that cannot begin a child: runs that decode to nothing, magic numbers of something else. In a batch, also
    /// those after the window in which the first child begins.
    ///
    /// An escape that begins none is removed from a batch only, which would be cut at it; else [`Lane::start_escaped`] sees what it is, and
    /// does not look where text is being read already.
    pub(super) fn dismiss(
        &mut self,
        hits: &mut Vec<Hit>,
        first: usize,
        view: View<'_>,
        pass: &mut Pass,
        cx: &mut Context<'_>,
    ) {
        let mut kept = first;
        for n in first..hits.len() {
            let hit = hits[n];
            if hit.what == What::Run && self.kind != LaneKind::Joined && hit.at < pass.keep {
                let passed = look::passes_over(view.bytes, hit.at, cx);
                if passed.as_ref().is_none_or(|passed| passed.may_be_token) {
                    look_for_token(hit.at, view, pass, cx);
                }
                if let Some(passed) = passed {
                    self.run_idle = self.run_idle.max(view.base + passed.end as u64);
                    continue;
                }
            }
            let again = kept > first && hits[kept - 1] == hit;
            if again || hit.at >= pass.keep || !self.stays(&hit, view, pass, cx) {
                continue;
            }
            hits[kept] = hit;
            kept += 1;
            let (Some(window), Some(start)) = (pass.batch, start_of(&hit)) else { continue };
            let seen = view.base + hit.at as u64 + SEEN;
            if let Start::Codes = start {
                cut_at_codes(hit.at, seen, window, view, pass, cx);
            } else {
                pass.cut_at(seen.div_ceil(window) * window, view);
            }
        }
        hits.truncate(kept);
        debug_assert!(hits.iter().all(|hit| hit.at < pass.keep), "a batch is cut behind what it is cut for");
    }

    /// Looks on at the list about which more bytes decide.
    pub(super) fn look_at_codes(&mut self, view: View<'_>, pass: &mut Pass, cx: &mut Context<'_>) {
        let Some((at, _)) = self.waiting_codes() else { return };
        let at = view.index(at);
        let (look, end) = codes::look(view.bytes, at, pass.eof, cx);
        self.late.get_or_insert_default().codes_seen = view.base + end as u64;
        if let (Look::Busy, Some(window)) = (look, pass.batch) {
            cut_at_codes(at, self.pos + 1, window, view, pass, cx);
        }
    }

    /// Whether something may begin at a hit.
    fn stays(&mut self, hit: &Hit, view: View<'_>, pass: &mut Pass, cx: &mut Context<'_>) -> bool {
        if self.kind == LaneKind::Joined {
            // Nothing is decoded below it.
            return match hit.what {
                What::Literal(id) => is_of_rule(id),
                What::Anchor(_) => true,
                _ => false,
            };
        }
        match hit.what {
            What::Run if view.base + (hit.at as u64) < self.run_idle => false,
            What::Run => {
                let (look, end) = look::look(view.bytes, hit.at, self.reads_escapes(), pass.eof, cx);
                if look == Look::Idle {
                    self.run_idle = view.base + end as u64;
                }
                look != Look::Idle
            }
            What::Wide => true,
            // Codes of a list that is being read, or that another hit begins.
            What::Codes if self.codes.is_some() => true,
            What::Codes if view.base + (hit.at as u64) < self.late().codes_seen => false,
            What::Codes if self.waiting_codes().is_some() && pass.batch.is_none() => true,
            What::Codes => {
                let (look, end) = codes::look(view.bytes, hit.at, pass.eof, cx);
                self.late.get_or_insert_default().codes_seen = view.base + end as u64;
                look != Look::Idle
            }
            What::Escape => match self.begins_escaped(view.bytes, hit.at) {
                None => false,
                Some(Begins::Magic(_)) => true,
                Some(Begins::Text) => {
                    pass.batch.is_none()
                        || pass.token_end == Some(hit.at)
                        || pass.is_near(hit.at)
                        || escaped::look(view.bytes, hit.at, pass.eof, cx).0 != Look::Idle
                }
            },
            What::Literal(id) if is_directory(id) || id == fixture::MARK.1 => true,
            What::Literal(id) => match container::magic(id) {
                // What the flow says it is may look as it likes.
                Some(kind) => {
                    self.codings > 0 && view.base == 0 && hit.at == 0
                        || container::begins(kind, &view.bytes[hit.at..])
                }
                None => {
                    pass.candidate = Some(hit.at);
                    true
                }
            },
            What::Anchor(_) => {
                pass.candidate = Some(hit.at);
                true
            }
        }
    }
}

/// Notes the run at `at`, if it is a token that holds something, or may become one.
fn look_for_token(at: usize, view: View<'_>, pass: &mut Pass, cx: &mut Context<'_>) {
    let looked = base58::look(view.bytes, shape::after_escape(view.bytes, at), pass.eof, cx);
    if looked.is_cut {
        pass.token_end = Some(looked.end);
    }
    if looked.is_cut || looked.look != Look::Idle {
        pass.tokens.push(at);
    }
}

/// Cuts a batch at the window in which a look at the list at `at` decides that it takes lanes, the one that ends at `from` or a later one.
fn cut_at_codes(at: usize, from: u64, window: u64, view: View<'_>, pass: &mut Pass, cx: &mut Context<'_>) {
    let mut end = from.div_ceil(window) * window;
    let last = pass.cut.unwrap_or(view.end());
    while end < last {
        let (look, _) = codes::look(&view.bytes[..view.index(end)], at, false, cx);
        if look != Look::Open {
            return pass.cut_at(end, view);
        }
        end += window;
    }
}

/// Whether an automaton id is that of a rule's literal.
pub(super) fn is_of_rule(id: u32) -> bool {
    container::magic(id).is_none() && !is_directory(id) && id != fixture::MARK.1
}

/// What a hit begins, if it begins a child.
pub(super) fn start_of(hit: &Hit) -> Option<Start> {
    match hit.what {
        What::Run => Some(Start::Run),
        What::Escape => Some(Start::Escape),
        What::Wide => Some(Start::Wide),
        What::Codes => Some(Start::Codes),
        What::Literal(id) => container::magic(id).map(Start::Container),
        What::Anchor(_) => None,
    }
}
