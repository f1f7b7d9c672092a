//! The facade's integration tests: the built-in rules, archives and the adapters, as programs use them.
#![expect(clippy::unwrap_used, reason = "what a test cannot do ends it")]

#[path = "facade/accounts.rs"]
mod accounts;
#[path = "facade/adapters.rs"]
mod adapters;
#[path = "facade/aws.rs"]
mod aws;
#[path = "facade/clients/mod.rs"]
mod clients;
#[path = "facade/config.rs"]
mod config;
#[path = "facade/inspector/mod.rs"]
mod inspector;
#[path = "facade/learned_bounds.rs"]
mod learned_bounds;
#[path = "facade/learned_logins.rs"]
mod learned_logins;
#[path = "facade/login_homes.rs"]
mod login_homes;
#[path = "facade/logins.rs"]
mod logins;
#[path = "facade/metadata.rs"]
mod metadata;
#[path = "facade/oracle.rs"]
mod oracle;
#[path = "facade/substitute.rs"]
mod substitute;
#[path = "facade/tarball.rs"]
mod tarball;
