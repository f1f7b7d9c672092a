//! Wrappings: what content goes through on its way out.

use std::io::Write;

mod dumps;

pub use self::dumps::{canonical_dump, character_dump, hex_dump, keyed, word_dump};
use crate::pack;
use crate::rng::Rng;

/// One layer around content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Text before and after.
    Text,
    /// Base64, standard or URL-safe alphabet, with or without padding, at a random alignment.
    Base64,
    /// Base32 or base32hex in either case, with or without padding.
    Base32,
    /// A token of base58; content that is too long for one stays as it is.
    Base58,
    /// Hexadecimal digits in either case, at a random alignment.
    Hex,
    /// Gzip at some level, at times with flushes, several members or header fields.
    Gzip,
    /// Zstd at some level, at times in several frames.
    Zstd,
    /// An entry of a zip archive, stored or deflated.
    Zip,
    /// A zlib stream.
    Zlib,
    /// A member of a tar archive.
    Tar,
    /// A member of an ar archive, its name of System V or BSD.
    Ar,
    /// A member of a cpio archive in some format.
    Cpio,
    /// Characters written as escapes: JSON's, percent, HTML's or quoted-printable.
    Escapes,
    /// Text in UTF-16 or UTF-32 of either byte order, at times with a mark; content that is not ASCII stays as it is.
    Wide,
    /// A list of character codes, as some program or tool writes it.
    Codes,
    /// uuencode of some encoder.
    Uuencode,
    /// A blob of a git pack, whole or as a delta.
    Pack,
}

/// All layers.
pub const LAYERS: [Layer; 17] = [
    Layer::Text,
    Layer::Base64,
    Layer::Base32,
    Layer::Base58,
    Layer::Hex,
    Layer::Gzip,
    Layer::Zstd,
    Layer::Zip,
    Layer::Zlib,
    Layer::Tar,
    Layer::Ar,
    Layer::Cpio,
    Layer::Escapes,
    Layer::Wide,
    Layer::Codes,
    Layer::Uuencode,
    Layer::Pack,
];

/// Wraps `content` in `layer`.
pub fn wrap(rng: &mut Rng, layer: Layer, content: &[u8]) -> Vec<u8> {
    match layer {
        Layer::Text => [&text(rng)[..], b" ", content, b"\n", &text(rng)].concat(),
        Layer::Base64 => {
            let lead = rng.below(3);
            let mut inner = text(rng);
            inner.truncate(inner.len() / 3 * 3 + lead);
            inner.push(b' ');
            inner.extend(content);
            inner.push(b' ');
            inner.extend(text(rng));
            let body = base64(&inner, rng.one_in(2), rng.one_in(2));
            let body = if rng.one_in(3) { fold(rng, &body) } else { body };
            [b"{\"data\": \"", &body[..], b"\"}"].concat()
        }
        Layer::Base32 => {
            // Long enough to be told from a name, and no digits alone.
            let inner = [b"some text, ", &text(rng)[..], b" ", content, b" ", &text(rng)].concat();
            let alphabet = *rng.pick(&[BASE32, BASE32HEX]);
            let run = base32(&inner, alphabet, rng.one_in(2));
            let run = if rng.one_in(2) { run.to_ascii_lowercase() } else { run };
            let before = *rng.pick(&["\"", "=", " ", "%20", "\\n"]);
            let run = if rng.one_in(3) { fold(rng, &run) } else { run };
            [b"data: ", before.as_bytes(), &run, b"\n"].concat()
        }
        Layer::Base58 => {
            let inner = [b"some text, ", content].concat();
            if inner.len() > BASE58_MAX {
                return content.to_vec();
            }
            let before = *rng.pick(&["\"", "=", " ", "%20", "\\n", "("]);
            let after = *rng.pick(&["\"", "\n", " ", "&", "\\n"]);
            [b"key", before.as_bytes(), &base58(&inner), after.as_bytes()].concat()
        }
        Layer::Hex => {
            let inner = [&text(rng)[..], b" ", content, b" ", &text(rng)].concat();
            let lower: String = inner.iter().map(|b| format!("{b:02x}")).collect();
            let digits = if rng.one_in(2) { lower.to_uppercase() } else { lower };
            let before = *rng.pick(&["0x", "\"", "=", " 7", "%20"]);
            let digits = digits.into_bytes();
            let digits = if rng.one_in(3) { fold(rng, &digits) } else { digits };
            [b"data: ", before.as_bytes(), &digits, b"\n"].concat()
        }
        Layer::Wide if content.is_ascii() && !content.contains(&0) => wide(rng, content),
        Layer::Wide => content.to_vec(),
        Layer::Codes => {
            let inner = [&text(rng)[..], b" ", content, b"\n", &text(rng)].concat();
            [b"list: [", &codes(rng, &inner)[..], b"]\n"].concat()
        }
        Layer::Uuencode => {
            let inner = [&text(rng)[..], b" ", content, b"\n", &text(rng)].concat();
            [b"attached:\n", &uuencode(rng, &inner)[..]].concat()
        }
        Layer::Gzip => gzip(rng, content),
        Layer::Zstd => zstd(rng, content),
        Layer::Zip => zip(rng, content),
        Layer::Zlib => zlib(rng, content),
        Layer::Pack => pack::any(rng, content),
        Layer::Tar => tar(&members(rng, content)),
        Layer::Ar => {
            let mut members = members(rng, content);
            if rng.one_in(2) {
                members.iter_mut().for_each(|(name, _)| drop(name.drain(..8)));
            }
            if rng.one_in(2) { ar(&members) } else { bsd_ar(&members) }
        }
        Layer::Cpio => {
            let format = *rng.pick(&[Cpio::Newc, Cpio::Odc, Cpio::Old]);
            let zeros = 512 * rng.below(2);
            [cpio(format, &members(rng, content)), vec![0; zeros]].concat()
        }
        Layer::Escapes => {
            let style = if content.is_ascii() { rng.below(4) } else { rng.below(2) };
            let [before, after] = [(); 2].map(|()| text(rng));
            match style {
                0 => [&before[..], b"q=", &percent(rng, content), b" ", &after].concat(),
                1 => [&before[..], b"\n", &quoted_printable(rng, content), b"\r\n", &after].concat(),
                2 => [&before[..], b"{\"k\": \"", &json(rng, content), b"\"}", &after].concat(),
                _ => [&before[..], b"<b title='", &html(rng, content), b"'>", &after].concat(),
            }
        }
    }
}

/// What stands between two strings that a program joins, or in the middle of one that is spread or hidden.
pub const JOINTS: [&str; 36] = [
    "\" + \"",
    "'+'",
    "\" \"",
    "\"\n    \"",
    "\"\"",
    "' . '",
    "' .. '",
    "\" << \"",
    "\" <> \"",
    "\" ++ \"",
    "\" || \"",
    "\" & \"",
    "''",
    "'\"",
    "\"'",
    "\", \"",
    "\",\r\n\t\"",
    "\" +\n+    \"",
    "\" + \"\" + \"",
    "\" + b\"",
    "\\\" + \\\"",
    "\\\",\\n  \\\"",
    "\\\\\\\" + \\\\\\\"",
    "` + `",
    "\" \\\n  \"",
    "\\\n",
    "\\\r\n    ",
    "\\\\\\n  ",
    "\u{200b}",
    "\u{2060}\u{feff}",
    "\u{200d}",
    "\u{ad}",
    "</w:t></w:r><w:r><w:rPr><w:lang w:val=\"en-US\"/></w:rPr><w:t xml:space=\"preserve\">",
    "</b><b>",
    ") -12 (",
    ")3.5(",
];

/// Text whose words are in pieces, with one of the [`JOINTS`] between them.
pub fn joined(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let joint = rng.pick(&JOINTS).as_bytes();
    let one_in = *rng.pick(&[1, 3, 10]);
    let mut out = Vec::new();
    let is_word = |at: usize| content.get(at).is_some_and(u8::is_ascii_alphanumeric);
    for (i, byte) in content.iter().enumerate() {
        if i > 0 && is_word(i - 1) && is_word(i) && rng.one_in(one_in) {
            out.extend(joint);
        }
        out.push(*byte);
    }
    out
}

/// Lines of one length, of 40 characters or more: what is shorter is no run of the test rules.
pub fn fold(rng: &mut Rng, run: &[u8]) -> Vec<u8> {
    let any = 40 + rng.below(90);
    let width = *rng.pick(&[40, 60, 64, 76, any]);
    let between = *rng.pick(&["\n", "\r\n", "\\n", "\\r\\n", "\\\n", "\n    ", "\r\n\t"]);
    run.chunks(width).collect::<Vec<_>>().join(between.as_bytes())
}

/// A member that holds `content`, at times behind another one.
fn members(rng: &mut Rng, content: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut members = vec![(b"package/lib/a.js".to_vec(), content.to_vec())];
    if rng.one_in(2) {
        members.insert(0, (b"package/package.json".to_vec(), text(rng)));
    }
    members
}

/// Percent-encoding: what is not unreserved, and some of the rest.
pub fn percent(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let one_in = *rng.pick(&[1, 2, 10, 1000]);
    let mut out = Vec::new();
    for b in content {
        let plain = b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
        if plain && !rng.one_in(one_in) {
            out.push(*b);
        } else {
            out.extend(format!("%{b:02X}").bytes());
        }
    }
    out
}

/// Quoted-printable with soft line breaks.
pub fn quoted_printable(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let (one_in, width) = (*rng.pick(&[1, 3, 1000]), 20 + rng.below(50));
    let mut out = Vec::new();
    let mut column = 0;
    for b in content {
        if column >= width {
            out.extend(if rng.one_in(2) { &b"=\r\n"[..] } else { b"=\n" });
            column = 0;
        }
        if (b' '..=b'~').contains(b) && *b != b'=' && !rng.one_in(one_in) {
            out.push(*b);
            column += 1;
        } else {
            out.extend(format!("={b:02X}").bytes());
            column += 3;
        }
    }
    out
}

/// The inside of a JSON string.
pub fn json(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let (one_in, slash) = (*rng.pick(&[1, 2, 10, 1000]), rng.one_in(2));
    let mut out = Vec::new();
    for b in content {
        match b {
            b'"' | b'\\' => out.extend([b'\\', *b]),
            b'\n' => out.extend(b"\\n"),
            b'/' if slash => out.extend(b"\\/"),
            b' '..=b'~' if !rng.one_in(one_in) => out.push(*b),
            _ => out.extend(format!("\\u{b:04x}").bytes()),
        }
    }
    out
}

/// An attribute of HTML.
pub fn html(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let one_in = *rng.pick(&[1, 2, 10, 1000]);
    let mut out = Vec::new();
    for b in content {
        match b {
            b'&' => out.extend(b"&amp;"),
            b'<' => out.extend(b"&lt;"),
            b'\'' => out.extend(b"&#39;"),
            b' '..=b'~' if !rng.one_in(one_in) => out.push(*b),
            _ if rng.one_in(2) => out.extend(format!("&#x{b:X};").bytes()),
            _ => out.extend(format!("&#{b};").bytes()),
        }
    }
    out
}

/// Text that looks the same, or nearly, or like nothing: characters without width in it, fullwidth forms, tags.
pub fn disguised(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    const NOTHING: [char; 9] = [
        '\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{2063}', '\u{202e}',
        '\u{fe0f}',
    ];
    let (hidden, wide) = (*rng.pick(&[1, 3, 20, 1000]), *rng.pick(&[1, 3, 20, 1000]));
    let tagged = *rng.pick(&[1, 20, 1000, 1000, 1000]);
    let mut out = String::new();
    for b in content {
        if (b' '..=b'~').contains(b) && rng.one_in(tagged) {
            out.extend(char::from_u32(0xe0000 + u32::from(*b)));
            continue;
        }
        match char::from_u32(u32::from(*b) + 0xfee0) {
            Some(form) if b.is_ascii_alphanumeric() && rng.one_in(wide) => out.push(form),
            _ => out.push(char::from(*b)),
        }
        while rng.one_in(hidden + 1) {
            out.push(*rng.pick(&NOTHING));
        }
    }
    out.into_bytes()
}

/// What text shows: without the characters that have no width, and ASCII characters for fullwidth forms and tags.
pub fn shown(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}' => {}
                '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' => {}
                '\u{ff01}'..='\u{ff5e}' => out.push((u32::from(c) - 0xfee0) as u8),
                '\u{e0001}' | '\u{e007f}' => {}
                '\u{e0020}'..='\u{e007e}' => out.push((u32::from(c) - 0xe0000) as u8),
                _ => out.extend(c.to_string().into_bytes()),
            }
        }
        out.extend(chunk.invalid());
    }
    out
}

/// Ordinary-looking text.
pub fn text(rng: &mut Rng) -> Vec<u8> {
    const WORDS: [&str; 20] = [
        "let",
        "value",
        "=",
        "configuration",
        "{",
        "}",
        "return",
        "\n",
        "someLongIdentifierName",
        "(",
        ")",
        "\"key\":",
        "1234",
        "https://example.com/path",
        "token",
        "import",
        "ghp_",
        "snake_case_name",
        "\t",
        "==",
    ];
    let n = rng.below(60);
    let mut out = Vec::new();
    for _ in 0..n {
        out.extend(rng.pick(&WORDS).as_bytes());
        out.push(b' ');
    }
    out
}

/// Text in UTF-16 or UTF-32, with `content` in it.
fn wide(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let accents = if rng.one_in(4) { "\u{e9}\u{4e2d}" } else { "" };
    let inner = [&text(rng)[..], accents.as_bytes(), b" ", content, b"\n", &text(rng)].concat();
    let big_endian = rng.one_in(2);
    let mark = if rng.one_in(2) { "\u{feff}" } else { "" };
    let text = format!("{mark}{}", String::from_utf8_lossy(&inner));
    let order = |mut unit: Vec<u8>| {
        if big_endian {
            unit.reverse();
        }
        unit
    };
    let units: Vec<u8> = match rng.one_in(3) {
        true => text.chars().flat_map(|c| order(u32::from(c).to_le_bytes().to_vec())).collect(),
        false => text.encode_utf16().flat_map(|unit| order(unit.to_le_bytes().to_vec())).collect(),
    };
    let before = if rng.one_in(2) { &b"text: "[..] } else { b"" };
    [before, &units].concat()
}

/// A list of the codes of `bytes`.
pub fn codes(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let list = |between: &str, write: fn(&u8) -> String| {
        bytes.iter().map(write).collect::<Vec<String>>().join(between).into_bytes()
    };
    match rng.below(17) {
        0 => list(", ", |b| b.to_string()),
        1 => list([",", " ", ",\n    ", ",\\n"][rng.below(4)], |b| b.to_string()),
        2 => list(", ", |b| format!("{b:#x}")),
        3 => list(":", |b| format!("{b:02x}")),
        4 => list("-", |b| format!("{b:02X}")),
        5 => list([" ", "  ", "\r\n"][rng.below(3)], |b| format!("{b:02x}")),
        6 => list(" ", |b| format!("{b:03o}")),
        7 => list(" ", |b| format!("{b:08b}")),
        8 => list(") + chr(", |b| b.to_string()),
        9 => list("+[char]", |b| b.to_string()),
        10 => [b"\\", &list(" \\", |b| format!("{b:x}"))[..]].concat(),
        11 => list("\", (byte) \"", |b| b.to_string()),
        12 => keyed(bytes, [",", ",\n  "][rng.below(2)]),
        13 => canonical_dump(bytes),
        14 => word_dump(bytes, false),
        15 => word_dump(bytes, true),
        _ => hex_dump(bytes),
    }
}

/// What the numbers in `bytes` stand for, whatever stands between them: read as decimal, hexadecimal, octal and binary ones, each without
/// those that are none of the kind. Knows nothing of lists; a hex dump's offsets and characters are left out.
pub fn uncodes(bytes: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes).replace("\\n", " ");
    let text: String = text
        .lines()
        .map(|line| {
            line.split_once(": ")
                .map_or(line, |(_, codes)| codes.split("  ").next().unwrap_or(codes))
                .to_string()
                + "\n"
        })
        .collect::<String>()
        + "\n"
        + &text;
    let words = || text.split(|c: char| !c.is_ascii_alphanumeric()).map(|word| word.trim_start_matches("0x"));
    let of = |len: std::ops::RangeInclusive<usize>, radix: u32| -> Vec<u8> {
        let words = words().filter(|word| len.contains(&word.len()));
        words.filter_map(|word| u8::from_str_radix(word, radix).ok()).collect()
    };
    let word = |digits: &str| match digits.len() {
        4 => u16::from_str_radix(digits, 16).ok(),
        6 => u16::from_str_radix(digits, 8).ok(),
        _ => None,
    };
    let swapped = words().filter_map(word).flat_map(u16::to_le_bytes).collect();
    let pairs = words().filter(|word| word.len() % 2 == 0 && word.bytes().all(|b| b.is_ascii_hexdigit()));
    let pairs = pairs.flat_map(|word| word.as_bytes().chunks(2));
    let pairs = pairs.filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect();
    // Keys are digits in quotes.
    let quoted = text.split('"').collect::<Vec<_>>();
    let is_key = |part: &&str| part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit());
    let keyless = quoted.into_iter().filter(is_key).collect::<String>();
    let keyless = keyless.split(|c: char| !c.is_ascii_digit()).filter_map(|code| code.parse().ok()).collect();
    let all = vec![of(1..=3, 10), of(1..=2, 16), of(3..=3, 8), of(8..=8, 2), pairs, swapped, keyless];
    all.into_iter().filter(|codes| codes.len() >= 8).collect()
}

/// uuencode of `bytes`, as one encoder or another writes it.
pub fn uuencode(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let (width, zero) = (*rng.pick(&[45, 45, 30, 63]), *rng.pick(b" `"));
    let (line_break, lost) = (*rng.pick(&["\n", "\r\n"]), rng.one_in(3));
    let char = |six: u8| if six == 0 { zero } else { six + b' ' };
    let mut out = format!("begin 644 notes{line_break}").into_bytes();
    for line in bytes.chunks(width).chain([&[][..]]) {
        out.push(char(line.len() as u8));
        for group in line.chunks(3) {
            let bits =
                group.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - group.len()));
            out.extend([18, 12, 6, 0].map(|shift| char((bits >> shift & 63) as u8)));
        }
        while lost && out.last() == Some(&b' ') {
            out.pop();
        }
        out.extend(line_break.as_bytes());
    }
    out.extend(b"end\n");
    out
}

/// What uuencoded lines stand for, wherever some stand: each line that is as long as it says.
pub fn unuuencode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in bytes.split(|b| *b == b'\n') {
        let [len, data @ ..] = line.strip_suffix(b"\r").unwrap_or(line) else { continue };
        let len = usize::from(len.wrapping_sub(b' ') & 63);
        let sixes = data.iter().chain(std::iter::repeat(&b' ')).take(len.div_ceil(3) * 4);
        let sixes: Vec<u32> = sixes.map(|b| u32::from(b.wrapping_sub(b' ') & 63)).collect();
        let groups = sixes.chunks_exact(4).map(|four| four.iter().fold(0, |bits, six| bits << 6 | six));
        out.extend(groups.flat_map(|bits| [16, 8, 0].map(|shift| (bits >> shift) as u8)).take(len));
    }
    out
}

/// Base64 of `bytes`.
pub fn base64(bytes: &[u8], url: bool, pad: bool) -> Vec<u8> {
    let table: &[u8; 64] = if url {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    } else {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    };
    let mut out = Vec::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..=group.len() {
            out.push(table[(bits >> (18 - 6 * i)) as usize & 63]);
        }
        if pad {
            out.extend(std::iter::repeat_n(b'=', 3 - group.len()));
        }
    }
    out
}

/// Base32's alphabet.
pub const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Base32hex's alphabet.
pub const BASE32HEX: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";

/// Base32 of `bytes`.
pub fn base32(bytes: &[u8], alphabet: &[u8; 32], pad: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for group in bytes.chunks(5) {
        let bits = group.iter().fold(0u64, |bits, b| bits << 8 | u64::from(*b)) << (8 * (5 - group.len()));
        let chars = (group.len() * 8).div_ceil(5);
        out.extend((0..chars).map(|i| alphabet[(bits >> (35 - 5 * i)) as usize & 31]));
        if pad {
            out.extend(std::iter::repeat_n(b'=', 8 - chars));
        }
    }
    out
}

/// What characters of base32 in either case decode to; bits that make no byte are dropped.
pub fn unbase32(chars: &[u8], alphabet: &[u8; 32]) -> Vec<u8> {
    let (mut bits, mut have, mut out) = (0u32, 0, Vec::new());
    for c in chars {
        let Some(value) = alphabet.iter().position(|a| *a == c.to_ascii_uppercase()) else { break };
        bits = bits << 5 | value as u32;
        have += 5;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    out
}

/// Base58's alphabet.
pub const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Bytes whose base58 is 512 characters at most.
pub const BASE58_MAX: usize = 374;

/// The alphabet of [RFC 1924](https://www.rfc-editor.org/rfc/rfc1924#section-4.2).
pub const RFC1924: [u8; 85] =
    *b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/// The alphabet of [Z85](https://rfc.zeromq.org/spec/32/).
pub const Z85: [u8; 85] =
    *b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// The alphabet of Ascii85.
pub const ASCII85: [u8; 85] =
    *b"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstu";

/// Base85 of `bytes`, the last group as short as it can be.
pub fn base85(bytes: &[u8], alphabet: &[u8; 85]) -> Vec<u8> {
    let mut out = Vec::new();
    for group in bytes.chunks(4) {
        let mut bits =
            group.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (4 - group.len()));
        let mut chars = [0; 5];
        for char in chars.iter_mut().rev() {
            *char = alphabet[(bits % 85) as usize];
            bits /= 85;
        }
        out.extend(&chars[..=group.len()]);
    }
    out
}

/// Base58 of `bytes`.
pub fn base58(bytes: &[u8]) -> Vec<u8> {
    let mut digits: Vec<u8> = Vec::new();
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    std::iter::repeat_n(b'1', zeros).chain(digits.iter().rev().map(|d| BASE58[usize::from(*d)])).collect()
}

/// What a token of base58 stands for.
pub fn unbase58(token: &[u8]) -> Option<Vec<u8>> {
    let mut bytes: Vec<u8> = Vec::new();
    for char in token {
        let mut carry = BASE58.iter().position(|c| c == char)? as u32;
        for byte in &mut bytes {
            carry += u32::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            bytes.push(carry as u8);
        }
    }
    let zeros = token.iter().take_while(|c| **c == b'1').count();
    Some(std::iter::repeat_n(0, zeros).chain(bytes.into_iter().rev()).collect())
}

/// What base64 characters of either alphabet decode to; bits that make no byte are dropped.
pub fn unbase64(chars: &[u8]) -> Vec<u8> {
    let value = |b: u8| match b {
        b'A'..=b'Z' => u32::from(b - b'A'),
        b'a'..=b'z' => u32::from(b - b'a') + 26,
        b'0'..=b'9' => u32::from(b - b'0') + 52,
        b'+' | b'-' => 62,
        _ => 63,
    };
    let (mut bits, mut have, mut out) = (0u32, 0, Vec::new());
    for c in chars {
        bits = bits << 6 | value(*c);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    out
}

/// Gzip, in one of many spellings.
pub fn gzip(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let cut = if rng.one_in(3) { rng.below(content.len() + 1) } else { content.len() };
    let mut out = Vec::new();
    for part in [&content[..cut], &content[cut..]] {
        if part.is_empty() && !out.is_empty() {
            continue;
        }
        let mut builder = flate2::GzBuilder::new();
        if rng.one_in(3) {
            builder = builder.filename("a-file.txt").comment("a comment").extra(vec![0; 20]);
        }
        let mut encoder = builder.write(Vec::new(), flate2::Compression::new(rng.below(10) as u32));
        for piece in part.chunks(1 + rng.below(200)) {
            encoder.write_all(piece).expect("writing to memory");
            if rng.one_in(8) {
                encoder.flush().expect("writing to memory");
            }
        }
        out.extend(encoder.finish().expect("writing to memory"));
    }
    out
}

/// Zstd, in one or two frames.
pub fn zstd(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let cut = if rng.one_in(3) { rng.below(content.len() + 1) } else { content.len() };
    let mut out = Vec::new();
    for part in [&content[..cut], &content[cut..]] {
        if part.is_empty() && !out.is_empty() {
            continue;
        }
        let mut frame = vec![0u8; zstd_safe::compress_bound(part.len())];
        let n =
            zstd_safe::compress(&mut frame[..], part, 1 + rng.below(12) as i32).expect("the bound is enough");
        out.extend(&frame[..n]);
    }
    out
}

/// A zip archive ([APPNOTE.TXT](https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT) 4.3) of one or two entries; at times with a data
/// descriptor, and in every second one with its central directory.
pub fn zip(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let mut entries = Vec::new();
    if rng.one_in(2) {
        let other = text(rng);
        entries.push(random_entry(rng, b"package.json", &other));
    }
    entries.push(random_entry(rng, b"lib/a.js", content));
    let directory = if content.len().is_multiple_of(2) { zip_directory(&entries) } else { Vec::new() };
    [entries.concat(), directory].concat()
}

/// The central directory (4.3.12, 4.3.16) of an archive of these entries, which have neither encryption nor sizes of 64 bits.
pub fn zip_directory(entries: &[Vec<u8>]) -> Vec<u8> {
    let (mut out, mut offset) = (Vec::new(), 0u32);
    for entry in entries {
        let field = |at: usize, len: usize| &entry[at..at + len];
        let described = entry[6] & 8 != 0;
        let sums = if described { &entry[entry.len() - 12..] } else { field(14, 12) };
        let name = 30..30 + usize::from(entry[26]);
        out.extend(b"PK\x01\x02\x14\0\x14\0");
        out.extend([field(6, 8), sums, field(26, 2), &[0; 12], &offset.to_le_bytes(), &entry[name]].concat());
        offset += entry.len() as u32;
    }
    let (count, size) = ((entries.len() as u16).to_le_bytes(), out.len() as u32);
    let end =
        [b"PK\x05\x06\0\0\0\0", &count[..], &count, &size.to_le_bytes(), &offset.to_le_bytes(), &[0; 2]];
    [out, end.concat()].concat()
}

fn random_entry(rng: &mut Rng, name: &[u8], content: &[u8]) -> Vec<u8> {
    let deflated = rng.one_in(2);
    let body = if deflated { deflate(rng, content) } else { content.to_vec() };
    let described = deflated && rng.one_in(2);
    let mut entry = zip_entry(name, &body, content, if deflated { 8 } else { 0 });
    if described {
        entry[6] = 8;
        let sums: Vec<u8> = entry[14..26].to_vec();
        entry[14..26].fill(0);
        entry.extend(b"PK\x07\x08");
        entry.extend(sums);
    }
    entry
}

/// An entry of a zip archive: `body` is `content`, compressed with `method`.
pub fn zip_entry(name: &[u8], body: &[u8], content: &[u8], method: u16) -> Vec<u8> {
    let mut out = b"PK\x03\x04\x14\0\0\0".to_vec();
    out.extend(method.to_le_bytes());
    out.extend([0; 4]);
    for n in [crc32fast::hash(content), body.len() as u32, content.len() as u32] {
        out.extend(n.to_le_bytes());
    }
    out.extend((name.len() as u16).to_le_bytes());
    out.extend([0; 2]);
    out.extend(name);
    out.extend(body);
    out
}

/// Raw deflate at some level.
pub fn deflate(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::new(rng.below(10) as u32);
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
    encoder.write_all(content).expect("writing to memory cannot fail");
    encoder.finish().expect("writing to memory cannot fail")
}

/// A zlib stream, with the header that compressors write.
pub fn zlib(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::new(rng.below(10) as u32);
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
    encoder.write_all(content).expect("writing to memory cannot fail");
    encoder.finish().expect("writing to memory cannot fail")
}

/// A Brotli stream.
pub fn brotli(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let quality = rng.below(10) as u32;
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, quality, 18);
    writer.write_all(content).expect("writing to memory cannot fail");
    writer.into_inner()
}

/// An xz stream.
pub fn xz(content: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).expect("good options");
    writer.write_all(content).expect("writing to memory cannot fail");
    writer.finish().expect("writing to memory cannot fail")
}

/// A ustar archive of regular files.
pub fn tar(members: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in members {
        let (name, content) = (name.as_ref(), content.as_ref());
        let mut header = [0u8; 512];
        header[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
        header[100..108].copy_from_slice(b"0000644\0");
        header[108..124].copy_from_slice(b"0000000\x000000000\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[148..156].copy_from_slice(b"        ");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(header);
        out.extend(content);
        out.extend(vec![0; content.len().next_multiple_of(512) - content.len()]);
    }
    out.extend([0; 1024]);
    out
}

/// An ar archive with names as System V and GNU write them: long ones in a table.
pub fn ar(members: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) -> Vec<u8> {
    let is_long = |name: &[u8]| name.len() > 15 || name.contains(&b'/');
    let mut table = Vec::new();
    let mut fields = Vec::new();
    for (name, _) in members {
        let name = name.as_ref();
        if is_long(name) {
            fields.push(format!("/{}", table.len()).into_bytes());
            table.extend([name, b"/\n"].concat());
        } else {
            fields.push([name, b"/"].concat());
        }
    }
    let mut out = b"!<arch>\n".to_vec();
    if !table.is_empty() {
        ar_member(&mut out, b"//", &[], &table);
    }
    for (field, (_, content)) in fields.iter().zip(members) {
        ar_member(&mut out, field, &[], content.as_ref());
    }
    out
}

/// An ar archive with names as BSD writes them: in front of the contents.
pub fn bsd_ar(members: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let mut name = name.as_ref().to_vec();
        name.resize(name.len().next_multiple_of(4), 0);
        ar_member(&mut out, format!("#1/{}", name.len()).as_bytes(), &name, content.as_ref());
    }
    out
}

fn ar_member(out: &mut Vec<u8>, field: &[u8], name: &[u8], content: &[u8]) {
    out.extend(field);
    out.resize(out.len() + 16 - field.len(), b' ');
    let len = name.len() + content.len();
    out.extend(format!("{:<12}{:<6}{:<6}{:<8}{len:<10}`\n", 0, 0, 0, "100644").bytes());
    out.extend([name, content].concat());
    if len % 2 == 1 {
        out.push(b'\n');
    }
}

/// How a cpio archive's headers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cpio {
    /// Hexadecimal digits, padded to 4.
    Newc,
    /// Octal digits.
    Odc,
    /// Words of 16 bits, little-endian, padded to 2.
    Old,
}

/// A cpio archive of regular files, with its trailer.
pub fn cpio(format: Cpio, members: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let files = members.iter().map(|(name, content)| (name.as_ref(), content.as_ref(), 0o100_644));
    for (name, content, mode) in files.chain([(&b"TRAILER!!!"[..], &b""[..], 0)]) {
        let (name_len, len) = (name.len() + 1, content.len());
        let align = match format {
            Cpio::Newc => {
                out.extend(format!("070701{:08X}{mode:08X}{:032X}{len:08X}", 1, 0).bytes());
                out.extend(format!("{:032X}{name_len:08X}{:08X}", 0, 0).bytes());
                4
            }
            Cpio::Odc => {
                out.extend(format!("070707{:012o}{mode:06o}{:035o}{name_len:06o}{len:011o}", 0, 0).bytes());
                1
            }
            Cpio::Old => {
                let words = [0o070_707, 0, 1, mode, 0, 0, 1, 0, 0, 0, name_len, len >> 16, len & 0xffff];
                out.extend(words.iter().flat_map(|word| (*word as u16).to_le_bytes()));
                2
            }
        };
        out.extend([name, b"\0"].concat());
        out.resize(out.len().next_multiple_of(align), 0);
        out.extend(content);
        out.resize(out.len().next_multiple_of(align), 0);
    }
    out
}
