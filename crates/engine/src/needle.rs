//! The spellings under which a secret is looked for without decoding: needles, derived at enrolment.
//!
//! # Base64 at an unknown place
//!
//! A value inside a longer text that is base64-encoded begins at byte 0, 1 or 2 of a group of three. The characters whose six
//! bits all come from the value do not depend on what surrounds it:
//!
//! ```text
//! alignment 1:   bytes  |  ?  |  v0 |  v1 |  v2 | ...
//!                chars  | ?? | ?v | vv | vv | vv | ...      known from character 2 on
//! ```
//!
//! They are the needle; the one character before it that holds some bits of the value counts as part of the value's range
//! (`before`). The needle is again a text at an unknown place of the next layer, so the same step repeated gives two and three
//! layers.

use std::collections::HashSet;

use exfilter_automaton::is_token;
use zeroize::Zeroize;

use crate::secrets::{Form, Spellings};

/// Layers of base64 that are derived.
const LAYERS: u8 = 3;

/// So many spellings are compared with each other rather than hashed.
const FEW: usize = 12;

/// One spelling of a value.
pub(crate) struct Spelling {
    pub(crate) form: Form,
    pub(crate) bytes: Vec<u8>,
    /// Bytes at the beginning that only spell the public prefix.
    pub(crate) public: usize,
    /// Bytes directly before it that hold bits of the value too.
    pub(crate) before: usize,
}

impl Drop for Spelling {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// The spellings of `value` that are asked for, of which the first `public` bytes are a public prefix; no two are equal.
pub(crate) fn spellings(value: &[u8], public: usize, which: Spellings) -> Vec<Spelling> {
    let mut out = Vec::new();
    let mut push = |form, bytes: Vec<u8>, public, before| out.push(Spelling { form, bytes, public, before });
    push(Form::Raw, value.to_vec(), public, 0);
    if which == Spellings::Raw {
        return out;
    }
    let all = matches!(which, Spellings::All | Spellings::ButBase64);
    let layers = match which {
        Spellings::All => LAYERS,
        Spellings::Few => 1,
        Spellings::ButBase64 | Spellings::Raw => 0,
    };
    if all {
        push(Form::Reversed, value.iter().rev().copied().collect(), 0, 0);
        push(Form::Rot13, value.iter().copied().map(rot13).collect(), public, 0);
        for (digits, big) in NUMBERS {
            push(Form::Number, number(value, digits, big), 0, 0);
        }
    }
    for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
        let hex = value.iter().flat_map(|b| [digits[usize::from(b >> 4)], digits[usize::from(b & 15)]]);
        push(Form::Hex, hex.collect(), 2 * public, 0);
    }
    // All of these leave letters, digits and three signs as they are.
    if !value.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b)) {
        for upper in [true, false] {
            for form in [PercentSet::Unreserved, PercentSet::Component, PercentSet::Form, PercentSet::Path] {
                push(Form::Percent, percent(value, form, upper), public, 0);
            }
        }
        for (slash, ascii) in [(false, false), (true, false), (false, true), (true, true)] {
            push(Form::Json, json(value, slash, ascii, false), public, 0);
        }
        push(Form::Json, json(value, false, false, true), public, 0);
    }
    if let Ok(text) = std::str::from_utf8(value) {
        let prefix = 2 * public;
        let mut little = Vec::with_capacity(2 * value.len());
        let mut big = Vec::with_capacity(2 * value.len());
        for unit in text.encode_utf16() {
            little.extend(unit.to_le_bytes());
            big.extend(unit.to_be_bytes());
        }
        push(Form::Utf16Le, little, prefix, 0);
        push(Form::Utf16Be, big, prefix, 0);
    }
    for alphabet in [STANDARD, URL_SAFE] {
        let mut layer = vec![(value.to_vec(), public, 0usize)];
        for depth in 1..=layers {
            let mut next = Vec::with_capacity(3 * layer.len());
            for (bytes, public, before) in &layer {
                for alignment in 0..3 {
                    next.push(inner(bytes, *public, *before, alignment, alphabet));
                }
            }
            for (bytes, public, before) in &next {
                push(Form::Base64(depth), bytes.clone(), *public, *before);
            }
            layer.iter_mut().for_each(|(bytes, ..)| bytes.zeroize());
            layer = next;
        }
        layer.iter_mut().for_each(|(bytes, ..)| bytes.zeroize());
    }
    if all && !value.iter().all(|b| is_token(*b)) {
        // Where these end a token, escapes for them alone begin no lane.
        for set in ESCAPES {
            push(set.form, set.apply(value), public, 0);
        }
    }
    if out.len() <= FEW {
        let mut at = 1;
        while at < out.len() {
            let is_there = out[..at].iter().any(|other| other.bytes == out[at].bytes);
            if is_there { drop(out.remove(at)) } else { at += 1 }
        }
        return out;
    }
    let mut seen = HashSet::new();
    let fresh: Vec<bool> = out.iter().map(|s| seen.insert(s.bytes.as_slice())).collect();
    drop(seen);
    let mut fresh = fresh.into_iter();
    out.retain(|_| fresh.next().unwrap_or(false));
    out
}

/// What an encoder writes for some characters; all others stay.
struct Escapes {
    form: Form,
    /// The characters, each with what it becomes.
    named: &'static [(u8, &'static str)],
    /// Characters that become a number.
    numbered: Chars,
    number: Number,
}

/// A set of characters.
enum Chars {
    These(&'static [u8]),
    /// All but printable ASCII, and these.
    Unprintable(&'static [u8]),
    /// All but letters, digits and these.
    AllBut(&'static [u8]),
}

/// How a number is written.
enum Number {
    /// `\u0026`, by UTF-16 units; digits in lower case, or capitals.
    Unit(bool),
    /// `\x26`, by bytes; digits in lower case, or capitals.
    Byte(bool),
    /// `=26`, by bytes.
    Printable,
}

impl Escapes {
    const fn named(form: Form, named: &'static [(u8, &'static str)]) -> Escapes {
        Escapes { form, named, numbered: Chars::These(b""), number: Number::Printable }
    }

    const fn numbered(
        form: Form,
        numbered: Chars,
        number: Number,
        named: &'static [(u8, &'static str)],
    ) -> Escapes {
        Escapes { form, named, numbered, number }
    }

    fn apply(&self, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 * value.len());
        let mut rest = value;
        while let Some(&byte) = rest.first() {
            let len = self.number.width(rest);
            let (char, after) = rest.split_at(len);
            rest = after;
            if let Some((_, name)) = self.named.iter().find(|(b, _)| *b == byte) {
                out.extend(name.bytes());
            } else if self.numbered.has(byte) {
                self.number.write(char, &mut out);
            } else {
                out.extend(char);
            }
        }
        out
    }
}

impl Chars {
    fn has(&self, byte: u8) -> bool {
        match self {
            Chars::These(these) => these.contains(&byte),
            Chars::Unprintable(these) => !(b' '..=b'~').contains(&byte) || these.contains(&byte),
            Chars::AllBut(these) => !byte.is_ascii_alphanumeric() && !these.contains(&byte),
        }
    }
}

impl Number {
    /// The length of the character that `bytes` begin with, as it is counted here.
    fn width(&self, bytes: &[u8]) -> usize {
        let longest = if matches!(self, Number::Unit(_)) { 4 } else { 1 };
        let is_char = |len: &usize| bytes.get(..*len).is_some_and(|char| std::str::from_utf8(char).is_ok());
        (1..=longest).find(is_char).unwrap_or(1)
    }

    fn write(&self, char: &[u8], out: &mut Vec<u8>) {
        let digits = |upper: bool, text: String| match upper {
            true => text.to_ascii_uppercase().into_bytes(),
            false => text.into_bytes(),
        };
        match self {
            Number::Unit(upper) => match std::str::from_utf8(char) {
                Ok(text) => text.encode_utf16().for_each(|unit| {
                    out.extend(b"\\u");
                    out.extend(digits(*upper, format!("{unit:04x}")));
                }),
                Err(_) => out.extend(char),
            },
            Number::Byte(upper) => char.iter().for_each(|b| {
                out.extend(b"\\x");
                out.extend(digits(*upper, format!("{b:02x}")));
            }),
            Number::Printable => char.iter().for_each(|b| out.extend(format!("={b:02X}").bytes())),
        }
    }
}

/// What common encoders write. Values of tokens' characters have none of these: their escapes are undone by a lane.
const ESCAPES: &[Escapes] = {
    use Form::{Html, Json, Quoted, QuotedPrintable};
    &[
        // Serialisers of XML and HTML, in text and in attributes; Python's `html.escape` without quotes.
        Escapes::named(Html, &[(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;")]),
        Escapes::named(Html, &[(b'&', "&amp;"), (b'<', "&lt;")]),
        Escapes::named(Html, &[(b'&', "&amp;"), (b'"', "&quot;")]),
        Escapes::named(Html, &[(b'&', "&amp;"), (b'<', "&lt;"), (b'"', "&quot;")]),
        // PHP's `htmlspecialchars` before version 8.1, Python's `xml.sax.saxutils.quoteattr`.
        Escapes::named(Html, &[(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'"', "&quot;")]),
        // Python's `html.escape`.
        Escapes::named(
            Html,
            &[(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'"', "&quot;"), (b'\'', "&#x27;")],
        ),
        // Rails, lodash, .NET.
        Escapes::named(
            Html,
            &[(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'"', "&quot;"), (b'\'', "&#39;")],
        ),
        // Go's `html.EscapeString`, Jinja.
        Escapes::named(
            Html,
            &[(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'"', "&#34;"), (b'\'', "&#39;")],
        ),
        // PHP's `htmlspecialchars`.
        Escapes::named(
            Html,
            &[(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'"', "&quot;"), (b'\'', "&#039;")],
        ),
        // XML.
        Escapes::named(
            Html,
            &[(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'"', "&quot;"), (b'\'', "&apos;")],
        ),
        // Mustache and Handlebars.
        Escapes::named(
            Html,
            &[
                (b'&', "&amp;"),
                (b'<', "&lt;"),
                (b'>', "&gt;"),
                (b'"', "&quot;"),
                (b'\'', "&#39;"),
                (b'/', "&#x2F;"),
                (b'`', "&#x60;"),
                (b'=', "&#x3D;"),
            ],
        ),
        Escapes::named(
            Html,
            &[
                (b'&', "&amp;"),
                (b'<', "&lt;"),
                (b'>', "&gt;"),
                (b'"', "&quot;"),
                (b'\'', "&#x27;"),
                (b'`', "&#x60;"),
                (b'=', "&#x3D;"),
            ],
        ),
        // Django's `json_script`; Jinja's `tojson`; Gson.
        Escapes::numbered(Json, Chars::Unprintable(b"<>&"), Number::Unit(true), STRING),
        Escapes::numbered(Json, Chars::Unprintable(b"<>&'"), Number::Unit(false), STRING),
        Escapes::numbered(Json, Chars::These(b"<>&'="), Number::Unit(false), STRING),
        // .NET's `System.Text.Json`, and Newtonsoft's with `EscapeHtml`.
        Escapes::numbered(Json, Chars::Unprintable(b"<>&'\"+`"), Number::Unit(true), BACKSLASHED),
        Escapes::numbered(Json, Chars::These(b"<>&'\""), Number::Unit(false), BACKSLASHED),
        // PHP's `json_encode` with the flags for HTML.
        Escapes::numbered(
            Json,
            Chars::These(b"<>&'\""),
            Number::Unit(true),
            &[(b'\\', "\\\\"), (b'\n', "\\n"), (b'\r', "\\r"), (b'\t', "\\t"), (b'/', "\\/")],
        ),
        // Django's `escapejs`.
        Escapes::numbered(Json, Chars::Unprintable(b"\\\"'<>&=-;`"), Number::Unit(true), &[]),
        // Quoted-printable as texts have it, with blanks too, and as headers have it (RFC 2045 section 6.7, RFC 2047 section 4.2).
        Escapes::numbered(QuotedPrintable, Chars::Unprintable(b"="), Number::Printable, &[]),
        Escapes::numbered(QuotedPrintable, Chars::Unprintable(b"= "), Number::Printable, &[]),
        Escapes::numbered(QuotedPrintable, Chars::AllBut(b""), Number::Printable, &[]),
        Escapes::numbered(QuotedPrintable, Chars::AllBut(b"!*+-/"), Number::Printable, &[(b' ', "_")]),
        // Closure's templates; OWASP's encoder, and everything.
        Escapes::numbered(Quoted, Chars::These(b"\"'<>&="), Number::Byte(false), BACKSLASHED),
        Escapes::numbered(Quoted, Chars::These(b"\"'<>&="), Number::Byte(true), BACKSLASHED),
        Escapes::numbered(Quoted, Chars::AllBut(b",._"), Number::Byte(true), &[]),
        Escapes::numbered(Quoted, Chars::AllBut(b""), Number::Byte(false), &[]),
        // Strings in programs: in single quotes, in either, in backquotes; the shell's in double quotes.
        Escapes::named(Quoted, &[(b'\'', "\\'"), (b'\\', "\\\\")]),
        Escapes::named(Quoted, &[(b'\'', "\\'"), (b'"', "\\\""), (b'\\', "\\\\")]),
        Escapes::named(Quoted, &[(b'`', "\\`"), (b'$', "\\$"), (b'\\', "\\\\")]),
        Escapes::named(Quoted, &[(b'`', "\\`"), (b'$', "\\$"), (b'"', "\\\""), (b'\\', "\\\\")]),
        // The shell's single quotes; SQL, YAML and CSV, which write a quote twice.
        Escapes::named(Quoted, &[(b'\'', "'\\''")]),
        Escapes::named(Quoted, &[(b'\'', "'\"'\"'")]),
        Escapes::named(Quoted, &[(b'\'', "''")]),
        Escapes::named(Quoted, &[(b'"', "\"\"")]),
    ]
};

/// What strings write with a backslash.
const STRING: &[(u8, &str)] =
    &[(b'"', "\\\""), (b'\\', "\\\\"), (b'\n', "\\n"), (b'\r', "\\r"), (b'\t', "\\t")];

/// The same, quotes apart.
const BACKSLASHED: &[(u8, &str)] = STRING.split_at(1).1;

/// The digits in which programs write the number that the bytes of a value make, and whether the first byte counts most: `int.from_bytes` of Python, `BigInt` of JavaScript,
/// and what is called base36 and base62.
const NUMBERS: [(&[u8], bool); 6] = [
    (b"0123456789", true),
    (b"0123456789", false),
    (b"0123456789abcdefghijklmnopqrstuvwxyz", true),
    (b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", true),
    (b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", true),
    (b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", true),
];

const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The values of the known characters of the base64 of `bytes` at an alignment, and how many of them only spell the public prefix.
pub(crate) fn base64_values(bytes: &[u8], public: usize, alignment: usize) -> (Vec<u8>, usize) {
    // Every character is its own value.
    const VALUES: &[u8; 64] = &{
        let mut values = [0; 64];
        let mut n = 0;
        while n < 64 {
            values[n] = n as u8;
            n += 1;
        }
        values
    };
    let (values, public, _) = inner(bytes, public, 0, alignment, VALUES);
    (values, public)
}

/// What programs make of a value before they write it in groups or lines: its base64 and base32 at every alignment, and its hexadecimal digits; with each, how many of its
/// characters only spell the public prefix, and whether there is one before them that holds bits of it and of what stands before it.
pub(crate) fn encoded(value: &[u8], public: usize) -> impl Iterator<Item = (Vec<u8>, usize, bool)> + '_ {
    let base64 = (0..3).map(|alignment| (alignment, 6, &STANDARD[..]));
    let base32 = (0..5).map(|alignment| (alignment, 5, &BASE32[..]));
    let all = base64.chain(base32).chain([(0, 4, &HEX[..])]);
    all.map(move |(alignment, size, alphabet)| {
        let (chars, public) = known(value, public, alignment, size, alphabet);
        (chars, public, 8 * alignment % size != 0)
    })
}

/// The known characters of the base64 of `bytes` at an alignment, how many of them only spell the public prefix, and how many
/// characters before them hold bits of the value, which reaches `before` bytes further to the left.
fn inner(
    bytes: &[u8],
    public: usize,
    before: usize,
    alignment: usize,
    alphabet: &[u8; 64],
) -> (Vec<u8>, usize, usize) {
    let (chars, public) = known(bytes, public, alignment, 6, alphabet);
    let bits = 8 * alignment;
    let span = (bits as i64 - 8 * before as i64).div_euclid(6);
    (chars, public, (bits.div_ceil(6) as i64 - span) as usize)
}

/// The known characters of what `bytes`, of which the first stands `alignment` bytes behind the beginning of a group, are in digits of `size` bits; and how many of them only spell the public prefix.
fn known(bytes: &[u8], public: usize, alignment: usize, size: usize, alphabet: &[u8]) -> (Vec<u8>, usize) {
    let bits = 8 * alignment..8 * (alignment + bytes.len());
    let first = bits.start.div_ceil(size);
    let last = bits.end / size;
    let byte = |at: usize| bytes.get(at).map_or(0, |byte| u16::from(*byte));
    let digit = |char: usize| {
        let from = size * char - bits.start;
        let two = byte(from / 8) << 8 | byte(from / 8 + 1);
        usize::from(two >> (16 - size - from % 8)) & ((1 << size) - 1)
    };
    let chars = (first..last).map(|char| alphabet[digit(char)]).collect();
    let public_end = 8 * (alignment + public) / size;
    (chars, public_end.saturating_sub(first))
}

/// The number that the bytes of a value make, the first one its highest digit if `big`.
fn number(value: &[u8], digits: &[u8], big: bool) -> Vec<u8> {
    let mut left = value.to_vec();
    if !big {
        left.reverse();
    }
    let base = digits.len();
    // Room for all of them, so that none is left behind where a list grows.
    let mut out = Vec::with_capacity(left.len() * 8 / base.ilog2() as usize + 1);
    let mut from = 0;
    while from < left.len() {
        if left[from] == 0 {
            from += 1;
            continue;
        }
        let mut rest = 0;
        for byte in &mut left[from..] {
            let here = rest << 8 | usize::from(*byte);
            (*byte, rest) = ((here / base) as u8, here % base);
        }
        out.push(digits[rest]);
    }
    left.zeroize();
    out.reverse();
    out
}

fn rot13(byte: u8) -> u8 {
    let first = if byte.is_ascii_uppercase() { b'A' } else { b'a' };
    if byte.is_ascii_alphabetic() { first + (byte - first + 13) % 26 } else { byte }
}

#[derive(Clone, Copy, PartialEq)]
enum PercentSet {
    /// Everything but RFC 3986's unreserved characters is escaped.
    Unreserved,
    /// What JavaScript's `encodeURIComponent` leaves alone stays: also `!*'()`.
    Component,
    /// `application/x-www-form-urlencoded`: a space becomes `+`, `*` stays.
    Form,
    /// As `Unreserved`, and `/` stays: Python's `quote`.
    Path,
}

fn percent(value: &[u8], set: PercentSet, upper: bool) -> Vec<u8> {
    let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut out = Vec::with_capacity(value.len());
    for &b in value {
        let keep = b.is_ascii_alphanumeric()
            || matches!(b, b'-' | b'_' | b'.')
            || match set {
                PercentSet::Unreserved => b == b'~',
                PercentSet::Component => matches!(b, b'~' | b'!' | b'*' | b'\'' | b'(' | b')'),
                PercentSet::Form => b == b'*',
                PercentSet::Path => matches!(b, b'~' | b'/'),
            };
        if keep {
            out.push(b);
        } else if b == b' ' && set == PercentSet::Form {
            out.push(b'+');
        } else {
            out.extend([b'%', digits[usize::from(b >> 4)], digits[usize::from(b & 15)]]);
        }
    }
    out
}

/// `value` as the inside of a JSON string; `slash` escapes `/`, `ascii` escapes all but ASCII, `html` escapes `<`, `>` and `&` as Go does.
fn json(value: &[u8], slash: bool, ascii: bool, html: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let unit = |out: &mut Vec<u8>, u: u16| out.extend(format!("\\u{u:04x}").into_bytes());
    match std::str::from_utf8(value) {
        Ok(text) => {
            for c in text.chars() {
                match c {
                    '"' => out.extend(b"\\\""),
                    '\\' => out.extend(b"\\\\"),
                    '\n' => out.extend(b"\\n"),
                    '\r' => out.extend(b"\\r"),
                    '\t' => out.extend(b"\\t"),
                    '/' if slash => out.extend(b"\\/"),
                    '<' | '>' | '&' if html => unit(&mut out, c as u16),
                    c if u32::from(c) < 0x20 => unit(&mut out, c as u16),
                    c if ascii && !c.is_ascii() => {
                        let mut units = [0; 2];
                        c.encode_utf16(&mut units).iter().for_each(|u| unit(&mut out, *u));
                    }
                    c => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
        }
        Err(_) => out.extend(value),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Base64 written from RFC 4648 §4, without padding.
    fn encode(bytes: &[u8], alphabet: &[u8; 64]) -> Vec<u8> {
        let bits: Vec<u8> = bytes.iter().flat_map(|b| (0..8).map(move |i| b >> (7 - i) & 1)).collect();
        bits.chunks(6)
            .map(|c| alphabet[(0..6).fold(0, |s, i| s << 1 | usize::from(*c.get(i).unwrap_or(&0)))])
            .collect()
    }

    fn holds(hay: &[u8], needle: &[u8]) -> bool {
        hay.windows(needle.len()).any(|w| w == needle)
    }

    #[test]
    fn every_alignment_of_three_layers_holds_a_needle() {
        let value = b"value+of/some~length?!";
        let needles = spellings(value, 0, Spellings::All);
        for alphabet in [STANDARD, URL_SAFE] {
            for (a, b, c) in (0..27).map(|i| (i / 9, i / 3 % 3, i % 3)) {
                let one = encode(&[&vec![b'x'; 3 + a][..], value, b"yyyy"].concat(), alphabet);
                let two = encode(&[&vec![b'x'; 3 + b][..], &one, b"yyyy"].concat(), alphabet);
                let three = encode(&[&vec![b'x'; 3 + c][..], &two, b"yyyy"].concat(), alphabet);
                for (depth, text) in [(1, &one), (2, &two), (3, &three)] {
                    assert!(
                        needles.iter().any(|n| n.form == Form::Base64(depth) && holds(text, &n.bytes)),
                        "alignments {a} {b} {c}, layer {depth}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_characters_before_a_needle_reach_the_first_bit_of_the_value() {
        let value = b"0123456789abcdef";
        for alignment in 0..3 {
            let (chars, _, before) = inner(value, 0, 0, alignment, STANDARD);
            let text = encode(&[&vec![b'x'; 3 + alignment][..], value].concat(), STANDARD);
            let at = text.windows(chars.len()).position(|w| w == chars).expect("the needle is there");
            assert_eq!(at - before, 8 * (3 + alignment) / 6);
        }
    }

    #[test]
    fn spellings_differ_from_each_other() {
        let needles = spellings(b"only-unreserved_chars.42", 0, Spellings::All);
        let distinct: HashSet<_> = needles.iter().map(|n| n.bytes.clone()).collect();
        assert_eq!(distinct.len(), needles.len());
        assert!(!needles.iter().any(|n| n.form == Form::Percent), "percent-encoding changes nothing here");
    }

    #[test]
    fn escapes_are_those_of_the_formats() {
        assert_eq!(percent(b"a b/~*", PercentSet::Unreserved, true), b"a%20b%2F~%2A");
        assert_eq!(percent(b"a b/~*", PercentSet::Form, false), b"a+b%2f%7e*");
        assert_eq!(json(b"a\"b\\c\n/\x01", true, false, false), b"a\\\"b\\\\c\\n\\/\\u0001");
        assert_eq!(json("\u{e9}\u{1f600}".as_bytes(), false, true, false), b"\\u00e9\\ud83d\\ude00");
    }

    #[test]
    fn escapes_of_characters_that_end_a_token_are_spelled() {
        let needles = spellings("ab'cd&ef\"gh<ij kl=\u{e9}".as_bytes(), 0, Spellings::All);
        for (form, text) in [
            (Form::Html, "ab&#x27;cd&amp;ef&quot;gh&lt;ij kl=\u{e9}"),
            (Form::Html, "ab&#39;cd&amp;ef&#34;gh&lt;ij kl=\u{e9}"),
            (Form::Html, "ab&#039;cd&amp;ef&quot;gh&lt;ij kl=\u{e9}"),
            (Form::Html, "ab&#39;cd&amp;ef&quot;gh&lt;ij kl&#x3D;\u{e9}"),
            (Form::Json, "ab\\u0027cd\\u0026ef\\u0022gh\\u003Cij kl=\\u00E9"),
            (Form::Json, "ab\\u0027cd\\u0026ef\\u0022gh\\u003cij kl=\u{e9}"),
            (Form::QuotedPrintable, "ab'cd&ef\"gh<ij kl=3D=C3=A9"),
            (Form::QuotedPrintable, "ab=27cd=26ef=22gh=3Cij=20kl=3D=C3=A9"),
            (Form::QuotedPrintable, "ab=27cd=26ef=22gh=3Cij_kl=3D=C3=A9"),
            (Form::Quoted, "ab\\x27cd\\x26ef\\x22gh\\x3cij\\x20kl\\x3d\\xc3\\xa9"),
            (Form::Quoted, "ab\\'cd&ef\\\"gh<ij kl=\u{e9}"),
            (Form::Quoted, "ab'\\''cd&ef\"gh<ij kl=\u{e9}"),
        ] {
            let is_there = needles.iter().any(|n| n.form == form && n.bytes == text.as_bytes());
            assert!(is_there, "{form:?}: {text}");
        }
    }

    #[test]
    fn values_of_token_characters_have_few_spellings() {
        let value = b"q8Zt4LmN0pR7sVx2/Yb5Kd9Fg3Hj6Wc1A+q=";
        let forms: Vec<Form> = spellings(value, 0, Spellings::All).iter().map(|n| n.form).collect();
        let ours = [Form::Html, Form::QuotedPrintable, Form::Quoted];
        assert!(!forms.iter().any(|form| ours.contains(form)), "{forms:?}");
        assert_eq!(forms.iter().filter(|form| **form == Form::Rot13).count(), 1);
    }

    #[test]
    fn escapes_of_go_and_python_are_spelled() {
        let value = b"abc/def+ghi=jkl&mno<pqr";
        let needles = spellings(value, 0, Spellings::All);
        let has = |text: &[u8]| needles.iter().any(|n| n.bytes == text);
        assert!(has(b"abc/def+ghi=jkl\\u0026mno\\u003cpqr"), "Go's encoding/json");
        assert!(has(b"abc/def%2Bghi%3Djkl%26mno%3Cpqr"), "Python's urllib.parse.quote");
    }
}
