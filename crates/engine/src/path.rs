//! [`LanePath`]: through which decoders a finding was reached.

use std::fmt;
use std::sync::Arc;

use crate::fixture::Place;

/// One step from a stream to a lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LaneStep {
    /// Decompressed gzip.
    Gzip,
    /// Decompressed zstd.
    Zstd,
    /// Decompressed bzip2.
    Bzip2,
    /// Decompressed xz.
    Xz,
    /// Decompressed zlib.
    Zlib,
    /// Deflate without a header, where the flow says so.
    Deflate,
    /// Brotli, where the flow says so.
    Brotli,
    /// An entry of a zip archive whose name is not known.
    Zip,
    /// Decoded uuencode.
    Uuencode,
    /// A dump of characters, as `od -c` writes it.
    Dump,
    /// A pack of git; each of its objects is a member.
    Pack,
    /// A compressed format that is recognised and not looked into, by its name.
    Sealed(&'static str),
    /// A body in HTTP/1.1 chunks, joined.
    Chunked,
    /// Data of server-sent events.
    Events,
    /// gRPC's messages, joined.
    Grpc,
    /// Messages in WebSocket frames of a client.
    WebSocket,
    /// Decoded base64 or base64url.
    Base64,
    /// Decoded base32 or base32hex.
    Base32,
    /// A decoded token of base58.
    Base58,
    /// Decoded base85, with the alphabet of RFC 1924, Z85 or Ascii85.
    Base85,
    /// Decoded hexadecimal digits.
    Hex,
    /// Text in UTF-16.
    Utf16,
    /// Text in UTF-32.
    Utf32,
    /// What a list of character codes stands for.
    Codes,
    /// Text whose escapes were undone: JSON, percent, HTML, quoted-printable, those of programming languages.
    Escapes,
    /// Text that a program joins from pieces, with what stands between them deleted.
    Joined,
    /// A member of an archive (tar, ar, cpio, zip) or an object of a pack: its name, escaped for display, cut, and masked when a finding stands in it.
    Member(String),
}

impl LaneStep {
    /// Whether it joins what a protocol cut, and changes nothing else.
    pub fn is_framing(&self) -> bool {
        matches!(self, LaneStep::Chunked | LaneStep::Events | LaneStep::Grpc | LaneStep::WebSocket)
    }

    /// Memory of its name, in bytes.
    pub(crate) fn memory(&self) -> usize {
        match self {
            LaneStep::Member(name) => name.capacity(),
            _ => 0,
        }
    }
}

/// The way from the outer stream to a lane, outermost step first. Empty for the stream itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LanePath {
    pub(crate) steps: Vec<LaneStep>,
}

impl LanePath {
    /// The steps, outermost first.
    pub fn steps(&self) -> &[LaneStep] {
        &self.steps
    }
}

impl fmt::Display for LanePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.steps.iter().enumerate() {
            if i > 0 {
                f.write_str(" > ")?;
            }
            match step {
                LaneStep::Gzip => f.write_str("gzip")?,
                LaneStep::Zstd => f.write_str("zstd")?,
                LaneStep::Bzip2 => f.write_str("bzip2")?,
                LaneStep::Xz => f.write_str("xz")?,
                LaneStep::Zlib => f.write_str("zlib")?,
                LaneStep::Deflate => f.write_str("deflate")?,
                LaneStep::Brotli => f.write_str("br")?,
                LaneStep::Zip => f.write_str("zip")?,
                LaneStep::Uuencode => f.write_str("uuencode")?,
                LaneStep::Dump => f.write_str("dump")?,
                LaneStep::Pack => f.write_str("pack")?,
                LaneStep::Sealed(name) => f.write_str(name)?,
                LaneStep::Chunked => f.write_str("chunked")?,
                LaneStep::Events => f.write_str("sse")?,
                LaneStep::Grpc => f.write_str("grpc")?,
                LaneStep::WebSocket => f.write_str("websocket")?,
                LaneStep::Base64 => f.write_str("base64")?,
                LaneStep::Base32 => f.write_str("base32")?,
                LaneStep::Base58 => f.write_str("base58")?,
                LaneStep::Base85 => f.write_str("base85")?,
                LaneStep::Hex => f.write_str("hex")?,
                LaneStep::Utf16 => f.write_str("utf16")?,
                LaneStep::Utf32 => f.write_str("utf32")?,
                LaneStep::Codes => f.write_str("codes")?,
                LaneStep::Escapes => f.write_str("escapes")?,
                LaneStep::Joined => f.write_str("joined")?,
                LaneStep::Member(name) => f.write_str(name)?,
            }
        }
        Ok(())
    }
}

/// A path under way: shared by all lanes below it, made into a [`LanePath`] when something is reported.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Trail {
    pub(crate) up: Option<Arc<Trail>>,
    pub(crate) step: LaneStep,
    /// Where the file stands that it is part of, as far as names of members say.
    pub(crate) place: Place,
}

impl Trail {
    /// A step that is no file of its own.
    pub(crate) fn new(up: Option<Arc<Trail>>, step: LaneStep) -> Trail {
        let place = up.as_ref().map_or(Place::default(), |up| up.place);
        Trail { up, step, place }
    }

    /// A file with a path, which is shown as `name`.
    pub(crate) fn file(up: Option<Arc<Trail>>, name: String, path: &[u8]) -> Trail {
        let step = Trail::new(up, LaneStep::Member(name));
        Trail { place: Place::of(path).within(step.place), ..step }
    }

    /// The steps, innermost first.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &LaneStep> {
        std::iter::successors(Some(self), |trail| trail.up.as_deref()).map(|trail| &trail.step)
    }
}

impl LanePath {
    pub(crate) fn from_trail(trail: Option<&Trail>) -> LanePath {
        let mut steps = Vec::new();
        let mut at = trail;
        while let Some(trail) = at {
            steps.push(trail.step.clone());
            at = trail.up.as_deref();
        }
        steps.reverse();
        LanePath { steps }
    }
}
