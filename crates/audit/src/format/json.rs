//! JSON: one document or several, with the comments and trailing commas of editors' settings, with bare words as YAML's flow style has them.
//!
//! A reader of its own rather than a parser of values: it tells where a value stands, goes on behind a fault, keeps no tree of secrets in
//! memory, and knows no depth at which a stack ends.

use memchr::memmem;
use zeroize::Zeroizing;

use super::Sink;
use super::path::Trail;

/// An object or list that is open.
enum Frame {
    Object {
        /// Whether a name stands on the trail and waits for its value.
        named: bool,
    },
    List {
        next: usize,
    },
}

/// Brackets that are open; deeper ones are read as if they were not there.
const MAX_OPEN: usize = 1024;

/// Reads `bytes` from `at` on.
pub(super) fn read(bytes: &[u8], at: usize, sink: &mut Sink<'_>) {
    let mut trail = Trail::new();
    Reader { bytes, at, end: bytes.len() }.run(&mut trail, sink);
}

/// Reads the flow-style collection in `bytes[at..end]`, whose name is `trail`.
pub(super) fn read_flow(bytes: &[u8], at: usize, end: usize, trail: &mut Trail, sink: &mut Sink<'_>) {
    let depth = trail.depth();
    Reader { bytes, at, end }.run(trail, sink);
    trail.pop_to(depth);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl Reader<'_> {
    fn run(&mut self, trail: &mut Trail, sink: &mut Sink<'_>) {
        let mut frames: Vec<Frame> = Vec::new();
        while self.at < self.end {
            match self.bytes[self.at] {
                b'{' | b'[' => {
                    if frames.len() < MAX_OPEN {
                        enter_element(&mut frames, trail);
                        let list = self.bytes[self.at] == b'[';
                        frames.push(if list {
                            Frame::List { next: 0 }
                        } else {
                            Frame::Object { named: false }
                        });
                    }
                    self.at += 1;
                }
                b'}' | b']' => {
                    if let Some(Frame::Object { named: true }) = frames.pop() {
                        trail.pop();
                    }
                    leave_element(&mut frames, trail);
                    self.at += 1;
                }
                b',' => {
                    if let Some(Frame::Object { named }) = frames.last_mut()
                        && std::mem::take(named)
                    {
                        trail.pop();
                    }
                    self.at += 1;
                }
                b'"' | b'\'' => {
                    let (text, start) = self.string();
                    take(&text, start, &mut frames, trail, sink);
                }
                b'/' if self.bytes[self.at..self.end].starts_with(b"//") => {
                    self.at +=
                        memchr::memchr(b'\n', &self.bytes[self.at..self.end]).unwrap_or(self.end - self.at);
                }
                b'/' if self.bytes[self.at..self.end].starts_with(b"/*") => {
                    let rest = &self.bytes[self.at + 2..self.end];
                    self.at += 2 + memmem::find(rest, b"*/").map_or(rest.len(), |n| n + 2);
                }
                b' ' | b'\t' | b'\r' | b'\n' | b':' => self.at += 1,
                _ => {
                    let start = self.at;
                    while self.at < self.end && !b"{}[],:\"'\n\r".contains(&self.bytes[self.at]) {
                        self.at += 1;
                    }
                    // A colon inside a word (an address) is no end of it; one before a blank is.
                    while self.at + 1 < self.end
                        && self.bytes[self.at] == b':'
                        && !self.bytes[self.at + 1].is_ascii_whitespace()
                        && !b"{[\"'".contains(&self.bytes[self.at + 1])
                    {
                        self.at += 1;
                        while self.at < self.end && !b"{}[],:\"'\n\r".contains(&self.bytes[self.at]) {
                            self.at += 1;
                        }
                    }
                    if self.at == start {
                        self.at += 1;
                    }
                    let word = self.bytes[start..self.at].trim_ascii();
                    take(word, start, &mut frames, trail, sink);
                }
            }
        }
    }

    /// The string that begins here, escapes undone, and the offset behind its quote. An unterminated one ends with the text.
    fn string(&mut self) -> (Zeroizing<Vec<u8>>, usize) {
        let quote = self.bytes[self.at];
        self.at += 1;
        let start = self.at;
        let mut out = Zeroizing::new(Vec::new());
        while self.at < self.end {
            let byte = self.bytes[self.at];
            self.at += 1;
            match byte {
                b'\\' if self.at < self.end => {
                    let escape = self.bytes[self.at];
                    self.at += 1;
                    match escape {
                        b'n' => out.push(b'\n'),
                        b'r' => out.push(b'\r'),
                        b't' => out.push(b'\t'),
                        b'b' => out.push(8),
                        b'f' => out.push(12),
                        b'u' => self.unicode(&mut out),
                        other => out.push(other),
                    }
                }
                byte if byte == quote => break,
                byte => out.push(byte),
            }
        }
        (out, start)
    }

    fn unicode(&mut self, out: &mut Vec<u8>) {
        let Some(first) = self.four_digits() else { return };
        let mut code = u32::from(first);
        if (0xd800..0xdc00).contains(&code) && self.bytes[self.at..self.end].starts_with(b"\\u") {
            let before = self.at;
            self.at += 2;
            match self.four_digits() {
                Some(low) if (0xdc00..0xe000).contains(&low) => {
                    code = 0x10000 + ((code - 0xd800) << 10) + (u32::from(low) - 0xdc00);
                }
                _ => self.at = before,
            }
        }
        let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn four_digits(&mut self) -> Option<u16> {
        let digits = self.bytes.get(self.at..self.at + 4).filter(|_| self.at + 4 <= self.end)?;
        let value = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        self.at += 4;
        Some(value)
    }
}

/// A word or string: a name if an object waits for one, else a value.
fn take(text: &[u8], start: usize, frames: &mut [Frame], trail: &mut Trail, sink: &mut Sink<'_>) {
    match frames.last_mut() {
        Some(Frame::Object { named }) if !*named => {
            *named = true;
            trail.push(text);
        }
        Some(Frame::Object { .. }) | None => sink(trail.name(), text, start),
        Some(Frame::List { next }) => {
            trail.push_index(*next);
            *next += 1;
            sink(trail.name(), text, start);
            trail.pop();
        }
    }
}

/// A collection inside a list has a number.
fn enter_element(frames: &mut [Frame], trail: &mut Trail) {
    if let Some(Frame::List { next }) = frames.last_mut() {
        trail.push_index(*next);
        *next += 1;
    }
}

fn leave_element(frames: &mut [Frame], trail: &mut Trail) {
    if let Some(Frame::List { .. }) = frames.last() {
        trail.pop();
    }
}
