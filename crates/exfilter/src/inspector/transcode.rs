//! [`Kept`]: a coded body that is decoded, redacted and sent without its coding, where it would be refused otherwise.

use exfilter_codec::brotli::Brotli;
use exfilter_codec::deflate::Deflate;
use exfilter_codec::gzip::Gzip;
use exfilter_codec::zlib::{self, Zlib};
use exfilter_codec::zstd::Zstd;
use exfilter_codec::{Decoder, Step};
use exfilter_engine::{Edit, Engine, Flow, Stream, Verdict};
use zeroize::Zeroizing;

/// Bytes decoded at once.
const STEP: usize = 64 << 10;

/// A body as it came, and what is sent instead.
pub(super) struct Kept {
    engine: Engine,
    flow: Flow,
    coding: Vec<u8>,
    cap: usize,
    bytes: Zeroizing<Vec<u8>>,
    replacement: Option<Zeroizing<Vec<u8>>>,
}

impl Kept {
    /// Keeps a body of one coding that can be undone; `flow` is that of the decoded body, which is editable.
    pub(super) fn new(engine: &Engine, flow: Flow, codings: &[u8], cap: usize) -> Option<Kept> {
        let coding = codings.to_ascii_lowercase();
        decoder(&coding, &[], engine)?;
        let bytes = Zeroizing::default();
        Some(Kept { engine: engine.clone(), flow, coding, cap, bytes, replacement: None })
    }

    /// Keeps more; false once it is too long.
    pub(super) fn take(&mut self, chunk: &[u8]) -> bool {
        let len = self.bytes.len() + chunk.len();
        if len > self.cap {
            return false;
        }
        if self.bytes.capacity() < len {
            // Grown by hand, so that no copy is left behind.
            let mut grown = Zeroizing::new(Vec::with_capacity((2 * len).min(self.cap)));
            grown.extend_from_slice(&self.bytes);
            self.bytes = grown;
        }
        self.bytes.extend_from_slice(chunk);
        true
    }

    /// Decodes, redacts and keeps the result; the stream that examined it, and the length of the body that it replaces. A body that is not
    /// `blocked` as it is stays as it is where nothing is redacted.
    pub(super) fn transcode(&mut self, blocked: bool) -> Option<(Stream, u64)> {
        let mut text = self.decode()?;
        let mut stream = self.engine.stream(self.flow.clone());
        let mut edits: Vec<Edit> = Vec::new();
        // What is released by a verdict is in no later one's list.
        let mut note = |stream: &Stream, verdict: Verdict| {
            edits.extend_from_slice(stream.edits());
            !verdict.is_block()
        };
        for chunk in text.chunks(STEP) {
            let verdict = stream.push(chunk);
            if !note(&stream, verdict) {
                return None;
            }
        }
        let verdict = stream.finish();
        if !note(&stream, verdict) {
            return None;
        }
        if edits.is_empty() && !blocked {
            return None;
        }
        edits.iter().for_each(|edit| edit.apply(0, &mut text));
        self.replacement = Some(text);
        Some((stream, self.bytes.len() as u64))
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.replacement.as_ref().map_or(0, |bytes| bytes.capacity())
    }

    pub(super) fn replacement(&self) -> Option<&[u8]> {
        self.replacement.as_ref().map(|bytes| bytes.as_slice())
    }

    /// The whole content; `None` if there is more than the cap, or anything is wrong or left over.
    fn decode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut decoder = decoder(&self.coding, &self.bytes, &self.engine)?;
        // Never grown, so never copied.
        let mut out =
            Zeroizing::new(Vec::with_capacity(self.cap.min(self.bytes.len().saturating_mul(64)) + STEP));
        let mut rest = &self.bytes[..];
        loop {
            if out.len() > self.cap || out.capacity() - out.len() < STEP {
                return None;
            }
            match decoder.decode(rest, &mut out, STEP) {
                Step::Full { consumed } => rest = &rest[consumed..],
                Step::More => break,
                Step::Done { consumed } if consumed == rest.len() => return Some(out),
                Step::Done { .. } | Step::Bad { .. } => return None,
            }
        }
        loop {
            if out.len() > self.cap || out.capacity() - out.len() < STEP {
                return None;
            }
            match decoder.finish(&mut out, STEP) {
                Step::Full { .. } => {}
                Step::Done { .. } => return Some(out),
                Step::More | Step::Bad { .. } => return None,
            }
        }
    }
}

/// The decoder of one coding.
fn decoder(coding: &[u8], bytes: &[u8], engine: &Engine) -> Option<Box<dyn Decoder>> {
    let window = engine.limits().window;
    Some(match coding {
        b"gzip" | b"x-gzip" => Box::new(Gzip::new()),
        b"zstd" => Box::new(Zstd::new(window)),
        b"br" => Box::new(Brotli::new(window)),
        b"deflate" if zlib::starts(bytes) => Box::new(Zlib::new()),
        b"deflate" => Box::new(Deflate::new()),
        _ => return None,
    })
}
