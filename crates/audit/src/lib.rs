//! Finds every secret that a process in an environment could read, what each opens, how bad it would be, and what to do about it.
//!
//! [`View`] says what a process sees: this one, a running one, or one that bubblewrap or a container would start. [`Audit`] looks at its
//! variables, at other processes, at the places where some hundred tools keep credentials, at the rest of its files within a budget, and at
//! what it can do without any value (sockets, routes, identities). [`Report`] tells of each value once, with all the places it stands in.
//!
//! ```no_run
//! use exfilter::Engine;
//! use exfilter_audit::{Audit, View};
//!
//! let engine = Engine::builder().rules(exfilter::rules::builtin()).build()?;
//! let report = Audit::new(engine, View::here()).run()?;
//! for find in &report.finds {
//!     println!("{} {} {}", find.severity.as_str(), find.id, find.opens);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is never told
//!
//! A [`Report`] holds names, masked where a secret stands in them, and the public prefix of a value; no byte of its secret part. Equal values
//! are recognised by a keyed digest under a random key that lives as long as the audit. Whoever enrols what was found takes the values from
//! [`Audit::run_with`], as [`FoundValue`]s that live while the callback runs.
//!
//! # Resource usage
//!
//! A file of a known place is read up to 64 MiB, any other up to [`FILE_LIMIT`]; pipes, sockets and devices are never opened for reading,
//! links are followed only where a known place is one, and 40 at the most. A thread keeps at most 5 MiB of a file.
#![forbid(unsafe_code)]

mod advice;
mod audit;
mod candidate;
mod collect;
mod expiry;
pub mod format;
mod grant;
mod judge;
mod keyfile;
mod names;
mod place;
mod report;
mod secret;
mod secret_names;
mod severity;
mod sieve;
mod source;
mod view;

pub use advice::Advice;
pub use audit::{Audit, AuditError, FILE_LIMIT, Looks};
pub use expiry::date;
pub use names::{Masked, Names};
pub use report::{Capability, Exposure, Find, FoundAt, Gap, Report, Skip, Skipped, SourceKind, Totals};
pub use secret::{FoundValue, Value};
pub use secret_names::is_secret_variable;
pub use severity::Severity;
pub use view::{Reader, Variable, View, ViewError};
