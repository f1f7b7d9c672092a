//! `exfilter scan`.
//!
//! ```text
//! walk.rs --steps--> pool.rs --one file, one task--> file.rs --bytes--> exfilter::Stream
//!    |  filter.rs        |                              |
//!    |                   +--- names.rs (file names) ----+--> tally.rs --> merge.rs --> report.rs --> ../output
//! ```

pub(crate) mod accept;
mod ahead;
pub(crate) mod file;
mod filter;
mod ids;
mod merge;
mod names;
mod pool;
pub(crate) mod progress;
pub(crate) mod report;
mod run;
pub(crate) mod setup;
pub(crate) mod tally;
pub(crate) mod walk;

pub(crate) use file::Examiner;
pub(crate) use progress::Progress;
pub(crate) use report::Seen;
pub(crate) use run::{engine, run, tell};
