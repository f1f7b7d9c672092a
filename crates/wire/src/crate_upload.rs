//! [`CrateUpload`]: the body of `cargo publish`, in its parts.
//!
//! ```text
//! u32 LE | JSON metadata | u32 LE | .crate, a gzipped tar
//! ```

/// A part of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// A length.
    Length,
    /// The metadata.
    Metadata,
    /// The package.
    Package,
    /// What must not be there.
    Trailing,
}

/// Splits the body of `PUT /api/v1/crates/new` as it comes. Owns no bytes but a length's.
#[derive(Clone, Debug, Default)]
pub struct CrateUpload {
    state: State,
    /// Bytes of a length, or left of a part.
    length: [u8; 4],
    have: usize,
    left: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    MetadataLength,
    Metadata,
    PackageLength,
    Package,
    Over,
}

impl CrateUpload {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> CrateUpload {
        CrateUpload::default()
    }

    /// Takes bytes off the front of `input`: those of one part, as far as they go. `None` when it is empty.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<(Section, &'a [u8])> {
        if input.is_empty() {
            return None;
        }
        let section = match self.state {
            State::MetadataLength | State::PackageLength => Section::Length,
            State::Metadata => Section::Metadata,
            State::Package => Section::Package,
            State::Over => Section::Trailing,
        };
        let want = match section {
            Section::Length => (4 - self.have) as u64,
            Section::Trailing => u64::MAX,
            _ => self.left,
        };
        let n = usize::try_from(want).unwrap_or(usize::MAX).min(input.len());
        let (taken, rest) = input.split_at(n);
        *input = rest;
        match section {
            Section::Length => {
                self.length[self.have..self.have + n].copy_from_slice(taken);
                self.have += n;
                if self.have == 4 {
                    self.have = 0;
                    self.left = u32::from_le_bytes(self.length).into();
                    self.step();
                    self.skip_empty();
                }
            }
            Section::Trailing => {}
            _ => {
                self.left -= n as u64;
                self.skip_empty();
            }
        }
        Some((section, taken))
    }

    /// Whether both parts are whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.state == State::Over
    }

    fn skip_empty(&mut self) {
        if self.left == 0 && matches!(self.state, State::Metadata | State::Package) {
            self.step();
        }
    }

    fn step(&mut self) {
        self.state = match self.state {
            State::MetadataLength => State::Metadata,
            State::Metadata => State::PackageLength,
            State::PackageLength => State::Package,
            State::Package | State::Over => State::Over,
        };
    }
}
