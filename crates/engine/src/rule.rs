//! [`Rule`]: one key pattern as plain data.
//!
//! A rule is text that a person can read. Nothing here compiles or matches anything; the engine's builder does.

use crate::checksum::Checksum;
use crate::policy::Confidence;
use crate::veto::Veto;

/// What kind of access a credential gives, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyClass {
    /// Administers an account, an organisation or a cluster.
    Admin,
    /// Acts as a person.
    User,
    /// Acts as a program: deploy keys, service accounts, project keys.
    Service,
    /// Reaches a sandbox or a test mode only.
    Test,
    /// Meant to be seen by the public; worth knowing, not worth blocking.
    Publishable,
}

impl KeyClass {
    /// The word used in rule files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            KeyClass::Admin => "admin",
            KeyClass::User => "user",
            KeyClass::Service => "service",
            KeyClass::Test => "test",
            KeyClass::Publishable => "publishable",
        }
    }
}

/// What may stand directly beside a match.
///
/// A boundary looks at the one symbol on that side. An escape such as `\n`, `%3D` or `\u000a` counts as one
/// symbol and is never a word character, so a key glued to it still has its boundary. The beginning and
/// the end of the stream satisfy every boundary. A verified checksum needs none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Boundary {
    /// Anything.
    None,
    /// Not `[A-Za-z0-9_]`.
    #[default]
    Word,
    /// Not `[A-Za-z0-9_-]`.
    Dashed,
    /// Not `[A-Za-z0-9_+/=-]`: the value must not be part of a base64 text.
    Base64,
}

/// Characters that every match has directly before its literal, for formats whose only fixed text stands
/// inside the token (`<14 characters>.atlasv1.<60 more>`).
///
/// The match begins at the first of these characters, so they are held back and reported like the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// The body of a character class without the brackets: `A-Za-z0-9_-`. ASCII only; must be a subset of the
    /// token characters `A-Za-z0-9_.+/=%~\-`.
    pub class: String,
    /// The least number of such characters.
    pub min: u16,
    /// The greatest number taken; at most [`Lead::MAX`].
    pub max: u16,
}

impl Lead {
    /// The longest lead a rule may ask for, in bytes. Every byte of it is a byte that a stream holds back
    /// while it cannot know yet.
    pub const MAX: u16 = 96;
}

/// One key pattern.
///
/// # Shape of a match
///
/// ```text
///    left boundary | lead | literal ........ pattern ........ | right boundary
/// ```
///
/// `pattern` is matched *anchored at the literal*, byte-wise and without Unicode classes; every match of it
/// begins with one of `literals`. The longest match wins. If the pattern has a group named `value`, that group is
/// the credential (checksum, entropy and report use it); otherwise the whole match, lead included, is.
///
/// # Limits
///
/// A match, lead included, has at most [`Rule::MAX_LEN`] bytes: `pattern` must be bounded. Longer kinds (PEM
/// blocks, JWTs) match their beginning.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rule {
    /// Unique, `provider-what`, lower case with dashes.
    pub id: String,
    /// Who issues the credential, as they spell it.
    pub provider: String,
    /// What the credential opens, one short clause.
    pub opens: String,
    /// How much it opens.
    pub class: KeyClass,
    /// The fixed beginnings of `pattern`, two bytes at least each. Tokens that begin in one of several ways list them all.
    pub literals: Vec<String>,
    /// Whether the literals (not the pattern) are matched without regard to ASCII case. The pattern needs its
    /// own `(?i:...)`.
    pub ignore_case: bool,
    /// Characters before the literal.
    pub lead: Option<Lead>,
    /// The regular expression (regex-syntax, Unicode off), anchored at the literal.
    pub pattern: String,
    /// What may stand before the match.
    pub left: Boundary,
    /// What may stand after the match.
    pub right: Boundary,
    /// Whether a match is only the credential's beginning (PEM, JWT): overwriting it would leave the rest, so it is never redacted but
    /// blocked.
    pub open_ended: bool,
    /// Whether anybody can make one (a private key, a wallet, a token that a program signs itself), so that tests and examples hold such that open nothing: where the
    /// [path](crate::Flow::file) says that it is one of theirs, a match is of medium confidence at most.
    pub self_issued: bool,
    /// Longest match in bytes, lead included; at most [`Rule::MAX_LEN`].
    pub max_len: u32,
    /// How long a value is as long as a whole credential, in bytes; a shorter one, which may be half of one, is one step less sure. 0 where any
    /// match is whole.
    pub whole_len: u32,
    /// A construction that can be verified offline.
    pub checksum: Option<Checksum>,
    /// The least Shannon entropy of the value, in bits per character; a match below it is not reported.
    pub min_entropy: Option<f32>,
    /// Shapes of values that are not reported. A value that verifies is, and rules of high confidence have none.
    pub vetoes: Vec<Veto>,
    /// How sure a match is when nothing is verified.
    pub confidence: Confidence,
    /// Digests ([`Rule::example_digest`]) of values that are public: the provider's documentation shows them, or test suites are published with
    /// them.
    pub documented: Vec<[u8; 16]>,
    /// Hosts where the credential is legitimate: exact or `*.suffix`.
    pub hosts: Vec<String>,
    /// Slots where it is legitimate there, in the grammar of [`Slot`](crate::Slot).
    pub slots: Vec<String>,
    /// How to revoke it: an address or a sentence.
    pub revoke: String,
    /// What gives less than this credential and would do for most tasks; empty where nothing is known. Rules of class *admin* have it.
    pub instead: String,
    /// Where the format is described.
    pub source: String,
}

impl Rule {
    /// The longest match any rule may have, in bytes: the tail that a lane keeps.
    pub const MAX_LEN: u32 = 2048;

    /// A rule with an id, one literal and a pattern; everything else at its default (medium confidence, word
    /// boundaries, [`Rule::MAX_LEN`]).
    pub fn new(id: &str, literal: &str, pattern: &str) -> Rule {
        Rule {
            id: id.into(),
            provider: String::new(),
            opens: String::new(),
            class: KeyClass::Service,
            literals: vec![literal.into()],
            ignore_case: false,
            lead: None,
            pattern: pattern.into(),
            left: Boundary::Word,
            right: Boundary::Word,
            open_ended: false,
            self_issued: false,
            max_len: Rule::MAX_LEN,
            whole_len: 0,
            checksum: None,
            min_entropy: None,
            vetoes: Vec::new(),
            confidence: Confidence::Medium,
            documented: Vec::new(),
            hosts: Vec::new(),
            slots: Vec::new(),
            revoke: String::new(),
            instead: String::new(),
            source: String::new(),
        }
    }

    /// The digest under which a documented example of a rule with this construction is listed: the first 16 bytes of BLAKE3 of the value, or of
    /// the first 200 characters of its body where it is a PEM block, however its lines are written.
    pub fn example_digest(checksum: Option<Checksum>, value: &[u8]) -> [u8; 16] {
        let digest = match checksum {
            Some(Checksum::Pem) => Checksum::pem_digest(value),
            _ => blake3::hash(value),
        };
        let mut out = [0; 16];
        out.copy_from_slice(&digest.as_bytes()[..16]);
        out
    }
}
