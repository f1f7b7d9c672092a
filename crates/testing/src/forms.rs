//! The spellings under which a value may leave: a second, plain implementation of what the engine derives at enrolment.

use crate::wrap;

/// A spelling of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As it is.
    Raw,
    /// Base64, with `shift` bytes before the value, so that it begins at that byte of a group of three.
    Base64 {
        /// How many times.
        layers: u8,
        /// 0, 1 or 2.
        shift: u8,
        /// Whether the URL-safe alphabet is used.
        url: bool,
    },
    /// Hexadecimal.
    Hex {
        /// Whether the digits are capitals.
        upper: bool,
    },
    /// Everything but letters, digits and `-_.~` percent-encoded.
    Percent {
        /// Whether the digits are capitals.
        upper: bool,
    },
    /// The inside of a JSON string, all but ASCII escaped.
    Json,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// Back to front.
    Reversed,
    /// Letters thirteen places on.
    Rot13,
    /// As Python's `html.escape` has it, or Go's.
    Html {
        /// Whether as Go's.
        go: bool,
    },
    /// As .NET writes JSON.
    DotNet,
    /// Quoted-printable, blanks too.
    Printable,
    /// Quotes and what means something in HTML as `\x26`.
    Hexed,
    /// As the shell has it in single quotes.
    Shell,
    /// The number that the bytes make, in so many digits.
    Number {
        /// 10, 36 or 62.
        base: u8,
        /// Whether the first byte counts least; letters are capitals in base36 then, and small ones come first in base62.
        other: bool,
    },
}

/// Every form: all alignments and layers of both alphabets, both cases.
pub fn all() -> Vec<Form> {
    let mut forms = vec![Form::Raw, Form::Json, Form::Utf16Le, Form::Utf16Be, Form::Reversed, Form::Rot13];
    forms.extend([Form::DotNet, Form::Printable, Form::Hexed, Form::Shell]);
    for upper in [false, true] {
        forms.push(Form::Html { go: upper });
        forms.extend([10, 36, 62].map(|base| Form::Number { base, other: upper }));
        forms.extend([Form::Hex { upper }, Form::Percent { upper }]);
        for layers in 1..=3 {
            forms.extend((0..3).map(|shift| Form::Base64 { layers, shift, url: upper }));
        }
    }
    forms
}

/// Values of more bytes are enrolled in pieces, and have no forms that depend on all of it at once.
const PIECE: usize = 192;

impl Form {
    /// Whether a value is looked for in this form.
    pub fn is_of(self, value: &[u8]) -> bool {
        !matches!(self, Form::Number { .. }) || value.len() <= PIECE
    }

    /// The word in case files.
    pub fn parse(word: &str, layers: u8, shift: u8, url: bool) -> Option<Form> {
        Some(match word {
            "raw" => Form::Raw,
            "base64" => Form::Base64 { layers, shift, url },
            "hex" => Form::Hex { upper: false },
            "HEX" => Form::Hex { upper: true },
            "percent" => Form::Percent { upper: false },
            "PERCENT" => Form::Percent { upper: true },
            "json" => Form::Json,
            "utf16le" => Form::Utf16Le,
            "utf16be" => Form::Utf16Be,
            "reversed" => Form::Reversed,
            "rot13" => Form::Rot13,
            _ => return None,
        })
    }

    /// The value in this form. In base64, neutral text stands around it.
    pub fn spell(self, value: &[u8]) -> Vec<u8> {
        match self {
            Form::Raw => value.to_vec(),
            Form::Base64 { layers, shift, url } => (0..layers).fold(value.to_vec(), |inner, _| {
                let around = [&b"~~~~~~"[..3 + usize::from(shift)], &inner, b"~~~~"].concat();
                wrap::base64(&around, url, false)
            }),
            Form::Hex { upper } => value.iter().flat_map(|b| hex(*b, upper)).collect(),
            Form::Percent { upper } => value.iter().fold(Vec::new(), |mut out, b| {
                if b.is_ascii_alphanumeric() || b"-_.~".contains(b) {
                    out.push(*b);
                } else {
                    out.push(b'%');
                    out.extend(hex(*b, upper));
                }
                out
            }),
            Form::Json => json(&String::from_utf8_lossy(value)).into_bytes(),
            Form::Utf16Le => units(value).flat_map(u16::to_le_bytes).collect(),
            Form::Utf16Be => units(value).flat_map(u16::to_be_bytes).collect(),
            Form::Reversed => value.iter().rev().copied().collect(),
            Form::Rot13 => value.iter().map(|b| turned(*b)).collect(),
            Form::Html { go } => replaced(value, |b| match b {
                b'&' => Some("&amp;".into()),
                b'<' => Some("&lt;".into()),
                b'>' => Some("&gt;".into()),
                b'"' => Some(if go { "&#34;" } else { "&quot;" }.into()),
                b'\'' => Some(if go { "&#39;" } else { "&#x27;" }.into()),
                _ => None,
            }),
            Form::DotNet => units(value).fold(Vec::new(), |mut out, unit| {
                match u8::try_from(unit) {
                    Ok(b'\\') => out.extend(b"\\\\"),
                    Ok(b @ b' '..=b'~') if !b"\"'&<>+`".contains(&b) => out.push(b),
                    _ => out.extend(format!("\\u{unit:04X}").bytes()),
                }
                out
            }),
            Form::Printable => {
                replaced(value, |b| (!b.is_ascii_graphic() || b == b'=').then(|| format!("={b:02X}")))
            }
            Form::Hexed => replaced(value, |b| match b {
                b'&' | b'<' | b'>' | b'=' | b'"' | b'\'' => Some(format!("\\x{b:02x}")),
                b'\\' => Some(r"\\".into()),
                _ => None,
            }),
            Form::Shell => replaced(value, |b| (b == b'\'').then(|| r"'\''".into())),
            Form::Number { base, other } => number(value, base, other),
        }
    }

    /// What the engine calls it.
    pub fn of_engine(self) -> exfilter_engine::Form {
        use exfilter_engine::Form as Engine;
        match self {
            Form::Raw => Engine::Raw,
            Form::Base64 { layers, .. } => Engine::Base64(layers),
            Form::Hex { .. } => Engine::Hex,
            Form::Percent { .. } => Engine::Percent,
            Form::Json => Engine::Json,
            Form::Utf16Le => Engine::Utf16Le,
            Form::Utf16Be => Engine::Utf16Be,
            Form::Reversed => Engine::Reversed,
            Form::Rot13 => Engine::Rot13,
            Form::Html { .. } => Engine::Html,
            Form::DotNet => Engine::Json,
            Form::Printable => Engine::QuotedPrintable,
            Form::Hexed | Form::Shell => Engine::Quoted,
            Form::Number { .. } => Engine::Number,
        }
    }
}

/// By multiplication and addition of decimal-like digits, the lowest first: from the byte that counts most on.
fn number(value: &[u8], base: u8, other: bool) -> Vec<u8> {
    let mut digits = vec![0_u32];
    let mut add = |byte: u8| {
        let mut carry = u32::from(byte);
        for digit in &mut digits {
            let sum = *digit * 256 + carry;
            (*digit, carry) = (sum % u32::from(base), sum / u32::from(base));
        }
        while carry > 0 {
            digits.push(carry % u32::from(base));
            carry /= u32::from(base);
        }
    };
    match (base, other) {
        (10, true) => value.iter().rev().for_each(|byte| add(*byte)),
        _ => value.iter().for_each(|byte| add(*byte)),
    }
    let sign = |digit: &u32| match *digit as u8 {
        n @ 0..10 => b'0' + n,
        n @ 10..36 if (base == 36) != other => b'a' + n - 10,
        n @ 10..36 => b'A' + n - 10,
        n if other => b'A' + n - 36,
        n => b'a' + n - 36,
    };
    digits.iter().rev().map(sign).collect()
}

/// `value` with what `write` gives for its bytes.
fn replaced(value: &[u8], write: impl Fn(u8) -> Option<String>) -> Vec<u8> {
    value.iter().flat_map(|b| write(*b).map_or(vec![*b], String::into_bytes)).collect()
}

fn turned(byte: u8) -> u8 {
    match byte {
        b'a'..=b'm' | b'A'..=b'M' => byte + 13,
        b'n'..=b'z' | b'N'..=b'Z' => byte - 13,
        _ => byte,
    }
}

fn hex(byte: u8, upper: bool) -> [u8; 2] {
    let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]
}

fn units(value: &[u8]) -> impl Iterator<Item = u16> {
    String::from_utf8_lossy(value).encode_utf16().collect::<Vec<_>>().into_iter()
}

fn json(text: &str) -> String {
    let mut out = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b @ (b'"' | b'\\')) => out.extend(['\\', b as char]),
            Ok(b'\n') => out.push_str("\\n"),
            Ok(b'\r') => out.push_str("\\r"),
            Ok(b'\t') => out.push_str("\\t"),
            Ok(b @ 0x20..=0x7e) => out.push(b as char),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out
}
