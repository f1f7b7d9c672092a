//! [`Sealed`]: formats of compressed content that are recognised and not looked into.
//!
//! | format | begins with | told by |
//! |---|---|---|
//! | [7z][7z] | `37 7a bc af 27 1c` | the checksum of its first header |
//! | [RAR][rar] 4 and 5 | `52 61 72 21 1a 07` | the header of an archive behind it; programs that read them hold the rest, too |
//! | [LZ4][lz4], frames | `04 22 4d 18` | the checksum of the frame's header |
//! | [Snappy][snappy], frames | `ff 06 00 00 73 4e 61 50 70 59` | itself |
//! | [lzip][lzip] | `4c 5a 49 50 01` | the size of its dictionary |
//! | [LZMA][lzma] alone | `5d 00 00` | the size of its dictionary, a size of the content that is not known, as streams have it, and a zero behind it |
//! | `compress` | `1f 9d` | its flags; too little in the middle of content |
//!
//! [7z]: https://py7zr.readthedocs.io/en/latest/archive_format.html
//! [rar]: https://www.rarlab.com/technote.htm
//! [lz4]: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
//! [snappy]: https://github.com/google/snappy/blob/main/framing_format.txt
//! [lzip]: https://www.nongnu.org/lzip/manual/lzip_manual.html#File-format
//! [lzma]: https://tukaani.org/xz/lzma-file-format.txt

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// An archive of 7-Zip.
    SevenZip,
    /// An archive of WinRAR.
    Rar,
    /// A frame of LZ4.
    Lz4,
    /// Frames of Snappy.
    Snappy,
    /// A member of lzip.
    Lzip,
    /// The format of LZMA before xz.
    Lzma,
    /// What `compress` writes.
    Compress,
}

/// Bytes that [`Sealed::starts`] wants to see.
pub const PROBE_LEN: usize = 32;

impl Sealed {
    /// All of them.
    pub const ALL: [Sealed; 7] = [
        Sealed::SevenZip,
        Sealed::Rar,
        Sealed::Lz4,
        Sealed::Snappy,
        Sealed::Lzip,
        Sealed::Lzma,
        Sealed::Compress,
    ];

    /// What it begins with.
    #[must_use]
    pub const fn magic(self) -> &'static [u8] {
        match self {
            Sealed::SevenZip => b"7z\xbc\xaf\x27\x1c",
            Sealed::Rar => b"Rar!\x1a\x07",
            Sealed::Lz4 => b"\x04\x22\x4d\x18",
            Sealed::Snappy => b"\xff\x06\0\0sNaPpY",
            Sealed::Lzip => b"LZIP\x01",
            Sealed::Lzma => b"\x5d\0\0",
            Sealed::Compress => b"\x1f\x9d",
        }
    }

    /// What programs call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Sealed::SevenZip => "7z",
            Sealed::Rar => "rar",
            Sealed::Lz4 => "lz4",
            Sealed::Snappy => "snappy",
            Sealed::Lzip => "lzip",
            Sealed::Lzma => "lzma",
            Sealed::Compress => "compress",
        }
    }

    /// Whether content may begin with it that begins with `prefix`: with all of [`PROBE_LEN`] bytes, a good guess; what is cut before its header ends is none.
    #[must_use]
    pub fn starts(self, prefix: &[u8]) -> bool {
        let Some(rest) = prefix.strip_prefix(self.magic()) else { return false };
        match self {
            Sealed::SevenZip => match rest {
                [_, _, a, b, c, d, header @ ..] if header.len() >= 20 => {
                    crc32(&header[..20]) == u32::from_le_bytes([*a, *b, *c, *d])
                }
                _ => false,
            },
            Sealed::Rar => match rest {
                // Checksum, type, flags and size of the archive's header, which is always as long.
                [0, _, _, 0x73, _, _, 13, 0, ..] => true,
                [1, 0, header @ ..] => is_rar5(header),
                _ => false,
            },
            Sealed::Lz4 => is_lz4(rest),
            Sealed::Snappy => true,
            // A power of two from 2^12 to 2^29 bytes, less some sixteenths of it.
            Sealed::Lzip => matches!(rest, [size, ..] if (12..=29).contains(&(size & 31))),
            Sealed::Lzma => is_lzma(rest),
            // Codes of 9 to 16 bits.
            Sealed::Compress => {
                matches!(rest, [flags, ..] if flags & 0x60 == 0 && (9..=16).contains(&(flags & 31)))
            }
        }
    }
}

/// Whether the header of an archive or of its encryption follows; with its checksum, where all of it is at hand.
fn is_rar5(header: &[u8]) -> bool {
    let [a, b, c, d, size @ 1..=0x7f, 1 | 4, ..] = *header else { return false };
    let sum = u32::from_le_bytes([a, b, c, d]);
    header.get(4..5 + usize::from(size)).is_none_or(|whole| crc32(whole) == sum)
}

/// Whether a frame's header follows, with its checksum.
fn is_lz4(header: &[u8]) -> bool {
    let [flags, sizes, ..] = *header else { return false };
    // Version 1, and bits that are not used.
    if flags & 0xc2 != 0x40 || sizes & 0x8f != 0 || sizes >> 4 < 4 {
        return false;
    }
    let content_size = if flags & 8 != 0 { 8 } else { 0 };
    let dictionary = if flags & 1 != 0 { 4 } else { 0 };
    let len = 2 + content_size + dictionary;
    header.get(len).is_some_and(|sum| *sum == (xxh32(&header[..len]) >> 8) as u8)
}

/// Whether the rest of a header follows: the upper half of the dictionary's size, and a size of the content that is not known. Programs hold headers in which one is.
fn is_lzma(rest: &[u8]) -> bool {
    let Some((header, code)) = rest.split_first_chunk::<10>() else { return false };
    let dictionary = u32::from(u16::from_le_bytes([header[0], header[1]])) << 16;
    let size = u64::from_le_bytes([
        header[2], header[3], header[4], header[5], header[6], header[7], header[8], header[9],
    ]);
    // One bit, or two beside each other.
    let top = dictionary.trailing_zeros();
    let is_size = dictionary != 0 && (dictionary >> top == 1 || dictionary >> top == 3);
    is_size && size == u64::MAX && code.first() == Some(&0)
}

/// CRC-32 of a header: few bytes, seldom.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 != 0 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}

/// [XXH32](https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md) of less than 16 bytes, without a seed.
fn xxh32(bytes: &[u8]) -> u32 {
    const PRIMES: [u32; 5] = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1];
    let mut sum = PRIMES[4].wrapping_add(bytes.len() as u32);
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let word = u32::from_le_bytes(*word).wrapping_mul(PRIMES[2]);
        sum = sum.wrapping_add(word).rotate_left(17).wrapping_mul(PRIMES[3]);
    }
    for byte in rest {
        let byte = u32::from(*byte).wrapping_mul(PRIMES[4]);
        sum = sum.wrapping_add(byte).rotate_left(11).wrapping_mul(PRIMES[0]);
    }
    sum = (sum ^ sum >> 15).wrapping_mul(PRIMES[1]);
    sum = (sum ^ sum >> 13).wrapping_mul(PRIMES[2]);
    sum ^ sum >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of "hello" and a line feed, as each program writes it, but for the magic number: these lines are no such content.
    const WRITTEN: [(Sealed, &[u8]); 9] = [
        (Sealed::SevenZip, b"\x00\x04\x7e\xf8\x56\xe4\x58\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\x00\x00\x00\x00\x00\x16\xc1\x08\xd4"),
        (Sealed::Rar, b"\x01\x00\x33\x92\xb5\xe5\x0a\x01\x05\x06\x00\x05\x01\x01\x80\x80\x00"),
        (Sealed::Rar, b"\x00\xcf\x90\x73\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"),
        (Sealed::Lz4, b"\x68\x40\x06\x00\x00\x00\x00\x00\x00\x00\x59\x06\x00\x00\x80\x68\x65\x6c\x6c\x6f\x0a\x00\x00\x00\x00"),
        (Sealed::Lz4, b"\x64\x40\xa7\x06\x00\x00\x80\x68\x65\x6c\x6c\x6f\x0a\x00\x00\x00\x00\xf9\x5b\x6b\x94"),
        (Sealed::Snappy, b"\x01\x0a\x00\x00\x53\x55\xff\x53\x68\x65\x6c\x6c\x6f\x0a"),
        (Sealed::Lzip, b"\x0c"),
        (Sealed::Lzma, b"\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x34\x19\x49\xee\x8d\xdd\x3d\x3a\xdf\xff\xff\xdd\x12\x00\x00"),
        (Sealed::Compress, b"\x90\x68\xca\xb0\x61\xf3\x46\x01"),
    ];

    #[test]
    fn what_programs_write_is_recognised() {
        for (format, rest) in WRITTEN {
            let content = [format.magic(), rest].concat();
            for other in Sealed::ALL {
                assert_eq!(other.starts(&content), other == format, "{other:?}: {format:?}");
            }
        }
    }

    #[test]
    fn what_only_begins_like_one_is_not() {
        let mut state = 1u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        };
        for format in [Sealed::SevenZip, Sealed::Rar, Sealed::Lz4, Sealed::Lzma] {
            let seen = (0..20_000).filter(|_| {
                let mut content = format.magic().to_vec();
                content.resize_with(PROBE_LEN, &mut byte);
                format.starts(&content)
            });
            assert!(seen.count() < 5, "{format:?}");
        }
    }
}
