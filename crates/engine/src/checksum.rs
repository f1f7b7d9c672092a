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
//! syt_ bbbb..bb _ CCCCCC              base62 of CRC-32(prefix b)
//! AGE-SECRET-KEY-1 bbbb..bb CCCCCC    bech32
//! SU bbbb..bb CCCC                    base32 of all bytes and their CRC-16
//! bbbb..bb +ASt CCCCCC ==             base64 of all bytes and their Marvin hash, seeded by the service
//! bbbb..bb JQQJ99 mmmm CCCC           the same in Azure's newer layout
//! xprv bbbb..bb                       base58 of all bytes and the first four of their doubled SHA-256
//! ```
//!
//! Some say only that a structure is right and whole: of a JSON web token, a macaroon, a PEM block, the words of a wallet.

mod azure;
mod base58;
mod bech32;
mod crc16;
mod json;
mod pem;
mod structure;
#[cfg(test)]
mod tests;
mod words;

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
    /// The last 6 characters, after a `_`, are base62 of the CRC-32 of all before that `_`: Matrix's Synapse.
    Crc32HeadBase62,
    /// The same with the digits of base62 in reverse, least first, padded with `0` in front: Matrix's authentication service.
    Crc32HeadReversed,
    /// Base32 without padding of bytes whose last two are the CRC-16 (XMODEM), least byte first, of those before: NATS' and Stellar's seeds.
    Crc16Base32,
    /// Base64 of bytes whose last four are their Marvin hash, with a seed of the service that the four characters before the last six
    /// name; or the newer layout with `JQQJ9` in the middle, whose checksum is spelled in base62: keys of Azure.
    AzureMarvin,
    /// Base58 of bytes whose last four begin the SHA-256 of the SHA-256 of those before: Bitcoin's keys.
    Base58Check,
    /// The bech32 checksum of [BIP-173]: age's secret keys, Nostr's.
    ///
    /// [BIP-173]: https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki
    Bech32,
    /// The part before the first `.` is base64url of a JSON object that has a string under `alg`, and behind the second `.` stands a signature
    /// as long as that needs at least: JSON web tokens. What follows the first thousand characters of the second part may be missing.
    Jwt,
    /// `pypi-` and base64url of a version 2 macaroon issued by `pypi.org` or `test.pypi.org`, up to its signature.
    PypiMacaroon,
    /// Base64 or base64url of a version 1 macaroon: packets from `location` and `identifier` to `signature`. What follows the first 800
    /// characters may be missing.
    Macaroon,
    /// `T3BlbkFJ`, base64 of the provider's name, in the middle: as many characters behind it as between it and the last `-` of the prefix
    /// (20, 58 or 74): OpenAI's keys.
    OpenAi,
    /// From `eyJ` on base64 or base64url of a whole JSON object, perhaps behind a prefix: Grafana's and 1Password's tokens.
    Base64Json,
    /// A private key in PEM that is whole, or of which 400 characters are there: more than half of any key of elliptic curves, and less than
    /// what gives an RSA key away.
    Pem,
    /// 12, 15, 18, 21 or 24 English words of [BIP-39] whose checksum is valid.
    ///
    /// [BIP-39]: https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki
    Bip39,
}

impl Checksum {
    /// Every construction, in the order of declaration.
    pub const ALL: [Checksum; 20] = [
        Checksum::Crc32Base62,
        Checksum::Sha256Base32,
        Checksum::Crc32Base36,
        Checksum::Crc32LeHex,
        Checksum::Crc32UpperHex,
        Checksum::Crc32LeBase64,
        Checksum::Crc32BodyHex,
        Checksum::Crc32HeadBase62,
        Checksum::Crc32HeadReversed,
        Checksum::Crc16Base32,
        Checksum::AzureMarvin,
        Checksum::Base58Check,
        Checksum::Bech32,
        Checksum::Jwt,
        Checksum::PypiMacaroon,
        Checksum::Macaroon,
        Checksum::OpenAi,
        Checksum::Base64Json,
        Checksum::Pem,
        Checksum::Bip39,
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
            Checksum::Crc32HeadBase62 => "crc32-head-base62",
            Checksum::Crc32HeadReversed => "crc32-head-reversed",
            Checksum::Crc16Base32 => "crc16-base32",
            Checksum::AzureMarvin => "azure-marvin",
            Checksum::Base58Check => "base58check",
            Checksum::Bech32 => "bech32",
            Checksum::Jwt => "jwt",
            Checksum::PypiMacaroon => "pypi-macaroon",
            Checksum::Macaroon => "macaroon",
            Checksum::OpenAi => "openai",
            Checksum::Base64Json => "base64-json",
            Checksum::Pem => "pem",
            Checksum::Bip39 => "bip39",
        }
    }

    /// Whether `value` carries a valid checksum or structure. Never panics, for any bytes, and takes time linear
    /// in their number.
    pub fn verify(self, value: &[u8]) -> bool {
        match self {
            Checksum::Jwt => structure::jwt(value),
            Checksum::PypiMacaroon => structure::pypi_macaroon(value),
            Checksum::Macaroon => structure::macaroon(value),
            Checksum::OpenAi => structure::openai(value),
            Checksum::Base64Json => structure::base64_json(value),
            Checksum::Pem => pem::verify(value),
            Checksum::Bip39 => words::verify(value),
            Checksum::Base58Check => base58::verify(value),
            Checksum::AzureMarvin => azure::verify(value),
            _ => self
                .place(value)
                .and_then(|place| Some(self.text(value, place.clone())?.as_bytes() == value.get(place)?))
                .unwrap_or(false),
        }
    }

    /// Whether a value that verifies says itself that it opens nothing: a JSON web token whose time is over, or without a signature. It is no surer than its rule.
    pub fn is_spent(self, value: &[u8]) -> bool {
        self == Checksum::Jwt && (structure::jwt_expired(value) || structure::jwt_unsigned(value))
    }

    /// Whether a value that verifies says itself that it opens nothing without something else: a private key under a passphrase. It is one step less sure than its rule.
    pub fn is_locked(self, value: &[u8]) -> bool {
        self == Checksum::Pem && pem::is_locked(value)
    }

    /// Whether the checksum covers a token to its end, so that only one end can verify; else it says nothing of where the token ends.
    pub fn ends_token(self) -> bool {
        !matches!(
            self,
            Checksum::Jwt
                | Checksum::PypiMacaroon
                | Checksum::Macaroon
                | Checksum::OpenAi
                | Checksum::Base64Json
                | Checksum::Pem
                | Checksum::Bip39
        )
    }

    /// Whether a value whose first bytes are `head` (32 of them, or all there are) can verify: cheap, and never wrong about one that does.
    pub(crate) fn may_begin(self, head: &[u8]) -> bool {
        match self {
            Checksum::Jwt => {
                let mut buffer = [0; 9];
                let json = head.get(..12).and_then(|head| structure::base64url(head, &mut buffer));
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
    /// For making examples and tests: what stands at the place does not matter, but for bits of the body in a first character of base32. Where a checksum has no place of its own (base58check, words,
    /// structures) there is none.
    pub fn fill(self, token: &mut [u8]) -> bool {
        let Some(place) = self.place(token) else { return false };
        let Some(text) = self.text(token, place.clone()) else { return false };
        token[place].copy_from_slice(text.as_bytes());
        true
    }

    /// Spells bytes as a token with its checksum, in constructions that have no place of their own for one: base58check, and the words of
    /// an entropy of 16, 20, 24, 28 or 32 bytes. For making examples and tests.
    pub fn spell(self, bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            Checksum::Base58Check => base58::spell(bytes),
            Checksum::Bip39 => words::spell(bytes),
            _ => None,
        }
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

    /// The digest by which a public key in PEM is known: of the first characters of its body.
    pub(crate) fn pem_digest(value: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        pem::body(value, pem::KNOWN_BY, |char| {
            hasher.update(&[char]);
        });
        hasher.finalize()
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
            Checksum::Crc32HeadBase62 | Checksum::Crc32HeadReversed => after(b'_', 6),
            Checksum::Crc16Base32 => crc16::place(token),
            Checksum::AzureMarvin => azure::place(token),
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
            Checksum::Base58Check
            | Checksum::Jwt
            | Checksum::PypiMacaroon
            | Checksum::Macaroon
            | Checksum::OpenAi
            | Checksum::Base64Json
            | Checksum::Pem
            | Checksum::Bip39 => None,
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
            Checksum::Crc32HeadBase62 => Text::number(crc32fast::hash(before.strip_suffix(b"_")?), BASE62, 6),
            Checksum::Crc32HeadReversed => {
                Text::number(crc32fast::hash(before.strip_suffix(b"_")?), BASE62, 6).reversed()
            }
            Checksum::Crc16Base32 => crc16::text(token, place)?,
            Checksum::AzureMarvin => azure::text(token)?,
            Checksum::Bech32 => bech32::text(token, place)?,
            Checksum::Base58Check
            | Checksum::Jwt
            | Checksum::PypiMacaroon
            | Checksum::Macaroon
            | Checksum::OpenAi
            | Checksum::Base64Json
            | Checksum::Pem
            | Checksum::Bip39 => return None,
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

    /// A number's digits from the least on, but for what it was padded with in front.
    fn reversed(mut self) -> Text {
        let zeros = self.as_bytes().iter().take_while(|b| **b == b'0').count();
        self.bytes[zeros..self.len].reverse();
        self
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn first(token: &[u8], byte: u8) -> Option<usize> {
    token.iter().position(|&b| b == byte)
}
