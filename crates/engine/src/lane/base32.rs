//! Base32: a run of base64 characters that begins with characters of base32, of one case, is decoded as that too, from its first character on.
//!
//! ```text
//! characters   c0    c1    c2    c3    c4    c5    c6    c7
//! bits         aaaaa aaabb bbbbb bcccc ccccd dddd..           a byte is made of two or three characters
//! ```
//!
//! Padding belongs to no run and ends it.

use exfilter_codec::base32::{Alphabet, Phase};

use super::{Depth, Lane, LaneKind};
use crate::context::Context;
use crate::map::{Origin, OuterMap};
use crate::path::Trail;
use std::sync::Arc;

/// Characters of base32 with which a run begins if it is decoded: a position is decided when as many bytes of it are at hand.
pub(super) const MIN: usize = 32;

/// Both alphabets, each with its bits in [`CLASSES`] for capitals and for small letters.
const ALPHABETS: [(Alphabet, u8); 2] = [(Alphabet::Base32, 0b0011), (Alphabet::Base32Hex, 0b1100)];

/// A hexadecimal digit.
const HEX: u8 = 0b1_0000;

/// The bits of every byte.
const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        let mut a = 0;
        while a < 2 {
            let (alphabet, bits) = ALPHABETS[a];
            if alphabet.contains(byte) {
                // A digit belongs to either case.
                table[i] |= match byte {
                    b'A'..=b'Z' => bits & 0b0101,
                    b'a'..=b'z' => bits & 0b1010,
                    _ => bits,
                };
            }
            a += 1;
        }
        if byte.is_ascii_hexdigit() {
            table[i] |= HEX;
        }
        i += 1;
    }
    table
}

/// The alphabets in which a run is base32 that has been read up to `head`, of [`MIN`] characters but for what an escape takes of them.
///
/// What is hexadecimal digits so far counts as none: text in base32 has other characters, and digests would cost much.
fn alphabets(head: &[u8]) -> [Option<Alphabet>; 2] {
    let mut all = u8::MAX;
    for byte in head {
        all &= CLASSES[usize::from(*byte)];
        // Nearly all runs end here soon.
        if all & !HEX == 0 {
            break;
        }
    }
    ALPHABETS.map(|(alphabet, bits)| (all & bits != 0 && all & HEX == 0).then_some(alphabet))
}

/// Whether what begins with `head` may be base32, as far as that goes.
pub(super) fn may_begin(head: &[u8]) -> bool {
    alphabets(head) != [None; 2]
}

/// Where a run is base32, and in which alphabets.
#[derive(Clone, Copy, Default)]
pub(super) struct Begins {
    /// The index of its first character.
    pub(super) from: usize,
    alphabets: [Option<Alphabet>; 2],
}

impl Begins {
    /// Looks at the run at `at`, of which an escape takes the characters before `from`; `digits` says whether it begins with hexadecimal digits.
    pub(super) fn at(bytes: &[u8], at: usize, from: usize, digits: bool) -> Begins {
        let head = bytes.get(from..at + MIN).filter(|_| !digits);
        Begins { from, alphabets: head.map_or([None; 2], alphabets) }
    }

    /// The same, with the index counted from `at`.
    pub(super) fn from(self, at: usize) -> Begins {
        Begins { from: self.from - at, ..self }
    }

    pub(super) fn alphabets(&self) -> impl Iterator<Item = Alphabet> {
        self.alphabets.into_iter().flatten()
    }

    pub(super) fn is_none(&self) -> bool {
        self.alphabets == [None; 2]
    }
}

/// What a lane of base32 counts as: inside other lanes it keeps the place of every byte, which takes the memory of another one.
pub(super) const LANES: u32 = 2;

/// Characters that are fed at once inside another lane.
const SLICE: usize = 96;

/// A lane of one alphabet.
pub(super) struct Base32Lane {
    phase: Phase,
    pub(super) lane: Lane,
    /// Characters taken.
    taken: u64,
    /// Whether all characters so far were of the alphabet.
    pub(super) open: bool,
    /// Where the characters that wait for others begin, if a line ended in the middle of a group of eight; while that group goes on.
    cut: Option<u64>,
}

impl Base32Lane {
    /// A lane of what begins at `at` of the lane above, whose map is `map`.
    pub(super) fn new(
        alphabet: Alphabet,
        at: u64,
        map: &OuterMap,
        depth: Depth,
        up: Option<Arc<Trail>>,
    ) -> Base32Lane {
        let mut lane = Lane::new(LaneKind::Base32, depth, up, OuterMap::segments());
        if map.is_identity() {
            lane.map.push(0, Origin::Base32 { outer: at });
        }
        Base32Lane { phase: Phase::new(alphabet, 0), lane, taken: 0, open: true, cut: None }
    }

    /// Takes the characters with which `chars`, which stand at `fed`, begin; with `end` the run is over.
    pub(super) fn feed(&mut self, fed: u64, chars: &[u8], map: &OuterMap, end: bool, cx: &mut Context<'_>) {
        // Inside another lane the map has a segment for each byte until the bytes are fed.
        let slice = if map.is_identity() { usize::MAX } else { SLICE };
        let (mut fed, mut chars) = (fed, chars);
        while chars.len() > slice && self.open {
            let (slice, others) = chars.split_at(slice);
            self.feed_slice(fed, slice, map, false, cx);
            (fed, chars) = (fed + slice.len() as u64, others);
        }
        if self.open {
            self.feed_slice(fed, chars, map, end, cx);
        }
    }

    fn feed_slice(&mut self, fed: u64, chars: &[u8], map: &OuterMap, end: bool, cx: &mut Context<'_>) {
        let mut decoded = cx.scratch.buffer();
        let (mut fed, mut chars) = (fed, chars);
        if let Some(first) = self.cut {
            let (rest, others) = chars.split_at(chars.len().min((8 - self.taken % 8) as usize));
            self.decode(rest, &mut decoded);
            (fed, chars) = (fed + rest.len() as u64, others);
            if !decoded.is_empty() {
                self.lane.map.push(self.lane.pos, Origin::Const { start: map.src(first), end: map.end(fed) });
                self.lane.feed(&decoded, false, cx);
                decoded.clear();
            }
            if self.taken.is_multiple_of(8) {
                self.cut = None;
                if map.is_identity() {
                    self.lane.map.push(self.lane.pos, Origin::Base32 { outer: fed });
                }
            }
        }
        if self.open {
            let before = self.taken;
            self.decode(chars, &mut decoded);
            if !map.is_identity() {
                // Where the character of a number stands, if no line ended since.
                let place = |char: u64| (fed + char).saturating_sub(before);
                for at in self.lane.pos..self.lane.pos + decoded.len() as u64 {
                    let (start, end) = (place(8 * at / 5), place((8 * (at + 1)).div_ceil(5)));
                    self.lane.map.push(at, Origin::Const { start: map.src(start), end: map.end(end) });
                }
            }
        }
        self.open &= !end;
        self.lane.feed(&decoded, !self.open, cx);
        cx.scratch.give_buffer(decoded);
    }

    fn decode(&mut self, chars: &[u8], decoded: &mut Vec<u8>) {
        let taken = self.phase.decode(chars, decoded);
        self.taken += taken as u64;
        self.open = taken == chars.len();
    }

    /// Takes `char`, for which an escape from lane offset `start` to `end` stands.
    pub(super) fn feed_escaped(
        &mut self,
        char: u8,
        start: u64,
        end: u64,
        map: &OuterMap,
        cx: &mut Context<'_>,
    ) {
        self.cut.get_or_insert(start - self.phase.pending() as u64);
        self.feed(end - 1, &[char], map, false, cx);
    }

    /// Goes on at `line`, another line; characters before `fed` have been taken.
    pub(super) fn begin_line(&mut self, fed: u64, line: u64, map: &OuterMap) {
        self.lane.note_seam(self.lane.pos);
        match self.phase.pending() as u64 {
            0 if map.is_identity() => self.lane.map.push(self.lane.pos, Origin::Base32 { outer: line }),
            0 => {}
            pending => {
                self.cut.get_or_insert(fed - pending);
            }
        }
    }

    /// The least outer offset that it holds, characters before `fed` taken.
    pub(super) fn hold(&self, fed: u64, map: &OuterMap, cx: &Context<'_>) -> u64 {
        let hold = self.lane.hold(&[], cx);
        match self.phase.pending() as u64 {
            0 => hold,
            pending => hold.min(map.src(self.cut.unwrap_or(fed.saturating_sub(pending)))),
        }
    }
}

/// Appends what `chars` are in `alphabet`.
pub(super) fn decode(alphabet: Alphabet, chars: &[u8], decoded: &mut Vec<u8>) {
    Phase::new(alphabet, 0).decode(chars, decoded);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabets_of_heads() {
        let of = |head: &[u8]| alphabets(head).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(of(b"MFRGGZDFMZTWQ2LK"), [Alphabet::Base32]);
        assert_eq!(of(b"mfrggzdfmztwq2lk"), [Alphabet::Base32]);
        assert_eq!(of(b"C5H66P35CPJMGQB0"), [Alphabet::Base32Hex]);
        assert_eq!(of(b"2345ABCDEFGHIJKL"), [Alphabet::Base32, Alphabet::Base32Hex]);
        assert_eq!(of(b"234567abcdef234567"), []);
        assert_eq!(of(b"0123456789abcdef"), []);
        assert_eq!(of(b"MFRGGzDFMZTWQ2LK"), []);
        assert_eq!(of(b"some_name"), []);
    }
}
