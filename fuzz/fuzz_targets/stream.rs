//! The laws of the stream: any chunking says the same, `through` runs neither backwards nor past what is blocked, memory is bounded.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_engine::{Action, Engine, Flow, Kind, Verdict};
use exfilter_fuzz::content::content;
use exfilter_fuzz::engines::{self, ENGINES, SECRETS};
use exfilter_fuzz::slices::{Slices, cut};
use exfilter_testing::run::{self, Input, Run};
use libfuzzer_sys::fuzz_target;

struct StreamInput {
    engine: &'static Engine,
    flow: Flow,
    slices: Slices,
    /// Where bytes are lost, and how many.
    gap: Option<(usize, u64)>,
    content: Vec<u8>,
}

impl<'a> Arbitrary<'a> for StreamInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<StreamInput> {
        let engine = u.choose(&ENGINES)?;
        let flow = engines::flow(u)?;
        let slices = Slices::arbitrary(u)?;
        let gap =
            if u.ratio(1, 16)? { Some((u.arbitrary::<u16>()?, u.int_in_range(1..=200)?)) } else { None };
        let content = content(u)?;
        let gap = gap.map(|(at, len)| (usize::from(at) % (content.len() + 1), len));
        Ok(StreamInput { engine, flow, slices, gap, content })
    }
}

/// Says how much, not what.
impl std::fmt::Debug for StreamInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let engine = ENGINES.iter().position(|e| std::ptr::eq(e, self.engine)).unwrap_or_default();
        f.debug_struct("StreamInput")
            .field("engine", &engine)
            .field("flow", &self.flow)
            .field("slices", &self.slices)
            .field("gap", &self.gap)
            .field("bytes", &self.content.len())
            .finish()
    }
}

fuzz_target!(|input: StreamInput| {
    let StreamInput { engine, flow, slices, gap, content } = &input;
    let (before, after) = content.split_at(gap.map_or(content.len(), |gap| gap.0));
    let whole = join(vec![before], *gap, vec![after]);
    let parts = join(cut(before, &slices.of(before.len())), *gap, cut(after, &slices.of(after.len())));

    let whole = run::drive(engine, flow, &whole);
    let run = run::drive(engine, flow, &parts);
    assert_eq!(whole.facts(), run.facts(), "{input:?}");
    assert_eq!(whole.suppressed, run.suppressed, "{input:?}");
    if !run.last.is_block() {
        assert!(whole.sent == run.sent, "what leaves depends on chunks: {input:?}");
        assert_eq!(run.last.through(), Some(content.len() as u64 + gap.map_or(0, |gap| gap.1)));
    }
    watermark(&run, &input);
    found(&run, &input);
    bounded(&input, &parts);
});

fn join<'a>(before: Vec<&'a [u8]>, gap: Option<(usize, u64)>, after: Vec<&'a [u8]>) -> Vec<Input<'a>> {
    let before = before.into_iter().map(Input::Chunk);
    before.chain(gap.map(|gap| Input::Gap(gap.1))).chain(after.into_iter().map(Input::Chunk)).collect()
}

/// `through` never runs backwards, is never past what was pushed, and never past the beginning of what is blocked or, unedited, redacted.
fn watermark(run: &Run, input: &StreamInput) {
    let mut through = 0;
    for (pushed, verdict) in &run.verdicts {
        if let Some(now) = verdict.through() {
            assert!(through <= now && now <= *pushed as u64, "{through}, then {now} of {pushed}: {input:?}");
            through = now;
        }
    }
    for finding in run.findings() {
        match finding.action() {
            Action::Block => {
                let start = finding.outer().start;
                assert!(through <= start, "{through} bytes left, {start} is blocked: {input:?}");
            }
            // The edit covers the value, which may be less than the match.
            Action::Redact if !run.last.is_block() && input.gap.is_none() => {
                let range = finding.outer().start as usize..finding.outer().end as usize;
                let left = run.sent[range.clone()] == input.content[range.clone()];
                assert!(!left, "{range:?} left as it came: {input:?}");
            }
            _ => {}
        }
    }
}

/// Enrolled values that stand in the stream as they are lie in some finding.
fn found(run: &Run, input: &StreamInput) {
    if run.suppressed > 0 || input.gap.is_some() {
        return;
    }
    for secret in SECRETS.iter().filter(|secret| secret.len() <= 192) {
        for at in memchr::memmem::find_iter(&input.content, secret) {
            let value = at as u64..(at + secret.len()) as u64;
            let touches = |range: std::ops::Range<u64>| range.start < value.end && value.start < range.end;
            let found = run.findings().any(|f| matches!(f.kind(), Kind::Known(..)) && touches(f.outer()));
            assert!(found, "an enrolled value at {at} is not found: {input:?}");
        }
    }
}

/// What a stream says it holds stays within its limits, whatever it is given.
fn bounded(input: &StreamInput, parts: &[Input<'_>]) {
    let limits = input.engine.limits();
    let mut stream = input.engine.stream(input.flow.clone());
    let mut last = None;
    for part in parts.iter().map(Some).chain([None]) {
        let verdict = match part {
            Some(Input::Chunk(chunk)) => stream.push(chunk),
            Some(Input::Gap(len)) => stream.gap(*len),
            None => stream.finish(),
        };
        while stream.poll_event().is_some() {}
        let (memory, windows) = (stream.memory(), stream.windows());
        assert!(memory <= engines::most_memory(limits), "{memory} bytes: {input:?}");
        assert!(windows <= limits.windows, "{windows} bytes of windows: {input:?}");
        let sticky = matches!(last, Some(Verdict::Block(_))) && !verdict.is_block();
        assert!(!sticky, "a block was taken back: {input:?}");
        last = Some(verdict);
    }
}
