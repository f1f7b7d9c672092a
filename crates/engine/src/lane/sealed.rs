//! Formats that are recognised and not looked into: what is not examined is told of.

use exfilter_automaton::{ByteSet, Hit, What};
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
const fn magic(sealed: Sealed) -> (&'static [u8], u32) {
    (sealed.magic(), SEALED - sealed as u32)
}

/// Those of which it is enough for any place, with their automaton ids.
pub(super) const MAGICS: [(&[u8], u32); 6] = [
    magic(Sealed::SevenZip),
    magic(Sealed::Rar),
    magic(Sealed::Lz4),
    magic(Sealed::Snappy),
    magic(Sealed::Lzip),
    magic(Sealed::Lzma),
];

/// The first bytes of all of them.
const FIRST: ByteSet = {
    let mut set = ByteSet::new(&[]);
    let mut n = 0;
    while n < Sealed::ALL.len() {
        set.insert(Sealed::ALL[n].magic()[0]);
        n += 1;
    }
    set
};

/// A hit for a format at the beginning of content; `spelled` says that text stands for it, of which much is: too much for the magic number of `compress`.
pub(super) fn begins(bytes: &[u8], spelled: bool) -> Option<Hit> {
    // Nearly all other content is told by one byte.
    bytes.first().filter(|first| FIRST.contains(**first))?;
    let counts = |sealed: &Sealed| !(spelled && *sealed == Sealed::Compress) && sealed.starts(bytes);
    let sealed = Sealed::ALL.into_iter().find(counts)?;
    Some(Hit { at: 0, what: What::Literal(magic(sealed).1) })
}

/// Whether base64 begins with the magic number of one, as far as whole characters tell.
pub(super) fn begins_in_base64(chars: &[u8]) -> bool {
    matches!(
        chars,
        [b'N', b'3', b'q', b'8', ..]
            | [b'U', b'm', b'F', b'y', b'I', ..]
            | [b'B', b'C', b'J', b'N', ..]
            | [b'/' | b'_', b'w', b'Y', b'A', ..]
            | [b'T', b'F', b'p', b'J', b'U', ..]
            | [b'X', b'Q', b'A', b'A', ..]
    )
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
