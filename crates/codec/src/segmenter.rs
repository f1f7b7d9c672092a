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
        /// Length of the content in bytes, as declared; `u64::MAX` where nothing declares it.
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

/// Takes steps until `input`, which they take from, is empty or one of them fails.
pub(crate) fn take_steps(
    mut input: &[u8],
    mut step: impl FnMut(&mut &[u8]) -> Result<(), (u64, Fault)>,
) -> Result<(), (u64, Fault)> {
    while !input.is_empty() {
        step(&mut input)?;
    }
    Ok(())
}

/// Takes up to `want` bytes off the front of `input`, and counts them in `offset`.
pub(crate) fn take<'a>(input: &mut &'a [u8], want: u64, offset: &mut u64) -> &'a [u8] {
    let len = usize::try_from(want).map_or(input.len(), |want| want.min(input.len()));
    let (taken, rest) = input.split_at(len);
    *input = rest;
    *offset += len as u64;
    taken
}

/// Fills `block`, whose first `have` bytes are there; true once it is whole.
pub(crate) fn fill(block: &mut [u8], have: &mut usize, input: &mut &[u8], offset: &mut u64) -> bool {
    let taken = take(input, (block.len() - *have) as u64, offset);
    block[*have..*have + taken.len()].copy_from_slice(taken);
    *have += taken.len();
    *have == block.len()
}

/// Appends what of `bytes` fits into a name of at most [`Part::NAME_MAX`] bytes.
pub(crate) fn keep(name: &mut Vec<u8>, bytes: &[u8]) {
    let room = Part::NAME_MAX.saturating_sub(name.len());
    name.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// What stands before the first zero.
pub(crate) fn before_zero(field: &[u8]) -> &[u8] {
    field.split(|&b| b == 0).next().unwrap_or_default()
}
