//! [`StoreError`]: why a store could not be opened, changed or kept. Names no value.

use std::fmt;

use exfilter_engine::{ParseError, Refusal};

/// Why something was not done with a store. Whatever was kept before still is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Foreign,
    Truncated,
    Newer,
    UnknownKey,
    Damaged,
    DowngradedTo(u64, u64),
    OtherStore,
    Exported,
    Expired,
    Malformed(&'static str),
    TooLarge(&'static str),
    NameTaken,
    NoSuchRecord,
    Ambiguous,
    NotExportable(&'static str),
    BadKey(&'static str),
    Text(ParseError),
    Refused(Refusal),
    Entropy,
}

impl StoreError {
    pub(crate) fn foreign() -> StoreError {
        StoreError { kind: Kind::Foreign }
    }

    pub(crate) fn truncated() -> StoreError {
        StoreError { kind: Kind::Truncated }
    }

    pub(crate) fn newer() -> StoreError {
        StoreError { kind: Kind::Newer }
    }

    pub(crate) fn unknown_key() -> StoreError {
        StoreError { kind: Kind::UnknownKey }
    }

    pub(crate) fn damaged() -> StoreError {
        StoreError { kind: Kind::Damaged }
    }

    pub(crate) fn downgraded(here: u64, seen: u64) -> StoreError {
        StoreError { kind: Kind::DowngradedTo(here, seen) }
    }

    pub(crate) fn other_store() -> StoreError {
        StoreError { kind: Kind::OtherStore }
    }

    pub(crate) fn exported() -> StoreError {
        StoreError { kind: Kind::Exported }
    }

    pub(crate) fn expired() -> StoreError {
        StoreError { kind: Kind::Expired }
    }

    pub(crate) fn malformed(what: &'static str) -> StoreError {
        StoreError { kind: Kind::Malformed(what) }
    }

    pub(crate) fn too_large(what: &'static str) -> StoreError {
        StoreError { kind: Kind::TooLarge(what) }
    }

    pub(crate) fn name_taken() -> StoreError {
        StoreError { kind: Kind::NameTaken }
    }

    pub(crate) fn no_such_record() -> StoreError {
        StoreError { kind: Kind::NoSuchRecord }
    }

    pub(crate) fn ambiguous() -> StoreError {
        StoreError { kind: Kind::Ambiguous }
    }

    pub(crate) fn not_exportable(why: &'static str) -> StoreError {
        StoreError { kind: Kind::NotExportable(why) }
    }

    pub(crate) fn bad_key(why: &'static str) -> StoreError {
        StoreError { kind: Kind::BadKey(why) }
    }

    /// An [`Entropy`](crate::Entropy) that has none.
    pub fn no_entropy() -> StoreError {
        StoreError { kind: Kind::Entropy }
    }

    /// A stable code: `E_FOREIGN`, `E_TRUNCATED`, `E_NEWER`, `E_KEY`, `E_DAMAGED`, `E_DOWNGRADED`, `E_OTHER`, `E_EXPORTED`, `E_EXPIRED`, `E_MALFORMED`, `E_LARGE`,
    /// `E_NAME`, `E_MISSING`, `E_AMBIGUOUS`, `E_EXPORT`, `E_TEXT`, `E_ENTROPY`, or that of a [`Refusal`].
    pub fn code(&self) -> &'static str {
        match &self.kind {
            Kind::Foreign => "E_FOREIGN",
            Kind::Truncated => "E_TRUNCATED",
            Kind::Newer => "E_NEWER",
            Kind::UnknownKey | Kind::BadKey(_) => "E_KEY",
            Kind::Damaged => "E_DAMAGED",
            Kind::DowngradedTo(..) => "E_DOWNGRADED",
            Kind::OtherStore => "E_OTHER",
            Kind::Exported => "E_EXPORTED",
            Kind::Expired => "E_EXPIRED",
            Kind::Malformed(_) => "E_MALFORMED",
            Kind::TooLarge(_) => "E_LARGE",
            Kind::NameTaken => "E_NAME",
            Kind::NoSuchRecord => "E_MISSING",
            Kind::Ambiguous => "E_AMBIGUOUS",
            Kind::NotExportable(_) => "E_EXPORT",
            Kind::Text(_) => "E_TEXT",
            Kind::Refused(refusal) => refusal.code(),
            Kind::Entropy => "E_ENTROPY",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match &self.kind {
            Kind::Foreign => "check the path; a store is made by `exfilter secrets add`",
            Kind::Truncated | Kind::Damaged => "put a backup in its place, or enrol the secrets again",
            Kind::Newer => "use the version of exfilter that wrote it, or a newer one",
            Kind::UnknownKey => "give the key that it was written with",
            Kind::DowngradedTo(..) => {
                "put the newer file back; if the older one is meant, enrol into a new store"
            }
            Kind::OtherStore => "give the store that the key was made for",
            Kind::Exported => "give it to `exfilter scan --store=FILE`",
            Kind::Expired => "export it again",
            Kind::Malformed(_) => "please report this: its MAC is right, so it was written so",
            Kind::TooLarge(_) => "remove what is no longer needed, or keep two stores",
            Kind::NameTaken => "give another name, or say that it is to be replaced",
            Kind::NoSuchRecord => "list the secrets to see their names",
            Kind::Ambiguous => "give its name",
            Kind::NotExportable(_) => "leave it out, or replace it by a longer random one",
            Kind::BadKey(_) => "put a backup of the key in its place; without it the store cannot be read",
            Kind::Text(_) => "",
            Kind::Refused(refusal) => refusal.remedy(),
            Kind::Entropy => "make the system's random numbers available to this process",
        }
    }

    /// The refusal of the value, if that is the reason.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.kind {
            Kind::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Foreign => f.write_str("not a store of exfilter"),
            Kind::Truncated => f.write_str("the store is cut off"),
            Kind::Newer => f.write_str("the store has a format that this version does not know"),
            Kind::UnknownKey => f.write_str("the store was written with another key"),
            Kind::Damaged => f.write_str("the store is damaged or was changed: its MAC is wrong"),
            Kind::DowngradedTo(here, seen) => {
                write!(f, "the store is an old one: generation {here}, and {seen} has been seen")
            }
            Kind::OtherStore => f.write_str("the store is not the one that the key belongs to"),
            Kind::Exported => {
                f.write_str("the store is an export, which is only good for finding what is in it")
            }
            Kind::Expired => f.write_str("the store has expired"),
            Kind::Malformed(what) => write!(f, "the store holds {what} that cannot be"),
            Kind::TooLarge(what) => write!(f, "too large: {what}"),
            Kind::NameTaken => f.write_str("there is another secret of that name"),
            Kind::NoSuchRecord => f.write_str("there is no such secret"),
            Kind::Ambiguous => f.write_str("several secrets have that id"),
            Kind::NotExportable(why) => f.write_str(why),
            Kind::BadKey(why) => f.write_str(why),
            Kind::Text(error) => write!(f, "{error}"),
            Kind::Refused(refusal) => write!(f, "{refusal}"),
            Kind::Entropy => f.write_str("there are no random numbers"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> StoreError {
        StoreError { kind: Kind::Refused(refusal) }
    }
}

impl From<ParseError> for StoreError {
    fn from(error: ParseError) -> StoreError {
        StoreError { kind: Kind::Text(error) }
    }
}
