//! [`Window`]: the bytes of a content that are at hand; [`Lines`]: where its lines begin.

use std::io::{self, Read};
use std::ops::Range;

use zeroize::Zeroizing;

use crate::keyfile;

/// Bytes behind the beginning of a value that are kept at hand for the rest of it: a key of 16 384 bits in PEM has 13 000.
pub(super) const REST: usize = 16 << 10;
/// Bytes kept when the window moves on.
pub(super) const KEPT: usize = 64 << 10;

/// The bytes at hand: all of a short content, the newest of a long one.
pub(super) struct Window<'a> {
    /// Its length only grows, so that no file costs the wiping of the next one's room; what counts is the first `used` bytes.
    buffer: &'a mut Zeroizing<Vec<u8>>,
    used: usize,
    /// The offset of the first of them.
    base: u64,
}

impl<'a> Window<'a> {
    /// An empty window that uses this buffer.
    pub(super) fn new(buffer: &'a mut Zeroizing<Vec<u8>>) -> Window<'a> {
        Window { buffer, used: 0, base: 0 }
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.used]
    }

    /// Whether nothing has left the window: the offsets of the bytes are those of the content.
    pub(super) fn is_whole(&self) -> bool {
        self.base == 0
    }

    /// The offset behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.base + self.used as u64
    }

    /// Reads once, up to `most` bytes.
    pub(super) fn fill(&mut self, reader: &mut dyn Read, most: usize) -> io::Result<usize> {
        let room = self.used + most;
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        loop {
            match reader.read(&mut self.buffer[self.used..room]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(n) => {
                    self.used += n;
                    return Ok(n);
                }
            }
        }
    }

    /// The last `n` bytes that were read.
    pub(super) fn newest(&self, n: usize) -> &[u8] {
        &self.buffer[self.used - n..self.used]
    }

    /// Lets go of what is no longer needed.
    pub(super) fn slide(&mut self) {
        let gone = self.used - KEPT;
        self.buffer.copy_within(gone..self.used, 0);
        self.used = KEPT;
        self.base += gone as u64;
    }

    /// The value that stands in `range`, to its end where only its beginning is known, and whether it is the whole of it.
    pub(super) fn value(&self, range: &Range<u64>, open_ended: bool) -> Option<(&[u8], bool)> {
        let start = usize::try_from(range.start.checked_sub(self.base)?).ok()?;
        let end = usize::try_from(range.end.checked_sub(self.base)?).ok()?;
        let text = self.bytes().get(start..)?;
        let known = text.get(..end.checked_sub(start)?)?;
        if !open_ended {
            return Some((known, true));
        }
        let text = &text[..text.len().min(REST)];
        if known.starts_with(b"-----BEGIN") {
            let (len, whole) = keyfile::pem_end(text);
            return Some((text[..len].trim_ascii_end(), whole));
        }
        let more = text[known.len()..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
            .count();
        Some((&text[..known.len() + more], known.len() + more < REST))
    }
}

/// Lines of offsets that only grow.
pub(super) struct Lines<'a> {
    content: &'a [u8],
    at: usize,
    line: u64,
    start: usize,
    whole: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(window: &'a Window<'_>) -> Lines<'a> {
        Lines { content: window.bytes(), at: 0, line: 1, start: 0, whole: window.is_whole() }
    }

    /// Line and column of an offset, both from 1.
    pub(super) fn at(&mut self, offset: u64) -> Option<(u64, u64)> {
        let offset = usize::try_from(offset).ok().filter(|o| self.whole && *o <= self.content.len())?;
        let end = offset.max(self.at);
        for newline in memchr::memchr_iter(b'\n', &self.content[self.at..end]) {
            self.line += 1;
            self.start = self.at + newline + 1;
        }
        self.at = end;
        Some((self.line, (offset.saturating_sub(self.start)) as u64 + 1))
    }
}
