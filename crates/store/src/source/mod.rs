//! Where secrets are written down: files of variables, and what other programs print. Text in, names and values out; nothing is read here.

mod dotenv;
mod import;

pub use dotenv::{Variable, variables};
pub use import::{Field, ImportError, Tool, fields};
