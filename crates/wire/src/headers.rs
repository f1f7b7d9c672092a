//! [`Headers`]: fields in order, duplicates kept.

use std::ops::Range;

use crate::error::HeadError;

/// The most fields of a head or of trailers.
pub const FIELDS_MAX: usize = 512;

/// The most bytes of a head or of trailers: a request line, names and values.
pub const HEAD_MAX: usize = 128 << 10;

/// Header fields in the order in which they came; names in lower case, values without blanks around them.
///
/// Has no `Debug` that shows content.
#[derive(Clone, Default)]
pub struct Headers {
    fields: Vec<Field>,
    /// Names in lower case, one behind the other: a piece of memory for each would take longer than all else about a head.
    lower: String,
    /// Values, in the same way.
    values: Vec<u8>,
    /// Every name that was added, in its own case, one a line.
    names: Vec<u8>,
    bytes: usize,
}

/// Where a field stands among names and values.
#[derive(Clone)]
struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

/// Memory for names and values of most heads, in bytes.
const USUAL: usize = 256;

impl Headers {
    /// No fields.
    #[must_use]
    pub fn new() -> Headers {
        Headers::default()
    }

    /// Adds a field at the end.
    ///
    /// # Errors
    ///
    /// [`HeadError`] for a name that is no token, a value with a control character, or more than [`FIELDS_MAX`] fields or [`HEAD_MAX`] bytes.
    pub fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadError> {
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
            return Err(HeadError::name());
        }
        let value = trim(value);
        if value.iter().any(|b| (*b < b' ' && *b != b'\t') || *b == 0x7f) {
            return Err(HeadError::value());
        }
        self.bytes += name.len() + value.len() + 4;
        if self.bytes > HEAD_MAX {
            return Err(HeadError::too_long());
        }
        if self.fields.len() == FIELDS_MAX {
            return Err(HeadError::too_many_fields());
        }
        if self.fields.is_empty() {
            self.fields.reserve(16);
            self.lower.reserve(USUAL);
            self.names.reserve(USUAL);
            self.values.reserve(USUAL);
        }
        self.names.extend_from_slice(name);
        self.names.push(b'\n');
        let (named, valued) = (self.lower.len(), self.values.len());
        self.lower.push_str(str::from_utf8(name).map_err(|_| HeadError::name())?);
        self.lower[named..].make_ascii_lowercase();
        self.values.extend_from_slice(value);
        self.fields.push(Field { name: named..self.lower.len(), value: valued..self.values.len() });
        Ok(())
    }

    /// Removes all fields of this name; `name` is in lower case.
    pub fn remove(&mut self, name: &str) {
        let lower = &self.lower;
        self.fields.retain(|field| lower[field.name.clone()] != *name);
    }

    /// Replaces all fields of this name by one. As [`Headers::add`] otherwise.
    ///
    /// # Errors
    ///
    /// As [`Headers::add`].
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<(), HeadError> {
        self.remove(name);
        self.add(name.as_bytes(), value)
    }

    /// The fields in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| (&self.lower[field.name.clone()], &self.values[field.value.clone()]))
    }

    /// The values of one name, which is in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The first value of a name, which is in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// Whether some value of the name holds `text`, whatever the case of ASCII letters; `text` is in lower case.
    #[must_use]
    pub fn mentions(&self, name: &str, text: &str) -> bool {
        self.all(name).any(|value| contains(&value.to_ascii_lowercase(), text.as_bytes()))
    }

    /// The names as they came, in their own case, one a line: what is written there is content.
    #[must_use]
    pub fn names(&self) -> &[u8] {
        &self.names
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Headers) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Headers({})", self.fields.len())
    }
}

/// The characters of a token ([RFC 9110 section 5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2)).
pub(crate) fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// Without the blanks and tabs around it.
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}
