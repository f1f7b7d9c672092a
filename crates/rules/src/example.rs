//! Example keys made from templates and a seed, so that no key-shaped text has to stand in a file.
//!
//! # Grammar
//!
//! A template is text with placeholders:
//!
//! | placeholder | expands to |
//! |---|---|
//! | `{alnum:N}` | N of `A-Za-z0-9` |
//! | `{upper:N}` `{lower:N}` | N letters |
//! | `{upnum:N}` `{lownum:N}` | N letters of one case or digits |
//! | `{digit:N}` `{hex:N}` `{HEX:N}` | N digits; of hexadecimal in lower or upper case |
//! | `{base32:N}` | N of `A-Z2-7` |
//! | `{base64:N}` `{base64url:N}` | N of base64's alphabets, no padding; the last is a letter or digit |
//! | `{bech32:N}` | N of bech32's alphabet, upper case |
//! | `{chars:SET:N}` | N of the characters of SET |
//! | `{uuid}` | a random UUID, lower case |
//! | `{b64:TEXT}` `{b64url:TEXT}` | base64 with padding, base64url without, of TEXT, which is a template |
//! | `{token:TEXT}` | TEXT, with a `{checksum:N}` in it that covers TEXT alone |
//! | `{spelled:HEX:N}` `{spelled:HEX:N:HEX}` | the rule's checksum's spelling of N random bytes with those before and behind them |
//! | `{bytes:HEX}` `{bytes:HEX:N}` `{bytes:HEX:N:HEX}` | bytes in hexadecimal digits, N random ones, bytes again |
//! | `{checksum:N}` | the N characters that the rule's checksum puts there |
//!
//! A `{` that is not followed by a lower-case name and `:` or `}` stands for itself, so JSON can be written as it is.
//!
//! ```
//! use exfilter_engine::Checksum;
//! use exfilter_rules::example::expand;
//!
//! let token = expand("npm_{alnum:30}{checksum:6}", Some(Checksum::Crc32Base62), 1)?;
//! assert!(Checksum::Crc32Base62.verify(&token));
//! assert_eq!(token, expand("npm_{alnum:30}{checksum:6}", Some(Checksum::Crc32Base62), 1)?);
//! # Ok::<(), exfilter_rules::example::TemplateError>(())
//! ```

use std::fmt;

use exfilter_engine::Checksum;

/// Expands a template. The same template, checksum and seed give the same text everywhere.
///
/// # Errors
///
/// [`TemplateError`] for a placeholder that is not in the grammar, or a `{checksum:N}` without a checksum that has its
/// place there.
pub fn expand(template: &str, checksum: Option<Checksum>, seed: u64) -> Result<Vec<u8>, TemplateError> {
    if template.len() > LONGEST {
        return Err(TemplateError::new(format!("a template is at most {LONGEST} bytes long")));
    }
    let mut expander = Expander { random: Random(seed), checksum, place: None, nested: 0, out: Vec::new() };
    expander.text(template)?;
    expander.fill(0)?;
    Ok(expander.out)
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    message: String,
}

impl TemplateError {
    fn new(message: impl Into<String>) -> TemplateError {
        TemplateError { message: message.into() }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}

/// The longest run a placeholder makes, in characters: twice the longest match of any rule.
const LONGEST: usize = 4096;

/// The longest text a template makes, in bytes.
const LONGEST_TEXT: usize = 16 * LONGEST;

/// How deep `{b64:TEXT}` nests.
const DEEPEST: usize = 4;

const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct Expander {
    random: Random,
    checksum: Option<Checksum>,
    /// Where `{checksum:N}` stands and N.
    place: Option<(usize, usize)>,
    /// The number of `{b64:` whose text is being made.
    nested: usize,
    out: Vec<u8>,
}

impl Expander {
    fn text(&mut self, template: &str) -> Result<(), TemplateError> {
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            self.out.extend_from_slice(&rest.as_bytes()[..open]);
            rest = &rest[open..];
            if !is_placeholder(rest) {
                self.out.push(b'{');
                rest = &rest[1..];
                continue;
            }
            let close =
                closing(rest).ok_or_else(|| TemplateError::new("a placeholder has no closing brace"))?;
            let inner = &rest[1..close];
            let (name, argument) = inner.split_once(':').unwrap_or((inner, ""));
            self.placeholder(name, argument)?;
            rest = &rest[close + 1..];
            if self.out.len() > LONGEST_TEXT {
                return Err(TemplateError::new(format!("a template makes at most {LONGEST_TEXT} bytes")));
            }
        }
        self.out.extend_from_slice(rest.as_bytes());
        Ok(())
    }

    fn placeholder(&mut self, name: &str, argument: &str) -> Result<(), TemplateError> {
        let alphabet = match name {
            "alnum" => &BASE64[..62],
            "upper" => &BASE64[..26],
            "lower" => &BASE64[26..52],
            "upnum" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
            "lownum" => "abcdefghijklmnopqrstuvwxyz0123456789",
            "digit" => "0123456789",
            "hex" => "0123456789abcdef",
            "HEX" => "0123456789ABCDEF",
            "base32" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            "base64" => BASE64,
            "base64url" => BASE64URL,
            "bech32" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
            "chars" => argument.rsplit_once(':').map_or("", |(set, _)| set),
            "uuid" => return self.uuid(),
            "b64" | "b64url" => return self.base64(argument, name == "b64"),
            "token" => return self.token(argument),
            "spelled" => return self.spelled(argument),
            "bytes" => {
                let bytes = self.bytes(argument).ok_or_else(|| {
                    TemplateError::new(
                        "write {bytes:HEX:N}: bytes in hexadecimal digits, then how many random ones",
                    )
                })?;
                self.out.extend(bytes);
                return Ok(());
            }
            "checksum" => {
                let len = length(argument)?;
                if self.place.replace((self.out.len(), len)).is_some() {
                    return Err(TemplateError::new("a template has one {checksum:N} at most"));
                }
                self.out.extend(std::iter::repeat_n(b'0', len));
                return Ok(());
            }
            _ => return Err(TemplateError::new(format!("{{{name}}} is not a placeholder"))),
        };
        if alphabet.is_empty() || !alphabet.is_ascii() {
            return Err(TemplateError::new("write {chars:SET:N} with ASCII characters in SET"));
        }
        let len = length(argument.rsplit(':').next().unwrap_or(""))?;
        let alphabet = alphabet.as_bytes();
        for at in 0..len {
            let ends_alphanumeric = name.starts_with("base64") && at + 1 == len;
            let letters = if ends_alphanumeric { &alphabet[..62] } else { alphabet };
            self.out.push(letters[self.random.below(letters.len())]);
        }
        Ok(())
    }

    fn uuid(&mut self) -> Result<(), TemplateError> {
        for (at, len) in [8, 4, 4, 4, 12].into_iter().enumerate() {
            if at > 0 {
                self.out.push(b'-');
            }
            self.placeholder("hex", &len.to_string())?;
        }
        Ok(())
    }

    /// A token whose checksum covers it alone.
    fn token(&mut self, inner: &str) -> Result<(), TemplateError> {
        if self.place.is_some() || self.nested == DEEPEST {
            return Err(TemplateError::new("{token:TEXT} stands in others, or behind a {checksum:N}"));
        }
        let start = self.out.len();
        self.nested += 1;
        self.text(inner)?;
        self.nested -= 1;
        self.fill(start)
    }

    /// Puts the checksum where `{checksum:N}` stands, of what was written from `start` on.
    fn fill(&mut self, start: usize) -> Result<(), TemplateError> {
        let Some((at, len)) = self.place.take() else { return Ok(()) };
        let at = at - start;
        let before = self.out[start..].to_vec();
        let after = &mut self.out[start..];
        let filled = self.checksum.is_some_and(|checksum| checksum.fill(after));
        let outside = |bytes: &[u8]| [&bytes[..at], &bytes[at + len..]].concat();
        if !filled || outside(&before) != outside(after) {
            return Err(TemplateError::new(
                "{checksum:N} does not stand where the rule's checksum has its place",
            ));
        }
        Ok(())
    }

    fn spelled(&mut self, argument: &str) -> Result<(), TemplateError> {
        let spelled =
            self.bytes(argument).and_then(|bytes| self.checksum.and_then(|checksum| checksum.spell(&bytes)));
        let fault = || TemplateError::new("write {spelled:HEX:N} in a rule with base58check or bip39");
        self.out.extend(spelled.ok_or_else(fault)?);
        Ok(())
    }

    /// `HEX:N:HEX`: given bytes, random bytes, given bytes; what follows the first may be missing.
    fn bytes(&mut self, argument: &str) -> Option<Vec<u8>> {
        let hex = |text: &str| -> Option<Vec<u8>> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
        };
        let mut parts = argument.split(':');
        let mut bytes = hex(parts.next()?)?;
        let len = length(parts.next().unwrap_or("0")).ok()?;
        bytes.extend((0..len).map(|_| self.random.below(256) as u8));
        bytes.extend(hex(parts.next().unwrap_or(""))?);
        Some(bytes)
    }

    fn base64(&mut self, inner: &str, standard: bool) -> Result<(), TemplateError> {
        if self.nested == DEEPEST {
            return Err(TemplateError::new(format!("{{b64:}} stands in {DEEPEST} others; write fewer")));
        }
        let start = self.out.len();
        self.nested += 1;
        self.text(inner)?;
        self.nested -= 1;
        let bytes = self.out.split_off(start);
        let alphabet = if standard { BASE64 } else { BASE64URL }.as_bytes();
        for group in bytes.chunks(3) {
            let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for digit in 0..4 {
                if digit <= group.len() {
                    self.out.push(alphabet[(bits >> (18 - 6 * digit)) as usize & 63]);
                } else if standard {
                    self.out.push(b'=');
                }
            }
        }
        Ok(())
    }
}

/// Whether a text that begins with `{` begins with a placeholder.
fn is_placeholder(text: &str) -> bool {
    if text.starts_with("{HEX:") {
        return true;
    }
    let name = text[1..].bytes().take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit()).count();
    name > 0 && matches!(text.as_bytes().get(1 + name), Some(b':' | b'}'))
}

/// Where the brace that closes the first one stands.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn length(text: &str) -> Result<usize, TemplateError> {
    text.parse().ok().filter(|len| *len <= LONGEST).ok_or_else(|| {
        TemplateError::new(format!("a placeholder takes a length of at most {LONGEST}, as in {{hex:32}}"))
    })
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 33) as usize % bound
    }
}
