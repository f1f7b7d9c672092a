//! Runs a stream over chunks and keeps everything it said.

use exfilter_engine::{Coverage, Edit, Engine, Event, Flow, Stream, Verdict};

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
    /// What an embedder that does as it is told has sent: the released bytes, edited.
    pub sent: Vec<u8>,
    /// Findings that were counted and not delivered.
    pub suppressed: u64,
}

/// What is given to a stream.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Bytes to push.
    Chunk(&'a [u8]),
    /// This many bytes were lost.
    Gap(u64),
}

impl Run {
    /// The findings and their paths as text that can be compared across chunkings: everything but the reference of a block.
    pub fn facts(&self) -> (Vec<String>, String, Coverage) {
        let mut events: Vec<String> = self
            .events
            .iter()
            .map(|(event, path)| match event {
                Event::Finding(f) => format!(
                    "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {} {} {path}",
                    f.kind(),
                    f.outer(),
                    f.inner(),
                    f.confidence(),
                    f.proof(),
                    f.action(),
                    f.line(),
                    if f.documented() { "documented" } else { "" },
                    if f.bound() { "bound" } else { "" },
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
    assert_eq!(chunks.iter().sum::<usize>(), bytes.len(), "the chunks add up");
    let mut rest = bytes;
    let inputs: Vec<_> = chunks
        .iter()
        .map(|n| {
            let (chunk, after) = rest.split_at(*n);
            rest = after;
            Input::Chunk(chunk)
        })
        .collect();
    drive(engine, flow, &inputs)
}

/// Gives `inputs` to a stream, finishes it, and does with the bytes what the verdicts say.
pub fn drive(engine: &Engine, flow: &Flow, inputs: &[Input<'_>]) -> Run {
    drive_stream(engine.stream(flow.clone()), inputs)
}

/// The same, for which a part of the work is [done ahead](exfilter_engine::Stream::unpack_ahead), all of it before the first push; none for content of which there is nothing to unpack.
pub fn unpacked(engine: &Engine, flow: &Flow, bytes: &[u8], inputs: &[Input<'_>]) -> Option<Run> {
    let mut stream = engine.stream(flow.clone());
    let (give, take) = std::sync::mpsc::channel();
    let mut unpacker = stream.unpack_ahead(bytes, Box::new(move || take.recv().ok()))?;
    let mut hand = |batch| give.send(batch).is_ok();
    for input in inputs {
        if let Input::Chunk(chunk) = input {
            unpacker.push(chunk, &mut hand);
        }
    }
    unpacker.finish(&mut hand);
    drop(give);
    Some(drive_stream(stream, inputs))
}

fn drive_stream(mut stream: Stream, inputs: &[Input<'_>]) -> Run {
    let mut verdicts = Vec::new();
    let mut edits = Vec::new();
    let mut held: Vec<u8> = Vec::new();
    let mut sent: Vec<u8> = Vec::new();
    let mut pushed = 0;
    let mut events = Vec::new();
    let mut last = None;
    for input in inputs.iter().map(Some).chain([None]) {
        let verdict = match input {
            Some(Input::Chunk(chunk)) => {
                held.extend_from_slice(chunk);
                pushed += chunk.len();
                stream.push(chunk)
            }
            Some(Input::Gap(len)) => {
                // Nobody has these bytes; they keep their place.
                let n = usize::try_from(*len).expect("gaps in tests are small");
                held.extend(std::iter::repeat_n(0, n));
                pushed += n;
                stream.gap(*len)
            }
            None => stream.finish(),
        };
        if let Verdict::Forward { through } | Verdict::Edit { through } = verdict {
            let at = sent.len();
            let n = usize::try_from(through).expect("contents of tests fit into memory") - at;
            let mut out: Vec<u8> = held.drain(..n).collect();
            if matches!(verdict, Verdict::Edit { .. }) {
                stream.edits().iter().for_each(|edit| edit.apply(at as u64, &mut out));
            }
            sent.extend(out);
        }
        edits.extend(stream.edits().iter().cloned());
        match input {
            Some(_) => verdicts.push((pushed, verdict)),
            None => last = Some(verdict),
        }
    }
    edits.dedup();
    while let Some(event) = stream.poll_event() {
        let path = match &event {
            Event::Finding(f) => stream.path(f.path()).to_string(),
            Event::Opaque(o) => stream.path(o.path()).to_string(),
            _ => String::new(),
        };
        events.push((event, path));
    }
    let suppressed =
        stream.suppressed().map(|s| s.1).sum::<u64>() + stream.suppressed_secrets().map(|s| s.1).sum::<u64>();
    let last = last.expect("the last input is the end");
    Run { events, verdicts, last, coverage: stream.coverage(), edits, sent, suppressed }
}
