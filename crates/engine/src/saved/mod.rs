//! Engines as bytes: [`Engine::to_bytes`](crate::Engine::to_bytes) and [`Engine::from_bytes`](crate::Engine::from_bytes), so that a hook starts in milliseconds.
//!
//! ```text
//!  0  magic "exfilter engine\n"
//! 16  format (2), little-endian as all numbers
//! 18  length (1) and text of the version of this crate
//!     sections: tag (1) | length (4) | body
//!       1 settings: profile, limits, policy
//!       2 rules, each with what compiling found out about it
//!       3 tables of the automaton
//!       4 known secrets, sealed: nonce (24) | XChaCha20 of the body | Poly1305 (16); left out if there are none
//!     keyed BLAKE3 of all that stands before it (32)
//! ```
//!
//! The MAC is checked before anything but the first two fields is read. Rules stand in the clear; of known secrets, tags of anchors and keyed MACs, as in memory, and their names and
//! bindings. Both keys are derived from the store key, which is not in the file, and neither are the keys of anchors and MACs. The nonce is a keyed hash of the body, so
//! equal engines are equal bytes, and no two bodies share one.

mod bytes;
mod derived;
mod file;
mod needles;
mod rules;
mod secrets;
mod settings;
