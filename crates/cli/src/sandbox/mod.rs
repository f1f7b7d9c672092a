//! `exfilter env`: the environment that a sandbox gets.
//!
//! ```text
//! args.rs   what the user may say         placeholders.rs   sealed secrets -> placeholders, from a seed
//! run.rs    variables, in order           form.rs           variables -> lines of a shell, settings of an agent
//! ```
//!
//! Nothing that it prints is a secret: placeholders are good for nothing but with a proxy that has the same seed.

pub(crate) mod args;
mod form;
mod placeholders;
mod run;

pub(crate) use args::Seat;
pub(crate) use form::text;
pub(crate) use run::run;
