//! Dumps as tools write them, and objects made of arrays of bytes.

use std::fmt::Write as _;

/// A hex dump in lines of sixteen bytes, with their offsets and characters.
pub fn hex_dump(bytes: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    for (n, line) in bytes.chunks(16).enumerate() {
        let pairs: Vec<String> =
            line.chunks(2).map(|pair| pair.iter().map(|b| format!("{b:02x}")).collect()).collect();
        let shown = line.iter().map(|b| if matches!(b, b' '..=b'~') { char::from(*b) } else { '.' });
        let _ = writeln!(out, "{:08x}: {:40} {}", 16 * n, pairs.join(" "), shown.collect::<String>());
    }
    out.into_bytes()
}

/// An object whose keys are the places of its members, as JavaScript's `JSON.stringify` writes an array of bytes; `between` stands between two of them.
pub fn keyed(bytes: &[u8], between: &str) -> Vec<u8> {
    let member = |(at, b): (usize, &u8)| format!("\"{at}\":{b}");
    bytes.iter().enumerate().map(member).collect::<Vec<_>>().join(between).into_bytes()
}

/// What `hexdump -C` writes.
pub fn canonical_dump(bytes: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    for (n, line) in bytes.chunks(16).enumerate() {
        let halves = line.chunks(8).map(|half| half.iter().map(|b| format!("{b:02x} ")).collect::<String>());
        let shown = line.iter().map(|b| if matches!(b, b' '..=b'~') { char::from(*b) } else { '.' });
        let codes = halves.collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "{:08x}  {codes:49} |{}|", 16 * n, shown.collect::<String>());
    }
    out.into_bytes()
}

/// What `hexdump` or, in octal digits, `od` writes: words of two bytes, the lower one first.
pub fn word_dump(bytes: &[u8], octal: bool) -> Vec<u8> {
    let mut out = String::new();
    for (n, line) in bytes.chunks(16).enumerate() {
        let words = line.chunks(2).map(|two| u16::from_le_bytes([two[0], *two.get(1).unwrap_or(&0)]));
        let write = |word| if octal { format!(" {word:06o}") } else { format!(" {word:04x}") };
        let offset = if octal { format!("{:07o}", 16 * n) } else { format!("{:07x}", 16 * n) };
        let _ = writeln!(out, "{offset}{}", words.map(write).collect::<String>());
    }
    out.into_bytes()
}

/// What `od -c` writes, with hexadecimal offsets.
pub fn character_dump(bytes: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    for (n, line) in bytes.chunks(16).enumerate() {
        let _ = write!(out, "{:07x}", 16 * n);
        for byte in line {
            let shown = match byte {
                b'\n' => "\\n".to_string(),
                b' '..=b'~' => char::from(*byte).to_string(),
                _ => format!("{byte:03o}"),
            };
            let _ = write!(out, " {shown:>3}");
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{:07x}", bytes.len());
    out.into_bytes()
}
