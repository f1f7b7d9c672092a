//! The matcher of a lane: confirms of rules and of known secrets.

use exfilter_automaton::{Gate, is_token};
use exfilter_codec::escape;

use crate::confirm::{Confirm, Start, View};
use crate::context::{Context, Found};
use crate::coverage::OpaqueReason;
use crate::finding::{Kind, Preview, Proof, Range64, RuleId};
use crate::id::{self, FindingId};
use crate::lane::glance::{self, TEXT};
use crate::lane::joined::AHEAD;
use crate::lane::{Lane, LaneKind, SEEN, escaped};
use crate::path::LaneStep;
use crate::policy::Confidence;
use crate::secrets::Form;
use crate::weak;

/// What a lane is waiting for.
#[derive(Default)]
pub(crate) struct Matcher {
    /// In order of their literals.
    confirms: Vec<Confirm>,
    known: Vec<Pending>,
    /// What ended confirms mean for later ones of their rule: one per rule, while it can still matter.
    claims: Vec<Claim>,
    /// Candidates that ended at what may be an escape in them, until it is decided whether it is one.
    parked: Vec<Parked>,
}

/// A candidate that an escape may have cut: what it stands for may complete it.
struct Parked {
    start: u64,
    src: u64,
    /// After the last byte that was looked at.
    end: u64,
    holds: bool,
}

/// The ended confirms of a rule.
struct Claim {
    rule: u32,
    /// Where their last match ended; 0 if they had none. Literals before that begin no other match of the rule.
    end: u64,
    /// Where the last of them was decided; what began later and was decided earlier counts as decided here.
    decided: u64,
}

/// A needle whose end has not arrived.
struct Pending {
    needle: u32,
    start: u64,
    end: u64,
    src: u64,
    hit: u64,
    holds: bool,
}

impl Matcher {
    pub(crate) fn clear(&mut self) {
        self.confirms.clear();
        self.known.clear();
        self.claims.clear();
        self.parked.clear();
    }

    /// Whether nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.confirms.is_empty() && self.known.is_empty() && self.parked.is_empty()
    }

    /// Whether nothing is under way, nor remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_idle() && self.claims.is_empty()
    }

    /// Forgets what is decided.
    pub(crate) fn unpark(&mut self, decided: u64) {
        self.parked.retain(|p| p.end > decided);
    }

    /// The least lane offset at which a parked candidate began.
    pub(crate) fn parked(&self) -> u64 {
        self.parked.iter().map(|p| p.start).min().unwrap_or(u64::MAX)
    }

    /// The least lane offset at which a candidate began that the escape at `at` may cut; `held` says that only what is held is at hand in full.
    pub(crate) fn cut_at(&self, at: u64, held: bool) -> u64 {
        let parked = self.parked.iter().filter(|p| at < p.end).map(|p| (p.start, p.holds));
        let known = self.known.iter().filter(|k| at < k.end).map(|k| (k.start, k.holds));
        let is_cut = |(start, holds): &(u64, bool)| {
            *start < at && at - *start <= escaped::CUT_MAX && (*holds || !held)
        };
        parked.chain(known).filter(is_cut).map(|(start, _)| start).min().unwrap_or(u64::MAX)
    }

    /// Keeps a candidate that ended without a match and that an escape may have cut: one of the bytes in `cut` begins escapes.
    fn park(&mut self, cut: &[u8], candidate: Parked) {
        let covers = |p: &Parked| {
            p.start <= candidate.start && p.end >= candidate.end && (p.holds || !candidate.holds)
        };
        if cut.iter().any(|b| escape::is_introducer(*b)) && !self.parked.iter().any(covers) {
            self.parked.push(candidate);
        }
    }

    /// Keeps a token that ended before `end` - 1, where an escape may go on with it.
    pub(crate) fn park_token(&mut self, start: u64, src: u64, end: u64) {
        self.parked.push(Parked { start, src, end, holds: true });
    }

    /// The least outer offset that something pending began at.
    pub(crate) fn hold(&self) -> u64 {
        let confirms = self.confirms.iter().filter(|c| c.holds).map(|c| c.src);
        let known = self.known.iter().filter(|k| k.holds).map(|k| k.src);
        let parked = self.parked.iter().filter(|p| p.holds).map(|p| p.src);
        confirms.chain(known).chain(parked).min().unwrap_or(u64::MAX)
    }

    /// The least lane offset whose byte something pending needs.
    pub(crate) fn first(&self) -> u64 {
        let confirms =
            self.confirms.iter().map(|c| c.start.saturating_sub(crate::confirm::BOUNDARY_REACH as u64));
        confirms.chain(self.known.iter().map(|k| k.start)).min().unwrap_or(u64::MAX).min(self.parked())
    }

    pub(crate) fn memory(&self) -> usize {
        self.confirms.capacity() * size_of::<Confirm>()
            + self.known.capacity() * size_of::<Pending>()
            + self.claims.capacity() * size_of::<Claim>()
            + self.parked.capacity() * size_of::<Parked>()
    }
}

impl Lane {
    /// Carries on with what was pending when the last bytes ended.
    pub(crate) fn resume(&mut self, view: View<'_>, fresh: u64, eof: bool, cx: &mut Context<'_>) {
        if self.matcher.is_empty() {
            return;
        }
        let mut confirms = std::mem::take(&mut self.matcher.confirms);
        for confirm in confirms.iter_mut().filter(|c| c.alive) {
            let rule = &cx.core.rules[confirm.rule as usize];
            confirm.advance(rule, view, fresh, eof, |at| self.is_joint(at), |at| self.map.end(at));
            park(&mut self.matcher, confirm, view);
        }
        self.matcher.confirms = confirms;
        self.resolve(view, cx);
        let mut at = 0;
        while at < self.matcher.known.len() {
            if self.matcher.known[at].end <= view.end() {
                let pending = self.matcher.known.remove(at);
                self.check_known(&pending, view, cx);
            } else if eof {
                self.matcher.known.remove(at);
            } else {
                at += 1;
            }
        }
        let decided = self.decided;
        self.matcher.claims.retain(|c| c.end > decided || c.decided > decided + SEEN);
    }

    /// A rule's literal stands at `at`.
    pub(crate) fn start_confirm(
        &mut self,
        id: u32,
        view: View<'_>,
        at: u64,
        eof: bool,
        cx: &mut Context<'_>,
    ) {
        if self.matcher.claims.iter().any(|c| c.rule == id && at < c.end) {
            return;
        }
        let rule = &cx.core.rules[id as usize];
        // Of what a wildcard stands for, only text counts in what characters spell: a glance at them sees no more.
        let is_text = || glance::is_text(view.bytes, view.index(at));
        if self.kind.is_spelled() && rule.has_wildcards(TEXT) && !is_text() {
            return;
        }
        // The first bytes may be garbage of a wrong alignment.
        let relaxed = if self.kind == LaneKind::Base64 { 3 } else { 0 };
        let may_begin = |start| start <= relaxed || self.is_joint(start);
        let (mut confirm, skipped) = match Confirm::start(rule, id, view, at, may_begin) {
            Start::Confirm(confirm, skipped) => (confirm, skipped),
            Start::No => return,
            Start::TooLarge => {
                // A rule that was never checked and is too large: what it would have said is not known.
                let (start, end) = (self.map.src(at), self.map.end(at + 1));
                let trail = self.trail_at(at);
                let when = self.when(at + SEEN, cx);
                return cx.opaque(OpaqueReason::Internal, start..end, trail, when);
            }
        };
        confirm.src = self.map.src(confirm.start);
        confirm.holds = cx.may_act(rule);
        confirm.advance(rule, view, at + skipped, eof, |at| self.is_joint(at), |at| self.map.end(at));
        park(&mut self.matcher, &confirm, view);
        if !confirm.alive && confirm.end.is_none() {
            self.claim(id, 0, confirm.decided, at);
            return;
        }
        let mut earlier = self.matcher.confirms.iter().filter(|c| c.rule == id).peekable();
        let waits = earlier.peek().is_some();
        if waits && confirm.alive && earlier.any(|c| confirm.is_dominated_by(c)) {
            return;
        }
        if confirm.alive || waits {
            self.matcher.confirms.push(confirm);
        } else {
            self.matched(&confirm, view, cx);
        }
    }

    /// A known secret's anchor stands at `at`.
    pub(crate) fn start_known(&mut self, id: u32, view: View<'_>, at: u64, cx: &mut Context<'_>) {
        let Some(known) = &cx.core.known else { return };
        let needle = &known.needles[id as usize];
        let Some(start) = at.checked_sub(u64::from(needle.anchor)).filter(|s| *s >= view.base) else {
            return;
        };
        // What cannot be the needle's beginning was not held for it either.
        let Some(begins) = view.get(start, at) else { return };
        let is_fit = |(i, b): (usize, &u8)| match needle.form {
            Form::Utf16Le if needle.gate == Gate::Utf16 => {
                (*b == 0) == (i % 2 == 1) && (*b == 0 || is_token(*b))
            }
            Form::Utf16Be if needle.gate == Gate::Utf16 => {
                (*b == 0) == (i % 2 == 0) && (*b == 0 || is_token(*b))
            }
            _ => !needle.token_before || is_token(*b),
        };
        if !begins.iter().enumerate().all(is_fit) {
            return;
        }
        let shared = view.bytes[..view.index(start)].iter().rev().take(needle.before as usize);
        let first = start - shared.take_while(|b| is_token(**b)).count() as u64;
        let pending = Pending {
            needle: id,
            start,
            end: start + u64::from(needle.len),
            src: self.map.src(first.max(view.base)),
            hit: at,
            holds: cx.facts.known_may_act,
        };
        if pending.end <= view.end() {
            self.check_known(&pending, view, cx);
        } else {
            self.matcher.known.push(pending);
        }
    }

    /// Reports what is settled: confirms whose end is known and before which no confirm of the same rule is open.
    fn resolve(&mut self, view: View<'_>, cx: &mut Context<'_>) {
        if self.matcher.confirms.is_empty() {
            return;
        }
        let mut confirms = std::mem::take(&mut self.matcher.confirms);
        let mut open: Vec<u32> = Vec::new();
        let mut settled = Vec::new();
        let mut latest: Vec<(u32, u64)> = Vec::new();
        confirms.retain_mut(|confirm| {
            let rule = confirm.rule;
            if latest.iter().any(|(r, end)| *r == rule && confirm.literal < *end) {
                return false;
            }
            if open.contains(&rule) {
                return true;
            }
            if confirm.alive {
                open.push(rule);
                return true;
            }
            if let Some((end, _)) = confirm.end {
                latest.push((rule, end));
            }
            settled.push(confirm.clone());
            false
        });
        // Merge what has come to the same state since; the earlier one wins.
        let mut at = 1;
        while at < confirms.len() {
            let (before, rest) = confirms.split_at(at);
            if rest[0].alive && before.iter().any(|c| rest[0].is_dominated_by(c)) {
                confirms.remove(at);
            } else {
                at += 1;
            }
        }
        self.matcher.confirms = confirms;
        for confirm in &settled {
            match confirm.end {
                Some(_) => self.matched(confirm, view, cx),
                None => self.claim(confirm.rule, 0, confirm.decided, confirm.literal),
            }
        }
    }

    /// A confirm ended with a match.
    fn matched(&mut self, confirm: &Confirm, view: View<'_>, cx: &mut Context<'_>) {
        let Some((end, outer_end)) = confirm.end else { return };
        let earlier = self.matcher.claims.iter().find(|c| c.rule == confirm.rule).map_or(0, |c| c.decided);
        let decided = earlier.max(confirm.decided);
        let core = cx.core;
        let compiled = &core.rules[confirm.rule as usize];
        let rule = &compiled.rule;
        // What stands before a later literal from which on a checksum verifies is not part of the match.
        let start = if confirm.matched == confirm.literal { confirm.start } else { confirm.matched };
        if let Some(whole) = self.matches_in_piece(compiled, confirm, (start, end), view) {
            return self.claim(confirm.rule, whole, decided, confirm.literal);
        }
        self.claim(confirm.rule, end, decided, confirm.literal);
        let Some(whole) = view.get(start, end) else { return };
        let matched = &whole[(confirm.matched - start) as usize..];
        let span = compiled.value_span(matched);
        let value = span.clone().map_or(whole, |span| &matched[span]);
        if rule.min_entropy.is_some_and(|floor| crate::confirm::shannon(value) < f64::from(floor)) {
            return;
        }
        let proof = match rule.checksum {
            None => Proof::None,
            Some(_) if confirm.verified => Proof::Verified,
            Some(_) => Proof::Failed,
        };
        if proof != Proof::Verified && rule.vetoes.iter().any(|veto| veto.holds(value)) {
            return;
        }
        if proof != Proof::Verified && self.joints().is_some_and(|joints| joints.is_listed(start, end)) {
            return;
        }
        let confidence = match proof {
            Proof::None if value.len() < rule.whole_len as usize => rule.confidence.lowered(),
            Proof::None => rule.confidence,
            Proof::Verified if rule.checksum.is_some_and(|checksum| checksum.is_spent(value)) => {
                rule.confidence
            }
            Proof::Verified if rule.checksum.is_some_and(|checksum| checksum.is_locked(value)) => {
                rule.confidence.lowered()
            }
            Proof::Verified => rule.confidence.max(Confidence::High),
            Proof::Failed => rule.confidence.lowered(),
        };
        let documented = !rule.documented.is_empty()
            && rule.documented.contains(&crate::rule::Rule::example_digest(rule.checksum, value));
        let preview = Preview::new(compiled.literal_at(matched).unwrap_or(""));
        let found = Found {
            when: self.when(decided.max(confirm.literal + SEEN), cx),
            framed: false,
            outer: Range64 {
                start: if self.map.is_identity() { start } else { confirm.src },
                end: outer_end,
            },
            inner: Range64 { start, end },
            kind: Kind::Rule(RuleId(confirm.rule)),
            confidence,
            proof,
            documented,
            in_tests: false,
            preview,
            line: None,
            trail: None,
            // Of a key whose beginning alone is matched, others may begin the same.
            id: (!rule.open_ended && weak::bits(value) >= id::STRONG)
                .then(|| FindingId::of_value(&rule.id, value)),
            writable: match span {
                Some(span) => {
                    self.writable(confirm.matched + span.start as u64, confirm.matched + span.end as u64)
                }
                None => self.writable(start, end),
            },
            fragment: None,
        };
        self.report(found, view, cx);
    }

    /// Remembers an ended confirm, if a later one of its rule could care.
    fn claim(&mut self, rule: u32, end: u64, decided: u64, literal: u64) {
        if end == 0 && decided <= literal + SEEN {
            return;
        }
        match self.matcher.claims.iter_mut().find(|c| c.rule == rule) {
            Some(claim) => {
                claim.end = claim.end.max(end);
                claim.decided = claim.decided.max(decided);
            }
            None => self.matcher.claims.push(Claim { rule, end, decided }),
        }
    }

    fn check_known(&mut self, pending: &Pending, view: View<'_>, cx: &mut Context<'_>) {
        let Some(known) = &cx.core.known else { return };
        let needle = &known.needles[pending.needle as usize];
        if self.kind == LaneKind::Hex && needle.form == Form::Raw && !needle.alone {
            // The parent has a needle for it in digits of one case.
            let mixed = self.touched.as_ref().is_some_and(|t| t.meets(pending.start, pending.end));
            if !mixed {
                return;
            }
        }
        if self.kind == LaneKind::Joined {
            // In pieces it is found as scattered letters, but those of full width are none, and tags and numbers have some of their own.
            let is_seen = self.joints().is_some_and(|joints| {
                joints.has_form(pending.start, pending.end) || joints.has_tags(pending.start, pending.end)
            });
            if needle.form != Form::Raw || !is_seen {
                return;
            }
        }
        let Some(bytes) = view.get(pending.start, pending.end) else { return };
        if !known.keys.fits(bytes, &needle.mac) {
            if self.kind == LaneKind::Joined {
                return;
            }
            let Pending { start, end, src, holds, .. } = *pending;
            self.matcher.park(bytes, Parked { start, src, end, holds });
            return;
        }
        if self.kind == LaneKind::Utf16 && needle.form == Form::Raw && !needle.alone {
            // The parent has needles for it, as long as no escape cuts it.
            return;
        }
        let when = self.when(pending.end.max(pending.hit + SEEN), cx);
        let outer = Range64 { start: pending.src, end: self.map.end(pending.end) };
        let inner = Range64 { start: pending.start, end: pending.end };
        let mut found = Found::known(when, outer, inner, needle.secret, needle.form);
        found.writable = self.writable(pending.start, pending.end);
        if known.scattered.is_some() && !self.kind.is_spelled() {
            let scattered = self.beside.get_or_insert_default().scattered.get_or_insert_default();
            scattered.note(needle.secret, pending.start, pending.end);
        }
        self.report(found, view, cx);
    }

    pub(crate) fn report(&mut self, mut found: Found, view: View<'_>, cx: &mut Context<'_>) {
        let Range64 { start, end } = found.inner;
        if self.is_as_spelled(start, end) || self.is_in_one_frame(start, end) {
            return;
        }
        if let Some(joints) = self.joints_mut() {
            // The parent says where it is.
            joints.note(found.inner.start, found.inner.end);
            cx.scratch.found.push(found);
            return;
        }
        self.archive.mask(found.inner.start, found.inner.end);
        if cx.facts.lines {
            found.line = Some(self.archive.line(view, found.inner.start));
        }
        found.trail = self.trail_at(found.inner.start);
        found.in_tests = self.is_in_tests(start) && cx.facts.place(found.trail.as_deref()).is_rust;
        found.framed = found.trail.as_ref().is_some_and(|trail| trail.steps().any(LaneStep::is_framing));
        cx.scratch.found.push(found);
    }

    /// The end of the window in which a decision about the root falls; children decide in the window that is being fed.
    pub(crate) fn when(&self, decided: u64, cx: &Context<'_>) -> u64 {
        match self.kind {
            LaneKind::Root => decided.checked_next_multiple_of(cx.facts.window).unwrap_or(u64::MAX),
            // Of the root's text; it takes batches too.
            LaneKind::Joined if self.depth.containers == 0 => {
                let Some(last) = decided.checked_sub(1).filter(|_| decided < u64::MAX) else {
                    return cx.when;
                };
                let seen = self.map.src(last).saturating_add(AHEAD as u64);
                seen.checked_next_multiple_of(cx.facts.window).unwrap_or(u64::MAX)
            }
            _ => cx.when,
        }
    }

    /// A range of this lane in the outer stream and here, if an edit may overwrite it there.
    pub(super) fn writable(&self, start: u64, end: u64) -> Option<(Range64, Range64)> {
        let exact =
            self.map.is_identity() || self.kind == LaneKind::Escapes || self.map.is_plain_coding(start, end);
        let outer = Range64 { start: self.map.src(start), end: self.map.end(end) };
        (exact && start < end).then_some((outer, Range64 { start, end }))
    }
}

/// Parks a confirm that has just ended without a match: where it ended an escape may have cut it. What began with a token that an escape's own look
/// reads need not be kept.
fn park(matcher: &mut Matcher, confirm: &Confirm, view: View<'_>) {
    if confirm.alive || confirm.end.is_some() || confirm.decided == u64::MAX {
        return;
    }
    let Confirm { start, src, holds, decided: end, .. } = *confirm;
    let Some(bytes) = view.get(start.max(view.base), end) else { return };
    let last = bytes.len().saturating_sub(1);
    if bytes.len() > escaped::BACK || !bytes[..last].iter().all(|b| is_token(*b)) {
        matcher
            .park(&bytes[bytes.len().saturating_sub(escape::MAX_LEN)..], Parked { start, src, end, holds });
    }
}
