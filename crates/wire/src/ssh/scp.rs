//! [`Scp`]: the protocol of scp, as the side that sends files speaks it, and as the other answers.

use super::error::SshError;

/// The longest line, in bytes: a name has 255, and OpenSSH takes 2 KiB.
const LINE_MAX: usize = 16 << 10;

/// What came next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScpPart {
    /// A whole line is [`Scp::line`], with its line feed; if it announces a file, the size of the file.
    Line {
        /// Bytes of content that follow.
        file: Option<u64>,
    },
    /// So many bytes of the input are content of the file.
    Data(usize),
    /// A NUL: the file, or what was asked, is complete.
    Done,
}

/// Reads what one side sends.
///
/// ```text
/// sender    T1700000000 0 1700000000 0\n   times of what follows, if they are kept
///           D0755 0 name\n  ...  E\n       a folder, to its end
///           C0644 5 name\n hello \0        a file: its size, its content, and that it went well
///           \x01 or \x02, text, \n         a warning, or the end
/// receiver  \0 for each of those, or \x01 or \x02 with a text
/// ```
///
/// Memory: one line, 16 KiB at most.
#[derive(Default)]
pub struct Scp {
    line: Vec<u8>,
    /// Whether `line` has been told of.
    told: bool,
    /// Content that is still to come.
    left: u64,
    /// Whether the NUL of a file is to come.
    in_file: bool,
    receives: bool,
}

impl Scp {
    /// What the side that sends files says.
    #[must_use]
    pub fn sender() -> Scp {
        Scp::default()
    }

    /// What the side that gets files answers.
    #[must_use]
    pub fn receiver() -> Scp {
        Scp { receives: true, ..Scp::default() }
    }

    /// Reads on; returns how many bytes of the input were taken, and what they completed. `None` with all of them taken.
    ///
    /// # Errors
    ///
    /// [`SshError`] for what the protocol does not have.
    pub fn next(&mut self, input: &[u8]) -> Result<(usize, Option<ScpPart>), SshError> {
        if self.left > 0 {
            let n = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
            self.left -= n as u64;
            return Ok((n, (n > 0).then_some(ScpPart::Data(n))));
        }
        if std::mem::take(&mut self.told) {
            self.line.clear();
        }
        let Some(first) = self.line.first().or(input.first()).copied() else { return Ok((0, None)) };
        if first == 0 {
            if !self.in_file && !self.receives {
                return Err(SshError::line());
            }
            self.in_file = false;
            return Ok((1, Some(ScpPart::Done)));
        }
        let allowed: &[u8] = match (self.receives, self.in_file) {
            (true, _) | (_, true) => b"\x01\x02",
            _ => b"CDET\x01\x02",
        };
        if !allowed.contains(&first) {
            return Err(SshError::line());
        }
        let end = input.iter().position(|b| *b == b'\n');
        let n = end.map_or(input.len(), |end| end + 1);
        if self.line.len() + n > LINE_MAX {
            return Err(SshError::length());
        }
        self.line.extend_from_slice(&input[..n]);
        if end.is_none() {
            return Ok((n, None));
        }
        self.told = true;
        self.in_file = false;
        let file = if first == b'C' { Some(size(&self.line)?) } else { None };
        if let Some(size) = file {
            (self.left, self.in_file) = (size, true);
        }
        Ok((n, Some(ScpPart::Line { file })))
    }

    /// The line that was completed last.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.line
    }
}

impl std::fmt::Debug for Scp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scp").field("left", &self.left).finish_non_exhaustive()
    }
}

/// The size in `C0644 5 name`.
fn size(line: &[u8]) -> Result<u64, SshError> {
    let digits = line.split(|b| *b == b' ').nth(1).ok_or(SshError::line())?;
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(SshError::size());
    }
    Ok(digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// How a receiver says that it takes nothing more: scp prints the text.
#[must_use]
pub fn scp_refusal(text: &str) -> Vec<u8> {
    format!("\x01{}\n", crate::reply::one_line(text, 400)).into_bytes()
}
