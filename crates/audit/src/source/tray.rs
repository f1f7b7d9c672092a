//! [`Tray`]: small texts behind each other, examined in one stream: nearly none holds anything, and a stream for each is a microsecond for each.
//!
//! ```text
//! | text | seam | text | seam | text | seam |    one stream
//!     nothing found     --> all of them hold nothing
//!     whatever is found --> each is examined by itself, from the same bytes
//! ```
//!
//! What stands in a text is found behind others too: rules look at a value and the bytes beside it, and the seam ends tokens, lines and what is folded over lines. What is told by the first bytes of a content would not be, so
//! such contents are not put here; nor are any that have bytes no text has. What only two texts together hold is found, and then each is asked.

use std::fs::Metadata;
use std::io::{self, Read};
use std::ops::Range;

use exfilter::Engine;
use zeroize::Zeroizing;

use crate::view::Spot;

/// The longest text that is put here, in bytes.
pub(super) const SMALL: u64 = 32 << 10;
/// So many bytes are enough for one look.
const FULL: usize = 96 << 10;
/// What stands between two texts.
const SEAM: &[u8] = b"\n.\n";

/// Texts that wait.
#[derive(Default)]
pub(crate) struct Tray {
    /// Its length only grows, so that no file costs the wiping of the next one's room; what counts is the first `used` bytes.
    buffer: Zeroizing<Vec<u8>>,
    used: usize,
    texts: Vec<Text>,
}

/// A file that waits.
pub(super) struct Text {
    pub(super) spot: Spot,
    pub(super) meta: Metadata,
    range: Range<usize>,
}

/// What came of reading a file.
pub(super) enum Put {
    /// It waits.
    Waits,
    /// It must be examined by itself, from its beginning.
    Alone(Box<(Spot, Metadata)>),
}

impl Tray {
    /// Reads a file that the system says has `meta.len()` bytes, [`SMALL`] at most.
    pub(super) fn put(&mut self, spot: Spot, meta: Metadata, file: &mut dyn Read) -> Put {
        let len = usize::try_from(meta.len()).unwrap_or(usize::MAX).min(SMALL as usize);
        let (start, room) = (self.used, self.used + len + 1 + SEAM.len());
        if self.buffer.len() < room {
            // No copy stays behind that nobody wipes.
            let mut larger = Zeroizing::new(vec![0; room.max(FULL + SMALL as usize)]);
            larger[..start].copy_from_slice(&self.buffer[..start]);
            self.buffer = larger;
        }
        let read = read_once(file, &mut self.buffer[start..=start + len]).unwrap_or(0);
        let text = &self.buffer[start..start + read];
        // A file that grows, shrinks or fails is read as others are, to where it ends.
        if read != len || !is_text(text) || Engine::is_told_by_its_beginning(text) {
            return Put::Alone(Box::new((spot, meta)));
        }
        let end = start + read;
        self.buffer[end..end + SEAM.len()].copy_from_slice(SEAM);
        self.used = end + SEAM.len();
        // It was read: its folder is not needed for it.
        self.texts.push(Text { spot: spot.alone(), meta, range: start..end });
        Put::Waits
    }

    /// Whether it is time to look.
    pub(super) fn is_full(&self) -> bool {
        self.used >= FULL
    }

    /// All that waits, behind each other.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.used]
    }

    /// The files, each with its bytes.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&Text, &[u8])> {
        self.texts.iter().map(|text| (text, &self.buffer[text.range.clone()]))
    }

    /// Nothing waits any more.
    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.texts.clear();
    }
}

fn read_once(file: &mut dyn Read, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Whether there are no bytes but those of text in ASCII or UTF-8.
fn is_text(bytes: &[u8]) -> bool {
    let of_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
    // Without a way out of the inner loop it is done many bytes at a time.
    bytes.chunks(256).all(|chunk| chunk.iter().fold(true, |all, byte| all & of_text(byte)))
}
