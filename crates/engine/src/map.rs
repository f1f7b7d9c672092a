//! [`OuterMap`]: from offsets of a lane to offsets of the outer stream.
//!
//! Resolution goes forwards only: a candidate asks for its outer offset while its bytes are at hand and keeps the answer. So a map
//! remembers only the last few hundred bytes of its lane.

use std::collections::VecDeque;

/// Where the bytes of a lane came from.
#[derive(Clone, Debug)]
pub(crate) enum OuterMap {
    /// The root lane: offsets are the same.
    Identity,
    /// Segments, in order; invariant: `at` increases strictly.
    Segments(VecDeque<Segment>),
}

/// The origin of the bytes from `at` to the next segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) at: u64,
    pub(crate) origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Every byte came from this outer range.
    Const {
        /// First outer byte.
        start: u64,
        /// After the last one.
        end: u64,
    },
    /// Base64 that stands in the outer stream itself: byte `i` of the segment came from the characters
    /// `outer + floor(8 i / 6) .. outer + ceil(8 (i + 1) / 6)`.
    Base64 {
        /// The first character.
        outer: u64,
    },
    /// Base32 that stands in the outer stream itself, from the beginning of a group: byte `i` of the segment came from the characters
    /// `outer + floor(8 i / 5) .. outer + ceil(8 (i + 1) / 5)`.
    Base32 {
        /// The first character.
        outer: u64,
    },
    /// Hexadecimal digits that stand in the outer stream itself: byte `i` of the segment came from the digits `outer + 2 i` and the next one.
    Hex {
        /// The first digit.
        outer: u64,
    },
    /// Text that stands in the outer stream itself: byte `i` of the segment is the byte `outer + i`.
    Shift {
        /// The first byte.
        outer: u64,
    },
}

impl OuterMap {
    pub(crate) fn segments() -> OuterMap {
        OuterMap::Segments(VecDeque::new())
    }

    /// The outer byte that holds the first bit of the lane's byte at `at`.
    pub(crate) fn src(&self, at: u64) -> u64 {
        match self.find(at) {
            None => at,
            Some(Segment { origin: Origin::Const { start, .. }, .. }) => start,
            Some(Segment { at: from, origin: Origin::Base64 { outer } }) => {
                outer + 8 * at.saturating_sub(from) / 6
            }
            Some(Segment { at: from, origin: Origin::Base32 { outer } }) => {
                outer + 8 * at.saturating_sub(from) / 5
            }
            Some(Segment { at: from, origin: Origin::Hex { outer } }) => outer + 2 * at.saturating_sub(from),
            Some(Segment { at: from, origin: Origin::Shift { outer } }) => outer + at.saturating_sub(from),
        }
    }

    /// The outer offset after the byte before `at`.
    pub(crate) fn end(&self, at: u64) -> u64 {
        let Some(last) = at.checked_sub(1) else { return 0 };
        match self.find(last) {
            None => at,
            Some(Segment { origin: Origin::Const { end, .. }, .. }) => end,
            Some(Segment { at: from, origin: Origin::Base64 { outer } }) => {
                outer + (8 * (last.saturating_sub(from) + 1)).div_ceil(6)
            }
            Some(Segment { at: from, origin: Origin::Base32 { outer } }) => {
                outer + (8 * (last.saturating_sub(from) + 1)).div_ceil(5)
            }
            Some(Segment { at: from, origin: Origin::Hex { outer } }) => {
                outer + 2 * (last.saturating_sub(from) + 1)
            }
            Some(Segment { at: from, origin: Origin::Shift { outer } }) => {
                outer + last.saturating_sub(from) + 1
            }
        }
    }

    /// Whether lane offsets and outer offsets are the same.
    pub(crate) fn is_identity(&self) -> bool {
        matches!(self, OuterMap::Identity)
    }

    /// Whether the bytes from `start` to `end` stand in one line of base64 or of hexadecimal digits in the outer stream itself.
    pub(crate) fn is_plain_coding(&self, start: u64, end: u64) -> bool {
        let segment = self.find(start);
        matches!(segment, Some(Segment { origin: Origin::Base64 { .. } | Origin::Hex { .. }, .. }))
            && segment == self.find(end.saturating_sub(1))
    }

    /// Says where the bytes from `at` on come from.
    pub(crate) fn push(&mut self, at: u64, origin: Origin) {
        let OuterMap::Segments(segments) = self else { return };
        match segments.back_mut() {
            Some(last) if last.origin == origin && matches!(origin, Origin::Const { .. }) => {}
            Some(Segment { at: from, origin: Origin::Shift { outer: first } }) if matches!(origin, Origin::Shift { outer } if outer - *first == at - *from) =>
                {}
            Some(last) if last.at == at => last.origin = origin,
            _ => segments.push_back(Segment { at, origin }),
        }
    }

    /// Says in `other` that its bytes from `at` on are `n` bytes of this lane, which stand at `from`.
    pub(crate) fn inherit(&self, from: u64, n: u64, at: u64, other: &mut OuterMap) {
        let OuterMap::Segments(segments) = self else {
            return other.push(at, Origin::Shift { outer: from });
        };
        let first = segments.partition_point(|s| s.at <= from).saturating_sub(1);
        for segment in segments.range(first..).take_while(|s| s.at < from + n) {
            let begins = segment.at.max(from);
            let (start, end) = (self.src(begins), self.end(begins + 1));
            let origin = match segment.origin {
                Origin::Shift { .. } => Origin::Shift { outer: start },
                _ => Origin::Const { start, end },
            };
            other.push(at + (begins - from), origin);
        }
    }

    /// Says in `other` that its bytes from `at` to `made` stand for characters of this lane from `first` on, before `to`: groups of `chars` for `bytes` each, of which the last may be cut.
    pub(crate) fn inherit_groups(
        &self,
        (first, to): (u64, u64),
        (chars, bytes): (u64, u64),
        (at, made): (u64, u64),
        other: &mut OuterMap,
    ) {
        let (mut group, mut at) = (first, at);
        while at < made {
            let (start, end) = (self.src(group), self.end((group + chars).min(to.max(group + 1))));
            other.push(at, Origin::Const { start, end });
            // Groups that lie wholly in what has one origin have the same.
            let n = (self.same_until(group).min(to).saturating_sub(group) / chars).max(1);
            at = at.saturating_add(bytes * n);
            group += chars * n;
        }
    }

    /// Up to where bytes have the same origin as that at `at`, itself if each has its own.
    fn same_until(&self, at: u64) -> u64 {
        let OuterMap::Segments(segments) = self else { return at };
        let after = segments.partition_point(|s| s.at <= at).max(1);
        match segments.get(after - 1) {
            Some(Segment { origin: Origin::Const { .. }, .. }) => {
                segments.get(after).map_or(u64::MAX, |s| s.at)
            }
            _ => at,
        }
    }

    /// Forgets what lies wholly before `at`.
    pub(crate) fn forget(&mut self, at: u64) {
        if let OuterMap::Segments(segments) = self {
            while segments.get(1).is_some_and(|second| second.at <= at) {
                segments.pop_front();
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        if let OuterMap::Segments(segments) = self {
            segments.clear();
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            OuterMap::Identity => 0,
            OuterMap::Segments(segments) => segments.capacity() * size_of::<Segment>(),
        }
    }

    /// The segment of `at`; the first one for what was forgotten, none for the identity.
    fn find(&self, at: u64) -> Option<Segment> {
        match self {
            OuterMap::Identity => None,
            OuterMap::Segments(segments) => {
                let after = segments.partition_point(|s| s.at <= at);
                Some(
                    segments
                        .get(after.saturating_sub(1))
                        .copied()
                        .unwrap_or(Segment { at: 0, origin: Origin::Const { start: 0, end: 0 } }),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_bytes_come_from_their_characters() {
        let mut map = OuterMap::segments();
        map.push(0, Origin::Base64 { outer: 100 });
        let src: Vec<u64> = (0..7).map(|at| map.src(at)).collect();
        let end: Vec<u64> = (1..8).map(|at| map.end(at)).collect();
        assert_eq!(src, [100, 101, 102, 104, 105, 106, 108]);
        assert_eq!(end, [102, 103, 104, 106, 107, 108, 110]);
    }

    #[test]
    fn groups_that_are_inherited_at_once_are_as_if_one_by_one() {
        // Segments of all lengths, also such as are shorter than a group, and each kind of origin.
        let mut map = OuterMap::segments();
        let (mut at, mut outer) = (3, 1000);
        for length in [1, 2, 3, 4, 5, 7, 8, 9, 40, 41, 42, 43, 6, 100] {
            let origin = match length % 5 {
                0 => Origin::Shift { outer },
                1 => Origin::Base64 { outer },
                _ => Origin::Const { start: outer, end: outer + 10 },
            };
            map.push(at, origin);
            (at, outer) = (at + length, outer + 200);
        }
        for (chars, bytes) in [(4, 3), (2, 1)] {
            for first in 0..60 {
                for to in [first + 1, first + 17, first + 100, at, at + 50] {
                    let made = 7 + (to - first.min(to)).div_ceil(chars) * bytes;
                    let (mut once, mut each) = (OuterMap::segments(), OuterMap::segments());
                    map.inherit_groups((first, to), (chars, bytes), (7, made), &mut once);
                    let mut group = first;
                    for at in (7..made).step_by(bytes as usize) {
                        let end = map.end((group + chars).min(to.max(group + 1)));
                        each.push(at, Origin::Const { start: map.src(group), end });
                        group += chars;
                    }
                    let both = (7..made).map(|at| (once.src(at), once.end(at + 1)));
                    assert!(both.eq((7..made).map(|at| (each.src(at), each.end(at + 1)))), "{first} {to}");
                }
            }
        }
    }

    #[test]
    fn forgotten_bytes_resolve_to_what_is_left() {
        let mut map = OuterMap::segments();
        map.push(0, Origin::Const { start: 10, end: 20 });
        map.push(5, Origin::Const { start: 20, end: 30 });
        map.push(9, Origin::Const { start: 20, end: 30 });
        map.push(12, Origin::Const { start: 30, end: 40 });
        assert_eq!((map.src(4), map.src(5), map.src(11), map.src(12)), (10, 20, 20, 30));
        map.forget(12);
        assert_eq!(map.src(12), 30);
    }
}
