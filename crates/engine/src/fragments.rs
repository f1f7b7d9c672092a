//! [`Fragments`]: windows of known secrets, and how many of a secret's characters they may cover before that is a finding.
//!
//! ```text
//! value    ghp_q8Zt4LmN0pR7sVx2...     windows begin behind the public prefix, at every character
//!              q8Zt4LmN                a key of eight bytes, 32 bits of whose keyed hash find it,
//!              q8Zt4LmN0               and as many more as make it improbable: the MAC of all of them proves it
//! covered      111111111...            a bit for each character behind the prefix
//! ```
//!
//! A window alone is nothing: it counts for what it covers. So that ordinary text covers nothing, a value must look as if it was drawn (no words), a window's
//! own characters must make [`WINDOW_BITS`], and of an address only the password counts; of settings and JSON nothing does, for which word is the secret one is a guess.

use std::ops::Range;

use exfilter_automaton::{Anchors, ByteSet, ByteSets, is_token, is_upper_or_digit};

use crate::checksum::Checksum;
use crate::secrets::{self, Enrolled, Keys};
use crate::session::{Covered, FragmentsId};
use crate::{fingerprint, weak};

/// Bytes by which a window is found.
pub(crate) const KEY: usize = 8;
/// The longest window, in bytes.
pub(crate) const WINDOW_MAX: usize = 16;
/// What the characters of a window must make if they were drawn, in bits: eight digits and letters of one case make 41.4, of both 47.6. Twenty secrets of forty characters have some 660 windows,
/// of which 10 GB of drawn characters hold one in nine times; a finding takes two that do not overlap, of one secret.
const WINDOW_BITS: f64 = 41.0;
/// What must be covered of a secret's characters: so many, and so many of a hundred.
const COVERED_MIN: u32 = 16;
const COVERED_PERCENT: u32 = 60;
/// How many windows may share a key before none of them is looked for: what many secrets have in common tells nothing of one.
const SHARED: usize = 8;

/// A value whose pieces are counted.
///
/// `start + part <= len <= secrets::PIECE`.
#[derive(Clone, Debug)]
pub(crate) struct Fragmented {
    pub(crate) secret: u32,
    pub(crate) id: FragmentsId,
    /// Length of the whole value, and its MAC.
    pub(crate) len: u32,
    pub(crate) mac: [u8; 16],
    /// Where its secret part begins, and how long that is.
    pub(crate) start: u32,
    pub(crate) part: u32,
    /// The MAC of that part.
    pub(crate) part_mac: [u8; 16],
    /// In the order of their places.
    pub(crate) windows: Vec<Window>,
}

/// A window of a secret part: `at + len` is at most that part's length, and `KEY <= len <= WINDOW_MAX`.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) at: u8,
    pub(crate) len: u8,
    pub(crate) tag: u32,
    pub(crate) mac: [u8; 16],
}

impl Fragmented {
    /// What is kept of a value for its pieces; nothing of one that has no part of enough characters, or whose words text may hold.
    pub(crate) fn new(keys: &Keys, secret: u32, value: &[u8]) -> Option<Fragmented> {
        let part = secret_part(value)?;
        let (start, bytes) = (part.start as u32, &value[part]);
        let windows: Vec<Window> = (0..bytes.len()).filter_map(|at| Window::new(keys, bytes, at)).collect();
        let mac = keys.mac(value);
        let id = keys.mac(&[&b"exfilter 2026-11 fragments of "[..], &mac].concat());
        let (len, part, part_mac) = (value.len() as u32, bytes.len() as u32, keys.mac(bytes));
        (!windows.is_empty()).then_some(Fragmented { secret, id, len, mac, start, part, part_mac, windows })
    }

    /// Whether so much of it is a finding.
    pub(crate) fn is_told_by(&self, covered: Covered) -> bool {
        let count = covered.count();
        count >= COVERED_MIN && count * 100 >= self.part * COVERED_PERCENT
    }

    /// Bytes from its beginning to its first window.
    fn head(&self) -> usize {
        self.start as usize + self.windows.first().map_or(0, |window| window.at.into())
    }
}

impl Window {
    fn new(keys: &Keys, part: &[u8], at: usize) -> Option<Window> {
        let key = part[at..].first_chunk::<KEY>()?;
        if !key.iter().all(|byte| is_token(*byte)) || !key.iter().any(|byte| is_upper_or_digit(*byte)) {
            return None;
        }
        let is_hex = part.iter().all(u8::is_ascii_hexdigit);
        let longest = WINDOW_MAX.min(part.len() - at);
        let len = (KEY..=longest).find(|len| drawn_bits(&part[at..at + len], is_hex) >= WINDOW_BITS)?;
        let mac = keys.mac(&part[at..at + len]);
        Some(Window { at: at as u8, len: len as u8, tag: keys.tag_at(part, at), mac })
    }
}

/// What characters make that were drawn from the classes that stand among them, in bits.
fn drawn_bits(bytes: &[u8], is_hex: bool) -> f64 {
    let has = |is: fn(&u8) -> bool| bytes.iter().any(is);
    let letters = if is_hex { 6.0 } else { 26.0 };
    let sizes = [
        (has(u8::is_ascii_digit), 10.0),
        (has(u8::is_ascii_lowercase), letters),
        (has(u8::is_ascii_uppercase), letters),
        (has(|byte| !byte.is_ascii_alphanumeric()), 2.0),
    ];
    let size: f64 = sizes.iter().filter(|(there, _)| *there).map(|(_, size)| size).sum();
    bytes.len() as f64 * size.max(1.0).log2()
}

/// The part of a value that only its owner knows, if pieces of it can be told from other text.
fn secret_part(value: &[u8]) -> Option<Range<usize>> {
    // Lines of a key are findings of their own, and some of them are public.
    if value.len() > secrets::PIECE
        || value.starts_with(b"-----BEGIN")
        || value.iter().any(u8::is_ascii_whitespace)
    {
        return None;
    }
    let part = if fingerprint::marks(value).is_some() {
        password(value)?
    } else if Checksum::Jwt.verify(value) {
        value.iter().rposition(|byte| *byte == b'.')? + 1..value.len()
    } else {
        // Before a colon stands whose it is.
        let named = value.iter().rposition(|byte| *byte == b':').map_or(0, |colon| colon + 1);
        weak::public_prefix(value).max(named)..value.len()
    };
    let is_long = part.len() >= COVERED_MIN as usize;
    (is_long && weak::looks_drawn(&value[part.clone()])).then_some(part)
}

/// The password of an address, or the user if there is no password: hosts and paths stand wherever it is spoken of.
fn password(value: &[u8]) -> Option<Range<usize>> {
    let start = value.windows(3).position(|there| there == b"://")? + 3;
    let end =
        value[start..].iter().position(|byte| b"/?#".contains(byte)).map_or(value.len(), |len| start + len);
    let at = start + value[start..end].iter().rposition(|byte| *byte == b'@')?;
    let colon = value[start..at].iter().position(|byte| *byte == b':');
    Some(colon.map_or(start, |colon| start + colon + 1)..at)
}

/// The pieces that an engine looks for.
pub(crate) struct Fragments {
    pub(crate) secrets: Vec<Fragmented>,
    anchors: Anchors,
    /// Of which secret and which of its windows an anchor is.
    places: Vec<(u32, u32)>,
    /// Characters of tokens; capitals and digits.
    sets: ByteSets<2>,
    /// Bytes of a value before its first window, at most; and of a whole value.
    pub(crate) head: usize,
    pub(crate) longest: usize,
}

/// A window that stands in some text.
pub(crate) struct Standing<'a> {
    /// Place in [`Fragments::secrets`].
    pub(crate) number: u32,
    pub(crate) window: &'a Window,
}

impl Fragments {
    /// None if there is nothing to look for.
    pub(crate) fn new(keys: &Keys, mut secrets: Vec<Fragmented>, enrolled: &[Enrolled]) -> Option<Fragments> {
        // The password of an address may be enrolled by itself, and be at home elsewhere.
        secrets
            .retain(|one| one.part == one.len || !enrolled.iter().any(|other| other.whole.0 == one.part_mac));
        let mut tags: Vec<(u32, (u32, u32))> = Vec::new();
        for (number, one) in secrets.iter().enumerate() {
            let tag = |(at, window): (usize, &Window)| (window.tag, (number as u32, at as u32));
            tags.extend(one.windows.iter().enumerate().map(tag));
        }
        tags.sort_unstable();
        let tags: Vec<_> =
            tags.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() <= SHARED).flatten().collect();
        if tags.is_empty() {
            return None;
        }
        let places = tags.iter().map(|(_, place)| *place).collect();
        let tags = tags.iter().enumerate().map(|(id, (tag, _))| (*tag, id as u32)).collect();
        let (mut token, mut rare) = (ByteSet::new(&[]), ByteSet::new(&[]));
        (0..=255).filter(|byte| is_token(*byte)).for_each(|byte| token.insert(byte));
        (0..=255).filter(|byte| is_upper_or_digit(*byte)).for_each(|byte| rare.insert(byte));
        Some(Fragments {
            anchors: Anchors::new(keys.anchor, tags),
            places,
            sets: ByteSets::new([token, rare]),
            head: secrets.iter().map(Fragmented::head).max().unwrap_or(0),
            longest: secrets.iter().map(|one| one.len as usize).max().unwrap_or(0),
            secrets,
        })
    }

    /// Calls `found` for each of the first `starts` bytes at which the key of a window seems to stand, in order, with the anchors that fit it.
    pub(crate) fn keys_in(&self, bytes: &[u8], starts: usize, mut found: impl FnMut(usize, &[u32])) {
        /// Blocks of which masks are made at once.
        const BLOCKS: usize = 32;
        let starts = starts.min((bytes.len() + 1).saturating_sub(KEY));
        let mut masks = [[0; 2]; BLOCKS + 1];
        for from in (0..starts).step_by(64 * BLOCKS) {
            // One block more, for keys that reach into it.
            let stretch = &bytes[from..bytes.len().min(from + 64 * (BLOCKS + 1))];
            let masks = &mut masks[..stretch.len().div_ceil(64)];
            self.sets.masks(stretch, masks);
            for block in 0..masks.len().min(BLOCKS) {
                let at = from + 64 * block;
                if at >= starts {
                    break;
                }
                let next = masks.get(block + 1).copied().unwrap_or_default();
                let mut passed = begins_key(masks[block], next);
                if starts - at < 64 {
                    passed &= (1 << (starts - at)) - 1;
                }
                while passed != 0 {
                    let at = at + passed.trailing_zeros() as usize;
                    passed &= passed - 1;
                    let key = bytes[at..].first_chunk().expect("a key ends before the text does");
                    let ids = self.anchors.ids(u64::from_le_bytes(*key));
                    if !ids.is_empty() {
                        found(at, ids);
                    }
                }
            }
        }
    }

    /// The windows that stand at the beginning of `bytes`, of those with these anchors.
    pub(crate) fn standing<'a>(
        &'a self,
        keys: &'a Keys,
        bytes: &'a [u8],
        ids: &'a [u32],
    ) -> impl Iterator<Item = Standing<'a>> + 'a {
        ids.iter().filter_map(move |id| {
            let (number, at) = self.places[*id as usize];
            let window = &self.secrets[number as usize].windows[at as usize];
            let there = bytes.get(..window.len.into())?;
            keys.fits(there, &window.mac).then_some(Standing { number, window })
        })
    }

    /// Whether a window stands in `bytes` for which `counts` holds, given where it begins and how long it is.
    pub(crate) fn stand_in(&self, keys: &Keys, bytes: &[u8], counts: impl Fn(usize, usize) -> bool) -> bool {
        let mut found = false;
        self.keys_in(bytes, usize::MAX, |at, ids| {
            let mut standing = self.standing(keys, &bytes[at..], ids);
            found |= standing.any(|standing| counts(at, standing.window.len.into()));
        });
        found
    }

    pub(crate) fn memory(&self) -> usize {
        let windows = self.secrets.iter().map(|one| one.windows.len() * size_of::<Window>()).sum::<usize>();
        self.anchors.memory()
            + windows
            + self.places.len() * size_of::<(u32, u32)>()
            + self.secrets.len() * size_of::<Fragmented>()
    }
}

/// Which bytes of a block begin eight token characters, one of them a capital or a digit; the next block's masks say how it goes on.
fn begins_key([token, rare]: [u64; 2], [next_token, next_rare]: [u64; 2]) -> u64 {
    let mut token = u128::from(token) | u128::from(next_token) << 64;
    let mut rare = u128::from(rare) | u128::from(next_rare) << 64;
    for step in [1, 2, 4] {
        token &= token >> step;
        rare |= rare >> step;
    }
    (token & rare) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secrets::StoreKey;

    fn keys() -> Keys {
        Keys::derive(&StoreKey::from_bytes(&[7; 32]).unwrap())
    }

    fn part_of(value: &str) -> &str {
        secret_part(value.as_bytes()).map_or("", |part| &value[part])
    }

    #[test]
    fn only_what_was_drawn_counts() {
        let body = "q8Zt4LmN0pR7sVx2Yb5Kd9Fg3Hj6Wc1A";
        assert_eq!(part_of(body), body);
        assert_eq!(part_of(&format!("ghp_{body}")), body);
        assert_eq!(part_of(&format!("service-account42:{body}")), body);
        assert_eq!(
            part_of(&format!("postgres://application:{body}@db.internal.example.com:5432/production")),
            body
        );
        let host = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4";
        let address =
            |password: &str| format!("https://application:{password}@{host}.example.com/production");
        assert_eq!(part_of(&address(body)), body);
        let with_words =
            format!("postgres://application:{}@db.internal.example.com:5432/production", "tr0ub4dor");
        let armoured = format!("-----BEGIN {} KEY----- {body}", "PRIVATE");
        for none in [
            "correct horse battery staple of mine",
            "MySecretPasswordForTheDatabaseOfMine",
            "correcthorsebatterystaple",
            "q8Zt4LmN0pR7s",
            &with_words,
            &armoured,
            &address("tr0ub4dor"),
            &format!("Server={host};Password={body}"),
        ] {
            assert_eq!(part_of(none), "", "{none}");
        }
    }

    #[test]
    fn windows_are_as_long_as_it_takes() {
        let made = |value: &[u8]| Fragmented::new(&keys(), 0, value).unwrap();
        let base62 = made(b"q8Zt4LmN0pR7sVx2Yb5Kd9Fg3Hj6Wc1A");
        assert!(base62.windows.len() == 25 && base62.windows.iter().all(|window| window.len == 8));
        let hex = made(b"3f9c1d7be24a68051c3d9e0f7a6b5c4d2e1f0a9b");
        assert!(hex.windows.iter().all(|window| window.len >= 11), "{:?}", hex.windows);
        assert!(hex.windows.iter().any(|window| window.len == 11));
    }

    #[test]
    fn what_many_secrets_share_is_not_looked_for() {
        let keys = keys();
        let value = |n: usize| format!("q8Zt4LmN0pR7sVx2Yb5Kd9{n:02}aB7zK1mQ4vT8nP2sW6");
        let secrets = |n: usize| {
            (0..n).map(|n| Fragmented::new(&keys, n as u32, value(n).as_bytes()).unwrap()).collect()
        };
        let count = |fragments: &Fragments| {
            let mut count = 0;
            fragments.keys_in(b"q8Zt4LmN0pR7sVx2Yb5Kd9", usize::MAX, |_, _| count += 1);
            count
        };
        assert_eq!(count(&Fragments::new(&keys, secrets(SHARED), &[]).unwrap()), 15);
        assert_eq!(count(&Fragments::new(&keys, secrets(SHARED + 1), &[]).unwrap()), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 300,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn every_window_is_found_where_it_stands(
            bytes in proptest::collection::vec(prop_oneof![Just(b' '), Just(b'a'), any::<u8>()], 0..2000),
            value in "[A-Za-z0-9]{16,60}", from in 0usize..60, len in 8usize..60, starts in 0usize..2500,
            at in any::<prop::sample::Index>(),
        ) {
            let keys = keys();
            let made = Fragmented::new(&keys, 0, value.as_bytes());
            let Some(fragments) = Fragments::new(&keys, made.into_iter().collect(), &[]) else { return Ok(()) };
            let piece = &value.as_bytes()[from.min(value.len())..value.len().min(from + len)];
            let at = at.index(bytes.len() + 1);
            let text = [&bytes[..at], piece, &bytes[at..]].concat();
            let mut found = Vec::new();
            fragments.keys_in(&text, starts, |at, ids| {
                found.extend(fragments.standing(&keys, &text[at..], ids).map(|there| (at, there.window.at)));
            });
            let part = &value.as_bytes()[fragments.secrets[0].start as usize..];
            let mut want = Vec::new();
            for at in 0..text.len().min(starts) {
                for window in &fragments.secrets[0].windows {
                    let bytes = &part[window.at.into()..][..window.len.into()];
                    if text[at..].starts_with(bytes) {
                        want.push((at, window.at));
                    }
                }
            }
            found.sort_unstable();
            want.sort_unstable();
            prop_assert_eq!(found, want);
        }
    }
}
