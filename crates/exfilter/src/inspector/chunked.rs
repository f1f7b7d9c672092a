//! [`Chunked`]: a body in the chunks of S3's clients, of which the content is examined as if they were not there, and their lines by themselves.

use exfilter_engine::{Engine, Flow, OpaqueReason};
use exfilter_wire::{AwsChunk, AwsChunks};
use zeroize::Zeroizing;

use super::body::Body;
use super::log::Log;

/// How places in lines are called.
const LINES: &str = "chunks";

/// The most bytes of lines that are kept: those of some ten thousand chunks with signatures, 64 KiB each.
const LINES_MAX: usize = 1 << 20;

/// Takes the chunks apart. Nothing of the body leaves before its end.
pub(super) struct Chunked {
    chunks: AwsChunks,
    /// Sizes, signatures and trailers: words of the client, too. They are examined behind the content, so that pieces of a secret in both are counted together.
    lines: Zeroizing<Vec<u8>>,
    /// Whether it is no such body, or has too many lines: the rest is examined as it comes.
    is_raw: bool,
    /// All bytes so far.
    pushed: u64,
}

impl Chunked {
    pub(super) fn new() -> Chunked {
        Chunked { chunks: AwsChunks::new(), lines: Zeroizing::default(), is_raw: false, pushed: 0 }
    }

    /// Examines the next bytes: the content as those of the body.
    pub(super) fn push(&mut self, mut chunk: &[u8], body: &mut Body, log: &mut Log) {
        self.pushed += chunk.len() as u64;
        while !self.is_raw
            && let Some(read) = self.chunks.next(&mut chunk)
        {
            match read {
                AwsChunk::Data(data) => drop(body.push(data, log)),
                AwsChunk::Line => {
                    let line = self.chunks.line();
                    if self.lines.len() + line.len() > LINES_MAX {
                        let _ = body.push(line, log);
                        self.go_raw(OpaqueReason::Spool, body, log);
                        break;
                    }
                    self.lines.extend_from_slice(line);
                    self.lines.push(b'\n');
                }
            }
        }
        if !self.is_raw && self.chunks.is_broken() {
            self.go_raw(OpaqueReason::Corrupt, body, log);
        }
        if self.is_raw && !chunk.is_empty() {
            let _ = body.push(chunk, log);
        }
    }

    /// What follows is content as it stands, from the line on that is not understood: a server that knows no chunks has it so.
    fn go_raw(&mut self, reason: OpaqueReason, body: &mut Body, log: &mut Log) {
        self.is_raw = true;
        body.refuse(reason, log);
        let _ = body.push(self.chunks.untold(), log);
    }

    /// What has no end was not examined. Comes before the end of the body.
    pub(super) fn is_over(&mut self, body: &mut Body, log: &mut Log) {
        if !self.is_raw && !self.chunks.is_whole() {
            self.go_raw(OpaqueReason::Truncated, body, log);
        }
    }

    /// Examines the lines, with what the session has of the body.
    pub(super) fn finish(&mut self, engine: &Engine, flow: &Flow, log: &mut Log) {
        let mut lines = engine.stream(flow.clone().session(&log.session).whole());
        log.settle(lines.push(&self.lines));
        log.settle(lines.finish());
        log.drain(&mut lines, LINES, 0);
        log.coverage.add(&lines.coverage());
    }

    /// How many bytes there were.
    pub(super) fn len(&self) -> u64 {
        self.pushed
    }

    pub(super) fn memory(&self) -> usize {
        self.lines.capacity()
    }
}
