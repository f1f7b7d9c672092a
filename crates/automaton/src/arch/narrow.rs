//! Vectors of 16 bytes: the algorithm once, generic over [`Sixteen`]; SSE, NEON and WebAssembly's SIMD instantiate it.
//!
//! Each token character is the meeting of a row (high nibble) and a column (low nibble). One bit stands for a set of rows that share their columns, the narrower the class the
//! higher the bit: then a class is what is greater than a number.
//!
//! ```text
//! bit 6  row 3      columns 0-9       digits       > 63
//! bit 5  rows 4 6   columns 1-f       A-O a-o
//! bit 4  rows 5 7   columns 0-a       P-Z p-z      > 15  letters and digits
//! bit 3  row 2      columns b d f     + - /
//! bit 2  row 5      column  f         _            > 3   base64
//! bit 1  rows 2 7   column  e         . ~
//! bit 0  rows 2 3   columns 5 d       % = (and - 5, which have higher bits)
//!                                                  > 0   token
//! ```
//!
//! A second pair of look-ups tells what begins escapes and what may follow it:
//!
//! ```text
//! bit 6  row 5      column  c                \
//! bit 5  row 3      column  d                =
//! bit 4  row 2      columns 5 6              % &            > 15  escape
//! bit 3  rows 4 6   columns 2 6              B F b f
//! bit 2  rows 5 7   columns 5 8              U X u x
//! bit 1  rows 0 3   columns 0-7 a d          0-7 LF CR (and : = and control characters)
//! bit 0  row 2      columns 3 f              # /            > 0   escape or follow
//! ```
//!
//! Bytes from 128 on have a high nibble of 8 or more, whose row is empty.

use super::Vector;
use crate::anchors::{self, Filter, PLACES, REACH};
use crate::buckets::{self, Buckets, Halves};
use crate::byte_set::ByteSet;
use crate::class::LEADS_OF;
use crate::quads::{PADDING, Quads, Seen};
use crate::scan::Masks;

/// The first pair of look-ups: by high nibble, by low nibble.
#[rustfmt::skip]
pub(super) const CLASS: [[u8; 16]; 2] = [
    [0, 0, 1 | 2 | 8, 1 | 64, 32, 4 | 16, 32, 2 | 16, 0, 0, 0, 0, 0, 0, 0, 0],
    [D, A, A, A, A, A | 1, A, A, A, A, 32 | 16, 32 | 8, 32, 32 | 8 | 1, 32 | 2, 32 | 8 | 4],
];
const D: u8 = 64 | 16;
const A: u8 = D | 32;

/// The second pair.
#[rustfmt::skip]
pub(super) const ESCAPES: [[u8; 16]; 2] = [
    [2, 0, 1 | 16, 2 | 32, 8, 4 | 64, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0],
    [2, 2, 2 | 8, 1 | 2, 2, 2 | 4 | 16, 2 | 8 | 16, 2, 4, 0, 2, 0, 64, 2 | 32, 0, 1],
];

/// The bits of high nibbles in the columns of a [`ByteSet`].
pub(super) const ROWS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

/// By the high nibble of a base64 character what makes it its value; and by the low one, for those in row 2.
#[rustfmt::skip]
pub(super) const TO_VALUE: [[u8; 16]; 2] = [
    [0, 0, 0, 4, 191, 191, 185, 185, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 19, 0, 17, 0, 16],
];

/// What a machine does with 16 bytes at once. A value of such a type is the proof that it can.
pub(super) trait Sixteen: Copy {
    /// The bytes.
    type Bytes: Copy;

    fn load(self, bytes: &[u8; 16]) -> Self::Bytes;

    fn store(self, bytes: Self::Bytes, into: &mut [u8; 16]);

    /// The same byte everywhere.
    fn each(self, byte: u8) -> Self::Bytes;

    fn and(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;

    fn or(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;

    fn xor(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;

    /// Sums modulo 256.
    fn add(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;

    /// Each byte moved down by `BY` bits.
    fn down<const BY: i32>(self, a: Self::Bytes) -> Self::Bytes;

    /// Each byte moved up by `BY` bits.
    fn up<const BY: i32>(self, a: Self::Bytes) -> Self::Bytes;

    /// All bits of the bytes that are equal, none of the others.
    fn equal(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;

    /// The same of those of `a` that are greater, as signed numbers.
    fn above(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;

    /// The bytes of `table` at the places `at`, which are all less than 16.
    fn look_up(self, table: Self::Bytes, at: Self::Bytes) -> Self::Bytes;

    /// A bit for every byte of four times 16, all of whose bits are set, or none.
    fn mask(self, bytes: [Self::Bytes; 4]) -> u64;
}

/// The tier of a way to work on 16 bytes.
#[derive(Clone, Copy)]
pub(super) struct Narrow<S>(pub(super) S);

impl<S: Sixteen> Narrow<S> {
    /// The 64 bytes from `at` on.
    #[inline(always)]
    fn four(self, bytes: &[u8], at: usize) -> [S::Bytes; 4] {
        let bytes: &[u8; 64] = bytes[at..].first_chunk().expect("the caller shows as many");
        let (four, _) = bytes.as_chunks::<16>();
        [self.0.load(&four[0]), self.0.load(&four[1]), self.0.load(&four[2]), self.0.load(&four[3])]
    }

    /// What a function makes of each of four. Spelled out: what is not inlined is compiled without the features of the tier.
    #[inline(always)]
    fn map(self, four: [S::Bytes; 4], each: impl Fn(S::Bytes) -> S::Bytes) -> [S::Bytes; 4] {
        let [a, b, c, d] = four;
        [each(a), each(b), each(c), each(d)]
    }

    /// A bit for every byte that is greater than `n`.
    #[inline(always)]
    fn above(self, four: [S::Bytes; 4], n: u8) -> u64 {
        let n = self.0.each(n);
        self.0.mask(self.map(four, |x| self.0.above(x, n)))
    }

    /// A bit for every byte that is zero.
    #[inline(always)]
    fn zero(self, four: [S::Bytes; 4]) -> u64 {
        let zero = self.0.each(0);
        self.0.mask(self.map(four, |x| self.0.equal(x, zero)))
    }

    #[inline(always)]
    fn low(self, x: S::Bytes) -> S::Bytes {
        self.0.and(x, self.0.each(0x0f))
    }

    /// The bits that the two nibbles of each byte have in common.
    #[inline(always)]
    fn by_nibbles(self, rows: &[u8; 16], columns: &[u8; 16], x: S::Bytes) -> S::Bytes {
        let row = self.0.look_up(self.0.load(rows), self.0.down::<4>(x));
        self.0.and(row, self.0.look_up(self.0.load(columns), self.low(x)))
    }

    /// Those of `a` where `mask` is set, and of `b` elsewhere.
    #[inline(always)]
    fn choose(self, mask: S::Bytes, a: S::Bytes, b: S::Bytes) -> S::Bytes {
        self.0.xor(b, self.0.and(mask, self.0.xor(a, b)))
    }

    #[inline(always)]
    fn members_of<const N: usize>(self, sets: &[ByteSet; N], four: [S::Bytes; 4]) -> [u64; N] {
        let rows = self.0.load(&ROWS);
        let mut masks = [0; N];
        for (mask, set) in masks.iter_mut().zip(sets) {
            let (low, high) = (self.0.load(&set.low), self.0.load(&set.high));
            *mask = !self.zero(self.map(four, |x| {
                let column = self.low(x);
                let is_high = self.0.above(self.0.each(0), x);
                let bits = self.choose(is_high, self.0.look_up(high, column), self.0.look_up(low, column));
                self.0.and(bits, self.0.look_up(rows, self.0.down::<4>(x)))
            }));
        }
        masks
    }

    /// See [`ByteSet::masks`].
    #[inline(always)]
    pub(super) fn members<const N: usize>(self, sets: &[ByteSet; N], bytes: &[u8], masks: &mut [[u64; N]]) {
        let (whole, rest) = bytes.as_chunks::<64>();
        for (block, masks) in whole.iter().zip(&mut *masks) {
            *masks = self.members_of(sets, self.four(block, 0));
        }
        if let Some(masks) = masks.get_mut(whole.len()).filter(|_| !rest.is_empty()) {
            let mut block = [0; 64];
            block[..rest.len()].copy_from_slice(rest);
            *masks = self.members_of(sets, self.four(&block, 0));
            for mask in masks {
                *mask &= (1 << rest.len()) - 1;
            }
        }
    }

    /// See [`crate::anchors::passing`].
    #[inline(always)]
    pub(super) fn passing<const APART: usize>(self, filter: Filter<'_>, block: &[u8; PLACES + REACH]) -> u64 {
        const { assert!(PLACES == 64 && APART <= REACH) };
        let Some(gate) = filter.gate else { return anchors::passing_of::<APART>(filter, block, u64::MAX) };
        let ([a, b, c, d], [e, f, g, h]) = (self.four(block, 0), self.four(block, APART));
        let apart = [self.0.xor(a, e), self.0.xor(b, f), self.0.xor(c, g), self.0.xor(d, h)];
        let [some] = self.members_of(&[*gate], apart);
        anchors::passing_of::<APART>(filter, block, some)
    }

    /// The values of base64 characters.
    #[inline(always)]
    fn values_of(self, x: S::Bytes) -> S::Bytes {
        let high = self.0.down::<4>(x);
        let by_row = self.0.look_up(self.0.load(&TO_VALUE[0]), high);
        let signs = self.0.look_up(self.0.load(&TO_VALUE[1]), self.low(x));
        let is_sign = self.0.equal(high, self.0.each(2));
        let value = self.0.add(x, self.choose(is_sign, signs, by_row));
        self.choose(self.0.equal(x, self.0.each(b'_')), self.0.each(PADDING), value)
    }

    /// See [`crate::quads::look`].
    #[inline(always)]
    pub(super) fn quads(self, run: &[u8], buckets: &Halves) -> Seen {
        assert!(run.len() <= Quads::MAX, "the values have room for no more");
        let mut values = [PADDING; VALUES];
        let (chunks, rest) = run.as_chunks::<16>();
        let (into, _) = values.as_chunks_mut::<16>();
        for (chunk, into) in chunks.iter().zip(&mut *into) {
            self.0.store(self.values_of(self.0.load(chunk)), into);
        }
        if !rest.is_empty() {
            let mut padded = [b'_'; 16];
            padded[..rest.len()].copy_from_slice(rest);
            self.0.store(self.values_of(self.0.load(&padded)), &mut into[chunks.len()]);
        }
        let s = self.0;
        let first = |a, b| s.or(s.up::<2>(a), s.down::<4>(b));
        let second = |a, b| s.or(s.up::<4>(a), s.down::<2>(b));
        let third = |a, b| s.or(s.up::<6>(a), b);
        let place = |n: usize, x| self.by_nibbles(&buckets.high[n], &buckets.low[n], x);
        let three = |a, b, c| s.and(s.and(place(0, a), place(1, b)), place(2, c));
        let (mut texts, mut triples) = (0, s.each(0));
        for from in (0..run.len()).step_by(64) {
            let mut not_clear = [s.each(0); 4];
            for (n, not_clear) in not_clear.iter_mut().enumerate() {
                let v = |by: usize| {
                    s.load(values[from + 16 * n + by..].first_chunk().expect("values stand behind the last"))
                };
                let some = |by: usize, bit| s.and(s.or(s.or(v(by), v(by + 4)), v(by + 8)), s.each(bit));
                *not_clear = s.or(s.or(some(0, 1 << 5), some(1, 1 << 3)), some(2, 1 << 1));
                let (v0, v1, v2, v3, v4) = (v(0), v(1), v(2), v(3), v(4));
                let at_0 = three(first(v0, v1), second(v1, v2), third(v2, v3));
                let at_1 = three(second(v0, v1), third(v1, v2), first(v3, v4));
                let at_2 = three(third(v0, v1), first(v2, v3), second(v3, v4));
                triples = s.or(triples, s.or(at_0, s.or(at_1, at_2)));
            }
            texts |= self.zero(not_clear);
        }
        let texts = texts | texts >> 32;
        let texts = texts | texts >> 16;
        let texts = texts | texts >> 8;
        let zero = s.each(0);
        let none = self.zero([triples, zero, zero, zero]);
        Seen { texts: (texts | texts >> 4) as u8 & 0xf, triples: none != u64::MAX }
    }
}

/// Values of characters, and as many behind them as decisions look at.
const VALUES: usize = Quads::MAX + 80;

impl<S: Sixteen> Vector for Narrow<S> {
    #[inline(always)]
    fn classify(self, block: &[u8; 64]) -> Masks {
        let x = self.four(block, 0);
        let class = self.map(x, |x| self.by_nibbles(&CLASS[0], &CLASS[1], x));
        let escapes = self.map(x, |x| self.by_nibbles(&ESCAPES[0], &ESCAPES[1], x));
        let escape = self.above(escapes, 15);
        Masks {
            token: self.above(class, 0),
            base64: self.above(class, 3),
            nul: self.zero(x),
            lower: self.above(x, 0x5f),
            escape,
            follow: self.above(escapes, 0) & !escape,
            digit: self.above(class, 63),
            alnum: self.above(class, 15),
        }
    }

    #[inline(always)]
    fn has_odd(self, bytes: &[u8]) -> bool {
        // As signed numbers, those bytes are the ones below 1.
        let one = self.0.each(1);
        let mut odd = self.map([one; 4], |_| self.0.each(0));
        for block in bytes.chunks_exact(64) {
            let [a, b, c, d] = self.four(block, 0);
            odd = [
                self.0.or(odd[0], self.0.above(one, a)),
                self.0.or(odd[1], self.0.above(one, b)),
                self.0.or(odd[2], self.0.above(one, c)),
                self.0.or(odd[3], self.0.above(one, d)),
            ];
        }
        self.0.mask(odd) != 0
    }

    #[inline(always)]
    fn odd(self, block: &[u8; 64]) -> (u64, u64) {
        let x = self.four(block, 0);
        let leads = self.map(x, |x| {
            let [a, b, c, d] = LEADS_OF.map(|lead| self.0.equal(x, self.0.each(lead)));
            self.0.or(self.0.or(a, b), self.0.or(c, d))
        });
        (self.zero(x), self.0.mask(leads))
    }

    #[inline(always)]
    fn beginnings(self, window: &[u8], buckets: &Buckets) -> (u64, u64) {
        let of = |halves: &Halves| {
            let mut bits = [self.0.each(u8::MAX); 4];
            for place in 0..buckets::PLACES {
                let (rows, columns) = (&halves.high[place], &halves.low[place]);
                let [a, b, c, d] = self.map(self.four(window, place), |x| self.by_nibbles(rows, columns, x));
                bits = [
                    self.0.and(bits[0], a),
                    self.0.and(bits[1], b),
                    self.0.and(bits[2], c),
                    self.0.and(bits[3], d),
                ];
            }
            !self.zero(bits)
        };
        (of(&buckets.gated), of(&buckets.loose))
    }
}
