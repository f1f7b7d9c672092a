//! What the exit code says: 0 clean, 1 a finding, 3 not everything examined, 2 usage or set-up; 2 beats 1 beats 3.

/// Nothing found, everything examined.
pub(crate) const CLEAN: u8 = 0;
/// A finding at or above `--fail-on`.
pub(crate) const FOUND: u8 = 1;
/// Wrong usage, or something that was asked for could not be set up.
pub(crate) const SETUP: u8 = 2;
/// Not everything was examined.
pub(crate) const INCOMPLETE: u8 = 3;

/// The facts of a run that its exit code is made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Something that was asked for does not exist or could not be written.
    pub(crate) setup: bool,
    /// A finding counts.
    pub(crate) found: bool,
    /// Something was not examined, and that matters.
    pub(crate) incomplete: bool,
}

impl Outcome {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Outcome { setup: true, .. } => SETUP,
            Outcome { found: true, .. } => FOUND,
            Outcome { incomplete: true, .. } => INCOMPLETE,
            _ => CLEAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setup_beats_found_beats_incomplete() {
        let all = Outcome { setup: true, found: true, incomplete: true };
        assert_eq!(all.code(), SETUP);
        assert_eq!(Outcome { setup: false, ..all }.code(), FOUND);
        assert_eq!(Outcome { setup: false, found: false, ..all }.code(), INCOMPLETE);
        assert_eq!(Outcome::default().code(), CLEAN);
    }
}
