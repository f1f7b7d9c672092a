//! [`LaneKind`]: how a lane came to be, and how deep it lies.

use exfilter_codec::sealed::Sealed;

use super::Framing;
use crate::path::LaneStep;

/// How a lane came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneKind {
    Root,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Zlib,
    Deflate,
    Brotli,
    /// One entry of a zip archive.
    Zip,
    Uuencode,
    /// Characters in columns.
    Dump,
    /// The objects of a git pack, one after another.
    Pack,
    /// What is recognised and not looked into.
    Sealed(Sealed),
    /// What a protocol cut into frames, joined.
    Framing(Framing),
    Base64,
    Base32,
    /// A whole token.
    Base58,
    /// Groups of it.
    Base85,
    Hex,
    Escapes,
    /// Text in UTF-16.
    Utf16,
    /// Text in UTF-32.
    Utf32,
    /// What a list of character codes stands for.
    Codes,
    /// Text without what stands between pieces.
    Joined,
}

impl LaneKind {
    /// Whether it is what text spells in some way; else it is content.
    pub(super) fn is_spelled(self) -> bool {
        match self {
            LaneKind::Base64
            | LaneKind::Base32
            | LaneKind::Base58
            | LaneKind::Base85
            | LaneKind::Hex
            | LaneKind::Escapes
            | LaneKind::Utf16
            | LaneKind::Utf32
            | LaneKind::Codes
            | LaneKind::Joined => true,
            LaneKind::Root
            | LaneKind::Gzip
            | LaneKind::Zstd
            | LaneKind::Bzip2
            | LaneKind::Xz
            | LaneKind::Zlib
            | LaneKind::Deflate
            | LaneKind::Brotli
            | LaneKind::Zip
            | LaneKind::Uuencode
            | LaneKind::Dump
            | LaneKind::Pack
            | LaneKind::Sealed(_)
            | LaneKind::Framing(_) => false,
        }
    }

    /// Whether it is what digits of some kind stand for: looks at those tell what stands in it, and they tell nothing of escapes that are not ASCII.
    pub(super) fn is_digits(self) -> bool {
        self.is_spelled()
            && !matches!(self, LaneKind::Escapes | LaneKind::Utf16 | LaneKind::Utf32 | LaneKind::Joined)
    }

    pub(super) fn step(self) -> Option<LaneStep> {
        match self {
            LaneKind::Root => None,
            LaneKind::Gzip => Some(LaneStep::Gzip),
            LaneKind::Zstd => Some(LaneStep::Zstd),
            LaneKind::Bzip2 => Some(LaneStep::Bzip2),
            LaneKind::Xz => Some(LaneStep::Xz),
            LaneKind::Zlib => Some(LaneStep::Zlib),
            LaneKind::Deflate => Some(LaneStep::Deflate),
            LaneKind::Brotli => Some(LaneStep::Brotli),
            LaneKind::Zip => Some(LaneStep::Zip),
            LaneKind::Uuencode => Some(LaneStep::Uuencode),
            LaneKind::Dump => Some(LaneStep::Dump),
            LaneKind::Pack => Some(LaneStep::Pack),
            LaneKind::Sealed(sealed) => Some(LaneStep::Sealed(sealed.name())),
            LaneKind::Framing(framing) => Some(framing.step()),
            LaneKind::Base64 => Some(LaneStep::Base64),
            LaneKind::Base32 => Some(LaneStep::Base32),
            LaneKind::Base58 => Some(LaneStep::Base58),
            LaneKind::Base85 => Some(LaneStep::Base85),
            LaneKind::Hex => Some(LaneStep::Hex),
            LaneKind::Escapes => Some(LaneStep::Escapes),
            LaneKind::Utf16 => Some(LaneStep::Utf16),
            LaneKind::Utf32 => Some(LaneStep::Utf32),
            LaneKind::Codes => Some(LaneStep::Codes),
            LaneKind::Joined => Some(LaneStep::Joined),
        }
    }
}

/// How many lanes of each kind stand above.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Depth {
    pub(crate) containers: u8,
    /// Since the last container.
    pub(crate) shapes: u8,
}
