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

use std::io::{self, Read};
use std::ops::Range;

use exfilter::Engine;
use zeroize::Zeroizing;

use crate::view::Spot;

/// The longest text that is put here, in bytes.
pub(super) const SMALL: usize = 32 << 10;
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
    range: Range<usize>,
}

/// What came of reading a file.
pub(super) enum Put {
    /// It waits.
    Waits,
    /// It must be examined by itself, from its beginning.
    Alone(Spot),
}

impl Tray {
    /// Reads a file, if it has not more than `most` bytes, [`SMALL`] at most.
    pub(super) fn put(&mut self, spot: Spot, file: &mut dyn Read, most: usize) -> Put {
        let most = most.min(SMALL);
        if self.buffer.is_empty() {
            // As long as it ever gets: a copy that grew would leave another one behind.
            *self.buffer = vec![0; FULL + SMALL + 1 + SEAM.len()];
        }
        let start = self.used;
        let room = &mut self.buffer[start..=start + most];
        // What fails, gives nothing, or goes on where it should have ended, is read as others are, to where it ends.
        let read = match read_once(file, room) {
            Ok(read) if read > 0 && read <= most && matches!(read_once(file, &mut room[read..]), Ok(0)) => {
                read
            }
            _ => return Put::Alone(spot),
        };
        let text = &self.buffer[start..start + read];
        if !is_text(text) || Engine::is_told_by_its_beginning(text) {
            return Put::Alone(spot);
        }
        let end = start + read;
        self.buffer[end..end + SEAM.len()].copy_from_slice(SEAM);
        self.used = end + SEAM.len();
        // It was read: its folder is not needed for it.
        self.texts.push(Text { spot: spot.alone(), range: start..end });
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::path::Path;

    use super::*;
    use crate::view::View;

    /// Gives one piece for each read, then nothing, then faults.
    struct Pieces(VecDeque<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let Some(mut piece) = self.0.pop_front() else { return Err(io::Error::other("gone")) };
            let rest = piece.split_off(piece.len().min(room.len()));
            room[..piece.len()].copy_from_slice(&piece);
            if !rest.is_empty() {
                self.0.push_front(rest);
            }
            Ok(piece.len())
        }
    }

    fn put(tray: &mut Tray, pieces: &[&[u8]], most: usize) -> bool {
        let spot = View::of_nothing().child(Path::new("/"), "x".as_ref());
        let mut file = Pieces(pieces.iter().map(|piece| piece.to_vec()).collect());
        matches!(tray.put(spot, &mut file, most), Put::Waits)
    }

    #[test]
    fn only_whole_small_texts_wait() {
        let mut tray = Tray::default();
        assert!(put(&mut tray, &[b"one\n", b""], SMALL));
        assert!(put(&mut tray, &[&[b'x'; SMALL], b""], usize::MAX));
        let waiting: Vec<usize> = tray.texts().map(|(_, bytes)| bytes.len()).collect();
        assert_eq!(waiting, [4, SMALL]);
        assert_eq!(tray.bytes().len(), 4 + SMALL + 2 * SEAM.len());
        let refused: [(&[&[u8]], usize); 8] = [
            // Nothing, or nothing that can be read.
            (&[b""], SMALL),
            (&[], SMALL),
            // What goes on where it should have ended, and what is not known to have ended.
            (&[b"one\n", b"two\n", b""], SMALL),
            (&[b"one\n"], SMALL),
            (&[&[b'x'; SMALL + 1], b""], usize::MAX),
            (&[b"12345", b""], 4),
            // No text, and what is told by its first bytes.
            (&[b"a\0b", b""], SMALL),
            (&[b"070701 is how cpio begins", b""], SMALL),
        ];
        for (n, (pieces, most)) in refused.into_iter().enumerate() {
            assert!(!put(&mut tray, pieces, most), "{n}");
        }
        assert_eq!(tray.texts().count(), 2);
        tray.clear();
        assert!(tray.bytes().is_empty());
    }
}
