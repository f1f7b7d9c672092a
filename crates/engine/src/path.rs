//! [`LanePath`]: through which decoders a finding was reached.

use std::fmt;

/// One step from a stream to a lane.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LaneStep {
    /// Decompressed gzip.
    Gzip,
    /// Decompressed zstd.
    Zstd,
    /// Decoded base64 or base64url.
    Base64,
    /// A member of a tar archive: its name, escaped for display, cut, and masked when a finding stands in it.
    Member(String),
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
                LaneStep::Base64 => f.write_str("base64")?,
                LaneStep::Member(name) => f.write_str(name)?,
            }
        }
        Ok(())
    }
}
