//! Deflate as an oracle: a plain bit-by-bit reader that notes when each byte could be known, and a writer of blocks that
//! compressors do not make.

/// What a reader that knows no tricks makes of a deflate stream.
pub(crate) struct Oracle {
    pub(crate) out: Vec<u8>,
    /// For every byte of `out`, how many input bytes must have been seen to know it.
    pub(crate) known: Vec<usize>,
    pub(crate) end: OracleEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OracleEnd {
    /// The last block ended after this many input bytes.
    Done(usize),
    /// The input ended.
    NeedsMore,
    Corrupt,
}

impl Oracle {
    pub(crate) fn read(input: &[u8]) -> Self {
        let mut reader = Reader { input, bit: 0, out: Vec::new(), known: Vec::new() };
        let end = match reader.blocks() {
            Ok(()) => OracleEnd::Done(reader.bit.div_ceil(8)),
            Err(end) => end,
        };
        Self { out: reader.out, known: reader.known, end }
    }

    /// How many bytes of output are known after `seen` input bytes.
    pub(crate) fn known_after(&self, seen: usize) -> usize {
        self.known.partition_point(|&needed| needed <= seen)
    }
}

struct Reader<'a> {
    input: &'a [u8],
    bit: usize,
    out: Vec<u8>,
    known: Vec<usize>,
}

/// A Huffman code: symbols by length, then by value.
struct Code {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

impl Code {
    fn new(lengths: &[u8]) -> Result<Self, OracleEnd> {
        let mut counts = [0u16; 16];
        for &length in lengths {
            counts[usize::from(length)] += 1;
        }
        counts[0] = 0;
        let mut left = 1i32;
        for &count in &counts[1..] {
            left = left * 2 - i32::from(count);
            if left < 0 {
                return Err(OracleEnd::Corrupt);
            }
        }
        // As zlib has it: a set may be incomplete only if it is empty or a single word of one bit.
        let words = counts.iter().sum::<u16>();
        if left > 0 && words > 0 && (words, counts[1]) != (1, 1) {
            return Err(OracleEnd::Corrupt);
        }
        let mut symbols: Vec<u16> =
            (0..lengths.len() as u16).filter(|&s| lengths[usize::from(s)] != 0).collect();
        symbols.sort_by_key(|&s| (lengths[usize::from(s)], s));
        Ok(Self { counts, symbols })
    }
}

impl Reader<'_> {
    fn bits(&mut self, count: usize) -> Result<usize, OracleEnd> {
        let mut value = 0;
        for i in 0..count {
            let byte = *self.input.get(self.bit / 8).ok_or(OracleEnd::NeedsMore)?;
            value |= usize::from(byte >> (self.bit % 8) & 1) << i;
            self.bit += 1;
        }
        Ok(value)
    }

    fn symbol(&mut self, code: &Code) -> Result<usize, OracleEnd> {
        let (mut word, mut first, mut index) = (0usize, 0usize, 0usize);
        for &count in &code.counts[1..] {
            word |= self.bits(1)?;
            let count = usize::from(count);
            if word < first + count {
                return Ok(usize::from(code.symbols[index + word - first]));
            }
            index += count;
            first = (first + count) * 2;
            word *= 2;
        }
        Err(OracleEnd::Corrupt)
    }

    fn emit(&mut self, byte: u8) {
        self.out.push(byte);
        self.known.push(self.bit.div_ceil(8));
    }

    fn blocks(&mut self) -> Result<(), OracleEnd> {
        loop {
            let last = self.bits(1)? == 1;
            match self.bits(2)? {
                0 => self.stored()?,
                1 => {
                    let mut lengths = [8u8; 288];
                    lengths[144..256].fill(9);
                    lengths[256..280].fill(7);
                    self.coded(&Code::new(&lengths)?, &Code::new(&[5; 32])?)?;
                }
                2 => self.dynamic()?,
                _ => return Err(OracleEnd::Corrupt),
            }
            if last {
                return Ok(());
            }
        }
    }

    fn stored(&mut self) -> Result<(), OracleEnd> {
        self.bit = self.bit.next_multiple_of(8);
        let len = self.bits(16)?;
        if self.bits(16)? != len ^ 0xffff {
            return Err(OracleEnd::Corrupt);
        }
        for _ in 0..len {
            let byte = self.bits(8)? as u8;
            self.emit(byte);
        }
        Ok(())
    }

    fn dynamic(&mut self) -> Result<(), OracleEnd> {
        let literals = self.bits(5)? + 257;
        let distances = self.bits(5)? + 1;
        let lengths = self.bits(4)? + 4;
        // As zlib has it: RFC 1951 defines no more symbols than these.
        if literals > 286 || distances > 30 {
            return Err(OracleEnd::Corrupt);
        }
        let mut table = [0u8; 19];
        for &place in &ORDER[..lengths] {
            table[place] = self.bits(3)? as u8;
        }
        let code = Code::new(&table)?;
        let mut table = Vec::new();
        while table.len() < literals + distances {
            let (value, times) = match self.symbol(&code)? {
                symbol @ 0..=15 => (symbol as u8, 1),
                16 => (*table.last().ok_or(OracleEnd::Corrupt)?, 3 + self.bits(2)?),
                17 => (0, 3 + self.bits(3)?),
                _ => (0, 11 + self.bits(7)?),
            };
            table.extend(std::iter::repeat_n(value, times));
        }
        // A block that cannot end (no word for 256) is read for as long as it goes on: there may be receivers that do so.
        if table.len() > literals + distances {
            return Err(OracleEnd::Corrupt);
        }
        let (literals, distances) = table.split_at(literals);
        self.coded(&Code::new(literals)?, &Code::new(distances)?)
    }

    fn coded(&mut self, literals: &Code, distances: &Code) -> Result<(), OracleEnd> {
        loop {
            let symbol = self.symbol(literals)?;
            match symbol {
                0..256 => self.emit(symbol as u8),
                256 => return Ok(()),
                257..=285 => {
                    let (base, extra) = length(symbol - 257);
                    let len = base + self.bits(extra)?;
                    let symbol = self.symbol(distances)?;
                    if symbol > 29 {
                        return Err(OracleEnd::Corrupt);
                    }
                    let extra = (symbol / 2).saturating_sub(1);
                    let base = if symbol < 2 { symbol } else { (2 + symbol % 2) << extra };
                    let distance = base + 1 + self.bits(extra)?;
                    if distance > self.out.len() {
                        return Err(OracleEnd::Corrupt);
                    }
                    for _ in 0..len {
                        self.emit(self.out[self.out.len() - distance]);
                    }
                }
                _ => return Err(OracleEnd::Corrupt),
            }
        }
    }
}

/// Base and extra bits of length symbol `257 + index`.
fn length(index: usize) -> (usize, usize) {
    match index {
        0..8 => (index + 3, 0),
        28 => (258, 0),
        _ => {
            let extra = index / 4 - 1;
            (((4 + index % 4) << extra) + 3, extra)
        }
    }
}

/// Writes deflate blocks bit by bit.
#[derive(Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
    bit: usize,
}

impl Writer {
    pub(crate) fn bits(&mut self, value: usize, count: usize) {
        for i in 0..count {
            if self.bit.is_multiple_of(8) {
                self.out.push(0);
            }
            let last = self.out.len() - 1;
            self.out[last] |= ((value >> i & 1) as u8) << (self.bit % 8);
            self.bit += 1;
        }
    }

    /// A code word: its most significant bit first.
    fn word(&mut self, value: usize, count: usize) {
        (0..count).rev().for_each(|i| self.bits(value >> i & 1, 1));
    }

    pub(crate) fn stored(&mut self, content: &[u8], last: bool) {
        self.bits(usize::from(last), 3);
        self.bit = self.bit.next_multiple_of(8);
        self.bits(content.len(), 16);
        self.bits(!content.len() & 0xffff, 16);
        content.iter().for_each(|&byte| self.bits(usize::from(byte), 8));
    }

    pub(crate) fn begin_fixed(&mut self, last: bool) {
        self.bits(usize::from(last) | 2, 3);
    }

    pub(crate) fn literal(&mut self, byte: u8) {
        match byte {
            0..144 => self.word(0x30 + usize::from(byte), 8),
            _ => self.word(0x190 + usize::from(byte) - 144, 9),
        }
    }

    /// A match of 3..=10 bytes, at a distance of 1..=32768.
    pub(crate) fn repeat(&mut self, len: usize, distance: usize) {
        self.word(len - 2, 7);
        let distance = distance - 1;
        let extra = (distance.max(1).ilog2() as usize).saturating_sub(1);
        let symbol = if distance < 4 { distance } else { 2 * extra + (distance >> extra) };
        self.word(symbol, 5);
        self.bits(distance & ((1 << extra) - 1), if distance < 4 { 0 } else { extra });
    }

    pub(crate) fn end_fixed(&mut self) {
        self.word(0, 7);
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }
}

#[test]
fn the_oracle_agrees_with_a_compressor() {
    use std::io::Write as _;
    let mut rng = crate::support::Rng(2);
    let text = [rng.text(60_000), rng.noise(5000), vec![9; 100_000], rng.text(60_000)].concat();
    for level in 0..=9 {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(&text).unwrap();
        let packed = encoder.finish().unwrap();
        let oracle = Oracle::read(&packed);
        assert!(oracle.out == text);
        assert_eq!(oracle.end, OracleEnd::Done(packed.len()));
        assert_eq!(oracle.known_after(packed.len()), text.len());
    }
}
