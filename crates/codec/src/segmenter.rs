//! The [`Segmenter`] trait.

use crate::decoder::Fault;

/// A boundary inside bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A member's content begins.
    Begin {
        /// Offset of the first content byte, in the segmenter's input.
        at: u64,
        /// Offset of the first byte of the header(s) that named it.
        header: u64,
        /// Length of the content in bytes, as declared.
        len: u64,
        /// The name as it stands, cut to [`Part::NAME_MAX`] bytes; any bytes.
        name: Vec<u8>,
    },
    /// The member's content ended at this offset.
    End {
        /// Offset after the last content byte.
        at: u64,
    },
}

impl Part {
    /// The longest name handed out, in bytes.
    pub const NAME_MAX: usize = 4096;
}

/// Finds names and boundaries in bytes; owns no output and never cuts what the caller scans.
pub trait Segmenter: Send {
    /// Reads the next bytes and reports boundaries in order. After an error it ignores everything.
    ///
    /// # Errors
    ///
    /// The [`Fault`] that makes further boundaries unknowable, with the offset at which it stands.
    fn feed(&mut self, input: &[u8], sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)>;

    /// Says that no input follows.
    ///
    /// # Errors
    ///
    /// [`Fault::Truncated`] inside a member or a header, with the offset of its header.
    fn finish(&mut self, sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)>;
}
