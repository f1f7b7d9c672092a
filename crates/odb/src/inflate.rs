//! [`Inflate`]: a whole zlib stream into a buffer of a length that is known.

use zlib_rs::{InflateFlush, Status};

use crate::damage::Damage;

/// The most that a byte of deflate can stand for, in bytes, and a little more.
const RATIO: u64 = 1040;

/// The window of deflate, as a power of two.
const WINDOW: u8 = 15;

/// A decoder that is used again and again.
pub(crate) struct Inflate {
    state: zlib_rs::Inflate,
}

impl Inflate {
    pub(crate) fn new() -> Inflate {
        Inflate { state: zlib_rs::Inflate::new(true, WINDOW) }
    }

    /// Replaces what is in `out` by `size` bytes: all that the stream at the beginning of `input` stands for.
    pub(crate) fn whole(&mut self, input: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), Damage> {
        if size as u64 > (input.len() as u64).saturating_mul(RATIO) {
            return Err(Damage::Body);
        }
        // One byte more, so that a stream that is too long shows.
        out.resize(size + 1, 0);
        self.state.reset(true);
        let ended = self.state.decompress(input, out, InflateFlush::Finish);
        out.truncate(size);
        match ended {
            Ok(Status::StreamEnd) if self.state.total_out() == size as u64 => Ok(()),
            _ => Err(Damage::Body),
        }
    }

    /// The first bytes, of which `out` has room for as many as are wanted; how many there are.
    pub(crate) fn beginning(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Damage> {
        self.state.reset(true);
        match self.state.decompress(input, out, InflateFlush::NoFlush) {
            Ok(_) => Ok(self.state.total_out() as usize),
            Err(_) => Err(Damage::Body),
        }
    }
}
