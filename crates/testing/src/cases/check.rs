//! Runs a case and compares.

use exfilter_engine::{Action, BlockReason, Event, Finding, Kind, Proof, Verdict};

use super::content::{Mark, Place};
use super::file::FindingText;
use super::{Case, Driver};
use crate::run::{Input, Run};
use crate::{Rng, split};

/// Contents up to this many bytes are split at every place.
const SMALL: usize = 500;

/// The largest window on whose multiples a stream is stepped, in bytes.
const WINDOW: u64 = 1024;

pub(crate) fn check(case: &Case, driver: &mut Driver<'_>) {
    if case.text.ignore.is_some() && std::env::var_os("EXFILTER_IGNORED").is_none() {
        return;
    }
    let mut whole = None;
    for chunks in chunkings(case) {
        let run = driver(&case.engine, &case.flow, &inputs(case, &chunks));
        always(case, &run);
        let facts = (run.facts(), run.suppressed);
        match &whole {
            None => {
                expected(case, &run);
                whole = Some(facts);
            }
            Some(whole) => {
                assert_eq!(*whole, facts, "{}: chunks {:?}", case.name(), &chunks[..chunks.len().min(12)]);
            }
        }
    }
}

fn chunkings(case: &Case) -> Vec<split::Chunks> {
    let len = case.content.bytes.len();
    let mut rng = Rng::new(super::seed(&case.text.name));
    let mut all = vec![split::whole(len), split::every(len, 1)];
    let places: Vec<usize> =
        if len <= SMALL { (0..=len).collect() } else { (0..30).map(|_| rng.below(len + 1)).collect() };
    all.extend(places.into_iter().map(|at| split::two(len, at)));
    for max in [3, 20, 150, 1000] {
        all.push(split::random(&mut rng, len, max));
    }
    all
}

/// Chunks of the content, cut where bytes are missing.
fn inputs<'a>(case: &'a Case, chunks: &[usize]) -> Vec<Input<'a>> {
    let bytes = &case.content.bytes[..];
    let mut gaps = case.content.gaps.iter().peekable();
    let mut inputs = Vec::new();
    let mut at = 0;
    for n in chunks {
        let end = at + n;
        while let Some((place, len)) = gaps.next_if(|g| g.0 < end || end == bytes.len()) {
            inputs.push(Input::Chunk(&bytes[at..*place]));
            inputs.push(Input::Gap(*len));
            at = *place;
        }
        inputs.push(Input::Chunk(&bytes[at..end]));
        at = end;
    }
    inputs
}

/// What is true of every run, whatever the case.
fn always(case: &Case, run: &Run) {
    let name = case.name();
    let mut before = 0;
    for (pushed, verdict) in &run.verdicts {
        if let Some(through) = verdict.through() {
            assert!(through >= before, "{name}: through ran backwards at {pushed}");
            assert!(through <= *pushed as u64, "{name}: through is past what was pushed");
            before = through;
        }
    }
    let blocked = run.verdicts.iter().skip_while(|v| !v.1.is_block());
    assert!(blocked.into_iter().all(|v| v.1.is_block()), "{name}: a block did not stay");
    assert_eq!(run.coverage.is_complete(), run.opaques().next().is_none(), "{name}: coverage");
    for finding in run.findings() {
        assert!(finding.outer().start < finding.outer().end, "{name}: an empty finding");
        assert!(finding.outer().end <= run.coverage.bytes, "{name}: a finding past the end");
        if finding.action() == Action::Block {
            assert!(run.last.is_block(), "{name}: a finding that blocks, and a stream that is not blocked");
            assert!(run.through() <= finding.outer().start, "{name}: bytes of a blocked value have left");
        }
    }
    left(case, run);
}

/// What has left is what came but for the edits.
fn left(case: &Case, run: &Run) {
    let name = case.name();
    if !case.content.gaps.is_empty() {
        return;
    }
    let bytes = &case.content.bytes;
    if !run.last.is_block() {
        assert_eq!(run.sent.len(), bytes.len(), "{name}: the length changed");
    }
    let edited = |at: u64| run.edits.iter().any(|e| e.range().contains(&at));
    for (at, (sent, came)) in run.sent.iter().zip(bytes).enumerate() {
        assert!(sent == came || edited(at as u64), "{name}: the byte at {at} changed");
    }
    let redacted: Vec<_> = run.findings().filter(|f| f.action() == Action::Redact).collect();
    for (at, (sent, came)) in run.sent.iter().zip(bytes).enumerate() {
        let inside = redacted.iter().any(|f| f.outer().contains(&(at as u64)));
        assert!(sent == came || inside, "{name}: a neighbour at {at} changed");
    }
    for pair in run.edits.windows(2) {
        assert!(
            pair[0].range().end <= pair[1].range().start || pair[0] == pair[1],
            "{name}: edits overlap or are not in order: {:?} {:?}",
            pair[0],
            pair[1]
        );
    }
    if matches!(run.last, Verdict::Block(_)) {
        return;
    }
    for (mark_name, mark) in &case.content.marks {
        if redacted.iter().any(|f| stands(mark, f)) {
            gone(&format!("{name}, {mark_name}"), case, run, mark);
        }
    }
}

/// A redacted mark is gone, and what shares characters with it is not.
fn gone(name: &str, case: &Case, run: &Run, mark: &Mark) {
    let bytes = &case.content.bytes;
    match &mark.place {
        Place::Plain(range) => {
            let range = range.start as usize..range.end as usize;
            let sent = &run.sent[range.clone()];
            let kept = sent.iter().zip(&bytes[range]).filter(|(a, b)| a == b).count();
            assert_eq!(kept, 0, "{name}: bytes of it have left");
        }
        Place::Base64(range) => {
            // The base64 around the mark still decodes, to the same bytes but for the value.
            let start =
                bytes[..range.start as usize].iter().rposition(|b| !is_base64(*b)).map_or(0, |i| i + 1);
            let len = bytes[start..].iter().take_while(|b| is_base64(**b)).count();
            let before = crate::wrap::unbase64(&bytes[start..start + len]);
            let sent = &run.sent[start..start + len];
            assert!(sent.iter().all(|b| is_base64(*b)), "{name}: it is no base64 any more");
            let after = crate::wrap::unbase64(sent);
            let at = before.windows(mark.bytes.len()).position(|w| w == mark.bytes);
            let at = at.unwrap_or_else(|| panic!("{name}: the mark stands in the base64"));
            let end = at + mark.bytes.len();
            assert!(before[..at] == after[..at], "{name}: what stands before it changed");
            assert!(before[end..] == after[end..], "{name}: what follows it changed");
            let same = before[at..end].iter().zip(&after[at..end]).filter(|(a, b)| a == b).count();
            assert!(same <= 4, "{name}: {same} bytes of it have left");
        }
        Place::Within(_) => panic!("{name}: an edit below a compression"),
    }
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"+/-_".contains(&b)
}

/// Whether a finding lies where a mark is.
fn stands(mark: &Mark, finding: &Finding) -> bool {
    let outer = finding.outer();
    match &mark.place {
        Place::Plain(range) => outer == *range,
        // The last character may hold a few bits of the value only.
        Place::Base64(range) => {
            outer.start == range.start && (outer.end == range.end || outer.end + 1 == range.end)
        }
        // Compressed bytes are attributed to windows of the outer stream.
        Place::Within(range) => range.start <= outer.start && outer.end <= range.end.next_multiple_of(WINDOW),
    }
}

fn expected(case: &Case, run: &Run) {
    let name = case.name();
    let (events, last, _) = run.facts();
    let said = format!("{name}: {last}\n  {}", events.join("\n  "));
    let mut left: Vec<(&Finding, &str)> = run
        .events
        .iter()
        .filter_map(|(event, path)| match event {
            Event::Finding(finding) => Some((finding, path.as_str())),
            _ => None,
        })
        .collect();
    for wanted in &case.text.finding {
        let what = wanted.rule.as_deref().or(wanted.secret.as_deref()).unwrap_or("a finding");
        let here = left.iter().position(|(finding, path)| fits(case, wanted, finding, path));
        let here = here.unwrap_or_else(|| panic!("{what} at {:?} is not found\n{said}", wanted.at));
        left.remove(here);
    }
    assert!(left.is_empty(), "{} findings more\n{said}", left.len());

    let mut opaque: Vec<&str> = run.opaques().map(|o| o.reason().as_str()).collect();
    let mut wanted: Vec<&str> = case.text.opaque.iter().map(String::as_str).collect();
    opaque.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(opaque, wanted, "{said}");

    let (verdict, reason) = match run.last {
        Verdict::Forward { .. } => ("forward", None),
        Verdict::Edit { .. } => ("edit", None),
        Verdict::Block(block) => match block.reason() {
            BlockReason::Finding(_) => ("block", Some("finding")),
            BlockReason::Opaque(reason) => ("block", Some(reason.as_str())),
            BlockReason::Quarantine => ("block", Some("quarantine")),
            _ => ("block", Some("misuse")),
        },
    };
    // Whether edits were still due with the last verdict depends on where the content ends.
    let verdict = if verdict == "forward" && !run.edits.is_empty() { "edit" } else { verdict };
    assert_eq!(verdict, case.text.verdict, "{said}");
    assert!(verdict != "block" || case.text.reason.is_some(), "{name}: a case that blocks says why");
    assert_eq!(reason, case.text.reason.as_deref(), "{said}");
    assert_eq!(run.suppressed, case.text.suppressed, "{said}");
    if let Some(edited) = &case.edited {
        assert!(run.sent == *edited, "{name}: what has left is not what was to leave");
    }
}

fn fits(case: &Case, wanted: &FindingText, finding: &Finding, path: &str) -> bool {
    let is_kind = match finding.kind() {
        Kind::Rule(id) => wanted.rule.as_deref() == Some(case.engine.rule(id).id.as_str()),
        Kind::Known(id, form) => {
            wanted.secret.as_deref() == Some(case.engine.secret_name(id))
                && wanted.form.as_deref().is_none_or(|word| word == form.as_str())
        }
    };
    let proof = match finding.proof() {
        Proof::None => "none",
        Proof::Verified => "verified",
        Proof::Failed => "failed",
    };
    let is_there = wanted.at.as_ref().is_none_or(|name| {
        let mark = case.content.marks.get(name).unwrap_or_else(|| panic!("{}: no mark {name}", case.name()));
        stands(mark, finding)
    });
    is_kind
        && is_there
        && path == wanted.path
        && wanted.confidence.as_deref().is_none_or(|word| super::confidence(word) == finding.confidence())
        && wanted.proof.as_deref().is_none_or(|word| word == proof)
        && wanted.documented == finding.documented()
        && wanted.bound == finding.bound()
        && wanted.action.as_deref().is_none_or(|word| super::action(word) == finding.action())
        && (wanted.line.is_none() || wanted.line == finding.line())
}
