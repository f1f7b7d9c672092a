//! Data descriptors: the checksum and the sizes behind a body (APPNOTE.TXT 4.3.9).
//!
//! ```text
//! +-------------+-------+--------------------+------------------+
//! | PK 07 08    | CRC32 | size of the body   | size of content  |      the signature may be missing;
//! +-------------+-------+--------------------+------------------+      sizes are of 4 or of 8 bytes
//! ```
//!
//! Nothing says which of the four forms it is, but all their values are known by then: it is the one that fits.

const MAGIC: [u8; 4] = *b"PK\x07\x08";

/// The longest form, in bytes.
const MAX: usize = 24;

/// The forms that fit the bytes seen so far.
#[derive(Clone, Copy)]
pub(super) struct Descriptor {
    forms: [Option<Form>; 4],
    /// Bytes seen.
    at: usize,
    /// Whether a longer form is preferred where a shorter one fits too.
    wide: bool,
}

#[derive(Clone, Copy)]
struct Form {
    bytes: [u8; MAX],
    len: usize,
}

/// What became of a descriptor with a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    More,
    Whole,
    No,
}

impl Descriptor {
    /// The forms in which the descriptor of these values can stand. `wide` if 64-bit sizes are to be expected.
    pub(super) fn new(crc: u32, packed: u64, size: u64, wide: bool) -> Self {
        let form = |magic: &[u8], sizes: &[&[u8]]| {
            let parts = [&[magic, &crc.to_le_bytes()], sizes].concat().concat();
            let mut bytes = [0; MAX];
            bytes[..parts.len()].copy_from_slice(&parts);
            Some(Form { bytes, len: parts.len() })
        };
        let (packed_wide, size_wide) = (packed.to_le_bytes(), size.to_le_bytes());
        let is_narrow = packed.max(size) <= u32::MAX.into();
        let narrow: [&[u8]; 2] = [&packed_wide[..4], &size_wide[..4]];
        let long: [&[u8]; 2] = [&packed_wide, &size_wide];
        let forms = [
            form(&[], &narrow).filter(|_| is_narrow),
            form(&MAGIC, &narrow).filter(|_| is_narrow),
            form(&[], &long),
            form(&MAGIC, &long),
        ];
        Self { forms, at: 0, wide }
    }

    /// Takes the next byte.
    pub(super) fn byte(&mut self, byte: u8) -> Fit {
        let at = self.at;
        for form in &mut self.forms {
            *form = form.filter(|form| at < form.len && form.bytes[at] == byte);
        }
        self.at += 1;
        let mut fitting = self.forms.iter().flatten();
        let whole = fitting.clone().any(|form| form.len == self.at);
        let longer = fitting.any(|form| form.len > self.at);
        match (whole, longer) {
            (false, false) => Fit::No,
            (true, longer) if !(longer && self.wide) => Fit::Whole,
            _ => Fit::More,
        }
    }
}
