//! Codes of fractions of bits: finite state entropy ([RFC 8878 section 4.1]).
//!
//! [RFC 8878 section 4.1]: https://www.rfc-editor.org/rfc/rfc8878#section-4.1

/// The most codes that a distribution has.
const CODES: usize = 53;

/// The most states of a decoding.
const STATES: usize = 1 << 9;

/// How often each code is used, of `2^accuracy` times.
#[derive(Clone, Copy)]
pub(super) struct Distribution {
    accuracy: u8,
    /// -1 is less than once: it has a state all the same.
    counts: [i16; CODES],
}

impl Distribution {
    /// One of the format's own.
    pub(super) const fn usual(accuracy: u8, given: &[i16]) -> Self {
        let mut counts = [0; CODES];
        let (head, _) = counts.split_at_mut(given.len());
        head.copy_from_slice(given);
        Self { accuracy, counts }
    }

    /// Reads the description at the beginning of `bytes`, of codes up to `last`; also its length.
    pub(super) fn parse(bytes: &[u8], last: u8, most: u8) -> Option<(Self, usize)> {
        let mut bits = Forwards { bytes, at: 0 };
        let accuracy = bits.take(4) as u8 + 5;
        if accuracy > most {
            return None;
        }
        let mut counts = [0; CODES];
        // What is still to be given away, and one more.
        let mut left = (1i32 << accuracy) + 1;
        let mut code = 0;
        while left > 1 && code <= usize::from(last) {
            // A number up to `left`: the lower ones take one bit less.
            let width = left.ilog2();
            let short = (2 << width) - 1 - left;
            let low = bits.peek(width);
            let number = if low < short {
                bits.at += width as usize;
                low
            } else {
                let number = bits.take(width + 1);
                if number >= 1 << width { number - short } else { number }
            };
            let count = number - 1;
            left -= count.abs();
            counts[code] = count as i16;
            code += 1;
            if count == 0 {
                loop {
                    let more = bits.take(2);
                    code += more as usize;
                    if more < 3 || code > usize::from(last) {
                        break;
                    }
                }
            }
        }
        let len = bits.at.div_ceil(8);
        let fits = left == 1 && code <= usize::from(last) + 1 && len <= bytes.len();
        fits.then_some((Self { accuracy, counts }, len))
    }

    /// The codes that are used.
    pub(super) fn codes(&self) -> impl Iterator<Item = u8> {
        (0u8..).zip(self.counts).filter(|(_, count)| *count != 0).map(|(code, _)| code)
    }
}

/// A state: the code that it stands for, and where it leads.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub(super) code: u8,
    /// Bits of the next state's number, which is `base` and they.
    bits: u8,
    base: u16,
}

impl State {
    const NONE: State = State { code: 0, bits: 0, base: 0 };
}

/// The states by which a distribution is decoded.
#[derive(Clone)]
pub(super) struct Decoding {
    accuracy: u8,
    states: [State; STATES],
}

impl Decoding {
    /// Of one code, which takes no bits.
    pub(super) fn of_one(code: u8) -> Self {
        let mut states = [State::NONE; STATES];
        states[0].code = code;
        Self { accuracy: 0, states }
    }

    pub(super) const fn new(distribution: &Distribution) -> Self {
        let Distribution { accuracy, counts } = distribution;
        let size = 1 << *accuracy;
        let mut states = [State::NONE; STATES];
        // Codes that are used less than once have the last states.
        let mut high = size;
        let mut next = [0u16; CODES];
        let mut code = 0;
        while code < CODES {
            next[code] = counts[code].unsigned_abs();
            if counts[code] < 0 {
                high -= 1;
                states[high].code = code as u8;
            }
            code += 1;
        }
        let step = (size >> 1) + (size >> 3) + 3;
        let (mut at, mut code) = (0, 0);
        while code < CODES {
            let mut left = counts[code];
            while left > 0 {
                states[at].code = code as u8;
                at = (at + step) & (size - 1);
                while at >= high {
                    at = (at + step) & (size - 1);
                }
                left -= 1;
            }
            code += 1;
        }
        let mut at = 0;
        while at < size {
            let state = &mut states[at];
            let number = &mut next[state.code as usize];
            state.bits = *accuracy - number.ilog2() as u8;
            state.base = (*number << state.bits) - size as u16;
            *number += 1;
            at += 1;
        }
        Self { accuracy: *accuracy, states }
    }

    /// The codes that its states stand for.
    pub(super) fn codes(&self) -> impl Iterator<Item = u8> {
        self.states[..1 << self.accuracy].iter().map(|state| state.code)
    }

    pub(super) fn begin(&self, bits: &mut Backwards<'_>) -> Option<State> {
        Some(self.states[bits.take(self.accuracy)? as usize])
    }

    pub(super) fn next(&self, state: State, bits: &mut Backwards<'_>) -> Option<State> {
        Some(self.states[usize::from(state.base) + bits.take(state.bits)? as usize])
    }
}

/// Bits from the lowest one of the first byte on; behind the last byte they are zeros.
struct Forwards<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Forwards<'_> {
    fn peek(&self, width: u32) -> i32 {
        let bytes = self.bytes.get(self.at / 8..).unwrap_or_default();
        let mut four = [0; 4];
        let len = bytes.len().min(4);
        four[..len].copy_from_slice(&bytes[..len]);
        (u32::from_le_bytes(four) >> (self.at % 8) & ((1 << width) - 1)) as i32
    }

    fn take(&mut self, width: u32) -> i32 {
        let bits = self.peek(width);
        self.at += width as usize;
        bits
    }
}

/// Bits from the last one on, which is a mark, to the first.
pub(super) struct Backwards<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Backwards<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let mark = bytes.last()?.checked_ilog2()?;
        Some(Self { bytes, left: (bytes.len() - 1) * 8 + mark as usize })
    }

    /// At most 32 bits.
    pub(super) fn take(&mut self, width: u8) -> Option<u32> {
        self.skip(width)?;
        let at = self.left / 8;
        let eight = match self.bytes[at..].first_chunk() {
            Some(eight) => *eight,
            None => {
                let mut eight = [0; 8];
                eight[..self.bytes.len() - at].copy_from_slice(&self.bytes[at..]);
                eight
            }
        };
        Some((u64::from_le_bytes(eight) >> (self.left % 8) & ((1 << width) - 1)) as u32)
    }

    pub(super) fn skip(&mut self, width: u8) -> Option<()> {
        self.left = self.left.checked_sub(usize::from(width))?;
        Some(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left == 0
    }
}
