//! The guard between real clients and servers that keep every byte that they receive: what is clean arrives as it is, what holds a secret is refused so that the client says why, and no byte of it has
//! arrived.
//!
//! A client that is not on the machine is skipped, and a line says so.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod accounts;
mod bodies;
mod browser;
mod browsing;
mod clients;
mod discovery;
mod dns;
mod git;
mod limits;
mod logins;
mod parts;
mod placeholders;
mod quarantine;
mod raw;
mod reload;
mod renewal;
mod socks;
mod ssh;
mod stage;
#[cfg(feature = "otel")]
mod telemetry;
mod ui;
mod upstream;
mod upstream_proxy;
mod websocket;
