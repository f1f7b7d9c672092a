//! `exfilter audit`.
//!
//! ```text
//! run.rs --sandbox.rs--> exfilter_audit::View --> exfilter_audit::Audit --> shown.rs --> table, json, sarif, html
//! ```

pub(crate) mod args;
mod enroll;
mod html;
mod json;
mod run;
mod sandbox;
mod sarif;
mod shown;
mod table;

pub(crate) use run::run;
