//! [`FindingId`]: a name for a finding that says nothing of the value, the same wherever and whenever it is found.

use std::fmt;
use std::str::FromStr;

/// A name for what was found: `exf1-` and 26 characters of base32.
///
/// For a value that nobody can guess it is a digest of the rule and the value, so it stays when the value moves to another line or file, and is the same
/// on every machine. A weaker value could be guessed from such a digest; its id is one of the rule, the path and the line around it, see
/// [`FindingId::of_line`]. The id of an enrolled secret depends on the store's key and means something on this machine only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId([u8; 16]);

/// What a value must at least take to guess for its digest to be told, in bits.
pub(crate) const STRONG: f64 = 80.0;

const MARK: &str = "exf1-";
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Characters behind the mark: five bits each.
const LEN: usize = 26;

impl FindingId {
    /// The id of a strong value that a rule found.
    pub(crate) fn of_value(rule: &str, value: &[u8]) -> FindingId {
        FindingId::digest("exfilter 2026-11 finding: rule and value", &[rule.as_bytes(), value])
    }

    /// The id of an enrolled secret, of its keyed fingerprint.
    pub(crate) fn of_secret(mac: &[u8; 16]) -> FindingId {
        FindingId::digest("exfilter 2026-11 finding: enrolled secret", &[mac])
    }

    /// The id of a weak value that a rule found in a file: of the line it stands in, `line`, from which the caller has taken the value out. White space at
    /// its ends does not count.
    #[must_use]
    pub fn of_line(rule: &str, path: &[u8], line: &[u8]) -> FindingId {
        FindingId::digest(
            "exfilter 2026-11 finding: rule, path and line",
            &[rule.as_bytes(), path, line.trim_ascii()],
        )
    }

    fn digest(context: &str, parts: &[&[u8]]) -> FindingId {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        FindingId(id)
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MARK)?;
        let bits = u128::from_be_bytes(self.0);
        for place in 0..LEN {
            // The last character has three bits of its own.
            let shift = 123_i32 - 5 * place as i32;
            let five = if shift >= 0 { bits >> shift } else { bits << -shift };
            write!(f, "{}", char::from(ALPHABET[(five & 31) as usize]))?;
        }
        Ok(())
    }
}

/// It is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFindingId;

impl fmt::Display for NoFindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is `exf1-` and 26 characters of base32")
    }
}

impl std::error::Error for NoFindingId {}

impl FromStr for FindingId {
    type Err = NoFindingId;

    fn from_str(text: &str) -> Result<FindingId, NoFindingId> {
        let digits = text.strip_prefix(MARK).filter(|digits| digits.len() == LEN).ok_or(NoFindingId)?;
        let mut bits = 0_u128;
        for (place, digit) in digits.bytes().enumerate() {
            let five = ALPHABET.iter().position(|c| *c == digit).ok_or(NoFindingId)? as u128;
            if place + 1 < LEN {
                bits = bits << 5 | five;
            } else if five & 3 == 0 {
                bits = bits << 3 | five >> 2;
            } else {
                return Err(NoFindingId);
            }
        }
        Ok(FindingId(bits.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        for n in 0..50_u8 {
            let id = FindingId::of_value("rule", &[n]);
            let text = id.to_string();
            assert_eq!(text.len(), 31);
            assert_eq!(text.parse(), Ok(id));
        }
        for text in ["", "exf1-", "exf1-aaaaaaaaaaaaaaaaaaaaaaaaa1", "exf1-aaaaaaaaaaaaaaaaaaaaaaaaab"] {
            assert_eq!(text.parse::<FindingId>(), Err(NoFindingId), "{text}");
        }
    }

    #[test]
    fn parts_are_told_apart() {
        let ids = [
            FindingId::of_line("a", b"bc", b"d"),
            FindingId::of_line("ab", b"c", b"d"),
            FindingId::of_line("a", b"b", b"cd"),
            FindingId::of_value("a", b"bc"),
        ];
        for (i, id) in ids.iter().enumerate() {
            assert!(!ids[..i].contains(id));
        }
        assert_eq!(FindingId::of_line("a", b"b", b"  c\r"), FindingId::of_line("a", b"b", b"c"));
    }
}
