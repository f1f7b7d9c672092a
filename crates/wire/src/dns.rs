//! One question of the DNS ([RFC 1035](https://www.rfc-editor.org/rfc/rfc1035)), and the answers of a server that has addresses for some names and knows nothing else.
//!
//! ```text
//!  0         2         4         6         8         10        12
//! +---------+---------+---------+---------+---------+---------+------------------+------+-------+------------------------------+
//! | id      | flags   | 1       | 0       | 0       | 0 or 1  | 3www7example3com0| type | class | 0, 41, ... (EDNS, RFC 6891)  |
//! +---------+---------+---------+---------+---------+---------+------------------+------+-------+------------------------------+
//! ```
//!
//! Whatever is not of this form is refused: there is one way to read a name, without pointers. Labels may have any bytes here; who asks decides which are names of hosts.
//!
//! ```
//! use exfilter_wire::dns::{Answer, Query};
//!
//! let mut message = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
//! message.extend(b"\x07example\x03com\x00\x00\x01\x00\x01");
//! let query = Query::parse(&message)?;
//! assert_eq!(query.name(), b"example.com");
//! let reply = query.reply(&Answer::Addresses { v4: Some([192, 0, 2, 1].into()), v6: None });
//! assert_eq!(reply[..4], [0xab, 0xcd, 0x81, 0x80]);
//! assert!(reply.ends_with(&[192, 0, 2, 1]));
//! # Ok::<(), exfilter_wire::dns::Malformed>(())
//! ```

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest message that is read, in bytes: that of UDP without extensions. Questions are far shorter.
pub const MESSAGE_MAX: usize = 512;

/// The longest name, in bytes of its labels and their lengths.
pub const NAME_MAX: usize = 255;

/// How long an answer is good, in seconds.
const GOOD_FOR: u32 = 60;

const HEADER: usize = 12;
const A: u16 = 1;
const AAAA: u16 = 28;
const OPT: u16 = 41;
const IN: u16 = 1;

/// Bytes of the additional record by which extensions are asked for, without its data.
const EXTENSION: usize = 11;

/// What a message is that is no question of this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    id: u16,
    code: Option<Code>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Code {
    Good = 0,
    Form = 1,
    NotImplemented = 4,
    Refused = 5,
}

impl Malformed {
    /// What is answered, if anything: what is too short or an answer itself gets none.
    #[must_use]
    pub fn reply(&self) -> Option<[u8; HEADER]> {
        Some(header(self.id, false, self.code?, [0, 0, 0]))
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no question of the DNS")
    }
}

impl std::error::Error for Malformed {}

/// A question.
#[derive(Clone, PartialEq, Eq)]
pub struct Query {
    id: u16,
    recurses: bool,
    /// As it was asked, to be repeated.
    question: Vec<u8>,
    name: Vec<u8>,
    kind: u16,
    class: u16,
    is_extended: bool,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The name has these addresses, and nothing else.
    Addresses {
        /// Of version 4.
        v4: Option<Ipv4Addr>,
        /// Of version 6.
        v6: Option<Ipv6Addr>,
    },
    /// Nothing is said of it.
    Refused,
}

impl Query {
    /// Reads a message of UDP.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for anything but one question in the only form there is.
    pub fn parse(message: &[u8]) -> Result<Query, Malformed> {
        let Some((head, rest)) = message.split_first_chunk::<HEADER>() else {
            return Err(Malformed { id: 0, code: None });
        };
        let [word, flags, questions, answers, authorities, additional] =
            [0, 2, 4, 6, 8, 10].map(|at| u16::from_be_bytes([head[at], head[at + 1]]));
        let wrong = |code| Malformed { id: word, code };
        // An answer to an answer would be a loop.
        if flags & 0x8000 != 0 {
            return Err(wrong(None));
        }
        if flags & 0x7800 != 0 {
            return Err(wrong(Some(Code::NotImplemented)));
        }
        let is_one = (questions, answers, authorities) == (1, 0, 0) && additional <= 1;
        // Truncated ones do not come to their end either.
        if !is_one || flags & 0x0200 != 0 || message.len() > MESSAGE_MAX {
            return Err(wrong(Some(Code::Form)));
        }
        let read = read(rest).filter(|read| is_end(read.rest, additional == 1));
        let read = read.ok_or_else(|| wrong(Some(Code::Form)))?;
        Ok(Query {
            id: word,
            recurses: flags & 0x0100 != 0,
            question: rest[..rest.len() - read.rest.len()].to_vec(),
            name: read.name,
            kind: read.kind,
            class: read.class,
            is_extended: additional == 1,
        })
    }

    /// The name, its labels joined by dots, in the case in which it was asked for. Empty for the root. A label may hold dots and any other bytes itself.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// What is sent.
    #[must_use]
    pub fn reply(&self, answer: &Answer) -> Vec<u8> {
        let (code, data) = match answer {
            Answer::Addresses { v4, v6 } if self.class == IN => (Code::Good, self.data(*v4, *v6)),
            _ => (Code::Refused, None),
        };
        let counts = [1, u16::from(data.is_some()), u16::from(self.is_extended)];
        let mut out = header(self.id, self.recurses, code, counts).to_vec();
        out.extend(&self.question);
        if let Some(data) = data {
            // The name that stands behind the header.
            out.extend([0xc0, 12]);
            out.extend(self.kind.to_be_bytes());
            out.extend(IN.to_be_bytes());
            out.extend(GOOD_FOR.to_be_bytes());
            out.extend(u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
            out.extend(data);
        }
        if self.is_extended {
            out.push(0);
            out.extend(OPT.to_be_bytes());
            out.extend((MESSAGE_MAX as u16).to_be_bytes());
            out.extend([0; 6]);
        }
        out
    }

    fn data(&self, v4: Option<Ipv4Addr>, v6: Option<Ipv6Addr>) -> Option<Vec<u8>> {
        match self.kind {
            A => v4.map(|ip| ip.octets().to_vec()),
            AAAA => v6.map(|ip| ip.octets().to_vec()),
            _ => None,
        }
    }
}

/// Names are content.
impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("kind", &self.kind).field("class", &self.class).finish_non_exhaustive()
    }
}

struct Read<'a> {
    name: Vec<u8>,
    kind: u16,
    class: u16,
    rest: &'a [u8],
}

/// A name, a type and a class.
fn read(bytes: &[u8]) -> Option<Read<'_>> {
    let (mut name, mut rest) = (Vec::new(), bytes);
    loop {
        let (&len, behind) = rest.split_first()?;
        if len == 0 {
            rest = behind;
            break;
        }
        // What is longer is a pointer, or a kind that never came to be.
        if len > 63 || bytes.len() - behind.len() + usize::from(len) + 1 > NAME_MAX {
            return None;
        }
        let (label, behind) = behind.split_at_checked(len.into())?;
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend(label);
        rest = behind;
    }
    let (words, rest) = rest.split_first_chunk::<4>()?;
    let [a, b, c, d] = *words;
    Some(Read { name, kind: u16::from_be_bytes([a, b]), class: u16::from_be_bytes([c, d]), rest })
}

/// Whether a message ends there, or behind the record of extensions.
fn is_end(rest: &[u8], is_extended: bool) -> bool {
    if !is_extended {
        return rest.is_empty();
    }
    let Some((record, data)) = rest.split_first_chunk::<EXTENSION>() else { return false };
    let is_extension = record[0] == 0 && u16::from_be_bytes([record[1], record[2]]) == OPT;
    is_extension && usize::from(u16::from_be_bytes([record[9], record[10]])) == data.len()
}

fn header(id: u16, recurses: bool, code: Code, counts: [u16; 3]) -> [u8; HEADER] {
    let flags = 0x8080 | if recurses { 0x0100 } else { 0 } | code as u16;
    let [questions, answers, additional] = counts;
    let mut out = [0; HEADER];
    for (at, word) in [id, flags, questions, answers, 0, additional].into_iter().enumerate() {
        out[2 * at..2 * at + 2].copy_from_slice(&word.to_be_bytes());
    }
    out
}
