//! [`Decoded`]: a coded conversation that is decoded as it comes, and examined as the text that it stands for.

use exfilter_codec::{Decoder, Step, gzip, zstd};
use exfilter_engine::{Engine, Flow, Stream, Verdict};
use zeroize::{Zeroize as _, Zeroizing};

use super::prefixes::Prefix;
use super::transcode::decoder;

/// Coded bodies that are shorter are examined as any other, in bytes.
pub(super) const SHORTEST: u64 = 8 << 10;

/// Bytes decoded at once.
const STEP: usize = 64 << 10;

/// The longest text that is examined here, and the largest window of zstd, in bytes: a client needs few bytes to have a text decoded, and fewer for a window. Conversations are shorter, and have windows as this.
const TEXT_MAX: u64 = 8 << 20;
const WINDOW_MAX: u64 = 2 << 20;

/// As many bytes of the body as tell what its first member is.
const BEGINNING: usize = 4;

/// A body of one coding, examined as the text that it stands for, while it is nothing but that: one member, without a name, a comment or anything else beside its content, to the body's last byte. Whoever decodes
/// such a body gets the text and no more, so the text is what is to be examined, and as much of it as was sent before need not be.
///
/// A coding that is anything else, or is wrong, is for a stream that looks into all of it: [`Decoded::push`] says so, and so does [`Decoded::finish`].
///
/// # Resource usage
///
/// The decoder's window, its tables (43 KiB), 64 KiB of text, and what [`Prefix`] keeps.
pub(super) struct Decoded {
    decoder: Box<dyn Decoder>,
    stream: Stream,
    /// Passes by what was sent before.
    prefix: Option<Prefix>,
    /// The longest text that is examined here.
    most: u64,
    decoded: u64,
    beginning: Vec<u8>,
    /// How a member begins that has nothing but its content.
    plain: [u8; BEGINNING],
    text: Zeroizing<Vec<u8>>,
    /// Whether a part of the text is to be redacted.
    is_edited: bool,
}

impl Decoded {
    /// For a body that decodes to `most` bytes at most, which are those of `flow`; none if the coding is one of which this is not known.
    pub(super) fn new(
        engine: &Engine,
        flow: Flow,
        coding: &[u8],
        most: u64,
        prefix: Option<Prefix>,
    ) -> Option<Decoded> {
        let plain = match coding {
            // No flag.
            b"gzip" | b"x-gzip" => [gzip::MAGIC[0], gzip::MAGIC[1], gzip::MAGIC[2], 0],
            b"zstd" => zstd::MAGIC,
            _ => return None,
        };
        let decoder = decoder(coding, &plain, engine.limits().window.min(WINDOW_MAX))?;
        let stream = engine.stream(flow);
        let (beginning, text) = (Vec::with_capacity(BEGINNING), Zeroizing::new(Vec::with_capacity(STEP)));
        let most = most.min(TEXT_MAX);
        Some(Decoded { decoder, stream, prefix, most, decoded: 0, beginning, plain, text, is_edited: false })
    }

    /// Examines what the next bytes decode to; false if the body is none that is examined here.
    pub(super) fn push(&mut self, chunk: &[u8]) -> bool {
        let missing = (BEGINNING - self.beginning.len()).min(chunk.len());
        self.beginning.extend_from_slice(&chunk[..missing]);
        if !self.plain.starts_with(&self.beginning) {
            return false;
        }
        let mut rest = chunk;
        while !rest.is_empty() {
            match self.decoder.decode(rest, &mut self.text, STEP) {
                Step::Full { consumed } => rest = &rest[consumed..],
                Step::More => rest = &[],
                // What follows the content is none.
                Step::Done { .. } | Step::Bad { .. } => return false,
            }
            if !self.examine() {
                return false;
            }
        }
        true
    }

    /// Ends the body: the stream that has examined all of its text, and what that says of it; none if the body is none that is examined here.
    pub(super) fn finish(mut self) -> Option<(Stream, Verdict)> {
        loop {
            match self.decoder.finish(&mut self.text, STEP) {
                Step::Full { .. } if self.examine() => {}
                Step::Done { .. } if self.examine() && self.beginning.len() == BEGINNING => break,
                _ => return None,
            }
        }
        if let Some(mut prefix) = self.prefix.take() {
            let verdict = prefix.begin(&mut self.stream);
            self.note(verdict);
        }
        let verdict = match self.stream.finish() {
            // No part of it has left, so what was to be redacted in an earlier one still is.
            Verdict::Forward { through } if self.is_edited => Verdict::Edit { through },
            verdict => verdict,
        };
        Some((self.stream, verdict))
    }

    /// Memory in bytes.
    pub(super) fn memory(&self) -> usize {
        let window = usize::try_from(self.decoder.window_bytes()).unwrap_or(usize::MAX);
        let compared = self.prefix.as_ref().map_or(0, Prefix::memory);
        window.saturating_add(self.stream.memory() + compared + self.text.capacity())
    }

    /// Examines the text that is at hand; false if it is too long, or another member has begun.
    fn examine(&mut self) -> bool {
        self.decoded += self.text.len() as u64;
        if self.decoded > self.most || !self.decoder.member_starts().is_empty() {
            return false;
        }
        let mut edits = Vec::new();
        let verdict = match &mut self.prefix {
            Some(prefix) => prefix.push(&mut self.stream, &self.text, &mut edits),
            None => self.stream.push(&self.text),
        };
        self.is_edited |= !edits.is_empty();
        self.note(verdict);
        self.text.zeroize();
        true
    }

    fn note(&mut self, verdict: Verdict) {
        self.is_edited |= matches!(verdict, Verdict::Edit { .. });
    }
}
