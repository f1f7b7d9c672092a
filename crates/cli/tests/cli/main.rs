//! The command from outside: what it prints, what it exits with, and what it never prints.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case fails where it stands")]

mod agents;
mod archives;
#[cfg(all(feature = "guard", unix))]
mod asking;
mod audit;
mod ci;
mod environment;
mod evasions;
mod exit_codes;
mod faults;
mod harness;
mod history;
mod hooks;
mod output;
mod policy;
mod publishing;
mod registry;
mod repo;
mod rules;
#[cfg(all(feature = "guard", unix))]
mod run;
#[cfg(all(feature = "guard", unix))]
mod run_accounts;
mod run_agents;
#[cfg(all(feature = "guard", unix))]
mod run_aws;
#[cfg(all(feature = "guard", unix))]
mod run_login;
#[cfg(all(feature = "guard", unix))]
mod run_names;
#[cfg(all(feature = "guard", unix))]
mod run_page;
#[cfg(all(feature = "guard", unix))]
mod run_ssh;
#[cfg(all(feature = "otel", unix))]
mod run_telemetry;
mod sandbox;
#[cfg(all(feature = "guard", target_os = "linux"))]
mod sandbox_settings;
mod scale;
mod secrets;
#[cfg(all(feature = "guard", unix))]
mod standing;
#[cfg(all(feature = "guard", unix))]
#[path = "../../../guard/tests/guard/upstream.rs"]
#[expect(dead_code, reason = "the guard's tests ask it for more")]
mod upstream;
mod walking;
