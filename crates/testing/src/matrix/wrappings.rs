//! The wrappings: what a value may be written as on its way out.

use crate::forms::Form;
use crate::framing::{self, Framing};
use crate::rng::Rng;
use crate::wrap;

/// A wrapping, by the name under which it is printed.
pub struct Wrapping {
    /// What it is called in the table.
    pub name: &'static str,
    /// Which rows it is printed with.
    pub group: Group,
    /// Makes it, of a value or of any other content.
    pub make: fn(&mut Rng, &[u8]) -> Vec<u8>,
}

/// The wrappings around all of a carrier.
const FRAMED: [(&str, Framing); 4] = [
    ("HTTP chunks", Framing::Chunked),
    ("SSE data lines", Framing::Events),
    ("gRPC messages", Framing::Grpc),
    ("WebSocket, masked", Framing::WebSocket),
];

impl Wrapping {
    /// Content with what was wrapped at `at`, in frames that cut it, if this is a framing.
    pub(crate) fn framed(&self, rng: &mut Rng, content: Vec<u8>, at: usize, len: usize) -> Vec<u8> {
        match FRAMED.iter().find(|(name, _)| *name == self.name) {
            Some((_, framing)) => {
                framing::frame(rng, *framing, &content, &[at / 2, at + len / 3, at + len / 2])
            }
            None => content,
        }
    }
}

/// Kinds of wrappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The value in the digits or characters of a coding.
    Coding,
    /// The value in escapes of a language or protocol.
    Escape,
    /// The value in another character set.
    Charset,
    /// The value in a compressed stream or an archive.
    Container,
    /// Several of those, one in the other.
    Nested,
    /// The value in pieces that a program joins.
    Pieces,
    /// The value changed.
    Transform,
    /// The value cut by the framing of a protocol, in which all of the carrier stands.
    Framing,
}

macro_rules! wrappings {
    ($($group:ident { $($name:literal => $make:expr),* $(,)? })*) => {
        /// All wrappings.
        pub const WRAPPINGS: &[Wrapping] = &[
            $($(Wrapping { name: $name, group: Group::$group, make: $make },)*)*
        ];
    };
}

wrappings! {
    Coding {
        "plain" => |_, v| v.to_vec(),
        "base64" => |_, v| wrap::base64(v, false, true),
        "base64, no padding" => |_, v| wrap::base64(v, false, false),
        "base64url" => |_, v| wrap::base64(v, true, false),
        "base64 of user:value" => |_, v| wrap::base64(&[b"user:", v].concat(), false, true),
        "base64 of x:value" => |_, v| wrap::base64(&[b"x:", v].concat(), false, true),
        "base64 glued to a word" => |_, v| [b"prefix".as_slice(), &wrap::base64(&[b"k=", v].concat(), false, true)].concat(),
        "base64, folded at 76, LF" => |rng, v| fold(&wrap::base64(&padded(rng, v), false, true), 76, b"\n"),
        "base64, folded at 64, CRLF" => |rng, v| fold(&wrap::base64(&padded(rng, v), false, true), 64, b"\r\n"),
        "base64, folded at 76, \\n" => |rng, v| fold(&wrap::base64(&padded(rng, v), false, true), 76, b"\\n"),
        "base64, strings joined by +" => |rng, v| strings(&wrap::base64(&padded(rng, v), false, true), "\" +\n  \""),
        "base64, array of strings" => |rng, v| strings(&wrap::base64(&padded(rng, v), false, true), "\",\n    \""),
        "base64, lines of a comment" => |rng, v| [b"\n# ".as_slice(), &fold(&wrap::base64(&padded(rng, v), false, true), 64, b"\n# "), b"\n"].concat(),
        "base64, lines of a diff" => |rng, v| [b"\n+".as_slice(), &fold(&wrap::base64(&padded(rng, v), false, true), 64, b"\n+"), b"\n"].concat(),
        "base64, data URI" => |_, v| [b"data:text/plain;base64,".as_slice(), &wrap::base64(v, false, true)].concat(),
        "hex" => |_, v| hex(v, ""),
        "hex, upper" => |_, v| hex(v, "").to_ascii_uppercase(),
        "hex, 0x in front" => |_, v| [b"0x".as_slice(), &hex(v, "")].concat(),
        "hex, \\x in front" => |_, v| [b"\\x".as_slice(), &hex(v, "")].concat(),
        "hex, by colons" => |_, v| hex(v, ":"),
        "hex, by dashes" => |_, v| hex(v, "-"),
        "hex, by blanks" => |_, v| hex(v, " "),
        "hex, C array" => |_, v| list(v, ", ", |b| format!("0x{b:02x}")),
        "hex dump, xxd" => |_, v| wrap::hex_dump(v),
        "hex dump, hexdump -C" => |_, v| wrap::canonical_dump(v),
        "hex dump, words" => |_, v| wrap::word_dump(v, false),
        "octal dump, words" => |_, v| wrap::word_dump(v, true),
        "dump of characters" => |_, v| wrap::character_dump(v),
        "decimal codes, object" => |_, v| [b"{".as_slice(), &wrap::keyed(v, ","), b"}"].concat(),
        "decimal codes, with types" => |_, v| list(v, ", ", |b| format!("{b}u8")),
        "decimal codes, commas" => |_, v| list(v, ",", |b| b.to_string()),
        "decimal codes, JSON array" => |_, v| [b"[".as_slice(), &list(v, ", ", |b| b.to_string()), b"]"].concat(),
        "decimal codes, blanks" => |_, v| list(v, " ", |b| b.to_string()),
        "octal codes, blanks" => |_, v| list(v, " ", |b| format!("{b:03o}")),
        "binary digits, blanks" => |_, v| list(v, " ", |b| format!("{b:08b}")),
        "base32" => |_, v| wrap::base32(v, wrap::BASE32, true),
        "base32, lower, no padding" => |_, v| wrap::base32(v, wrap::BASE32, false).to_ascii_lowercase(),
        "base32hex" => |_, v| wrap::base32(v, wrap::BASE32HEX, true),
        "base58" => |_, v| wrap::base58(v),
        "base85" => |_, v| wrap::base85(v, &wrap::RFC1924),
        "base85, Z85" => |_, v| wrap::base85(v, &wrap::Z85),
        "Ascii85" => |_, v| [b"<~".as_slice(), &wrap::base85(v, &wrap::ASCII85), b"~>"].concat(),
        "uuencode" => |_, v| uuencode(v),
    }
    Escape {
        "percent, all" => |_, v| list(v, "", |b| format!("%{b:02X}")),
        "percent, lower" => |_, v| list(v, "", |b| format!("%{b:02x}")),
        "percent, every third" => |_, v| every_third(v, |b| format!("%{b:02X}")),
        "percent, twice" => |_, v| list(v, "", |b| format!("%25{b:02X}")),
        "JSON \\u, all" => |_, v| list(v, "", |b| format!("\\u{b:04x}")),
        "JSON \\u, every third" => |_, v| every_third(v, |b| format!("\\u{b:04X}")),
        "JSON \\u in a string in a string" => |_, v| list(v, "", |b| format!("\\\\u{b:04x}")),
        "\\u{}" => |_, v| list(v, "", |b| format!("\\u{{{b:x}}}")),
        "\\x, all" => |_, v| list(v, "", |b| format!("\\x{b:02x}")),
        "\\x, every third" => |_, v| every_third(v, |b| format!("\\x{b:02x}")),
        "\\u, two digits" => |_, v| list(v, "", |b| format!("\\u{b:x}")),
        "octal escapes, zero in front" => |_, v| list(v, "", |b| format!("\\0{b:03o}")),
        "octal escapes" => |_, v| list(v, "", |b| format!("\\{b:03o}")),
        "HTML, decimal" => |_, v| list(v, "", |b| format!("&#{b};")),
        "HTML, hexadecimal" => |_, v| list(v, "", |b| format!("&#x{b:x};")),
        "HTML, no semicolons" => |_, v| [&list(v, "", |b| format!("&#{b}"))[..], b"<br>"].concat(),
        "HTML, every third" => |_, v| every_third(v, |b| format!("&#{b};")),
        "quoted-printable, all" => |_, v| list(v, "", |b| format!("={b:02X}")),
        "quoted-printable, soft breaks" => |_, v| fold(v, 9, b"=\r\n"),
        "Markdown" => |_, v| v.iter().flat_map(|b| if matches!(b, b'_' | b'-') { vec![b'\\', *b] } else { vec![*b] }).collect(),
        "CSS escapes" => |_, v| list(v, "", |b| format!("\\{b:06x}")),
        "PowerShell [char]" => |_, v| list(v, "+", |b| format!("[char]{b}")),
        "String.fromCharCode" => |_, v| [b"String.fromCharCode(".as_slice(), &list(v, ",", |b| b.to_string()), b")"].concat(),
        "chr() joined" => |_, v| list(v, "+", |b| format!("chr({b})")),
    }
    Charset {
        "UTF-16LE" => |_, v| v.iter().flat_map(|b| [*b, 0]).collect(),
        "UTF-16BE" => |_, v| v.iter().flat_map(|b| [0, *b]).collect(),
        "UTF-16LE with a mark" => |_, v| [vec![0xff, 0xfe], v.iter().flat_map(|b| [*b, 0]).collect()].concat(),
        "UTF-16LE in base64" => |_, v| wrap::base64(&v.iter().flat_map(|b| [*b, 0]).collect::<Vec<u8>>(), false, true),
        "UTF-32LE" => |_, v| v.iter().flat_map(|b| [*b, 0, 0, 0]).collect(),
        "UTF-7" => |_, v| utf7(v),
        "UTF-7, signs alone" => |_, v| v.iter().flat_map(|b| if *b == b'_' { b"+AF8-".to_vec() } else { vec![*b] }).collect(),
        "fullwidth" => |_, v| v.iter().flat_map(|b| fullwidth(*b)).collect(),
        "tags" => |_, v| v.iter().flat_map(|b| tag(*b)).collect(),
        "variation selectors" => |_, v| ["\u{1f600}".into(), v.iter().map(|b| selector(*b)).collect::<String>()].concat().into_bytes(),
        "zero-width between" => |_, v| list(v, "\u{200b}", |b| char::from(*b).to_string()),
        "soft hyphens between" => |_, v| list(v, "\u{ad}", |b| char::from(*b).to_string()),
    }
    Container {
        "gzip" => |rng, v| wrap::gzip(rng, v),
        "zlib" => |rng, v| wrap::zlib(rng, v),
        "zlib behind a header" => |rng, v| [b"\0\0\x01\x04data".as_slice(), &wrap::zlib(rng, v)].concat(),
        "zlib in a PDF" => |rng, v| [b"%PDF-1.4\n1 0 obj\n<</Filter/FlateDecode>>\nstream\n".as_slice(), &wrap::zlib(rng, &[b"BT (", v, b") Tj ET"].concat()), b"\nendstream"].concat(),
        "zlib, bytes in Python" => |rng, v| {
            // The header of some levels is text, which nothing marks in escapes.
            let packed = std::iter::repeat_with(|| wrap::zlib(rng, v)).find(|packed| !packed[1].is_ascii_graphic());
            let packed = packed.unwrap_or_default();
            [b"b'", &packed.iter().flat_map(|b| std::ascii::escape_default(*b)).collect::<Vec<u8>>()[..], b"'"].concat()
        },
        "zstd" => |rng, v| wrap::zstd(rng, v),
        "xz" => |_, v| wrap::xz(v),
        "zip" => |rng, v| wrap::zip(rng, v),
        "tar" => |_, v| wrap::tar(&[("notes.txt", v)]),
        "ar" => |_, v| wrap::ar(&[("notes.txt", v)]),
        "cpio" => |_, v| wrap::cpio(wrap::Cpio::Newc, &[("notes.txt", v)]),
    }
    Nested {
        "base64 twice" => |_, v| wrap::base64(&wrap::base64(v, false, true), false, true),
        "base64 three times" => |_, v| wrap::base64(&wrap::base64(&wrap::base64(v, false, true), false, true), false, true),
        "base64 of hex" => |_, v| wrap::base64(&hex(v, ""), false, true),
        "hex of base64" => |_, v| hex(&wrap::base64(v, false, true), ""),
        "hex twice" => |_, v| hex(&hex(v, ""), ""),
        "percent of base64" => |_, v| every_third(&wrap::base64(v, false, true), |b| format!("%{b:02X}")),
        "base64 of gzip" => |rng, v| wrap::base64(&wrap::gzip(rng, v), false, true),
        "base64 of gzip, folded" => |rng, v| { let text = padded(rng, v); fold(&wrap::base64(&wrap::gzip(rng, &text), false, true), 76, b"\n") },
        "base64 of zlib" => |rng, v| wrap::base64(&wrap::zlib(rng, v), false, true),
        "base64 of zstd" => |rng, v| wrap::base64(&wrap::zstd(rng, v), false, true),
        "base64 of zip" => |rng, v| wrap::base64(&wrap::zip(rng, v), false, true),
        "hex of gzip" => |rng, v| hex(&wrap::gzip(rng, v), ""),
        "gzip of gzip" => |rng, v| { let inner = wrap::gzip(rng, v); wrap::gzip(rng, &inner) },
        "gzip of base64" => |rng, v| wrap::gzip(rng, &wrap::base64(v, false, true)),
        "tar in gzip" => |rng, v| wrap::gzip(rng, &wrap::tar(&[("package/index.js", v)])),
        "tar in zstd" => |rng, v| wrap::zstd(rng, &wrap::tar(&[("a/b", v)])),
        "zip in zip" => |rng, v| { let inner = wrap::zip(rng, v); wrap::zip(rng, &inner) },
        "base64 of tar in gzip" => |rng, v| wrap::base64(&wrap::gzip(rng, &wrap::tar(&[("package/index.js", v)])), false, true),
        "JSON in JSON, \\u" => |_, v| [b"{\\\"k\\\": \\\"".as_slice(), &list(v, "", |b| format!("\\\\u{b:04x}")), b"\\\"}"].concat(),
    }
    Pieces {
        "\"..\" + \"..\"" => |_, v| cut(v, "\" + \""),
        "'..'+'..'" => |_, v| cut(v, "'+'"),
        "adjacent strings" => |_, v| cut(v, "\" \""),
        "adjacent strings, lines" => |_, v| cut(v, "\"\n    \""),
        "'..' . '..'" => |_, v| cut(v, "' . '"),
        "shell quotes" => |_, v| cut(v, "''"),
        "shell line continuation" => |_, v| cut(v, "\\\n"),
        "array of parts" => |_, v| cut(v, "\", \""),
        "array of characters" => |_, v| list(v, "\", \"", |b| char::from(*b).to_string()),
        "lines" => |_, v| cut(v, "\n"),
        "wrapped lines, indented" => |_, v| cut(v, "\n    "),
        "runs of a Word document" => |_, v| cut(v, "</w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>"),
        "elements of HTML, characters" => |_, v| list(v, "</b><b>", |b| char::from(*b).to_string()),
        "strings of PDF, kerning" => |_, v| [b"[(".as_slice(), &cut(v, ") -12 ("), b")] TJ"].concat(),
        "base64, lines of 20" => |_, v| fold(&wrap::base64(v, false, true), 20, b"\n"),
        "base64, strings of 20" => |_, v| fold(&wrap::base64(v, false, true), 20, b"\", \""),
        "hex, labels of a name" => |_, v| fold(&hex(v, ""), 30, b"."),
    }
    Transform {
        "reversed" => |_, v| v.iter().rev().copied().collect(),
        "rot13" => |_, v| v.iter().map(|b| rot13(*b)).collect(),
        "upper case" => |_, v| v.to_ascii_uppercase(),
        "lower case" => |_, v| v.to_ascii_lowercase(),
        "swapped case" => |_, v| v.iter().map(|b| if b.is_ascii_lowercase() { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() }).collect(),
        "groups of four, dashes" => |_, v| fold(v, 4, b"-"),
        "groups of four, blanks" => |_, v| fold(v, 4, b" "),
        "characters by blanks" => |_, v| fold(v, 1, b" "),
        "characters by dots" => |_, v| fold(v, 1, b"."),
        "decimal number" => |_, v| Form::Number { base: 10, other: false }.spell(v),
        "XOR with a byte" => |_, v| v.iter().map(|b| b ^ 0x5a).collect(),
        "XOR with a byte, hex" => |_, v| hex(&v.iter().map(|b| b ^ 0x5a).collect::<Vec<u8>>(), ""),
        "XOR with a byte, base64" => |_, v| wrap::base64(&v.iter().map(|b| b ^ 0x5a).collect::<Vec<u8>>(), false, true),
    }
    Framing {
        "HTTP chunks" => |_, v| v.to_vec(),
        "SSE data lines" => |_, v| v.to_vec(),
        "gRPC messages" => |_, v| v.to_vec(),
        "WebSocket, masked" => |_, v| v.to_vec(),
        "mail header, folded" => |_, v| cut(v, "\r\n "),
    }
}

/// Text around a value, so that it does not begin a line.
fn padded(rng: &mut Rng, value: &[u8]) -> Vec<u8> {
    let before = 20 + rng.below(30);
    [&rng.text(crate::keys::HEX, before)[..], b" ", value, b" and what stands behind it, for a line or so\n"]
        .concat()
}

fn fold(text: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
    text.chunks(at).collect::<Vec<_>>().join(with)
}

/// Lines in quotes.
fn strings(text: &[u8], with: &str) -> Vec<u8> {
    [b"\"".as_slice(), &fold(text, 64, with.as_bytes()), b"\""].concat()
}

fn list(value: &[u8], with: &str, write: impl Fn(&u8) -> String) -> Vec<u8> {
    value.iter().map(write).collect::<Vec<_>>().join(with).into_bytes()
}

fn every_third(value: &[u8], write: impl Fn(u8) -> String) -> Vec<u8> {
    let write = |(i, b): (usize, &u8)| if i % 3 == 1 { write(*b).into_bytes() } else { vec![*b] };
    value.iter().enumerate().flat_map(write).collect()
}

fn hex(value: &[u8], with: &str) -> Vec<u8> {
    list(value, with, |b| format!("{b:02x}"))
}

/// The value in three pieces.
fn cut(value: &[u8], with: &str) -> Vec<u8> {
    fold(value, value.len().div_ceil(3), with.as_bytes())
}

fn uuencode(value: &[u8]) -> Vec<u8> {
    let mut out = b"begin 644 notes\n".to_vec();
    for line in value.chunks(45) {
        out.push(b' ' + line.len() as u8);
        for group in line.chunks(3) {
            let bits =
                group.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - group.len()));
            out.extend((0..4).map(|i| match (bits >> (18 - 6 * i)) as u8 & 63 {
                0 => b'`',
                n => b' ' + n,
            }));
        }
        out.push(b'\n');
    }
    out.extend(b"`\nend\n");
    out
}

fn utf7(value: &[u8]) -> Vec<u8> {
    let units: Vec<u8> = value.iter().flat_map(|b| [0, *b]).collect();
    [b"+".as_slice(), &wrap::base64(&units, false, false), b"-"].concat()
}

fn fullwidth(byte: u8) -> Vec<u8> {
    match byte {
        b'!'..=b'~' => {
            char::from_u32(0xff00 + u32::from(byte - b' ')).map(String::from).unwrap_or_default().into_bytes()
        }
        _ => vec![byte],
    }
}

fn tag(byte: u8) -> Vec<u8> {
    match byte {
        b' '..=b'~' => {
            char::from_u32(0xe0000 + u32::from(byte)).map(String::from).unwrap_or_default().into_bytes()
        }
        _ => vec![byte],
    }
}

fn selector(byte: u8) -> char {
    let at = match byte {
        0..16 => 0xfe00 + u32::from(byte),
        _ => 0xe0100 + u32::from(byte - 16),
    };
    char::from_u32(at).unwrap_or_default()
}

fn rot13(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => b'a' + (byte - b'a' + 13) % 26,
        b'A'..=b'Z' => b'A' + (byte - b'A' + 13) % 26,
        _ => byte,
    }
}
