//! A Zstandard frame that its format forbids, and that some read.

use crate::rng::Rng;

const WINDOW: usize = 4096;

/// A window of 4 KiB, no checksum and no size.
const HEADER: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0, 2 << 3];

/// A frame in which `value` (of 8 bytes or more) stands for programs that decode it at once, for its second half is taken from farther back than the
/// window goes. Those that decode it piece by piece into memory of libzstd's size read other text there.
pub fn beyond_window(rng: &mut Rng, value: &[u8]) -> Vec<u8> {
    let (first, second) = value.split_at(value.len() / 2);
    let mut before = [second, b"\n"].concat();
    before.resize_with(3 * WINDOW, || b"aeiou rst\nlnm"[rng.below(13)]);
    let literals = [&b"and so on ".repeat(20)[..120 - first.len()], first].concat();
    let offset = before.len() + literals.len();

    let mut out = HEADER.to_vec();
    for block in before.chunks(WINDOW) {
        out.extend(header(0, block.len(), false));
        out.extend(block);
    }
    // Literals as they are, and one sequence with a code of its own for each number.
    let mut block = (((literals.len() as u32) << 4 | 1 << 2) as u16).to_le_bytes().to_vec();
    block.extend(&literals);
    let (value, len) = (offset as u64 + 3, second.len() as u64);
    let code = value.ilog2();
    // 64 and more literals (six bits more), a match of 3 to 34 bytes (no bit).
    block.extend([1, 0b0101_0100, 25, code as u8, len as u8 - 3]);
    let bits = (literals.len() as u64 - 64) | value << 6;
    block.extend(&bits.to_le_bytes()[..=(6 + code as usize) / 8]);
    out.extend(header(2, block.len(), true));
    out.extend(block);
    out
}

fn header(kind: usize, len: usize, last: bool) -> [u8; 3] {
    let [a, b, c, _] = ((len << 3 | kind << 1 | usize::from(last)) as u32).to_le_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_it_says() {
        let value = b"0123456789abcdefghijABCDEFGHIJ";
        let frame = beyond_window(&mut Rng::new(1), value);
        let mut out = vec![0; 4 * WINDOW];
        let len = zstd_safe::decompress(&mut out[..], &frame).expect("libzstd takes it");
        assert!(out[..len].ends_with(value));
        assert!(!frame.windows(value.len()).any(|w| w == value));
    }
}
