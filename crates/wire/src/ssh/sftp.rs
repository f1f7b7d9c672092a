//! Packets of SFTP, version 3 ([draft-ietf-secsh-filexfer-02]), as every server of OpenSSH speaks it.
//!
//! [draft-ietf-secsh-filexfer-02]: https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02

use super::error::SshError;

/// The longest packet, in bytes, its length apart: that of OpenSSH.
const PACKET_MAX: usize = 256 << 10;

/// The code of a success.
pub const STATUS_OK: u32 = 0;

/// The code of a refusal.
pub const STATUS_DENIED: u32 = 3;

/// The most texts of a request: an extended one may list some.
const TEXTS_MAX: usize = 64;

/// Packets out of bytes that come in pieces.
///
/// ```text
/// length (4)  type (1)  the rest, length - 1
/// ```
///
/// Memory: one packet, 256 KiB at most.
#[derive(Default)]
pub struct Packets {
    bytes: Vec<u8>,
    told: bool,
}

impl Packets {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Packets {
        Packets::default()
    }

    /// Takes bytes up to the end of the next packet; whether there is one, which then is [`Packets::packet`].
    ///
    /// # Errors
    ///
    /// [`SshError`] for a length that no packet has.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<bool, SshError> {
        if std::mem::take(&mut self.told) {
            self.bytes.clear();
        }
        loop {
            let needed = match self.bytes.first_chunk::<4>() {
                None => 4,
                Some(length) => match u32::from_be_bytes(*length) as usize {
                    length @ 1..=PACKET_MAX => 4 + length,
                    _ => return Err(SshError::length()),
                },
            };
            if self.bytes.len() == needed && needed > 4 {
                self.told = true;
                return Ok(true);
            }
            let n = input.len().min(needed - self.bytes.len());
            if n == 0 {
                return Ok(false);
            }
            self.bytes.extend_from_slice(&input[..n]);
            *input = &input[n..];
        }
    }

    /// The packet that was completed, its length in front.
    #[must_use]
    pub fn packet(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether a packet has begun that is not complete.
    #[must_use]
    pub fn is_within(&self) -> bool {
        !self.told && !self.bytes.is_empty()
    }
}

impl std::fmt::Debug for Packets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packets").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// What a client asks. No `Debug`: it holds content.
#[non_exhaustive]
pub enum Request<'a> {
    /// The version that the client speaks.
    Init(u32),
    /// A file is opened.
    Open {
        /// The request's number.
        id: u32,
        /// Its name.
        path: &'a [u8],
        /// Whether what is written goes to the end, whatever offset it names.
        appends: bool,
        /// The rest: attributes.
        rest: &'a [u8],
    },
    /// A piece of a file.
    Write {
        /// The request's number.
        id: u32,
        /// Which file.
        handle: &'a [u8],
        /// Where in it.
        offset: u64,
        /// The piece.
        data: &'a [u8],
    },
    /// A file is closed.
    Close {
        /// The request's number.
        id: u32,
        /// Which file.
        handle: &'a [u8],
    },
    /// Any other: texts of its own choice.
    Other {
        /// The request's number.
        id: u32,
        /// The texts, names mostly.
        texts: Vec<&'a [u8]>,
    },
}

impl<'a> Request<'a> {
    /// Reads a packet of a client.
    ///
    /// # Errors
    ///
    /// [`SshError`] for what version 3 does not have: what stands in it, nobody can tell.
    pub fn parse(packet: &'a [u8]) -> Result<Request<'a>, SshError> {
        let mut fields = Fields(packet.get(4..).ok_or(SshError::packet())?);
        let kind = fields.byte()?;
        if kind == 1 {
            return Ok(Request::Init(fields.word()?));
        }
        let id = fields.word()?;
        // Names and handles that stand first.
        let strings = match kind {
            3 => {
                let path = fields.string()?;
                let appends = fields.word()? & 4 != 0;
                return Ok(Request::Open { id, path, appends, rest: fields.0 });
            }
            4 => return Ok(Request::Close { id, handle: fields.last()? }),
            6 => {
                let handle = fields.string()?;
                let offset = u64::from(fields.word()?) << 32 | u64::from(fields.word()?);
                return Ok(Request::Write { id, handle, offset, data: fields.last()? });
            }
            5 | 7..=17 | 19 | 200 => 1,
            18 | 20 => 2,
            _ => return Err(SshError::packet()),
        };
        let mut texts = Vec::new();
        for _ in 0..strings {
            texts.push(fields.string()?);
        }
        if !fields.0.is_empty() {
            // Numbers, attributes, and what extensions have: as they stand, and as strings if they are such.
            texts.push(fields.0);
            if kind == 200 {
                texts.extend(strings_of(fields.0));
            }
        }
        Ok(Request::Other { id, texts })
    }
}

/// The strings of which all of the bytes are made; none if they are not.
fn strings_of(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut fields, mut out) = (Fields(bytes), Vec::new());
    while !fields.0.is_empty() && out.len() < TEXTS_MAX {
        match fields.string() {
            Ok(string) => out.push(string),
            Err(_) => break,
        }
    }
    out
}

/// What a server answers, as far as it matters. No `Debug`: it holds content.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply<'a> {
    /// The version that is spoken from here on.
    Version(u32),
    /// How a request went.
    Status {
        /// The request's number.
        id: u32,
        /// [`STATUS_OK`], or why not.
        code: u32,
    },
    /// A file was opened.
    Handle {
        /// The request's number.
        id: u32,
        /// Its name from here on.
        handle: &'a [u8],
    },
    /// Anything else.
    Other,
}

impl<'a> Reply<'a> {
    /// Reads a packet of a server.
    ///
    /// # Errors
    ///
    /// [`SshError`] for one that is cut.
    pub fn parse(packet: &'a [u8]) -> Result<Reply<'a>, SshError> {
        let mut fields = Fields(packet.get(4..).ok_or(SshError::packet())?);
        Ok(match fields.byte()? {
            2 => Reply::Version(fields.word()?),
            101 => Reply::Status { id: fields.word()?, code: fields.word()? },
            102 => Reply::Handle { id: fields.word()?, handle: fields.string()? },
            _ => Reply::Other,
        })
    }
}

/// A server's packet that says how a request went.
#[must_use]
pub fn sftp_status(id: u32, code: u32, text: &str) -> Vec<u8> {
    let text = crate::reply::one_line(text, 400);
    let mut out = Vec::with_capacity(text.len() + 32);
    let length = u32::try_from(1 + 4 + 4 + 4 + text.len() + 4 + 2).expect("a line is short");
    out.extend_from_slice(&length.to_be_bytes());
    out.push(101);
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&code.to_be_bytes());
    for string in [text.as_bytes(), b"en"] {
        out.extend_from_slice(&u32::try_from(string.len()).expect("a line is short").to_be_bytes());
        out.extend_from_slice(string);
    }
    out
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], SshError> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(SshError::packet())?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, SshError> {
        Ok(self.take(1)?[0])
    }

    fn word(&mut self) -> Result<u32, SshError> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn string(&mut self) -> Result<&'a [u8], SshError> {
        let length = self.word()?;
        self.take(length as usize)
    }

    /// A string behind which nothing stands.
    fn last(&mut self) -> Result<&'a [u8], SshError> {
        let string = self.string()?;
        if self.0.is_empty() { Ok(string) } else { Err(SshError::packet()) }
    }
}
