//! One multi-pattern automaton that finds *candidates* in byte slices: places where a literal stands, where an
//! eight-byte keyed anchor stands, or where a long run of base64 characters begins.
//!
//! Nothing here knows what a candidate means. A caller compiles an [`Automaton`] once, gives it slices, and confirms
//! what comes back; every filter inside only over-approximates, and what is reported as a [`What::Literal`] is exact.
//!
//! # The seam
//!
//! [`Automaton::scan`] is a pure function of the bytes around a position: it looks at most [`Automaton::LOOKAHEAD`] bytes
//! ahead and [`Automaton::LOOKBEHIND`] behind. It keeps no state between calls, so a caller may cut a stream anywhere as long as it
//! shows each position once with its full surroundings. The inside may be replaced without a change to callers.
//!
//! # How a position is decided
//!
//! ```text
//!  64 bytes --classify--> token mask, base64 mask, NUL mask, ...
//!  token mask  --shifts-->  "a run of >= GATE token characters continues here"
//!       and at those positions only:   buckets of three or four bytes, bitmap             -> exact literal
//!                                      anchor bitmap (keyed hash of eight bytes)         -> tag table
//!  base64 mask --shifts-->  first position of each maximal run of >= run_min
//!  NUL mask    --shifts-->  "four UTF-16 units continue here"                             -> anchor bitmap
//!  digit mask  --shifts-->  "three numbers begin within 32 bytes"                         -> list
//!  not all text --search--> literals that count there alone
//!  ungated literals: the same buckets and bitmap at every position; a search of their own if one has two bytes
//!  ungated anchors: every position, only if there are any
//! ```
//!
//! Masks of 2 KiB become lists of positions, and each test runs over a whole list, see `candidates.rs`.
//!
//! The masks are made by the best of three tiers that the processor has: AVX-512 with VBMI, AVX2, or plain look-ups; see `arch/mod.rs`. What is reported is the same.
//!
//! The run gate never asks where a run *starts* (in `\nghp_...` the run begins at the `n`), only that it continues.
//!
//! # Resource usage
//!
//! The bitmap of literals takes 16 KiB; an anchor takes 2 bytes of filter, 8 while there are less than 2 048, rounded up to a power of two, and
//! 10 to 12 bytes of tables.
//! Scanning allocates only to grow what the caller lends: the list of hits, and a [`Workspace`], into which the end of a slice is copied and where it is cleared
//! again. [`Anchors`] and [`Quads`] have up to 700 bytes on the stack, and do not wipe them.

mod anchors;
mod arch;
mod buckets;
mod builder;
mod byte_set;
mod candidates;
mod class;
mod list;
mod literals;
mod quads;
mod scan;

pub use anchors::{Anchors, anchor_tag};
pub use builder::{Builder, Gate};
pub use byte_set::{ByteSet, ByteSets};
pub use candidates::Workspace;
pub use class::{is_base64, is_escape, is_non_lower, is_token, is_upper_or_digit};
pub use quads::{Quads, Seen, Triple};
pub use scan::{Automaton, Hit, What, is_wide};
