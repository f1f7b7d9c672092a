//! The guard: a forward proxy that sends a request only after the engine has examined all of it.
//!
//! ```text
//! client -> door.rs (connections) -> tunnel.rs (CONNECT: whose, TLS or not) -> exchange.rs (one request)
//!              |                        |                                        |-- gate.rs       may it go there at all
//!          listener.rs               authority_cert.rs                           |-- held.rs       its body, until the verdict
//!          socks.rs, dns.rs            names.rs: what names show together        |-- dial.rs       the way out, after the verdict
//!                                                                                |-- websocket.rs  its messages, after an upgrade
//!                                                                                |-- answer.rs     what comes back, scrubbed
//!                                                                                |-- overheard.rs  what servers say of their token endpoints
//!                                                                                `-- login.rs      what comes back of a login, its tokens kept
//! record.rs  what is told of each request        journal.rs  the same as chained lines        metrics.rs  the same as counts        ui/  the same as a page        otel/  the same to a collector
//! ```
//!
//! [`Guard::start`] runs it on a listener. It holds each request whole: nothing of it leaves, no name is resolved and nothing is dialled, before its verdict. A refusal is said in the form that the
//! client shows ([`exfilter::wire::Reply`]). TLS is terminated with certificates of an authority that is made for one run, whose key never leaves memory.
//!
//! # Examples
//!
//! ```no_run
//! use exfilter::Engine;
//! use exfilter_guard::{Guard, Listener, Settings};
//!
//! let engine = Engine::builder().rules(exfilter::rules::builtin()).build()?;
//! let guard = Guard::new(Settings::new(engine))?;
//! std::fs::write("ca.pem", guard.bundle())?; // for the clients
//! let running = guard.start(Listener::loopback()?)?;
//! println!("HTTPS_PROXY=http://{}", running.address().expect("a TCP listener has an address"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod answer;
mod approvals;
mod ask;
mod authorities;
mod authority_cert;
mod busy;
mod dial;
mod dns;
mod door;
mod error;
mod exchange;
mod gate;
mod given;
mod guard;
mod held;
mod journal;
mod limits;
mod listener;
mod login;
mod message;
mod metrics;
mod names;
#[cfg(feature = "otel")]
mod otel;
mod overheard;
mod prefixed;
mod record;
mod repeats;
mod scrub;
mod self_test;
mod settings;
mod socks;
mod ssh;
mod tunnel;
mod turns;
mod ui;
mod upstream_proxy;
mod websocket;
mod whose;

pub use error::GuardError;
pub use guard::{Guard, Running};
pub use journal::{Checked, Head, Journal, JournalError, SignedRun, verify};
pub use limits::GuardLimits;
pub use listener::Listener;
#[cfg(feature = "otel")]
pub use otel::{Telemetry, TelemetryReport};
pub use record::{Noted, Outcome, Record, Sink, Unseen};
pub use settings::Settings;
pub use ssh::SshSettings;
pub use ui::Page;
pub use upstream_proxy::UpstreamProxy;
