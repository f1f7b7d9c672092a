//! Runs a stream over chunks and keeps everything it said.

use exfilter_engine::{Coverage, Edit, Engine, Event, Flow, Verdict};

/// What a stream said.
#[derive(Clone, Debug)]
pub struct Run {
    /// Findings and opaque ranges, in order, each with its path spelled out.
    pub events: Vec<(Event, String)>,
    /// `(bytes pushed, verdict)` after every push.
    pub verdicts: Vec<(usize, Verdict)>,
    /// The last verdict.
    pub last: Verdict,
    /// The final coverage.
    pub coverage: Coverage,
    /// All edits that were handed out.
    pub edits: Vec<Edit>,
}

impl Run {
    /// The findings and their paths as text that can be compared across chunkings: everything but the reference of a block.
    pub fn facts(&self) -> (Vec<String>, String, Coverage) {
        let mut events: Vec<String> = self
            .events
            .iter()
            .map(|(event, path)| match event {
                Event::Finding(f) => format!(
                    "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {path}",
                    f.kind(),
                    f.outer(),
                    f.inner(),
                    f.confidence(),
                    f.proof(),
                    f.action(),
                    f.line()
                ),
                Event::Opaque(o) => format!("{:?} {:?} {:?} {path}", o.reason(), o.outer(), o.action()),
                _ => String::from("another event"),
            })
            .collect();
        events.sort();
        let last = match self.last {
            Verdict::Block(block) => format!("block {:?}", block.reason()),
            other => format!("{other:?}"),
        };
        (events, last, self.coverage.clone())
    }

    /// The findings.
    pub fn findings(&self) -> impl Iterator<Item = &exfilter_engine::Finding> {
        self.events.iter().filter_map(|(e, _)| match e {
            Event::Finding(f) => Some(f),
            _ => None,
        })
    }

    /// The opaque ranges.
    pub fn opaques(&self) -> impl Iterator<Item = &exfilter_engine::Opaque> {
        self.events.iter().filter_map(|(e, _)| match e {
            Event::Opaque(o) => Some(o),
            _ => None,
        })
    }

    /// The furthest `through` that was ever handed out.
    pub fn through(&self) -> u64 {
        self.verdicts.iter().map(|v| v.1).chain([self.last]).filter_map(Verdict::through).max().unwrap_or(0)
    }
}

/// Pushes `bytes` in `chunks` and finishes.
pub fn run(engine: &Engine, flow: &Flow, bytes: &[u8], chunks: &[usize]) -> Run {
    let mut stream = engine.stream(flow.clone());
    let mut verdicts = Vec::new();
    let mut edits = Vec::new();
    let mut pushed = 0;
    for n in chunks {
        let verdict = stream.push(&bytes[pushed..pushed + n]);
        pushed += n;
        verdicts.push((pushed, verdict));
        edits.extend(stream.edits().iter().cloned());
    }
    assert_eq!(pushed, bytes.len(), "the chunks add up");
    let last = stream.finish();
    edits.extend(stream.edits().iter().cloned());
    edits.dedup();
    let mut events = Vec::new();
    while let Some(event) = stream.poll_event() {
        let path = match &event {
            Event::Finding(f) => stream.path(f.path()).to_string(),
            Event::Opaque(o) => stream.path(o.path()).to_string(),
            _ => String::new(),
        };
        events.push((event, path));
    }
    Run { events, verdicts, last, coverage: stream.coverage(), edits }
}
