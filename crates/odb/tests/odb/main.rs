//! Objects that are read directly, compared with those that `git cat-file` shows; and files that are damaged.
#![expect(clippy::unwrap_used, reason = "what a test cannot do ends it")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod damaged;
mod histories;
mod made;
mod repository;
