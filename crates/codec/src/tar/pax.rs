//! Pax records: `LEN KEY=VALUE\n`, `LEN` counting the whole record.

use super::Described;
use crate::decoder::Fault;
use crate::segmenter::Part;

/// The longest key that is looked at, in bytes.
const KEY_MAX: usize = 16;

/// More digits than a size or a length below 2^63 has.
const DIGITS_MAX: usize = 20;

/// Reads records in any slicing. Holds a key, and a value only of the keys that matter.
pub(super) struct Records {
    at: At,
    /// The key, and a byte more if it is longer than [`KEY_MAX`].
    key: Vec<u8>,
    value: Vec<u8>,
}

#[derive(Clone, Copy)]
enum At {
    Len {
        value: u64,
        digits: u64,
    },
    /// `left` bytes of the record, the line feed among them.
    Key {
        left: u64,
    },
    Value {
        left: u64,
        field: Field,
    },
    /// After a zero byte in place of a record: some writers fill up with them.
    Filling,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Path,
    SparseName,
    SparseMajor,
    Size,
    Other,
}

impl Records {
    pub(super) fn new() -> Self {
        Self { at: At::Len { value: 0, digits: 0 }, key: Vec::new(), value: Vec::new() }
    }

    pub(super) fn feed(&mut self, mut input: &[u8], into: &mut Described) -> Result<(), Fault> {
        while let Some((&byte, rest)) = input.split_first() {
            input = rest;
            self.at = match self.at {
                At::Len { value, digits } => match byte {
                    b'0'..=b'9' if digits < DIGITS_MAX as u64 - 2 => {
                        At::Len { value: value * 10 + u64::from(byte - b'0'), digits: digits + 1 }
                    }
                    // At least `k=` and a line feed must follow.
                    b' ' if value >= digits + 4 => {
                        self.key.clear();
                        At::Key { left: value - digits - 1 }
                    }
                    0 if digits == 0 => At::Filling,
                    _ => return Err(Fault::Corrupt),
                },
                At::Key { left: 0 | 1 } => return Err(Fault::Corrupt),
                At::Key { left } if byte == b'=' => {
                    self.value.clear();
                    let field = match &self.key[..] {
                        b"path" => Field::Path,
                        b"GNU.sparse.name" => Field::SparseName,
                        b"GNU.sparse.major" => Field::SparseMajor,
                        b"size" => Field::Size,
                        _ => Field::Other,
                    };
                    At::Value { left: left - 1, field }
                }
                At::Key { left } => {
                    if self.key.len() <= KEY_MAX {
                        self.key.push(byte);
                    }
                    At::Key { left: left - 1 }
                }
                At::Value { left: 1, field } => {
                    if byte != b'\n' {
                        return Err(Fault::Corrupt);
                    }
                    self.set(field, into)?;
                    At::Len { value: 0, digits: 0 }
                }
                At::Value { left, field } => {
                    // `byte` and what else of the value is at hand; the line feed stays.
                    let more = input.len().min(usize::try_from(left - 2).unwrap_or(usize::MAX));
                    if field != Field::Other {
                        self.keep(&[byte], field);
                        self.keep(&input[..more], field);
                    }
                    input = &input[more..];
                    At::Value { left: left - 1 - more as u64, field }
                }
                At::Filling => return Ok(()),
            };
        }
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), Fault> {
        match self.at {
            At::Len { digits: 0, .. } | At::Filling => Ok(()),
            _ => Err(Fault::Corrupt),
        }
    }

    fn keep(&mut self, bytes: &[u8], field: Field) {
        let max = if field == Field::Size { DIGITS_MAX } else { Part::NAME_MAX };
        let room = max - self.value.len();
        self.value.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Takes over a value; an empty one takes back what was said before.
    fn set(&mut self, field: Field, into: &mut Described) -> Result<(), Fault> {
        match field {
            Field::Path => into.path = Some(self.value.clone()).filter(|name| !name.is_empty()),
            Field::SparseName => into.sparse_name = Some(self.value.clone()).filter(|name| !name.is_empty()),
            Field::SparseMajor => into.sparse_map = self.value == b"1",
            Field::Size if self.value.is_empty() => into.size = None,
            Field::Size => {
                let digits = std::str::from_utf8(&self.value).ok().filter(|text| !text.starts_with('+'));
                let size = digits.and_then(|text| text.parse::<u64>().ok()).filter(|size| size >> 63 == 0);
                into.size = Some(size.ok_or(Fault::Corrupt)?);
            }
            Field::Other => {}
        }
        Ok(())
    }
}
