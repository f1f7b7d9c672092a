//! pkt-lines: four hexadecimal digits that count themselves and what follows.
//!
//! ```text
//! 0000 flush   0001 delimiter   0002 end of response   0006a\n "a"
//! ```

use crate::error::GitError;

/// The longest pkt-line, its length included, in bytes.
pub const MAX: usize = 65520;

/// The longest content of one.
pub const DATA_MAX: usize = MAX - 4;

/// One pkt-line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0000`.
    Flush,
    /// `0001`.
    Delimiter,
    /// `0002`.
    ResponseEnd,
    /// Content, which may be empty.
    Data(&'a [u8]),
}

/// What [`decode`] found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A pkt-line.
    Complete {
        /// It.
        packet: Packet<'a>,
        /// Its length in the input.
        consumed: usize,
    },
    /// The beginning of one.
    Incomplete {
        /// How long the input must be at least.
        needed: usize,
    },
}

/// Reads the pkt-line at the beginning of `input`.
///
/// # Errors
///
/// [`GitError`] for a length that is no number, 3, or more than [`MAX`].
pub fn decode(input: &[u8]) -> Result<Decoded<'_>, GitError> {
    let digits = &input[..input.len().min(4)];
    let mut len = 0;
    for digit in digits {
        let value = char::from(*digit).to_digit(16).ok_or(GitError::length())?;
        len = len << 4 | value as usize;
    }
    if digits.len() < 4 {
        return Ok(Decoded::Incomplete { needed: 4 });
    }
    let packet = match len {
        0 => Packet::Flush,
        1 => Packet::Delimiter,
        2 => Packet::ResponseEnd,
        3 => return Err(GitError::length()),
        _ if len > MAX => return Err(GitError::length()),
        _ if len > input.len() => return Ok(Decoded::Incomplete { needed: len }),
        _ => return Ok(Decoded::Complete { packet: Packet::Data(&input[4..len]), consumed: len }),
    };
    Ok(Decoded::Complete { packet, consumed: 4 })
}

/// Appends a pkt-line of `data`, of which [`DATA_MAX`] bytes are taken at most.
pub fn write(data: &[u8], out: &mut Vec<u8>) {
    let data = &data[..data.len().min(DATA_MAX)];
    out.extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
    out.extend_from_slice(data);
}

/// Appends a flush.
pub fn flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}

/// Without the line feed at its end.
pub(crate) fn chomp(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

/// pkt-lines out of bytes that come in pieces.
#[derive(Default)]
pub(crate) struct Packets {
    partial: Vec<u8>,
}

/// What the next bytes completed.
pub(crate) enum Next {
    More,
    /// `0000`.
    Flush,
    /// Another one without content.
    Other,
    Data,
}

impl Packets {
    /// Takes bytes up to the end of the next pkt-line; the content is [`Packets::data`] then.
    pub(crate) fn take(&mut self, input: &mut &[u8]) -> Result<Next, GitError> {
        loop {
            let needed = match decode(&self.partial)? {
                Decoded::Complete { packet: Packet::Data(_), .. } => return Ok(Next::Data),
                Decoded::Complete { packet: Packet::Flush, .. } => return Ok(Next::Flush),
                Decoded::Complete { .. } => return Ok(Next::Other),
                Decoded::Incomplete { needed } => needed,
            };
            let n = input.len().min(needed - self.partial.len());
            if n == 0 {
                return Ok(Next::More);
            }
            self.partial.extend_from_slice(&input[..n]);
            *input = &input[n..];
        }
    }

    /// The content of the pkt-line that was completed.
    pub(crate) fn data(&self) -> &[u8] {
        self.partial.get(4..).unwrap_or_default()
    }

    /// The whole of it.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.partial
    }

    /// Makes room for the next one.
    pub(crate) fn clear(&mut self) {
        self.partial.clear();
    }
}
