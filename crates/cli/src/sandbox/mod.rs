//! `exfilter env`: the environment that a sandbox gets.
//!
//! ```text
//! args.rs   what the user may say         placeholders.rs   sealed secrets -> placeholders, from a seed
//! run.rs    variables, in order           form.rs           variables -> lines of a shell, settings of an agent
//! settings/     of what starts sandboxes, with a guard as the only way out
//! variables.rs  by which programs find the proxy and its authority, for `run` and `guard` too
//! ```
//!
//! Nothing that it prints is a secret: placeholders are good for nothing but with a proxy that has the same seed.

pub(crate) mod args;
mod form;
mod placeholders;
mod run;
#[cfg(feature = "guard")]
pub(crate) mod settings;
mod variables;

#[cfg(feature = "guard")]
pub(crate) use args::Seat;
#[cfg(feature = "guard")]
pub(crate) use form::text;
#[cfg(feature = "guard")]
pub(crate) use placeholders::seed;
pub(crate) use run::run;
pub(crate) use variables::{PROXIES, WITHOUT};
#[cfg(feature = "guard")]
pub(crate) use variables::{Variable, variables};
