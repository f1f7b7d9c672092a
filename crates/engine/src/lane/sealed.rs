//! Formats that are recognised and not looked into: what is not examined is told of.

use exfilter_automaton::{Hit, What};
use exfilter_codec::sealed::Sealed;
use exfilter_codec::{Decoder, Fault, Step};

/// Of the first format in the automaton, and from there on downwards; see [`Sealed::ALL`].
pub(super) const SEALED: u32 = u32::MAX - 18;

/// The format behind an automaton id.
pub(super) fn format(id: u32) -> Option<Sealed> {
    let place = SEALED.checked_sub(id)?;
    Sealed::ALL.get(place as usize).copied()
}

/// Its magic number, with its automaton id.
pub(super) const fn magic(sealed: Sealed) -> (&'static [u8], u32) {
    (sealed.magic(), SEALED - sealed as u32)
}

/// A hit for a format at the beginning of content that is not looked into, and has too little of a magic number for anywhere else.
pub(super) fn begins(bytes: &[u8]) -> Option<Hit> {
    let what = What::Literal(SEALED - Sealed::Compress as u32);
    Sealed::Compress.starts(bytes).then_some(Hit { at: 0, what })
}

/// Where there is no decoder.
#[derive(Default)]
pub(super) struct Unread(Vec<u64>);

impl Decoder for Unread {
    fn decode(&mut self, _: &[u8], _: &mut Vec<u8>, _: usize) -> Step {
        Step::Bad { consumed: 0, fault: Fault::Unsupported }
    }

    fn end(&mut self) -> Result<(), Fault> {
        Err(Fault::Unsupported)
    }

    fn unreleased(&self) -> u64 {
        0
    }

    fn block_max(&self) -> u64 {
        0
    }

    fn window_bytes(&self) -> u64 {
        0
    }

    fn is_established(&self) -> bool {
        false
    }

    fn reset(&mut self) {}

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.0
    }
}
