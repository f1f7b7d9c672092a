//! The exfilter engine.
#![forbid(unsafe_code)]

mod checksum;
mod compile;
mod confirm;
mod context;
mod coverage;
mod engine;
mod error;
mod event;
mod finding;
mod fingerprint;
mod fixture;
mod flow;
mod fragments;
mod id;
mod lane;
mod ledger;
mod limits;
mod map;
mod measure;
mod needle;
mod parts;
mod path;
mod policy;
mod probe;
mod quarantine;
mod rule;
mod saved;
mod scanner;
mod secrets;
mod session;
mod slot;
mod stream;
mod unpack;
mod verdict;
mod veto;
mod weak;

pub use checksum::Checksum;
pub use context::Scratch;
pub use coverage::{Coverage, Opaque, OpaqueReason};
pub use engine::{Engine, EngineBuilder};
pub use error::{BuildError, ParseError, SavedError};
pub use event::{Edit, Event};
pub use finding::{Finding, Kind, PathId, Proof, RuleId, SecretId};
pub use fingerprint::{Fingerprint, Strength};
pub use flow::{Authority, Direction, Flow, HeaderPart, HostPattern, Slot};
pub use id::{FindingId, NoFindingId};
pub use limits::Limits;
pub use path::{LanePath, LaneStep};
pub use policy::{Action, Confidence, Mode, Policy, Profile};
pub use quarantine::Quarantine;
pub use rule::{Boundary, KeyClass, Lead, Rule};
pub use scanner::Scanner;
pub use secrets::{Binding, Form, KnownSecrets, Refusal, Spellings, StoreKey};
pub use session::Session;
pub use stream::Stream;
pub use unpack::{Unpacked, Unpacker, Unpackings};
pub use verdict::{Audience, Block, BlockReason, Reference, Verdict};
pub use veto::Veto;

#[cfg(test)]
mod tests {
    use std::panic::{RefUnwindSafe, UnwindSafe};

    use super::*;

    #[test]
    fn public_types_cross_threads_and_panics() {
        fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static>() {}
        fn owned<T: Send + UnwindSafe + 'static>() {}
        shared::<Engine>();
        shared::<Rule>();
        shared::<Policy>();
        shared::<Limits>();
        shared::<Finding>();
        shared::<Event>();
        shared::<Verdict>();
        shared::<Flow>();
        shared::<Session>();
        shared::<Quarantine>();
        owned::<Stream>();
        owned::<Scanner>();
        owned::<Scratch>();
        shared::<Fingerprint>();
        owned::<KnownSecrets>();
    }
}
