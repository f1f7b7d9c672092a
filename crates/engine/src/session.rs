//! [`Session`]: which characters of known secrets many streams have shown, one piece at a time.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::ParseError;
use crate::secrets::PIECE;

/// What a session has shown of known secrets in pieces: for each secret, which of its characters. A plain value, which the embedder keeps for as long as the sandbox,
/// person or connection lives that it stands for.
///
/// A stream is given a snapshot ([`Flow::session`](crate::Flow::session)) and tells at its end what it adds ([`Stream::contribution`](crate::Stream::contribution)); merging is a union, so it
/// may be done in any order, twice, and between machines that have the same store key. Whose session it is, the embedder must know for sure: never from what a client says.
///
/// # Resource usage
///
/// Some 60 bytes for each secret of which a piece was seen. Nothing in it tells of a secret to whoever has not its store key, but how many there are, how many
/// of their characters were seen, and where among them.
///
/// ```
/// use exfilter_engine::{Engine, Flow, KnownSecrets, Session, StoreKey};
///
/// let mut secrets = KnownSecrets::new(StoreKey::from_bytes(&[7; 32])?);
/// secrets.fragments(true).add("DEPLOY_TOKEN", b"q8Zt4LmN0pR7sVx2Yb5Kd9Fg", vec![])?;
/// let engine = Engine::builder().known_secrets(secrets).build()?;
///
/// let mut session = Session::new();
/// let mut blocked = Vec::new();
/// for body in ["first q8Zt4LmN", "then 0pR7sVx2", "last Yb5Kd9Fg"] {
///     let mut stream = engine.stream(Flow::outbound_unknown().session(&session));
///     let _ = stream.push(body.as_bytes());
///     blocked.push(stream.finish().is_block());
///     session.merge(&stream.contribution());
/// }
/// assert_eq!(blocked, [false, true, true]); // sixteen of 24 characters are two thirds
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Session {
    seen: BTreeMap<FragmentsId, Covered>,
}

/// Whose characters they are: a keyed hash, the same in every engine under one store key.
pub(crate) type FragmentsId = [u8; 16];

/// Which characters of a secret, from the first one behind its public prefix on.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Covered([u64; PIECE / 64]);

impl Covered {
    /// Those in a range.
    pub(crate) fn of(range: std::ops::Range<usize>) -> Covered {
        let mut covered = Covered::default();
        range.for_each(|at| covered.0[at / 64] |= 1 << (at % 64));
        covered
    }

    pub(crate) fn join(&mut self, other: Covered) {
        self.0.iter_mut().zip(other.0).for_each(|(here, there)| *here |= there);
    }

    pub(crate) fn count(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

impl fmt::Debug for Covered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Covered({})", self.count())
    }
}

const FORMAT: &[u8; 8] = b"exfsess1";
const ENTRY: usize = 16 + PIECE / 8;

impl Session {
    /// The most secrets in [`Session::from_bytes`].
    pub const MAX_SECRETS: usize = 100_000;

    /// One that has shown nothing.
    pub fn new() -> Session {
        Session::default()
    }

    /// Adds what another one has shown.
    pub fn merge(&mut self, other: &Session) {
        other.seen.iter().for_each(|(id, covered)| self.note(*id, *covered));
    }

    /// Of how many secrets it has shown a piece.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether it has shown none.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// The bytes to keep or to send: the same for equal sessions.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FORMAT.len() + ENTRY * self.seen.len());
        out.extend(FORMAT);
        for (id, covered) in &self.seen {
            out.extend(id);
            covered.0.iter().for_each(|word| out.extend(word.to_le_bytes()));
        }
        out
    }

    /// Reads what [`Session::to_bytes`] wrote. There is no MAC: whoever can change the bytes can take pieces away.
    ///
    /// # Errors
    ///
    /// [`ParseError`] for anything else, before anything is allocated for it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Session, ParseError> {
        const BAD: ParseError = ParseError::new("not a session");
        let (entries, rest) = bytes.strip_prefix(FORMAT).ok_or(BAD)?.as_chunks::<ENTRY>();
        if !rest.is_empty() || entries.len() > Session::MAX_SECRETS {
            return Err(BAD);
        }
        let mut session = Session::new();
        for entry in entries {
            let (id, words) = entry.split_first_chunk::<16>().ok_or(BAD)?;
            let mut covered = Covered::default();
            for (word, bytes) in covered.0.iter_mut().zip(words.as_chunks().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            let is_next = session.seen.last_key_value().is_none_or(|(last, _)| last < id);
            if !is_next || covered.count() == 0 {
                return Err(BAD);
            }
            session.seen.insert(*id, covered);
        }
        Ok(session)
    }

    pub(crate) fn note(&mut self, id: FragmentsId, covered: Covered) {
        self.seen.entry(id).or_default().join(covered);
    }

    pub(crate) fn covered(&self, id: &FragmentsId) -> Covered {
        self.seen.get(id).copied().unwrap_or_default()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({} secrets)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn session() -> impl Strategy<Value = Session> {
        let entry = (any::<[u8; 16]>(), 0usize..PIECE, 1usize..40);
        proptest::collection::vec(entry, 0..6).prop_map(|entries| {
            let mut session = Session::new();
            entries.iter().for_each(|(id, at, len)| {
                session.note(*id, Covered::of(*at..(at + len).min(PIECE)));
            });
            session
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 300,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn merging_is_a_union(one in session(), other in session(), third in session()) {
            let merged = |sessions: &[&Session]| {
                let mut all = Session::new();
                sessions.iter().for_each(|session| all.merge(session));
                all
            };
            let all = merged(&[&one, &other, &third]);
            prop_assert_eq!(&all, &merged(&[&third, &merged(&[&other, &one]), &one]));
            prop_assert!(one.seen.iter().all(|(id, covered)| all.covered(id).count() >= covered.count()));
        }

        #[test]
        fn sessions_are_read_back(session in session(), cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), to: u8) {
            let bytes = session.to_bytes();
            prop_assert_eq!(&Session::from_bytes(&bytes).unwrap(), &session);
            let cut = cut.index(bytes.len());
            if cut < FORMAT.len() || !(cut - FORMAT.len()).is_multiple_of(ENTRY) {
                prop_assert!(Session::from_bytes(&bytes[..cut]).is_err());
            }
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] = to;
            if let Ok(read) = Session::from_bytes(&changed) {
                prop_assert_eq!(read.to_bytes(), changed);
            }
        }
    }
}
