//! `exfilter run`: a command behind the guard; `exfilter guard`: the guard by itself.
//!
//! ```text
//! args.rs         what the user may say
//! environment.rs  which variables hold secrets, and what the command gets instead
//! trust.rs        the private folder with the certificates
//! telemetry.rs    a collector of OpenTelemetry
//! upstream.rs     the proxy behind which this machine stands
//! ssh.rs          what ssh, scp, sftp and git need to go that way; connect.rs, from them to the guard
//! child.rs        the command: signals, exit code
//! isolate.rs      namespaces; forward.rs, from within them to the guard
//! logins.rs       which accounts are the user's own, by the files of the home
//! ledger.rs       what left and what was stopped, told at the end
//! log/            the journal, checked and shown
//! setup.rs        policy, store, environment -> a guard that is ready
//! demo/           the same with made-up secrets, to see it
//! start.rs        the command, in order; serve.rs, without one, at a place.rs
//! ```

pub(crate) mod args;
mod child;
pub(crate) mod connect;
pub(crate) mod demo;
mod environment;
#[cfg(unix)]
pub(crate) mod forward;
#[cfg(target_os = "linux")]
mod isolate;
mod ledger;
pub(crate) mod log;
mod logins;
mod place;
mod serve;
mod setup;
mod ssh;
mod start;
#[cfg(feature = "otel")]
mod telemetry;
mod trust;
mod upstream;

pub(crate) use serve::run as serve;
pub(crate) use start::run;
