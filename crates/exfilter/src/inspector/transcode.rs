//! [`Kept`]: a coded body that is decoded, redacted and sent without its coding, where it would be refused otherwise.

use exfilter_codec::brotli::Brotli;
use exfilter_codec::deflate::Deflate;
use exfilter_codec::gzip::Gzip;
use exfilter_codec::zlib::{self, Zlib};
use exfilter_codec::zstd::Zstd;
use exfilter_codec::{Decoder, Step};
use exfilter_engine::{Edit, Engine, Flow, Stream, Verdict};
use zeroize::Zeroizing;

use super::decoded::Decoded;
use super::prefixes::Prefix;

/// Bytes decoded at once.
const STEP: usize = 64 << 10;

/// As many bytes as [`zlib::starts`] looks at.
const BEGINNING: usize = 2;

/// A coded body as it came, and what is sent instead.
pub(super) struct Kept {
    engine: Engine,
    flow: Flow,
    coding: Vec<u8>,
    cap: usize,
    len: usize,
    /// Its first bytes, which tell zlib from raw deflate.
    beginning: Vec<u8>,
    /// The body, unless the embedder has it and hands it over at the end.
    bytes: Option<Zeroizing<Vec<u8>>>,
    replacement: Option<Zeroizing<Vec<u8>>>,
}

impl Kept {
    /// Keeps a body of one coding that can be undone, or counts it if it is `held` by somebody else; `flow` is that of the decoded body, which is editable.
    pub(super) fn new(engine: &Engine, flow: Flow, codings: &[u8], cap: usize, held: bool) -> Option<Kept> {
        let coding = codings.to_ascii_lowercase();
        decoder(&coding, &[], engine.limits().window)?;
        let bytes = (!held).then(Zeroizing::default);
        Some(Kept {
            engine: engine.clone(),
            flow,
            coding,
            cap,
            len: 0,
            beginning: Vec::new(),
            bytes,
            replacement: None,
        })
    }

    /// Keeps more; false once it is too long.
    pub(super) fn take(&mut self, chunk: &[u8]) -> bool {
        let len = self.len + chunk.len();
        if len > self.cap {
            return false;
        }
        self.len = len;
        let missing = BEGINNING.saturating_sub(self.beginning.len()).min(chunk.len());
        self.beginning.extend_from_slice(&chunk[..missing]);
        let Some(bytes) = &mut self.bytes else { return true };
        if bytes.capacity() < len {
            // Grown by hand, so that no copy is left behind.
            let mut grown = Zeroizing::new(Vec::with_capacity((2 * len).min(self.cap)));
            grown.extend_from_slice(bytes);
            *bytes = grown;
        }
        bytes.extend_from_slice(chunk);
        true
    }

    /// What examines the body while it is nothing but a text in a coding; none if that is not known of its coding.
    pub(super) fn decoded(&self, prefix: Option<Prefix>, len: u64) -> Option<Decoded> {
        let most = self.text_max(usize::try_from(len).unwrap_or(usize::MAX)) as u64;
        Decoded::new(&self.engine, self.flow.clone(), &self.coding, most, prefix)
    }

    /// So many bytes came.
    pub(super) fn len(&self) -> u64 {
        self.len as u64
    }

    /// The body as far as it came, unless the embedder has it.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_ref().map(|bytes| bytes.as_slice())
    }

    /// What the whole body decodes to; its bytes are in `held` if they are not here. None if it is too long, or not right.
    pub(super) fn decode(&mut self, held: Pieces<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let decoder = decoder(&self.coding, &self.beginning, self.engine.limits().window);
        let mut decoding = Decoding::new(decoder, self.text_max(self.len));
        match self.bytes.take() {
            Some(bytes) => drop(decoding.take(&bytes)),
            None => held(&mut |piece| decoding.take(piece)),
        }
        decoding.end(self.len)
    }

    /// Redacts what the body decodes to and keeps the result; the stream that examined it. A body that is not `blocked` as it is stays as it is where nothing is redacted.
    pub(super) fn redact(&mut self, mut text: Zeroizing<Vec<u8>>, blocked: bool) -> Option<Stream> {
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
        Some(stream)
    }

    /// The longest text of so many bytes that is replaced.
    fn text_max(&self, len: usize) -> usize {
        self.cap.min(len.saturating_mul(64))
    }

    pub(super) fn memory(&self) -> usize {
        let capacity =
            |bytes: &Option<Zeroizing<Vec<u8>>>| bytes.as_ref().map_or(0, |bytes| bytes.capacity());
        capacity(&self.bytes) + capacity(&self.replacement)
    }

    pub(super) fn replacement(&self) -> Option<&[u8]> {
        self.replacement.as_ref().map(|bytes| bytes.as_slice())
    }
}

/// Shows all pieces of a body to somebody, until that says that it has seen enough.
pub(super) type Pieces<'a> = &'a mut dyn FnMut(&mut dyn FnMut(&[u8]) -> bool);

/// A body being decoded as a whole.
struct Decoding {
    decoder: Option<Box<dyn Decoder>>,
    /// The longest content.
    most: usize,
    /// Never grown, so never copied.
    out: Zeroizing<Vec<u8>>,
    seen: usize,
    is_done: bool,
}

impl Decoding {
    fn new(decoder: Option<Box<dyn Decoder>>, most: usize) -> Decoding {
        // One step more than is taken, so that it is seen whether there is more.
        let out = Zeroizing::new(Vec::with_capacity(most + STEP));
        Decoding { decoder, most, out, seen: 0, is_done: false }
    }

    /// Decodes more; false if the content is longer than the cap, or anything is wrong or left over.
    fn take(&mut self, piece: &[u8]) -> bool {
        self.seen += piece.len();
        let mut rest = piece;
        while !rest.is_empty() {
            let step = match &mut self.decoder {
                Some(decoder) if !self.is_done && self.out.len() <= self.most => {
                    decoder.decode(rest, &mut self.out, STEP)
                }
                _ => return self.give_up(),
            };
            match step {
                Step::Full { consumed } => rest = &rest[consumed..],
                Step::More => break,
                Step::Done { consumed } => (self.is_done, rest) = (true, &rest[consumed..]),
                Step::Bad { .. } => return self.give_up(),
            }
        }
        true
    }

    fn give_up(&mut self) -> bool {
        self.decoder = None;
        false
    }

    /// The whole content, if it is that of `len` bytes.
    fn end(self, len: usize) -> Option<Zeroizing<Vec<u8>>> {
        let Decoding { decoder, most, mut out, seen, mut is_done } = self;
        let mut decoder = decoder.filter(|_| seen == len)?;
        while !is_done && out.len() <= most {
            match decoder.finish(&mut out, STEP) {
                Step::Full { .. } => {}
                Step::Done { .. } => is_done = true,
                Step::More | Step::Bad { .. } => return None,
            }
        }
        // However it came.
        (out.len() <= most).then_some(out)
    }
}

/// What a whole body of one coding decodes to, if that has at most so many bytes.
pub(crate) fn decoded(coding: &[u8], body: &[u8], most: usize, window: u64) -> Option<Zeroizing<Vec<u8>>> {
    let decoder = decoder(&coding.to_ascii_lowercase(), body, window)?;
    let mut decoding = Decoding::new(Some(decoder), most);
    decoding.take(body);
    decoding.end(body.len())
}

/// The decoder of one coding, of a body that begins with `bytes`.
pub(super) fn decoder(coding: &[u8], bytes: &[u8], window: u64) -> Option<Box<dyn Decoder>> {
    Some(match coding {
        b"gzip" | b"x-gzip" => Box::new(Gzip::new()),
        b"zstd" => Box::new(Zstd::new(window)),
        b"br" => Box::new(Brotli::new(window)),
        b"deflate" if zlib::starts(bytes) => Box::new(Zlib::new()),
        b"deflate" => Box::new(Deflate::new()),
        _ => return None,
    })
}
