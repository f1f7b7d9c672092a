//! [`Checksum`]: constructions inside tokens that can be verified offline.
//!
//! Most issuers that add a checksum take a CRC-32 (IEEE, as in zlib) of a part of the token and spell it in some
//! base at the end. The list is closed: a rule file names one, it cannot describe a new one.
//!
//! ```text
//! ghp_ bbbb..bb CCCCCC                base62 of CRC-32(b)
//! github_pat_ bbbb..bb CCCCCCCC rrrrrrrr    base32 of SHA-256(prefix b)
//! glpat- pppp.VV.LL CCCCCCC           base36 of CRC-32(all before)
//! glsa_ bbbb..bb _ CCCCCCCC           hex of CRC-32(prefix b), least byte first
//! ATATT3 bbbb..bb = CCCCCCCC          upper hex of CRC-32(all before)
//! cflt bbbb..bb CCCCCC                base64 of CRC-32(b), least byte first
//! zpka_ bbbb..bb _ CCCCCCCC           hex of CRC-32(b)
//! AGE-SECRET-KEY-1 bbbb..bb CCCCCC    bech32
//! ```

use std::ops::Range;

use sha2::{Digest, Sha256};

/// The closed list of constructions a rule may name.
///
/// A verified checksum raises a match to high confidence and frees it from its boundaries; a failed one lowers
/// it and never drops it, because issuers change formats. A random token passes a CRC-32 with a probability of 2^-32.
///
/// # Examples
///
/// ```
/// use exfilter_engine::Checksum;
///
/// let mut token = b"npm_000000000000000000000000000000......".to_vec();
/// assert!(!Checksum::Crc32Base62.verify(&token));
/// assert!(Checksum::Crc32Base62.fill(&mut token));
/// assert!(Checksum::Crc32Base62.verify(&token));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Checksum {
    /// The last 6 characters are base62 (`0-9A-Za-z`, padded with `0`) of the CRC-32 of what stands between the
    /// first `_` and them: GitHub, npm, Vercel.
    Crc32Base62,
    /// Characters 77 to 84 of 93 are the first 8 of base32(SHA-256(characters 0 to 76)): GitHub's fine-grained tokens.
    Sha256Base32,
    /// The last 7 characters are base36 (`0-9a-z`, padded with `0`) of the CRC-32 of all before them; a `.` and
    /// two characters of length stand before: GitLab's routable tokens.
    Crc32Base36,
    /// The last 8 characters are lower hex of the CRC-32, least byte first, of all before the `_` before them: Grafana.
    Crc32LeHex,
    /// The last 8 characters are upper hex of the CRC-32 of all before them, the `=` included: Atlassian.
    Crc32UpperHex,
    /// The last 6 characters are base64 of the CRC-32, least byte first, of the characters between a
    /// four-character prefix and them: Confluent.
    Crc32LeBase64,
    /// The last 8 characters, after a `_`, are lower hex of the CRC-32 of what stands after the first `_`: Zuplo.
    Crc32BodyHex,
    /// The bech32 checksum of [BIP-173]: age's secret keys.
    ///
    /// [BIP-173]: https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki
    Bech32,
    /// The part before the first `.` is base64url of a JSON object that has a string under `alg`: JSON web tokens,
    /// which may be cut anywhere after that `.`.
    Jwt,
    /// `pypi-` and base64url of a version 2 macaroon issued by `pypi.org` or `test.pypi.org`.
    PypiMacaroon,
}

impl Checksum {
    /// Every construction, in the order of declaration.
    pub const ALL: [Checksum; 10] = [
        Checksum::Crc32Base62,
        Checksum::Sha256Base32,
        Checksum::Crc32Base36,
        Checksum::Crc32LeHex,
        Checksum::Crc32UpperHex,
        Checksum::Crc32LeBase64,
        Checksum::Crc32BodyHex,
        Checksum::Bech32,
        Checksum::Jwt,
        Checksum::PypiMacaroon,
    ];

    /// The word used in rule files.
    pub fn as_str(self) -> &'static str {
        match self {
            Checksum::Crc32Base62 => "crc32-base62",
            Checksum::Sha256Base32 => "sha256-base32",
            Checksum::Crc32Base36 => "crc32-base36",
            Checksum::Crc32LeHex => "crc32-le-hex",
            Checksum::Crc32UpperHex => "crc32-upper-hex",
            Checksum::Crc32LeBase64 => "crc32-le-base64",
            Checksum::Crc32BodyHex => "crc32-body-hex",
            Checksum::Bech32 => "bech32",
            Checksum::Jwt => "jwt",
            Checksum::PypiMacaroon => "pypi-macaroon",
        }
    }

    /// Whether `value` carries a valid checksum or structure. Never panics, for any bytes, and takes time linear
    /// in their number.
    pub fn verify(self, value: &[u8]) -> bool {
        match self {
            Checksum::Jwt => jwt(value),
            Checksum::PypiMacaroon => pypi_macaroon(value),
            _ => self
                .place(value)
                .and_then(|place| Some(self.text(value, place.clone())?.as_bytes() == value.get(place)?))
                .unwrap_or(false),
        }
    }

    /// Whether the checksum stands at a token's end, so that only one end can verify; else it says nothing of where the token ends.
    pub(crate) fn ends_token(self) -> bool {
        !matches!(self, Checksum::Jwt | Checksum::PypiMacaroon)
    }

    /// Whether a value whose first bytes are `head` (32 of them, or all there are) can verify: cheap, and never wrong about one that does.
    pub(crate) fn may_begin(self, head: &[u8]) -> bool {
        match self {
            Checksum::Jwt => {
                let mut buffer = [0; 9];
                let json = head.get(..12).and_then(|head| base64url(head, &mut buffer));
                let is_text =
                    |json: &[u8]| str::from_utf8(json).map_or_else(|e| e.error_len().is_none(), |_| true);
                json.is_some_and(|json| {
                    is_text(json) && json.iter().all(|b| *b >= b' ' || b.is_ascii_whitespace())
                })
            }
            Checksum::PypiMacaroon => [&b"pypi-AgEIcHlwaS5vcmcC"[..], b"pypi-AgENdGVzdC5weXBpLm9yZwI"]
                .iter()
                .any(|known| head.starts_with(known)),
            _ => true,
        }
    }

    /// Writes the valid checksum over the place of `token` where it belongs, and says whether there is such a place.
    ///
    /// For making examples and tests: what stands at the place does not matter.
    pub fn fill(self, token: &mut [u8]) -> bool {
        let Some(place) = self.place(token) else { return false };
        let Some(text) = self.text(token, place.clone()) else { return false };
        token[place].copy_from_slice(text.as_bytes());
        true
    }

    /// The number of the account that an AWS access key id belongs to, for ids issued since 2019 or so.
    ///
    /// `id` is four letters and 16 characters of base32. Older ids hold no account; they give some number below 2^40 too, so
    /// this compares accounts, it does not validate ids.
    pub fn aws_account(id: &[u8]) -> Option<u64> {
        if id.len() != 20 || !id[..4].iter().all(u8::is_ascii_uppercase) {
            return None;
        }
        let mut bits = 0u128;
        for &byte in &id[4..] {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'2'..=b'7' => byte - b'2' + 26,
                _ => return None,
            };
            bits = bits << 5 | u128::from(digit);
        }
        // 80 bits; the account is bits 1 to 40 of the first 48.
        let first = (bits >> 32) as u64;
        Some((first & 0x7fff_ffff_ff80) >> 7)
    }

    /// How many characters of a token of this construction are the checksum.
    pub(crate) fn len(self, token: &[u8]) -> usize {
        self.place(token).map_or(0, |place| place.len())
    }

    /// Where the checksum stands in a token of this construction.
    fn place(self, token: &[u8]) -> Option<Range<usize>> {
        let len = token.len();
        let last = |n: usize| len.checked_sub(n).map(|start| start..len);
        let after = |byte: u8, n: usize| {
            let place = last(n)?;
            (*token.get(place.start.checked_sub(1)?)? == byte).then_some(place)
        };
        match self {
            Checksum::Crc32Base62 => {
                let body = first(token, b'_')? + 1;
                last(6).filter(|place| place.start > body)
            }
            Checksum::Sha256Base32 => (len == 93).then_some(77..85),
            Checksum::Crc32Base36 => {
                last(7).filter(|place| place.start > 3 && token[place.start - 3] == b'.')
            }
            Checksum::Crc32LeHex => after(b'_', 8),
            Checksum::Crc32BodyHex => {
                let place = after(b'_', 8)?;
                (first(token, b'_')? + 1 < place.start).then_some(place)
            }
            Checksum::Crc32UpperHex => after(b'=', 8),
            Checksum::Crc32LeBase64 => last(6).filter(|place| place.start > 4),
            Checksum::Bech32 => {
                let separator = token.iter().rposition(|&b| b == b'1')?;
                last(6).filter(|place| place.start > separator)
            }
            Checksum::Jwt | Checksum::PypiMacaroon => None,
        }
    }

    /// What has to stand at `place`.
    fn text(self, token: &[u8], place: Range<usize>) -> Option<Text> {
        let before = token.get(..place.start)?;
        let text = match self {
            Checksum::Crc32Base62 => {
                let body = before.get(first(token, b'_')? + 1..)?;
                Text::number(crc32fast::hash(body), BASE62, 6)
            }
            Checksum::Sha256Base32 => {
                let digest = Sha256::digest(before);
                let mut bits = 0u64;
                for &byte in digest.iter().take(5) {
                    bits = bits << 8 | u64::from(byte);
                }
                Text::new(8, |i| BASE32[(bits >> (35 - 5 * i)) as usize & 31])
            }
            Checksum::Crc32Base36 => Text::number(crc32fast::hash(before), BASE36, 7),
            Checksum::Crc32LeHex => {
                Text::number(crc32fast::hash(before.strip_suffix(b"_")?).swap_bytes(), HEX, 8)
            }
            Checksum::Crc32UpperHex => Text::number(crc32fast::hash(before), UPPER_HEX, 8),
            Checksum::Crc32LeBase64 => {
                let crc = crc32fast::hash(before.get(4..)?).swap_bytes();
                let bits = u64::from(crc) << 4;
                Text::new(6, |i| BASE64[(bits >> (30 - 6 * i)) as usize & 63])
            }
            Checksum::Crc32BodyHex => {
                let body = before.get(first(token, b'_')? + 1..)?.strip_suffix(b"_")?;
                Text::number(crc32fast::hash(body), HEX, 8)
            }
            Checksum::Bech32 => bech32(token, place)?,
            Checksum::Jwt | Checksum::PypiMacaroon => return None,
        };
        Some(text)
    }
}

const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE36: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const HEX: &[u8] = b"0123456789abcdef";
const UPPER_HEX: &[u8] = b"0123456789ABCDEF";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// The text of a checksum: at most 8 characters.
struct Text {
    bytes: [u8; 8],
    len: usize,
}

impl Text {
    /// `len <= 8` characters, from the function of their index.
    fn new(len: usize, at: impl Fn(usize) -> u8) -> Text {
        let mut bytes = [0; 8];
        for (i, byte) in bytes.iter_mut().take(len).enumerate() {
            *byte = at(i);
        }
        Text { bytes, len }
    }

    /// `number` in the base of the alphabet's length, padded to `len <= 8` digits.
    fn number(number: u32, alphabet: &[u8], len: usize) -> Text {
        let base = alphabet.len() as u64;
        let mut text = Text { bytes: [0; 8], len };
        let mut rest = u64::from(number);
        for byte in text.bytes[..len].iter_mut().rev() {
            *byte = alphabet[(rest % base) as usize];
            rest /= base;
        }
        text
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn first(token: &[u8], byte: u8) -> Option<usize> {
    token.iter().position(|&b| b == byte)
}

/// The six characters that make the bech32 text valid, in the case of the text.
fn bech32(token: &[u8], place: Range<usize>) -> Option<Text> {
    let separator = token[..place.start].iter().rposition(|&b| b == b'1')?;
    let upper = token[..separator].iter().any(u8::is_ascii_uppercase);
    let (readable, data) = (&token[..separator], token.get(separator + 1..place.start)?);
    if readable.is_empty() || !readable.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let mut state = 1u32;
    let mut step = |value: u8| {
        let top = state >> 25;
        state = (state & 0x1ff_ffff) << 5 ^ u32::from(value);
        for (i, generator) in
            [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3].iter().enumerate()
        {
            if top >> i & 1 == 1 {
                state ^= generator;
            }
        }
    };
    for byte in readable {
        step(byte.to_ascii_lowercase() >> 5);
    }
    step(0);
    for byte in readable {
        step(byte.to_ascii_lowercase() & 31);
    }
    for byte in data {
        if byte.is_ascii_uppercase() != upper && byte.is_ascii_alphabetic() {
            return None;
        }
        step(BECH32.iter().position(|b| *b == byte.to_ascii_lowercase())? as u8);
    }
    for _ in 0..6 {
        step(0);
    }
    let checksum = state ^ 1;
    Some(Text::new(6, |i| {
        let byte = BECH32[(checksum >> (25 - 5 * i)) as usize & 31];
        if upper { byte.to_ascii_uppercase() } else { byte }
    }))
}

/// Decodes unpadded base64url into `out`, as far as it has room for whole groups of four characters; `None` for
/// a character outside the alphabet or an impossible length.
fn base64url<'a>(text: &[u8], out: &'a mut [u8]) -> Option<&'a [u8]> {
    let text = &text[..text.len().min(out.len() / 3 * 4)];
    if text.len() % 4 == 1 {
        return None;
    }
    let mut len = 0;
    for group in text.chunks(4) {
        let mut bits = 0u32;
        for &byte in group {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(digit);
        }
        bits <<= 6 * (4 - group.len());
        for i in 0..group.len() - 1 {
            out[len] = (bits >> (16 - 8 * i)) as u8;
            len += 1;
        }
    }
    Some(&out[..len])
}

/// The longest header of a JSON web token that is looked at, in characters of base64url.
const JWT_HEADER: usize = 1024;

fn jwt(value: &[u8]) -> bool {
    let Some(end) = value.iter().take(JWT_HEADER + 1).position(|&b| b == b'.') else { return false };
    let mut buffer = [0; JWT_HEADER / 4 * 3];
    base64url(&value[..end], &mut buffer).is_some_and(|header| {
        str::from_utf8(header).is_ok() && Json { rest: header }.has_alg().unwrap_or(false)
    })
}

fn pypi_macaroon(value: &[u8]) -> bool {
    let Some(text) = value.strip_prefix(b"pypi-") else { return false };
    let mut buffer = [0; 48];
    let Some(bytes) = base64url(text, &mut buffer) else { return false };
    // version, then the field `location` (1), then the field `identifier` (2), each with its length.
    [&b"\x02\x01\x08pypi.org\x02"[..], b"\x02\x01\x0dtest.pypi.org\x02"]
        .iter()
        .any(|head| bytes.starts_with(head))
}

/// A reader of JSON that keeps nothing. Every method gives `None` where the text is not JSON.
struct Json<'a> {
    rest: &'a [u8],
}

impl<'a> Json<'a> {
    /// How deep a value may nest.
    const DEPTH: u32 = 4;

    /// Whether the whole text is an object with a string under the key `alg`.
    fn has_alg(&mut self) -> Option<bool> {
        let mut found = false;
        self.space();
        self.eat(b'{')?;
        self.space();
        if self.eat(b'}').is_none() {
            loop {
                self.space();
                let key = self.string()?;
                self.colon()?;
                found |= key == b"alg" && self.rest.first() == Some(&b'"');
                self.value(Json::DEPTH)?;
                self.space();
                if self.eat(b',').is_none() {
                    break;
                }
            }
            self.eat(b'}')?;
        }
        self.space();
        Some(found && self.rest.is_empty())
    }

    fn value(&mut self, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.rest.first()? {
            b'"' => self.string().map(drop),
            b'{' => self.items(b'{', b'}', |json| {
                json.string()?;
                json.colon()?;
                json.value(depth)
            }),
            b'[' => self.items(b'[', b']', |json| json.value(depth)),
            _ => {
                let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
                let len = self.rest.iter().take_while(|b| word(b)).count();
                let (text, rest) = self.rest.split_at(len);
                self.rest = rest;
                let number =
                    text.iter().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
                (!text.is_empty() && (number || matches!(text, b"true" | b"false" | b"null"))).then_some(())
            }
        }
    }

    fn items(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.eat(open)?;
        self.space();
        if self.eat(close).is_some() {
            return Some(());
        }
        loop {
            self.space();
            item(self)?;
            self.space();
            if self.eat(b',').is_none() {
                return self.eat(close);
            }
        }
    }

    /// A string, as it is spelled between its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.eat(b'"')?;
        let mut at = 0;
        loop {
            match self.rest.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                0..0x20 => return None,
                _ => at += 1,
            }
        }
        let text = &self.rest[..at];
        self.rest = &self.rest[at + 1..];
        Some(text)
    }

    fn colon(&mut self) -> Option<()> {
        self.space();
        self.eat(b':')?;
        self.space();
        Some(())
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    fn space(&mut self) {
        let len = self.rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
        self.rest = &self.rest[len..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CRC-32 bit by bit, most significant bit first on reflected bytes: shares nothing with `crc32fast`.
    fn crc32(bytes: &[u8]) -> u32 {
        let mut state = u32::MAX;
        for byte in bytes {
            state ^= u32::from(byte.reverse_bits()) << 24;
            for _ in 0..8 {
                let carry = state >> 31 == 1;
                state <<= 1;
                if carry {
                    state ^= 0x04c1_1db7;
                }
            }
        }
        (!state).reverse_bits()
    }

    fn digits(mut number: u32, base: u32, len: usize) -> String {
        let mut out = Vec::new();
        while number > 0 {
            let digit = (number % base) as u8;
            out.push(match (base, digit) {
                (_, 0..=9) => b'0' + digit,
                (36, _) => b'a' + digit - 10,
                (_, 10..=35) => b'A' + digit - 10,
                _ => b'a' + digit - 36,
            });
            number /= base;
        }
        while out.len() < len {
            out.push(b'0');
        }
        out.reverse();
        String::from_utf8(out).unwrap()
    }

    fn body(len: usize, seed: u64) -> String {
        let mut state = seed;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                char::from(BASE62[(state >> 33) as usize % 62])
            })
            .collect()
    }

    #[track_caller]
    fn valid(checksum: Checksum, token: &str) {
        assert!(checksum.verify(token.as_bytes()), "{token}");
        let mut spoilt = token.as_bytes().to_vec();
        let place = checksum.place(&spoilt).unwrap();
        spoilt[place.clone()].fill(b'?');
        assert!(!checksum.verify(&spoilt), "{token}");
        assert!(checksum.fill(&mut spoilt), "{token}");
        assert_eq!(spoilt, token.as_bytes());
        for at in (0..token.len()).filter(|at| checksum != Checksum::Sha256Base32 || *at < 85) {
            let mut other = token.as_bytes().to_vec();
            other[at] = if other[at] == b'Z' { b'Y' } else { b'Z' };
            // A prefix that the construction leaves out may change.
            let free = match checksum {
                Checksum::Crc32Base62 | Checksum::Crc32BodyHex => {
                    at <= first(token.as_bytes(), b'_').unwrap()
                }
                Checksum::Crc32LeBase64 => at < 4,
                _ => false,
            };
            assert!(free || !checksum.verify(&other), "{token} at {at}");
        }
    }

    #[test]
    fn crc_constructions() {
        for seed in 0..40 {
            let b = body(30, seed);
            valid(Checksum::Crc32Base62, &format!("ghp_{b}{}", digits(crc32(b.as_bytes()), 62, 6)));
            let b = body(54, seed);
            let crc = crc32(b.as_bytes());
            let mut spelled = String::new();
            let bits: Vec<bool> = crc
                .to_le_bytes()
                .iter()
                .flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1 == 1))
                .collect();
            for six in bits.chunks(6) {
                let value = (0..6).fold(0, |v, i| v * 2 + usize::from(six.get(i).copied().unwrap_or(false)));
                spelled.push(char::from(BASE64[value]));
            }
            valid(Checksum::Crc32LeBase64, &format!("cflt{b}{spelled}"));
            let b = body(32, seed);
            let crc = crc32(format!("glsa_{b}").as_bytes()).to_le_bytes();
            valid(
                Checksum::Crc32LeHex,
                &format!("glsa_{b}_{:02x}{:02x}{:02x}{:02x}", crc[0], crc[1], crc[2], crc[3]),
            );
            valid(Checksum::Crc32BodyHex, &format!("zpka_{b}_{:08x}", crc32(b.as_bytes())));
            let head = format!("ATATT3{}=", body(180, seed));
            valid(Checksum::Crc32UpperHex, &format!("{head}{:08X}", crc32(head.as_bytes())));
            let head = format!("glpat-{}.01.0r", body(27, seed));
            valid(Checksum::Crc32Base36, &format!("{head}{}", digits(crc32(head.as_bytes()), 36, 7)));
        }
    }

    #[test]
    fn crc_of_the_standard_check_string() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn spellings_of_a_known_crc() {
        // CRC-32("hello") is 3610a686.
        for (checksum, blank, filled) in [
            (Checksum::Crc32BodyHex, "z_hello_........", "z_hello_3610a686"),
            (Checksum::Crc32Base62, "x_hello......", "x_hello0zNvy2"),
            (Checksum::Crc32LeBase64, "xxxxhello......", "xxxxhellohqYQNg"),
        ] {
            let mut token = blank.as_bytes().to_vec();
            assert!(checksum.fill(&mut token));
            assert_eq!(token, filled.as_bytes());
        }
    }

    #[test]
    fn sha256_of_a_known_text() {
        // FIPS 180: SHA-256("abc") begins ba7816bf 8f; its first 40 bits in base32 are XJ4BNP4P.
        let digest = Sha256::digest(b"abc");
        assert_eq!(digest[..5], [0xba, 0x78, 0x16, 0xbf, 0x8f]);
        let token = format!("github_pat_{}_{}", body(22, 7), body(59, 8));
        let mut bytes = token.into_bytes();
        assert!(Checksum::Sha256Base32.fill(&mut bytes));
        valid(Checksum::Sha256Base32, std::str::from_utf8(&bytes).unwrap());
    }

    #[test]
    fn bech32_of_published_texts() {
        // Valid texts of BIP-173.
        for text in [
            "A12UEL5L",
            "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
            "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
            "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
        ] {
            assert!(Checksum::Bech32.verify(text.as_bytes()), "{text}");
        }
        for text in ["A1G7SGD8", "x1b4n0q5v", "li1dgmt3", "A12UEL5Ll", "1qzzfhee"] {
            assert!(!Checksum::Bech32.verify(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn aws_accounts() {
        // Assembled so that no key-shaped text stands here. Both ids and accounts are published.
        for (head, tail, account) in
            [("ASIA", "QNZGKIQY56JQ7WML", 29_608_264_753), ("AKIA", "IOSFODNN7EXAMPLE", 581_039_954_779)]
        {
            assert_eq!(Checksum::aws_account(format!("{head}{tail}").as_bytes()), Some(account));
        }
        assert_eq!(Checksum::aws_account(b"AKIA0000000000000000"), None);
        assert_eq!(Checksum::aws_account(b"AKIA"), None);
    }

    #[test]
    fn jwt_headers() {
        let spell = |text: &str| {
            let mut out = String::new();
            for group in text.as_bytes().chunks(3) {
                let bits = (0..3).fold(0u32, |v, i| v << 8 | u32::from(group.get(i).copied().unwrap_or(0)));
                for i in 0..=group.len() {
                    let digit = BASE64[(bits >> (18 - 6 * i)) as usize & 63];
                    out.push(char::from(match digit {
                        b'+' => b'-',
                        b'/' => b'_',
                        other => other,
                    }));
                }
            }
            out
        };
        for good in [
            r#"{"alg":"HS256","typ":"JWT"}"#,
            r#"{ "typ" : "JWT", "alg" : "none" }"#,
            r#"{"crit":["b64",1.5e3],"x":{"y":[true,null,{}]},"alg":"RS256"}"#,
            r#"{"kid":"a\"b{","alg":"ES256"}"#,
        ] {
            assert!(Checksum::Jwt.verify(format!("{}.eyJ", spell(good)).as_bytes()), "{good}");
            assert!(Checksum::Jwt.verify(format!("{}.", spell(good)).as_bytes()), "{good}");
            assert!(!Checksum::Jwt.verify(spell(good).as_bytes()), "{good}");
            assert!(Checksum::Jwt.may_begin(spell(good).as_bytes()), "{good}");
        }
        for bad in [
            r#"{"typ":"JWT"}"#,
            r#"{"alg":1}"#,
            r#"{"alg":"HS256""#,
            r#"{"alg":"HS256"}x"#,
            r#"{"x":{"alg":"HS256"}}"#,
            r#"{"a":[[[[[[1]]]]]],"alg":"HS256"}"#,
            r#"["alg"]"#,
            "{}",
        ] {
            assert!(!Checksum::Jwt.verify(format!("{}.eyJ", spell(bad)).as_bytes()), "{bad}");
        }
    }

    #[test]
    fn pypi_macaroons() {
        assert!(Checksum::PypiMacaroon.verify(b"pypi-AgEIcHlwaS5vcmcCJDAwMDA"));
        assert!(Checksum::PypiMacaroon.verify(b"pypi-AgENdGVzdC5weXBpLm9yZwIkMDAwMA"));
        assert!(!Checksum::PypiMacaroon.verify(b"pypi-AgEIcHlwaS5vcmcBJDAwMDA"));
        assert!(!Checksum::PypiMacaroon.verify(b"pypi-AgE"));
        assert!(Checksum::PypiMacaroon.may_begin(b"pypi-AgEIcHlwaS5vcmcCJDAwMDA"));
        assert!(Checksum::PypiMacaroon.may_begin(b"pypi-AgENdGVzdC5weXBpLm9yZwIk"));
        assert!(!Checksum::PypiMacaroon.may_begin(b"pypi-AgEpypi-AgEpypi-AgE"));
    }

    #[test]
    fn total_on_any_bytes() {
        let mut state = 1u64;
        for round in 0..20_000 {
            let mut value = Vec::new();
            for _ in 0..round % 100 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let symbols = b"_.=1-AaZz09{\"\\\xff\x00eyJ";
                value.push(symbols[(state >> 40) as usize % symbols.len()]);
            }
            for checksum in Checksum::ALL {
                let verified = checksum.verify(&value);
                if checksum.fill(&mut value) {
                    assert!(checksum.verify(&value));
                } else if !matches!(checksum, Checksum::Jwt | Checksum::PypiMacaroon) {
                    assert!(!verified);
                }
            }
        }
    }
}
