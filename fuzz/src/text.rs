//! Encoders of the text codings, as their definitions have them.

use exfilter_codec::charcodes::Form;
use exfilter_codec::{base32, base85};
use exfilter_testing::{Rng, wrap};

/// The characters of an alphabet of base32.
pub fn base32_chars(alphabet: base32::Alphabet) -> &'static [u8; 32] {
    match alphabet {
        base32::Alphabet::Base32 => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        base32::Alphabet::Base32Hex => b"0123456789ABCDEFGHIJKLMNOPQRSTUV",
    }
}

/// The characters of an alphabet of base85.
pub fn base85_chars(alphabet: base85::Alphabet) -> &'static [u8; 85] {
    match alphabet {
        base85::Alphabet::Rfc1924 => &wrap::RFC1924,
        base85::Alphabet::Z85 => &wrap::Z85,
        base85::Alphabet::Ascii => &wrap::ASCII85,
    }
}

/// The characters of base58.
pub const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Base32 without padding.
pub fn base32(alphabet: base32::Alphabet, bytes: &[u8]) -> Vec<u8> {
    let chars = base32_chars(alphabet);
    let bit = |i: usize| bytes.get(i / 8).map_or(0, |byte| byte >> (7 - i % 8) & 1);
    (0..(bytes.len() * 8).div_ceil(5))
        .map(|c| chars[(0..5).fold(0, |value, i| value << 1 | usize::from(bit(5 * c + i)))])
        .collect()
}

/// Base58.
pub fn base58(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut number = bytes[zeros..].to_vec();
    let mut out = Vec::new();
    while number.iter().any(|byte| *byte > 0) {
        let mut rest = 0;
        for byte in &mut number {
            rest = rest << 8 | usize::from(*byte);
            *byte = (rest / 58) as u8;
            rest %= 58;
        }
        out.push(BASE58[rest]);
    }
    out.resize(out.len() + zeros, b'1');
    out.reverse();
    out
}

/// Base85, the last group short.
pub fn base85(chars: &[u8; 85], bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(4).flat_map(|four| group(chars, four)).collect()
}

fn group(chars: &[u8; 85], four: &[u8]) -> Vec<u8> {
    let mut value = (0..4).fold(0, |value, i| value << 8 | u64::from(*four.get(i).unwrap_or(&0)));
    let mut five = [0; 5];
    for char in five.iter_mut().rev() {
        *char = chars[(value % 85) as usize];
        value /= 85;
    }
    five[..four.len() + 1].to_vec()
}

/// The lines of a git binary patch, with the empty one.
pub fn git_lines(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let newline = *rng.pick(&["\n", "\r\n"]);
    let mut out = Vec::new();
    for line in bytes.chunks(1 + rng.below(52)) {
        out.push(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[line.len() - 1]);
        let mut filled = line.to_vec();
        filled.resize(line.len().next_multiple_of(4), 0);
        out.extend(base85(base85_chars(base85::Alphabet::Rfc1924), &filled));
        out.extend(newline.bytes());
    }
    out.extend(newline.bytes());
    out
}

/// Ascii85 with or without marks, short forms and white space.
pub fn ascii85(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let chars = std::array::from_fn(|i| b'!' + i as u8);
    let (begins, ends, spaces, blanks) = (rng.one_in(2), rng.one_in(2), rng.one_in(2), rng.one_in(2));
    let mut out = Vec::new();
    if begins {
        out.extend(b"<~");
    }
    for four in bytes.chunks(4) {
        let chars = match four {
            [0, 0, 0, 0] => b"z".to_vec(),
            b"    " if spaces => b"y".to_vec(),
            _ => group(&chars, four),
        };
        for char in chars {
            out.push(char);
            if blanks && rng.one_in(4) {
                out.push(*rng.pick(b" \n\r\t\0"));
            }
        }
    }
    if ends {
        out.extend(b"~>");
    }
    out
}

/// A list of character codes.
pub fn charcodes(form: Form, bytes: &[u8]) -> Vec<u8> {
    let (between, write): (_, fn(&u8) -> String) = match form {
        Form::Decimal => (", ", |b| b.to_string()),
        Form::Hexadecimal => (":", |b| format!("{b:02x}")),
        Form::Octal => (" ", |b| format!("{b:03o}")),
        Form::Binary => (" ", |b| format!("{b:08b}")),
        Form::Css => (" \\", |b| format!("{b:x}")),
        Form::Words => {
            let words = bytes.chunks(2).map(|two| format!("{:02x}{:02x}", two.get(1).unwrap_or(&0), two[0]));
            return words.collect::<Vec<String>>().join(" ").into_bytes();
        }
    };
    bytes.iter().map(write).collect::<Vec<String>>().join(between).into_bytes()
}
