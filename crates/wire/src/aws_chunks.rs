//! [`AwsChunks`]: the body that clients of S3 send by default, `Content-Encoding: aws-chunked`.
//!
//! ```text
//! 5[;chunk-signature=0123...] CRLF | hello CRLF | 0[;chunk-signature=...] CRLF | x-amz-checksum-crc32:... CRLF | CRLF
//! ```
//!
//! The form is that of [AWS's documentation](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html). The chunks are no transfer coding: servers store what they hold, so a value that is cut by the line of a chunk
//! is whole there.

/// The name of the coding.
const NAME: &[u8] = b"aws-chunked";

/// The longest line: a chunk's size and signature, a trailer.
const LINE_MAX: usize = 1024;

/// The most trailers; clients send a checksum and its signature.
const TRAILERS_MAX: usize = 16;

/// The most digits of a chunk's size.
const DIGITS_MAX: usize = 12;

/// What stands in such a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsChunk<'a> {
    /// Content, as far as it goes.
    Data(&'a [u8]),
    /// A line that is whole, without its end: a chunk's size with what follows it, or a trailer.
    Line,
}

/// Takes such a body apart as it comes.
#[derive(Clone, Debug, Default)]
pub struct AwsChunks {
    state: State,
    /// The line under way, or the one that was whole last.
    line: Vec<u8>,
    is_over: bool,
    left: u64,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    Data,
    /// The line break behind a chunk, of which so many bytes have come.
    Break(usize),
    Trailer,
    End,
    Broken,
}

/// Whether a content coding is this one.
pub(crate) fn is_aws_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(NAME)
}

impl AwsChunks {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> AwsChunks {
        AwsChunks::default()
    }

    /// Takes bytes off the front of `input`: those of one chunk, or to the end of a line. `None` when it is empty, or where it is none of such a body: see [`AwsChunks::is_broken`]. Then what is left of it comes behind [`AwsChunks::untold`].
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<AwsChunk<'a>> {
        while !input.is_empty() {
            match self.state {
                State::Data => {
                    let n = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
                    let data;
                    (data, *input) = input.split_at(n);
                    self.left -= n as u64;
                    if self.left == 0 {
                        self.state = State::Break(0);
                    }
                    return Some(AwsChunk::Data(data));
                }
                State::Break(n) => {
                    if input[0] != b"\r\n"[n] {
                        self.break_off();
                        return None;
                    }
                    *input = &input[1..];
                    self.state = if n == 0 { State::Break(1) } else { State::Size };
                }
                State::Size | State::Trailer => {
                    if self.read_line(input) {
                        return Some(AwsChunk::Line);
                    }
                }
                // Nothing comes behind the end.
                State::End => {
                    self.break_off();
                    return None;
                }
                State::Broken => return None,
            }
        }
        None
    }

    /// Where no line is expected.
    fn break_off(&mut self) {
        self.line.clear();
        self.state = State::Broken;
    }

    /// The beginning of a line of which nothing was told: it goes on, or was not understood.
    #[must_use]
    pub fn untold(&self) -> &[u8] {
        match self.state {
            State::Broken => &self.line,
            State::Size | State::Trailer if !self.is_over => &self.line,
            _ => &[],
        }
    }

    /// The line that [`AwsChunks::next`] told of.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Whether it has come to its end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.state == State::End
    }

    /// Whether it is none of such a body.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// Reads on in a line; true if it is whole.
    fn read_line(&mut self, input: &mut &[u8]) -> bool {
        if self.is_over {
            self.line.clear();
            self.is_over = false;
        }
        let room = &input[..input.len().min(LINE_MAX + 3 - self.line.len())];
        let end = room.iter().position(|b| *b == b'\n').map_or(room.len(), |at| at + 1);
        let part;
        (part, *input) = input.split_at(end);
        self.line.extend_from_slice(part);
        if self.line.len() > LINE_MAX + 2 {
            self.state = State::Broken;
            return false;
        }
        if self.line.pop_if(|last| *last == b'\n').is_none() {
            return false;
        }
        self.is_over = true;
        if self.line.pop_if(|last| *last == b'\r').is_none() {
            self.state = State::Broken;
            return false;
        }
        self.state = match self.state {
            State::Size => match size(&self.line) {
                Some(0) => State::Trailer,
                Some(left) => {
                    self.left = left;
                    State::Data
                }
                None => State::Broken,
            },
            _ if self.line.is_empty() => State::End,
            _ if self.trailers == TRAILERS_MAX => State::Broken,
            _ => {
                self.trailers += 1;
                State::Trailer
            }
        };
        self.state != State::Broken
    }
}

/// The size that a chunk's line tells.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|b| *b == b';').next()?;
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    digits.iter().try_fold(0, |size, digit| Some(size << 4 | u64::from((*digit as char).to_digit(16)?)))
}

#[cfg(test)]
mod tests {
    use exfilter_testing::Rng;

    use super::*;

    /// What stands in a body that comes in such pieces, if it is whole.
    fn read(pieces: &[&[u8]]) -> Option<(String, Vec<String>)> {
        let (mut chunks, mut data, mut lines) = (AwsChunks::new(), Vec::new(), Vec::new());
        for piece in pieces {
            let mut rest = *piece;
            while let Some(read) = chunks.next(&mut rest) {
                match read {
                    AwsChunk::Data(bytes) => data.extend_from_slice(bytes),
                    AwsChunk::Line => lines.push(String::from_utf8_lossy(chunks.line()).into_owned()),
                }
            }
            assert_eq!(rest.is_empty(), !chunks.is_broken());
            if chunks.is_broken() {
                return None;
            }
        }
        chunks.is_whole().then(|| (String::from_utf8_lossy(&data).into_owned(), lines))
    }

    const SIGNED: &str = "7;chunk-signature=ab\r\nhe\r\n\r\nl\r\n2\r\nlo\r\n0;chunk-signature=cd\r\nx-amz-checksum-crc32:x==\r\n\r\n";

    #[test]
    fn chunks_are_taken_apart_in_any_pieces() {
        let (data, lines) = read(&[SIGNED.as_bytes()]).expect("it is whole");
        assert_eq!(data, "he\r\n\r\nllo");
        let told = ["7;chunk-signature=ab", "2", "0;chunk-signature=cd", "x-amz-checksum-crc32:x==", ""];
        assert_eq!(lines, told);
        let mut rng = Rng::new(41);
        for _ in 0..200 {
            let (mut pieces, mut rest) = (Vec::new(), SIGNED.as_bytes());
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(1 + rng.below(rest.len().min(9)));
                pieces.push(piece);
                rest = behind;
            }
            assert_eq!(read(&pieces), Some((data.clone(), lines.clone())));
        }
        assert_eq!(read(&[b"0\r\n\r\n"]), Some((String::new(), vec!["0".into(), String::new()])));
    }

    #[test]
    fn what_is_none_is_broken_or_not_whole() {
        for end in 0..SIGNED.len() {
            assert_eq!(read(&[&SIGNED.as_bytes()[..end]]), None, "{end}");
        }
        let long = format!("1;{}\r\nx\r\n0\r\n\r\n", "x".repeat(LINE_MAX));
        let endless = "1".repeat(5 * LINE_MAX);
        let many = format!("0\r\n{}\r\n", "a:b\r\n".repeat(TRAILERS_MAX + 1));
        for body in [
            "hello",
            "5\nhello\r\n0\r\n\r\n",
            "x\r\nhello\r\n0\r\n\r\n",
            ";a\r\nhello\r\n0\r\n\r\n",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n ",
            "fffffffffffff\r\nhello",
            "+5\r\nhello\r\n0\r\n\r\n",
            &long,
            &endless,
            &many,
        ] {
            assert_eq!(read(&[body.as_bytes()]), None, "{body}");
        }
    }
}
