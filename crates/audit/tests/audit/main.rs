//! The audit from outside: what it finds in files made by real clients, in sandboxes, and in what is meant to break it.
#![cfg(unix)]
#![expect(clippy::print_stdout, reason = "a client that is missing is skipped, and that is said")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case fails where it stands")]

mod bounds;
mod clients;
mod home;
mod known_places;
mod registries;
mod sandboxes;
