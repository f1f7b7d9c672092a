//! `exfilter hook agent`: what a coding agent is about to send, run, read or say, looked at before it does.
//!
//! ```text
//! stdin: one JSON document --json.rs--> event.rs: what it is about, and which texts and files go to the model or out
//!                                          |
//!                                       judge.rs: each of them through exfilter::Stream, then all of them as one
//!                                          |
//! stdout: one JSON document <--reply.rs----+        settings.rs: the entry in the agent's settings
//! ```
//!
//! Agents go on after any exit code but 2, and after a hook that is missing or late. So whatever goes wrong here is 2, a clock of our own ends before theirs, and the
//! entry in the settings makes 2 of everything else.

mod event;
mod json;
mod judge;
mod reply;
mod run;
mod settings;

pub(super) use run::run;
pub(super) use settings::{install, uninstall};
