//! The facade.
#![forbid(unsafe_code)]

pub use exfilter_engine::*;
/// The rule format and the built-in pack.
pub use exfilter_rules as rules;
