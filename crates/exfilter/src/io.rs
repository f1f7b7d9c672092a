//! Adapters for [`std::io`]: a reader and a writer that let through what the stream's verdicts allow.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use zeroize::Zeroize as _;

use exfilter_engine::{Audience, Edit, Event, Stream, Verdict};

/// Bytes that wait for their verdict.
struct Held {
    stream: Stream,
    /// Bytes not released, from offset `released` of the stream on.
    bytes: VecDeque<u8>,
    released: u64,
    finished: bool,
    /// Set once the stream was blocked: what every later call answers.
    refused: Option<String>,
}

impl Held {
    fn new(stream: Stream) -> Held {
        Held { stream, bytes: VecDeque::new(), released: 0, finished: false, refused: None }
    }

    fn push(&mut self, chunk: &[u8]) -> io::Result<Vec<u8>> {
        self.check()?;
        self.bytes.extend(chunk);
        let verdict = self.stream.push(chunk);
        self.release(verdict)
    }

    fn finish(&mut self) -> io::Result<Vec<u8>> {
        self.check()?;
        if self.finished {
            return Ok(Vec::new());
        }
        self.finished = true;
        let verdict = self.stream.finish();
        self.release(verdict)
    }

    /// What a verdict lets out, edits applied.
    fn release(&mut self, verdict: Verdict) -> io::Result<Vec<u8>> {
        let through = match verdict {
            Verdict::Forward { through } | Verdict::Edit { through } => through,
            Verdict::Block(block) => {
                // Nothing of what was held leaves, and it is not kept either.
                self.wipe();
                let text = block.audience_text(self.stream.engine(), Audience::Subject);
                self.refused = Some(text);
                return Err(self.refusal());
            }
        };
        let n = (through - self.released) as usize;
        let mut out: Vec<u8> = self.bytes.drain(..n).collect();
        if matches!(verdict, Verdict::Edit { .. }) {
            let edits: &[Edit] = self.stream.edits();
            edits.iter().for_each(|edit| edit.apply(self.released, &mut out));
        }
        self.released = through;
        Ok(out)
    }

    fn wipe(&mut self) {
        let (front, back) = self.bytes.as_mut_slices();
        front.zeroize();
        back.zeroize();
        self.bytes.clear();
    }

    fn check(&self) -> io::Result<()> {
        if self.refused.is_some() { Err(self.refusal()) } else { Ok(()) }
    }

    fn refusal(&self) -> io::Error {
        io::Error::new(io::ErrorKind::PermissionDenied, self.refused.clone().unwrap_or_default())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// A writer that passes bytes on as far as the stream allows.
///
/// `flush` flushes what was released; held bytes stay held. Dropping the writer drops them: call [`finish`](Writer::finish).
///
/// # Errors
///
/// `write` returns [`io::ErrorKind::PermissionDenied`] with the reference of the refusal once the stream is blocked, and from then on.
///
/// ```
/// use std::io::Write;
/// use exfilter::{Authority, Engine, Flow, io::Writer};
/// let engine = Engine::builder().rules(exfilter::rules::builtin()).build()?;
/// let flow = Flow::outbound(Authority::parse(b"https://example.com")?);
/// let mut writer = Writer::new(engine.stream(flow), Vec::new());
/// writer.write_all(b"nothing secret")?;
/// assert_eq!(writer.finish()?, b"nothing secret");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer<W> {
    held: Held,
    inner: W,
}

impl<W: Write> Writer<W> {
    /// Wraps a writer.
    pub fn new(stream: Stream, inner: W) -> Writer<W> {
        Writer { held: Held::new(stream), inner }
    }

    /// Ends the stream, writes what it releases and gives the writer back.
    ///
    /// # Errors
    ///
    /// As `write`; the inner writer is lost then, and with it nothing that was released.
    pub fn finish(mut self) -> io::Result<W> {
        let last = self.held.finish()?;
        self.inner.write_all(&last)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.held.stream.poll_event()
    }

    /// The stream.
    pub fn stream(&self) -> &Stream {
        &self.held.stream
    }

    /// The inner writer.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let out = self.held.push(bytes)?;
        self.inner.write_all(&out)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A reader that yields bytes of another reader as far as the stream allows.
///
/// # Errors
///
/// `read` returns [`io::ErrorKind::PermissionDenied`] with the reference of the refusal once the stream is blocked, and from then on.
pub struct Reader<R> {
    held: Held,
    inner: R,
    ready: VecDeque<u8>,
    buffer: Box<[u8]>,
}

/// Bytes read at once.
const CHUNK: usize = 16 << 10;

impl<R: Read> Reader<R> {
    /// Wraps a reader.
    pub fn new(stream: Stream, inner: R) -> Reader<R> {
        Reader {
            held: Held::new(stream),
            inner,
            ready: VecDeque::new(),
            buffer: vec![0; CHUNK].into_boxed_slice(),
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.held.stream.poll_event()
    }

    /// The stream.
    pub fn stream(&self) -> &Stream {
        &self.held.stream
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() && !out.is_empty() {
            if self.held.finished {
                self.held.check()?;
                return Ok(0);
            }
            let n = self.inner.read(&mut self.buffer)?;
            let released = if n == 0 { self.held.finish()? } else { self.held.push(&self.buffer[..n])? };
            self.ready.extend(released);
        }
        self.ready.read(out)
    }
}
