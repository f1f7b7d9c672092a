//! [`Chunked`]: a body in the chunks of S3's clients, of which the content is examined as if they were not there, and their lines by themselves.

use exfilter_engine::{Engine, Flow, OpaqueReason, Stream};
use exfilter_wire::{AwsChunk, AwsChunks};

use super::body::Body;
use super::log::Log;

/// How places in lines are called.
const LINES: &str = "chunks";

/// Takes the chunks apart. Nothing of the body leaves before its end.
pub(super) struct Chunked {
    chunks: AwsChunks,
    /// Sizes, signatures and trailers: words of the client, too.
    lines: Stream,
    /// All bytes so far.
    pushed: u64,
    is_ended: bool,
}

impl Chunked {
    pub(super) fn new(engine: &Engine, flow: Flow) -> Chunked {
        let lines = engine.stream(flow);
        Chunked { chunks: AwsChunks::new(), lines, pushed: 0, is_ended: false }
    }

    /// Examines the next bytes: the content as those of the body.
    pub(super) fn push(&mut self, mut chunk: &[u8], body: &mut Body, log: &mut Log) {
        self.pushed += chunk.len() as u64;
        while let Some(read) = self.chunks.next(&mut chunk) {
            match read {
                AwsChunk::Data(data) => drop(body.push(data, log)),
                AwsChunk::Line => {
                    log.settle(self.lines.push(self.chunks.line()));
                    log.settle(self.lines.push(b"\n"));
                    log.drain(&mut self.lines, LINES, 0);
                }
            }
        }
        if self.chunks.is_broken() {
            self.end(log);
        }
    }

    /// Ends the lines; what is no whole body is not examined.
    pub(super) fn end(&mut self, log: &mut Log) {
        if std::mem::replace(&mut self.is_ended, true) {
            return;
        }
        if !self.chunks.is_whole() {
            log.settle(self.lines.unexamined(OpaqueReason::Corrupt, 0..self.pushed));
        }
        log.settle(self.lines.finish());
        log.drain(&mut self.lines, LINES, 0);
        log.coverage.add(&self.lines.coverage());
    }

    /// How many bytes there were.
    pub(super) fn len(&self) -> u64 {
        self.pushed
    }

    pub(super) fn memory(&self) -> usize {
        self.lines.memory()
    }
}
