//! The store from outside: what is kept, what is refused, and what is left after a fault.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case fails where it stands")]

mod at_once;
mod damage;
mod guessing;
mod import;
#[cfg(all(unix, feature = "os"))]
mod os;
mod records;
mod scale;
mod support;
